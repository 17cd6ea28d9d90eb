//! Everything together: events in, requests out, connections and timeouts.

use protocols::integrity::PATH_BYTES_MAX;
use protocols::net::{Event, Kind, Op, Status};
use protocols::{system, timer};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::DataRegion;

use crate::connection::{Connection, Context, State};
use crate::facts::{Facts, Sources};
use crate::inbox::Returns;
use crate::outbox::{Lanes, Outbox};
use crate::peer::{News, Peer};
use crate::readers::{READERS, Reader, Readers};
use crate::{IntegrityLink, NetLink, NetPeer, TimerLink};

/// Connections that are kept at once.
pub const CONNECTIONS_MAX: usize = 16;
/// One more than is kept, so that a newcomer is heard at once. Who comes when all places are taken
/// waits at `net`.
pub(crate) const PLACES: usize = CONNECTIONS_MAX + 1;
const HTTP_PORT: u16 = 80;
/// Receive buffers that wait for room in all connections together. The rest of what `net` has is
/// for those that keep up.
const LENT_MAX: usize = 16;
/// Events that `net` may bring before connections get their turn.
const EVENTS_PER_TURN: usize = protocols::net::RING_SLOTS;
/// How long until a refused listener is asked for again.
const RETRY_NS: u64 = 1_000_000_000;
/// The longest piece of a page: a path of which each byte becomes `%xx` and `&quot;`, and the rest.
const SCRATCH_BYTES: usize = 9 * PATH_BYTES_MAX + 1024;
/// Bytes of a connection's ring towards `net`.
const RING_BYTES: u32 = 12 * 1024;
const _: () =
    assert!(RING_BYTES as usize > SCRATCH_BYTES + 1024, "no room for a piece and its head");

/// Buffers, to be placed in static memory: about 200 KiB.
pub struct Memory {
    /// Full once the gateway has started.
    connections: heapless::Vec<Connection, PLACES>,
    readers: [Reader; READERS],
    scratch: [u8; SCRATCH_BYTES],
    page: system::Status,
}

impl Memory {
    /// Memory of a gateway that has not been started.
    pub const EMPTY: Self = Self {
        connections: heapless::Vec::new(),
        readers: [const { Reader::new() }; READERS],
        scratch: [0; SCRATCH_BYTES],
        page: system::Status::EMPTY,
    };
}

/// What the gateway is made of.
pub struct Parts<'a, F: FnMut()> {
    /// Buffers.
    pub memory: &'a mut Memory,
    /// The link to `net`.
    pub net: NetLink<'a, F>,
    /// What this PD writes and `net` sends.
    pub output: DataRegion<'a>,
    /// What `net` received.
    pub input: DataRegion<'a, ReadOnly>,
    /// The link to `integrity`.
    pub integrity: IntegrityLink<'a, F>,
    /// Paths for `integrity`.
    pub paths: DataRegion<'a>,
    /// Bytes that `integrity` has proven.
    pub proven: DataRegion<'a, ReadOnly>,
    /// The link to `timer`.
    pub timer: TimerLink<'a, F>,
    /// What the status is made of.
    pub sources: Sources<'a, F>,
}

/// What happened since the start, for the status page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests that came, answered or not.
    pub requests: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// Requests that failed because something did not prove.
    pub not_proven: u64,
    /// Connections that came.
    pub accepted: u64,
    /// Connections that were ended to make room.
    pub dropped: u64,
    /// Connections at the moment.
    pub open: u64,
    /// Times that a peer broke its protocol.
    pub violations: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    /// To be asked for, not before this time.
    Wanted(u64),
    Asked,
    Listening(u16),
}

/// The PD's whole state.
pub struct Gateway<'a, F: FnMut()> {
    net: NetPeer<'a, F>,
    output: DataRegion<'a>,
    input: DataRegion<'a, ReadOnly>,
    readers: Readers<'a, F>,
    facts: Facts<'a, F>,
    timer: Peer<'a, timer::Request, timer::Completion, { timer::RING_SLOTS }, F>,
    /// When the timeout that is set goes off.
    armed_ns: u64,
    listener: Listener,
    connections: &'a mut [Connection],
    returns: Returns,
    lanes: Lanes,
    counters: Counters,
    scratch: &'a mut [u8; SCRATCH_BYTES],
}

