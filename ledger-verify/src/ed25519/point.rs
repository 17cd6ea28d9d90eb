//! Points of edwards25519 (RFC 8032, section 5.1.4): -x² + y² = 1 + d·x²·y².

use super::BASE_MULTIPLES_COUNT;
use super::field::Field;

/// -121665 / 121666.
const D: Field = Field::new([
    929_955_233_495_203,
    466_365_720_129_213,
    1_662_059_464_998_953,
    2_033_849_074_728_123,
    1_442_794_654_840_575,
]);
const D2: Field = D.add(&D);
/// A square root of -1.
const SQRT_MINUS_1: Field = Field::new([
    1_718_705_420_411_056,
    234_908_883_556_509,
    2_233_514_472_574_048,
    2_117_202_627_021_982,
    765_476_049_583_133,
]);

/// The base point, y = 4/5.
const BASE: Factors = {
    let x = Field::new([
        1_738_742_601_995_546,
        1_146_398_526_822_698,
        2_070_867_633_025_821,
        562_264_141_797_630,
        587_772_402_128_613,
    ]);
    let y = Field::new([
        1_801_439_850_948_184,
        1_351_079_888_211_148,
        450_359_962_737_049,
        900_719_925_474_099,
        1_801_439_850_948_198,
    ]);
    Factors::of(x, y)
};

/// B, 3·B, 5·B and so on.
pub(super) const BASE_MULTIPLES: [Summand; BASE_MULTIPLES_COUNT] = {
    let mut multiples = [Summand::IDENTITY; BASE_MULTIPLES_COUNT];
    BASE.odd_multiples(&mut multiples);
    multiples
};

/// A point (x/z, y/z).
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    x: Field,
    y: Field,
    z: Field,
}

/// A point in factors: x is e·f, y is g·h, z is f·g, and x·y/z is e·h. Doubling and addition end with
/// them, because only an addition needs all four products.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factors {
    e: Field,
    f: Field,
    g: Field,
    h: Field,
}

/// A point prepared for being added: y + x, y - x, 2·z, 2·d·x·y/z.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summand {
    plus: Field,
    minus: Field,
    z2: Field,
    t2d: Field,
}

impl Point {
    pub(super) const IDENTITY: Self = Self { x: Field::ZERO, y: Field::ONE, z: Field::ONE };

    /// Section 5.1.2.
    #[inline(never)]
    pub(super) fn encode(&self) -> [u8; 32] {
        let z = self.z.invert();
        let mut bytes = self.y.mul(&z).encode();
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(self.x.mul(&z).is_odd()) << 7;
        }
        bytes
    }

    /// Whether eight times the point is the identity.
    #[inline(never)]
    pub(super) fn is_of_small_order(&self) -> bool {
        let eight = (0..3).fold(*self, |point, _| point.double().multiplied());
        eight.x.is_zero()
    }

    pub(super) const fn double(&self) -> Factors {
        let a = self.x.square();
        let b = self.y.square();
        let z = self.z.square();
        let h = a.add(&b);
        let e = h.sub(&self.x.add(&self.y).square());
        let g = a.sub(&b);
        Factors { e, f: z.add(&z).add(&g), g, h }
    }
}

impl Summand {
    pub(super) const IDENTITY: Self = Factors::of(Field::ZERO, Field::ONE).summand();
}

impl Factors {
    /// The point (x, y).
    const fn of(x: Field, y: Field) -> Self {
        Self { e: x, f: Field::ONE, g: Field::ONE, h: y }
    }

    /// Section 5.1.3. `None` for what is no point, or not its one encoding.
    #[inline(never)]
    pub(super) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        let y = Field::decode(bytes)?;
        let y_squared = y.square();
        let (u, minus_u) = (y_squared.sub(&Field::ONE), Field::ONE.sub(&y_squared));
        let v = y_squared.mul(&D).add(&Field::ONE);
        // A candidate for the root of u/v.
        let v3 = v.square().mul(&v);
        let v7 = v3.square().mul(&v);
        let mut x = u.mul(&v7).power_p58().mul(&v3).mul(&u);
        let square = x.square().mul(&v);
        if !square.add(&minus_u).is_zero() {
            if !square.add(&u).is_zero() {
                return None;
            }
            x = x.mul(&SQRT_MINUS_1);
        }
        let sign = bytes.last().is_some_and(|byte| byte >> 7 == 1);
        if x.is_zero() && sign {
            return None;
        }
        if x.is_odd() != sign {
            x = x.negate();
        }
        Some(Self::of(x, y))
    }

    #[inline(never)]
    pub(super) const fn multiplied(&self) -> Point {
        Point { x: self.e.mul(&self.f), y: self.g.mul(&self.h), z: self.f.mul(&self.g) }
    }

    #[inline(never)]
    const fn summand(&self) -> Summand {
        let Point { x, y, z } = self.multiplied();
        let t = self.e.mul(&self.h);
        Summand { plus: y.add(&x), minus: y.sub(&x), z2: z.add(&z), t2d: t.mul(&D2) }
    }

    /// Adds a point, or takes it off.
    #[inline(never)]
    const fn add(&mut self, other: &Summand, is_negative: bool) {
        let (plus, minus) =
            if is_negative { (&other.minus, &other.plus) } else { (&other.plus, &other.minus) };
        let Point { x, y, z } = self.multiplied();
        let a = y.sub(&x).mul(minus);
        let b = y.add(&x).mul(plus);
        let c = self.e.mul(&self.h).mul(&other.t2d);
        let d = z.mul(&other.z2);
        let (f, g) = if is_negative { (d.add(&c), d.sub(&c)) } else { (d.sub(&c), d.add(&c)) };
        *self = Self { e: b.sub(&a), f, g, h: b.add(&a) };
    }

    /// Adds `digit`, which is zero or odd, times the point of which `multiples` are the odd ones.
    pub(super) fn add_digit(&mut self, multiples: &[Summand], digit: i8) {
        // A digit has no more bits than there are multiples for.
        let multiple = multiples.get(usize::from(digit.unsigned_abs() / 2));
        if let (Some(multiple), true) = (multiple, digit != 0) {
            self.add(multiple, digit.is_negative());
        }
    }

    /// The point 1, 3, 5, … times.
    #[inline(never)]
    pub(super) const fn odd_multiples<const COUNT: usize>(&self, multiples: &mut [Summand; COUNT]) {
        let twice = self.multiplied().double().summand();
        let mut multiple = *self;
        let mut index = 0;
        while index < COUNT {
            multiples[index] = multiple.summand();
            multiple.add(&twice, false);
            index += 1;
        }
    }
}
