use sel4_externally_shared::ExternallySharedRef;

use crate::roles::{Read, Write};
use crate::side::{Epoch, Side, Sleep};
use crate::sync::{Ordering, fence};
use crate::{Message, Meter, RawRingBuffer, RingBuffer};

/// The shared part of a link between a client and a server: requests one way, completions back.
///
/// | offset | content | written by |
/// |---|---|---|
/// | 0 | client's epoch: u64 | client |
/// | 8 | client's sleep word: u64 | client |
/// | 64 | server's epoch: u64 | server |
/// | 72 | server's sleep word: u64 | server |
/// | 128 | ring of requests | both, see [`RawRingBuffer`] |
/// | after it | ring of completions | both |
///
/// An epoch holds the end's generation in the upper half and the peer's generation that it has
/// acknowledged in the lower half. Zeroed memory is a link that neither end has used yet.
#[repr(C)]
#[derive(Debug)]
pub struct RawLink<Req, Comp, const N: usize> {
    client: Side,
    server: Side,
    requests: RawRingBuffer<Req, N>,
    completions: RawRingBuffer<Comp, N>,
}

impl<Req: Message, Comp: Message, const N: usize> RawLink<Req, Comp, N> {
    /// A link nobody has used, in private memory, for tests.
    #[cfg(not(all(loom, test)))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            client: Side::new(),
            server: Side::new(),
            requests: RawRingBuffer::new(),
            completions: RawRingBuffer::new(),
        }
    }

    #[cfg(all(loom, test))]
    pub(crate) fn new() -> Self {
        Self {
            client: Side::new(),
            server: Side::new(),
            requests: RawRingBuffer::new(),
            completions: RawRingBuffer::new(),
        }
    }

    /// The link in `shared`.
    #[must_use]
    pub fn from_shared(shared: ExternallySharedRef<'_, Self>) -> &Self {
        // SAFETY: aligned and mapped for the lifetime, and ours alone in this program, as the
        // reference given up here promised. Every field is an atomic or behind an `UnsafeCell`
        // and any bit pattern is valid, so what strangers write does not break the reference.
        unsafe { shared.into_ptr().as_raw_ptr().as_ref() }
    }

    /// The link at the start of `region`; `None` when the region is too small or misaligned.
    #[must_use]
    pub fn in_region(region: ExternallySharedRef<'_, [u8]>) -> Option<&Self> {
        let bytes = region.into_ptr().as_raw_ptr();
        let link = bytes.cast::<Self>();
        if bytes.len() < size_of::<Self>() || !link.is_aligned() {
            return None;
        }
        // SAFETY: large enough and aligned as just checked; otherwise as for a typed reference.
        Some(Self::from_shared(unsafe { ExternallySharedRef::new(link) }))
    }

    /// Starts a new life of the client end. `notify` wakes the server.
    pub fn client<F: FnMut()>(&self, notify: F) -> ClientEnd<'_, Req, Comp, N, F> {
        LinkEnd::start(&self.client, &self.server, &self.requests, &self.completions, notify)
    }

    /// Starts a new life of the server end. `notify` wakes the client.
    pub fn server<F: FnMut()>(&self, notify: F) -> ServerEnd<'_, Req, Comp, N, F> {
        LinkEnd::start(&self.server, &self.client, &self.completions, &self.requests, notify)
    }
}

impl<Req: Message, Comp: Message, const N: usize> Default for RawLink<Req, Comp, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The end that sends requests and receives completions.
pub type ClientEnd<'a, Req, Comp, const N: usize, F = fn()> = LinkEnd<'a, Req, Comp, N, F>;

/// The end that receives requests and sends completions.
pub type ServerEnd<'a, Req, Comp, const N: usize, F = fn()> = LinkEnd<'a, Comp, Req, N, F>;

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The peer has not read enough yet. [`LinkEnd::arm`] waits for room from now on.
    Full,
    /// The peer broke the protocol and is cut off for a while.
    PeerMisbehavior,
}

/// Why nothing more can be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkError {
    /// The peer started a new life. Reported once per life seen. Whatever was sent before this
    /// report is void, also when the peer has read it; whatever is sent after it reaches the new
    /// life.
    PeerRestarted,
    /// The peer broke the protocol and is cut off, until [`LinkEnd::arm`] has forgiven it.
    PeerMisbehavior,
}

/// What this end knows about the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// The peer has not acknowledged our life: we may send, there is nothing to read.
    Pending,
    /// Both rings belong to the two lives in `expected`.
    Established,
    /// The peer broke the protocol.
    CutOff,
}

