//! Signatures over transactions: ECDSA over brainpoolP512t1, and Falcon-512 of round 2.
//!
//! Everything here is public, so nothing takes care of time. The message of a transaction is its id
//! as 64 bytes in the order that `GetBytes` gives (32-bit words, the lowest first, each with its highest
//! byte first); neither key nor signature is part of the id.
//!
//! Sources: LLL-TAO `LLC/src/eckey.cpp`, `LLC/src/flkey.cpp`, `LLC/falcon`.

pub(crate) mod brainpool;
pub(crate) mod falcon;

use core::fmt;

/// The type of a key, and with it the algorithm of its signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// Falcon-512 as submitted to round 2 of NIST's competition (2019).
    Falcon = 1,
    /// ECDSA over brainpoolP512t1; the message itself is the digest.
    Brainpool = 2,
}

impl KeyType {
    /// The type of this number. Number 3, secp256k1, is declared in the C++ node and accepted nowhere.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Falcon),
            2 => Some(Self::Brainpool),
            _ => None,
        }
    }

    /// Its number in transactions.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Length of a public key, in bytes.
    #[must_use]
    pub const fn public_bytes(self) -> usize {
        match self {
            Self::Falcon => falcon::PUBLIC_BYTES,
            Self::Brainpool => brainpool::PUBLIC_BYTES,
        }
    }

    /// Length of a signature, in bytes.
    #[must_use]
    pub const fn signature_bytes(self) -> usize {
        match self {
            Self::Falcon => falcon::SIGNATURE_BYTES,
            Self::Brainpool => brainpool::SIGNATURE_BYTES,
        }
    }

    /// Checks that the secret half of `public` signed `message`.
    ///
    /// Brainpool: of a message longer than 64 bytes the first 64 count, as in OpenSSL.
    ///
    /// # Errors
    ///
    /// What is wrong, and where.
    pub fn verify(
        self,
        public: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        match self {
            Self::Falcon => falcon::verify(public, message, signature),
            Self::Brainpool => brainpool::verify(public, message, signature),
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Falcon => "Falcon-512",
            Self::Brainpool => "brainpoolP512t1",
        })
    }
}

/// Why a signature was refused. Offsets are in bytes from the start of the key or the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// The public key is not as long as its type has it.
    KeyLength,
    /// The public key holds a number that is too large, or another header.
    KeyEncoding {
        /// Where that number, or the header, begins.
        offset: usize,
    },
    /// No point of the curve has this x coordinate.
    KeyNotOnCurve,
    /// The signature is not as long as its type has it.
    SignatureLength,
    /// The signature is not in its one accepted encoding.
    SignatureEncoding {
        /// Where it deviates.
        offset: usize,
    },
    /// A Falcon signature whose vectors are too long: forged, or of something else.
    NotShort {
        /// Their squared length.
        norm: u64,
    },
    /// An ECDSA signature of something else, or by another key.
    Mismatch,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength => f.write_str("public key of wrong length"),
            Self::KeyEncoding { offset } => write!(f, "public key malformed at byte {offset}"),
            Self::KeyNotOnCurve => f.write_str("public key is not a point of the curve"),
            Self::SignatureLength => f.write_str("signature of wrong length"),
            Self::SignatureEncoding { offset } => {
                write!(f, "signature malformed at byte {offset}")
            }
            Self::NotShort { norm } => write!(f, "bad signature: squared norm {norm}"),
            Self::Mismatch => f.write_str("bad signature"),
        }
    }
}

impl core::error::Error for SignatureError {}
