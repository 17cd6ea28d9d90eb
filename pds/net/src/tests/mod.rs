//! `net` between test clients and a peer on the other end of a cable, with a stack of its own.

mod backlog;
mod frames;
mod requests;
mod sockets;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use protocols::net::{Event, Kind, Op, RING_SLOTS, Request, Status};
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, RawLink};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr, Ipv4Address};
use zerocopy::FromBytes;

use crate::client::{CHUNK_BYTES, Chunks, Client};
use crate::service::{FrameDevice, Net};
use crate::stack::{Addressing, Buffers};
use crate::start::{Memory, Parts};

const NET: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const PEER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const NET_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const REGION_BYTES: usize = 0x40000;

type RawRings = RawLink<Request, Event, RING_SLOTS>;

#[derive(Default)]
struct Cable {
    to_net: VecDeque<Vec<u8>>,
    to_peer: VecDeque<Vec<u8>>,
    /// Everything that the peer has sent.
    log: Vec<Vec<u8>>,
}

/// One end of the cable.
#[derive(Clone)]
struct End {
    cable: Rc<RefCell<Cable>>,
    is_net: bool,
}

struct Incoming(Vec<u8>);

impl RxToken for Incoming {
    fn consume<R, G: FnOnce(&[u8]) -> R>(self, parse: G) -> R {
        parse(&self.0)
    }
}

impl TxToken for End {
    fn consume<R, G: FnOnce(&mut [u8]) -> R>(self, len: usize, emit: G) -> R {
        let mut frame = vec![0; len];
        let result = emit(&mut frame);
        let mut cable = self.cable.borrow_mut();
        if self.is_net {
            cable.to_peer.push_back(frame);
        } else {
            cable.log.push(frame.clone());
            cable.to_net.push_back(frame);
        }
        result
    }
}

impl Device for End {
    type RxToken<'t> = Incoming;
    type TxToken<'t> = Self;

    fn receive(&mut self, _: Instant) -> Option<(Incoming, Self)> {
        let mut cable = self.cable.borrow_mut();
        let queue = if self.is_net { &mut cable.to_net } else { &mut cable.to_peer };
        let frame = queue.pop_front()?;
        drop(cable);
        Some((Incoming(frame), self.clone()))
    }

    fn transmit(&mut self, _: Instant) -> Option<Self> {
        Some(self.clone())
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

impl FrameDevice for End {
    fn receive_again(&mut self, frame: &[u8]) -> Option<(Incoming, Self)> {
        Some((Incoming(frame.to_vec()), self.clone()))
    }

    fn flush(&mut self) {}

    fn arm(&mut self) -> bool {
        self.cable.borrow().to_net.is_empty()
    }
}

/// A client's side.
struct TestClient {
    rings: &'static RawRings,
    link: ClientEnd<'static, Request, Event, RING_SLOTS>,
    data: DataRegion<'static>,
    received: DataRegion<'static>,
}

fn ignore() {}

fn region() -> DataRegion<'static> {
    DataRegion::new(ExternallySharedRef::from_mut_ref(zeros(REGION_BYTES)))
}

fn request(op: Op) -> Request {
    Request {
        cookie: 42,
        op: op.code(),
        socket: 0,
        port: 0,
        remote_port: 0,
        offset: 0,
        len: 0,
        remote: [0; 16],
    }
}

impl TestClient {
    fn pair(name: &str) -> (Self, Client<'static, fn()>) {
        let rings: &'static RawRings = Box::leak(Box::new(RawRings::new()));
        let (data, received) = (region(), region());
        let server = Client {
            name: name.try_into().unwrap(),
            link: rings.server(ignore as fn()),
            data: data.read_only(),
            received,
            chunks: Chunks::new(REGION_BYTES).unwrap(),
            is_cut_off: false,
        };
        (Self { rings, link: rings.client(ignore as fn()), data, received }, server)
    }

    fn ask(&mut self, request: Request) {
        self.link.send(request).unwrap();
        self.link.flush();
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.link.receive().unwrap()).collect()
    }

    fn put(&self, bytes: &[u8]) -> u32 {
        let len = u32::try_from(bytes.len()).unwrap();
        self.data.copy_in(self.data.span(0, len).unwrap(), bytes).unwrap();
        len
    }

    fn bytes(&self, event: &Event) -> Vec<u8> {
        assert!(event.len <= CHUNK_BYTES);
        let mut bytes = vec![0; event.len as usize];
        let span = self.received.span(event.offset, event.len).unwrap();
        self.received.copy_out(span, &mut bytes).unwrap();
        bytes
    }
}

