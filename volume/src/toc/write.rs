//! Writing nodes.

use ledger_verify::Digest;
use zerocopy::{FromZeros, IntoBytes};

use super::{Child, Entry, OFFSETS_AT};
use crate::geometry::{BLOCK_BYTES, Block};
use crate::hash::toc_node_hash;
use crate::wire::{ChildHead, EntryHead, KIND_FILE, NodeHead, TOC_MAGIC};

/// Fills one node, record by record in ascending order of keys.
///
/// Records are gathered from the start of a scratch block and moved behind the offsets at the end,
/// since only then is the number of offsets known.
#[derive(Debug, Clone)]
pub struct NodeWriter {
    level: u8,
    offsets: [u16; Self::RECORDS_MAX],
    count: usize,
    records: [u8; BLOCK_BYTES],
    used: usize,
}

impl NodeWriter {
    /// A record takes at least 49 bytes with its offset.
    const RECORDS_MAX: usize = BLOCK_BYTES / 49;

    /// An empty node of `level`, 0 for a leaf.
    #[must_use]
    pub fn new(level: u8) -> Self {
        let (offsets, records) = ([0; Self::RECORDS_MAX], [0; BLOCK_BYTES]);
        Self { level, offsets, count: 0, records, used: 0 }
    }

    /// Whether nothing was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds an entry to a leaf; false, and nothing changed, when it does not fit any more.
    pub fn push_entry(&mut self, entry: &Entry<'_>) -> bool {
        let mut head = EntryHead::new_zeroed();
        let runs = entry.extents.as_slice();
        let (Ok(path_len), Ok(extent_count)) =
            (u16::try_from(entry.path.len()), u8::try_from(runs.len()))
        else {
            return false;
        };
        head.path_len = path_len.into();
        head.kind = KIND_FILE;
        head.extent_count = extent_count;
        head.size = entry.size.into();
        head.root = entry.root.0;
        head.tree_slot = entry.tree_slot.into();
        self.push([head.as_bytes(), runs.as_bytes(), entry.path.as_bytes()])
    }

    /// Adds a child to an inner node; false, and nothing changed, when it does not fit any more.
    pub fn push_child(&mut self, child: &Child<'_>) -> bool {
        let Ok(key_len) = u16::try_from(child.key.len()) else { return false };
        let mut head = ChildHead::new_zeroed();
        head.key_len = key_len.into();
        head.index = child.index.into();
        head.hash = child.hash.0;
        self.push([head.as_bytes(), &[], child.key])
    }

    /// The finished node and its digest.
    #[must_use]
    pub fn finish(&self) -> (Block, Digest) {
        let mut block = [0; BLOCK_BYTES];
        let records_at = OFFSETS_AT + 2 * self.count;
        let mut head = NodeHead::new_zeroed();
        head.magic = TOC_MAGIC;
        head.level = self.level;
        head.count = narrow(self.count).into();
        head.end = narrow(records_at + self.used).into();
        block[..OFFSETS_AT].copy_from_slice(head.as_bytes());
        let (offsets, records) = block[OFFSETS_AT..].split_at_mut(2 * self.count);
        for (place, offset) in offsets.chunks_exact_mut(2).zip(&self.offsets) {
            place.copy_from_slice(&(narrow(records_at) + offset).to_le_bytes());
        }
        records[..self.used].copy_from_slice(&self.records[..self.used]);
        let hash = toc_node_hash(&block);
        (block, hash)
    }

    fn push(&mut self, parts: [&[u8]; 3]) -> bool {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let after = OFFSETS_AT + 2 * (self.count + 1) + self.used + bytes;
        if after > BLOCK_BYTES || self.count == Self::RECORDS_MAX {
            return false;
        }
        self.offsets[self.count] = narrow(self.used);
        self.count += 1;
        for part in parts {
            self.records[self.used..self.used + part.len()].copy_from_slice(part);
            self.used += part.len();
        }
        true
    }
}

/// An offset or count within a block.
#[allow(clippy::cast_possible_truncation, reason = "everything within a block is below 4097")]
const fn narrow(value: usize) -> u16 {
    debug_assert!(value <= BLOCK_BYTES);
    value as u16
}
