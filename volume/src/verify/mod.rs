//! What a reader does before it believes a byte: the integrity side.
//!
//! The chain of proof is superblock → table of contents → file root → tree nodes → data block. Each
//! step names what it needs ([`TocWant`], [`NodeWant`], [`BlockWant`]) together with the digest that
//! it must have; the caller fetches the block from wherever, copies it into memory of its own, and
//! hands it to `prove`. Wants and proofs cannot be made up: their fields are private, and every one
//! descends from a [`VerifiedRoot`], which a ledger vouched for.
//!
//! Proven nodes stay in a [`ProvenNodes`] cache of fixed size. Nothing else is kept, so memory does
//! not depend on the size of volume or file.
//!
//! ```text
//! let root = VerifiedRoot::admit([slot0, slot1], &expected)?;
//! let entry = loop {
//!     match root.find(&mut nodes, "a/b") {
//!         Find::Need(want) => want.prove(&fetch(want.index()), &mut nodes)?,
//!         Find::Found(entry) => break entry,
//!         Find::Absent => return not_found,
//!     }
//! };
//! let bytes = loop {
//!     match entry.need(&mut nodes, block_index)? {
//!         Need::Node(want) => want.prove(&fetch(want), &mut nodes)?,
//!         Need::Block(want) => break want.prove(&fetch(want))?.bytes(),
//!     }
//! };
//! ```

mod cache;
mod file;
mod root;
mod toc;

#[cfg(test)]
mod tests;

pub use cache::ProvenNodes;
pub use file::{BlockWant, Need, NodeWant, VerifiedBlock, VerifiedEntry};
pub use root::{Expected, VerifiedRoot, Vouched};
pub use toc::{Find, Next, TocWant};
