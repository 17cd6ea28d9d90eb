//! Proves every block before anybody else sees it.
//!
//! `integrity` asks `ledger` once for the proven root of the volume that the image pins, and from then
//! on believes what hashes to it: superblock, table of contents, file trees, data. It copies a block
//! out of shared memory once, hashes the private copy, and writes it to the client's region only when
//! the proof holds. `store`, `disk` and the device may lie; the worst they achieve is an error that
//! names what failed.
//!
//! Requests are executed one at a time, clients in turn. Memory is fixed: a cache of proven nodes, a
//! cache of proven blocks of small files, and one block of scratch.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `store_link`, `disk_buffers` (r) | `store` | unproven blocks |
//! | `proven_blocks` (rw) | nobody | cache of proven blocks |
//! | `ledger_link` | `ledger` | name, generation and root of the volume |
//! | table of clients | clients | request and completion rings, paths in, proven bytes out |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod blocks;
mod fetch;
mod job;
mod object;
mod root;
mod service;

pub use blocks::{BlockRoom, ProvenBlocks};
pub use fetch::{Fetcher, StoreLink};
pub use root::LedgerLink;
pub use service::{CLIENTS_MAX, Client, Integrity, Link, Memory};

#[cfg(test)]
mod tests;
