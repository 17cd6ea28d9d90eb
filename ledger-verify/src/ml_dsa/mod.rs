//! ML-DSA (FIPS 204): verification only, with three polynomials on the stack at most.
//!
//! Written here because the usual crate keeps the whole matrix: measured on `aarch64-unknown-none`,
//! it needs 101 KB of stack for ML-DSA-44 and 161 KB for ML-DSA-65, more than a protection domain
//! has. Verification handles nothing secret, so it may be plain: the matrix is sampled entry by entry
//! and never stored, and z is taken apart anew for each row.
//! Checked against Wycheproof's vectors and, at random, against that crate.
//! Section and algorithm numbers are those of FIPS 204.

pub(crate) mod poly;

use core::num::NonZeroU32;

use crate::bytes::copy;
use crate::keccak::{RATE_SHAKE_128, RATE_SHAKE_256, SUFFIX_SHAKE, Sponge};
use poly::{Poly, Ring, Unpack};

/// A parameter set (section 4, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterSet {
    /// ML-DSA-44, security category 2.
    MlDsa44,
    /// ML-DSA-65, security category 3.
    MlDsa65,
}

struct Parameters {
    rows: usize,
    columns: usize,
    /// Number of coefficients ±1 in the challenge.
    tau: usize,
    beta: u32,
    /// γ1 is two to this.
    gamma1_bits: u32,
    /// 2·γ2.
    interval: NonZeroU32,
    /// Most hints.
    omega: usize,
    challenge_bytes: usize,
    /// Width of one coefficient of w1.
    w1_bits: u32,
}

const Q: u32 = poly::Q;
const COEFFICIENTS: usize = 256;
/// 6 rows of 256 coefficients of 4 bits, or 4 of 6 bits.
const W1_BYTES_MAX: usize = 768;
const RHO_BYTES: usize = 32;
/// 256 coefficients of 10 bits.
const T1_BYTES: usize = 320;
/// Bits dropped from t.
const D: u32 = 13;
const CHALLENGE_BYTES_MAX: usize = 48;

impl ParameterSet {
    const fn parameters(self) -> Parameters {
        match self {
            Self::MlDsa44 => Parameters {
                rows: 4,
                columns: 4,
                tau: 39,
                beta: 78,
                gamma1_bits: 17,
                interval: interval(44),
                omega: 80,
                challenge_bytes: 32,
                w1_bits: 6,
            },
            Self::MlDsa65 => Parameters {
                rows: 6,
                columns: 5,
                tau: 49,
                beta: 196,
                gamma1_bits: 19,
                interval: interval(16),
                omega: 55,
                challenge_bytes: 48,
                w1_bits: 4,
            },
        }
    }
}

/// Width of one of `count` equal parts of 0 to q - 1, which it divides; a type without zero, so that it
/// divides safely.
const fn interval(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(Q / count) {
        Some(interval) => interval,
        None => NonZeroU32::MIN,
    }
}

impl Parameters {
    const fn z_bytes(&self) -> usize {
        (self.gamma1_bits as usize + 1) * COEFFICIENTS / 8
    }
}

/// Whether `signature` over `message` with `context` (at most 255 bytes) verifies under `public`:
/// ML-DSA.Verify, algorithm 3. False for anything of a wrong length.
#[must_use]
pub fn verify(
    set: ParameterSet,
    public: &[u8],
    context: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let mut verification = Verification::new(set);
    verification.take_key(signature, public);
    verification.verify(context, &[message], signature)
}

/// Whether `signature` over `message` verifies under `public` without a context: ML-DSA.Verify_internal,
/// algorithm 8. For test vectors of that function; protocols use [`verify`].
#[must_use]
pub fn verify_internal(set: ParameterSet, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let mut verification = Verification::new(set);
    verification.take_key(signature, public);
    verification.challenge_agrees(&[], &[message], signature).unwrap_or(false)
}