/// Kind and status of an event.
fn told(event: &Event) -> (Option<Kind>, Option<Status>) {
    (Kind::from_code(event.kind), Status::from_code(event.status))
}

/// The peer's stack.
struct Peer {
    interface: Interface,
    sockets: SocketSet<'static>,
    end: End,
}

impl Peer {
    fn new(mut end: End) -> Self {
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress(PEER_MAC)));
        config.random_seed = 7;
        let mut interface = Interface::new(config, &mut end, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(PEER.into(), 24)).unwrap();
        });
        let storage = Box::leak(Box::new([SocketStorage::EMPTY; 8]));
        Self { interface, sockets: SocketSet::new(&mut storage[..]), end }
    }

    fn tcp_socket(&mut self) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(zeros(0x10000));
        self.sockets.add(tcp::Socket::new(buffer(), buffer()))
    }

    fn udp_socket(&mut self, port: u16) -> SocketHandle {
        let metadata = || Box::leak(Box::new([udp::PacketMetadata::EMPTY; 8]));
        let buffer = || udp::PacketBuffer::new(&mut metadata()[..], zeros(4096));
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).unwrap();
        self.sockets.add(socket)
    }

    fn connect(&mut self, port: u16, local_port: u16) -> SocketHandle {
        let handle = self.tcp_socket();
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        socket.connect(self.interface.context(), (NET, port), local_port).unwrap();
        handle
    }

    fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }
}

/// Everything, and the time.
struct World {
    net: Net<'static, fn(), End>,
    clients: Vec<TestClient>,
    peer: Peer,
    now_ms: i64,
}

fn zeros(bytes: usize) -> &'static mut [u8] {
    Box::leak(vec![0; bytes].into_boxed_slice())
}

impl World {
    fn new(clients: &[&str]) -> Self {
        let cable = Rc::new(RefCell::new(Cable::default()));
        let (clients, servers): (Vec<_>, Vec<_>) =
            clients.iter().map(|name| TestClient::pair(name)).unzip();
        let parts = Parts {
            memory: Box::leak(Box::new(Memory::EMPTY)),
            buffers: Buffers::mut_from_bytes(zeros(size_of::<Buffers>())).unwrap(),
            device: End { cable: cable.clone(), is_net: true },
            clients: servers.into_iter().collect(),
            addressing: Addressing::Static { address: NET, prefix_len: 24, router: Some(PEER) },
        };
        let net = Net::new(parts, NET_MAC, 1, 0, Instant::ZERO);
        let peer = Peer::new(End { cable, is_net: false });
        Self { net, clients, peer, now_ms: 0 }
    }

    /// Lets everybody work for some time.
    fn run(&mut self, duration_ms: i64) {
        for _ in 0..duration_ms {
            let now = Instant::from_millis(self.now_ms);
            self.net.step(now);
            self.peer.interface.poll(now, &mut self.peer.end, &mut self.peer.sockets);
            self.now_ms += 1;
        }
    }

    /// Lets a long time pass, in large steps.
    fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds * 10 {
            self.now_ms += 99;
            self.run(1);
        }
    }

    /// What the client with this number hears of its request.
    fn ask(&mut self, client: usize, request: Request) -> Vec<Event> {
        self.clients[client].ask(request);
        self.run(5);
        self.clients[client].events()
    }

    /// The one event that answers a request at once.
    fn answer(&mut self, client: usize, request: Request) -> Event {
        let events = self.ask(client, request);
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].cookie, request.cookie);
        events[0]
    }

    fn listen(&mut self, client: usize, port: u16, most: u32) -> Event {
        self.answer(client, Request { port, len: most, ..request(Op::TcpListen) })
    }

    /// A connection from the peer to a listener of client 0: the peer's socket, and what was told.
    fn connected(&mut self, port: u16, local_port: u16) -> (SocketHandle, Event) {
        let handle = self.peer.connect(port, local_port);
        self.run(10);
        let events = self.clients[0].events();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(told(&events[0]), (Some(Kind::Accepted), Some(Status::Ok)));
        (handle, events[0])
    }

    /// A frame arrives that nobody's stack has made.
    fn inject(&mut self, frame: Vec<u8>) {
        self.peer.end.cable.borrow_mut().to_net.push_back(frame);
    }
}