/// One end of a link; see the crate's documentation for the protocol.
#[derive(Debug)]
pub struct LinkEnd<'a, Tx, Rx, const N: usize, F = fn()> {
    own: &'a Side,
    peer: &'a Side,
    tx: RingBuffer<'a, Write, Tx, N>,
    rx: RingBuffer<'a, Read, Rx, N>,
    session: Session,
    /// The peer's epoch once it has acknowledged us: its generation as we know it, and ours.
    expected: Epoch,
    /// Our sleep word, never read back.
    sleep: Sleep,
    /// The peer's sleep that we have already ended.
    woken: Sleep,
    /// Did the last search for room fail?
    needs_room: bool,
    /// Peer's index and ours when [`LinkEnd::arm`] last told of unread messages.
    told: (u32, u32),
    /// Where we were reading at the last flush.
    flushed_at: u32,
    /// Has our epoch changed since the last flush?
    has_restarted: bool,
    /// Calls of `arm` that a cut-off lasts from now on.
    patience: u32,
    /// How many the next cut-off will last.
    sentence: u32,
    /// Is it to be reported that what was sent before a cut-off is void?
    is_forgiven: bool,
    /// Who is told what the peer broke, and how many messages wait here.
    blames: Option<&'a Meter>,
    fills: Option<&'a Meter>,
    notify: F,
}

/// The longest cut-off, in calls of `arm`.
const SENTENCE_MAX: u32 = 1 << 20;

impl<'a, Tx: Message, Rx: Message, const N: usize, F: FnMut()> LinkEnd<'a, Tx, Rx, N, F> {
    /// Messages that fit into each direction.
    pub const CAPACITY: usize = N;

    #[expect(clippy::cast_possible_truncation, reason = "`RawRingBuffer::VALID` bounds N to 65536")]
    const LIMIT: u32 = N as u32;

    fn start(
        own: &'a Side,
        peer: &'a Side,
        tx: &'a RawRingBuffer<Tx, N>,
        rx: &'a RawRingBuffer<Rx, N>,
        notify: F,
    ) -> Self {
        let mut end = Self {
            own,
            peer,
            tx: RingBuffer::with_limit(tx, Self::LIMIT),
            rx: RingBuffer::with_limit(rx, Self::LIMIT),
            session: Session::Pending,
            expected: Epoch { generation: Epoch::FIRST, acknowledged: Epoch::NOBODY },
            sleep: own.sleep().awake(),
            woken: Sleep::NEVER,
            needs_room: false,
            told: (0, 0),
            flushed_at: 0,
            has_restarted: false,
            patience: 0,
            sentence: 1,
            is_forgiven: false,
            blames: None,
            fills: None,
            notify,
        };
        end.reset();
        end
    }

    /// Shows on `meter`, from now on, how many messages wait here and what the peer breaks.
    #[must_use]
    pub fn metered(self, meter: &'a Meter) -> Self {
        meter.begin(Self::LIMIT);
        Self { fills: Some(meter), ..self.blaming(meter) }
    }

    /// As [`metered`](Self::metered), but shows what the peer breaks only: for another link to a peer
    /// that has a meter already.
    #[must_use]
    pub fn blaming(self, meter: &'a Meter) -> Self {
        Self { blames: Some(meter), ..self }
    }

    /// The peer broke the protocol that is spoken over this link. For the meter only: what follows from
    /// it is the caller's business.
    pub fn blame(&self) {
        if let Some(meter) = self.blames {
            meter.blame();
        }
    }

    /// Starts a new life of this end: both rings are empty, the peer hears [`LinkError`]
    /// `PeerRestarted`. Ends a cut-off.
    pub fn reset(&mut self) {
        self.is_forgiven = false;
        let generation = self.own.begin();
        self.own.set_sleep(self.sleep.awake());
        // A peer that has never run will call its first life by this name, so what we send
        // before it starts already reaches it.
        let peer = self.peer.epoch().generation.max(Epoch::FIRST);
        self.serve(Epoch { generation: peer, acknowledged: generation });
        self.flush();
    }

    /// Empties both rings for the pair of lives in `expected`, then tells the peer.
    fn serve(&mut self, expected: Epoch) {
        self.session = Session::Pending;
        self.expected = expected;
        self.needs_room = false;
        self.told = (0, 0);
        self.has_restarted = true;
        self.tx.restart(Self::LIMIT);
        self.rx.restart(Self::LIMIT);
        self.flushed_at = self.rx.position();
        self.own.acknowledge(Epoch {
            generation: expected.acknowledged,
            acknowledged: expected.generation,
        });
    }

    /// Our own generation, which changes with every [`reset`](Self::reset).
    #[must_use]
    pub const fn own_generation(&self) -> u32 {
        self.expected.acknowledged
    }

    /// The generation of the peer that this end currently talks to.
    #[must_use]
    pub const fn peer_generation(&self) -> u32 {
        self.expected.generation
    }

