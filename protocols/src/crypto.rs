//! Secrets at work, served by `crypto`: keys are named by handle and never leave.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | client → crypto | 48 | do `op` with `algorithm` on bytes of the client's region |
//! | [`Completion`] | crypto → client | 24 | bytes in crypto's region, a handle, or why not |
//!
//! Outputs appear in crypto's data region at the offset that the client chose. An answer that
//! touches a secret says only yes or no.

use crate::codes::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of each ring.
pub const RING_SLOTS: usize = 16;
/// Keys that a client may hold.
pub const KEYS_PER_CLIENT: usize = 8;

codes! {
    /// What a client asks for.
    pub enum Op {
        /// `output_len` random bytes.
        Random = 1,
        /// Digest of the input.
        Hash = 2,
        /// A new key of `algorithm`; answers a handle.
        Generate = 3,
        /// The public half of `key`.
        PublicKey = 4,
        /// Signature of the input with `key`.
        Sign = 5,
        /// Check the signature in the second input; the input is the public key and the message behind it.
        Verify = 6,
        /// Shared secret of `key` and the public key in the input.
        Agree = 7,
        /// Encapsulate to the public key in the input: ciphertext, then shared secret.
        Encapsulate = 8,
        /// Decapsulate the ciphertext in the input with `key`.
        Decapsulate = 9,
        /// Forget `key`.
        Forget = 10,
    }
}

codes! {
    /// Algorithms; the number never changes its meaning.
    pub enum Algorithm {
        /// BLAKE3, 32-byte digest.
        Blake3 = 1,
        /// Ed25519 (RFC 8032).
        Ed25519 = 2,
        /// X25519 (RFC 7748).
        X25519 = 3,
        /// ML-KEM-768 (FIPS 203).
        MlKem768 = 4,
        /// Kyber-768 as `pqcrypto-kyber` 0.8 has it; only where the build has the feature `kyber768`.
        Kyber768 = 5,
    }
}

codes! {
    /// How a request ended.
    pub enum Status {
        /// Done.
        Ok = 1,
        /// The request was malformed.
        BadRequest = 2,
        /// The operation does not exist for the algorithm, or not in this build.
        Unsupported = 3,
        /// No such key of this client.
        NoKey = 4,
        /// The client holds too many keys.
        NoRoom = 5,
        /// The signature or ciphertext is not valid.
        Invalid = 6,
        /// There is no entropy yet.
        NoEntropy = 7,
        /// This client may not do this.
        Denied = 8,
    }
}

/// A request. Layout: cookie 0, op 8, algorithm 10, key 12, input_offset 16, input_len 20,
/// second_offset 24, second_len 28, output_offset 32, output_len 36, reserved 40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Repeated in the completion.
    pub cookie: u64,
    /// An [`Op`].
    pub op: u16,
    /// An [`Algorithm`]; zero for [`Op::Random`] and [`Op::Forget`].
    pub algorithm: u16,
    /// Key handle; zero where none is meant.
    pub key: u32,
    /// Input, into the client's region.
    pub input_offset: u32,
    /// Bytes of input.
    pub input_len: u32,
    /// Second input, into the client's region.
    pub second_offset: u32,
    /// Bytes of second input.
    pub second_len: u32,
    /// Output, into crypto's region.
    pub output_offset: u32,
    /// Room for output in bytes.
    pub output_len: u32,
    /// Zero.
    pub reserved: u64,
}

/// A completion. Layout: cookie 0, status 8, reserved 10, key 12, len 16, reserved2 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Completion {
    /// The request's cookie.
    pub cookie: u64,
    /// A [`Status`].
    pub status: u16,
    /// Zero.
    pub reserved: u16,
    /// Handle of a new key.
    pub key: u32,
    /// Bytes of output.
    pub len: u32,
    /// Zero.
    pub reserved2: u32,
}
