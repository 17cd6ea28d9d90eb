//! Signature algorithms, by number.
//!
//! The number stands in the key, and the key is committed to, so nobody who handles an event can
//! choose another algorithm. Numbers are never reused.
//!
//! Both Ed25519 (`crate::ed25519`) and ML-DSA (`crate::ml_dsa`) are verified by code of this crate; each
//! says why.

use core::fmt;

use crate::bytes::copy;
use crate::ed25519::verify;
#[cfg(feature = "ml-dsa")]
use crate::ml_dsa::ParameterSet;

/// A signature algorithm.
///
/// The order is that of strength: a chain's weakest key only moves up, but by a recovery (`docs/ledger.md`,
/// rule 6). All but Ed25519 need the feature `ml-dsa`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), verified strictly.
    Ed25519,
    /// ML-DSA-44 (FIPS 204), empty context.
    MlDsa44,
    /// Ed25519, then ML-DSA-44; both must verify.
    HybridMlDsa44,
    /// ML-DSA-65 (FIPS 204), empty context.
    MlDsa65,
    /// Ed25519, then ML-DSA-65; both must verify.
    HybridMlDsa65,
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
            3 => Some(Self::HybridMlDsa44),
            4 => Some(Self::MlDsa65),
            5 => Some(Self::HybridMlDsa65),
            _ => None,
        }
    }

    /// Its number in keys.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64 + 1
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
        cfg!(feature = "ml-dsa") || matches!(self, Self::Ed25519)
    }

    /// Whether `signature` over `message` was made with the secret of `public`. False for wrong
    /// lengths and for algorithms that are not supported.
    #[must_use]
    pub fn verify(self, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let mut verification = Verification::NOTHING;
        verification.verify_whole(self, public, &[message], signature)
    }

    const fn is_classic(self) -> bool {
        matches!(self, Self::Ed25519 | Self::HybridMlDsa44 | Self::HybridMlDsa65)
    }

    #[cfg(feature = "ml-dsa")]
    const fn parameter_set(self) -> Option<ParameterSet> {
        match self {
            Self::Ed25519 => None,
            Self::MlDsa44 | Self::HybridMlDsa44 => Some(ParameterSet::MlDsa44),
            Self::MlDsa65 | Self::HybridMlDsa65 => Some(ParameterSet::MlDsa65),
        }
    }
}

/// Length of an Ed25519 key.
const CLASSIC_KEY_BYTES: usize = 32;
/// Length of an Ed25519 signature.
#[cfg(feature = "ml-dsa")]
const CLASSIC_SIGNATURE_BYTES: usize = 64;

/// A verification whose signature lies in memory and whose public key comes in pieces, so that both
/// need not be there at once: those of ML-DSA-65 are 5 KB together.
#[derive(Clone, Debug)]
pub(crate) struct Verification {
    algorithm: Algorithm,
    key_bytes: usize,
    classic_key: [u8; CLASSIC_KEY_BYTES],
    #[cfg(feature = "ml-dsa")]
    lattice: crate::ml_dsa::Verification,
}

impl Verification {
    /// One that no signature passes.
    pub(crate) const NOTHING: Self = Self::new(Algorithm::Ed25519);

    pub(crate) const fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            key_bytes: 0,
            classic_key: [0; CLASSIC_KEY_BYTES],
            #[cfg(feature = "ml-dsa")]
            lattice: match algorithm.parameter_set() {
                Some(set) => crate::ml_dsa::Verification::new(set),
                None => crate::ml_dsa::Verification::NOTHING,
            },
        }
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Takes the next bytes of the public key.
    pub(crate) fn take_key(&mut self, signature: &[u8], bytes: &[u8]) {
        let classic_left = match self.algorithm.is_classic() {
            true => CLASSIC_KEY_BYTES.saturating_sub(self.key_bytes),
            false => 0,
        };
        let (classic, lattice) = bytes.split_at_checked(classic_left).unwrap_or((bytes, &[]));
        let room = self.classic_key.get_mut(self.key_bytes..).unwrap_or(&mut []);
        copy(room, classic);
        self.key_bytes = self.key_bytes.saturating_add(bytes.len());
        #[cfg(feature = "ml-dsa")]
        self.lattice.take_key(self.lattice_part(signature), lattice);
        #[cfg(not(feature = "ml-dsa"))]
        let _ = (signature, lattice);
    }

    /// Whether the whole key came, and `signature` over the parts of `message`, one after the other, was
    /// made with its secret.
    pub(crate) fn verify(&self, message: &[&[u8]], signature: &[u8]) -> bool {
        if self.key_bytes != self.algorithm.public_bytes() || !self.algorithm.is_supported() {
            return false;
        }
        if self.algorithm.is_classic() {
            let verifies = signature.first_chunk();
            if !verifies.is_some_and(|signature| verify(&self.classic_key, message, signature)) {
                return false;
            }
        }
        #[cfg(feature = "ml-dsa")]
        if self.algorithm.parameter_set().is_some() {
            return self.lattice.verify(&[], message, self.lattice_part(signature));
        }
        true
    }

    /// Begins again with a key and a signature that are in memory, and verifies them: [`Algorithm::verify`] of a
    /// message in parts, without a verification on the stack.
    pub(crate) fn verify_whole(
        &mut self,
        algorithm: Algorithm,
        public: &[u8],
        message: &[&[u8]],
        signature: &[u8],
    ) -> bool {
        self.restart(algorithm);
        self.take_key(signature, public);
        signature.len() == algorithm.signature_bytes() && self.verify(message, signature)
    }

    // Out of line, so that what is copied is on the stack only meanwhile.
    #[inline(never)]
    fn restart(&mut self, algorithm: Algorithm) {
        *self = Self::new(algorithm);
    }

    #[cfg(feature = "ml-dsa")]
    fn lattice_part<'a>(&self, signature: &'a [u8]) -> &'a [u8] {
        let start = if self.algorithm.is_classic() { CLASSIC_SIGNATURE_BYTES } else { 0 };
        signature.get(start..self.algorithm.signature_bytes()).unwrap_or(&[])
    }
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
