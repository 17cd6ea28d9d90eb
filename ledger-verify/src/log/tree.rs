//! Merkle trees of logs: RFC 9162, section 2.1 (the same trees as RFC 6962).

use sha2::{Digest as _, Sha256};

use super::Reason;
use crate::Digest;

/// Root of the tree without entries.
#[must_use]
pub fn empty_root() -> Digest {
    Digest(Sha256::new().finalize().into())
}

/// Hash of an entry.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// Hash of an inner node.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let hash = Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0);
    Digest(hash.finalize().into())
}

/// Proves that the entry with `leaf` is number `index` of the `size` entries under `root`: RFC 9162,
/// section 2.1.3.2. `proof` goes from the leaf's sibling up.
///
/// # Errors
/// [`Reason::ProofShape`], [`Reason::RootMismatch`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Digest,
    proof: impl IntoIterator<Item = Digest>,
    root: &Digest,
) -> Result<(), Reason> {
    if index >= size {
        return Err(Reason::ProofShape);
    }
    let mut path = Path { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        if path.last == 0 {
            return Err(Reason::ProofShape);
        }
        hash = if path.is_right() {
            path.skip_levels_without_sibling();
            node_hash(&sibling, &hash)
        } else {
            node_hash(&hash, &sibling)
        };
        path.up();
    }
    path.ends_at(hash == *root)
}

/// Proves that the tree of `new_size` entries starts with all entries of that of `old_size`: RFC
/// 9162, section 2.1.4.2. No proof starts from an empty tree: every tree continues it.
///
/// # Errors
/// [`Reason::ProofShape`], [`Reason::RootMismatch`].
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    old_root: &Digest,
    new_root: &Digest,
    proof: impl IntoIterator<Item = Digest>,
) -> Result<(), Reason> {
    let mut proof = proof.into_iter();
    if old_size > new_size || (old_size == 0 && new_size > 0) {
        return Err(Reason::ProofShape);
    }
    if old_size == new_size {
        let roots_fit = old_root == new_root && (old_size > 0 || *old_root == empty_root());
        return match (proof.next(), roots_fit) {
            (Some(_), _) => Err(Reason::ProofShape),
            (None, false) => Err(Reason::RootMismatch),
            (None, true) => Ok(()),
        };
    }
    let mut path = Path { node: old_size - 1, last: new_size - 1 };
    while path.node & 1 == 1 {
        path.up();
    }
    // A complete old tree is itself the first node of the proof.
    let first = if old_size.is_power_of_two() { Some(*old_root) } else { proof.next() };
    let first = first.ok_or(Reason::ProofShape)?;
    let (mut old, mut new) = (first, first);
    for sibling in proof {
        if path.last == 0 {
            return Err(Reason::ProofShape);
        }
        if path.is_right() {
            path.skip_levels_without_sibling();
            old = node_hash(&sibling, &old);
            new = node_hash(&sibling, &new);
        } else {
            new = node_hash(&new, &sibling);
        }
        path.up();
    }
    path.ends_at(old == *old_root && new == *new_root)
}

/// The way from a node up to the root: its index and that of the last node, level by level.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    const fn is_right(&self) -> bool {
        self.node & 1 == 1 || self.node == self.last
    }

    const fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    /// A last node that is a left child has no sibling, and moves up as it is.
    const fn skip_levels_without_sibling(&mut self) {
        while self.node & 1 == 0 && self.node != 0 {
            self.up();
        }
    }

    const fn ends_at(&self, roots_agree: bool) -> Result<(), Reason> {
        if self.last != 0 {
            Err(Reason::ProofShape)
        } else if roots_agree {
            Ok(())
        } else {
            Err(Reason::RootMismatch)
        }
    }
}
