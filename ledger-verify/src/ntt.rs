//! Polynomials modulo q and x^n + 1, and their number-theoretic transform, for lattice signatures.
//!
//! Written as FIPS 204 does, algorithms 41 and 42, for any q, and any n that is a power of two.

/// Arithmetic on polynomials of `N` coefficients in `0..Q`, for `Q` below 2^31. `ROOT` to the power of
/// `N` is -1.
pub(crate) struct Ring<const Q: u32, const ROOT: u32, const N: usize>;

impl<const Q: u32, const ROOT: u32, const N: usize> Ring<Q, ROOT, N> {
    /// `ROOT` to the power of each index's bits reversed.
    const ZETAS: &'static [u32; N] = &{
        let mut zetas = [1; N];
        let (mut power, mut exponent) = (1, 0);
        while exponent < N {
            zetas[exponent.reverse_bits() >> (N.leading_zeros() + 1)] = power;
            power = Self::mul(power, ROOT);
            exponent += 1;
        }
        zetas
    };

    /// `N` to the power of -1: half of 1, as often as 2 divides `N`.
    const INVERSE_N: u32 = {
        let (mut inverse, mut n) = (1_u32, 1);
        while n < N {
            inverse = (inverse + if inverse % 2 == 1 { Q } else { 0 }) / 2;
            n *= 2;
        }
        inverse
    };

    /// a · b mod q.
    pub(crate) const fn mul(a: u32, b: u32) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "below q")]
        let product = (a as u64 * b as u64 % Q as u64) as u32;
        product
    }

    /// a mod q, for a below 2q.
    pub(crate) const fn reduce_once(a: u32) -> u32 {
        if a >= Q { a - Q } else { a }
    }

    /// a - b mod q.
    pub(crate) const fn sub(a: u32, b: u32) -> u32 {
        Self::reduce_once(a + Q - b)
    }

    /// Algorithm 41.
    #[inline(never)]
    pub(crate) fn ntt(poly: &mut [u32; N]) {
        let mut zetas = Self::ZETAS.iter().skip(1);
        let mut half = N / 2;
        while half > 0 {
            for (block, zeta) in poly.chunks_exact_mut(2 * half).zip(&mut zetas) {
                let Some((low, high)) = block.split_at_mut_checked(half) else { continue };
                for (a, b) in low.iter_mut().zip(high) {
                    let t = Self::mul(*zeta, *b);
                    *b = Self::sub(*a, t);
                    *a = Self::reduce_once(*a + t);
                }
            }
            half /= 2;
        }
    }

    /// Algorithm 42.
    #[inline(never)]
    pub(crate) fn inverse_ntt(poly: &mut [u32; N]) {
        let mut zetas = Self::ZETAS.iter().rev();
        let mut half = 1;
        while half < N {
            for (block, zeta) in poly.chunks_exact_mut(2 * half).zip(&mut zetas) {
                let Some((low, high)) = block.split_at_mut_checked(half) else { continue };
                for (a, b) in low.iter_mut().zip(high) {
                    let t = Self::sub(*b, *a);
                    *a = Self::reduce_once(*a + *b);
                    *b = Self::mul(*zeta, t);
                }
            }
            half *= 2;
        }
        for coefficient in poly {
            *coefficient = Self::mul(*coefficient, Self::INVERSE_N);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transform_multiplies<const Q: u32, const ROOT: u32, const N: usize>() {
        let value = |n: usize| u32::try_from(n % Q as usize).unwrap();
        let a: [u32; N] = core::array::from_fn(|i| value((i + 1) * 77_777));
        let b: [u32; N] = core::array::from_fn(|i| value((i * i + 5) * 123_457));
        let mut expected = [0; N];
        for i in 0..N {
            for j in 0..N {
                let product = Ring::<Q, ROOT, N>::mul(a[i], b[j]);
                let place = &mut expected[(i + j) % N];
                *place = match i + j < N {
                    true => Ring::<Q, ROOT, N>::reduce_once(*place + product),
                    false => Ring::<Q, ROOT, N>::sub(*place, product),
                };
            }
        }
        let (mut a, mut b) = (a, b);
        Ring::<Q, ROOT, N>::ntt(&mut a);
        Ring::<Q, ROOT, N>::ntt(&mut b);
        for (a, b) in a.iter_mut().zip(b) {
            *a = Ring::<Q, ROOT, N>::mul(*a, b);
        }
        Ring::<Q, ROOT, N>::inverse_ntt(&mut a);
        assert_eq!(a, expected);
    }

    #[test]
    fn transforms_multiply_modulo_x_n_plus_1() {
        // ML-DSA and Falcon-512.
        transform_multiplies::<8_380_417, 1753, 256>();
        transform_multiplies::<12_289, 49, 512>();
    }
}
