//! Polynomials of 256 coefficients modulo q, and their number-theoretic transform (section 7.5).

/// The modulus.
pub(super) const Q: u32 = 8_380_417;

/// Coefficients, each in `0..Q`.
pub(super) type Poly = [u32; 256];

/// ζ to the power of each index's eight bits reversed (appendix B).
const ZETAS: [u32; 256] = {
    let mut zetas = [1; 256];
    let mut index = 0_u8;
    loop {
        let mut power = index.reverse_bits();
        while power > 0 {
            zetas[index as usize] = mul(zetas[index as usize], 1753);
            power -= 1;
        }
        if index == 255 {
            break zetas;
        }
        index += 1;
    }
};

/// 256 to the power of -1.
const INVERSE_256: u32 = 8_347_681;

/// a · b mod q.
pub(super) const fn mul(a: u32, b: u32) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "below q, which has 23 bits")]
    let product = (a as u64 * b as u64 % Q as u64) as u32;
    product
}

/// a mod q, for a below 2q.
pub(super) const fn reduce_once(a: u32) -> u32 {
    if a >= Q { a - Q } else { a }
}

/// a - b mod q.
pub(super) const fn sub(a: u32, b: u32) -> u32 {
    reduce_once(a + Q - b)
}

/// Algorithm 41.
pub(super) fn ntt(poly: &mut Poly) {
    let mut zetas = ZETAS.iter().skip(1);
    let mut half = 128;
    while half > 0 {
        for (block, zeta) in poly.chunks_exact_mut(2 * half).zip(&mut zetas) {
            let Some((low, high)) = block.split_at_mut_checked(half) else { continue };
            for (a, b) in low.iter_mut().zip(high) {
                let t = mul(*zeta, *b);
                *b = sub(*a, t);
                *a = reduce_once(*a + t);
            }
        }
        half /= 2;
    }
}

/// Algorithm 42.
pub(super) fn inverse_ntt(poly: &mut Poly) {
    let mut zetas = ZETAS.iter().rev();
    let mut half = 1;
    while half < 256 {
        for (block, zeta) in poly.chunks_exact_mut(2 * half).zip(&mut zetas) {
            let Some((low, high)) = block.split_at_mut_checked(half) else { continue };
            for (a, b) in low.iter_mut().zip(high) {
                let t = sub(*b, *a);
                *a = reduce_once(*a + *b);
                *b = mul(*zeta, t);
            }
        }
        half *= 2;
    }
    for coefficient in poly {
        *coefficient = mul(*coefficient, INVERSE_256);
    }
}

/// Numbers of equal width packed into bytes, lowest bits first (algorithms 18 and 19).
pub(super) struct Unpack<'a> {
    bytes: core::slice::Iter<'a, u8>,
    width: u32,
    bits: u32,
    bit_count: u32,
}

impl<'a> Unpack<'a> {
    /// Numbers of `width` bits, at most 24.
    pub(super) fn new(bytes: &'a [u8], width: u32) -> Self {
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
    fn transform_multiplies_modulo_x_256_plus_1() {
        let a: Poly = core::array::from_fn(|i| mul(u32::try_from(i).unwrap() + 1, 77_777));
        let b: Poly = core::array::from_fn(|i| mul(u32::try_from(i * i).unwrap() + 5, 123_457));
        let mut expected = [0; 256];
        for i in 0..256 {
            for j in 0..256 {
                let product = mul(a[i], b[j]);
                let place = &mut expected[(i + j) % 256];
                let reduced = reduce_once(*place + product);
                *place = if i + j < 256 { reduced } else { sub(*place, product) };
            }
        }
        let (mut a, mut b) = (a, b);
        ntt(&mut a);
        ntt(&mut b);
        for (a, b) in a.iter_mut().zip(b) {
            *a = mul(*a, b);
        }
        inverse_ntt(&mut a);
        assert_eq!(a, expected);
    }

    #[test]
    fn unpacks_lowest_bits_first_and_stops_at_the_end() {
        let mut unpack = Unpack::new(&[0x01, 0x02, 0xff], 10);
        assert_eq!(unpack.next(), Some(0x201));
        assert_eq!(unpack.next(), Some(0x3c0));
        assert_eq!(unpack.next(), None);
    }
}
