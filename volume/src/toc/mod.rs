//! Nodes of the table of contents: a tree of sorted paths, one 4 KiB block per node.
//!
//! A node is read with [`Node::parse`], which checks every byte of it, and written with
//! [`NodeWriter`]. Neither proves anything: `verify` compares digests.

mod record;
mod write;

pub use record::{Child, Entry, Extents};
pub use write::NodeWriter;

use zerocopy::FromBytes;
use zerocopy::little_endian::U16;

use crate::error::NodeFault;
use crate::geometry::Block;
use crate::superblock::{TOC_LEVELS_MAX, is_zero};
use crate::wire::{NodeHead, TOC_MAGIC};

/// Where the record offsets start.
const OFFSETS_AT: usize = size_of::<NodeHead>();

/// A well-formed node.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    block: &'a Block,
    level: u8,
    count: usize,
    end: usize,
}

impl<'a> Node<'a> {
    /// Reads `block` and checks that all of it is as it should be: records in bounds, back to back
    /// and in strictly ascending order of their keys, entries consistent, zeros elsewhere.
    ///
    /// # Errors
    /// [`NodeFault::Field`], [`NodeFault::Path`].
    pub fn parse(block: &'a Block) -> Result<Self, NodeFault> {
        let node = Self::head(block).ok_or(NodeFault::Field("not a toc node"))?;
        let mut at = OFFSETS_AT + 2 * node.count;
        let mut last_key: Option<&[u8]> = None;
        for index in 0..node.count {
            if node.offset(index) != Some(at) {
                return Err(NodeFault::Field("records are not back to back"));
            }
            let bytes = block.get(at..node.end).unwrap_or_default();
            let (key, record_bytes) = if node.level == 0 {
                let (entry, used) = Entry::parse(bytes)?;
                (entry.path.as_bytes(), used)
            } else {
                let (child, used) = Child::parse(bytes)?;
                if (index == 0) != child.key.is_empty() {
                    return Err(NodeFault::Field("only the first child has no key"));
                }
                (child.key, used)
            };
            if last_key.is_some_and(|last| last >= key) {
                return Err(NodeFault::Field("records are not in order"));
            }
            last_key = Some(key);
            at += record_bytes;
        }
        if node.level > 0 && node.count == 0 {
            return Err(NodeFault::Field("inner node without children"));
        }
        if at != node.end || !block.get(node.end..).is_some_and(is_zero) {
            return Err(NodeFault::Field("bytes behind the last record"));
        }
        Ok(node)
    }

    /// The node in a block that [`Node::parse`] has accepted before. Of any other block it gives
    /// nonsense, but never a panic.
    pub(crate) fn accepted(block: &'a Block) -> Self {
        Self::head(block).unwrap_or(Self { block, level: 0, count: 0, end: 0 })
    }

    fn head(block: &'a Block) -> Option<Self> {
        let (head, _) = NodeHead::ref_from_prefix(block).ok()?;
        let (count, end) = (usize::from(head.count.get()), usize::from(head.end.get()));
        let sane = head.magic == TOC_MAGIC
            && head.level < TOC_LEVELS_MAX
            && head.reserved == 0
            && head.reserved2 == [0; 6]
            && end >= OFFSETS_AT + 2 * count
            && end <= block.len();
        sane.then_some(Self { block, level: head.level, count, end })
    }

    /// 0 for a leaf.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Number of records.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Record `index` of a leaf.
    #[must_use]
    pub fn entry(&self, index: usize) -> Option<Entry<'a>> {
        let bytes = self.record(index).filter(|_| self.level == 0)?;
        Entry::parse(bytes).ok().map(|(entry, _)| entry)
    }

    /// Record `index` of an inner node.
    #[must_use]
    pub fn child(&self, index: usize) -> Option<Child<'a>> {
        let bytes = self.record(index).filter(|_| self.level > 0)?;
        Child::parse(bytes).ok().map(|(child, _)| child)
    }

    /// How many records have a key at or before `key`.
    #[must_use]
    pub fn rank(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle).is_some_and(|found| found <= key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn key(&self, index: usize) -> Option<&'a [u8]> {
        let bytes = self.record(index)?;
        if self.level == 0 { Entry::key(bytes) } else { Child::key(bytes) }
    }

    fn record(&self, index: usize) -> Option<&'a [u8]> {
        self.block.get(self.offset(index)?..self.end)
    }

    fn offset(&self, index: usize) -> Option<usize> {
        if index >= self.count {
            return None;
        }
        let bytes = self.block.get(OFFSETS_AT + 2 * index..)?;
        U16::read_from_prefix(bytes).ok().map(|(offset, _)| usize::from(offset.get()))
    }
}

#[cfg(test)]
mod tests;
