//! Where the parts of a volume lie: the storage engine's side.
//!
//! Nothing here proves anything. A wrong superblock or entry leads to a wrong block, which the reader
//! refuses; every answer is bounds-checked against the volume's size as the superblock claims it.

use core::ops::Range;

use crate::superblock::{SUPERBLOCK_SLOTS, Superblock};
use crate::toc::Entry;

/// Names an object of a volume: record `record` of node `leaf` of the table of contents.
///
/// As a number, it is `leaf * 256 + record`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(u64);

impl ObjectId {
    /// The object at a place in the table of contents; `None` when it cannot exist.
    #[must_use]
    pub fn new(leaf: u64, record: usize) -> Option<Self> {
        let record = u8::try_from(record).ok()?;
        Some(Self(leaf.checked_mul(256)? + u64::from(record)))
    }

    /// The object with this number, which need not exist.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number, for messages.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// Index of the leaf that describes the object.
    #[must_use]
    pub fn leaf(self) -> u64 {
        self.0 / 256
    }

    /// Record within that leaf.
    #[must_use]
    pub fn record(self) -> usize {
        usize::from(self.0.to_le_bytes()[0])
    }
}

/// Block of superblock slot `slot`.
#[must_use]
pub fn superblock(slot: u64) -> Option<u64> {
    (slot < SUPERBLOCK_SLOTS).then_some(slot)
}

/// Block of node `index` of the table of contents.
#[must_use]
pub fn toc_node(superblock: &Superblock, index: u64) -> Option<u64> {
    let head = superblock.head();
    (index < head.toc_node_count.get()).then(|| head.toc_block.get() + index)
}

/// Block `index` of the chain area.
#[must_use]
pub fn chain(superblock: &Superblock, index: u64) -> Option<u64> {
    let head = superblock.head();
    (index < head.chain_block_count.get().into()).then(|| head.chain_block.get() + index)
}

/// The blocks that hold node `index` of `level` of the file's tree: one, or two in a row.
#[must_use]
pub fn tree_node(
    superblock: &Superblock,
    entry: &Entry<'_>,
    level: usize,
    index: u64,
) -> Option<Range<u64>> {
    let span = entry.tree_node(level, index)?;
    let end = span.block() + span.block_count() as u64;
    (end <= superblock.block_count()).then_some(span.block()..end)
}

/// Block that holds data block `index` of the file.
#[must_use]
pub fn data(superblock: &Superblock, entry: &Entry<'_>, index: u64) -> Option<u64> {
    entry.extents.block(index).filter(|&block| block < superblock.block_count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::superblock::tests::good_head;
    use crate::toc::Extents;
    use crate::wire::Extent;
    use ledger_verify::Digest;
    use proptest::prelude::*;

    fn extent(block: u64, count: u64) -> Extent {
        Extent { block: block.into(), count: count.into() }
    }

    fn superblock() -> Superblock {
        let mut head = good_head();
        head.block_count = 1000.into();
        Superblock::parse(&Superblock::seal(&head)).unwrap()
    }

    #[test]
    fn object_numbers_round_trip() {
        let object = ObjectId::new(77, 255).unwrap();
        assert_eq!((object.leaf(), object.record()), (77, 255));
        assert_eq!(ObjectId::from_number(object.number()), object);
        assert_eq!(ObjectId::new(1, 256), None);
        assert_eq!(ObjectId::new(u64::MAX, 0), None);
    }

    #[test]
    fn fixed_parts_lie_where_the_superblock_says() {
        let volume = superblock();
        assert_eq!((super::superblock(1), super::superblock(2)), (Some(1), None));
        assert_eq!((toc_node(&volume, 0), toc_node(&volume, 1)), (Some(9), None));
        assert_eq!((chain(&volume, 2), chain(&volume, 3)), (Some(4), None));
    }

    #[test]
    fn data_runs_through_the_extents_in_order() {
        let runs = [extent(100, 2), extent(50, 1), extent(999, 2)];
        let entry = Entry {
            path: "a",
            size: 5 * 4096,
            root: Digest::ZERO,
            tree_slot: 128 * 20 + 125,
            extents: Extents::new(&runs).unwrap(),
        };
        let volume = superblock();
        let blocks: std::vec::Vec<_> = (0..6).map(|i| data(&volume, &entry, i)).collect();
        // The last block of the last run lies behind the end of the volume.
        assert_eq!(blocks, [Some(100), Some(101), Some(50), Some(999), None, None]);
        assert_eq!(tree_node(&volume, &entry, 0, 0), Some(20..22));
        assert_eq!(tree_node(&volume, &entry, 0, 1), None);
        assert_eq!(tree_node(&volume, &entry, 1, 0), None);
    }

    proptest! {
        #[test]
        fn hostile_entries_never_lead_outside_the_volume(
            size in 0u64..1 << 50,
            tree_slot: u64,
            runs in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..=4),
            level in 0usize..8,
            index: u64,
        ) {
            let runs: std::vec::Vec<_> = runs.into_iter().map(|(b, c)| extent(b, c)).collect();
            let extents = Extents::new(&runs).unwrap();
            let entry = Entry { path: "a", size, root: Digest::ZERO, tree_slot, extents };
            let volume = superblock();
            prop_assert!(data(&volume, &entry, index).is_none_or(|block| block < 1000));
            for index in [index, 0] {
                let found = tree_node(&volume, &entry, level, index);
                prop_assert!(found.is_none_or(|blocks| blocks.end <= 1000));
            }
        }
    }
}
