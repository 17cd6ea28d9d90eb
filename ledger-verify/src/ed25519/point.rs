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
const BASE: Point = {
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
    Point { x, y, z: Field::ONE, t: x.mul(&y) }
};

/// B, 3·B, 5·B and so on.
pub(super) const BASE_MULTIPLES: [Summand; BASE_MULTIPLES_COUNT] = BASE.odd_multiples();

/// A point (x/z, y/z). `t` is x·y/z, where it is known: doubling does without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    x: Field,
    y: Field,
    z: Field,
    t: Field,
}

/// A sum that is not multiplied out: (e·f, g·h, f·g), and t is e·h.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    e: Field,
    f: Field,
    g: Field,
    h: Field,
}

/// A point prepared for being added: y + x, y - x, 2·z, 2·d·t.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summand {
    plus: Field,
    minus: Field,
    z2: Field,
    t2d: Field,
}

impl Point {
    pub(super) const IDENTITY: Self =
        Self { x: Field::ZERO, y: Field::ONE, z: Field::ONE, t: Field::ZERO };

    /// Section 5.1.3. `None` for what is no point, or not its one encoding.
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
        Some(Self { x, y, z: Field::ONE, t: x.mul(&y) })
    }

    /// Section 5.1.2.
    pub(super) fn encode(&self) -> [u8; 32] {
        let z = self.z.invert();
        let mut bytes = self.y.mul(&z).encode();
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(self.x.mul(&z).is_odd()) << 7;
        }
        bytes
    }

    pub(super) const fn negate(&self) -> Self {
        Self { x: self.x.negate(), y: self.y, z: self.z, t: self.t.negate() }
    }

    /// Whether eight times the point is the identity.
    pub(super) fn is_of_small_order(&self) -> bool {
        let eight = self.double().projective().double().projective().double().projective();
        eight.x.is_zero()
    }

    pub(super) const fn double(&self) -> Sum {
        let a = self.x.square();
        let b = self.y.square();
        let z = self.z.square();
        let h = a.add(&b);
        let e = h.sub(&self.x.add(&self.y).square());
        let g = a.sub(&b);
        Sum { e, f: z.add(&z).add(&g), g, h }
    }

    /// Adds a point, or takes it off.
    #[inline(never)]
    const fn add(&self, other: &Summand, is_negative: bool) -> Sum {
        let (plus, minus) =
            if is_negative { (&other.minus, &other.plus) } else { (&other.plus, &other.minus) };
        let a = self.y.sub(&self.x).mul(minus);
        let b = self.y.add(&self.x).mul(plus);
        let c = self.t.mul(&other.t2d);
        let d = self.z.mul(&other.z2);
        let (f, g) = if is_negative { (d.add(&c), d.sub(&c)) } else { (d.sub(&c), d.add(&c)) };
        Sum { e: b.sub(&a), f, g, h: b.add(&a) }
    }

    /// Adds `digit`, which is odd, times the point of which `multiples` are the odd ones.
    pub(super) fn add_digit(&self, multiples: &[Summand], digit: i8) -> Sum {
        let index = usize::from(digit.unsigned_abs() / 2);
        // A digit has no more bits than there are multiples for.
        let multiple = multiples.get(index).unwrap_or(&Summand::IDENTITY);
        self.add(multiple, digit < 0)
    }

    const fn summand(&self) -> Summand {
        Summand {
            plus: self.y.add(&self.x),
            minus: self.y.sub(&self.x),
            z2: self.z.add(&self.z),
            t2d: self.t.mul(&D2),
        }
    }

    /// The point 1, 3, 5, … times.
    pub(super) const fn odd_multiples<const COUNT: usize>(&self) -> [Summand; COUNT] {
        let twice = self.double().extended().summand();
        let mut multiple = *self;
        let mut multiples = [Summand::IDENTITY; COUNT];
        let mut index = 0;
        while index < COUNT {
            multiples[index] = multiple.summand();
            multiple = multiple.add(&twice, false).extended();
            index += 1;
        }
        multiples
    }
}

impl Summand {
    const IDENTITY: Self = Point::IDENTITY.summand();
}

impl Sum {
    /// Multiplied out, for an addition.
    pub(super) const fn extended(&self) -> Point {
        Point { t: self.e.mul(&self.h), ..self.projective() }
    }

    /// Multiplied out but for t, for doubling.
    #[inline(never)]
    pub(super) const fn projective(&self) -> Point {
        Point {
            x: self.e.mul(&self.f),
            y: self.g.mul(&self.h),
            z: self.f.mul(&self.g),
            t: Field::ZERO,
        }
    }
}
