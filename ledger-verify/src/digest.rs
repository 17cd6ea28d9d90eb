//! 32-byte digests and the domains that keep them apart.

use core::fmt;

use crate::blake3::{Hasher, LEVELS_ANY, LEVELS_SHORT, SHORT_BYTES_MAX};
use crate::cbor::{Error, Reader};

/// A BLAKE3-256 digest.
///
/// Which statement a digest stands for is fixed by the [`Domain`] it was made in: two domains never
/// share a digest, whatever the input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
// Aligned, because where memory wants alignment most of a verifier's code would be copies and comparisons
// byte by byte.
#[repr(align(8))]
pub struct Digest(pub [u8; Self::BYTES]);

impl Digest {
    /// Length of a digest.
    pub const BYTES: usize = 32;
    /// The digest that stands for "none": no input is known to have it.
    pub const ZERO: Self = Self([0; Self::BYTES]);

    /// Reads a CBOR byte string. Out of line, because a copy of bytes that are not aligned is a hundred
    /// instructions on a target that wants them so.
    #[inline(never)]
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.byte_array().map(|bytes| Self(*bytes))
    }

    /// Reads 64 lower- or upper-case hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digest = Self::ZERO;
        read_hex(text.as_bytes(), &mut digest.0)?;
        Some(digest)
    }
}

/// Reads two hexadecimal digits for each of `bytes`; `None` for more, fewer or others.
#[inline(never)]
pub(crate) fn read_hex(digits: &[u8], bytes: &mut [u8]) -> Option<()> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
    }
    Some(())
}

#[inline(never)]
fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a digest is a digest of: selects the 32-byte key of BLAKE3's keyed mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// One 4 KiB data block of a file.
    MerkleLeaf,
    /// One 4 KiB tree node.
    MerkleNode,
    /// A file: its length and its topmost hash.
    MerkleRoot,
    /// The body of a chain event.
    Event,
    /// A public key.
    Key,
    /// A set of public keys with its threshold.
    KeySet,
    /// All registers of a chain.
    State,
    /// An append-only list: what it was, and the item added.
    List,
}

impl Domain {
    /// The key: an ASCII name, padded with zeros.
    #[must_use]
    pub const fn key(self) -> &'static [u8; 32] {
        match self {
            Self::MerkleLeaf => b"cairn merkle leaf v1\0\0\0\0\0\0\0\0\0\0\0\0",
            Self::MerkleNode => b"cairn merkle node v1\0\0\0\0\0\0\0\0\0\0\0\0",
            Self::MerkleRoot => b"cairn merkle root v1\0\0\0\0\0\0\0\0\0\0\0\0",
            Self::Event => b"cairn chain event v2\0\0\0\0\0\0\0\0\0\0\0\0",
            Self::Key => b"cairn chain key v2\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            Self::KeySet => b"cairn chain keys v2\0\0\0\0\0\0\0\0\0\0\0\0\0",
            Self::State => b"cairn chain state v1\0\0\0\0\0\0\0\0\0\0\0\0",
            Self::List => b"cairn chain list v1\0\0\0\0\0\0\0\0\0\0\0\0\0",
        }
    }

    /// The digest of `bytes` in this domain.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        keyed_hash(self.key(), bytes)
    }

    /// The same of at most [`SHORT_BYTES_MAX`] bytes.
    pub(crate) fn digest_short(self, bytes: &[u8]) -> Digest {
        hash::<LEVELS_SHORT>(self.key(), bytes)
    }

    /// A hasher for input that comes in pieces, at most [`SHORT_BYTES_MAX`] together.
    pub(crate) fn hasher(self) -> ShortHasher {
        Hasher::keyed(self.key())
    }
}

/// A hasher for at most [`SHORT_BYTES_MAX`].
pub(crate) type ShortHasher = Hasher<LEVELS_SHORT>;

/// BLAKE3-256 of `bytes` in keyed mode, for formats with domains of their own.
#[must_use]
#[inline]
pub fn keyed_hash(key: &[u8; 32], bytes: &[u8]) -> Digest {
    // Short input, whose length is mostly known here, takes a tenth of the stack.
    match bytes.len() {
        ..=SHORT_BYTES_MAX => hash::<LEVELS_SHORT>(key, bytes),
        _ => hash::<LEVELS_ANY>(key, bytes),
    }
}

#[inline(never)]
fn hash<const LEVELS: usize>(key: &[u8; 32], bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::<LEVELS>::keyed(key);
    hasher.update(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_domain_has_its_own_key() {
        let all = [
            Domain::MerkleLeaf,
            Domain::MerkleNode,
            Domain::MerkleRoot,
            Domain::Event,
            Domain::Key,
            Domain::KeySet,
            Domain::State,
            Domain::List,
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a.key(), b.key());
            }
        }
    }

    #[test]
    fn hex_round_trips_and_refuses_everything_else() {
        let digest = Domain::Event.digest(b"x");
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        let text = digest.to_string();
        assert_eq!(Digest::from_hex(&text.to_uppercase()), Some(digest));
        assert_eq!(Digest::from_hex(&text[1..]), None);
        assert_eq!(Digest::from_hex(&text[2..]), None);
        assert_eq!(Digest::from_hex(&std::format!("{text}00")), None);
        assert_eq!(Digest::from_hex(&text.replace(&text[5..6], "g")), None);
    }
}
