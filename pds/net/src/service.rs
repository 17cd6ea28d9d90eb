//! The state machine: requests in, frames in, events out, frames out.

mod datagrams;

use core::net::Ipv6Addr;

use protocols::net::{Event, Kind, RING_SLOTS, Request, Status};
use sel4_shared_ring_buffer::LinkError;
use smoltcp::phy::Device;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpEndpoint};

use self::datagrams::UdpOwner;
use crate::backlog::{Backlog, Gate};
use crate::client::{Client, Command, event, parse};
use crate::sockets::{Connection, Listener, PendingSend, Slot, SocketId, TcpTable};
use crate::stack::{Egress, Stack, TCP_SOCKETS, UDP_SOCKETS};
use crate::start::{Memory, Parts};
use crate::turn::{Outcome, Turn};

/// Clients at most.
pub const CLIENTS_MAX: usize = 4;
/// Frames handled before clients get their turn.
const FRAMES_PER_TURN: usize = 64;
/// First of the ports that `TcpConnect` uses (RFC 6335).
const EPHEMERAL_PORT_FIRST: u16 = 49152;

/// A frame device that batches: what it was given goes to the card at the end of a turn.
pub trait FrameDevice: Device {
    /// A frame that was received earlier, once more.
    fn receive_again(&mut self, frame: &[u8]) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)>;
    /// Publishes descriptors and wakes the card's driver where needed.
    fn flush(&mut self);
    /// Prepares for sleep; `false` when there is more to do.
    fn arm(&mut self) -> bool;
}

/// What happened since the start, for the status page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests of clients.
    pub requests: u64,
    /// Requests refused.
    pub errors: u64,
    /// Times that a client broke its link.
    pub violations: u64,
    /// Connections accepted for clients.
    pub accepted: u64,
}

/// The PD's whole state.
pub struct Net<'a, F: FnMut(), D: FrameDevice> {
    stack: Stack,
    device: D,
    tcp: &'static mut TcpTable,
    backlog: &'static mut Backlog,
    udp: [Option<UdpOwner>; UDP_SOCKETS],
    clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    next_port: u16,
    counters: Counters,
}

impl<'a, F: FnMut(), D: FrameDevice> Net<'a, F, D> {
    /// A service with the station address `mac`.
    ///
    /// `seed` decides initial sequence numbers and `port_seed` the first port of a connection that a
    /// client asks for, so neither must be guessable.
    pub fn new(
        parts: Parts<'a, F, D>,
        mac: [u8; 6],
        seed: u64,
        port_seed: u16,
        now: Instant,
    ) -> Self {
        let Parts { memory, buffers, mut device, clients, addressing } = parts;
        let Memory { sockets, tcp, backlog } = memory;
        Self {
            stack: Stack::new(buffers, sockets, &mut device, mac, addressing, seed, now),
            device,
            tcp,
            backlog,
            udp: [None; UDP_SOCKETS],
            clients,
            next_port: EPHEMERAL_PORT_FIRST | port_seed,
            counters: Counters::default(),
        }
    }

    /// Counters so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The device, for its own counters.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The stack, for its address.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Does what there is to do, and returns when to call again if nobody notifies before.
    pub fn step(&mut self, now: Instant) -> Option<Instant> {
        loop {
            let mut has_more = false;
            for client in 0..self.clients.len() {
                has_more |= self.serve(client);
            }
            has_more |= self.ingress(now);
            self.follow(now);
            self.deliver();
            let egress = self.stack.egress(now, &mut self.device);
            if egress != Egress::Idle {
                // A connection that has just given up is told of.
                self.deliver();
            }
            self.tcp.follow_leaving(&mut self.stack);
            self.follow(now);
            self.device.flush();
            for client in &mut self.clients {
                client.link.flush();
            }
            if !has_more && egress != Egress::Unfinished && self.arm(now) {
                return self.stack.deadline(now);
            }
        }
    }

    fn follow(&mut self, now: Instant) {
        self.tcp.follow(&mut self.stack, now, self.backlog.is_full());
    }

    /// Prepares every ring for sleep; `false` when one has something for us.
    fn arm(&mut self, now: Instant) -> bool {
        let mut idle = !self.backlog.can_go_on(self.tcp, &mut self.device, now);
        idle &= self.device.arm();
        for client in &mut self.clients {
            // A client whose event ring is full is served again when it has read.
            idle &= client.link.arm();
        }
        idle
    }

