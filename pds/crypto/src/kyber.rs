//! Kyber-768 as `pqcrypto-kyber` 0.8 has it, for peers that still speak it. Hosts only.
//!
//! That is PQClean's Kyber of 2023: key generation of round 3, everything else as in FIPS 203. So
//! on the wire it is ML-KEM-768, which the tests below show in both directions: a peer with this
//! library is served by [`Algorithm::MlKem768`](protocols::crypto::Algorithm), without it. A peer
//! with the encapsulation of round 3 derives another secret from either.
//!
//! The library cannot be driven by our generator: its C code asks the crate `getrandom`, which asks
//! the operating system. Nor does it build for a target without one, because it takes C's types
//! from the crate `libc`, which has none there.

use pqcrypto_kyber::kyber768;
use pqcrypto_traits::kem::{Ciphertext as _, PublicKey as _, SecretKey as _, SharedSecret as _};
use protocols::crypto::Status;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::keys::{OUTPUT_BYTES_MAX, put};

/// Bytes of a secret key: the secret polynomials, then the public key, its hash, and a secret for
/// forged ciphertexts.
const SECRET_BYTES: usize = kyber768::secret_key_bytes();
const PUBLIC_BYTES: usize = kyber768::public_key_bytes();
/// Where the public key lies in the secret one.
const PUBLIC_OFFSET: usize = SECRET_BYTES - 2 * 32 - PUBLIC_BYTES;

/// A secret key. The library's own copies, made while it works, are not wiped: its types cannot be.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct SecretKey([u8; SECRET_BYTES]);

impl SecretKey {
    /// The public half.
    pub(crate) fn public(&self) -> &[u8] {
        self.0.get(PUBLIC_OFFSET..PUBLIC_OFFSET + PUBLIC_BYTES).unwrap_or_default()
    }

    /// The secret inside `ciphertext`; another one if it is forged.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Result<[u8; 32], Status> {
        let ciphertext = kyber768::Ciphertext::from_bytes(ciphertext);
        let ciphertext = ciphertext.map_err(|_| Status::BadRequest)?;
        let key = kyber768::SecretKey::from_bytes(&self.0).map_err(|_| Status::NoKey)?;
        let shared = kyber768::decapsulate(&ciphertext, &key);
        shared.as_bytes().try_into().map_err(|_| Status::Invalid)
    }
}

/// A new key.
pub(crate) fn generate() -> SecretKey {
    let (_, key) = kyber768::keypair();
    let mut bytes = [0; SECRET_BYTES];
    bytes.copy_from_slice(key.as_bytes());
    SecretKey(bytes)
}

/// A ciphertext for the holder of `public`, then the secret inside it.
pub(crate) fn encapsulate(
    public: &[u8],
    output: &mut [u8; OUTPUT_BYTES_MAX],
) -> Result<usize, Status> {
    let public = kyber768::PublicKey::from_bytes(public).map_err(|_| Status::BadRequest)?;
    let (shared, ciphertext) = kyber768::encapsulate(&public);
    let len = put(output, ciphertext.as_bytes())?;
    let rest = output.get_mut(len..len + 32).ok_or(Status::BadRequest)?;
    rest.copy_from_slice(shared.as_bytes());
    Ok(len + 32)
}

#[cfg(test)]
mod tests {
    use ml_kem::kem::{Decapsulate, KeyExport};
    use ml_kem::{DecapsulationKey768, EncapsulationKey768};

    use super::*;

    #[test]
    fn decapsulates_what_ml_kem_encapsulates() {
        let key = generate();
        let public = EncapsulationKey768::new(key.public().try_into().unwrap()).unwrap();
        let (ciphertext, shared) = public.encapsulate_deterministic(&[7; 32].into());
        assert_eq!(key.decapsulate(&ciphertext).unwrap(), shared[..]);
    }

    #[test]
    fn ml_kem_decapsulates_what_kyber_encapsulates() {
        let key = DecapsulationKey768::from_seed([9; 64].into());
        let mut output = [0; OUTPUT_BYTES_MAX];
        let len = encapsulate(&key.encapsulation_key().to_bytes(), &mut output).unwrap();
        let (ciphertext, shared) = output[..len].split_at(1088);
        assert_eq!(key.decapsulate_slice(ciphertext).unwrap()[..], *shared);
    }
}
