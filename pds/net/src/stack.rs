//! The smoltcp interface and its sockets, in memory that is fixed when the PD starts.
//!
//! Sockets are a pool that all clients share: a slot is free, waits for a connection to a listener,
//! or belongs to one client. Half-open connections never use the pool up: when a listener has no
//! slot to wait with, the oldest connection that has not finished its handshake gives its slot back,
//! at once if many are waiting for one (`backlog.rs`), else when it is slow.

use protocols::net::Status;
use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet, SocketStorage,
};
use smoltcp::phy::Device;
use smoltcp::socket::{AnySocket, Socket, dhcpv4, tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr, Ipv4Address};

/// TCP sockets of all clients together.
pub(crate) const TCP_SOCKETS: usize = 20;
/// UDP sockets of all clients together.
pub(crate) const UDP_SOCKETS: usize = 2;
/// Bytes that a TCP socket buffers in each direction.
const TCP_BYTES: usize = 16 * 1024;
/// TCP sockets that buffer twice as much. They are the first ones, and a connection gets the first that
/// is free: few connections are fast ones, and many share the wire in any case.
const TCP_LARGE: usize = 4;
/// Datagrams that a UDP socket buffers in each direction.
const UDP_PACKETS: usize = 32;
/// Bytes of datagrams that a UDP socket buffers in each direction.
const UDP_BYTES: usize = UDP_PACKETS * 1500;
/// Frames that one socket may send before received ones get their turn.
const FRAMES_PER_EGRESS: usize = 64;
/// A connection whose peer answers nothing for so long is dead.
const TCP_TIMEOUT: Duration = Duration::from_secs(30);
/// A handshake that takes longer gives way to others. smoltcp repeats its answer after so long, which
/// wakes us.
pub(crate) const HANDSHAKE_SLOW: Duration = Duration::from_secs(1);
/// A handshake that takes longer is not going to finish.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);

/// What the sockets buffer: plain bytes, of any value at the start.
#[derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout)]
#[repr(C)]
pub struct Buffers {
    /// Towards the client and towards the wire, as in `tcp`.
    tcp_large: [[[u8; 2 * TCP_BYTES]; 2]; TCP_LARGE],
    tcp: [[[u8; TCP_BYTES]; 2]; TCP_SOCKETS - TCP_LARGE],
    udp: [[[u8; UDP_BYTES]; 2]; UDP_SOCKETS],
}

type Packets = [udp::PacketMetadata; UDP_PACKETS];

/// A socket. smoltcp walks through all sockets that it knows for every frame, so it only knows those
/// in use.
enum Place<S> {
    /// Only until it has its memory, and while it is moved.
    Moving,
    Parked(S),
    InUse(SocketHandle),
}

impl<S: AnySocket<'static>> Place<S> {
    fn get<'s>(&'s mut self, sockets: &'s mut SocketSet<'static>) -> &'s mut S {
        match self {
            Self::Parked(socket) => socket,
            Self::InUse(handle) => sockets.get_mut(*handle),
            Self::Moving => panic!("a socket has no memory"),
        }
    }

    /// Lets the socket be known to smoltcp.
    fn unpark(&mut self, sockets: &mut SocketSet<'static>) -> SocketHandle {
        let handle = match core::mem::replace(self, Self::Moving) {
            Self::InUse(handle) => handle,
            Self::Parked(socket) => sockets.add(socket),
            Self::Moving => panic!("a socket has no memory"),
        };
        *self = Self::InUse(handle);
        handle
    }

    fn park(&mut self, sockets: &mut SocketSet<'static>, inner: fn(Socket<'static>) -> Option<S>) {
        if let Self::InUse(handle) = *self
            && let Some(socket) = inner(sockets.remove(handle))
        {
            *self = Self::Parked(socket);
        }
    }
}

/// The sockets themselves: full once the stack has started.
pub(crate) struct Storage {
    sockets: heapless::Vec<SocketStorage<'static>, { TCP_SOCKETS + UDP_SOCKETS + 1 }>,
    tcp: heapless::Vec<Place<tcp::Socket<'static>>, TCP_SOCKETS>,
    udp: heapless::Vec<Place<udp::Socket<'static>>, UDP_SOCKETS>,
    packets: heapless::Vec<[Packets; 2], UDP_SOCKETS>,
}

