//! Falcon-512 as submitted to round 2 (2019): verification only, in 4 KiB of stack and a little.
//!
//! Round 3 and FN-DSA bound the vectors more tightly and would refuse some signatures that the ledger
//! holds. The C++ node takes a second encoding as well, header `39` and compressed coefficients, which
//! no wallet makes; here a signature has one encoding. It can be changed into that one without its key,
//! because a transaction's id does not cover it. A signature may also verify under a key that differs by
//! one in one coefficient: never take a key for the signer's but by its hash.
//!
//! Source: LLL-TAO `LLC/falcon`; names are those of the Falcon specification of round 2.

use super::SignatureError;
use crate::keccak::{RATE_SHAKE_256, SUFFIX_SHAKE, Sponge};
use crate::ntt;

/// The modulus.
pub(crate) const Q: u32 = 12_289;
/// Number of coefficients.
pub(crate) const DEGREE: usize = 512;
/// The squared length of (s1, s2) has to be below.
pub(crate) const NORM_BOUND: u64 = 43_533_782;

/// Length of what makes two signatures of one message differ.
pub(crate) const NONCE_BYTES: usize = 40;
/// The first byte of a public key.
pub(crate) const PUBLIC_HEADER: u8 = 0x09;
/// The first byte of a signature with uncompressed coefficients.
pub(crate) const SIGNATURE_HEADER: u8 = 0x59;
pub(crate) const PUBLIC_BITS: usize = 14;
pub(crate) const SIGNATURE_BITS: usize = 12;
pub(super) const PUBLIC_BYTES: usize = 1 + DEGREE * PUBLIC_BITS / 8;
pub(super) const SIGNATURE_BYTES: usize = 1 + NONCE_BYTES + DEGREE * SIGNATURE_BITS / 8;

/// The ring; 49 is a 1024th root of unity.
pub(crate) type Ring = ntt::Ring<Q, 49, DEGREE>;
/// Coefficients, each in `0..Q`.
pub(crate) type Poly = [u32; DEGREE];

/// `public` is `09`, then the coefficients of h with 14 bits each. `signature` is `59`, the nonce, then
/// the coefficients of s2 with 12 bits each, signed. The highest bit of each comes first.
// Out of line, so that its stack is not added to that of the other algorithm.
#[inline(never)]
pub(super) fn verify(
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let norm = squared_length(public, message, signature)?;
    if norm < NORM_BOUND { Ok(()) } else { Err(SignatureError::NotShort { norm }) }
}

/// Of s2 as it stands in the signature, and of s1, which is c - s2 · h.
fn squared_length(public: &[u8], message: &[u8], signature: &[u8]) -> Result<u64, SignatureError> {
    let public: &[u8; PUBLIC_BYTES] = public.try_into().map_err(|_| SignatureError::KeyLength)?;
    let signature: &[u8; SIGNATURE_BYTES] =
        signature.try_into().map_err(|_| SignatureError::SignatureLength)?;
    let (nonce, s2) = signature.split_at_checked(1 + NONCE_BYTES).unwrap_or_default();
    let Some((&SIGNATURE_HEADER, nonce)) = nonce.split_first() else {
        return Err(SignatureError::SignatureEncoding { offset: 0 });
    };

    let (mut product, mut h) = ([0; DEGREE], [0; DEGREE]);
    decode_public(public, &mut h)?;
    decode_signature(s2, &mut product)?;
    multiply(&mut product, &mut h);
    // Once more, because it was overwritten, and so is h.
    let s2_again = &mut h;
    decode_signature(s2, s2_again)?;
    let mut challenge = Challenge::new(nonce, message);
    let mut norm = 0;
    for (product, s2) in product.iter().zip(&*s2_again) {
        let s1 = Ring::sub(challenge.coefficient(), *product);
        norm += square(s1) + square(*s2);
    }
    Ok(norm)
}

fn decode_public(public: &[u8; PUBLIC_BYTES], h: &mut Poly) -> Result<(), SignatureError> {
    let [PUBLIC_HEADER, numbers @ ..] = public else {
        return Err(SignatureError::KeyEncoding { offset: 0 });
    };
    unpack(numbers, PUBLIC_BITS, h);
    match h.iter().position(|number| *number >= Q) {
        Some(index) => Err(SignatureError::KeyEncoding { offset: 1 + index * PUBLIC_BITS / 8 }),
        None => Ok(()),
    }
}

fn decode_signature(numbers: &[u8], s2: &mut Poly) -> Result<(), SignatureError> {
    unpack(numbers, SIGNATURE_BITS, s2);
    for (index, number) in s2.iter_mut().enumerate() {
        let offset = 1 + NONCE_BYTES + index * SIGNATURE_BITS / 8;
        *number = signed(*number).ok_or(SignatureError::SignatureEncoding { offset })?;
    }
    Ok(())
}

/// Numbers of `width` bits, highest bits first.
#[inline(never)]
fn unpack(bytes: &[u8], width: usize, numbers: &mut Poly) {
    let mut bytes = bytes.iter();
    let (mut bits, mut bit_count) = (0, 0);
    for number in numbers {
        while bit_count < width {
            bits = bits << 8 | u32::from(bytes.next().copied().unwrap_or(0));
            bit_count += 8;
        }
        bit_count -= width;
        *number = bits >> bit_count & ((1 << width) - 1);
    }
}

