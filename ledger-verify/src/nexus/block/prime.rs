//! Proof of work of the prime channel: a cluster of primes of 1024 bits that starts near a hash.
//!
//! Each prime lies at most twelve above the one before; what the candidate fourteen above the last does
//! in Fermat's test adds a fraction to their number. Stricter than the C++ node: it lets an offset of 0
//! count a prime twice, and skips offsets that lead to no prime; none but a cheat's block has either.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U1024};

use super::Reason;

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
const CANDIDATE_DISTANCE: u8 = 14;

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

    let mut number = U1024::from_le_slice(origin).saturating_add(&U1024::from_u64(nonce));
    let mut primes = is_prime(&number);
    for offset in offsets {
        number = number.saturating_add(&U1024::from_u8(*offset));
        primes = primes && is_prime(&number);
    }
    let candidate = number.saturating_add(&U1024::from_u8(CANDIDATE_DISTANCE));
    if primes && fraction_of(&candidate) == Some(fraction) { Ok(()) } else { Err(Reason::Work) }
}

/// As far as the ledger asks: no small divisor, and Fermat's test to base 2.
fn is_prime(number: &U1024) -> bool {
    let product: u64 = SMALL_PRIMES.iter().product();
    let bytes = number.to_be_bytes();
    let rest = bytes.as_ref().iter().fold(0, |rest, byte| (rest << 8 | u64::from(*byte)) % product);
    SMALL_PRIMES.iter().all(|prime| rest % prime != 0) && fermat(number) == Some(U1024::ONE)
}

/// 2 to the power of `number` - 1, modulo `number`; `None` if that is even.
#[inline(never)]
fn fermat(number: &U1024) -> Option<U1024> {
    let modulus = Odd::new(*number).into_option()?;
    let mut power = FixedMontyForm::one(&FixedMontyParams::new(modulus));
    let exponent = number.wrapping_sub(&U1024::ONE).to_be_bytes();
    for byte in exponent.as_ref() {
        for bit in (0..8).rev() {
            power = power.square();
            if byte >> bit & 1 == 1 {
                power = power.double();
            }
        }
    }
    Some(power.retrieve())
}

/// What is left of `number` above the rest of Fermat's test, in parts of `number`.
fn fraction_of(number: &U1024) -> Option<u32> {
    let mut rest = number.wrapping_sub(&fermat(number)?);
    let mut quotient = 0;
    for _ in 0..FRACTION_BITS {
        let has_carry = rest.bit_width_vartime() == U1024::BITS;
        rest = rest.shl_vartime(1);
        quotient <<= 1;
        if has_carry || rest >= *number {
            rest = rest.wrapping_sub(number);
            quotient |= 1;
        }
    }
    Some(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fourteen above the prime 2^521 - 1; the fraction by a program in another language.
    #[test]
    fn fractions_are_those_of_the_definition() {
        let number = U1024::ONE.shl_vartime(521).wrapping_add(&U1024::from_u8(13));
        assert_eq!(fraction_of(&number), Some(3_069_549));
    }

    #[test]
    fn primes_are_told_from_what_is_nearly_one() {
        let mersenne = |bits| U1024::ONE.shl_vartime(bits).wrapping_sub(&U1024::ONE);
        for bits in [61, 89, 107, 127, 521, 607] {
            assert!(is_prime(&mersenne(bits)), "{bits}");
        }
        // All of them pass Fermat's test to base 2.
        for bits in [67, 101, 1009] {
            assert_eq!(fermat(&mersenne(bits)), Some(U1024::ONE));
        }
        assert!(!is_prime(&U1024::from_u64(341)));
        assert!(!is_prime(&U1024::ZERO));
        assert!(!is_prime(&U1024::ONE));
        assert!(!is_prime(&U1024::MAX));
    }
}
