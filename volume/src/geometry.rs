//! Sizes of the format, and where the nodes of a file's Merkle tree lie. Pure arithmetic, no bytes.

use core::ops::Range;

use ledger_verify::Digest;
pub use ledger_verify::merkle::{BLOCK_BYTES, Block};
use ledger_verify::merkle::{FANOUT, Shape};

/// Slots in a block: a *slot* is room for one hash, 32 bytes.
pub const SLOTS_PER_BLOCK: u64 = FANOUT as u64;
/// Levels of tree nodes above the data of the largest file.
pub const LEVELS_MAX: usize = 4;
/// Bytes of the largest file: 128^4 blocks, 1 TiB.
pub const FILE_BYTES_MAX: u64 = (1 << 28) * BLOCK_BYTES as u64;
/// Blocks of the largest volume, 4 PiB; keeps all address arithmetic far from overflow.
pub const VOLUME_BLOCKS_MAX: u64 = 1 << 40;

/// Data blocks that `size_bytes` bytes occupy.
#[must_use]
pub const fn blocks_for(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(BLOCK_BYTES as u64)
}

/// Where a tree node lies. It may begin in one block and end in the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeSpan {
    /// First slot of the node, counted from the start of the volume.
    pub slot: u64,
    /// Hashes in the node, 1..=128.
    pub hash_count: usize,
}

impl NodeSpan {
    /// The block in which the node begins.
    #[must_use]
    pub fn block(&self) -> u64 {
        self.slot / SLOTS_PER_BLOCK
    }

    /// The blocks that hold the node: 1 or 2.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.bytes().end.div_ceil(BLOCK_BYTES)
    }

    /// The node's bytes, counted from the start of [`NodeSpan::block`].
    #[must_use]
    pub fn bytes(&self) -> Range<usize> {
        // A remainder of 128, so the conversion cannot fail.
        let slot = usize::try_from(self.slot % SLOTS_PER_BLOCK).unwrap_or(0);
        slot * Digest::BYTES..(slot + self.hash_count) * Digest::BYTES
    }
}

/// How a file's tree lies on disk: the file's size alone decides it.
///
/// All hashes of a tree lie one after the other, level 0 first, without gaps: node `i` of a level is
/// the level's hashes from number `128 * i` on. A tree thus takes exactly one slot per hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLayout {
    shape: Shape,
    /// Slot within the tree at which each level starts.
    starts: [u64; LEVELS_MAX],
    slot_count: u64,
}

impl TreeLayout {
    /// The tree over a file of `size_bytes`; `None` beyond [`FILE_BYTES_MAX`].
    #[must_use]
    pub fn of_size(size_bytes: u64) -> Option<Self> {
        if size_bytes > FILE_BYTES_MAX {
            return None;
        }
        let shape = Shape::new(size_bytes)?;
        let mut starts = [0; LEVELS_MAX];
        let mut slot_count = 0;
        for (level, start) in (0..shape.level_count()).zip(&mut starts) {
            *start = slot_count;
            slot_count += hashes_on(shape, level);
        }
        Some(Self { shape, starts, slot_count })
    }

    /// Node and block counts.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Slots that the tree takes on disk; 0 for a file of at most one block.
    #[must_use]
    pub fn slot_count(&self) -> u64 {
        self.slot_count
    }

    /// Where node `index` of `level` lies in a tree that starts at `tree_slot`; `None` if the tree
    /// has no such node.
    #[must_use]
    pub fn span(&self, tree_slot: u64, level: usize, index: u64) -> Option<NodeSpan> {
        if index >= self.shape.node_count(level) {
            return None;
        }
        let first = index * SLOTS_PER_BLOCK;
        let left = hashes_on(self.shape, level) - first;
        let slot = tree_slot.checked_add(*self.starts.get(level)? + first)?;
        Some(NodeSpan { slot, hash_count: usize::try_from(left.min(SLOTS_PER_BLOCK)).ok()? })
    }

