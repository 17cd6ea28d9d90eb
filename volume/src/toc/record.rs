//! The two kinds of records.

use ledger_verify::Digest;
use zerocopy::FromBytes;

use crate::error::NodeFault;
use crate::geometry::{NodeSpan, TreeLayout, VOLUME_BLOCKS_MAX};
use crate::path::{PATH_BYTES_MAX, check_path};
use crate::wire::{ChildHead, EXTENTS_MAX, EntryHead, Extent, KIND_FILE};

/// The data of a file: up to four runs of blocks, in the file's order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extents {
    runs: [Extent; EXTENTS_MAX],
    len: usize,
}

impl Extents {
    /// At most four runs; `None` for more.
    #[must_use]
    pub fn new(runs: &[Extent]) -> Option<Self> {
        let mut extents = Self { len: runs.len(), ..Self::default() };
        extents.runs.get_mut(..runs.len())?.copy_from_slice(runs);
        Some(extents)
    }

    /// The runs.
    #[must_use]
    pub fn as_slice(&self) -> &[Extent] {
        self.runs.get(..self.len).unwrap_or_default()
    }

    /// The disk block that holds block `index` of the file.
    #[must_use]
    pub fn block(&self, index: u64) -> Option<u64> {
        let mut left = index;
        for run in self.as_slice() {
            match left.checked_sub(run.count.get()) {
                Some(behind) => left = behind,
                None => return run.block.get().checked_add(left),
            }
        }
        None
    }

    /// Whether the runs are sound and hold exactly `blocks` blocks.
    fn hold(&self, blocks: u64) -> bool {
        let sum = self.as_slice().iter().try_fold(0u64, |sum, run| {
            let (start, count) = (run.block.get(), run.count.get());
            let sound = start < VOLUME_BLOCKS_MAX && (1..=VOLUME_BLOCKS_MAX).contains(&count);
            sound.then(|| sum + count)
        });
        sum == Some(blocks)
    }
}

/// A file, as a leaf describes it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Path without a leading slash.
    pub path: &'a str,
    /// Bytes of the file.
    pub size: u64,
    /// Merkle root of the file; it covers the size.
    pub root: Digest,
    /// First slot of the tree, from the start of the volume; 0 when there is none.
    pub tree_slot: u64,
    /// Where the data lies.
    pub extents: Extents,
}

impl<'a> Entry<'a> {
    /// The form of the tree. Always there for an entry that was parsed.
    #[must_use]
    pub fn tree(&self) -> Option<TreeLayout> {
        TreeLayout::of_size(self.size)
    }

    /// Where node `index` of `level` of the tree lies.
    #[must_use]
    pub fn tree_node(&self, level: usize, index: u64) -> Option<NodeSpan> {
        self.tree()?.span(self.tree_slot, level, index)
    }

    /// The path at the start of `bytes`, which were parsed before.
    pub(super) fn key(bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (head, rest) = EntryHead::ref_from_prefix(bytes).ok()?;
        let path_at = usize::from(head.extent_count) * size_of::<Extent>();
        rest.get(path_at..)?.get(..head.path_len.get().into())
    }

    /// Reads the entry at the start of `bytes`; also says how many bytes it took.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<(Self, usize), NodeFault> {
        const CUT: NodeFault = NodeFault::Field("record is cut off");
        let (head, rest) = EntryHead::ref_from_prefix(bytes).map_err(|_| CUT)?;
        if head.kind != KIND_FILE || head.reserved != 0 {
            return Err(NodeFault::Field("unknown kind of entry"));
        }
        let extent_count = usize::from(head.extent_count);
        let (runs, _) =
            <[Extent]>::ref_from_prefix_with_elems(rest, extent_count).map_err(|_| CUT)?;
        let extents = Extents::new(runs).ok_or(NodeFault::Field("too many extents"))?;
        let path = Self::key(bytes).ok_or(CUT)?;
        let entry = Self {
            path: check_path(path).map_err(NodeFault::Path)?,
            size: head.size.get(),
            root: Digest(head.root),
            tree_slot: head.tree_slot.get(),
            extents,
        };
        entry.check()?;
        Ok((entry, size_of::<EntryHead>() + size_of_val(runs) + path.len()))
    }

    fn check(&self) -> Result<(), NodeFault> {
        let tree = self.tree().ok_or(NodeFault::Field("file too large"))?;
        if !self.extents.hold(tree.shape().block_count()) {
            return Err(NodeFault::Field("extents do not hold the file"));
        }
        if tree.may_start_at(self.tree_slot) {
            Ok(())
        } else {
            Err(NodeFault::Field("misplaced tree"))
        }
    }
}

/// A child of an inner node.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    /// Every path below is at or after it; empty for the first child.
    pub key: &'a [u8],
    /// Index of the node.
    pub index: u64,
    /// Digest of the node.
    pub hash: Digest,
}

impl<'a> Child<'a> {
    /// The key at the start of `bytes`, which were parsed before.
    pub(super) fn key(bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (head, rest) = ChildHead::ref_from_prefix(bytes).ok()?;
        rest.get(..head.key_len.get().into())
    }

    /// Reads the child at the start of `bytes`; also says how many bytes it took.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<(Self, usize), NodeFault> {
        const CUT: NodeFault = NodeFault::Field("record is cut off");
        let (head, _) = ChildHead::ref_from_prefix(bytes).map_err(|_| CUT)?;
        let key = Self::key(bytes).ok_or(CUT)?;
        if key.len() > PATH_BYTES_MAX || head.reserved != [0; 6] {
            return Err(NodeFault::Field("malformed child"));
        }
        let child = Self { key, index: head.index.get(), hash: Digest(head.hash) };
        Ok((child, size_of::<ChildHead>() + key.len()))
    }
}
