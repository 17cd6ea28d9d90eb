//! `net` with clients that are nothing but bytes. Keeps its own rules strictly, so that a gateway
//! that breaks the protocol fails the test.

use std::collections::{BTreeMap, VecDeque};
use std::vec::Vec;

use protocols::net::{Event, Kind, Op, RING_SLOTS, Request, Status};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, LinkError, RawLink};
use zerocopy::FromZeros;

use super::{Server, silent};

pub(crate) type Raw = RawLink<Request, Event, RING_SLOTS>;

const CHUNK: u32 = 4096;
const LENT_MAX: usize = 16;
const LISTENER: u16 = 30;
const SOCKETS: u16 = 24;

#[derive(Default)]
struct Socket {
    /// On its way to the gateway.
    input: VecDeque<u8>,
    output: Vec<u8>,
    sends: VecDeque<Request>,
    lent: usize,
    /// The client reads so many bytes, then no more.
    reads: usize,
    is_announced: bool,
    has_shut: bool,
    has_told_shut: bool,
    is_closing: bool,
    /// The client does not close when the gateway does.
    stays: bool,
}

pub(crate) struct FakeNet {
    raw: &'static Raw,
    link: Server<Request, Event, RING_SLOTS>,
    data: DataRegion<'static, ReadOnly>,
    received: DataRegion<'static>,
    sockets: BTreeMap<u16, Socket>,
    /// How the connections ended that are no more, and what came out of them.
    ended: BTreeMap<u16, (Vec<u8>, bool)>,
    /// Receive buffers and who has them.
    chunks: Vec<Option<u16>>,
    connections_max: usize,
    /// Bytes of the next segments, over and over.
    pub(crate) segments: Vec<usize>,
    segment: usize,
    pub(crate) requests: usize,
    /// Refuses to listen so often.
    pub(crate) refusals: usize,
}

impl FakeNet {
    pub(crate) fn new(
        raw: &'static Raw,
        data: DataRegion<'static, ReadOnly>,
        received: DataRegion<'static>,
    ) -> Self {
        let chunks = std::vec![None; received.len() / CHUNK as usize];
        Self {
            raw,
            link: raw.server(silent()),
            data,
            received,
            sockets: BTreeMap::new(),
            ended: BTreeMap::new(),
            chunks,
            connections_max: 0,
            segments: std::vec![1460],
            segment: 0,
            requests: 0,
            refusals: 0,
        }
    }

    /// A new life; answers the end of the old one.
    pub(crate) fn restart(&mut self) -> Server<Request, Event, RING_SLOTS> {
        core::mem::replace(self, Self::new(self.raw, self.data, self.received)).link
    }

    pub(crate) fn link(&mut self) -> &mut Server<Request, Event, RING_SLOTS> {
        &mut self.link
    }

    /// A client connects, if the gateway listens and there is a socket.
    pub(crate) fn connect(&mut self) -> Option<u16> {
        if self.sockets.len() >= self.connections_max {
            return None;
        }
        let number = (0..SOCKETS).find(|number| !self.sockets.contains_key(number))?;
        self.ended.remove(&number);
        self.sockets.insert(number, Socket { reads: usize::MAX, ..Socket::default() });
        Some(number)
    }