impl<'a, F: FnMut()> Gateway<'a, F> {
    /// A gateway that has not yet asked anybody for anything.
    ///
    /// # Panics
    /// If the composition made a region too small.
    pub fn new(parts: Parts<'a, F>) -> Self {
        let Memory { connections, readers, scratch, page } = parts.memory;
        let rings = PLACES * RING_BYTES as usize;
        assert!(parts.output.len() >= rings, "the region to net is too small for responses");
        let mut start = 0;
        connections.clear();
        while connections.push(Connection::new(Outbox::new(start, RING_BYTES))).is_ok() {
            start += RING_BYTES;
        }
        Self {
            net: Peer::new("net", parts.net),
            output: parts.output,
            input: parts.input,
            readers: Readers::new(readers, parts.integrity, parts.paths, parts.proven),
            facts: Facts::new(parts.sources, page),
            timer: Peer::new("timer", parts.timer),
            armed_ns: u64::MAX,
            listener: Listener::Wanted(0),
            connections,
            returns: Returns::default(),
            lanes: Lanes::new(start, parts.output.len()),
            counters: Counters::default(),
            scratch,
        }
    }

    /// Can clients connect?
    pub const fn is_listening(&self) -> bool {
        matches!(self.listener, Listener::Listening(_))
    }

    /// Counters so far.
    pub fn counters(&mut self) -> Counters {
        let open = self.connections.iter().filter(|connection| !connection.is_free()).count();
        Counters {
            open: open as u64,
            violations: self.net.violations()
                + self.readers.peer().violations()
                + self.facts.violations()
                + self.timer.violations(),
            ..self.counters
        }
    }

    /// `supervisor` has refreshed the status page; [`Gateway::step`] must follow.
    pub fn refreshed(&mut self) {
        self.facts.refreshed();
    }

    /// Does what there is to do, and prepares every link for sleep. Asks for the time in each round,
    /// and for each connection: under load there may be many, and one may compose a long page.
    pub fn step(&mut self, mut clock_ns: impl FnMut() -> u64) {
        loop {
            let now_ns = clock_ns();
            let mut has_more = self.hear_net(now_ns);
            while self.readers.hear(now_ns) {}
            while self.facts.hear(now_ns) {}
            self.hear_timer(now_ns);
            self.listen(now_ns);
            has_more |= self.serve(&mut clock_ns);
            has_more |= self.make_room(now_ns);
            self.readers.pump();
            self.readers.peer().flush();
            self.returns.flush(&mut self.net);
            self.net.flush();
            if !has_more {
                self.set_timer(now_ns);
                if self.arm() {
                    return;
                }
            }
        }
    }

    fn arm(&mut self) -> bool {
        let mut is_idle = self.net.arm();
        is_idle &= self.readers.peer().arm();
        is_idle &= self.facts.arm();
        is_idle & self.timer.arm()
    }

