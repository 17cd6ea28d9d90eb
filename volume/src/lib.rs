//! The volume format: a read-only view of files of which every byte can be proven.
//!
//! A volume is a disk image of 4 KiB blocks. Its *root*, one digest, covers name, generation and a
//! table of contents, which covers each file's Merkle root, which covers each block. A signature
//! chain vouches for the root, so whoever trusts the chain can check any byte, whatever the disk and
//! the software between say.
//!
//! | module | whose side | does |
//! |---|---|---|
//! | [`wire`], [`toc`], [`chain`], [`Superblock`] | both | bytes to checked values and back |
//! | [`locate`] | storage engine, untrusted | which disk block holds a part |
//! | [`verify`] | reader | proof from the vouched root down to a data block |
//! | `write` (feature `write`) | host | makes volumes |
//!
//! It performs no I/O and holds no key; it trusts nobody but the value of the ledger's register that
//! its caller passes in. All bytes may come from an enemy: the answer is a typed error that names the
//! part that failed, never a panic. Memory does not depend on the input's size. Specification:
//! `docs/volume-format.md`.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "write"))]
extern crate std;

pub mod chain;
mod error;
pub mod geometry;
mod hash;
pub mod locate;
pub mod path;
mod superblock;
pub mod toc;
pub mod verify;
pub mod wire;
#[cfg(any(test, feature = "write"))]
pub mod write;

pub use error::{Error, ErrorOf, NodeFault, SuperblockFault};
pub use superblock::{SUPERBLOCK_SLOTS, Superblock, TOC_LEVELS_MAX, empty_head};