    /// Whether a tree may start at `tree_slot`: within the largest volume, at 0 if it has no slots.
    #[must_use]
    pub fn may_start_at(&self, tree_slot: u64) -> bool {
        if self.slot_count == 0 {
            tree_slot == 0
        } else {
            tree_slot < VOLUME_BLOCKS_MAX * SLOTS_PER_BLOCK
        }
    }
}

/// Hashes on `level`, one per child; the level exists.
fn hashes_on(shape: Shape, level: usize) -> u64 {
    match level.checked_sub(1) {
        None => shape.block_count(),
        Some(below) => shape.node_count(below),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn layout(blocks: u64) -> TreeLayout {
        TreeLayout::of_size(blocks * BLOCK_BYTES as u64).unwrap()
    }

    #[test]
    fn a_file_of_one_block_has_no_tree() {
        for size in [0, 1, BLOCK_BYTES as u64] {
            assert_eq!(TreeLayout::of_size(size).unwrap().slot_count(), 0);
        }
        assert_eq!(TreeLayout::of_size(BLOCK_BYTES as u64 + 1).unwrap().slot_count(), 2);
    }

    #[test]
    fn the_largest_file_has_all_levels() {
        let largest = TreeLayout::of_size(FILE_BYTES_MAX).unwrap();
        assert_eq!(largest.shape().level_count(), LEVELS_MAX);
        assert_eq!(largest.slot_count(), (1 << 28) + (1 << 21) + (1 << 14) + (1 << 7));
        assert_eq!(TreeLayout::of_size(FILE_BYTES_MAX + 1), None);
        assert_eq!(TreeLayout::of_size(u64::MAX), None);
    }

    #[test]
    fn a_tree_never_costs_more_than_eight_per_mille() {
        for blocks in (2..20_000).chain([1 << 20, (1 << 20) + 1, 1 << 28]) {
            let cost_bytes = layout(blocks).slot_count() * 32;
            assert!(cost_bytes * 1000 <= 8 * blocks * BLOCK_BYTES as u64, "{blocks} blocks");
        }
    }

    #[test]
    fn nodes_lie_where_the_specification_says() {
        let span = |level, index| {
            let span = layout(129).span(1000, level, index)?;
            Some((span.slot, span.hash_count, span.block(), span.block_count()))
        };
        assert_eq!(span(0, 0), Some((1000, 128, 7, 2)));
        assert_eq!(span(0, 1), Some((1128, 1, 8, 1)));
        assert_eq!(span(1, 0), Some((1129, 2, 8, 1)));
        for (level, index) in [(0, 2), (1, 1), (2, 0), (0, u64::MAX), (usize::MAX, 0)] {
            assert_eq!(span(level, index), None);
        }
        let aligned = layout(129).span(1024, 0, 0).unwrap();
        assert_eq!((aligned.block(), aligned.block_count(), aligned.bytes()), (8, 1, 0..4096));
        assert_eq!(layout(129).span(1000, 0, 0).unwrap().bytes(), 104 * 32..232 * 32);
        assert_eq!(layout(129).span(u64::MAX, 1, 0), None);
    }

    #[test]
    fn trees_start_within_the_largest_volume() {
        assert!(layout(2).may_start_at(7) && !layout(2).may_start_at(u64::MAX));
        assert!(layout(1).may_start_at(0) && !layout(1).may_start_at(7));
    }

    proptest! {
        #[test]
        fn nodes_tile_the_tree(blocks in 2u64..=40_000, tree_slot in 0u64..1 << 40) {
            let layout = layout(blocks);
            let mut end = tree_slot;
            for level in 0..layout.shape().level_count() {
                for index in 0..layout.shape().node_count(level) {
                    let span = layout.span(tree_slot, level, index).unwrap();
                    prop_assert_eq!(span.slot, end);
                    prop_assert_eq!(span.block_count(), span.bytes().end.div_ceil(4096));
                    end += span.hash_count as u64;
                }
            }
            prop_assert_eq!(end, tree_slot + layout.slot_count());
        }
    }
}
