//! The SK hashes: Skein, then a Keccak sponge over what Skein says (LLL-TAO `LLC/hash/SK.h`).
//!
//! Skein is that of version 1.1 (2008), not the 1.3 that everybody else has: see `skein.rs`. The
//! sponges are SHA3-256 in [`Sk256`], SHA3-512 in [`Sk512`], and Keccak with SHA-3's suffix but a rate
//! of its own in the others; [`Sk1024`] has a suffix of its own, too.
//!
//! Digests are bytes as they lie in memory and on the wire, the lowest first.

mod skein;

use crate::keccak::Sponge;
use skein::Skein;

/// Checksums of four bytes.
pub type Sk32 = Sk<4, 4, 168, 0x06>;
/// Checksum of a register's state. Eight bytes commit to nothing: never believe one.
pub type Sk64 = Sk<4, 8, 168, 0x06>;
/// Hashes of public keys, addresses.
pub type Sk256 = Sk<4, 32, 136, 0x06>;
/// Transaction ids, nodes of Merkle trees.
pub type Sk512 = Sk<8, 64, 72, 0x06>;
/// Trust keys of the legacy ledger.
pub type Sk576 = Sk<16, 72, 128, 0x06>;
/// Hashes of blocks.
pub type Sk1024 = Sk<16, 128, 72, 0x05>;

/// A hash of input that comes in pieces: Skein with `WORDS` words of state and `BYTES` of output, then
/// a sponge of `RATE` bytes with `SUFFIX`. Use it by its short names, [`Sk32`] to [`Sk1024`].
#[derive(Clone)]
pub struct Sk<const WORDS: usize, const BYTES: usize, const RATE: usize, const SUFFIX: u8> {
    skein: Skein,
}

impl<const WORDS: usize, const BYTES: usize, const RATE: usize, const SUFFIX: u8>
    Sk<WORDS, BYTES, RATE, SUFFIX>
{
    /// The hash of no input so far.
    #[must_use]
    pub fn new() -> Self {
        Self { skein: Skein::new(WORDS, BYTES as u64 * 8) }
    }

    /// The digest of `pieces`, one behind the other.
    #[must_use]
    pub fn digest(pieces: &[&[u8]]) -> [u8; BYTES] {
        let mut digest = [0; BYTES];
        hash(WORDS, pieces, RATE, SUFFIX, &mut digest);
        digest
    }

    /// Adds input.
    pub fn update(&mut self, input: &[u8]) -> &mut Self {
        self.skein.update(input);
        self
    }

    /// The digest of all input so far.
    #[must_use]
    pub fn finalize(&self) -> [u8; BYTES] {
        let mut digest = [0; BYTES];
        self.skein.clone().finish(&mut digest);
        sponge(RATE, SUFFIX, &mut digest);
        digest
    }
}

impl<const WORDS: usize, const BYTES: usize, const RATE: usize, const SUFFIX: u8> Default
    for Sk<WORDS, BYTES, RATE, SUFFIX>
{
    fn default() -> Self {
        Self::new()
    }
}

/// The hash of `pieces` that is as long as `digest`.
#[inline(never)]
fn hash(words: usize, pieces: &[&[u8]], rate: usize, suffix: u8, digest: &mut [u8]) {
    let mut skein = Skein::new(words, digest.len() as u64 * 8);
    pieces.iter().for_each(|piece| skein.update(piece));
    skein.finish(digest);
    sponge(rate, suffix, digest);
}

/// What a sponge makes of `bytes` takes their place.
#[inline(never)]
fn sponge(rate: usize, suffix: u8, bytes: &mut [u8]) {
    let mut sponge = Sponge::new(rate);
    sponge.absorb(bytes);
    sponge.finish(suffix);
    sponge.squeeze(bytes);
}

/// [`Sk32`] of `input`.
#[must_use]
pub fn sk32(input: &[u8]) -> [u8; 4] {
    Sk32::digest(&[input])
}

/// [`Sk64`] of `input`.
#[must_use]
pub fn sk64(input: &[u8]) -> [u8; 8] {
    Sk64::digest(&[input])
}

/// [`Sk256`] of `input`.
#[must_use]
pub fn sk256(input: &[u8]) -> [u8; 32] {
    Sk256::digest(&[input])
}

/// [`Sk512`] of `input`.
#[must_use]
pub fn sk512(input: &[u8]) -> [u8; 64] {
    Sk512::digest(&[input])
}

/// [`Sk576`] of `input`.
#[must_use]
pub fn sk576(input: &[u8]) -> [u8; 72] {
    Sk576::digest(&[input])
}

/// [`Sk1024`] of `input`.
#[must_use]
pub fn sk1024(input: &[u8]) -> [u8; 128] {
    Sk1024::digest(&[input])
}
