//! Random bytes from hardware, served by `entropy` to `crypto` alone.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | crypto → entropy | 16 | give me `len` bytes |
//! | [`Completion`] | entropy → crypto | 64 | the bytes, or why there are none |

use crate::codes::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of each ring.
pub const RING_SLOTS: usize = 4;
/// Most bytes in one completion.
pub const BYTES_MAX: usize = 48;

codes! {
    /// How a request ended.
    pub enum Status {
        /// `len` bytes follow.
        Ok = 1,
        /// The request asked for none or for more than [`BYTES_MAX`].
        BadRequest = 2,
        /// The device failed or did not answer.
        Device = 3,
        /// The device's output failed the health check and is not handed out.
        Unhealthy = 4,
    }
}

/// A request. Layout: cookie 0, len 8, reserved 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Repeated in the completion.
    pub cookie: u64,
    /// Bytes wanted, 1 to [`BYTES_MAX`].
    pub len: u32,
    /// Zero.
    pub reserved: u32,
}

/// A completion. Layout: cookie 0, status 8, len 10, reserved 12, bytes 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Completion {
    /// The request's cookie.
    pub cookie: u64,
    /// A [`Status`].
    pub status: u16,
    /// Bytes given.
    pub len: u16,
    /// Zero.
    pub reserved: u32,
    /// The bytes; zero behind `len`.
    pub bytes: [u8; BYTES_MAX],
}
