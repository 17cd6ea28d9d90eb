//! Blocks, served by `disk` to `store`.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | store → disk | 32 | read `count` blocks from `block` to `offset` of the buffer region |
//! | [`Completion`] | disk → store | 24 | how the request with this cookie ended |
//!
//! The device writes the buffer region by DMA; neither side's code copies. Completions may arrive in
//! another order than requests.

use crate::codes::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 4096;
/// Slots of each ring.
pub const RING_SLOTS: usize = 64;
/// Bytes of the buffer region. `disk` does not map it, so no symbol can tell; `system.xml` says the
/// same number.
pub const BUFFERS_BYTES: usize = 0x8_0000;
/// Most blocks in one request.
pub const BLOCKS_PER_REQUEST_MAX: u16 = 32;

codes! {
    /// What is asked.
    pub enum Op {
        /// Read blocks.
        Read = 1,
        /// Tell the capacity; `block`, `count`, `offset` are zero.
        Capacity = 2,
    }
}

codes! {
    /// How a request ended.
    pub enum Status {
        /// Done.
        Ok = 1,
        /// The request was malformed: op, count, alignment or region.
        BadRequest = 2,
        /// The blocks lie behind the end of the device.
        OutOfRange = 3,
        /// The device reported an error.
        Device = 4,
        /// The device did not answer in time and was reset.
        Timeout = 5,
        /// There is no working device.
        NoDevice = 6,
    }
}

/// A request. Layout: cookie 0, block 8, offset 16, op 20, count 22, reserved 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Repeated in the completion.
    pub cookie: u64,
    /// First block, in units of [`BLOCK_BYTES`].
    pub block: u64,
    /// Where in the buffer region, a multiple of [`BLOCK_BYTES`].
    pub offset: u32,
    /// An [`Op`].
    pub op: u16,
    /// Blocks, 1 to [`BLOCKS_PER_REQUEST_MAX`].
    pub count: u16,
    /// Zero.
    pub reserved: u64,
}

/// A completion. Layout: cookie 0, capacity_blocks 8, status 16, reserved 18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Completion {
    /// The request's cookie.
    pub cookie: u64,
    /// Answer to [`Op::Capacity`], in blocks; zero otherwise.
    pub capacity_blocks: u64,
    /// A [`Status`].
    pub status: u16,
    /// Zero.
    pub reserved: [u8; 6],
}
