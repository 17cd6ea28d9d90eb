//! Ed25519 (RFC 8032): verification only, strict.
//!
//! Written here because the usual crate needs 7.2 KB of stack and 574 k instructions, more than the
//! rest of the verifier; other crates are laxer, larger or can panic (measured: `docs/ledger.md`,
//! "Figures"). Verification handles nothing secret, so it may be plain and of variable time. Checked
//! against Wycheproof's vectors, RFC 8032's, and at random against two crates.
//!
//! Strict means: S below the group order, neither A nor R of small order, both encoded canonically, no
//! cofactor. One key and message thus have no second encoding of a signature, and there is no key that
//! many messages verify under.

mod field;
mod point;
mod scalar;
mod sha512;

use point::{BASE_MULTIPLES, Factors, Point, Summand};
use scalar::{DIGITS, Scalar};
use sha512::sha512;

/// Width of the windows of the scalars: as many odd multiples of B and of A are kept as there are
/// positive odd digits.
const BASE_WIDTH: usize = 5;
const KEY_WIDTH: usize = 4;
const BASE_MULTIPLES_COUNT: usize = 1 << (BASE_WIDTH - 2);
const KEY_MULTIPLES_COUNT: usize = 1 << (KEY_WIDTH - 2);

/// Whether `signature` over the parts of `message` was made with the secret of `public`: section 5.1.7,
/// without the cofactor.
// Out of line, so that its stack is not added to that of the caller's other work.
#[inline(never)]
pub(crate) fn verify(public: &[u8; 32], message: &[&[u8]], signature: &[u8; 64]) -> bool {
    equation_holds(public, message, signature).unwrap_or(false)
}

/// `None` for what cannot be decoded or is of small order.
fn equation_holds(public: &[u8; 32], message: &[&[u8]], signature: &[u8; 64]) -> Option<bool> {
    let (r_bytes, s_bytes) = signature.split_first_chunk::<32>()?;
    let s = Scalar::from_canonical(s_bytes.first_chunk()?)?;
    let a = Factors::decode(public)?;
    let k = Scalar::from_wide(&sha512([r_bytes, public], message));
    let r = combine(&s, &k, &a);
    if a.multiplied().is_of_small_order() || r.is_of_small_order() {
        return None;
    }
    // A canonical encoding is the only one that can agree.
    Some(r.encode() == *r_bytes)
}

/// `s`·B - `k`·`point`.
#[inline(never)]
fn combine(s: &Scalar, k: &Scalar, point: &Factors) -> Point {
    let mut multiples = [Summand::IDENTITY; KEY_MULTIPLES_COUNT];
    point.odd_multiples(&mut multiples);
    let (mut s, mut k) = (s.digits(BASE_WIDTH), k.digits(KEY_WIDTH));
    let mut sum = Point::IDENTITY;
    for place in (0..DIGITS).rev() {
        let mut doubled = sum.double();
        doubled.add_digit(&BASE_MULTIPLES, s.at(place));
        doubled.add_digit(&multiples, -k.at(place));
        sum = doubled.multiplied();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base point, which is the public key of the secret 1.
    const BASE: [u8; 32] = {
        let mut bytes = [0x66; 32];
        bytes[0] = 0x58;
        bytes
    };
    /// 1, and the point that adds nothing.
    const ONE: [u8; 32] = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };

    fn signature(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        signature
    }

    #[test]
    fn keys_of_small_order_verify_nothing() {
        // Of order 1, 2, 4, 8 and 8. Where k is a multiple of it, k·A adds nothing and B = 1·B - k·A.
        let hex = |digits: &str| crate::Digest::from_hex(digits).unwrap().0;
        let keys = [
            ONE,
            hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
            [0; 32],
            hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
            hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        ];
        let one = Scalar::from_canonical(&ONE).unwrap();
        let (keys, messages) = if cfg!(miri) { (&keys[..1], 1) } else { (&keys[..], 64) };
        for public in keys {
            let point = Factors::decode(public).unwrap();
            assert!(point.multiplied().is_of_small_order());
            let mut would_hold = 0;
            for message in 0..messages {
                let k = Scalar::from_wide(&sha512([&BASE, public], &[&[message]]));
                would_hold += u8::from(combine(&one, &k, &point).encode() == BASE);
                assert!(!verify(public, &[&[message]], &signature(BASE, ONE)));
            }
            assert!(would_hold > 0);
        }
    }

    #[test]
    fn signatures_of_small_order_are_none() {
        // R adds nothing, and S is k times the secret.
        let k = Scalar::from_wide(&sha512([&ONE, &BASE], &[b"message"]));
        let point = Factors::decode(&BASE).unwrap();
        assert_eq!(combine(&k, &k, &point).encode(), ONE);
        let s = scalar::tests::encode(&k);
        assert!(!verify(&BASE, &[b"message"], &signature(ONE, s)));
    }
}