/// Algorithms 3 and 8 for a signature that lies in memory and a public key that comes in pieces. Each
/// row of the key is done with when it is complete: what stays of it is its share of w1.
#[derive(Clone, Debug)]
pub(crate) struct Verification {
    set: ParameterSet,
    key_hash: Sponge,
    rho: [u8; RHO_BYTES],
    /// The row of t1 that is being read.
    t1: [u8; T1_BYTES],
    key_bytes: usize,
    w1: [u8; W1_BYTES_MAX],
    w1_bytes: usize,
    /// The signature or the key cannot be decoded.
    is_bad: bool,
}

impl Verification {
    /// One that was not begun: all zeros, so that memory which holds it takes no room in a program.
    pub(crate) const NOTHING: Self = Self::with(ParameterSet::MlDsa44, Sponge::new(0));

    pub(crate) const fn new(set: ParameterSet) -> Self {
        Self::with(set, Sponge::new(RATE_SHAKE_256))
    }

    const fn with(set: ParameterSet, key_hash: Sponge) -> Self {
        Self {
            set,
            key_hash,
            rho: [0; RHO_BYTES],
            t1: [0; T1_BYTES],
            key_bytes: 0,
            w1: [0; W1_BYTES_MAX],
            w1_bytes: 0,
            is_bad: false,
        }
    }

    /// Takes the next bytes of the public key.
    pub(crate) fn take_key(&mut self, signature: &[u8], mut bytes: &[u8]) {
        self.key_hash.absorb(bytes);
        while !bytes.is_empty() {
            let filled = self.key_bytes.checked_sub(RHO_BYTES).map(|behind| behind % T1_BYTES);
            let room = match filled {
                None => self.rho.get_mut(self.key_bytes..),
                Some(filled) => self.t1.get_mut(filled..),
            };
            let room = room.unwrap_or(&mut []);
            let is_complete = bytes.len() >= room.len();
            let count = copy(room, bytes);
            self.key_bytes = self.key_bytes.saturating_add(count);
            bytes = bytes.get(count..).unwrap_or(&[]);
            if is_complete && filled.is_some() {
                self.is_bad |= self.end_row(signature).is_none();
            }
        }
    }

    /// One row of w1 from a row of t1: algorithm 8, lines 9 and 10.
    #[inline(never)]
    fn end_row(&mut self, signature: &[u8]) -> Option<()> {
        let p = self.set.parameters();
        let signature = Signature::decode(&p, signature)?;
        // ρ, in front of the rows, is shorter than one.
        let row = self.key_bytes / T1_BYTES - 1;
        let row = u8::try_from(row).ok().filter(|row| usize::from(*row) < p.rows)?;
        let mut w = [0; COEFFICIENTS];
        for (column, z) in (0..).zip(signature.z.chunks_exact(p.z_bytes())) {
            let mut z_hat = [0; COEFFICIENTS];
            unpack_z(&p, &mut z_hat, z)?;
            Ring::ntt(&mut z_hat);
            add_matrix_product(&mut w, &self.rho, row, column, &z_hat)?;
        }
        let mut c_hat = sample_in_ball(&p, signature.challenge)?;
        Ring::ntt(&mut c_hat);
        sub_challenge_product(&mut w, &c_hat, &self.t1);
        Ring::inverse_ntt(&mut w);
        let w1 = self.w1.get_mut(self.w1_bytes..)?;
        self.w1_bytes += put_w1(&p, w1, &w, signature.hints.row(&p, row));
        Some(())
    }

    /// Whether the whole key came, and `signature` over the parts of `message` with `context` verifies
    /// under it.
    pub(crate) fn verify(&self, context: &[u8], message: &[&[u8]], signature: &[u8]) -> bool {
        let Ok(context_bytes) = u8::try_from(context.len()) else { return false };
        let head = [&[0, context_bytes], context];
        self.challenge_agrees(&head, message, signature).unwrap_or(false)
    }

