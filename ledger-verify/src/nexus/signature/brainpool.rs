//! ECDSA over brainpoolP512t1 (RFC 5639, section 3.7): the twisted curve, whose a is -3.
//!
//! The digest is the message itself. Public keys are compressed (SEC 1, section 2.3.3), signatures are
//! DER (RFC 3279, section 2.2.3) of one form only: R and S have 64 bytes each, which the signer tries
//! for until it is so. S and n - S both verify; a transaction's id does not depend on it.
//!
//! No crate has this curve.

use core::marker::PhantomData;
use core::ops::{Add, Mul, Sub};

use super::SignatureError;
use crate::nexus::modulus::{self, Modulus};

type Limbs = modulus::Limbs<8>;

/// What numbers are taken modulo.
pub(crate) trait Ring: Copy + Eq {
    const MODULUS: &'static Modulus<8>;
}

/// The field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct P;

impl Ring for P {
    const MODULUS: &'static Modulus<8> = &Modulus::new(limbs(
        "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330871\
         7D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82C68528AA6056583A48F3",
    ));
}

/// The order of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct N;

impl Ring for N {
    const MODULUS: &'static Modulus<8> = &Modulus::new(limbs(
        "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330870\
         553E5C414CA92619418661197FAC10471DB1D381085DDADDB58796829CA90069",
    ));
}

/// A number modulo that of `M`, in Montgomery's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Residue<M>(Limbs, PhantomData<M>);

/// An element of the field.
pub(crate) type Element = Residue<P>;
/// A number modulo the order.
pub(crate) type Scalar = Residue<N>;

impl<M: Ring> Residue<M> {
    pub(crate) const ZERO: Self = Self([0; 8], PhantomData);
    const ONE: Self = Self(M::MODULUS.one, PhantomData);

    /// `number`, which may exceed the modulus.
    pub(crate) const fn new(number: &Limbs) -> Self {
        Self(M::MODULUS.enter(number), PhantomData)
    }

    /// The number, below the modulus.
    fn number(&self) -> Limbs {
        M::MODULUS.leave(&self.0)
    }

    /// The number, highest byte first.
    #[cfg(any(test, feature = "write"))]
    pub(crate) fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (place, limb) in bytes.as_chunks_mut().0.iter_mut().rev().zip(self.number()) {
            *place = limb.to_be_bytes();
        }
        bytes
    }

    fn pow(&self, exponent: &Limbs) -> Self {
        Self(M::MODULUS.pow(&self.0, exponent), PhantomData)
    }

    /// 1 / self, if that is not 0: both moduli are prime, and their lowest limb is more than 1.
    pub(crate) fn invert(&self) -> Self {
        let mut exponent = M::MODULUS.limbs;
        exponent[0] -= 2;
        self.pow(&exponent)
    }
}

impl<M: Ring> Add for Residue<M> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(M::MODULUS.add(&self.0, &other.0), PhantomData)
    }
}

impl<M: Ring> Sub for Residue<M> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(M::MODULUS.sub(&self.0, &other.0), PhantomData)
    }
}

impl<M: Ring> Mul for Residue<M> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(M::MODULUS.mul(&self.0, &other.0), PhantomData)
    }
}

const THREE: Element = Element::new(&[3, 0, 0, 0, 0, 0, 0, 0]);
const B: Element = Element::new(&limbs(
    "7CBBBCF9441CFAB76E1890E46884EAE321F70C0BCB4981527897504BEC3E36A6\
     2BCDFA2304976540F6450085F2DAE145C22553B465763689180EA2571867423E",
));
/// A root of a square is its power to this, (p + 1) / 4: p is 3 modulo 4.
const ROOT: Limbs = {
    let (mut root, mut i) = (P::MODULUS.limbs, 0);
    while i < 8 {
        root[i] = root[i] >> 2 | if i < 7 { root[i + 1] << 62 } else { 0 };
        i += 1;
    }
    root[0] += 1;
    root
};
pub(crate) const GENERATOR: Point = Point {
    x: Element::new(&limbs(
        "640ECE5C12788717B9C1BA06CBC2A6FEBA85842458C56DDE9DB1758D39C0313D\
         82BA51735CDB3EA499AA77A7D6943A64F7A3F25FE26F06B51BAA2696FA9035DA",
    )),
    y: Element::new(&limbs(
        "5B534BD595F5AF0FA2C892376C84ACE1BB4E3019B71634C01131159CAE03CEE9\
         D9932184BEEF216BD71DF2DADF86A627306ECFF96DBB8BACE198B61E00F8B332",
    )),
    z: Element::ONE,
};

