//! The two domains of this format; those of file trees are `ledger_verify::Domain`'s.

use ledger_verify::Digest;
use ledger_verify::digest::keyed_hash;

use crate::geometry::Block;

/// Digest of a node of the table of contents.
pub(crate) fn toc_node_hash(node: &Block) -> Digest {
    keyed_hash(b"cairn volume toc v1\0\0\0\0\0\0\0\0\0\0\0\0\0", node)
}

/// Digest of a superblock's body: the volume root.
pub(crate) fn volume_root_hash(body: &[u8]) -> Digest {
    keyed_hash(b"cairn volume root v1\0\0\0\0\0\0\0\0\0\0\0\0", body)
}
