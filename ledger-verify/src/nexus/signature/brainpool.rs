//! ECDSA over brainpoolP512t1 (RFC 5639, section 3.7): the twisted curve, whose a is -3.
//!
//! The digest is the message itself. Public keys are compressed (SEC 1, section 2.3.3), signatures are
//! DER (RFC 3279, section 2.2.3) of one form only: R and S have 64 bytes each, which the signer tries
//! for until it is so. S and n - S both verify; a transaction's id does not depend on it.
//!
//! Modular arithmetic is `crypto-bigint`'s; no crate has this curve. Its Montgomery product is as fast as
//! one written for the purpose and links no panic on `aarch64-unknown-none`; its inversion does, and is
//! large, hence Fermat's.

use crypto_bigint::modular::{ConstMontyForm, ConstMontyParams};
use crypto_bigint::{U512, const_monty_params};

use super::SignatureError;

const_monty_params!(
    P,
    U512,
    "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330871\
     7D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82C68528AA6056583A48F3",
    "The field."
);
const_monty_params!(
    N,
    U512,
    "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330870\
     553E5C414CA92619418661197FAC10471DB1D381085DDADDB58796829CA90069",
    "The order of the generator."
);
/// An element of the field.
pub(crate) type Element = ConstMontyForm<P, { U512::LIMBS }>;
/// A number modulo the order.
pub(crate) type Scalar = ConstMontyForm<N, { U512::LIMBS }>;

const THREE: Element = Element::new(&U512::from_u8(3));
const B: Element = element(
    "7CBBBCF9441CFAB76E1890E46884EAE321F70C0BCB4981527897504BEC3E36A6\
     2BCDFA2304976540F6450085F2DAE145C22553B465763689180EA2571867423E",
);
pub(crate) const GENERATOR: Point = Point {
    x: element(
        "640ECE5C12788717B9C1BA06CBC2A6FEBA85842458C56DDE9DB1758D39C0313D\
         82BA51735CDB3EA499AA77A7D6943A64F7A3F25FE26F06B51BAA2696FA9035DA",
    ),
    y: element(
        "5B534BD595F5AF0FA2C892376C84ACE1BB4E3019B71634C01131159CAE03CEE9\
         D9932184BEEF216BD71DF2DADF86A627306ECFF96DBB8BACE198B61E00F8B332",
    ),
    z: Element::ONE,
};

pub(crate) const BYTES: usize = 64;
pub(super) const PUBLIC_BYTES: usize = 1 + BYTES;
pub(super) const SIGNATURE_BYTES: usize = 7 + 2 * BYTES;

/// A sequence of 132 bytes, in it an integer of 64.
pub(crate) const HEADER: [u8; 5] = [0x30, 0x81, 0x84, 0x02, 0x40];
/// The other integer.
pub(crate) const SEPARATOR: [u8; 2] = [0x02, 0x40];

const fn element(digits: &str) -> Element {
    Element::new(&U512::from_be_hex(digits))
}

