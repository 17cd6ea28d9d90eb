//! Checking blocks and nodes against a trusted root.

use core::fmt;

use super::{Block, Shape, child_hash, leaf_hash, node_hash, root_hash};
use crate::digest::Digest;

/// Why a block or node was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The length is above [`super::LENGTH_MAX`].
    TooLong,
    /// The root is not that of an empty file, though the length is 0.
    RootMismatch,
    /// The file has no such block.
    NoSuchBlock {
        /// The block asked for.
        block: u64,
    },
    /// The tree has no such node.
    NoSuchNode {
        /// Level of the node asked for.
        level: usize,
        /// Index of the node in its level.
        index: u64,
    },
    /// A parent was given for the topmost hash, or none for one below it. A caller's mistake.
    WrongParent,
    /// The block's hash is not the one its parent holds.
    BlockMismatch {
        /// Index of the block in the file.
        block: u64,
    },
    /// The node's hash is not the one its parent holds.
    NodeMismatch {
        /// Level of the node, 0 above the data.
        level: usize,
        /// Index of the node in its level.
        index: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("file too long"),
            Self::RootMismatch => f.write_str("root mismatch"),
            Self::NoSuchBlock { block } => write!(f, "block {block}: beyond the end"),
            Self::NoSuchNode { level, index } => write!(f, "tree node {level}/{index}: none such"),
            Self::WrongParent => f.write_str("wrong parent node"),
            Self::BlockMismatch { block } => write!(f, "block {block}: hash mismatch"),
            Self::NodeMismatch { level, index } => {
                write!(f, "tree node {level}/{index}: hash mismatch")
            }
        }
    }
}

impl core::error::Error for Error {}

/// A file's tree, known by its root. Length and root come from a source the caller trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    shape: Shape,
    root: Digest,
}

impl Tree {
    /// The tree of a file of `length_bytes` with this `root`.
    ///
    /// # Errors
    /// [`Error::TooLong`]; [`Error::RootMismatch`] for an empty file, whose root is fixed.
    pub fn new(length_bytes: u64, root: Digest) -> Result<Self, Error> {
        let shape = Shape::new(length_bytes).ok_or(Error::TooLong)?;
        if length_bytes == 0 && root_hash(0, &Digest::ZERO) != root {
            return Err(Error::RootMismatch);
        }
        Ok(Self { shape, root })
    }

    /// How many nodes there are.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The root.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// Proves that `data` is block `block` of the file, the zeros after the file's end included.
    ///
    /// `parent` is the *verified* level-0 node [`super::node_above`]`(block, 0)`, or `None` when the
    /// file is a single block.
    ///
    /// # Errors
    /// [`Error::NoSuchBlock`], [`Error::WrongParent`], [`Error::BlockMismatch`].
    pub fn verify_block(
        &self,
        block: u64,
        data: &Block,
        parent: Option<&Block>,
    ) -> Result<(), Error> {
        if block >= self.shape.block_count() {
            return Err(Error::NoSuchBlock { block });
        }
        let is_top = self.shape.level_count() == 0;
        if self.agrees(&leaf_hash(data), block, is_top, parent)? {
            Ok(())
        } else {
            Err(Error::BlockMismatch { block })
        }
    }

    /// Proves that `node` is node `index` of `level`.
    ///
    /// `parent` is the *verified* node `index / 128` of the level above, or `None` for the topmost
    /// node.
    ///
    /// # Errors
    /// [`Error::NoSuchNode`], [`Error::WrongParent`], [`Error::NodeMismatch`].
    pub fn verify_node(
        &self,
        level: usize,
        index: u64,
        node: &Block,
        parent: Option<&Block>,
    ) -> Result<(), Error> {
        if index >= self.shape.node_count(level) {
            return Err(Error::NoSuchNode { level, index });
        }
        let is_top = level + 1 == self.shape.level_count();
        if self.agrees(&node_hash(node), index, is_top, parent)? {
            Ok(())
        } else {
            Err(Error::NodeMismatch { level, index })
        }
    }

    fn agrees(
        &self,
        hash: &Digest,
        index: u64,
        is_top: bool,
        parent: Option<&Block>,
    ) -> Result<bool, Error> {
        match (is_top, parent) {
            (true, None) => Ok(root_hash(self.shape.length_bytes(), hash) == self.root),
            (false, Some(parent)) => Ok(child_hash(parent, index) == *hash),
            _ => Err(Error::WrongParent),
        }
    }
}
