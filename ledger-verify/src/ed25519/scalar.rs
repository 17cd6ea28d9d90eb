//! Numbers modulo the group's order L = 2^252 + 27742317777372353535851937790883648493.

/// L, lowest limb first.
const ORDER: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

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

    /// Digits for powers of two, lowest first: each zero, or odd and below 2^(`bits` - 1) in absolute
    /// value, and of any `bits` digits in a row one at most is not zero.
    pub(super) fn signed_digits(&self, bits: u32) -> [i8; 256] {
        let [mut a, mut b, mut c, mut d] = self.0;
        let mut digits = [0; 256];
        for digit in &mut digits {
            if a & 1 == 1 {
                let low = a & ((1 << bits) - 1);
                let is_negative = low >> (bits - 1) == 1;
                let magnitude = if is_negative { (1 << bits) - low } else { low };
                let small = i8::try_from(magnitude).unwrap_or(0);
                *digit = if is_negative { -small } else { small };
                // The digit is taken off: its bits become zero, and a borrow is carried.
                a &= !((1 << bits) - 1);
                let carried = if is_negative { 1 << bits } else { 0 };
                let (sum, carry) = a.overflowing_add(carried);
                a = sum;
                let (sum, carry) = b.overflowing_add(u64::from(carry));
                b = sum;
                let (sum, carry) = c.overflowing_add(u64::from(carry));
                c = sum;
                // Below 2^253, so that nothing is carried out.
                d = d.wrapping_add(u64::from(carry));
            }
            (a, b, c, d) = (a >> 1 | b << 63, b >> 1 | c << 63, c >> 1 | d << 63, d >> 1);
        }
        digits
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
mod tests {
    use super::*;

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
            for bits in [4, 5] {
                let digits = Scalar(limbs).signed_digits(bits);
                assert!(
                    digits
                        .iter()
                        .all(|d| *d == 0 || (d % 2 != 0 && d.unsigned_abs() < 1 << (bits - 1)))
                );
                let windows = digits.windows(bits as usize);
                assert!({ windows }.all(|w| w.iter().filter(|d| **d != 0).count() <= 1));
                // Horner's rule modulo 2^256.
                let sum = digits.iter().rev().fold([0_u64; 4], |sum, digit| {
                    let mut carry = i128::from(*digit);
                    sum.map(|limb| {
                        carry += i128::from(limb) * 2;
                        let low = u64::try_from(carry & i128::from(u64::MAX)).unwrap();
                        carry >>= 64;
                        low
                    })
                });
                assert_eq!(sum, limbs);
            }
        }
    }
}