    /// Algorithm 8, lines 12 and 13, for a message in parts; `None` for what cannot be decoded.
    #[inline(never)]
    fn challenge_agrees(&self, head: &[&[u8]], message: &[&[u8]], sig: &[u8]) -> Option<bool> {
        let p = self.set.parameters();
        let signature = Signature::decode(&p, sig)?;
        if self.is_bad || self.key_bytes != RHO_BYTES + p.rows * T1_BYTES {
            return None;
        }
        let mut hash = Sponge::new(RATE_SHAKE_256);
        hash.absorb(&mu(&self.key_hash, head, message));
        hash.absorb(self.w1.get(..self.w1_bytes)?);
        hash.finish(SUFFIX_SHAKE);
        let mut expected = [0; CHALLENGE_BYTES_MAX];
        let expected = expected.get_mut(..signature.challenge.len())?;
        hash.squeeze(expected);
        Some(expected == signature.challenge)
    }
}

/// A signature, taken apart.
struct Signature<'a> {
    challenge: &'a [u8],
    z: &'a [u8],
    hints: Hints<'a>,
}

impl<'a> Signature<'a> {
    fn decode(p: &Parameters, bytes: &'a [u8]) -> Option<Self> {
        let (challenge, rest) = bytes.split_at_checked(p.challenge_bytes)?;
        let (z, hints) = rest.split_at_checked(p.columns * p.z_bytes())?;
        if hints.len() != p.omega + p.rows {
            return None;
        }
        Some(Self { challenge, z, hints: Hints::decode(p, hints)? })
    }
}

/// The message representative: algorithm 8, lines 6 and 7.
fn mu(key_hash: &Sponge, head: &[&[u8]], message: &[&[u8]]) -> [u8; 64] {
    let mut mu = [0; 64];
    let mut hash = key_hash.clone();
    hash.finish(SUFFIX_SHAKE);
    hash.squeeze(&mut mu);

    let mut hash = Sponge::new(RATE_SHAKE_256);
    hash.absorb(&mu);
    head.iter().chain(message).for_each(|part| hash.absorb(part));
    hash.finish(SUFFIX_SHAKE);
    hash.squeeze(&mut mu);
    mu
}

/// Adds entry (`row`, `column`) of the matrix, sampled as it is needed, times `z`: algorithms 30 and
/// 32. `None` after 512 rejections, which no honest key comes near.
fn add_matrix_product(w: &mut Poly, rho: &[u8], row: u8, column: u8, z: &Poly) -> Option<()> {
    let mut hash = Sponge::new(RATE_SHAKE_128);
    hash.absorb(rho);
    hash.absorb(&[column, row]);
    hash.finish(SUFFIX_SHAKE);
    let mut rejections_left = 512;
    for (w, z) in w.iter_mut().zip(z) {
        let entry = loop {
            let [b0, b1, b2] = [hash.byte(), hash.byte(), hash.byte() & 0x7f].map(u32::from);
            let value = b2 << 16 | b1 << 8 | b0;
            if value < Q {
                break value;
            }
            rejections_left = u32::checked_sub(rejections_left, 1)?;
        };
        *w = Ring::reduce_once(*w + Ring::mul(entry, *z));
    }
    Some(())
}

/// Subtracts c · t1 · 2^d.
fn sub_challenge_product(w: &mut Poly, c_hat: &Poly, t1: &[u8]) {
    let mut t = [0; COEFFICIENTS];
    for (t, value) in t.iter_mut().zip(Unpack::new(t1, 10)) {
        *t = value << D;
    }
    Ring::ntt(&mut t);
    for ((w, c), t) in w.iter_mut().zip(c_hat).zip(&t) {
        *w = Ring::sub(*w, Ring::mul(*c, *t));
    }
}

/// BitUnpack of one polynomial of z, algorithm 19; `None` when it is not short enough.
fn unpack_z(p: &Parameters, poly: &mut Poly, bytes: &[u8]) -> Option<()> {
    let gamma1 = 1 << p.gamma1_bits;
    for (coefficient, value) in poly.iter_mut().zip(Unpack::new(bytes, p.gamma1_bits + 1)) {
        if value.abs_diff(gamma1) >= gamma1 - p.beta {
            return None;
        }
        *coefficient = Ring::reduce_once(Q + gamma1 - value);
    }
    Some(())
}

