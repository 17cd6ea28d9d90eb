//! First segments (SYNs) of connections whose listener has no socket to wait with just now.
//!
//! smoltcp would answer them with a reset. As in other stacks they wait here instead, until a socket
//! is free: a burst of connections comes faster than clients can take them, or give others up. The
//! newest goes first, because its peer is the likeliest to be there still. When all places are taken
//! the oldest is forgotten, and its peer asks again.

use smoltcp::phy::{Device, DeviceCapabilities, RxToken};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TCP_HEADER_LEN, TcpPacket,
};

use crate::service::FrameDevice;
use crate::sockets::TcpTable;

/// Segments that wait at most, in 12 KiB.
pub(crate) const SYNS_MAX: usize = 128;
/// How long one waits. Most peers ask again after a second, QEMU's user network after six.
const PATIENCE: Duration = Duration::from_secs(10);
/// Ethernet, IPv4 and TCP headers with the options that a SYN usually has; a longer one is forgotten.
const SYN_BYTES_MAX: usize = 14 + 20 + TCP_HEADER_LEN + 20;

type SynBytes = heapless::Vec<u8, SYN_BYTES_MAX>;

struct Syn {
    since: Instant,
    port: u16,
    frame: SynBytes,
}

/// The segments that wait, oldest first.
pub(crate) struct Backlog {
    syns: heapless::Vec<Syn, SYNS_MAX>,
}

impl Backlog {
    /// Nobody waits.
    pub(crate) const EMPTY: Self = Self { syns: heapless::Vec::new() };

    /// So many wait that some are going to be forgotten.
    pub(crate) fn is_full(&self) -> bool {
        self.syns.is_full()
    }

    /// Whether somebody's port is open now, and `device` has room for the answer.
    pub(crate) fn can_go_on(&self, tcp: &TcpTable, device: &mut impl Device, now: Instant) -> bool {
        self.syns.iter().any(|syn| tcp.takes(syn.port)) && device.transmit(now).is_some()
    }

    fn push(&mut self, port: u16, frame: &[u8], now: Instant) {
        let Ok(frame) = SynBytes::from_slice(frame) else { return };
        // A peer that asks again takes the place of its first question.
        let again = self.syns.iter().position(|syn| flow(&syn.frame) == flow(&frame));
        if again.is_some() || self.syns.is_full() {
            self.syns.remove(again.unwrap_or(0));
        }
        // There is room now.
        let _ = self.syns.push(Syn { since: now, port, frame });
    }

    /// Takes the newest segment whose port is open.
    fn take(&mut self, tcp: &TcpTable, now: Instant) -> Option<SynBytes> {
        self.syns.retain(|syn| now <= syn.since + PATIENCE);
        let newest = self.syns.iter().rposition(|syn| tcp.takes(syn.port))?;
        Some(self.syns.remove(newest).frame)
    }
}

/// Addresses and ports of a frame that [`wanted_port`] knows.
fn flow(frame: &[u8]) -> Option<&[u8]> {
    frame.get(26..38)
}

/// The port to which a frame asks for a connection, if it does. IP options are unusual enough to be
/// left to smoltcp.
fn wanted_port(frame: &[u8]) -> Option<u16> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    if ip.next_header() != IpProtocol::Tcp || ip.header_len() != 20 {
        return None;
    }
    let segment = TcpPacket::new_checked(ip.payload()).ok()?;
    (segment.syn() && !segment.ack()).then(|| segment.dst_port())
}

/// A device that keeps back who must wait.
pub(crate) struct Gate<'d, D> {
    pub(crate) device: &'d mut D,
    pub(crate) backlog: &'d mut Backlog,
    pub(crate) tcp: &'d TcpTable,
    /// Set when somebody knocks: a listener may need another socket.
    pub(crate) is_wanted: &'d mut bool,
}

impl<D: FrameDevice> Device for Gate<'_, D> {
    type RxToken<'t>
        = Arrival<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let Self { device, backlog, tcp, is_wanted } = self;
        let goes_on = backlog.can_go_on(tcp, *device, now);
        let waited = if goes_on { backlog.take(tcp, now) } else { None };
        let (frame, answer) = match waited {
            Some(syn) => device.receive_again(&syn)?,
            None => device.receive(now)?,
        };
        Some((Arrival { frame, backlog, tcp, is_wanted, now }, answer))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame at the gate.
pub(crate) struct Arrival<'t, T> {
    frame: T,
    backlog: &'t mut Backlog,
    tcp: &'t TcpTable,
    is_wanted: &'t mut bool,
    now: Instant,
}

impl<T: RxToken> RxToken for Arrival<'_, T> {
    fn consume<R, G: FnOnce(&[u8]) -> R>(self, parse: G) -> R {
        let Self { frame, backlog, tcp, is_wanted, now } = self;
        frame.consume(|bytes| {
            let port = wanted_port(bytes);
            *is_wanted = port.is_some();
            let waits = port.filter(|&port| tcp.shuts(port));
            if let Some(port) = waits {
                backlog.push(port, bytes, now);
            }
            // smoltcp passes over an empty frame.
            parse(if waits.is_some() { &[] } else { bytes })
        })
    }
}
