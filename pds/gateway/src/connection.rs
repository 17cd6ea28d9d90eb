//! One connection: requests in, responses out, one after the other.
//!
//! ```text
//!          first byte         whole head               last byte written
//! Idle ───────────────▶ Head ────────────▶ Serving ───────────────────────▶ Idle
//!   │                     │ not HTTP          │ last request
//!   │ idle too long       ▼                   ▼                 all sent
//!   └──────────────▶ Finishing ◀──────────────┘ ── Finishing ─────────────▶ Closing ──▶ Free
//!
//! anywhere: no progress, or proof failed in mid-body ──▶ Aborting ──▶ Aborted ──▶ Free
//! ```

use protocols::net::Op;
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::DataRegion;

use crate::NetPeer;
use crate::exchange::{Activity, Exchange};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::http::{Code, Found, Head, Length, check_line};
use crate::inbox::{Inbox, Returns};
use crate::outbox::{Lanes, Outbox};
use crate::readers::Readers;
use crate::service::Counters;
use crate::text::Text;

const SECOND_NS: u64 = 1_000_000_000;
/// From the first byte of a head to its last.
const HEAD_NS: u64 = 10 * SECOND_NS;
/// Between requests.
const IDLE_NS: u64 = 30 * SECOND_NS;
/// Without progress, while something is to be sent: `net` takes over nothing of what it was given,
/// which is never more than the ring of one connection.
const STALLED_NS: u64 = 30 * SECOND_NS;
/// From a request to the first proven byte.
const PROOF_NS: u64 = 10 * SECOND_NS;
/// From our last byte until the client has closed, too: `net` may still be sending much of the answer.
const LINGER_NS: u64 = 30 * SECOND_NS;
/// The same when others wait for its place.
const LINGER_CROWDED_NS: u64 = 5 * SECOND_NS;
/// How long a client that has not been answered may be silent when others wait for its place.
const SILENCE_NS: u64 = SECOND_NS;
/// How long a client that closes when it is told may take. Then another one is told.
const LEAVE_NS: u64 = SECOND_NS / 10;
/// Requests of one connection before the others get their turn.
const REQUESTS_PER_TURN: usize = 8;
/// Room that a request must find before it is looked at: any head, and a line of text.
const RESPONSE_BYTES_MAX: u32 = 1024;

/// What a connection works with, besides its own.
pub(crate) struct Context<'c, 'a, F: FnMut()> {
    pub(crate) now_ns: u64,
    pub(crate) net: &'c mut NetPeer<'a, F>,
    /// This PD's region towards `net`.
    pub(crate) output: DataRegion<'a>,
    /// `net`'s region towards this PD.
    pub(crate) input: DataRegion<'a, ReadOnly>,
    pub(crate) readers: &'c mut Readers<'a, F>,
    pub(crate) facts: &'c mut Facts<'a, F>,
    pub(crate) returns: &'c mut Returns,
    pub(crate) lanes: &'c mut Lanes,
    pub(crate) counters: &'c mut Counters,
    /// Room to compose text in.
    pub(crate) scratch: &'c mut [u8],
}

/// See the chart above.
#[derive(Debug)]
pub(crate) enum State {
    Free,
    Idle,
    Head { since_ns: u64 },
    Serving { exchange: Exchange, activity: Activity, since_ns: u64 },
    Finishing,
    Closing { since_ns: u64 },
    Aborting,
    Aborted,
}

/// A connection, or the place for one.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What `net` calls it.
    pub(crate) socket: u16,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) state: State,
    /// Since when a request may come.
    open_ns: u64,
    /// One has come and been answered.
    was_answered: bool,
    /// When `net` last took something over.
    progress_ns: u64,
}

impl Connection {
    /// A place for a connection.
    pub(crate) const fn new(outbox: Outbox) -> Self {
        Self {
            socket: 0,
            inbox: Inbox::EMPTY,
            outbox,
            state: State::Free,
            open_ns: 0,
            was_answered: false,
            progress_ns: 0,
        }
    }

    pub(crate) const fn is_free(&self) -> bool {
        matches!(self.state, State::Free)
    }

    /// Begins a connection that `net` calls `socket`.
    pub(crate) fn begin(&mut self, socket: u16, now_ns: u64) {
        self.socket = socket;
        self.state = State::Idle;
        self.open_ns = now_ns;
        self.was_answered = false;
        self.progress_ns = now_ns;
    }

