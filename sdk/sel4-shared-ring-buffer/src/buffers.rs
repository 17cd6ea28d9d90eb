//! Who owns which buffer of a data region, remembered privately.

/// A data region cut into buffers of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferGrid {
    buffer_bytes: u32,
    count: u32,
}

/// A buffer of a [`BufferGrid`], by number. Always within the grid that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferIndex(u32);

/// Why a buffer handed in by a peer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BufferError {
    /// The offset lies past the last buffer.
    OutOfRange,
    /// The offset is not the start of a buffer.
    Misaligned,
    /// The peer does not have that buffer: it never got it, or has handed it in before.
    NotLent,
}

impl BufferIndex {
    /// The number, from 0.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl BufferGrid {
    /// As many whole buffers as fit into `region_bytes`; `None` when that is none, or when offsets
    /// would not fit into 32 bits.
    #[must_use]
    pub const fn new(region_bytes: usize, buffer_bytes: u32) -> Option<Self> {
        if buffer_bytes == 0 || region_bytes > u32::MAX as usize {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "compared with u32::MAX above")]
        let count = region_bytes as u32 / buffer_bytes;
        if count == 0 { None } else { Some(Self { buffer_bytes, count }) }
    }

    /// Size of each buffer in bytes.
    #[must_use]
    pub const fn buffer_bytes(&self) -> u32 {
        self.buffer_bytes
    }

    /// How many buffers there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count as usize
    }

    /// Bytes from the start of the region to a buffer of this grid.
    #[must_use]
    pub const fn offset_of(&self, buffer: BufferIndex) -> u32 {
        buffer.0 * self.buffer_bytes
    }

    /// The buffer that starts at `offset`.
    ///
    /// # Errors
    ///
    /// [`BufferError::OutOfRange`] or [`BufferError::Misaligned`].
    pub const fn at(&self, offset: u32) -> Result<BufferIndex, BufferError> {
        let index = offset / self.buffer_bytes;
        if index >= self.count {
            Err(BufferError::OutOfRange)
        } else if !offset.is_multiple_of(self.buffer_bytes) {
            Err(BufferError::Misaligned)
        } else {
            Ok(BufferIndex(index))
        }
    }
}

/// The buffers we hold, one bit each; the others are with the peer.
///
/// The owner of a region starts with all of them and lends: [`take`](Self::take) a buffer, name
/// it in a message, and [`give_back`](Self::give_back) what the peer returns. A server that works
/// on buffers of its client starts with none: `give_back` checks what the client hands in,
/// [`release`](Self::release) goes with each completion. Tracks at most `64 * WORDS` buffers.
#[derive(Debug, Clone)]
pub struct BufferPool<const WORDS: usize> {
    grid: BufferGrid,
    held: [u64; WORDS],
    held_count: usize,
    /// Word to look into first.
    hint: usize,
}

impl<const WORDS: usize> BufferPool<WORDS> {
    /// All buffers of `grid` are ours. A grid of more than `64 * WORDS` buffers is cut.
    #[must_use]
    pub const fn full(grid: BufferGrid) -> Self {
        let mut pool = Self::empty(grid);
        pool.own_all();
        pool
    }

    /// All buffers of `grid` are the peer's. A grid of more than `64 * WORDS` buffers is cut.
    #[must_use]
    pub const fn empty(mut grid: BufferGrid) -> Self {
        if grid.count() > 64 * WORDS {
            #[expect(clippy::cast_possible_truncation, reason = "smaller than the u32 it replaces")]
            let count = (64 * WORDS) as u32;
            grid.count = count;
        }
        Self { grid, held: [0; WORDS], held_count: 0, hint: 0 }
    }

    /// The grid, as far as it is tracked.
    #[must_use]
    pub const fn grid(&self) -> &BufferGrid {
        &self.grid
    }

    /// How many buffers we hold.
    #[must_use]
    pub const fn held_count(&self) -> usize {
        self.held_count
    }

    /// Do we hold this buffer?
    #[must_use]
    pub fn holds(&self, buffer: BufferIndex) -> bool {
        let (word, bit) = Self::place(buffer);
        self.held.get(word).is_some_and(|held| held & bit != 0)
    }

    /// Takes any buffer out, to lend it to the peer. `None` when the peer has them all.
    pub fn take(&mut self) -> Option<BufferIndex> {
        if self.held_count == 0 {
            return None;
        }
        let (before, after) = self.held.split_at(self.hint.min(WORDS));
        let first = |words: &[u64]| words.iter().position(|held| *held != 0);
        let word = first(after).map(|word| before.len() + word).or_else(|| first(before))?;
        let held = self.held.get_mut(word)?;
        let bit = held.trailing_zeros();
        *held &= !(1 << bit);
        self.held_count -= 1;
        self.hint = word;
        u32::try_from(word * 64).ok().map(|first| BufferIndex(first + bit))
    }