    fn context<'c>(&'c mut self, now_ns: u64) -> (&'c mut [Connection], Context<'c, 'a, F>) {
        let context = Context {
            now_ns,
            net: &mut self.net,
            output: self.output,
            input: self.input,
            readers: &mut self.readers,
            facts: &mut self.facts,
            returns: &mut self.returns,
            lanes: &mut self.lanes,
            counters: &mut self.counters,
            scratch: self.scratch,
        };
        (self.connections, context)
    }

    /// Gives every connection its turn; whether one has more to do.
    fn serve(&mut self, clock_ns: &mut impl FnMut() -> u64) -> bool {
        let (connections, mut cx) = self.context(0);
        let mut has_more = false;
        for connection in connections.iter_mut().filter(|connection| !connection.is_free()) {
            cx.now_ns = clock_ns();
            has_more |= connection.step(&mut cx);
        }
        has_more
    }

    /// Takes one turn of events; whether there may be more.
    fn hear_net(&mut self, now_ns: u64) -> bool {
        for _ in 0..EVENTS_PER_TURN {
            match self.net.receive(now_ns) {
                Some(News::Message(event)) => self.take(&event, now_ns),
                Some(News::Lost) => self.lose(now_ns),
                None => return false,
            }
        }
        true
    }

    /// `net` started anew, or is not to be trusted: there is no connection any more.
    fn lose(&mut self, now_ns: u64) {
        let (connections, mut cx) = self.context(now_ns);
        for connection in connections.iter_mut().filter(|connection| !connection.is_free()) {
            connection.end(&mut cx);
        }
        self.returns.clear();
        self.listener = Listener::Wanted(now_ns);
    }

    fn listen(&mut self, now_ns: u64) {
        if matches!(self.listener, Listener::Wanted(at) if at <= now_ns) {
            let request = crate::request(Op::TcpListen, 0);
            let len = u32::try_from(self.connections.len()).unwrap_or(0);
            if self.net.send(protocols::net::Request { port: HTTP_PORT, len, ..request }) {
                self.listener = Listener::Asked;
            }
        }
    }

    fn take(&mut self, event: &Event, now_ns: u64) {
        match Kind::from_code(event.kind) {
            Some(Kind::Listening) if self.listener == Listener::Asked => {
                self.listener = Listener::Listening(event.socket);
            }
            Some(Kind::Accepted) => self.accept(event.socket, now_ns),
            Some(Kind::Data) => self.take_data(event, now_ns),
            Some(Kind::Closed) if self.listener == Listener::Listening(event.socket) => {
                self.listener = Listener::Wanted(now_ns.saturating_add(RETRY_NS));
            }
            Some(Kind::Refused) if event.cookie == crate::cookie(Op::TcpListen) => {
                self.listener = Listener::Wanted(now_ns.saturating_add(RETRY_NS));
            }
            Some(Kind::Sent | Kind::PeerClosed | Kind::Closed | Kind::Refused) => {
                self.take_for_connection(event, now_ns);
            }
            _ => self.net.blame("sent an event that nobody waits for"),
        }
    }

    fn take_for_connection(&mut self, event: &Event, now_ns: u64) {
        let (connections, mut cx) = self.context(now_ns);
        // Late news of a connection that was reset are nobody's.
        let Some(connection) = connections
            .iter_mut()
            .find(|connection| !connection.is_free() && connection.socket == event.socket)
        else {
            return;
        };
        match Kind::from_code(event.kind) {
            Some(Kind::Sent) => connection.sent(&mut cx),
            Some(Kind::PeerClosed) => connection.inbox.end(),
            Some(Kind::Closed) => connection.end(&mut cx),
            _ if Status::from_code(event.status) == Some(Status::NoSocket) => {
                connection.end(&mut cx);
            }
            _ if event.cookie == crate::cookie(Op::Send) => connection.abort(&mut cx),
            _ => {}
        }
    }

    fn take_data(&mut self, event: &Event, now_ns: u64) {
        let (connections, cx) = self.context(now_ns);
        let connection = connections
            .iter_mut()
            .find(|connection| !connection.is_free() && connection.socket == event.socket);
        let Ok(bytes) = cx.input.span(event.offset, event.len) else {
            cx.net.blame("named bytes outside its region");
            return;
        };
        let wants_more = connection.filter(|connection| connection.reads());
        let is_taken =
            wants_more.is_some_and(|connection| connection.inbox.take(event.offset, bytes).is_ok());
        if !is_taken {
            cx.returns.push(event.offset);
            return;
        }
        self.limit_lent(now_ns);
    }

    /// Connections that send more requests than they wait for answers share a part of `net`'s
    /// receive buffers. Who holds most of it, when it is used up, is reset.
    fn limit_lent(&mut self, now_ns: u64) {
        let (connections, mut cx) = self.context(now_ns);
        for connection in connections.iter_mut() {
            connection.fill(&mut cx);
        }
        let lent: usize = connections.iter().map(|connection| connection.inbox.lent_count()).sum();
        if lent <= LENT_MAX {
            return;
        }
        let most = connections.iter_mut().max_by_key(|connection| connection.inbox.lent_count());
        if let Some(connection) = most {
            cx.counters.dropped += 1;
            connection.abort(&mut cx);
        }
    }

    fn accept(&mut self, socket: u16, now_ns: u64) {
        let (connections, mut cx) = self.context(now_ns);
        cx.counters.accepted += 1;
        if let Some(old) = connections
            .iter_mut()
            .find(|connection| !connection.is_free() && connection.socket == socket)
        {
            cx.net.blame("accepted on a socket that is in use");
            old.end(&mut cx);
        }
        match connections.iter_mut().find(|connection| connection.is_free()) {
            Some(place) => place.begin(socket, now_ns),
            None => cx.net.blame("accepted more connections than it was asked to"),
        }
    }

    /// Is every place taken, and none about to be free?
    fn is_crowded(&self) -> bool {
        !self.connections.iter().any(Connection::is_gone)
    }

    /// Lets a connection go that gives way to whoever comes next, if there is no place for one;
    /// whether it did.
    ///
    /// A client that has been silent for long is reset. Else a connection that is idle after its answer
    /// is closed in order, one after the other. Nobody else gives way, for who has just come is about
    /// to ask.
    fn make_room(&mut self, now_ns: u64) -> bool {
        if !self.is_crowded() {
            return false;
        }
        let (connections, mut cx) = self.context(now_ns);
        let one_is_leaving =
            connections.iter().filter_map(Connection::leaves_until).any(|until| until > now_ns);
        let silent = connections.iter_mut().filter_map(|one| Some((one.reset_ns()?, one)));
        if let Some((_, longest)) =
            silent.filter(|(at_ns, _)| *at_ns <= now_ns).min_by_key(|(at_ns, _)| *at_ns)
        {
            cx.counters.dropped += u64::from(longest.leaves_until().is_none());
            longest.abort(&mut cx);
        } else if one_is_leaving {
            return false;
        } else {
            let idle =
                connections.iter_mut().filter_map(|one| Some((one.idle_again_since()?, one)));
            let Some((_, longest)) = idle.min_by_key(|(since_ns, _)| *since_ns) else {
                return false;
            };
            cx.counters.dropped += 1;
            longest.close();
        }
        true
    }

    /// When [`Gateway::make_room`] has something to do even if nothing happens.
    fn room_deadline_ns(&self, now_ns: u64) -> u64 {
        if !self.is_crowded() {
            return u64::MAX;
        }
        let all = self.connections.iter();
        let all = all.flat_map(|one| [one.reset_ns(), one.leaves_until()]).flatten();
        all.filter(|at_ns| *at_ns > now_ns).min().unwrap_or(u64::MAX)
    }

    fn hear_timer(&mut self, now_ns: u64) {
        while self.timer.receive(now_ns).is_some() {
            self.armed_ns = u64::MAX;
        }
    }

    /// Sets the timeout for whatever comes first. An earlier one may stay: waking up too early does
    /// no harm, and a timeout is set once for many requests.
    fn set_timer(&mut self, now_ns: u64) {
        let listener_ns = match self.listener {
            Listener::Wanted(at) => at,
            Listener::Asked | Listener::Listening(_) => u64::MAX,
        };
        let connections = self.connections.iter().map(Connection::deadline_ns);
        let deadline_ns = connections
            .chain([listener_ns, self.facts.deadline_ns(), self.net.deadline_ns()])
            .chain([self.readers.peer().deadline_ns(), self.room_deadline_ns(now_ns)])
            // What is overdue waits for a peer, which will wake us.
            .filter(|deadline_ns| *deadline_ns > now_ns)
            .fold(u64::MAX, u64::min);
        if deadline_ns >= self.armed_ns {
            return;
        }
        let op = timer::Op::Arm.code();
        if self.timer.send(timer::Request { cookie: 1, deadline_ns, op, reserved: [0; 6] }) {
            self.armed_ns = deadline_ns;
        }
    }
}

impl Connection {
    /// Does it still want what arrives?
    const fn reads(&self) -> bool {
        !matches!(
            self.state,
            State::Free
                | State::Finishing
                | State::Closing { .. }
                | State::Aborting
                | State::Aborted
        )
    }
}