/// 128 hexadecimal digits, the highest first: as the RFC prints numbers.
const fn limbs(digits: &str) -> Limbs {
    let mut limbs = [0; 8];
    let mut place = 0;
    while place < 128 {
        let value = match digits.as_bytes()[place] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit => digit - b'A' + 10,
        };
        let limb = &mut limbs[7 - place / 16];
        *limb = *limb << 4 | value as u64;
        place += 1;
    }
    limbs
}

pub(crate) const BYTES: usize = 64;
pub(super) const PUBLIC_BYTES: usize = 1 + BYTES;
pub(super) const SIGNATURE_BYTES: usize = 7 + 2 * BYTES;

/// A sequence of 132 bytes, in it an integer of 64.
pub(crate) const HEADER: [u8; 5] = [0x30, 0x81, 0x84, 0x02, 0x40];
/// The other integer.
pub(crate) const SEPARATOR: [u8; 2] = [0x02, 0x40];

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
    let mut key = Point::INFINITY;
    decode_public(public, &mut key)?;
    let inverse = Scalar::new(&number_from(s)).invert();
    let (u1, u2) = (digest(message) * inverse, Scalar::new(&number_from(r)) * inverse);
    let sum = multiply(&u1, &u2, &key);
    if has_x(&sum, &number_from(r)) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// R and S.
fn decode_signature(signature: &[u8; SIGNATURE_BYTES]) -> Result<(&[u8], &[u8]), SignatureError> {
    let middle = HEADER.len() + BYTES;
    let (r, s) = signature.split_at(middle);
    let wrong = |offset| SignatureError::SignatureEncoding { offset };
    let r = decode_integer(&HEADER, r).map_err(wrong)?;
    let s = decode_integer(&SEPARATOR, s).map_err(|offset| wrong(middle + offset))?;
    Ok((r, s))
}

/// `header`, then 64 bytes of an integer that is minimal and positive, so that it lies between 2^503 and
/// 2^511: it is not 0 and does not reach the order. The error is an offset.
#[inline(never)]
fn decode_integer<'a>(header: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], usize> {
    let mut headers = bytes.iter().zip(header);
    if let Some(offset) = headers.position(|(byte, expected)| byte != expected) {
        return Err(offset);
    }
    match bytes.get(header.len()..) {
        Some(number @ [first, second, ..])
            if (0x0080..0x8000).contains(&u16::from_be_bytes([*first, *second])) =>
        {
            Ok(number)
        }
        _ => Err(header.len()),
    }
}

fn decode_public(public: &[u8; PUBLIC_BYTES], key: &mut Point) -> Result<(), SignatureError> {
    let [parity @ (2 | 3), x @ ..] = public else {
        return Err(SignatureError::KeyEncoding { offset: 0 });
    };
    let number = number_from(x);
    let x = Element::new(&number);
    if x.number() != number {
        return Err(SignatureError::KeyEncoding { offset: 1 });
    }
    // x³ - 3x + b, and its root.
    let yy = (x * x - THREE) * x + B;
    let root = yy.pow(&ROOT);
    if root * root != yy {
        return Err(SignatureError::KeyNotOnCurve);
    }
    // No point has a y of 0: the order is odd.
    let is_odd = root.number()[0] & 1 == 1;
    let y = if is_odd == (*parity == 3) { root } else { Element::ZERO - root };
    *key = Point { x, y, z: Element::ONE };
    Ok(())
}

/// At most 64 bytes, the highest first.
#[inline(never)]
fn number_from(bytes: &[u8]) -> Limbs {
    let mut number = [0; 8];
    for (index, byte) in bytes.iter().rev().enumerate() {
        if let Some(limb) = number.get_mut(index / 8) {
            *limb |= u64::from(*byte) << (index % 8 * 8);
        }
    }
    number
}

/// The first 64 bytes of `message` as a number, or all that there are.
pub(crate) fn digest(message: &[u8]) -> Scalar {
    Scalar::new(&number_from(message.get(..BYTES).unwrap_or(message)))
}