    /// Takes this very buffer out, to hand it over to the peer; `false` if we do not hold it.
    pub fn release(&mut self, buffer: BufferIndex) -> bool {
        let (word, bit) = Self::place(buffer);
        match self.held.get_mut(word) {
            Some(held) if *held & bit != 0 => {
                *held &= !bit;
                self.held_count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Accepts the buffer at `offset` that the peer says it hands in. Refusals change nothing.
    ///
    /// # Errors
    ///
    /// [`BufferError`].
    pub fn give_back(&mut self, offset: u32) -> Result<BufferIndex, BufferError> {
        let buffer = self.grid.at(offset)?;
        let (word, bit) = Self::place(buffer);
        match self.held.get_mut(word) {
            Some(held) if *held & bit == 0 => {
                *held |= bit;
                self.held_count += 1;
                self.hint = word;
                Ok(buffer)
            }
            _ => Err(BufferError::NotLent),
        }
    }

    /// The peer started anew: an owner holds all its buffers again.
    pub const fn own_all(&mut self) {
        let mut word = 0;
        while word < WORDS {
            let rest = self.grid.count().saturating_sub(64 * word);
            self.held[word] = if rest >= 64 { u64::MAX } else { (1 << rest) - 1 };
            word += 1;
        }
        self.held_count = self.grid.count();
        self.hint = 0;
    }

    /// The peer started anew: a server holds none of its buffers any more.
    pub const fn own_none(&mut self) {
        *self = Self::empty(self.grid);
    }

    /// The word and bit of a buffer.
    const fn place(buffer: BufferIndex) -> (usize, u64) {
        (buffer.get() / 64, 1 << (buffer.get() % 64))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::unwrap_used, reason = "clippy sees tests only in functions marked as such")]
    fn grid(count: usize) -> BufferGrid {
        BufferGrid::new(count * 2048 + 100, 2048).unwrap()
    }

    #[test]
    fn a_grid_needs_a_buffer_and_32_bit_offsets() {
        assert_eq!(BufferGrid::new(4096, 0), None);
        assert_eq!(BufferGrid::new(2047, 2048), None);
        assert_eq!(BufferGrid::new(1 << 32, 2048), None);
        assert_eq!(grid(5).count(), 5);
    }

    #[test]
    fn refuses_what_was_never_lent_and_what_comes_twice() {
        let mut pool = BufferPool::<1>::full(grid(3));
        assert_eq!(pool.give_back(2048), Err(BufferError::NotLent));
        let lent = pool.take().unwrap();
        let offset = pool.grid().offset_of(lent);
        assert!(!pool.holds(lent));
        assert_eq!(pool.give_back(offset), Ok(lent));
        assert_eq!(pool.give_back(offset), Err(BufferError::NotLent));
    }

    #[test]
    fn refuses_offsets_that_name_no_buffer() {
        let mut pool = BufferPool::<1>::full(grid(3));
        while pool.take().is_some() {}
        assert_eq!(pool.give_back(3 * 2048), Err(BufferError::OutOfRange));
        assert_eq!(pool.give_back(u32::MAX), Err(BufferError::OutOfRange));
        assert_eq!(pool.give_back(1), Err(BufferError::Misaligned));
        assert_eq!(pool.give_back(2 * 2048 + 2047), Err(BufferError::Misaligned));
        assert_eq!(pool.held_count(), 0);
    }

    #[test]
    fn a_grid_larger_than_the_bitmap_is_cut() {
        let mut pool = BufferPool::<2>::full(grid(1000));
        assert_eq!(pool.held_count(), 128);
        assert_eq!(pool.give_back(128 * 2048), Err(BufferError::OutOfRange));
        while pool.take().is_some() {}
        assert_eq!(pool.held_count(), 0);
    }

    #[test]
    fn a_server_accepts_each_buffer_once_until_it_releases_it() {
        let mut pool = BufferPool::<1>::empty(grid(3));
        let buffer = pool.give_back(2048).unwrap();
        assert_eq!(pool.give_back(2048), Err(BufferError::NotLent));
        assert!(pool.release(buffer) && !pool.release(buffer));
        assert_eq!(pool.give_back(2048), Ok(buffer));
        pool.own_none();
        assert_eq!(pool.give_back(2048), Ok(buffer));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(
            count in 1..200_usize,
            steps in proptest::collection::vec((0..4_u8, 0..210_u32), 0..300),
        ) {
            let mut pool = BufferPool::<4>::full(grid(count));
            let mut held: BTreeSet<usize> = (0..count).collect();
            for (kind, number) in steps {
                match kind {
                    0 => match pool.take() {
                        Some(buffer) => prop_assert!(held.remove(&buffer.get())),
                        None => prop_assert!(held.is_empty()),
                    },
                    1 => match pool.give_back(number * 2048) {
                        Ok(buffer) => prop_assert!(held.insert(buffer.get())),
                        Err(BufferError::NotLent) => prop_assert!(held.contains(&(number as usize))),
                        Err(error) => prop_assert!(
                            error == BufferError::OutOfRange && number as usize >= count
                        ),
                    },
                    2 => if let Ok(buffer) = pool.grid().at(number * 2048) {
                        prop_assert_eq!(pool.release(buffer), held.remove(&buffer.get()));
                    },
                    _ => if number == 0 {
                        pool.own_all();
                        held = (0..count).collect();
                    },
                }
                prop_assert_eq!(pool.held_count(), held.len());
            }
        }
    }
}
