//! Timeouts, served by `timer`. Time itself is read from CNTPCT without asking anybody.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | client → timer | 24 | arm or cancel the client's timeout `cookie` |
//! | [`Completion`] | timer → client | 16 | the timeout fired, or the request was refused |
//!
//! A client has [`TIMEOUTS_PER_CLIENT`] timeouts, told apart by cookie; arming a cookie again moves
//! its deadline. A fired or cancelled timeout is forgotten.

use crate::codes::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of each ring.
pub const RING_SLOTS: usize = 16;
/// Timeouts that a client may have armed at once.
pub const TIMEOUTS_PER_CLIENT: usize = 8;

codes! {
    /// What a client asks for.
    pub enum Op {
        /// Arm the timeout `cookie` for `deadline_ns`.
        Arm = 1,
        /// Forget the timeout `cookie`; no completion follows.
        Cancel = 2,
    }
}

codes! {
    /// How a timeout ended.
    pub enum Status {
        /// The deadline has passed.
        Expired = 1,
        /// The client has too many timeouts armed.
        TooMany = 2,
        /// The request was malformed.
        BadRequest = 3,
    }
}

/// A request. Layout: cookie 0, deadline_ns 8, op 16, reserved 18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Chosen by the client, names the timeout.
    pub cookie: u64,
    /// Nanoseconds since the counter's zero; a deadline in the past fires at once.
    pub deadline_ns: u64,
    /// An [`Op`].
    pub op: u16,
    /// Zero.
    pub reserved: [u8; 6],
}

/// A completion. Layout: cookie 0, status 8, reserved 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Completion {
    /// The request's cookie.
    pub cookie: u64,
    /// A [`Status`].
    pub status: u16,
    /// Zero.
    pub reserved: [u8; 6],
}
