//! RFC 6962, section 2.1, as it is defined there: by recursion, with a hash of its own. The verifier
//! under test follows the iterative algorithms of RFC 9162 instead.

use ledger_verify::Digest;
use sha2::{Digest as _, Sha256};

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::digest([&[1][..], &left.0, &right.0].concat()).into())
}

/// Hash of an entry.
pub fn leaf(entry: &[u8]) -> Digest {
    Digest(Sha256::digest([&[0][..], entry].concat()).into())
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

fn halves(leaves: &[Digest]) -> (&[Digest], &[Digest]) {
    leaves.split_at(usize::try_from(split(leaves.len() as u64)).unwrap())
}

/// `MTH(D)`.
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest(Sha256::digest([]).into()),
        [leaf] => *leaf,
        _ => {
            let (left, right) = halves(leaves);
            node(&root(left), &root(right))
        }
    }
}

/// `PATH(m, D)`.
pub fn path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() < 2 {
        return vec![];
    }
    let (left, right) = halves(leaves);
    let (mut proof, sibling) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    proof.push(sibling);
    proof
}

/// `SUBPROOF(m, D, b)`; `PROOF(m, D)` with `is_whole`.
pub fn subproof(old: usize, leaves: &[Digest], is_whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if is_whole { vec![] } else { vec![root(leaves)] };
    }
    let (left, right) = halves(leaves);
    let (mut proof, sibling) = if old <= left.len() {
        (subproof(old, left, is_whole), root(right))
    } else {
        (subproof(old - left.len(), right, false), root(left))
    };
    proof.push(sibling);
    proof
}

/// The root that a path leads to: `PATH` read backwards. `None` when it is of another length.
fn root_of_path(index: u64, size: u64, leaf: &Digest, proof: &[Digest]) -> Option<Digest> {
    if size == 1 {
        return proof.is_empty().then_some(*leaf);
    }
    let (sibling, proof) = proof.split_last()?;
    let left = split(size);
    if index < left {
        Some(node(&root_of_path(index, left, leaf, proof)?, sibling))
    } else {
        Some(node(sibling, &root_of_path(index - left, size - left, leaf, proof)?))
    }
}

/// Both roots that a proof leads to: `SUBPROOF` read backwards. `old` is the root that the proof
/// leaves out where it is that of the whole old tree.
fn roots_of_subproof(
    old_size: u64,
    size: u64,
    old: Option<&Digest>,
    proof: &[Digest],
) -> Option<(Digest, Digest)> {
    if old_size == size {
        return match (old, proof) {
            (Some(root), []) | (None, [root]) => Some((*root, *root)),
            _ => None,
        };
    }
    let (sibling, proof) = proof.split_last()?;
    let left = split(size);
    if old_size <= left {
        let (before, after) = roots_of_subproof(old_size, left, old, proof)?;
        Some((before, node(&after, sibling)))
    } else {
        let (before, after) = roots_of_subproof(old_size - left, size - left, None, proof)?;
        Some((node(sibling, &before), node(sibling, &after)))
    }
}

/// Whether an inclusion proof holds.
pub fn includes(index: u64, size: u64, leaf: &Digest, proof: &[Digest], root: &Digest) -> bool {
    index < size && root_of_path(index, size, leaf, proof) == Some(*root)
}

/// Whether a consistency proof holds. From the empty tree there is none but to itself.
pub fn continues(old_size: u64, size: u64, old: &Digest, new: &Digest, proof: &[Digest]) -> bool {
    match (old_size, size) {
        (0, 0) => proof.is_empty() && *old == root(&[]) && old == new,
        (0, _) => false,
        _ if old_size > size => false,
        _ => roots_of_subproof(old_size, size, Some(old), proof) == Some((*old, *new)),
    }
}
