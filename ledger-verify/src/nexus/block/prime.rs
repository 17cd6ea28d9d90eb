//! Proof of work of the prime channel: a cluster of primes of 1024 bits that starts near a hash.
//!
//! Each prime lies at most twelve above the one before; what the candidate fourteen above the last does
//! in Fermat's test adds a fraction to their number. Stricter than the C++ node: it lets an offset of 0
//! count a prime twice, and skips offsets that lead to no prime; none but a cheat's block has either.

use super::Reason;
use crate::nexus::modulus::{self, Modulus};

/// 1024 bits.
type Limbs = modulus::Limbs<16>;

const ONE: Limbs = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// One prime, in the unit of `bits`.
const PER_PRIME: u64 = 10_000_000;
/// The least that the ledger allows.
const BITS_MIN: u64 = 2 * PER_PRIME;
/// The fraction has so many bits.
const FRACTION_BITS: u32 = 24;
/// A smaller fraction counts for nothing: its part would exceed one prime.
const FRACTION_MIN: u64 = 1_000_000;
/// None of them may divide a prime of the cluster.
const SMALL_PRIMES: [u64; 11] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31];
/// From the last prime to the candidate that gives the fraction.
const CANDIDATE_DISTANCE: u64 = 14;

/// Checks the cluster that starts at `origin` plus `nonce`. `offsets` are the distances from prime to
/// prime, then the fraction in four bytes, of which the highest is not read.
pub(super) fn verify(
    origin: &[u8; 128],
    nonce: u64,
    offsets: &[u8],
    bits: u32,
) -> Result<(), Reason> {
    let (offsets, fraction) = offsets.split_last_chunk::<4>().ok_or(Reason::Work)?;
    let [a, b, c, _] = *fraction;
    let fraction = u32::from_le_bytes([a, b, c, 0]);

    // Cheap checks first: what the header claims has to suffice.
    let is_regular = offsets.iter().all(|offset| (2..=12).contains(offset) && offset % 2 == 0);
    let part = if u64::from(fraction) < FRACTION_MIN {
        0
    } else {
        PER_PRIME * FRACTION_MIN / u64::from(fraction)
    };
    let difficulty = PER_PRIME * (1 + offsets.len() as u64) + part;
    // An origin of 1016 bits or more: its highest byte is not 0, or all others are full.
    let [low @ .., high] = origin;
    let is_large = *high != 0 || low.iter().all(|byte| *byte == 0xff);
    if !is_regular || !is_large || difficulty < u64::from(bits).max(BITS_MIN) {
        return Err(Reason::Work);
    }

    let mut number = [0; 16];
    for (limb, bytes) in number.iter_mut().zip(origin.as_chunks().0) {
        *limb = u64::from_le_bytes(*bytes);
    }
    add(&mut number, nonce);
    let mut primes = is_prime(&number);
    for offset in offsets {
        add(&mut number, (*offset).into());
        primes = primes && is_prime(&number);
    }
    add(&mut number, CANDIDATE_DISTANCE);
    if primes && fraction_of(&number) == Some(fraction) { Ok(()) } else { Err(Reason::Work) }
}

/// Adds to a number that is the hash of something, and so not within reach of 2^1024.
fn add(number: &mut Limbs, more: u64) {
    let mut carry = more;
    for limb in number {
        let (sum, has_carry) = limb.overflowing_add(carry);
        (*limb, carry) = (sum, has_carry.into());
    }
}

/// As far as the ledger asks: no small divisor, and Fermat's test to base 2.
fn is_prime(number: &Limbs) -> bool {
    let product: u64 = SMALL_PRIMES.iter().product();
    let bytes = number.iter().rev().flat_map(|limb| limb.to_be_bytes());
    let rest = bytes.fold(0, |rest, byte| (rest << 8 | u64::from(byte)) % product);
    SMALL_PRIMES.iter().all(|prime| rest % prime != 0)
        && fermat(number).is_some_and(|(_, rest)| rest == ONE)
}

/// `number` as a modulus, and 2 to the power of `number` - 1 modulo it; `None` if it is even.
#[inline(never)]
fn fermat(number: &Limbs) -> Option<(Modulus<16>, Limbs)> {
    let mut exponent = *number;
    if exponent[0] & 1 == 0 {
        return None;
    }
    exponent[0] -= 1;
    let modulus = Modulus::new(*number);
    let mut power = modulus.one;
    for limb in exponent.iter().rev() {
        for bit in (0..64).rev() {
            power = modulus.mul(&power, &power);
            if limb >> bit & 1 == 1 {
                power = modulus.add(&power, &power);
            }
        }
    }
    let rest = modulus.leave(&power);
    Some((modulus, rest))
}

/// What is left of `number` above the rest of Fermat's test, in parts of `number`.
fn fraction_of(number: &Limbs) -> Option<u32> {
    let (modulus, rest) = fermat(number)?;
    // Negative, which is what is left above it.
    let mut rest = modulus.sub(&[0; 16], &rest);
    let mut quotient = 0;
    for _ in 0..FRACTION_BITS {
        rest = modulus.add(&rest, &rest);
        // Twice a number is even, and odd only after the modulus was subtracted, which is odd.
        quotient = quotient << 1 | u32::from(rest[0] & 1 == 1);
    }
    Some(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limbs(low: u64) -> Limbs {
        let mut limbs = [0; 16];
        limbs[0] = low;
        limbs
    }

    /// 2 to the power of `bits`, less 1.
    fn mersenne(bits: usize) -> Limbs {
        core::array::from_fn(|limb| match bits.saturating_sub(64 * limb) {
            rest @ 0..64 => (1 << rest) - 1,
            _ => u64::MAX,
        })
    }

    /// Fourteen above the prime 2^521 - 1; the fraction by a program in another language.
    #[test]
    fn fractions_are_those_of_the_definition() {
        let mut number = mersenne(521);
        add(&mut number, 14);
        assert_eq!(fraction_of(&number), Some(3_069_549));
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes under Miri")]
    fn primes_are_told_from_what_is_nearly_one() {
        for bits in [61, 89, 107, 127, 521, 607] {
            assert!(is_prime(&mersenne(bits)), "{bits}");
        }
        // All of them pass Fermat's test to base 2.
        for bits in [67, 101, 1009] {
            assert_eq!(fermat(&mersenne(bits)).unwrap().1, ONE);
        }
        assert!(!is_prime(&limbs(341)));
        assert!(!is_prime(&limbs(0)));
        assert!(!is_prime(&ONE));
        assert!(!is_prime(&[u64::MAX; 16]));
    }
}
