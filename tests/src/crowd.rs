//! Many clients at once at a station of the test's own. Connections of the host would not do: QEMU lets
//! it keep only two that it has not taken, so they come one after the other.

use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time;
use smoltcp::wire::{HardwareAddress, IpCidr};

use crate::frames::{ATTACKER, ATTACKER_MAC, GUEST};
use crate::http::Response;
use crate::wire::Wire;

/// Bytes that a socket buffers in each direction.
const BUFFER_BYTES: usize = 16 * 1024;

/// A turn waits so long for a frame.
const TURN: Duration = Duration::from_millis(2);

/// The station's card.
struct Card<'w> {
    wire: &'w Wire,
    /// A frame that has been waited for.
    next: Option<Vec<u8>>,
}

struct Room<'w>(&'w Wire);

struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, G: FnOnce(&[u8]) -> R>(self, parse: G) -> R {
        parse(&self.0)
    }
}

impl TxToken for Room<'_> {
    fn consume<R, G: FnOnce(&mut [u8]) -> R>(self, len: usize, emit: G) -> R {
        let mut frame = vec![0; len];
        let result = emit(&mut frame);
        self.0.send(&frame);
        result
    }
}

impl Card<'_> {
    fn wait(&self, patience: Duration) -> Option<Vec<u8>> {
        self.wire.find(patience, |frame| Some(frame.to_vec()))
    }
}

impl<'w> Device for Card<'w> {
    type RxToken<'t>
        = Frame
    where
        Self: 't;
    type TxToken<'t>
        = Room<'w>
    where
        Self: 't;

    fn receive(&mut self, _: time::Instant) -> Option<(Frame, Room<'w>)> {
        let frame = self.next.take().or_else(|| self.wait(Duration::ZERO))?;
        Some((Frame(frame), Room(self.wire)))
    }

    fn transmit(&mut self, _: time::Instant) -> Option<Room<'w>> {
        Some(Room(self.wire))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A client that asks for one thing.
struct Client<'r> {
    request: &'r [u8],
    socket: SocketHandle,
    connected: Option<Instant>,
    bytes: Vec<u8>,
    response: Option<Response>,
}

impl Client<'_> {
    /// Does what it can now: asks when it has been connected for `pause`, and closes when it has the
    /// answer.
    fn step(&mut self, sockets: &mut SocketSet<'_>, pause: Duration) {
        let socket = sockets.get_mut::<tcp::Socket>(self.socket);
        if self.response.is_some() {
            return;
        }
        if !self.request.is_empty() && socket.may_send() {
            let connected = *self.connected.get_or_insert_with(Instant::now);
            if connected.elapsed() >= pause {
                assert_eq!(socket.send_slice(self.request), Ok(self.request.len()));
                self.request = &[];
            }
        }
        while socket.can_recv() {
            let taken = socket.recv(|bytes| {
                self.bytes.extend_from_slice(bytes);
                (bytes.len(), ())
            });
            taken.expect("there is something");
        }
        match Response::read(&mut &self.bytes[..], true) {
            Ok(response) if !response.is_cut => {
                self.response = Some(response);
                socket.close();
            }
            // It is open until somebody closes or resets it.
            _ => assert!(
                matches!(socket.state(), tcp::State::SynSent | tcp::State::Established),
                "cut off after {} bytes",
                self.bytes.len()
            ),
        }
    }
}

/// Asks for `targets`, each over a connection of its own, all at the same time, from ports that begin
/// with `first_port`. A client asks when it has been connected for `pause`, and has its answer before
/// `deadline`.
///
/// # Panics
/// If a client does not get a whole answer.
#[must_use]
pub fn ask_all(
    wire: &Wire,
    targets: &[&str],
    first_port: u16,
    pause: Duration,
    deadline: Instant,
) -> Vec<Response> {
    let mut card = Card { wire, next: None };
    let begun = Instant::now();
    let now = || time::Instant::from_micros(i64::try_from(begun.elapsed().as_micros()).unwrap());
    let mut config = Config::new(HardwareAddress::Ethernet(ATTACKER_MAC));
    config.random_seed = std::process::id().into();
    let mut interface = Interface::new(config, &mut card, now());
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(ATTACKER.into(), 24)).expect("the first one");
    });
    let mut buffers = vec![[vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]]; targets.len()];
    let mut storage: Vec<_> = targets.iter().map(|_| SocketStorage::EMPTY).collect();
    let mut sockets = SocketSet::new(&mut storage[..]);
    let requests: Vec<_> = targets
        .iter()
        .map(|target| format!("GET {target} HTTP/1.1\r\nHost: cairn\r\n\r\n").into_bytes())
        .collect();
    let mut clients = Vec::new();
    for ((request, buffers), port) in requests.iter().zip(&mut buffers).zip(first_port..) {
        let [rx, tx] = buffers.each_mut().map(|buffer| tcp::SocketBuffer::new(&mut buffer[..]));
        let mut socket = tcp::Socket::new(rx, tx);
        socket.connect(interface.context(), (GUEST, 80), port).expect("a port of its own");
        let socket = sockets.add(socket);
        clients.push(Client {
            request,
            socket,
            connected: None,
            bytes: Vec::new(),
            response: None,
        });
    }
    loop {
        interface.poll(now(), &mut card, &mut sockets);
        for client in &mut clients {
            client.step(&mut sockets, pause);
        }
        let is_over = |client: &Client<'_>| {
            let state = sockets.get::<tcp::Socket>(client.socket).state();
            client.response.is_some() && matches!(state, tcp::State::Closed | tcp::State::TimeWait)
        };
        let left = clients.iter().filter(|client| !is_over(client)).count();
        if left == 0 {
            return clients.into_iter().filter_map(|client| client.response).collect();
        }
        assert!(Instant::now() < deadline, "{left} clients are still waiting");
        card.next = card.wait(TURN);
    }
}
