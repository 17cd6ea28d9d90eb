//! Numbers modulo p = 2^255 - 19, in five limbs of 51 bits.
//!
//! Products have limbs below 2^52. Sums and differences are not reduced: of products, or of sums of two
//! products, their limbs are below 2^54, which multiplication takes.

const LIMB_BITS: u32 = 51;
const LIMB: u64 = (1 << LIMB_BITS) - 1;

/// A number modulo p, in one of several representations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field([u64; 5]);

impl Field {
    pub(super) const ZERO: Self = Self([0; 5]);
    pub(super) const ONE: Self = Self([1, 0, 0, 0, 0]);

    /// From limbs below 2^51.
    pub(super) const fn new(limbs: [u64; 5]) -> Self {
        Self(limbs)
    }

    /// Reads 255 bits, little-endian; the topmost bit is the caller's. `None` for p and above.
    pub(super) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<8>();
        let [a, b, c, d] = *words.first_chunk::<4>()?;
        let [a, b, c, d] = [a, b, c, d].map(u64::from_le_bytes);
        let limbs = [a, a >> 51 | b << 13, b >> 38 | c << 26, c >> 25 | d << 39, d >> 12];
        let value = Self(limbs.map(|limb| limb & LIMB));
        let top = d & (u64::MAX >> 1);
        let is_canonical = top < u64::MAX >> 1 || (b & c) != u64::MAX || a < u64::MAX - 18;
        is_canonical.then_some(value)
    }

    /// The one encoding of the number: 255 bits, little-endian.
    pub(super) fn encode(&self) -> [u8; 32] {
        let [a, b, c, d, e] = self.reduced();
        let words = [a | b << 51, b >> 13 | c << 38, c >> 26 | d << 25, d >> 39 | e << 12];
        let mut bytes = [0; 32];
        for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }

    /// Limbs of the representative below p.
    #[inline(never)]
    fn reduced(&self) -> [u64; 5] {
        // Below 2^255 + 2^13 after this, so subtracting p once is enough.
        let [a, b, c, d, e] = carried(self.0).0;
        // Is there a carry out of value + 19? Then value is p or above.
        let carry = [b, c, d, e].iter().fold((a + 19) >> 51, |carry, limb| (limb + carry) >> 51);
        let mut limbs = [a + 19 * carry, b, c, d, e];
        let mut carry = 0;
        for limb in &mut limbs {
            *limb += carry;
            carry = *limb >> 51;
            *limb &= LIMB;
        }
        limbs
    }

    pub(super) fn is_zero(&self) -> bool {
        self.reduced() == [0; 5]
    }

    /// The lowest bit: what Ed25519 calls the sign.
    pub(super) fn is_odd(&self) -> bool {
        let [low, ..] = self.reduced();
        low & 1 == 1
    }

    pub(super) const fn add(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        Self([a0 + b0, a1 + b1, a2 + b2, a3 + b3, a4 + b4])
    }

    /// The limbs of `other` are below 2^53 - 76.
    pub(super) const fn sub(&self, other: &Self) -> Self {
        // 4·p, so that no limb goes below zero.
        const LOW: u64 = (1 << 53) - 76;
        const HIGH: u64 = (1 << 53) - 4;
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        Self([a0 + LOW - b0, a1 + HIGH - b1, a2 + HIGH - b2, a3 + HIGH - b3, a4 + HIGH - b4])
    }

    pub(super) const fn negate(&self) -> Self {
        Self::ZERO.sub(self)
    }

    #[inline(never)]
    pub(super) const fn mul(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        // 2^255 is 19.
        let [c1, c2, c3, c4] = [19 * b1, 19 * b2, 19 * b3, 19 * b4];
        wide([
            m(a0, b0) + m(a1, c4) + m(a2, c3) + m(a3, c2) + m(a4, c1),
            m(a0, b1) + m(a1, b0) + m(a2, c4) + m(a3, c3) + m(a4, c2),
            m(a0, b2) + m(a1, b1) + m(a2, b0) + m(a3, c4) + m(a4, c3),
            m(a0, b3) + m(a1, b2) + m(a2, b1) + m(a3, b0) + m(a4, c4),
            m(a0, b4) + m(a1, b3) + m(a2, b2) + m(a3, b1) + m(a4, b0),
        ])
    }

    pub(super) const fn square(&self) -> Self {
        self.square_times(1)
    }

    /// To the power of two to the `count`, which is at least 1.
    #[inline(never)]
    pub(super) const fn square_times(&self, count: u32) -> Self {
        let mut power = self.0;
        let mut left = count;
        while left > 0 {
            let [a0, a1, a2, a3, a4] = power;
            let (c3, c4) = (19 * a3, 19 * a4);
            let (d0, d1, d2) = (2 * a0, 2 * a1, 2 * a2);
            power = wide([
                m(a0, a0) + m(d1, c4) + m(d2, c3),
                m(d0, a1) + m(d2, c4) + m(a3, c3),
                m(d0, a2) + m(a1, a1) + m(2 * a3, c4),
                m(d0, a3) + m(d1, a2) + m(a4, c4),
                m(d0, a4) + m(d1, a3) + m(a2, a2),
            ])
            .0;
            left -= 1;
        }
        Self(power)
    }

    /// To the power of 2^250 - 1, and of 11: what both exponents below are made of.
    fn power_250(&self) -> (Self, Self) {
        let two = self.square();
        let nine = two.square_times(2).mul(self);
        let eleven = nine.mul(&two);
        let e5 = eleven.square().mul(&nine);
        let e10 = e5.square_times(5).mul(&e5);
        let e20 = e10.square_times(10).mul(&e10);
        let e40 = e20.square_times(20).mul(&e20);
        let e50 = e40.square_times(10).mul(&e10);
        let e100 = e50.square_times(50).mul(&e50);
        let e200 = e100.square_times(100).mul(&e100);
        (e200.square_times(50).mul(&e50), eleven)
    }

    /// The inverse, to the power of p - 2; of zero, zero.
    pub(super) fn invert(&self) -> Self {
        let (power, eleven) = self.power_250();
        power.square_times(5).mul(&eleven)
    }

    /// To the power of (p - 5) / 8.
    pub(super) fn power_p58(&self) -> Self {
        self.power_250().0.square_times(2).mul(self)
    }
}

