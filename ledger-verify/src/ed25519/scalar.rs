//! Numbers modulo the group's order L = 2^252 + 27742317777372353535851937790883648493.

/// L, lowest limb first.
const ORDER: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

/// Digits of a number below L, which is below 2^253.
pub(super) const DIGITS: usize = 254;

/// A number below L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scalar([u64; 4]);

impl Scalar {
    /// Reads a number; `None` for L and above.
    pub(super) fn from_canonical(bytes: &[u8; 32]) -> Option<Self> {
        let mut limbs = [0; 4];
        for (limb, word) in limbs.iter_mut().zip(bytes.as_chunks().0) {
            *limb = u64::from_le_bytes(*word);
        }
        minus_order(limbs).is_none().then_some(Self(limbs))
    }

    /// The remainder of 512 bits, little-endian.
    pub(super) fn from_wide(bytes: &[u8; 64]) -> Self {
        let mut remainder = [0; 4];
        for byte in bytes.iter().rev() {
            for bit in (0..8).rev() {
                // Below 2·L, which is below 2^254.
                let mut carry = u64::from(byte >> bit & 1);
                for limb in &mut remainder {
                    (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
                }
                remainder = minus_order(remainder).unwrap_or(remainder);
            }
        }
        Self(remainder)
    }

    /// Its digits, of which windows of `width` bits hold one each.
    pub(super) fn digits(&self, width: usize) -> Digits {
        let [a, b, c, d] = self.0;
        let doubled = [a << 1, a >> 63 | b << 1, b >> 63 | c << 1, c >> 63 | d << 1];
        Digits { doubled, width, low: DIGITS, place: DIGITS, digit: 0 }
    }
}

/// Signed digits for the powers of two below [`DIGITS`], most of them zero, from the highest down: the
/// form wMOF of Okeya, Schmidt-Samoa, Spahn and Takagi (CRYPTO 2004). It needs no memory for digits to
/// come, as forms do that begin with the lowest.
pub(super) struct Digits {
    /// Twice the number. Where its bits differ from the number's, a digit is not zero: their difference,
    /// place by place, is the number again.
    doubled: [u64; 4],
    width: usize,
    /// Lowest place of the last window, and in it the one digit that is not zero.
    low: usize,
    place: usize,
    digit: i8,
}

impl Digits {
    /// The digit at `place`, which is one below that of the call before: zero, or odd and below
    /// 2^(`width` - 1) in absolute value.
    pub(super) fn at(&mut self, place: usize) -> i8 {
        if place < self.low && matches!(self.bits(place, 2), 1 | 2) {
            self.take_window(place);
        }
        if place == self.place { self.digit } else { 0 }
    }

    /// The window that begins with `top`.
    fn take_window(&mut self, top: usize) {
        self.low = (top + 1).saturating_sub(self.width);
        let size = top + 1 - self.low;
        let bits = self.bits(self.low, size + 1);
        // The topmost counts negative, and the lowest is the bit below the window.
        let value = (bits >> 1) + (bits & 1) - if bits >> size == 1 { 1 << size } else { 0 };
        self.place = self.low + value.trailing_zeros() as usize;
        self.digit = value >> value.trailing_zeros();
    }

    /// `count` bits, at most 7, from bit `place` on.
    fn bits(&self, place: usize, count: usize) -> i8 {
        let limb = |number| self.doubled.get(number).copied().unwrap_or(0);
        let (number, shift) = (place / 64, place % 64);
        // Shifted in two steps, because 64 at once are too many.
        let bits = limb(number) >> shift | limb(number + 1) << 1 << (63 - shift);
        i8::try_from(bits & ((1 << count) - 1)).unwrap_or(0)
    }
}

/// `limbs` - L, unless that is below zero.
fn minus_order(limbs: [u64; 4]) -> Option<[u64; 4]> {
    let mut difference = limbs;
    let mut borrow = false;
    for (limb, order) in difference.iter_mut().zip(ORDER) {
        let (partial, first) = limb.overflowing_sub(order);
        let (result, second) = partial.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (result, first | second);
    }
    (!borrow).then_some(difference)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::ed25519) fn encode(scalar: &Scalar) -> [u8; 32] {
        bytes(scalar.0)
    }

    fn bytes(limbs: [u64; 4]) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (place, limb) in bytes.as_chunks_mut().0.iter_mut().zip(limbs) {
            *place = limb.to_le_bytes();
        }
        bytes
    }

    #[test]
    fn the_order_is_where_scalars_end() {
        let [low, rest @ ..] = ORDER;
        let [b, c, d] = rest;
        assert!(Scalar::from_canonical(&bytes([low - 1, b, c, d])).is_some());
        assert!(Scalar::from_canonical(&bytes(ORDER)).is_none());
        assert!(Scalar::from_canonical(&bytes([low + 1, b, c, d])).is_none());
        assert!(Scalar::from_canonical(&bytes([0, 0, 1, d])).is_none());
        assert!(Scalar::from_canonical(&[0xff; 32]).is_none());
    }

    #[test]
    fn wide_numbers_are_reduced() {
        let mut wide = [0; 64];
        let reduced = |wide: &[u8; 64]| Scalar::from_wide(wide).0;
        wide[..32].copy_from_slice(&bytes(ORDER));
        assert_eq!(reduced(&wide), [0; 4]);
        wide[0] += 5;
        assert_eq!(reduced(&wide), [5, 0, 0, 0]);
        // L times 2^256, and seven more.
        let mut wide = [0; 64];
        wide[32..].copy_from_slice(&bytes(ORDER));
        wide[0] = 7;
        assert_eq!(reduced(&wide), [7, 0, 0, 0]);
        // 2^512 - 1 modulo L, by another way: 2^512 is the square of 2^256 modulo L.
        assert!(Scalar::from_canonical(&bytes(reduced(&[0xff; 64]))).is_some());
    }

    #[test]
    fn digits_add_up_and_are_sparse() {
        let [low, b, c, d] = ORDER;
        let scalars = [
            [0; 4],
            [1, 0, 0, 0],
            [low - 1, b, c, d],
            [u64::MAX, u64::MAX, u64::MAX, d - 1],
            [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX, 7],
        ];
        for limbs in scalars {
            for width in [4, 5] {
                let mut digits = Scalar(limbs).digits(width);
                let (mut sum, mut count) = ([0_u64; 4], 0);
                for place in (0..DIGITS).rev() {
                    let digit = digits.at(place);
                    assert!(
                        digit == 0 || (digit % 2 != 0 && digit.unsigned_abs() < 1 << (width - 1))
                    );
                    count += usize::from(digit != 0);
                    // Horner's rule modulo 2^256.
                    let mut carry = i128::from(digit);
                    sum = sum.map(|limb| {
                        carry += i128::from(limb) * 2;
                        let low = u64::try_from(carry & i128::from(u64::MAX)).unwrap();
                        carry >>= 64;
                        low
                    });
                }
                assert_eq!(sum, limbs);
                assert!(count <= DIGITS.div_ceil(width));
            }
        }
    }
}