/// The challenge polynomial, algorithm 29; `None` after 1024 bytes, which no honest one comes near.
fn sample_in_ball(p: &Parameters, challenge: &[u8]) -> Option<Poly> {
    let mut hash = Sponge::new(RATE_SHAKE_256);
    hash.absorb(challenge);
    hash.finish(SUFFIX_SHAKE);
    let mut signs = [0; 8];
    hash.squeeze(&mut signs);
    let mut signs = u64::from_le_bytes(signs);
    let mut bytes_left = 1024;
    let mut c = [0; COEFFICIENTS];
    for i in COEFFICIENTS - p.tau..COEFFICIENTS {
        let j = loop {
            let j = usize::from(hash.byte());
            if j <= i {
                break j;
            }
            bytes_left = u32::checked_sub(bytes_left, 1)?;
        };
        *c.get_mut(i)? = *c.get(j)?;
        *c.get_mut(j)? = if signs & 1 == 0 { 1 } else { Q - 1 };
        signs >>= 1;
    }
    Some(c)
}

/// The hints, checked but left packed: the places of all rows one after the other, then the end of
/// each row.
struct Hints<'a> {
    places: &'a [u8],
    ends: &'a [u8],
}

impl<'a> Hints<'a> {
    /// HintBitUnpack, algorithm 21: places ascend within a row, row ends do not descend, and what is
    /// not used is zero, so that there is one encoding only.
    fn decode(p: &Parameters, bytes: &'a [u8]) -> Option<Self> {
        let (places, ends) = bytes.split_at_checked(p.omega)?;
        let mut start = 0;
        for end in ends {
            let row = places.get(start..usize::from(*end))?;
            if !row.is_sorted_by(|a, b| a < b) {
                return None;
            }
            start = usize::from(*end);
        }
        let unused_are_zero = places.get(start..)?.iter().all(|place| *place == 0);
        unused_are_zero.then_some(Self { places, ends })
    }

    fn row(&self, p: &Parameters, row: u8) -> &'a [u8] {
        let row = usize::from(row);
        let end = |row: usize| self.ends.get(row).map_or(p.omega, |end| usize::from(*end));
        let start = row.checked_sub(1).map_or(0, end);
        self.places.get(start..end(row)).unwrap_or(&[])
    }
}

/// UseHint and w1Encode of one row, algorithms 40 and 28; the number of bytes written.
fn put_w1(p: &Parameters, w1: &mut [u8], w: &Poly, places: &[u8]) -> usize {
    let mut places = places.iter().map(|place| usize::from(*place)).peekable();
    let (mut bits, mut bit_count, mut written) = (0, 0, 0);
    let mut w1 = w1.iter_mut();
    for (index, w) in w.iter().enumerate() {
        let hinted = places.next_if_eq(&index).is_some();
        bits |= use_hint(p, hinted, *w) << bit_count;
        bit_count += p.w1_bits;
        while bit_count >= 8 {
            let [byte, ..] = bits.to_le_bytes();
            if let Some(place) = w1.next() {
                *place = byte;
                written += 1;
            }
            bits >>= 8;
            bit_count -= 8;
        }
    }
    written
}

