//! Walking a file's tree.

use ledger_verify::Digest;
use ledger_verify::merkle::{child_hash, leaf_hash, node_above, node_hash, root_hash};

use super::cache::ProvenNodes;
use crate::error::Error;
use crate::geometry::{BLOCK_BYTES, Block, NodeSpan, TreeLayout};
use crate::locate::ObjectId;
use crate::toc::Entry;

/// A file whose size and root are proven.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedEntry {
    object: ObjectId,
    layout: TreeLayout,
    root: Digest,
    tree_slot: u64,
}

/// The digest that something must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The topmost hash: the root covers it together with the file's size.
    Top { size: u64, root: Digest },
    /// The hash that a proven parent holds.
    Child(Digest),
}

impl Proof {
    fn accepts(&self, hash: &Digest) -> bool {
        match self {
            Self::Top { size, root } => root_hash(*size, hash) == *root,
            Self::Child(expected) => hash == expected,
        }
    }

    /// Under which key the cache holds a node with this proof.
    fn key(&self) -> Digest {
        match self {
            Self::Top { root, .. } => *root,
            Self::Child(hash) => *hash,
        }
    }
}

/// What a read of a block needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// This tree node must be fetched and proven first; then ask again.
    Node(NodeWant),
    /// The data block itself.
    Block(BlockWant),
}

/// A tree node that a read needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeWant {
    object: ObjectId,
    level: usize,
    index: u64,
    span: NodeSpan,
    proof: Proof,
}

/// A data block that a read needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockWant {
    object: ObjectId,
    index: u64,
    len: usize,
    proof: Proof,
}

/// The bytes of a block that belong to the file, all of them proven.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedBlock<'a> {
    bytes: &'a [u8],
}

impl<'a> VerifiedBlock<'a> {
    /// The bytes; fewer than 4096 only at the end of the file.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl VerifiedEntry {
    /// The entry at `object` of a proven leaf.
    pub(super) fn new(object: ObjectId, entry: &Entry<'_>) -> Option<Self> {
        let (root, tree_slot) = (entry.root, entry.tree_slot);
        Some(Self { object, layout: entry.tree()?, root, tree_slot })
    }

    /// Its name towards the storage engine.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        self.object
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.layout.shape().length_bytes()
    }

    /// Data blocks of the file.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.layout.shape().block_count()
    }

    /// Merkle root of the file.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// What is needed to read data block `index`, given the nodes proven so far.
    ///
    /// # Errors
    /// [`Error::NoSuchBlock`].
    pub fn need<const N: usize>(
        &self,
        nodes: &mut ProvenNodes<N>,
        index: u64,
    ) -> Result<Need, Error> {
        if index >= self.block_count() {
            return Err(Error::NoSuchBlock { index });
        }
        let mut proof = Proof::Top { size: self.size(), root: self.root };
        for level in (0..self.layout.shape().level_count()).rev() {
            let Some(place) = nodes.find(&proof.key()) else {
                let want = self.node_want(level, node_above(index, level), proof);
                return want.map(Need::Node).ok_or(Error::NoSuchBlock { index });
            };
            let child = match level.checked_sub(1) {
                Some(below) => node_above(index, below),
                None => index,
            };
            proof = Proof::Child(child_hash(nodes.node(place), child));
        }
        let left = self.size() - index * BLOCK_BYTES as u64;
        let len = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
        Ok(Need::Block(BlockWant { object: self.object, index, len, proof }))
    }

    fn node_want(&self, level: usize, index: u64, proof: Proof) -> Option<NodeWant> {
        let span = self.layout.span(self.tree_slot, level, index)?;
        Some(NodeWant { object: self.object, level, index, span, proof })
    }
}

impl NodeWant {
    /// The object whose tree it belongs to.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        self.object
    }

    /// Its level, 0 next to the data.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// Its index within the level.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Where the node lies: [`NodeSpan::bytes`] of [`NodeSpan::block_count`] blocks.
    #[must_use]
    pub fn span(&self) -> NodeSpan {
        self.span
    }

    /// Proves that `hashes` are the node and keeps it in `nodes`. They are those bytes of the blocks
    /// that [`NodeWant::span`] names.
    ///
    /// # Errors
    /// [`Error::TreeNode`].
    pub fn prove<const N: usize>(
        &self,
        hashes: &[u8],
        nodes: &mut ProvenNodes<N>,
    ) -> Result<(), Error> {
        let proven = hashes.len() == self.span.bytes().len()
            && nodes.insert(self.proof.key(), |node| {
                *node = [0; BLOCK_BYTES];
                match node.get_mut(..hashes.len()) {
                    Some(used) => used.copy_from_slice(hashes),
                    None => return false,
                }
                self.proof.accepts(&node_hash(node))
            });
        if proven { Ok(()) } else { Err(Error::TreeNode { level: self.level, index: self.index }) }
    }
}

impl BlockWant {
    /// The object it belongs to.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        self.object
    }

    /// Its index within the file.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Proves that `raw` is the block.
    ///
    /// # Errors
    /// [`Error::Block`].
    pub fn prove<'b>(&self, raw: &'b Block) -> Result<VerifiedBlock<'b>, Error> {
        match raw.get(..self.len) {
            Some(bytes) if self.proof.accepts(&leaf_hash(raw)) => Ok(VerifiedBlock { bytes }),
            _ => Err(Error::Block { index: self.index }),
        }
    }
}