    /// Handles one turn of frames; whether there may be more.
    fn ingress(&mut self, now: Instant) -> bool {
        for _ in 0..FRAMES_PER_TURN {
            let mut is_wanted = false;
            let Self { device, backlog, tcp, .. } = self;
            let mut gate = Gate { device, backlog, tcp, is_wanted: &mut is_wanted };
            if !self.stack.ingress(now, &mut gate) {
                return false;
            }
            if is_wanted {
                self.follow(now);
            }
        }
        true
    }

    /// Executes one turn of requests of a client; whether there may be more that can be executed.
    fn serve(&mut self, client: usize) -> bool {
        for _ in 0..RING_SLOTS {
            // Every request may have an answer, so none is taken without room for it.
            if self.clients[client].link.room() == 0 {
                return false;
            }
            match self.clients[client].link.receive() {
                Ok(None) => return false,
                Ok(Some(request)) => self.execute(client, &request),
                Err(error) => {
                    self.forget(client, error);
                    return error == LinkError::PeerRestarted;
                }
            }
        }
        true
    }

    /// The client's life is over: its sockets are, too.
    fn forget(&mut self, client: usize, error: LinkError) {
        if error == LinkError::PeerMisbehavior && !self.clients[client].is_cut_off {
            self.counters.violations += 1;
            log::warn!("{}: broke its link, its sockets are closed", self.clients[client].name);
        }
        self.clients[client].is_cut_off = error == LinkError::PeerMisbehavior;
        for index in 0..TCP_SOCKETS {
            if self.tcp.connection(index).is_some_and(|connection| connection.client == client) {
                self.stack.tcp(index).abort();
                self.tcp.set(index, Slot::Finishing);
            }
        }
        for index in 0..self.tcp.listeners.len() {
            if self.tcp.listeners[index].is_some_and(|listener| listener.client == client) {
                self.tcp.unlisten(index, &mut self.stack);
            }
        }
        for index in 0..UDP_SOCKETS {
            if self.udp[index].is_some_and(|owner| owner.client == client) {
                self.stack.unbind(index);
                self.udp[index] = None;
            }
        }
        self.clients[client].chunks.reset();
    }

    fn execute(&mut self, client: usize, request: &Request) {
        self.counters.requests += 1;
        let result =
            parse(request).and_then(|command| self.perform(client, command, request.cookie));
        let answer = match result {
            Ok(None) => return,
            Ok(Some(answer)) => answer,
            Err(status) => {
                self.counters.errors += 1;
                Event { socket: request.socket, ..event(Kind::Refused, status, request.cookie) }
            }
        };
        self.tell(client, answer);
    }

    /// Sends an event for which the caller has seen room.
    fn tell(&mut self, client: usize, event: Event) {
        // `serve` and `deliver` look for room first; a client that broke its ring meanwhile hears
        // nothing, and the next `receive` finds out.
        let _ = self.clients[client].link.send(event);
    }

    fn perform(
        &mut self,
        client: usize,
        command: Command,
        cookie: u64,
    ) -> Result<Option<Event>, Status> {
        match command {
            Command::TcpListen { port, connections_max } => {
                let index = self.tcp.listen(Listener { client, port, connections_max })?;
                let socket = SocketId::Listener(index).number();
                Ok(Some(Event { socket, port, ..event(Kind::Listening, Status::Ok, cookie) }))
            }
            Command::TcpConnect { remote, remote_port } => {
                self.connect(client, remote, remote_port, cookie).map(|()| None)
            }
            Command::Send { socket, offset, len } => {
                self.clients[client].data.span(offset, len).map_err(|_| Status::BadRequest)?;
                let connection = self.tcp.owned(socket, client).ok_or(Status::NoSocket)?;
                if connection.closing {
                    return Err(Status::BadRequest);
                }
                let send = PendingSend { cookie, offset, len };
                connection.sends.push_back(send).map_err(|_| Status::NoRoom)?;
                Ok(None)
            }
            Command::Release { offset } => self.release(client, offset).map(|()| None),
            Command::Close { socket } => self.close(client, socket, cookie),
            Command::Abort { socket } => self.abort(client, socket, cookie),
            Command::UdpBind { port } => self.bind(client, port, cookie).map(Some),
            Command::UdpSend { socket, remote, remote_port, offset, len } => {
                self.send_datagram(client, socket, (remote, remote_port), offset, len)?;
                let socket = SocketId::Udp(socket).number();
                Ok(Some(Event { socket, len, ..event(Kind::Sent, Status::Ok, cookie) }))
            }
        }
    }

