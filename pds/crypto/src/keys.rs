//! Keys and what can be done with them. Every function writes its result to the front of `output`
//! and answers its length.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{DecapsulationKey768, EncapsulationKey768};
use protocols::crypto::{Algorithm, Status};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::random::Random;

/// Longest result: an ML-KEM-768 public key (FIPS 203, table 3).
pub(crate) const OUTPUT_BYTES_MAX: usize = 1184;

/// A secret key. ML-KEM keys are kept as the seed of FIPS 203, section 7.1, and expanded for use.
#[derive(Zeroize, ZeroizeOnDrop)]
#[cfg_attr(
    feature = "kyber768",
    expect(clippy::large_enum_variant, reason = "Kyber keys have no short form")
)]
pub(crate) enum Key {
    /// RFC 8032, 5.1.5.
    Ed25519([u8; 32]),
    /// RFC 7748, section 5.
    X25519([u8; 32]),
    /// d and z.
    MlKem768([u8; 64]),
    /// The whole secret key.
    #[cfg(feature = "kyber768")]
    Kyber768(crate::kyber::SecretKey),
}

type Output<'a> = &'a mut [u8; OUTPUT_BYTES_MAX];

impl Key {
    /// A new key.
    pub(crate) fn generate(algorithm: Algorithm, random: &mut Random) -> Result<Self, Status> {
        match algorithm {
            Algorithm::Ed25519 => Ok(Self::Ed25519(random.array())),
            Algorithm::X25519 => Ok(Self::X25519(random.array())),
            Algorithm::MlKem768 => Ok(Self::MlKem768(random.array())),
            #[cfg(feature = "kyber768")]
            Algorithm::Kyber768 => Ok(Self::Kyber768(crate::kyber::generate())),
            #[cfg(not(feature = "kyber768"))]
            Algorithm::Kyber768 => Err(Status::Unsupported),
            Algorithm::Blake3 => Err(Status::Unsupported),
        }
    }

    /// Which algorithm the key is for.
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::X25519(_) => Algorithm::X25519,
            Self::MlKem768(_) => Algorithm::MlKem768,
            #[cfg(feature = "kyber768")]
            Self::Kyber768(_) => Algorithm::Kyber768,
        }
    }

    /// The public half.
    pub(crate) fn public(&self, output: Output<'_>) -> Result<usize, Status> {
        match self {
            Self::Ed25519(seed) => {
                put(output, SigningKey::from_bytes(seed).verifying_key().as_bytes())
            }
            Self::X25519(secret) => {
                put(output, PublicKey::from(&StaticSecret::from(*secret)).as_bytes())
            }
            Self::MlKem768(seed) => put(output, &expanded(seed).encapsulation_key().to_bytes()),
            #[cfg(feature = "kyber768")]
            Self::Kyber768(secret) => put(output, secret.public()),
        }
    }

    /// A signature of `message`.
    pub(crate) fn sign(&self, message: &[u8], output: Output<'_>) -> Result<usize, Status> {
        match self {
            Self::Ed25519(seed) => {
                put(output, &SigningKey::from_bytes(seed).sign(message).to_bytes())
            }
            _ => Err(Status::Unsupported),
        }
    }

    /// The secret shared with the holder of `public`.
    pub(crate) fn agree(&self, public: &[u8], output: Output<'_>) -> Result<usize, Status> {
        let Self::X25519(secret) = self else { return Err(Status::Unsupported) };
        let public: [u8; 32] = public.try_into().map_err(|_| Status::BadRequest)?;
        let shared = StaticSecret::from(*secret).diffie_hellman(&PublicKey::from(public));
        // A public key of small order would make the secret known to everybody (RFC 7748, 6.1).
        if !shared.was_contributory() {
            return Err(Status::Invalid);
        }
        put(output, shared.as_bytes())
    }

    /// The secret inside `ciphertext`. A forged one yields a secret that nobody else has.
    pub(crate) fn decapsulate(
        &self,
        ciphertext: &[u8],
        output: Output<'_>,
    ) -> Result<usize, Status> {
        match self {
            Self::MlKem768(seed) => {
                let shared = expanded(seed).decapsulate_slice(ciphertext);
                put(output, &shared.map_err(|_| Status::BadRequest)?)
            }
            #[cfg(feature = "kyber768")]
            Self::Kyber768(secret) => put(output, &secret.decapsulate(ciphertext)?),
            _ => Err(Status::Unsupported),
        }
    }
}

/// A ciphertext for the holder of `public`, then the secret inside it.
pub(crate) fn encapsulate(
    algorithm: Algorithm,
    public: &[u8],
    random: &mut Random,
    output: Output<'_>,
) -> Result<usize, Status> {
    match algorithm {
        Algorithm::MlKem768 => {
            let public = public.try_into().map_err(|_| Status::BadRequest)?;
            let public = EncapsulationKey768::new(public).map_err(|_| Status::Invalid)?;
            let message: [u8; 32] = random.array();
            let (ciphertext, shared) = public.encapsulate_deterministic(&message.into());
            let len = put(output, &ciphertext)?;
            let rest = output.get_mut(len..len + 32).ok_or(Status::BadRequest)?;
            rest.copy_from_slice(&shared);
            Ok(len + 32)
        }
        #[cfg(feature = "kyber768")]
        Algorithm::Kyber768 => crate::kyber::encapsulate(public, output),
        _ => Err(Status::Unsupported),
    }
}

/// Is `signature` a signature of `message` under `public`? Strict: no second encoding of a point or
/// scalar, no key of small order.
pub(crate) fn verify(
    algorithm: Algorithm,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Status> {
    if algorithm != Algorithm::Ed25519 {
        return Err(Status::Unsupported);
    }
    let public: &[u8; 32] = public.try_into().map_err(|_| Status::BadRequest)?;
    let signature: &[u8; 64] = signature.try_into().map_err(|_| Status::BadRequest)?;
    let public = VerifyingKey::from_bytes(public).map_err(|_| Status::Invalid)?;
    let signature = Signature::from_bytes(signature);
    public.verify_strict(message, &signature).map_err(|_| Status::Invalid)
}

fn expanded(seed: &[u8; 64]) -> DecapsulationKey768 {
    DecapsulationKey768::from_seed((*seed).into())
}

/// Copies a result to the front of the output.
pub(crate) fn put(output: Output<'_>, bytes: &[u8]) -> Result<usize, Status> {
    // Every result of this module is shorter than `OUTPUT_BYTES_MAX` except by a change of it.
    output.get_mut(..bytes.len()).ok_or(Status::Unsupported)?.copy_from_slice(bytes);
    Ok(bytes.len())
}