/// Whether the x coordinate of `point`, modulo the order, is `r`: x - n has 258 bits, and `r` has more.
fn has_x(point: &Point, r: &Limbs) -> bool {
    // x is X / Z².
    !point.is_infinity() && Element::new(r) * (point.z * point.z) == point.x
}

/// A point of the curve in Jacobian coordinates: (X / Z², Y / Z³). Infinity has a Z of 0.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: Element,
    pub(crate) y: Element,
    pub(crate) z: Element,
}

impl Point {
    const INFINITY: Self = Self { x: Element::ZERO, y: Element::ZERO, z: Element::ZERO };

    fn is_infinity(&self) -> bool {
        self.z == Element::ZERO
    }

    /// Formulas `dbl-2001-b` for a = -3 (explicit-formulas database).
    #[inline(never)]
    fn double(&self) -> Self {
        let Self { x, y, z } = *self;
        let (delta, gamma) = (z * z, y * y);
        let beta = x * gamma;
        let alpha = (x - delta) * (x + delta);
        let alpha = double(alpha) + alpha;
        let beta4 = double(double(beta));
        let x = alpha * alpha - double(beta4);
        let yz = y + z;
        let z = yz * yz - gamma - delta;
        let y = alpha * (beta4 - x) - double(double(double(gamma * gamma)));
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
        let (z1, z2) = (self.z * self.z, other.z * other.z);
        let (u1, u2) = (self.x * z2, other.x * z1);
        let (s1, s2) = (self.y * z2 * other.z, other.y * z1 * self.z);
        let (h, r) = (u2 - u1, s2 - s1);
        if h == Element::ZERO {
            return if r == Element::ZERO { self.double() } else { Self::INFINITY };
        }
        let hh = h * h;
        let (hhh, v) = (h * hh, u1 * hh);
        let x = r * r - hhh - double(v);
        Self { x, y: r * (v - x) - s1 * hhh, z: self.z * other.z * h }
    }
}

/// 2a.
fn double(a: Element) -> Element {
    a + a
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
    let (a, b) = (a.number(), b.number());
    for (a, b) in a.iter().zip(&b).rev() {
        for pair in (0..32).rev() {
            let index = (a >> (2 * pair) & 3) << 2 | b >> (2 * pair) & 3;
            sum = sum.double().double();
            if let Some(point) = usize::try_from(index).ok().and_then(|index| table.get(index)) {
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
        let size = Scalar::new(&[number.unsigned_abs(), 0, 0, 0, 0, 0, 0, 0]);
        if number < 0 { Scalar::ZERO - size } else { size }
    }

    fn negative(point: &Point) -> Point {
        Point { y: Element::ZERO - point.y, ..*point }
    }

    /// `number` times the generator, step by step.
    fn times(number: i64) -> Point {
        let sum = (0..number.abs()).fold(Point::INFINITY, |sum, _| sum.add(&GENERATOR));
        if number < 0 { negative(&sum) } else { sum }
    }

    fn is_same(a: &Point, b: &Point) -> bool {
        let (za, zb) = (a.z * a.z, b.z * b.z);
        a.is_infinity() == b.is_infinity()
            && a.x * zb == b.x * za
            && a.y * zb * b.z == b.y * za * a.z
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes under Miri")]
    fn the_constants_are_those_of_a_curve_of_that_order() {
        let Point { x, y, .. } = GENERATOR;
        assert_eq!(y * y, (x * x - THREE) * x + B);
        let last = multiply(&scalar(-1), &Scalar::ZERO, &GENERATOR);
        assert!(is_same(&last, &times(-1)));
        assert!(last.add(&GENERATOR).is_infinity());
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes under Miri")]
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
        assert!(has_x(&GENERATOR, &GENERATOR.x.number()));
        for x in [[0; 8], [1, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(!has_x(&Point { x: Element::new(&x), ..Point::INFINITY }, &x));
        }
    }

    /// Why [`has_x`] need not try `r` plus the order.
    #[test]
    fn an_r_of_64_bytes_exceeds_what_the_field_has_beyond_the_order() {
        let difference = Element::new(&P::MODULUS.limbs) - Element::new(&N::MODULUS.limbs);
        assert!(difference.number().iter().skip(5).all(|limb| *limb == 0));
    }
}
