//! Events in, requests out.

use heapless::LinearMap;
use protocols::net::{Event, Kind, Op, RING_SLOTS, Request};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, LinkError};

use crate::stream::{Piece, Stream};

/// The link to `net`.
pub type Link<'a, F> = ClientEnd<'a, Request, Event, RING_SLOTS, F>;

/// The echo port (RFC 862).
const PORT: u16 = 7;
/// TCP connections at once.
const CONNECTIONS_MAX: u8 = 8;
/// Requests that one event may cause: releases for a connection's 16 buffers, and an abort.
const REQUESTS_MAX: usize = 17;

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams and pieces of streams that arrived.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Requests that `net` refused.
    pub errors: u64,
    /// Times that `net` broke the protocol.
    pub violations: u64,
}

/// The PD's whole state.
pub struct Echo<'a, F: FnMut()> {
    link: Link<'a, F>,
    received: DataRegion<'a, ReadOnly>,
    data: DataRegion<'a>,
    /// By the number of the socket.
    streams: LinearMap<u16, Stream, { CONNECTIONS_MAX as usize }>,
    /// Requests that found no room. No event is taken while there are any, so they are bounded.
    waiting: heapless::Deque<Request, REQUESTS_MAX>,
    /// Ports that are open: UDP and TCP.
    ports: usize,
    counters: Counters,
}

impl<'a, F: FnMut()> Echo<'a, F> {
    /// Asks for the ports.
    ///
    /// # Panics
    /// If `data` is smaller than `received`: what arrives goes back from the same offset.
    pub fn new(
        link: Link<'a, F>,
        received: DataRegion<'a, ReadOnly>,
        data: DataRegion<'a>,
    ) -> Self {
        assert!(data.len() >= received.len(), "the region to net is smaller than the one from it");
        let mut echo = Self {
            link,
            received,
            data,
            streams: LinearMap::new(),
            waiting: heapless::Deque::new(),
            ports: 0,
            counters: Counters::default(),
        };
        echo.open();
        echo
    }