    /// The client sends bytes.
    pub(crate) fn send(&mut self, socket: u16, bytes: &[u8]) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.input.extend(bytes);
        }
    }

    /// The client sends no more.
    pub(crate) fn shut(&mut self, socket: u16) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.has_shut = true;
        }
    }

    /// The client resets the connection.
    pub(crate) fn reset(&mut self, number: u16) {
        if let Some(socket) = self.sockets.remove(&number) {
            self.disown(number);
            self.end(number, socket, true, Status::Reset, 0);
        }
    }

    /// The client never closes.
    pub(crate) fn stay(&mut self, socket: u16) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.stays = true;
        }
    }

    /// The client reads only so many more bytes.
    pub(crate) fn limit_reading(&mut self, socket: u16, bytes: usize) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.reads = bytes;
        }
    }

    /// What the client has read since the last time.
    pub(crate) fn take_output(&mut self, socket: u16) -> Vec<u8> {
        match (self.sockets.get_mut(&socket), self.ended.get_mut(&socket)) {
            (Some(socket), _) => core::mem::take(&mut socket.output),
            (None, Some((output, _))) => core::mem::take(output),
            (None, None) => Vec::new(),
        }
    }

    pub(crate) fn is_open(&self, socket: u16) -> bool {
        self.sockets.contains_key(&socket)
    }

    /// Did the connection end with a reset?
    pub(crate) fn was_reset(&self, socket: u16) -> bool {
        self.ended.get(&socket).is_some_and(|(_, was_reset)| *was_reset)
    }

    pub(crate) fn open_count(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn lent_count(&self) -> usize {
        self.chunks.iter().flatten().count()
    }

    fn end(&mut self, number: u16, socket: Socket, was_reset: bool, status: Status, cookie: u64) {
        self.ended.insert(number, (socket.output, was_reset));
        self.tell(Event { socket: number, ..event(Kind::Closed, status, cookie) });
    }

    fn tell(&mut self, event: Event) {
        self.link.send(event).expect("room was seen");
        self.link.flush();
    }

    pub(crate) fn step(&mut self) -> bool {
        let mut is_busy = false;
        while self.link.room() > 0 {
            match self.link.receive() {
                Ok(Some(request)) => self.take(&request),
                Err(LinkError::PeerRestarted) => {
                    self.sockets.clear();
                    self.chunks.fill(None);
                    self.connections_max = 0;
                }
                Ok(None) | Err(LinkError::PeerMisbehavior) => break,
            }
            is_busy = true;
        }
        let numbers: Vec<u16> = self.sockets.keys().copied().collect();
        for number in numbers {
            is_busy |= self.serve(number);
        }
        is_busy | !self.link.arm()
    }

    fn take(&mut self, request: &Request) {
        self.requests += 1;
        let refuse = |status| Event {
            socket: request.socket,
            ..event(Kind::Refused, status, request.cookie)
        };
        match Op::from_code(request.op).expect("a known operation") {
            Op::TcpListen => {
                assert_eq!(request.port, 80);
                if self.refusals > 0 {
                    self.refusals -= 1;
                    return self.tell(refuse(Status::PortTaken));
                }
                self.connections_max = request.len as usize;
                self.tell(Event {
                    socket: LISTENER,
                    ..event(Kind::Listening, Status::Ok, request.cookie)
                });
            }
            Op::Send => {
                self.data.span(request.offset, request.len).expect("within the region");
                assert!(request.len > 0);
                match self.sockets.get_mut(&request.socket) {
                    Some(socket) => {
                        assert!(!socket.is_closing && socket.sends.len() < 4);
                        socket.sends.push_back(*request);
                    }
                    None => self.tell(refuse(Status::NoSocket)),
                }
            }
            Op::Release => {
                assert_eq!(request.offset % CHUNK, 0);
                let chunk = &mut self.chunks[(request.offset / CHUNK) as usize];
                let owner = chunk.take().expect("released once");
                if let Some(socket) = self.sockets.get_mut(&owner) {
                    socket.lent -= 1;
                }
            }
            Op::Close => match self.sockets.get_mut(&request.socket) {
                Some(socket) => socket.is_closing = true,
                None => self.tell(refuse(Status::NoSocket)),
            },
            Op::Abort => match self.sockets.remove(&request.socket) {
                Some(socket) => {
                    self.disown(request.socket);
                    self.end(request.socket, socket, true, Status::Ok, request.cookie);
                }
                None => self.tell(refuse(Status::NoSocket)),
            },
            other => panic!("{other:?} is not for a gateway"),
        }
    }

    /// What a closed connection lent still comes back, but counts for nobody.
    fn disown(&mut self, number: u16) {
        for chunk in self.chunks.iter_mut().filter(|chunk| **chunk == Some(number)) {
            *chunk = Some(u16::MAX);
        }
    }

    fn serve(&mut self, number: u16) -> bool {
        let mut is_busy = false;
        let Some(mut socket) = self.sockets.remove(&number) else { return false };
        if !socket.is_announced && self.link.room() > 0 {
            socket.is_announced = true;
            self.tell(Event {
                socket: number,
                listener: LISTENER,
                ..event(Kind::Accepted, Status::Ok, 0)
            });
            is_busy = true;
        }
        while let Some(send) = socket.sends.front_mut() {
            let len = socket.reads.min(send.len as usize);
            let mut bytes = std::vec![0; len];
            let span = self.data.span(send.offset, u32::try_from(len).unwrap()).unwrap();
            self.data.copy_out(span, &mut bytes).unwrap();
            socket.output.extend(bytes);
            socket.reads -= len;
            send.offset += span.len();
            send.len -= span.len();
            if send.len > 0 || self.link.room() == 0 {
                break;
            }
            let cookie = send.cookie;
            socket.sends.pop_front();
            self.tell(Event { socket: number, ..event(Kind::Sent, Status::Ok, cookie) });
            is_busy = true;
        }
        while socket.lent < LENT_MAX && !socket.input.is_empty() && self.link.room() > 0 {
            let Some(chunk) = self.chunks.iter().position(Option::is_none) else { break };
            self.segment += 1;
            let len = self.segments[self.segment % self.segments.len()].min(CHUNK as usize);
            let len = len.clamp(1, socket.input.len());
            let bytes: Vec<u8> = socket.input.drain(..len).collect();
            let offset = u32::try_from(chunk).unwrap() * CHUNK;
            let span = self.received.span(offset, u32::try_from(len).unwrap()).unwrap();
            self.received.copy_in(span, &bytes).unwrap();
            self.chunks[chunk] = Some(number);
            socket.lent += 1;
            let data = event(Kind::Data, Status::Ok, 0);
            self.tell(Event { socket: number, offset, len: span.len(), ..data });
            is_busy = true;
        }
        if socket.has_shut
            && !socket.has_told_shut
            && socket.input.is_empty()
            && self.link.room() > 0
        {
            socket.has_told_shut = true;
            self.tell(Event { socket: number, ..event(Kind::PeerClosed, Status::Ok, 0) });
            is_busy = true;
        }
        // The client closes when the gateway does.
        if socket.is_closing && !socket.stays && socket.sends.is_empty() && self.link.room() > 0 {
            self.disown(number);
            self.end(number, socket, false, Status::Ok, 0);
            return true;
        }
        self.sockets.insert(number, socket);
        is_busy
    }
}

pub(crate) fn event(kind: Kind, status: Status, cookie: u64) -> Event {
    let mut event = Event::new_zeroed();
    event.kind = kind.code();
    event.status = status.code();
    event.cookie = cookie;
    event
}
