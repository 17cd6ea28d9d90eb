//! Proven register values, served by `ledger`.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | client → ledger | 80 | what is the proven value of a register, or the chain's head? |
//! | [`Completion`] | ledger → client | 280 | the value, or one line that names what failed |

use crate::{Reason, codes::codes};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of each ring.
pub const RING_SLOTS: usize = 8;
/// Longest register name.
pub const NAME_BYTES_MAX: usize = 64;

codes! {
    /// What a client asks for.
    pub enum Op {
        /// The value of the pointer register `name`.
        Pointer = 1,
        /// The chain's identity and head alone.
        Head = 2,
        /// The value of the pointer register of the volume that the image pins; answers its name too.
        Volume = 3,
    }
}

codes! {
    /// How a request ended.
    pub enum Status {
        /// Proven.
        Ok = 1,
        /// The request was malformed.
        BadRequest = 2,
        /// The chain proves, and has no such register.
        NotFound = 3,
        /// The chain does not prove: the reason says what failed.
        NotProven = 4,
        /// The chain's bytes could not be read.
        Storage = 5,
        /// Proven as far as the image pins the chain; a later event revokes it, so nothing newer is
        /// believed. The value is that of the pinned event, the reason names the revoking one.
        Revoked = 6,
    }
}

/// A request. Layout: cookie 0, op 8, name_len 10, reserved 12, name 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Repeated in the completion.
    pub cookie: u64,
    /// An [`Op`].
    pub op: u16,
    /// Bytes of `name`.
    pub name_len: u16,
    /// Zero.
    pub reserved: u32,
    /// Register name, zero-padded.
    pub name: [u8; NAME_BYTES_MAX],
}

/// A completion. Layout: cookie 0, sequence 8, generation 16, minimum_generation 24, status 32,
/// reserved 34, chain 40, head 72, root 104, volume 136, reason 168.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Completion {
    /// The request's cookie.
    pub cookie: u64,
    /// Sequence of the chain's head.
    pub sequence: u64,
    /// Generation in the register.
    pub generation: u64,
    /// The lowest generation that the image's anchor admits.
    pub minimum_generation: u64,
    /// A [`Status`].
    pub status: u16,
    /// Zero.
    pub reserved: [u8; 6],
    /// The chain's identity.
    pub chain: [u8; 32],
    /// Digest of the head event.
    pub head: [u8; 32],
    /// Root in the register.
    pub root: [u8; 32],
    /// Name of the volume that the image pins, zero-padded.
    pub volume: [u8; 32],
    /// What failed, for people.
    pub reason: Reason,
}

/// First bytes of an [`AnchorBlob`].
pub const ANCHOR_MAGIC: [u8; 8] = *b"CAIRNANC";
/// Version of [`AnchorBlob`].
pub const ANCHOR_VERSION: u32 = 2;

codes! {
    /// What an [`AnchorBlob`] pins.
    pub enum AnchorKind {
        /// An event of a chain of ours.
        Event = 1,
        /// A transaction of a Nexus chain, by its id.
        NexusTransaction = 2,
        /// The key after a transaction of a Nexus chain, by its hash.
        NexusKey = 3,
    }
}

/// Where trust starts: written by `cairn chain anchor` or `cairn nexus anchor`, put into the image in
/// front of `ledger`.
///
/// 160 bytes, little-endian. Layout: magic 0, version 8, kind 12, reserved 14, chain 16, sequence 48, digest 56,
/// minimum_generation 88, volume 96, digest_rest 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AnchorBlob {
    /// [`ANCHOR_MAGIC`].
    pub magic: [u8; 8],
    /// [`ANCHOR_VERSION`].
    pub version: u32,
    /// An [`AnchorKind`].
    pub kind: u16,
    /// Zero.
    pub reserved: u16,
    /// The chain's id; a Nexus chain's genesis.
    pub chain: [u8; 32],
    /// Sequence of the pinned event or transaction.
    pub sequence: u64,
    /// Digest of the pinned event, first half of the pinned transaction's id, or hash of the pinned key.
    pub digest: [u8; 32],
    /// Generation of the volume in the pinned event's registers: nothing older is believed.
    pub minimum_generation: u64,
    /// Name of that volume, zero-padded; its register is `volume/<name>`.
    pub volume: [u8; 32],
    /// Second half of the pinned transaction's id, else zero.
    pub digest_rest: [u8; 32],
}

const _: () = assert!(size_of::<AnchorBlob>() == 160);