/// `public` is `02` or `03`, then x. `signature` has 135 bytes.
// Out of line, so that its stack is not added to that of the other algorithm.
#[inline(never)]
pub(super) fn verify(
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let public: &[u8; PUBLIC_BYTES] = public.try_into().map_err(|_| SignatureError::KeyLength)?;
    let signature: &[u8; SIGNATURE_BYTES] =
        signature.try_into().map_err(|_| SignatureError::SignatureLength)?;
    let (r, s) = decode_signature(signature)?;
    let public = decode_public(public)?;
    let inverse = invert(&Scalar::new(&s));
    let (u1, u2) = (digest(message) * inverse, Scalar::new(&r) * inverse);
    if has_x(&multiply(&u1, &u2, &public), &r) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// R and S.
fn decode_signature(signature: &[u8; SIGNATURE_BYTES]) -> Result<(U512, U512), SignatureError> {
    let middle = HEADER.len() + BYTES;
    let (r, s) = signature.split_at(middle);
    let wrong = |offset| SignatureError::SignatureEncoding { offset };
    let r = decode_integer(&HEADER, r).map_err(wrong)?;
    let s = decode_integer(&SEPARATOR, s).map_err(|offset| wrong(middle + offset))?;
    Ok((r, s))
}

/// `header`, then an integer that is minimal and positive, so that it lies between 2^503 and 2^511: it
/// is not 0 and does not reach the order. The error is an offset.
fn decode_integer(header: &[u8], bytes: &[u8]) -> Result<U512, usize> {
    let mut headers = bytes.iter().zip(header);
    if let Some(offset) = headers.position(|(byte, expected)| byte != expected) {
        return Err(offset);
    }
    match bytes.last_chunk::<BYTES>() {
        Some(number @ [first, second, ..])
            if (0x0080..0x8000).contains(&u16::from_be_bytes([*first, *second])) =>
        {
            Ok(number_from(number))
        }
        _ => Err(header.len()),
    }
}

fn decode_public(public: &[u8; PUBLIC_BYTES]) -> Result<Point, SignatureError> {
    let [parity @ (2 | 3), x @ ..] = public else {
        return Err(SignatureError::KeyEncoding { offset: 0 });
    };
    let x = number_from(x);
    if x >= *P::PARAMS.modulus().as_ref() {
        return Err(SignatureError::KeyEncoding { offset: 1 });
    }
    let x = Element::new(&x);
    // x³ - 3x + b, and its root: p is 3 modulo 4.
    let yy = (square(x) - THREE) * x + B;
    let root = pow(&yy, &P::PARAMS.modulus().as_ref().shr_vartime(2).wrapping_add(&U512::ONE));
    if square(root) != yy {
        return Err(SignatureError::KeyNotOnCurve);
    }
    // No point has a y of 0: the order is odd.
    let is_odd = root.retrieve().is_odd().to_bool();
    let y = if is_odd == (*parity == 3) { root } else { -root };
    Ok(Point { x, y, z: Element::ONE })
}

/// Highest byte first. Out of line: it is unrolled.
#[inline(never)]
fn number_from(bytes: &[u8; BYTES]) -> U512 {
    U512::from_be_slice(bytes)
}

/// The first 64 bytes of `message` as a number, or all that there are.
pub(crate) fn digest(message: &[u8]) -> Scalar {
    let mut bytes = [0; BYTES];
    let message = message.get(..BYTES).unwrap_or(message);
    for (place, byte) in bytes.iter_mut().rev().zip(message.iter().rev()) {
        *place = *byte;
    }
    Scalar::new(&number_from(&bytes))
}

/// Whether the x coordinate of `point`, modulo the order, is `r`: x - n has 258 bits, and `r` has more.
fn has_x(point: &Point, r: &U512) -> bool {
    // x is X / Z².
    !point.is_infinity() && Element::new(r) * square(point.z) == point.x
}

/// a². The crate's own is less than 1 % faster here, and 1.3 KB more code.
fn square<M: ConstMontyParams<{ U512::LIMBS }>>(
    a: ConstMontyForm<M, { U512::LIMBS }>,
) -> ConstMontyForm<M, { U512::LIMBS }> {
    a * a
}

/// 2a, for the same reason.
fn double(a: Element) -> Element {
    a + a
}

/// 1 / a, for a other than 0: both moduli are prime.
pub(crate) fn invert<M: ConstMontyParams<{ U512::LIMBS }>>(
    a: &ConstMontyForm<M, { U512::LIMBS }>,
) -> ConstMontyForm<M, { U512::LIMBS }> {
    pow(a, &M::PARAMS.modulus().as_ref().wrapping_sub(&U512::from_u8(2)))
}

/// `base` to the power of `exponent`, bit by bit.
#[inline(never)]
fn pow<M: ConstMontyParams<{ U512::LIMBS }>>(
    base: &ConstMontyForm<M, { U512::LIMBS }>,
    exponent: &U512,
) -> ConstMontyForm<M, { U512::LIMBS }> {
    let mut result = ConstMontyForm::ONE;
    for byte in exponent.to_be_bytes().as_ref() {
        for bit in (0..8).rev() {
            result = square(result);
            if byte >> bit & 1 == 1 {
                result *= base;
            }
        }
    }
    result
}

/// A point of the curve in Jacobian coordinates: (X / Z², Y / Z³). Infinity has a Z of 0.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: Element,
    pub(crate) y: Element,
    pub(crate) z: Element,
}

impl Point {
    const INFINITY: Self = Self { x: Element::ONE, y: Element::ONE, z: Element::ZERO };

    fn is_infinity(&self) -> bool {
        self.z == Element::ZERO
    }

    /// Formulas `dbl-2001-b` for a = -3 (explicit-formulas database).
    #[inline(never)]
    fn double(&self) -> Self {
        let Self { x, y, z } = self;
        let (delta, gamma) = (square(*z), square(*y));
        let beta = *x * gamma;
        let alpha = (*x - delta) * (*x + delta);
        let alpha = double(alpha) + alpha;
        let beta4 = double(double(beta));
        let x = square(alpha) - double(beta4);
        let z = square(*y + *z) - gamma - delta;
        let y = alpha * (beta4 - x) - double(double(double(square(gamma))));
        Self { x, y, z }
    }

