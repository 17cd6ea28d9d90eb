//! Proven objects, served by `integrity`.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | client → integrity | 40 | open, read, list, close, or tell about the volume |
//! | [`Completion`] | integrity → client | 216 | the answer, or one line that names what failed |
//!
//! Paths lie in the client's data region; proven bytes appear in integrity's data region at the
//! offset that the client chose, and only after they were proven.

use crate::{Reason, codes::codes};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of each ring.
pub const RING_SLOTS: usize = 32;
/// Bytes of one answer to [`Op::List`]: more than the longest entry.
pub const LIST_BYTES_MAX: usize = 4096;
/// Longest path in bytes.
pub const PATH_BYTES_MAX: usize = 1024;
/// Objects that a client may have open.
pub const OBJECTS_PER_CLIENT: usize = 64;

codes! {
    /// What a client asks for.
    pub enum Op {
        /// Open the object whose path is `len` bytes at `offset` of the client's region.
        Open = 1,
        /// Read `len` bytes at `position` of `object` to `offset` of integrity's region.
        Read = 2,
        /// Close `object`.
        Close = 3,
        /// Write the table entries that follow the path `len` bytes at `offset` of the client's region
        /// to `position` of integrity's region, as [`ListEntry`]s of at most [`LIST_BYTES_MAX`] bytes
        /// together; the completion's `len` is 0 when there are no more.
        List = 4,
        /// Describe the volume.
        Volume = 5,
    }
}

codes! {
    /// How a request ended.
    pub enum Status {
        /// Done.
        Ok = 1,
        /// The request was malformed.
        BadRequest = 2,
        /// There is no such object, and that is proven.
        NotFound = 3,
        /// What was read does not prove: the reason says what failed.
        NotProven = 4,
        /// The disk or the store failed.
        Storage = 5,
        /// The client has too many objects open.
        NoRoom = 6,
        /// The chain is revoked, and what it said when the image was made does not vouch for this
        /// volume.
        Revoked = 7,
    }
}

/// A request. Layout: cookie 0, position 8, op 16, reserved 18, object 20, offset 24, len 28, reserved2 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Repeated in the completion.
    pub cookie: u64,
    /// Byte position in the object.
    pub position: u64,
    /// An [`Op`].
    pub op: u16,
    /// Zero.
    pub reserved: u16,
    /// Handle from `Open`.
    pub object: u32,
    /// Into a data region.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
    /// Zero.
    pub reserved2: u64,
}

/// A completion. Layout: cookie 0, size 8, generation 16, status 24, reserved 26, object 28, len 32,
/// reserved2 36, root 40, name 72, reason 104.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Completion {
    /// The request's cookie.
    pub cookie: u64,
    /// Bytes of the object (`Open`), or entries of the volume (`Volume`).
    pub size: u64,
    /// Generation of the volume.
    pub generation: u64,
    /// A [`Status`].
    pub status: u16,
    /// Zero.
    pub reserved: u16,
    /// Handle (`Open`).
    pub object: u32,
    /// Bytes written to integrity's region (`Read`, `List`).
    pub len: u32,
    /// Zero.
    pub reserved2: u32,
    /// Merkle root of the object or of the volume.
    pub root: [u8; 32],
    /// Name of the volume, zero-padded (`Volume`).
    pub name: [u8; 32],
    /// What failed, for people.
    pub reason: Reason,
}

/// Head of one entry in a listing, followed by `path_len` bytes of path and padding to a multiple of 8.
/// Layout: size 0, path_len 8, reserved 10, root 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ListEntry {
    /// Bytes of the object.
    pub size: u64,
    /// Bytes of the path.
    pub path_len: u16,
    /// Zero.
    pub reserved: [u8; 6],
    /// Merkle root of the object.
    pub root: [u8; 32],
}
