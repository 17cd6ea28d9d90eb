//! The words each end of a link writes for the other to read: its generation and its sleep state.

use crate::sync::{AtomicU64, Ordering, fence};

/// One end's words in shared memory, on their own cache line. Zero before the end's first life.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Side {
    /// See [`Epoch`].
    epoch: AtomicU64,
    /// See [`Sleep`].
    sleep: AtomicU64,
}

impl Side {
    #[cfg(not(all(loom, test)))]
    pub(crate) const fn new() -> Self {
        Self { epoch: AtomicU64::new(0), sleep: AtomicU64::new(0) }
    }

    #[cfg(all(loom, test))]
    pub(crate) fn new() -> Self {
        Self { epoch: AtomicU64::new(0), sleep: AtomicU64::new(0) }
    }

    /// What the peer says now. Acquire: if it names us, its indices belong to our session.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch::from_word(self.epoch.load(Ordering::Acquire))
    }

    /// Is this still the peer's epoch, after slots of the ring were copied?
    ///
    /// The fence pairs with the one in [`Side::begin`]: if a copied word came from a newer life of
    /// the peer, this load sees that the epoch changed.
    #[inline(always)]
    pub(crate) fn is_still(&self, expected: Epoch) -> bool {
        fence(Ordering::Acquire);
        self.epoch.load(Ordering::Relaxed) == expected.word()
    }

    /// Takes the next generation of our own, acknowledging nobody yet. Everything written to the
    /// rings afterwards is preceded by this store in the eyes of [`Side::is_still`].
    pub(crate) fn begin(&self) -> u32 {
        let last = Epoch::from_word(self.epoch.load(Ordering::Relaxed)).generation;
        let generation = last.checked_add(1).unwrap_or(Epoch::FIRST);
        let epoch = Epoch { generation, acknowledged: Epoch::NOBODY };
        self.epoch.store(epoch.word(), Ordering::Relaxed);
        fence(Ordering::Release);
        generation
    }

    /// Says which life of the peer our rings now serve. Release: our index resets come before.
    pub(crate) fn acknowledge(&self, epoch: Epoch) {
        self.epoch.store(epoch.word(), Ordering::Release);
    }

    pub(crate) fn sleep(&self) -> Sleep {
        Sleep(self.sleep.load(Ordering::Relaxed))
    }

    pub(crate) fn set_sleep(&self, sleep: Sleep) {
        self.sleep.store(sleep.0, Ordering::Relaxed);
    }
}

/// A life of one end, and the life of the other end that it has prepared its indices for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) generation: u32,
    pub(crate) acknowledged: u32,
}

impl Epoch {
    /// No end lives in this generation, so it acknowledges nobody.
    pub(crate) const NOBODY: u32 = 0;
    /// The generation of an end's first life.
    pub(crate) const FIRST: u32 = 1;

    const fn word(self) -> u64 {
        (self.generation as u64) << 32 | self.acknowledged as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "splits the word into its halves")]
    const fn from_word(word: u64) -> Self {
        Self { generation: (word >> 32) as u32, acknowledged: word as u32 }
    }

    /// The epoch of an end that has never run.
    pub(crate) fn is_unborn(self) -> bool {
        self.word() == 0
    }
}

/// A sleep counter with two flags below it.
///
/// Each arming is a new value, so the peer can remember which sleep it has already ended and no
/// word needs two writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sleep(u64);

impl Sleep {
    /// A value that no armed end shows.
    pub(crate) const NEVER: Self = Self(0);
    const ARMED: u64 = 1;
    const NEEDS_ROOM: u64 = 2;
    const FLAGS: u64 = Self::ARMED | Self::NEEDS_ROOM;
    const STEP: u64 = 4;

    #[inline(always)]
    pub(crate) const fn is_armed(self) -> bool {
        self.0 & Self::ARMED != 0
    }

    /// Does this sleep end when the peer reads, not only when it writes?
    pub(crate) const fn needs_room(self) -> bool {
        self.0 & Self::NEEDS_ROOM != 0
    }

    /// The next sleep.
    pub(crate) const fn armed(self, needs_room: bool) -> Self {
        let flags = if needs_room { Self::FLAGS } else { Self::ARMED };
        Self(self.awake().0.wrapping_add(Self::STEP) | flags)
    }

    /// Awake after this sleep.
    pub(crate) const fn awake(self) -> Self {
        Self(self.0 & !Self::FLAGS)
    }
}