    /// From when on it may be reset for somebody else: it is its client's turn, and has been for long. An
    /// answer may still be on its way, which `net` does not tell, so that who was answered is closed first.
    pub(crate) fn reset_ns(&self) -> Option<u64> {
        let (since_ns, patience_ns) = match self.state {
            State::Idle if !self.was_answered => (self.open_ns, SILENCE_NS),
            State::Head { since_ns } => (since_ns, SILENCE_NS),
            State::Closing { since_ns } => (since_ns, LINGER_CROWDED_NS),
            _ => return None,
        };
        self.outbox.is_empty().then_some(since_ns.saturating_add(patience_ns))
    }

    /// Since when it may be closed for somebody else: its last request has been answered, and nothing has
    /// come since.
    pub(crate) fn idle_again_since(&self) -> Option<u64> {
        let is_idle = matches!(self.state, State::Idle) && self.was_answered;
        (is_idle && self.outbox.is_empty()).then_some(self.open_ns)
    }

    /// Until when it is expected to make room by itself: it was closed a moment ago.
    pub(crate) fn leaves_until(&self) -> Option<u64> {
        match self.state {
            State::Finishing => Some(u64::MAX),
            State::Closing { since_ns } => Some(since_ns.saturating_add(LEAVE_NS)),
            _ => None,
        }
    }

