use core::marker::PhantomData;

use sel4_externally_shared::ExternallySharedRef;

use crate::roles::{Read, RingBufferRole, RingBufferRoleValue, Write};
use crate::sync::Ordering;
use crate::{Descriptor, Message, RING_BUFFER_SIZE, RawRingBuffer};

/// The peer moved its index backwards or beyond the ring. Sticky: the ring answers nothing else
/// until it is made anew, or [recovers](RingBuffer::recover).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerMisbehaviorError(());

impl core::fmt::Display for PeerMisbehaviorError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("peer broke the ring contract")
    }
}

impl core::error::Error for PeerMisbehaviorError {}

/// Where a [`RingBuffer`] takes its first indices from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum InitializationStrategy {
    /// From shared memory. Garbage found there counts as misbehavior of the peer.
    #[default]
    ReadState,
    /// From the caller.
    UseState(InitialState),
    /// From the caller, who also overwrites both shared indices.
    UseAndWriteState(InitialState),
}

/// The indices that a [`RingBuffer`] starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InitialState {
    write_index: u32,
    read_index: u32,
}

impl InitialState {
    /// A ring holding the slots from `read_index` up to `write_index`.
    #[must_use]
    pub const fn new(write_index: u32, read_index: u32) -> Self {
        Self { write_index, read_index }
    }
}

/// One end of a ring.
///
/// `own` and `seen` are private copies: our index is published but never read back, the peer's is
/// loaded once per look and only believed when it moved forward within the ring.
#[derive(Debug)]
pub struct RingBuffer<'a, R: RingBufferRole, T = Descriptor, const N: usize = RING_BUFFER_SIZE> {
    ring: &'a RawRingBuffer<T, N>,
    /// Our index, free-running.
    own: u32,
    /// A writer's index as the peer may know it.
    published: u32,
    /// The peer's index as last believed.
    seen: u32,
    /// Messages the ring may hold: at most `N`, 0 once the peer is cut off.
    limit: u32,
    role: PhantomData<R>,
}

impl<'a, R: RingBufferRole, T: Message, const N: usize> RingBuffer<'a, R, T, N> {
    /// rust-sel4 leaves one slot unused, and so must its peers.
    #[expect(clippy::cast_possible_truncation, reason = "`VALID` bounds N to 65536")]
    const CAPACITY: u32 = {
        let () = RawRingBuffer::<T, N>::VALID;
        N as u32 - 1
    };

    /// An end of the ring at `ptr`, starting as `initialization_strategy` says.
    pub fn new(
        ptr: ExternallySharedRef<'a, RawRingBuffer<T, N>>,
        initialization_strategy: InitializationStrategy,
    ) -> Self {
        let ring = RawRingBuffer::from_shared(ptr);
        let state = match initialization_strategy {
            InitializationStrategy::ReadState => InitialState {
                write_index: ring.write_index.load(Ordering::Acquire),
                read_index: ring.read_index.load(Ordering::Acquire),
            },
            InitializationStrategy::UseState(state) => state,
            InitializationStrategy::UseAndWriteState(state) => {
                ring.write_index.store(state.write_index, Ordering::Release);
                ring.read_index.store(state.read_index, Ordering::Release);
                state
            }
        };
        let mut end = Self::with_limit(ring, Self::CAPACITY);
        (end.own, end.seen) = match R::ROLE {
            RingBufferRoleValue::Write => (state.write_index, state.read_index),
            RingBufferRoleValue::Read => (state.read_index, state.write_index),
        };
        end.published = end.own;
        if state.write_index.wrapping_sub(state.read_index) > Self::CAPACITY {
            end.cut_off();
        }
        end
    }

    /// An end of an empty ring that uses `limit` slots.
    pub(crate) fn with_limit(ring: &'a RawRingBuffer<T, N>, limit: u32) -> Self {
        const { RawRingBuffer::<T, N>::VALID };
        Self { ring, own: 0, published: 0, seen: 0, limit, role: PhantomData }
    }

