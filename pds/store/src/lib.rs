//! Storage engine: finds the parts of a volume on the disk and hands them out, trusted for nothing.
//!
//! `store` knows where things lie: it reads a superblock and leaves of the table of contents, believes
//! them as far as it must to find blocks, and bounds-checks everything against the disk. Whether bytes
//! are the right ones is for its clients to prove. It never copies data: the disk device writes into
//! the block region, and clients read there.
//!
//! The region is cut into groups of [`protocols::store::BLOCKS_PER_REQUEST_MAX`] blocks. A request takes
//! one group until its client releases it; no client can hold so many that another gets none.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `disk_link` | `disk` | block requests |
//! | `disk_buffers` (r) | device, clients | blocks |
//! | table of clients | clients | request and completion rings |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod leaves;
mod service;
mod volume_state;

pub use leaves::Leaves;
pub use service::{CLIENTS_MAX, Client, DiskLink, GROUP_BYTES, Link, Store};

#[cfg(test)]
mod tests;
