//! Polynomials of 256 coefficients modulo q.

use crate::ntt;

/// The modulus.
pub(super) const Q: u32 = 8_380_417;

/// The ring, with the transform of section 7.5; ζ is 1753.
pub(super) type Ring = ntt::Ring<Q, 1753, 256>;

/// Coefficients, each in `0..Q`.
pub(super) type Poly = [u32; 256];

/// Numbers of equal width packed into bytes, lowest bits first (algorithms 18 and 19).
pub(crate) struct Unpack<'a> {
    bytes: core::slice::Iter<'a, u8>,
    width: u32,
    bits: u32,
    bit_count: u32,
}

impl<'a> Unpack<'a> {
    /// Numbers of `width` bits, at most 24.
    pub(crate) fn new(bytes: &'a [u8], width: u32) -> Self {
        Self { bytes: bytes.iter(), width, bits: 0, bit_count: 0 }
    }
}

impl Iterator for Unpack<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while self.bit_count < self.width {
            self.bits |= u32::from(*self.bytes.next()?) << self.bit_count;
            self.bit_count += 8;
        }
        let value = self.bits & ((1 << self.width) - 1);
        self.bits >>= self.width;
        self.bit_count -= self.width;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_lowest_bits_first_and_stops_at_the_end() {
        let mut unpack = Unpack::new(&[0x01, 0x02, 0xff], 10);
        assert_eq!(unpack.next(), Some(0x201));
        assert_eq!(unpack.next(), Some(0x3c0));
        assert_eq!(unpack.next(), None);
    }
}
