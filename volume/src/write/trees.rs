//! A file's tree as the disk has it: hashes without gaps.

use core::convert::Infallible;
use std::boxed::Box;
use std::vec::Vec;

use ledger_verify::Digest;
use ledger_verify::merkle::Builder;

use crate::geometry::{BLOCK_BYTES, Block, LEVELS_MAX, TreeLayout};

/// Builds the tree of one file, in order of its blocks.
pub(super) struct TreeWriter {
    builder: Box<Builder>,
    levels: [Vec<u8>; LEVELS_MAX],
}

impl TreeWriter {
    pub(super) fn new() -> Self {
        Self { builder: Box::new(Builder::new()), levels: Default::default() }
    }

    pub(super) fn push(&mut self, block: &Block) {
        let Ok(()) = self.builder.push(block, collect(&mut self.levels));
    }

    /// The root and the hashes of a file of `size` bytes; `None` when it is too large.
    pub(super) fn finish(mut self, size: u64) -> Option<(Digest, Vec<u8>)> {
        let layout = TreeLayout::of_size(size)?;
        let Ok(root) = self.builder.finish(size, collect(&mut self.levels));
        let mut tree = Vec::new();
        for (level, nodes) in self.levels.iter().enumerate() {
            let Some(last) = layout.shape().node_count(level).checked_sub(1) else { break };
            let unused = BLOCK_BYTES - layout.span(0, level, last)?.hash_count * Digest::BYTES;
            tree.extend_from_slice(nodes.get(..nodes.len().checked_sub(unused)?)?);
        }
        Some((root?, tree))
    }
}

/// A sink that keeps the nodes of each level; those of levels beyond the format's are dropped, since
/// the file is then refused anyway.
fn collect(
    levels: &mut [Vec<u8>; LEVELS_MAX],
) -> impl FnMut(usize, u64, &Block) -> Result<(), Infallible> {
    |level, _index, node| {
        if let Some(nodes) = levels.get_mut(level) {
            nodes.extend_from_slice(node);
        }
        Ok(())
    }
}