    /// Is its place free, or going to be as soon as `net` hears of it?
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self.state, State::Free | State::Aborting | State::Aborted)
    }

    /// Ends an idle connection in order.
    pub(crate) fn close(&mut self) {
        self.state = State::Finishing;
    }

    /// Copies what arrived, as far as there is room.
    pub(crate) fn fill<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) {
        self.inbox.fill(cx.input, cx.returns);
    }

    /// `net` has taken over what was sent first.
    pub(crate) fn sent<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) {
        self.progress_ns = cx.now_ns;
        if self.outbox.taken_over().is_err() {
            cx.net.blame("sent what nobody gave it");
        }
    }

    /// The connection is gone.
    pub(crate) fn end<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) {
        self.let_go(cx);
        self.inbox.clear(cx.returns);
        self.outbox.clear(cx.lanes);
        self.state = State::Free;
    }

    /// Resets the connection. What it held is given back at once, its place when `net` confirms.
    pub(crate) fn abort<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) {
        if !matches!(self.state, State::Free | State::Aborted) {
            self.let_go(cx);
            self.state = State::Aborting;
        }
    }

    /// Gives back what only a living connection needs.
    fn let_go<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) {
        if let State::Serving { activity, .. } = &self.state
            && let Some(reader) = activity.reader()
        {
            cx.readers.release(reader);
        }
        self.inbox.discard(cx.returns);
    }

    /// Does what can be done now; `true` when it stopped only to let others have their turn.
    pub(crate) fn step<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) -> bool {
        if self.outbox.is_empty() {
            self.progress_ns = cx.now_ns;
            if !matches!(self.state, State::Serving { .. }) {
                self.outbox.narrow(cx.lanes);
            }
        }
        let mut turns = 0;
        while turns < REQUESTS_PER_TURN && self.advance(cx) {
            turns += 1;
        }
        if cx.now_ns >= self.deadline_ns() {
            self.expire(cx);
        }
        if !self.is_gone() && self.outbox.flush(self.socket, cx.net) {
            // `net` is woken anyway.
            cx.returns.flush_all(cx.net);
        }
        turns == REQUESTS_PER_TURN
    }

    /// One step; `false` when there is nothing to do before something else happens.
    fn advance<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) -> bool {
        match self.state {
            State::Free | State::Aborted => false,
            State::Idle | State::Head { .. } => {
                self.fill(cx);
                self.outbox.room() >= RESPONSE_BYTES_MAX && self.look(cx)
            }
            State::Serving { .. } => self.serve(cx),
            State::Finishing => {
                self.inbox.discard(cx.returns);
                self.outbox.flush(self.socket, cx.net);
                if self.outbox.is_flushed() && cx.net.send(crate::request(Op::Close, self.socket)) {
                    self.state = State::Closing { since_ns: cx.now_ns };
                }
                false
            }
            State::Closing { .. } => {
                self.inbox.discard(cx.returns);
                false
            }
            State::Aborting => {
                if cx.net.send(crate::request(Op::Abort, self.socket)) {
                    self.state = State::Aborted;
                }
                false
            }
        }
    }

    /// Looks for a request.
    fn look<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) -> bool {
        let found = self.inbox.find_head();
        if matches!(self.state, State::Idle) && !self.inbox.is_empty() {
            self.state = State::Head { since_ns: cx.now_ns };
        }
        match found {
            Found::Head(len) => self.receive(len, cx),
            Found::Bad(code) => self.refuse(code, cx),
            Found::Line => match check_line(self.inbox.bytes()) {
                Ok(()) => return false,
                Err(code) => self.refuse(code, cx),
            },
            Found::More => {
                if self.inbox.has_ended() {
                    self.state = State::Finishing;
                    return true;
                }
                if self.inbox.is_empty() {
                    self.state = State::Idle;
                }
                return false;
            }
        }
        true
    }

    /// Refuses what is not a request; the connection ends with the answer.
    pub(crate) fn refuse<F: FnMut()>(&mut self, code: Code, cx: &mut Context<'_, '_, F>) {
        cx.counters.requests += 1;
        self.respond(code, code.line(), &Exchange::LAST, cx);
        self.inbox.discard(cx.returns);
        self.state = State::Finishing;
    }

    /// Writes a response with one line of text, whose room was seen before the request was.
    pub(crate) fn respond<F: FnMut()>(
        &mut self,
        code: Code,
        line: &str,
        exchange: &Exchange,
        cx: &mut Context<'_, '_, F>,
    ) {
        let length = Length::Bytes(line.len() as u64 + 1);
        let head = Head { media: TEXT, ..Head::new(code, length, exchange.keep_alive) };
        self.write_head(&head, cx);
        if !exchange.is_head {
            self.outbox.write(cx.output, line.as_bytes());
            self.outbox.write(cx.output, b"\n");
        }
    }

    /// Writes a response head.
    pub(crate) fn write_head<F: FnMut()>(&mut self, head: &Head<'_>, cx: &mut Context<'_, '_, F>) {
        cx.counters.errors += u64::from(head.code.is_error());
        let mut buffer = [0; Head::BYTES_MAX];
        let mut text = Text::new(&mut buffer);
        head.write(&mut text);
        self.outbox.write(cx.output, text.as_bytes());
    }

    /// The response is complete: on to the next request.
    pub(crate) fn finish<F: FnMut()>(&mut self, exchange: &Exchange, cx: &mut Context<'_, '_, F>) {
        if exchange.keep_alive {
            self.inbox.consume(exchange.head_len, exchange.content_len);
            self.state = State::Idle;
            self.open_ns = cx.now_ns;
            self.was_answered = true;
        } else {
            self.inbox.discard(cx.returns);
            self.state = State::Finishing;
        }
    }

    /// When [`Connection::step`] has something to do even if nothing happens.
    pub(crate) fn deadline_ns(&self) -> u64 {
        let stalled = self.progress_ns.saturating_add(STALLED_NS);
        match &self.state {
            State::Free | State::Aborting | State::Aborted => u64::MAX,
            State::Closing { since_ns } => since_ns.saturating_add(LINGER_NS).max(
                // A slow reader may still be busy with what `net` has not yet taken over.
                if self.outbox.is_empty() { 0 } else { stalled },
            ),
            _ if !self.outbox.is_empty() => stalled,
            State::Idle => self.open_ns.saturating_add(IDLE_NS),
            State::Head { since_ns } => since_ns.saturating_add(HEAD_NS),
            State::Serving { activity, since_ns, .. } => {
                activity.deadline_ns().unwrap_or(since_ns.saturating_add(PROOF_NS))
            }
            State::Finishing => stalled,
        }
    }

    /// Waited too long.
    fn expire<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) {
        match &self.state {
            State::Idle if self.outbox.is_empty() => self.close(),
            State::Head { .. } if self.outbox.is_empty() => self.refuse(Code::RequestTimeout, cx),
            State::Serving { .. } if self.outbox.is_empty() => self.fail(&Failure::silence(), cx),
            _ => self.abort(cx),
        }
        self.advance(cx);
    }
}

/// Media type of a line of text.
const TEXT: &str = "text/plain; charset=utf-8";
