//! Unproven bytes of a volume, served by `store` to `integrity` and `ledger`.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | client → store | 40 | give me a part of the volume, or take a buffer back |
//! | [`Completion`] | store → client | 24 | where the part lies in the block region, or why not |
//!
//! The block region is written by the disk device alone and read by `store` and its clients. A buffer
//! named in a completion stays the client's until it sends `Release` with its offset.
//! Everything that arrives this way may be a lie; it is the client that finds out.

use crate::codes::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of each ring.
pub const RING_SLOTS: usize = 64;
/// Most blocks in one request.
pub const BLOCKS_PER_REQUEST_MAX: u16 = 16;

codes! {
    /// Which part of the volume.
    pub enum Op {
        /// Superblock slot `index`.
        Superblock = 1,
        /// Node `index` of the table of contents.
        TocNode = 2,
        /// `count` tree nodes from node `index` on `level` of `object`'s tree.
        TreeNode = 3,
        /// `count` data blocks of `object` from block `index`.
        Data = 4,
        /// `count` blocks of the chain area from block `index`.
        Chain = 5,
        /// Give the buffer at `index` (an offset) back.
        Release = 6,
    }
}

codes! {
    /// How a request ended.
    pub enum Status {
        /// `count` blocks lie at `offset`.
        Ok = 1,
        /// The request was malformed.
        BadRequest = 2,
        /// The volume has no such part.
        NotFound = 3,
        /// The disk failed.
        Disk = 4,
        /// There is no volume that can be read.
        NoVolume = 5,
        /// The client holds too many buffers.
        NoRoom = 6,
    }
}

/// A request. Layout: cookie 0, object 8, index 16, op 24, level 26, count 28, reserved 30.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Repeated in the completion.
    pub cookie: u64,
    /// The object, as its table entry names it.
    pub object: u64,
    /// Which block, node or slot.
    pub index: u64,
    /// An [`Op`].
    pub op: u16,
    /// Tree level, 0 next to the data.
    pub level: u16,
    /// Blocks, 1 to [`BLOCKS_PER_REQUEST_MAX`].
    pub count: u16,
    /// Zero.
    pub reserved: [u8; 10],
}

/// A completion. Layout: cookie 0, offset 8, status 12, count 14, reserved 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Completion {
    /// The request's cookie.
    pub cookie: u64,
    /// Into the block region.
    pub offset: u32,
    /// A [`Status`].
    pub status: u16,
    /// Blocks given.
    pub count: u16,
    /// Zero.
    pub reserved: u64,
}