    /// Counters so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether both ports are open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ports == 2
    }

    /// Does what there is to do. To be called after every notification. Under load that may never end,
    /// so each event is a sign of life.
    pub fn run(&mut self, mut beat: impl FnMut()) {
        loop {
            while self.send_waiting() {
                beat();
                match self.link.receive() {
                    Ok(Some(event)) => self.hear(&event),
                    Ok(None) => break,
                    Err(LinkError::PeerRestarted) => self.start_anew(),
                    Err(LinkError::PeerMisbehavior) => {
                        self.counters.violations += 1;
                        return;
                    }
                }
            }
            if self.link.arm() {
                return;
            }
        }
    }

    /// A new life of `net` knows nothing of what was.
    fn start_anew(&mut self) {
        self.streams.clear();
        self.waiting.clear();
        self.ports = 0;
        self.open();
    }

    fn open(&mut self) {
        self.ask(Request { port: PORT, ..request(Op::UdpBind, 0) });
        self.ask(Request { port: PORT, len: CONNECTIONS_MAX.into(), ..request(Op::TcpListen, 0) });
    }

    /// Sends a request, at once or when there is room again.
    fn ask(&mut self, request: Request) {
        if !self.waiting.is_empty() || self.link.send(request).is_err() {
            // An event causes no more than fit.
            let _ = self.waiting.push_back(request);
        }
    }

    /// Whether no request waits any more.
    fn send_waiting(&mut self) -> bool {
        while let Some(&request) = self.waiting.front() {
            if self.link.send(request).is_err() {
                return false;
            }
            self.waiting.pop_front();
        }
        true
    }

    fn hear(&mut self, event: &Event) {
        match Kind::from_code(event.kind) {
            Some(Kind::Bound | Kind::Listening) => self.ports += 1,
            Some(Kind::Datagram) => self.answer_datagram(event),
            Some(Kind::Accepted) => {
                self.counters.accepted += 1;
                if self.streams.insert(event.socket, Stream::default()).is_err() {
                    // More than it was asked for.
                    self.counters.violations += 1;
                    self.ask(request(Op::Abort, event.socket));
                }
            }
            Some(Kind::Data) => self.take_piece(event),
            // The cookie says what was sent: datagrams, which need nothing more, or a piece.
            Some(Kind::Sent) if event.cookie == DATAGRAM => {}
            Some(Kind::Sent) => self.piece_sent(event.socket),
            Some(Kind::PeerClosed) => {
                if let Some(stream) = self.stream(event.socket) {
                    stream.close();
                }
                self.send(event.socket);
            }
            Some(Kind::Closed) => self.forget(event.socket),
            Some(Kind::Refused) => self.counters.errors += 1,
            // This PD connects to nobody.
            Some(Kind::Connected) | None => self.counters.violations += 1,
        }
    }

    fn stream(&mut self, socket: u16) -> Option<&mut Stream> {
        self.streams.get_mut(&socket)
    }

    /// Copies what arrived to where `net` sends it from; `false` if it lies in no receive buffer.
    fn copy(&self, piece: Piece) -> bool {
        let from = self.received.span(piece.offset, piece.len);
        let to = self.data.span(piece.offset, piece.len);
        let (Ok(from), Ok(to)) = (from, to) else { return false };
        self.data.copy_across(to, &self.received, from).is_ok()
    }

    /// Counts and copies what arrived.
    fn arrived(&mut self, event: &Event) -> Option<Piece> {
        let piece = Piece { offset: event.offset, len: event.len };
        if !self.copy(piece) {
            self.counters.violations += 1;
            return None;
        }
        self.counters.received += 1;
        self.counters.received_bytes += u64::from(piece.len);
        Some(piece)
    }

    fn answer_datagram(&mut self, event: &Event) {
        let Some(Piece { offset, len }) = self.arrived(event) else { return };
        let Event { socket, remote, remote_port, .. } = *event;
        let back = request(Op::UdpSend, socket);
        self.ask(Request { cookie: DATAGRAM, remote, remote_port, offset, len, ..back });
        // `net` copies the datagram before it sees this and uses the offset again.
        self.release(offset);
    }

    fn take_piece(&mut self, event: &Event) {
        let Some(piece) = self.arrived(event) else { return };
        match self.stream(event.socket).map(|stream| stream.push(piece)) {
            Some(true) => self.send(event.socket),
            Some(false) => {
                self.counters.violations += 1;
                self.release(piece.offset);
                self.ask(request(Op::Abort, event.socket));
            }
            None => self.release(piece.offset),
        }
    }

    fn piece_sent(&mut self, socket: u16) {
        match self.stream(socket).and_then(Stream::sent) {
            Some(piece) => self.release(piece.offset),
            None => self.counters.violations += 1,
        }
        self.send(socket);
    }

    /// Asks for what can be sent now, and for the end once all is sent.
    fn send(&mut self, socket: u16) {
        while let Some(Piece { offset, len }) = self.stream(socket).and_then(Stream::next_send) {
            self.ask(Request { offset, len, ..request(Op::Send, socket) });
        }
        if self.stream(socket).is_some_and(Stream::take_finished) {
            self.ask(request(Op::Close, socket));
        }
    }

    fn forget(&mut self, socket: u16) {
        let stream = self.streams.remove(&socket);
        for piece in stream.into_iter().flat_map(Stream::into_pieces) {
            self.release(piece.offset);
        }
    }

    fn release(&mut self, offset: u32) {
        self.ask(Request { offset, ..request(Op::Release, 0) });
    }
}

/// Cookie of `UdpSend`.
const DATAGRAM: u64 = 1;

fn request(op: Op, socket: u16) -> Request {
    let op = op.code();
    Request { cookie: 0, op, socket, port: 0, remote_port: 0, offset: 0, len: 0, remote: [0; 16] }
}

#[cfg(test)]
mod tests;
