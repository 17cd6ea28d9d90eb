//! Walking the table of contents.

use ledger_verify::Digest;

use super::cache::ProvenNodes;
use super::file::VerifiedEntry;
use super::root::VerifiedRoot;
use crate::error::{Error, NodeFault};
use crate::geometry::Block;
use crate::hash::toc_node_hash;
use crate::locate::ObjectId;
use crate::toc::{Child, Entry, Node};

/// A node of the table of contents that a walk needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TocWant {
    index: u64,
    level: u8,
    is_root: bool,
    hash: Digest,
}

impl TocWant {
    pub(super) fn root(index: u64, level: u8, hash: Digest) -> Self {
        Self { index, level, is_root: true, hash }
    }

    /// The child of a proven node of `level`, which is not 0.
    fn child(child: &Child<'_>, level: u8) -> Self {
        Self { index: child.index, level: level - 1, is_root: false, hash: child.hash }
    }

    /// Index of the node.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Proves that `raw` is the node and keeps it in `nodes`.
    ///
    /// # Errors
    /// [`Error::TocNode`].
    pub fn prove<const N: usize>(
        &self,
        raw: &Block,
        nodes: &mut ProvenNodes<N>,
    ) -> Result<(), Error> {
        self.check(raw).map_err(|fault| Error::TocNode { index: self.index, fault })?;
        nodes.insert(self.hash, |node| {
            *node = *raw;
            true
        });
        Ok(())
    }

    fn check(&self, raw: &Block) -> Result<(), NodeFault> {
        if toc_node_hash(raw) != self.hash {
            return Err(NodeFault::Hash);
        }
        // Whoever signed the root made this node. It is checked all the same, so that a mistake of
        // theirs ends here and walks can rely on levels and order.
        let node = Node::parse(raw)?;
        if node.level() != self.level {
            return Err(NodeFault::Field("node of another level"));
        }
        if node.count() == 0 && !self.is_root {
            return Err(NodeFault::Field("leaf without entries"));
        }
        Ok(())
    }
}

/// How far [`VerifiedRoot::find`] came.
#[derive(Debug, Clone, Copy)]
pub enum Find {
    /// This node must be fetched and proven first; then ask again.
    Need(TocWant),
    /// The entry.
    Found(VerifiedEntry),
    /// The volume has no such path, and that is proven.
    Absent,
}

/// How far [`VerifiedRoot::next_after`] came.
#[derive(Debug, Clone, Copy)]
pub enum Next<'n> {
    /// This node must be fetched and proven first; then ask again.
    Need(TocWant),
    /// The entry that follows, and its path.
    Entry(VerifiedEntry, &'n str),
    /// There is none.
    End,
}

impl VerifiedRoot {
    /// Looks `path` up, as far as `nodes` reach.
    pub fn find<const N: usize>(&self, nodes: &mut ProvenNodes<N>, path: &str) -> Find {
        let key = path.as_bytes();
        let mut want = self.toc_root();
        loop {
            let Some(place) = nodes.find(&want.hash) else { return Find::Need(want) };
            let node = Node::accepted(nodes.node(place));
            let rank = node.rank(key);
            if want.level > 0 {
                // The first child has the empty key, so the rank is never 0.
                let Some(child) = node.child(rank.saturating_sub(1)) else { return Find::Absent };
                want = TocWant::child(&child, want.level);
                continue;
            }
            let record = rank.checked_sub(1);
            let entry = record
                .and_then(|record| verified(&want, &node, record))
                .filter(|(_, found)| found.path == path);
            return entry.map_or(Find::Absent, |(entry, _)| Find::Found(entry));
        }
    }

    /// The first entry whose path comes after `path` in byte order, as far as `nodes` reach. From the
    /// empty path on, this lists the volume.
    pub fn next_after<'n, const N: usize>(
        &self,
        nodes: &'n mut ProvenNodes<N>,
        path: &str,
    ) -> Next<'n> {
        let mut want = self.toc_root();
        // The subtree next to the right of the way down, and whether the way is in it already.
        let (mut right, mut turned) = (None, false);
        let (place, record) = loop {
            let Some(place) = nodes.find(&want.hash) else { return Next::Need(want) };
            let node = Node::accepted(nodes.node(place));
            let rank = if turned { 0 } else { node.rank(path.as_bytes()) };
            if want.level > 0 {
                let at = rank.saturating_sub(1);
                if let (false, Some(sibling)) = (turned, node.child(at + 1)) {
                    right = Some(TocWant::child(&sibling, want.level));
                }
                let Some(child) = node.child(at) else { return Next::End };
                want = TocWant::child(&child, want.level);
            } else if rank < node.count() {
                break (place, rank);
            } else {
                let Some(sibling) = right.take() else { return Next::End };
                (want, turned) = (sibling, true);
            }
        };
        let node = Node::accepted(nodes.node(place));
        match verified(&want, &node, record) {
            Some((entry, found)) => Next::Entry(entry, found.path),
            None => Next::End,
        }
    }
}

fn verified<'a>(
    want: &TocWant,
    node: &Node<'a>,
    record: usize,
) -> Option<(VerifiedEntry, Entry<'a>)> {
    let entry = node.entry(record)?;
    Some((VerifiedEntry::new(ObjectId::new(want.index, record)?, &entry)?, entry))
}