    /// Messages that fit: one less than there are slots, as in rust-sel4.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        Self::CAPACITY as usize
    }

    /// Messages in the ring, after a look at the peer's index.
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    pub fn num_filled_slots(&mut self) -> Result<usize, PeerMisbehaviorError> {
        self.refresh()?;
        Ok(match R::ROLE {
            RingBufferRoleValue::Write => self.own.wrapping_sub(self.seen),
            RingBufferRoleValue::Read => self.seen.wrapping_sub(self.own),
        } as usize)
    }

    /// Messages that fit now, after a look at the peer's index.
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    pub fn num_empty_slots(&mut self) -> Result<usize, PeerMisbehaviorError> {
        Ok(self.capacity().saturating_sub(self.num_filled_slots()?))
    }

    /// Is there nothing to read?
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    pub fn is_empty(&mut self) -> Result<bool, PeerMisbehaviorError> {
        Ok(self.num_filled_slots()? == 0)
    }

    /// Is there no room to write?
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    pub fn is_full(&mut self) -> Result<bool, PeerMisbehaviorError> {
        Ok(self.num_empty_slots()? == 0)
    }

    /// Goes on with an empty ring from where the peer's index is, whatever it is: for two ends of which
    /// one may have been damaged. What was in the ring is lost.
    pub fn recover(&mut self) {
        let index = self.peer_index();
        (self.own, self.seen, self.limit) = (index, index, Self::CAPACITY);
        self.expose();
    }

    /// Looks at the peer's index and cuts it off when it makes no sense.
    fn refresh(&mut self) -> Result<(), PeerMisbehaviorError> {
        let believed = self.limit > 0 && self.look();
        if believed {
            return Ok(());
        }
        self.cut_off();
        Err(PeerMisbehaviorError(()))
    }

    /// The peer's index. Acquire: what the peer did before moving it is visible afterwards.
    #[inline(always)]
    pub(crate) fn peer_index(&self) -> u32 {
        match R::ROLE {
            RingBufferRoleValue::Write => self.ring.read_index.load(Ordering::Acquire),
            RingBufferRoleValue::Read => self.ring.write_index.load(Ordering::Acquire),
        }
    }

    /// Looks at the peer's index and believes it if it is the last one or lies ahead of it within
    /// the ring.
    ///
    /// A reader cannot have read more than was published; a writer cannot have filled more slots
    /// than there are. A step back is a huge step forward, so the same comparison refuses it.
    #[inline(always)]
    pub(crate) fn look(&mut self) -> bool {
        let seen = self.seen;
        let step_max = match R::ROLE {
            RingBufferRoleValue::Write => self.published.wrapping_sub(seen),
            RingBufferRoleValue::Read => self.limit.saturating_sub(seen.wrapping_sub(self.own)),
        };
        let index = self.peer_index();
        if index.wrapping_sub(seen) > step_max {
            return false;
        }
        self.seen = index;
        true
    }

    /// Has the peer moved since we last looked? Believes nothing.
    pub(crate) fn peer_moved(&self) -> bool {
        self.peer_index() != self.seen
    }

    /// Makes the ring look empty to a reader and full to a writer from now on.
    pub(crate) fn cut_off(&mut self) {
        self.limit = 0;
        self.own = self.seen;
        self.published = self.own;
    }

    /// Starts over with an empty ring of `limit` slots and publishes our index.
    pub(crate) fn restart(&mut self, limit: u32) {
        *self = Self::with_limit(self.ring, limit);
        self.expose();
    }

    /// Publishes our index. Release: what we did to the slots happens before.
    #[inline(always)]
    fn expose(&mut self) {
        match R::ROLE {
            RingBufferRoleValue::Write => {
                self.published = self.own;
                self.ring.write_index.store(self.own, Ordering::Release);
            }
            RingBufferRoleValue::Read => self.ring.read_index.store(self.own, Ordering::Release),
        }
    }
}