    /// The general formulas (Cohen, Miyaji, Ono 1998), and the cases that they do not cover.
    #[inline(never)]
    fn add(&self, other: &Self) -> Self {
        if self.is_infinity() {
            return *other;
        }
        if other.is_infinity() {
            return *self;
        }
        let (z1, z2) = (square(self.z), square(other.z));
        let (u1, u2) = (self.x * z2, other.x * z1);
        let (s1, s2) = (self.y * z2 * other.z, other.y * z1 * self.z);
        let (h, r) = (u2 - u1, s2 - s1);
        if h == Element::ZERO {
            return if r == Element::ZERO { self.double() } else { Self::INFINITY };
        }
        let hh = square(h);
        let (hhh, v) = (h * hh, u1 * hh);
        let x = square(r) - hhh - double(v);
        Self { x, y: r * (v - x) - s1 * hhh, z: self.z * other.z * h }
    }
}

/// `a` times the generator plus `b` times `point`, by two bits of both at a time.
#[inline(never)]
pub(crate) fn multiply(a: &Scalar, b: &Scalar, point: &Point) -> Point {
    // At 4i + j: i times the generator plus j times `point`.
    let mut table = [Point::INFINITY; 16];
    for index in 1..table.len() {
        let (step, from) =
            if index % 4 == 0 { (&GENERATOR, index - 4) } else { (point, index - 1) };
        table[index] = table[from].add(step);
    }
    let mut sum = Point::INFINITY;
    let (a, b) = (a.retrieve().to_be_bytes(), b.retrieve().to_be_bytes());
    for (a, b) in a.as_ref().iter().zip(b.as_ref()) {
        for shift in [6, 4, 2, 0] {
            let index = (a >> shift & 3) << 2 | b >> shift & 3;
            sum = sum.double().double();
            if let Some(point) = table.get(usize::from(index)) {
                sum = sum.add(point);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(number: i64) -> Scalar {
        let size = Scalar::new(&U512::from_u64(number.unsigned_abs()));
        if number < 0 { -size } else { size }
    }

    fn negative(point: &Point) -> Point {
        Point { y: -point.y, ..*point }
    }

    /// `number` times the generator, step by step.
    fn times(number: i64) -> Point {
        let sum = (0..number.abs()).fold(Point::INFINITY, |sum, _| sum.add(&GENERATOR));
        if number < 0 { negative(&sum) } else { sum }
    }

    fn is_same(a: &Point, b: &Point) -> bool {
        let (za, zb) = (a.z.square(), b.z.square());
        a.is_infinity() == b.is_infinity()
            && a.x * zb == b.x * za
            && a.y * zb * b.z == b.y * za * a.z
    }

    #[test]
    fn the_constants_are_those_of_a_curve_of_that_order() {
        let Point { x, y, .. } = GENERATOR;
        assert_eq!(y.square(), (x.square() - THREE) * x + B);
        let last = multiply(&scalar(-1), &Scalar::ZERO, &GENERATOR);
        assert!(is_same(&last, &times(-1)));
        assert!(last.add(&GENERATOR).is_infinity());
    }

    #[test]
    fn sums_hold_in_the_cases_that_the_formulas_leave_out() {
        for factor in [-2, -1, 0, 1, 2, 7] {
            let point = times(factor);
            for a in [-255, -2, -1, 0, 1, 2, 64] {
                for b in [-85, -1, 0, 1, 2] {
                    let product = multiply(&scalar(a), &scalar(b), &point);
                    assert!(is_same(&product, &times(a + b * factor)), "{a} {b} {factor}");
                }
            }
        }
    }

    #[test]
    fn infinity_has_no_x() {
        assert!(has_x(&GENERATOR, &GENERATOR.x.retrieve()));
        for x in [U512::ZERO, U512::ONE] {
            assert!(!has_x(&Point { x: Element::new(&x), ..Point::INFINITY }, &x));
        }
    }

    /// Why [`has_x`] need not try `r` plus the order.
    #[test]
    fn an_r_of_64_bytes_exceeds_what_the_field_has_beyond_the_order() {
        let difference = P::PARAMS.modulus().as_ref().wrapping_sub(N::PARAMS.modulus().as_ref());
        assert!(difference < U512::ONE.shl_vartime(503));
    }
}