    /// Is the peer cut off for misbehavior?
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.session == Session::CutOff
    }

    /// Writes a message that [`flush`](Self::flush) publishes.
    ///
    /// Restarts of the peer are not looked for here: only [`receive`](Self::receive) reports them.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    #[inline]
    pub fn send(&mut self, message: Tx) -> Result<(), SendError> {
        if self.tx.room() == 0 {
            self.look_for_room()?;
        }
        self.tx.push(&message);
        Ok(())
    }

    /// Messages that `send` will take before it looks for room again; looks when there are none.
    pub fn room(&mut self) -> usize {
        if self.tx.room() == 0 && self.look_for_room().is_err() {
            return 0;
        }
        self.tx.room()
    }

    /// Will `send` take `count` messages, of at most [`Self::CAPACITY`]? Looks whenever fewer are
    /// known to fit; after a `false`, [`arm`](Self::arm) waits until the peer has read.
    ///
    /// To compare [`room`](Self::room) with more than 0 is no substitute: it may stay at an old
    /// value for ever, since it only looks at 0.
    pub fn has_room(&mut self, count: usize) -> bool {
        if self.tx.room() >= count {
            return true;
        }
        if self.look_for_room().is_err() {
            return false;
        }
        self.needs_room = self.tx.room() < count;
        !self.needs_room
    }

    #[cold]
    fn look_for_room(&mut self) -> Result<(), SendError> {
        match self.session {
            Session::CutOff => return Err(SendError::PeerMisbehavior),
            Session::Established => {}
            Session::Pending => {
                if self.peer.epoch() != self.expected {
                    self.needs_room = true;
                    return Err(SendError::Full);
                }
                self.session = Session::Established;
            }
        }
        let believed = self.tx.look();
        if !self.peer.is_still(self.expected) {
            // Not an index of this session, and what is sent now is void whatever it says. `arm`
            // will see the change, `receive` report it.
            self.needs_room = true;
            return Err(SendError::Full);
        }
        if !believed {
            self.cut_off();
            return Err(SendError::PeerMisbehavior);
        }
        self.needs_room = self.tx.room() == 0;
        if self.needs_room { Err(SendError::Full) } else { Ok(()) }
    }

    /// Publishes what was sent and wakes the peer if it sleeps for what we did.
    #[inline]
    pub fn flush(&mut self) {
        let has_sent = self.tx.is_uncommitted();
        if has_sent {
            self.tx.commit();
        }
        let has_read = self.rx.position() != self.flushed_at;
        if !(has_sent || has_read || self.has_restarted) {
            return;
        }
        // Our index, then the peer's sleep word: the other half of `arm`.
        fence(Ordering::SeqCst);
        let sleep = self.peer.sleep();
        if sleep.is_armed()
            && sleep != self.woken
            && (self.has_restarted || has_sent || (has_read && sleep.needs_room()))
        {
            self.woken = sleep;
            (self.notify)();
        }
        self.flushed_at = self.rx.position();
        self.has_restarted = false;
    }

    /// Takes the oldest message, copied out once.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    #[inline]
    pub fn receive(&mut self) -> Result<Option<Rx>, LinkError> {
        if self.rx.available() == 0 && !self.look_for_messages()? {
            return Ok(None);
        }
        let message = self.rx.peek();
        self.confirm()?;
        self.rx.consume(1);
        Ok(Some(message))
    }

    /// Takes up to `messages.len()` messages at once; answers how many. Looks at the peer's index
    /// only when all messages known so far have been taken.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    #[inline]
    pub fn receive_batch(&mut self, messages: &mut [Rx]) -> Result<usize, LinkError> {
        if self.rx.available() == 0 && !self.look_for_messages()? {
            return Ok(0);
        }
        let count = self.rx.peek_batch(messages);
        self.confirm()?;
        self.rx.consume(count);
        Ok(count)
    }

    /// Are the slots just copied of the life we know? If so they may be given back.
    #[inline(always)]
    fn confirm(&mut self) -> Result<(), LinkError> {
        if !self.peer.is_still(self.expected) {
            self.observe()?;
        }
        Ok(())
    }

    /// Loads the peer's index; answers whether there is something to copy. The caller confirms
    /// after copying that index and slots are of the life we know.
    #[inline]
    fn look_for_messages(&mut self) -> Result<bool, LinkError> {
        self.wake();
        if core::mem::take(&mut self.is_forgiven) {
            return Err(LinkError::PeerRestarted);
        }
        match self.session {
            Session::CutOff => return Err(LinkError::PeerMisbehavior),
            Session::Established => {}
            Session::Pending => {
                if !self.observe()? {
                    return Ok(false);
                }
            }
        }
        let believed = self.rx.look();
        if believed && self.rx.available() > 0 {
            self.measure(self.rx.unread());
            return Ok(true);
        }
        self.measure(0);
        self.observe()?;
        if believed { Ok(false) } else { Err(self.cut_off()) }
    }

    /// Looks at the peer's epoch; answers whether the session is established.
    #[cold]
    fn observe(&mut self) -> Result<bool, LinkError> {
        let epoch = self.peer.epoch();
        if epoch == self.expected {
            self.session = Session::Established;
            return Ok(true);
        }
        if self.is_not_yet(epoch) {
            return Ok(false);
        }
        if epoch.generation == self.expected.generation || epoch.generation == Epoch::NOBODY {
            return Err(self.cut_off());
        }
        // Another life, another chance.
        self.sentence = 1;
        self.serve(Epoch { generation: epoch.generation, ..self.expected });
        Err(LinkError::PeerRestarted)
    }

    /// Has the peer, in this epoch, just not acknowledged our life yet? An acknowledgement once
    /// given is never taken back within a life.
    fn is_not_yet(&self, epoch: Epoch) -> bool {
        let known = self.expected.generation;
        self.session == Session::Pending
            && (epoch.generation == known || (known == Epoch::FIRST && epoch.is_unborn()))
    }

    #[inline(always)]
    fn measure(&self, waiting: u32) {
        if let Some(meter) = self.fills {
            meter.saw(waiting);
        }
    }

    fn cut_off(&mut self) -> LinkError {
        self.blame();
        self.session = Session::CutOff;
        self.patience = self.sentence;
        self.sentence = (self.sentence * 2).min(SENTENCE_MAX);
        self.tx.cut_off();
        self.rx.cut_off();
        LinkError::PeerMisbehavior
    }

    /// One turn of a cut-off is over; answers whether it was the last.
    ///
    /// A peer that was damaged once hears of our new life, and starts both rings anew. One that goes on
    /// gets half as many chances each time.
    fn forgive(&mut self) -> bool {
        self.patience = self.patience.saturating_sub(1);
        if self.patience > 0 {
            return false;
        }
        self.reset();
        self.is_forgiven = true;
        true
    }

    /// Prepares for sleep: flushes, asks to be woken, looks once more. `true`: nothing is left to
    /// do here, the peer will notify. `false`: awake, call [`receive`](Self::receive) again.
    ///
    /// Tells of the same unread messages only once: an end that cannot take them now, because
    /// there is no room for its answers or for reasons of its own, arms again and may sleep. It is
    /// woken by room if it lacked that ([`SendError::Full`], or a [`room`](Self::room) of 0), by
    /// the next message and by a restart.
    ///
    /// Counts the turns of a cut-off. After the last one this end starts a new life by itself, and
    /// [`receive`](Self::receive) reports that as [`LinkError::PeerRestarted`]. The first cut-off lasts
    /// one turn, the next two, and so on; a new life of the peer begins at one again.
    ///
    /// Every wake-up must end in an `arm` that answers `true`, or the peer may stay silent.
    pub fn arm(&mut self) -> bool {
        self.flush();
        if self.session == Session::CutOff {
            return !self.forgive();
        }
        self.sleep = self.sleep.armed(self.needs_room);
        self.own.set_sleep(self.sleep);
        // Our sleep word, then the peer's index: the other half of `flush`.
        fence(Ordering::SeqCst);
        if self.has_news() {
            self.wake();
            return false;
        }
        true
    }

    /// Shows the peer that we are awake, if it thinks otherwise.
    #[inline(always)]
    fn wake(&mut self) {
        if self.sleep.is_armed() {
            self.sleep = self.sleep.awake();
            self.own.set_sleep(self.sleep);
        }
    }

    /// Is there something to receive that `arm` has not told of, or room that was missed?
    fn has_news(&mut self) -> bool {
        let epoch = self.peer.epoch();
        if epoch != self.expected {
            return !self.is_not_yet(epoch);
        }
        self.session = Session::Established;
        if self.needs_room && self.tx.peer_moved() {
            // Said once: a caller that no longer wants to send may sleep next time.
            self.needs_room = false;
            return true;
        }
        let unread = (self.rx.peer_index(), self.rx.position());
        // Not believed yet, so shown as far as it can be true.
        self.measure(unread.0.wrapping_sub(unread.1).min(Self::LIMIT));
        if unread.0 == unread.1 || unread == self.told {
            return false;
        }
        self.told = unread;
        true
    }
}

#[cfg(not(all(loom, test)))]
const _: () = {
    type Words = RawLink<u64, u32, 4>;
    assert!(core::mem::offset_of!(Words, server) == 64);
    assert!(core::mem::offset_of!(Words, requests) == 128);
    assert!(core::mem::offset_of!(Words, completions) == 128 + 8 + 4 * 8);
};

#[cfg(all(test, not(loom)))]
mod tests;
