//! Merkle trees over files on a block device.
//!
//! A file is cut into 4 KiB blocks, the last one filled up with zeros. 128 block hashes make a 4 KiB
//! *node* of level 0, 128 node hashes a node of level 1, and so on until one hash is left, the *top*.
//! Unused slots of a node are zero. The root binds the top to the file's length:
//!
//! ```text
//! leaf = BLAKE3-keyed("cairn merkle leaf v1", block)           block: 4096 bytes
//! node = BLAKE3-keyed("cairn merkle node v1", node)            node:  128 hashes, 4096 bytes
//! root = BLAKE3-keyed("cairn merkle root v1", u64le(length) || top)
//! top  = zeros for no block, the leaf for one block, else the hash of the only node of the last level
//! ```
//!
//! A file of one block or none needs no node; otherwise nodes add 1/128 + 1/128² + … = 0.79 %.
//! Specified in `docs/ledger.md`, section "Merkle trees".
//!
//! [`Tree`] verifies, [`Builder`] makes. A byte that is not proven is never an answer: whoever reads
//! checks each node against its parent and each block against its level-0 node.

mod build;
#[cfg(test)]
mod tests;
mod verify;

pub use build::Builder;
pub use verify::{Error, Tree};

use crate::digest::{Digest, Domain};

/// Size of a data block and of a tree node, in bytes.
pub const BLOCK_BYTES: usize = 4096;
/// Child hashes per node.
pub const FANOUT: usize = BLOCK_BYTES / Digest::BYTES;
/// Most levels of nodes a tree can have.
pub const LEVELS_MAX: usize = 7;
/// Longest file, in bytes: [`LEVELS_MAX`] levels of 128 children each.
pub const LENGTH_MAX: u64 = (FANOUT as u64).pow(7) * BLOCK_BYTES as u64;

/// A data block or a tree node.
pub type Block = [u8; BLOCK_BYTES];

/// Hash of a data block.
#[must_use]
pub fn leaf_hash(block: &Block) -> Digest {
    Domain::MerkleLeaf.digest(block)
}

/// Hash of a tree node.
#[must_use]
pub fn node_hash(node: &Block) -> Digest {
    Domain::MerkleNode.digest(node)
}

/// Root of a file of `length_bytes` whose topmost hash is `top`.
#[must_use]
pub fn root_hash(length_bytes: u64, top: &Digest) -> Digest {
    let mut input = [0; 8 + Digest::BYTES];
    let (length, rest) = input.split_at_mut(8);
    length.copy_from_slice(&length_bytes.to_le_bytes());
    rest.copy_from_slice(&top.0);
    Domain::MerkleRoot.digest(&input)
}

/// How many nodes a tree has, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    length_bytes: u64,
}

impl Shape {
    /// The shape of a tree over a file of `length_bytes`; `None` above [`LENGTH_MAX`].
    #[must_use]
    pub const fn new(length_bytes: u64) -> Option<Self> {
        if length_bytes > LENGTH_MAX { None } else { Some(Self { length_bytes }) }
    }

    /// Length of the file, in bytes.
    #[must_use]
    pub const fn length_bytes(self) -> u64 {
        self.length_bytes
    }

    /// Number of data blocks.
    #[must_use]
    pub const fn block_count(self) -> u64 {
        self.length_bytes.div_ceil(BLOCK_BYTES as u64)
    }

    /// Number of levels of nodes; 0 for a file of one block or none.
    #[must_use]
    pub const fn level_count(self) -> usize {
        let mut children = self.block_count();
        let mut levels = 0;
        while children > 1 {
            children = children.div_ceil(FANOUT as u64);
            levels += 1;
        }
        levels
    }

    /// Number of nodes of `level`; level 0 is the one above the data. 0 for a level there is not.
    #[must_use]
    pub const fn node_count(self, level: usize) -> u64 {
        if level >= self.level_count() {
            return 0;
        }
        let mut nodes = self.block_count();
        let mut below = 0;
        while below <= level {
            nodes = nodes.div_ceil(FANOUT as u64);
            below += 1;
        }
        nodes
    }

    /// Number of nodes of all levels.
    #[must_use]
    pub const fn node_count_total(self) -> u64 {
        let mut nodes = self.block_count();
        let mut total = 0;
        while nodes > 1 {
            nodes = nodes.div_ceil(FANOUT as u64);
            total += nodes;
        }
        total
    }
}

/// Which node of `level` lies on the way from the top to data block `block_index`.
#[must_use]
pub const fn node_above(block_index: u64, level: usize) -> u64 {
    let mut index = block_index / FANOUT as u64;
    let mut below = 0;
    while below < level {
        index /= FANOUT as u64;
        below += 1;
    }
    index
}

/// The hash that verified `node` holds of its child `child_index` (counted over the whole level).
#[must_use]
pub fn child_hash(node: &Block, child_index: u64) -> Digest {
    let (hashes, _) = node.as_chunks::<{ Digest::BYTES }>();
    // The remainder is below 128, and a node has 128 hashes.
    #[allow(clippy::cast_possible_truncation, reason = "a remainder of 128")]
    let slot = (child_index % FANOUT as u64) as usize;
    hashes.get(slot).map_or(Digest::ZERO, |hash| Digest(*hash))
}