const fn m(a: u64, b: u64) -> u128 {
    a as u128 * b as u128
}

/// Carries a product's columns, each below 2^115.
const fn wide(columns: [u128; 5]) -> Field {
    #[allow(clippy::cast_possible_truncation, reason = "the low 51 bits, and what is above 51")]
    const fn split(column: u128) -> (u64, u64) {
        (column as u64 & LIMB, (column >> LIMB_BITS) as u64)
    }
    let [a, b, c, d, e] = columns;
    let (a, carry) = split(a);
    let (b, carry) = split(b + carry as u128);
    let (c, carry) = split(c + carry as u128);
    let (d, carry) = split(d + carry as u128);
    let (e, carry) = split(e + carry as u128);
    // The topmost column has no factor of 19, so this fits.
    let a = a + 19 * carry;
    Field([a & LIMB, b + (a >> LIMB_BITS), c, d, e])
}

/// One pass of carries over limbs below 2^63: the result's limbs are below 2^51 + 2^17.
const fn carried(limbs: [u64; 5]) -> Field {
    let [a, b, c, d, e] = limbs;
    let b = b + (a >> LIMB_BITS);
    let c = c + (b >> LIMB_BITS);
    let d = d + (c >> LIMB_BITS);
    let e = e + (d >> LIMB_BITS);
    let a = (a & LIMB) + 19 * (e >> LIMB_BITS);
    Field([a, b & LIMB, c & LIMB, d & LIMB, e & LIMB])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// p + `small`, or p - 1 for -1, in bytes.
    fn bytes_near_p(offset: i8) -> [u8; 32] {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xed_u8.wrapping_add_signed(offset);
        bytes[31] = 0x7f;
        bytes
    }

    #[test]
    fn decodes_the_canonical_and_nothing_else() {
        for offset in 0..=0x12 {
            assert!(Field::decode(&bytes_near_p(offset)).is_none(), "p + {offset}");
        }
        for offset in 1..=0x12 {
            let bytes = bytes_near_p(-offset);
            assert_eq!(Field::decode(&bytes).unwrap().encode(), bytes, "p - {offset}");
        }
        for place in 1..32 {
            let mut bytes = bytes_near_p(5);
            bytes[place] ^= 1;
            assert_eq!(Field::decode(&bytes).unwrap().encode(), bytes, "byte {place}");
        }
        // The topmost bit belongs to somebody else.
        let mut bytes = bytes_near_p(-1);
        bytes[31] |= 0x80;
        assert_eq!(Field::decode(&bytes).unwrap().encode(), bytes_near_p(-1));
    }

    #[test]
    fn unreduced_numbers_have_one_encoding() {
        let minus_one = Field::decode(&bytes_near_p(-1)).unwrap();
        assert!(minus_one.add(&Field::ONE).is_zero());
        assert!(Field::ZERO.sub(&Field::ZERO).is_zero());
        assert_eq!(Field::ZERO.sub(&Field::ONE).encode(), bytes_near_p(-1));
        // The largest limbs that may come, and p itself.
        let largest = Field([(1 << 54) - 1; 5]);
        let product = largest.mul(&largest);
        assert!(product.0.iter().all(|limb| *limb < 1 << 52));
        assert_eq!(product.encode(), largest.square().encode());
        assert!(Field([LIMB - 18, LIMB, LIMB, LIMB, LIMB]).is_zero());
        assert_eq!(Field([LIMB, LIMB, LIMB, LIMB, LIMB]).encode()[0], 18);
    }

    #[test]
    fn powers_are_what_they_are_called() {
        let x = Field::new([1234, 5678, 91_011, 121_314, 151_617]);
        assert_eq!(x.mul(&x.invert()).encode(), Field::ONE.encode());
        assert!(Field::ZERO.invert().is_zero());
        // Eight times (p - 5) / 8, and four more, is p - 1.
        let eighth = x.power_p58().square_times(3);
        assert_eq!(eighth.mul(&x.square_times(2)).encode(), Field::ONE.encode());
    }
}