impl Storage {
    /// Storage of a stack that has not been started.
    pub(crate) const EMPTY: Self = Self {
        sockets: heapless::Vec::new(),
        tcp: heapless::Vec::new(),
        udp: heapless::Vec::new(),
        packets: heapless::Vec::new(),
    };
}

/// How the interface gets its IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// From a DHCP server.
    Dhcp,
    /// Fixed.
    Static {
        /// The station's address and prefix length.
        address: Ipv4Address,
        /// Bits of the network part.
        prefix_len: u8,
        /// The default router.
        router: Option<Ipv4Address>,
    },
}

/// The interface and the pool of raw sockets; who owns which is `sockets.rs`'s business.
pub struct Stack {
    interface: Interface,
    sockets: SocketSet<'static>,
    tcp: &'static mut [Place<tcp::Socket<'static>>],
    udp: &'static mut [Place<udp::Socket<'static>>],
    dhcp: Option<SocketHandle>,
}

/// What one call of [`Stack::egress`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress {
    /// There was nothing to send.
    Idle,
    /// Everything was sent.
    Sent,
    /// There may be more to send.
    Unfinished,
}

impl Stack {
    /// An interface with the station address `mac`.
    ///
    /// `seed` decides initial sequence numbers and ports, so it must not be guessable.
    pub(crate) fn new(
        buffers: &'static mut Buffers,
        storage: &'static mut Storage,
        device: &mut impl Device,
        mac: [u8; 6],
        addressing: Addressing,
        seed: u64,
        now: Instant,
    ) -> Self {
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress(mac)));
        config.random_seed = seed;
        let mut interface = Interface::new(config, device, now);
        let Storage { sockets, tcp, udp, packets } = storage;
        while sockets.push(SocketStorage::EMPTY).is_ok() {}
        let mut sockets = SocketSet::new(&mut sockets[..]);
        let large = buffers.tcp_large.iter_mut().map(|pair| pair.each_mut().map(|b| &mut b[..]));
        let small = buffers.tcp.iter_mut().map(|pair| pair.each_mut().map(|b| &mut b[..]));
        tcp.extend(large.chain(small).map(|pair| Place::Parked(tcp_socket(pair))));
        while packets.push([[udp::PacketMetadata::EMPTY; UDP_PACKETS]; 2]).is_ok() {}
        let pairs = packets.iter_mut().zip(&mut buffers.udp);
        udp.extend(pairs.map(|(packets, bytes)| Place::Parked(udp_socket(packets, bytes))));

        let dhcp = match addressing {
            Addressing::Dhcp => Some(sockets.add(dhcpv4::Socket::new())),
            Addressing::Static { address, prefix_len, router } => {
                set_ipv4(&mut interface, Some((address, prefix_len)), router);
                None
            }
        };
        Self { interface, sockets, tcp, udp, dhcp }
    }

    /// Handles one received frame; `false` when there is none.
    pub fn ingress(&mut self, now: Instant, device: &mut impl Device) -> bool {
        let result = self.interface.poll_ingress_single(now, device, &mut self.sockets);
        result != PollIngressSingleResult::None
    }

    /// Sends what sockets have to say, each at most `FRAMES_PER_EGRESS` frames.
    pub fn egress(&mut self, now: Instant, device: &mut impl Device) -> Egress {
        self.interface.poll_maintenance(now);
        let mut outcome = Egress::Idle;
        for _ in 0..FRAMES_PER_EGRESS {
            if self.interface.poll_egress(now, device, &mut self.sockets) == PollResult::None {
                self.follow_dhcp();
                return outcome;
            }
            outcome = Egress::Sent;
        }
        Egress::Unfinished
    }

    /// When [`Stack::egress`] has something to do again.
    pub fn deadline(&mut self, now: Instant) -> Option<Instant> {
        self.interface.poll_at(now, &self.sockets)
    }

    /// The IPv4 address, once there is one.
    #[must_use]
    pub fn ipv4(&self) -> Option<Ipv4Address> {
        self.interface.ipv4_addr()
    }

    /// TCP socket number `index` of the pool.
    pub fn tcp(&mut self, index: usize) -> &mut tcp::Socket<'static> {
        self.tcp[index].get(&mut self.sockets)
    }

    /// Lets TCP socket `index` wait for a connection to `port`.
    ///
    /// # Errors
    /// The socket is open.
    pub fn listen(&mut self, index: usize, port: u16) -> Result<(), tcp::ListenError> {
        self.tcp[index].unpark(&mut self.sockets);
        self.tcp(index).listen(port)
    }

    /// Takes TCP socket `index`, which is closed, out of use. The reset that its peer was to get has
    /// been sent by then or never will be: for a peer that nobody knows smoltcp would ask for ever,
    /// and it has one question a second for all sockets together.
    pub fn park_tcp(&mut self, index: usize) {
        self.tcp[index].park(&mut self.sockets, |socket| match socket {
            Socket::Tcp(socket) => Some(socket),
            _ => None,
        });
    }

    /// UDP socket number `index` of the pool.
    pub fn udp(&mut self, index: usize) -> &mut udp::Socket<'static> {
        self.udp[index].get(&mut self.sockets)
    }

    /// Lets UDP socket `index` receive what comes for `port`.
    ///
    /// # Errors
    /// The socket is open.
    pub fn bind(&mut self, index: usize, port: u16) -> Result<(), udp::BindError> {
        self.udp[index].unpark(&mut self.sockets);
        self.udp(index).bind(port)
    }

    /// Closes UDP socket `index`.
    pub fn unbind(&mut self, index: usize) {
        self.udp(index).close();
        self.udp[index].park(&mut self.sockets, |socket| match socket {
            Socket::Udp(socket) => Some(socket),
            _ => None,
        });
    }

    /// Starts connecting TCP socket `index`.
    ///
    /// # Errors
    /// `Unreachable` when the address cannot be used, `BadRequest` when the socket is in use.
    pub fn connect(
        &mut self,
        index: usize,
        remote: smoltcp::wire::IpEndpoint,
        local_port: u16,
    ) -> Result<(), Status> {
        let handle = self.tcp[index].unpark(&mut self.sockets);
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        socket.connect(self.interface.context(), remote, local_port).map_err(|error| match error {
            tcp::ConnectError::Unaddressable => Status::Unreachable,
            tcp::ConnectError::InvalidState => Status::BadRequest,
        })
    }

    fn follow_dhcp(&mut self) {
        let Some(handle) = self.dhcp else { return };
        match self.sockets.get_mut::<dhcpv4::Socket>(handle).poll() {
            None => {}
            Some(dhcpv4::Event::Configured(lease)) => {
                let address = (lease.address.address(), lease.address.prefix_len());
                log::info!("address {} by DHCP", lease.address);
                set_ipv4(&mut self.interface, Some(address), lease.router);
            }
            Some(dhcpv4::Event::Deconfigured) => set_ipv4(&mut self.interface, None, None),
        }
    }
}

