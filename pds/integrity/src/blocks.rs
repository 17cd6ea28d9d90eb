//! Proven data blocks of small files, so that what is asked for again and again is hashed once.

use ledger_verify::Digest;
use volume::geometry::Block;

/// Blocks kept.
pub(crate) const BLOCKS: usize = 32;
/// Files of more blocks are not kept: one large file would drive out everything else.
pub(crate) const FILE_BLOCKS_MAX: u64 = 4;

/// Room for the blocks: plain bytes, of any value at the start.
pub type BlockRoom = [Block; BLOCKS];

/// Private copies of proven blocks, each under its file's root and its index: 128 KiB. What is in here
/// was proven against that root, so it is right whatever happens to the disk afterwards.
pub struct ProvenBlocks<'a> {
    keys: [Option<(Digest, u64)>; BLOCKS],
    blocks: &'a mut BlockRoom,
    next: usize,
}

impl<'a> ProvenBlocks<'a> {
    /// No block.
    pub fn new(room: &'a mut BlockRoom) -> Self {
        Self { keys: [None; BLOCKS], blocks: room, next: 0 }
    }

    /// Block `index` of the file with this root.
    pub(crate) fn get(&self, root: &Digest, index: u64) -> Option<&Block> {
        let is_it =
            |key: &Option<(Digest, u64)>| matches!(key, Some((r, i)) if r == root && *i == index);
        let place = self.keys.iter().position(is_it)?;
        self.blocks.get(place)
    }

    /// Keeps a proven block in place of the one that came first.
    pub(crate) fn insert(&mut self, root: Digest, index: u64, block: &Block) {
        let place = self.next % BLOCKS;
        self.next = self.next.wrapping_add(1);
        if let (Some(key), Some(kept)) = (self.keys.get_mut(place), self.blocks.get_mut(place)) {
            *key = Some((root, index));
            *kept = *block;
        }
    }
}