/// Algorithm 40, with Decompose, algorithm 36.
fn use_hint(p: &Parameters, hinted: bool, r: u32) -> u32 {
    let count = Q / p.interval;
    // r1 rounds r to the next multiple of 2·γ2; the topmost interval wraps to 0 with r0 below 0.
    let nearest = (r + p.interval.get() / 2 - 1) / p.interval;
    let r0_is_positive = r > nearest * p.interval.get();
    let r1 = if nearest >= count { 0 } else { nearest };
    match (hinted, r0_is_positive) {
        (false, _) => r1,
        (true, true) if r1 + 1 == count => 0,
        (true, true) => r1 + 1,
        (true, false) => r1.checked_sub(1).unwrap_or(count - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::read_hex;

    /// Algorithm 36 and 40 as they stand, in signed arithmetic.
    fn use_hint_reference(gamma2: i64, hinted: bool, r: i64) -> i64 {
        let (q, m) = (i64::from(Q), (i64::from(Q) - 1) / (2 * gamma2));
        let mut r0 = r % (2 * gamma2);
        if r0 > gamma2 {
            r0 -= 2 * gamma2;
        }
        let r1;
        if r - r0 == q - 1 {
            r1 = 0;
            r0 -= 1;
        } else {
            r1 = (r - r0) / (2 * gamma2);
        }
        match (hinted, r0 > 0) {
            (false, _) => r1,
            (true, true) => (r1 + 1).rem_euclid(m),
            (true, false) => (r1 - 1).rem_euclid(m),
        }
    }

    /// The first of Wycheproof's; `tests/signature_vectors.rs` has all, which are too many for Miri.
    #[test]
    fn a_published_signature_verifies_and_a_spoiled_one_does_not() {
        fn field<const N: usize>(name: &str) -> [u8; N] {
            let file = include_str!("../../tests/vectors/wycheproof_mldsa_44_verify_test.json");
            let (_, value) = file.split_once(name).unwrap();
            let mut bytes = [0; N];
            read_hex(value.split('"').nth(1).unwrap().as_bytes(), &mut bytes).unwrap();
            bytes
        }
        let public = field::<1312>("\"publicKey\":");
        let message = field::<11>("\"msg\":");
        let mut signature = field::<2420>("\"sig\":");
        assert!(verify(ParameterSet::MlDsa44, &public, &[], &message, &signature));
        signature[40] ^= 1;
        let spoiled = || verify(ParameterSet::MlDsa44, &public, &[], &message, &signature);
        assert!(cfg!(miri) || !spoiled(), "one is enough for Miri");
    }

    #[test]
    fn what_cannot_be_computed_is_no_way_around_the_challenge() {
        // z is out of range, so no row is computed: anybody can tell the challenge of no rows.
        let (public, message): (_, &[&[u8]]) = ([7; 1312], &[b"message"]);
        let mut signature = [0xff; 2420];
        signature[2420 - 84..].fill(0);
        let mut verification = Verification::new(ParameterSet::MlDsa44);
        verification.take_key(&signature, &public);
        let mut hash = Sponge::new(RATE_SHAKE_256);
        hash.absorb(&mu(&verification.key_hash, &[&[0, 0]], message));
        hash.finish(SUFFIX_SHAKE);
        hash.squeeze(&mut signature[..32]);
        assert!(!verification.verify(&[], message, &signature));
        verification.is_bad = false;
        assert!(verification.verify(&[], message, &signature), "not what would get around it");
    }

    #[test]
    fn hints_have_one_encoding() {
        let p = ParameterSet::MlDsa44.parameters();
        let decodes = |places: [u8; 3], ends: [u8; 4]| {
            let mut bytes = [0; 84];
            bytes[..3].copy_from_slice(&places);
            bytes[80..].copy_from_slice(&ends);
            Hints::decode(&p, &bytes).is_some()
        };
        assert!(decodes([5, 6, 0], [2, 2, 2, 2]));
        assert!(decodes([6, 5, 0], [1, 2, 2, 2]));
        // Twice, descending, beyond the last row, a row that ends before it begins or behind the end.
        assert!(!decodes([5, 5, 0], [2, 2, 2, 2]));
        assert!(!decodes([6, 5, 0], [2, 2, 2, 2]));
        assert!(!decodes([5, 6, 7], [2, 2, 2, 2]));
        assert!(!decodes([5, 6, 0], [2, 1, 2, 2]));
        assert!(!decodes([5, 6, 7], [2, 3, 3, 81]));
    }

    #[test]
    fn hints_are_used_as_the_standard_says_at_every_edge() {
        for set in [ParameterSet::MlDsa44, ParameterSet::MlDsa65] {
            let p = set.parameters();
            let gamma2 = p.interval.get() / 2;
            let edges = (0..=Q / gamma2).flat_map(|n| {
                let edge = n * gamma2;
                [edge.saturating_sub(1), edge, edge + 1]
            });
            for r in edges.chain([Q - 1, Q - 2]).filter(|r| *r < Q) {
                for hinted in [false, true] {
                    let expected = use_hint_reference(gamma2.into(), hinted, r.into());
                    assert_eq!(
                        i64::from(use_hint(&p, hinted, r)),
                        expected,
                        "{set:?} {r} {hinted}"
                    );
                }
            }
        }
    }
}
