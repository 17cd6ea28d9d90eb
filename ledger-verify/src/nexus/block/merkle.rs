//! Merkle trees over transaction ids.
//!
//! A node is the hash of its children, one behind the other, without a prefix. An inner node cannot pass
//! for a transaction: it hashes 128 bytes, an id 179 or more. A last node without a sibling is its own,
//! and then stands on the left only, so that no transaction has two indices.

use super::super::hash::Sk512;
use super::Reason;

/// Most levels of a tree, far beyond what a block can hold.
pub const BRANCH_MAX: usize = 32;

/// The root of a tree that holds `txid` as leaf number `index`, given each level's sibling from the
/// leaves on.
///
/// # Errors
///
/// [`Reason::Branch`]: `branch` is longer than [`BRANCH_MAX`], or no tree has a leaf of that number there.
pub fn merkle_root(txid: &[u8; 64], index: u32, branch: &[[u8; 64]]) -> Result<[u8; 64], Reason> {
    if branch.len() > BRANCH_MAX || u64::from(index) >> branch.len() != 0 {
        return Err(Reason::Branch);
    }
    let mut node = *txid;
    for (level, sibling) in branch.iter().enumerate() {
        node = match index >> level & 1 {
            0 => Sk512::digest(&[&node, sibling]),
            _ if node == *sibling => return Err(Reason::Branch),
            _ => Sk512::digest(&[sibling, &node]),
        };
    }
    Ok(node)
}
