//! Making a tree in one pass.

use super::{BLOCK_BYTES, Block, FANOUT, LEVELS_MAX, Shape, leaf_hash, node_hash, root_hash};
use crate::digest::Digest;

/// One level under construction: the node being filled and how many children came so far.
#[derive(Clone)]
struct Level {
    node: Block,
    child_count: u64,
}

/// Builds a tree from the blocks of a file, in order, in 32 KiB of memory whatever the length.
///
/// Finished nodes go to `emit(level, index, node)`, each exactly once, in ascending index per level.
/// [`Builder::push`] and [`Builder::finish`] must be given the same sink.
#[derive(Clone)]
pub struct Builder {
    levels: [Level; LEVELS_MAX + 1],
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A builder that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        const EMPTY: Level = Level { node: [0; BLOCK_BYTES], child_count: 0 };
        Self { levels: [EMPTY; LEVELS_MAX + 1] }
    }

    /// Number of blocks pushed so far.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.child_count)
    }

    /// Takes the next block; the last one filled up with zeros.
    ///
    /// # Errors
    /// Whatever `emit` answers.
    pub fn push<E>(
        &mut self,
        block: &Block,
        mut emit: impl FnMut(usize, u64, &Block) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut hash = leaf_hash(block);
        for (number, level) in self.levels.iter_mut().enumerate() {
            level.add(&hash);
            if level.child_count % FANOUT as u64 != 0 {
                return Ok(());
            }
            emit(number, level.node_index(), &level.node)?;
            hash = node_hash(&level.node);
            level.node = [0; BLOCK_BYTES];
        }
        Ok(())
    }

    /// Ends the file at `length_bytes` and returns its root; `None` when the length does not fit the
    /// number of blocks pushed.
    ///
    /// # Errors
    /// Whatever `emit` answers.
    pub fn finish<E>(
        mut self,
        length_bytes: u64,
        mut emit: impl FnMut(usize, u64, &Block) -> Result<(), E>,
    ) -> Result<Option<Digest>, E> {
        let fits = Shape::new(length_bytes).is_some_and(|s| s.block_count() == self.block_count());
        if !fits {
            return Ok(None);
        }
        let mut carry = None;
        for (number, level) in self.levels.iter_mut().enumerate() {
            let mut is_partial = level.child_count % FANOUT as u64 != 0;
            if let Some(hash) = carry.take() {
                level.add(&hash);
                is_partial = true;
            }
            if level.child_count <= 1 {
                let top = super::child_hash(&level.node, 0);
                return Ok(Some(root_hash(length_bytes, &top)));
            }
            if is_partial {
                emit(number, level.node_index(), &level.node)?;
                carry = Some(node_hash(&level.node));
            }
        }
        Ok(None)
    }
}

impl Level {
    fn add(&mut self, hash: &Digest) {
        let (hashes, _) = self.node.as_chunks_mut::<{ Digest::BYTES }>();
        #[allow(clippy::cast_possible_truncation, reason = "a remainder of 128")]
        let slot = (self.child_count % FANOUT as u64) as usize;
        if let Some(place) = hashes.get_mut(slot) {
            *place = hash.0;
        }
        self.child_count += 1;
    }

    /// Index of the node being filled; at least one child was added to it.
    const fn node_index(&self) -> u64 {
        self.child_count.saturating_sub(1) / FANOUT as u64
    }
}
