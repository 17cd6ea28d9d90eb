//! Signature algorithms, by number.
//!
//! The number stands in the key, and the key is committed to, so nobody who handles an event can
//! choose another algorithm. Numbers are never reused.

use core::fmt;

/// A signature algorithm.
///
/// The order is that of strength: a chain's weakest key may only move up (`docs/ledger.md`,
/// "Algorithms").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), verified strictly.
    Ed25519 = 1,
    /// ML-DSA-44 (FIPS 204). Reserved.
    MlDsa44 = 2,
    /// ML-DSA-65 (FIPS 204). Reserved.
    MlDsa65 = 3,
    /// Ed25519 and ML-DSA-44, both must verify. Reserved.
    HybridMlDsa44 = 4,
    /// Ed25519 and ML-DSA-65, both must verify. Reserved.
    HybridMlDsa65 = 5,
}

/// Longest public key of any algorithm number, in bytes.
pub const PUBLIC_BYTES_MAX: usize = 32 + 1952;
/// Longest signature of any algorithm number, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 64 + 3309;

impl Algorithm {
    /// The algorithm of this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Ed25519),
            2 => Some(Self::MlDsa44),
            3 => Some(Self::MlDsa65),
            4 => Some(Self::HybridMlDsa44),
            5 => Some(Self::HybridMlDsa65),
            _ => None,
        }
    }

    /// Its number in keys.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// Length of a public key, in bytes.
    #[must_use]
    pub const fn public_bytes(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::HybridMlDsa44 => 32 + 1312,
            Self::HybridMlDsa65 => 32 + 1952,
        }
    }

    /// Length of a signature, in bytes.
    #[must_use]
    pub const fn signature_bytes(self) -> usize {
        match self {
            Self::Ed25519 => 64,
            Self::MlDsa44 => 2420,
            Self::MlDsa65 => 3309,
            Self::HybridMlDsa44 => 64 + 2420,
            Self::HybridMlDsa65 => 64 + 3309,
        }
    }

    /// Whether this build can verify it.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        matches!(self, Self::Ed25519)
    }

    /// Whether `signature` over `message` was made with the secret of `public`. False for wrong
    /// lengths and for algorithms that are not supported.
    ///
    /// Ed25519 is checked strictly: `S` below the group order, neither key nor `R` of small order,
    /// both encoded canonically, no cofactor. One key and message thus have no second encoding of
    /// a signature, and no key that many messages verify under.
    #[must_use]
    pub fn verify(self, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519 => ed25519(public, message, signature),
            _ => false,
        }
    }
}

fn ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public), Ok(signature)) = (public.try_into(), signature.try_into()) else {
        return false;
    };
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    ed25519_dalek::VerifyingKey::from_bytes(public)
        .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::HybridMlDsa44 => "Ed25519+ML-DSA-44",
            Self::HybridMlDsa65 => "Ed25519+ML-DSA-65",
        })
    }
}