    fn connect(
        &mut self,
        client: usize,
        remote: [u8; 16],
        remote_port: u16,
        cookie: u64,
    ) -> Result<(), Status> {
        let slot = self.tcp.take_free(&mut self.stack).ok_or(Status::NoRoom)?;
        self.next_port = self.next_port.wrapping_add(1) | EPHEMERAL_PORT_FIRST;
        self.stack.connect(slot, endpoint(remote, remote_port)?, self.next_port)?;
        let connection = Connection { cookie, ..Connection::new(client, None) };
        self.tcp.set(slot, Slot::Owned(connection));
        Ok(())
    }

    fn release(&mut self, client: usize, offset: u32) -> Result<(), Status> {
        let given = self.clients[client].chunks.give_back(offset);
        let owner = given.map_err(|_| Status::BadRequest)?;
        match owner {
            Some(SocketId::Tcp(id)) => {
                if let Some(connection) = self.tcp.owned(id, client) {
                    connection.lent = connection.lent.saturating_sub(1);
                }
            }
            Some(SocketId::Udp(index)) => {
                if let Some(owner) = &mut self.udp[index] {
                    owner.lent = owner.lent.saturating_sub(1);
                }
            }
            Some(SocketId::Listener(_)) | None => {}
        }
        Ok(())
    }

    fn close(
        &mut self,
        client: usize,
        socket: SocketId,
        cookie: u64,
    ) -> Result<Option<Event>, Status> {
        match socket {
            SocketId::Tcp(id) => {
                self.tcp.owned(id, client).ok_or(Status::NoSocket)?.closing = true;
                Ok(None)
            }
            SocketId::Udp(_) | SocketId::Listener(_) => self.abort(client, socket, cookie),
        }
    }

    fn abort(
        &mut self,
        client: usize,
        socket: SocketId,
        cookie: u64,
    ) -> Result<Option<Event>, Status> {
        match socket {
            SocketId::Tcp(id) => {
                self.tcp.owned(id, client).ok_or(Status::NoSocket)?;
                self.stack.tcp(id.index).abort();
                self.tcp.set(id.index, Slot::Finishing);
            }
            SocketId::Udp(index) => {
                let owner = self.udp.get(index).copied().flatten().ok_or(Status::NoSocket)?;
                if owner.client != client {
                    return Err(Status::NoSocket);
                }
                self.stack.unbind(index);
                self.udp[index] = None;
            }
            SocketId::Listener(index) => {
                let listener = self.tcp.listeners.get(index).copied().flatten();
                if listener.is_none_or(|listener| listener.client != client) {
                    return Err(Status::NoSocket);
                }
                self.tcp.unlisten(index, &mut self.stack);
            }
        }
        self.clients[client].chunks.disown(socket);
        Ok(Some(Event { socket: socket.number(), ..event(Kind::Closed, Status::Ok, cookie) }))
    }

    /// Tells clients what happened on their sockets, as far as their rings have room.
    fn deliver(&mut self) {
        for index in self.tcp.connections() {
            let Some(connection) = self.tcp.connection(index) else { continue };
            let client = &mut self.clients[connection.client];
            let mut turn = Turn { index, connection, client, socket: self.stack.tcp(index) };
            if turn.run(&mut self.counters) == Outcome::Gone {
                let open = self.stack.tcp(index).is_open();
                self.tcp.set(index, if open { Slot::Finishing } else { Slot::Free });
            }
        }
        for index in 0..UDP_SOCKETS {
            self.deliver_datagrams(index);
        }
    }
}

/// The address as messages carry it.
pub(crate) fn address(address: IpAddress) -> [u8; 16] {
    let IpAddress::Ipv4(v4) = address;
    v4.to_ipv6_mapped().octets()
}

/// The endpoint that a message means.
fn endpoint(address: [u8; 16], port: u16) -> Result<IpEndpoint, Status> {
    let v4 = Ipv6Addr::from(address).to_ipv4_mapped().ok_or(Status::Unreachable)?;
    Ok(IpEndpoint::new(v4.into(), port))
}