/// Whether a handshake that began at `since` has lasted too long at `now`.
pub(crate) fn handshake_is_stale(since: Instant, now: Instant) -> bool {
    now > since + HANDSHAKE_TIMEOUT
}

fn tcp_socket(buffers: [&'static mut [u8]; 2]) -> tcp::Socket<'static> {
    let [rx, tx] = buffers.map(tcp::SocketBuffer::new);
    let mut socket = tcp::Socket::new(rx, tx);
    socket.set_nagle_enabled(false);
    socket.set_timeout(Some(TCP_TIMEOUT));
    socket
}

fn udp_socket(
    packets: &'static mut [Packets; 2],
    bytes: &'static mut [[u8; UDP_BYTES]; 2],
) -> udp::Socket<'static> {
    let ([rx_packets, tx_packets], [rx, tx]) = (packets, bytes);
    let buffer = |packets: &'static mut Packets, bytes: &'static mut [u8; UDP_BYTES]| {
        udp::PacketBuffer::new(&mut packets[..], &mut bytes[..])
    };
    udp::Socket::new(buffer(rx_packets, rx), buffer(tx_packets, tx))
}

fn set_ipv4(
    interface: &mut Interface,
    address: Option<(Ipv4Address, u8)>,
    router: Option<Ipv4Address>,
) {
    interface.update_ip_addrs(|addresses| {
        addresses.clear();
        if let Some((address, prefix_len)) = address {
            // There is room: the list is empty.
            let _ = addresses.push(IpCidr::new(address.into(), prefix_len));
        }
    });
    let routes = interface.routes_mut();
    routes.remove_default_ipv4_route();
    if let Some(router) = router {
        // The table holds more than the one default route.
        let _ = routes.add_default_ipv4_route(router);
    }
}