impl<T: Message, const N: usize> RingBuffer<'_, Write, T, N> {
    /// Appends a message and publishes it; hands it back when the ring is full.
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    pub fn enqueue_and_commit(
        &mut self,
        message: T,
    ) -> Result<Result<(), T>, PeerMisbehaviorError> {
        self.enqueue(message, true)
    }

    /// Appends a message for a later [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    pub fn enqueue_without_committing(
        &mut self,
        message: T,
    ) -> Result<Result<(), T>, PeerMisbehaviorError> {
        self.enqueue(message, false)
    }

    /// Appends a message; hands it back when the ring is full.
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    #[inline]
    pub fn enqueue(
        &mut self,
        message: T,
        commit: bool,
    ) -> Result<Result<(), T>, PeerMisbehaviorError> {
        if self.room() == 0 {
            self.refresh()?;
            if self.room() == 0 {
                return Ok(Err(message));
            }
        }
        self.force_enqueue(message, commit);
        Ok(Ok(()))
    }

    /// Appends as many messages as fit and publishes them with one store; answers how many.
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    #[inline]
    pub fn enqueue_batch(&mut self, messages: &[T]) -> Result<usize, PeerMisbehaviorError> {
        if self.room() < messages.len() {
            self.refresh()?;
        }
        let count = self.room().min(messages.len());
        for message in &messages[..count] {
            self.push(message);
        }
        self.commit();
        Ok(count)
    }

    /// Appends a message without looking for room: an unread one may be overwritten.
    #[inline]
    pub fn force_enqueue(&mut self, message: T, commit: bool) {
        self.push(&message);
        if commit {
            self.commit();
        }
    }

    /// Publishes all messages appended so far.
    #[inline]
    pub fn commit(&mut self) {
        self.expose();
    }

    /// Messages that fit as far as we last looked.
    #[inline(always)]
    pub(crate) fn room(&self) -> usize {
        self.limit.saturating_sub(self.own.wrapping_sub(self.seen)) as usize
    }

    /// Are there messages that the peer has not been shown?
    pub(crate) fn is_uncommitted(&self) -> bool {
        self.own != self.published
    }

    /// Writes the next slot. The caller has made sure of room.
    #[inline(always)]
    pub(crate) fn push(&mut self, message: &T) {
        self.ring.slot(self.own).store(message);
        self.own = self.own.wrapping_add(1);
    }
}

impl<T: Message, const N: usize> RingBuffer<'_, Read, T, N> {
    /// Takes the oldest message.
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    #[inline]
    pub fn dequeue(&mut self) -> Result<Option<T>, PeerMisbehaviorError> {
        if self.available() == 0 {
            self.refresh()?;
            if self.available() == 0 {
                return Ok(None);
            }
        }
        Ok(Some(self.force_dequeue()))
    }

    /// Takes up to `messages.len()` messages, frees their slots with one store; answers how many.
    ///
    /// # Errors
    ///
    /// The peer's index makes no sense.
    #[inline]
    pub fn dequeue_batch(&mut self, messages: &mut [T]) -> Result<usize, PeerMisbehaviorError> {
        if self.available() < messages.len() {
            self.refresh()?;
        }
        let count = self.peek_batch(messages);
        self.consume(count);
        Ok(count)
    }

    /// Takes the slot at our index without looking whether it was filled.
    #[inline]
    pub fn force_dequeue(&mut self) -> T {
        let message = self.peek();
        self.consume(1);
        message
    }

    /// Messages to read as far as we last looked.
    #[inline(always)]
    pub(crate) fn available(&self) -> usize {
        self.unread() as usize
    }

    /// As [`available`](Self::available).
    #[inline(always)]
    pub(crate) fn unread(&self) -> u32 {
        self.seen.wrapping_sub(self.own)
    }

    /// Our index.
    #[inline(always)]
    pub(crate) fn position(&self) -> u32 {
        self.own
    }

    /// Copies the slot at our index.
    #[inline(always)]
    pub(crate) fn peek(&self) -> T {
        self.ring.slot(self.own).load()
    }

    /// Copies available slots in order; answers how many.
    #[inline(always)]
    pub(crate) fn peek_batch(&self, messages: &mut [T]) -> usize {
        let count = self.available().min(messages.len());
        let mut index = self.own;
        for message in &mut messages[..count] {
            *message = self.ring.slot(index).load();
            index = index.wrapping_add(1);
        }
        count
    }

    /// Gives the next `count` slots back to the writer.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "at most `limit`, which is a u32")]
    pub(crate) fn consume(&mut self, count: usize) {
        self.own = self.own.wrapping_add(count as u32);
        self.expose();
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