/// A signed number of 12 bits, modulo q. The lowest has no negative, and is none.
fn signed(value: u32) -> Option<u32> {
    const LOWEST: u32 = 1 << (SIGNATURE_BITS - 1);
    match value {
        LOWEST => None,
        ..LOWEST => Some(value),
        _ => Some(Q + value - 2 * LOWEST),
    }
}

/// The square of the representative nearest to 0.
fn square(a: u32) -> u64 {
    u64::from(a.min(Q - a)).pow(2)
}

/// a · b, into a; b is used up.
fn multiply(a: &mut Poly, b: &mut Poly) {
    Ring::ntt(a);
    Ring::ntt(b);
    for (a, b) in a.iter_mut().zip(b) {
        *a = Ring::mul(*a, *b);
    }
    Ring::inverse_ntt(a);
}

/// The point c that a message hashes to, coefficient by coefficient.
pub(crate) struct Challenge(Sponge);

impl Challenge {
    pub(crate) fn new(nonce: &[u8], message: &[u8]) -> Self {
        let mut sponge = Sponge::new(RATE_SHAKE_256);
        sponge.absorb(nonce);
        sponge.absorb(message);
        sponge.finish(SUFFIX_SHAKE);
        Self(sponge)
    }

    /// The next one. Words from 5q on would make small values likelier; one in sixteen is skipped, so
    /// that nobody finds an input for which 64 do not suffice.
    pub(crate) fn coefficient(&mut self) -> u32 {
        let mut words = (0..64).map(|_| {
            let mut word = [0; 2];
            self.0.squeeze(&mut word);
            u32::from(u16::from_be_bytes(word))
        });
        words.find(|word| *word < 5 * Q).unwrap_or(0) % Q
    }
}

#[cfg(feature = "write")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::nexus::signature::KeyType;
    use crate::write::nexus::{SecretKey, divide, modulo_q, pack};
    use std::vec::Vec;

    /// As much as round 3 allows.
    const NORM_MAX_ROUND_3: u64 = 34_034_726;
    const NONCE: [u8; NONCE_BYTES] = [7; NONCE_BYTES];
    const MESSAGE: &[u8] = b"message";

    /// A key and a signature of [`MESSAGE`] with a given norm: h is (c - s1) / s2 for chosen s1 and s2.
    fn made_for_norm(norm: u64) -> (Vec<u8>, Vec<u8>) {
        let s2: [i64; DEGREE] =
            core::array::from_fn(|i| ((i * i + 3) % 401).cast_signed() as i64 - 200);
        let mut rest = norm - s2.iter().map(|s2| s2.pow(2).unsigned_abs()).sum::<u64>();
        let mut challenge = Challenge::new(&NONCE, MESSAGE);
        let numerator = core::array::from_fn(|_| {
            let s1 = rest.isqrt().min(u64::from(Q / 2));
            rest -= s1.pow(2);
            modulo_q(i64::from(challenge.coefficient()) - s1.cast_signed())
        });
        assert_eq!(rest, 0);
        let mut public = std::vec![PUBLIC_HEADER];
        pack::<PUBLIC_BITS>(divide(numerator, s2.map(modulo_q)), &mut public);
        let mut signature = std::vec![SIGNATURE_HEADER];
        signature.extend(NONCE);
        pack::<SIGNATURE_BITS>(s2.map(|s2| u32::try_from(s2 & 0xfff).unwrap()), &mut signature);
        (public, signature)
    }

    #[test]
    fn norms_count_up_to_the_bound_of_round_2() {
        let norms = [
            NORM_BOUND - 1,
            NORM_MAX_ROUND_3,
            NORM_MAX_ROUND_3 + 1,
            40_000_000,
            NORM_BOUND,
            NORM_BOUND + 1,
            2 * NORM_BOUND,
            1_000_000_000,
        ];
        // Miri takes minutes for each.
        let count = if cfg!(miri) { 1 } else { norms.len() };
        for norm in norms.into_iter().take(count) {
            let (public, signature) = made_for_norm(norm);
            let is_short = norm < NORM_BOUND;
            let expected = if is_short { Ok(()) } else { Err(SignatureError::NotShort { norm }) };
            assert_eq!(verify(&public, MESSAGE, &signature), expected, "{norm}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes under Miri")]
    fn signatures_that_round_3_would_refuse_verify() {
        let key = SecretKey::derive(KeyType::Falcon, &[7; 32], 0);
        let norms = (0..16).map(|message| {
            let signature = key.sign(&[message]);
            assert_eq!(verify(key.public(), &[message], &signature), Ok(()));
            squared_length(key.public(), &[message], &signature).unwrap()
        });
        let (longer, shorter): (Vec<u64>, _) = norms.partition(|norm| *norm > NORM_MAX_ROUND_3);
        assert!(!longer.is_empty() && !shorter.is_empty(), "{longer:?} {shorter:?}");
    }
}
