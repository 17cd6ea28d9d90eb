//! Arithmetic modulo an odd number, after Montgomery (1985): for a curve and for primes.
//!
//! One product, one sum and one difference, out of line, serve every modulus of a length. Everything here
//! is public, so nothing takes care of time.

/// A number of 64 bits each, the lowest first.
pub(crate) type Limbs<const LIMBS: usize> = [u64; LIMBS];

/// An odd modulus. What functions take and give is below it, but where they say other. R is 2 to the
/// power of 64 · `LIMBS`; a number a is in Montgomery's form as a · R.
#[derive(Clone, Debug)]
pub(crate) struct Modulus<const LIMBS: usize> {
    pub(crate) limbs: Limbs<LIMBS>,
    /// -1 / modulus, modulo 2^64.
    inverse: u64,
    /// R, which is 1 in Montgomery's form.
    pub(crate) one: Limbs<LIMBS>,
    /// R², which leads into Montgomery's form.
    square: Limbs<LIMBS>,
}

impl<const LIMBS: usize> Modulus<LIMBS> {
    /// `limbs` are odd; of an even number the products mean nothing.
    pub(crate) const fn new(limbs: Limbs<LIMBS>) -> Self {
        let mut one = [0; LIMBS];
        one[0] = 1;
        let mut modulus = Self { limbs, inverse: 1, one, square: one };
        modulus.one = modulus.reduce_once(one, false);
        let mut bit = 0;
        while bit < 64 * LIMBS {
            modulus.one = modulus.add(&modulus.one, &modulus.one);
            bit += 1;
        }
        // Right in one bit, and every step doubles that.
        let mut bits = 1;
        while bits < 64 {
            let product = modulus.inverse.wrapping_mul(limbs[0]);
            modulus.inverse = modulus.inverse.wrapping_mul(product.wrapping_add(2));
            bits *= 2;
        }
        // 2 · R, and by squaring 2^2 · R, 2^4 · R, to R · R.
        modulus.square = modulus.add(&modulus.one, &modulus.one);
        let mut exponent = 1;
        while exponent < 64 * LIMBS {
            modulus.square = modulus.mul(&modulus.square, &modulus.square);
            exponent *= 2;
        }
        modulus
    }

    /// `number`, which may be any, in Montgomery's form.
    pub(crate) const fn enter(&self, number: &Limbs<LIMBS>) -> Limbs<LIMBS> {
        self.mul(number, &self.square)
    }

    /// `number` out of Montgomery's form.
    #[inline(never)]
    pub(crate) const fn leave(&self, number: &Limbs<LIMBS>) -> Limbs<LIMBS> {
        let mut one = [0; LIMBS];
        one[0] = 1;
        self.mul(number, &one)
    }

    /// a + b.
    #[inline(never)]
    pub(crate) const fn add(&self, a: &Limbs<LIMBS>, b: &Limbs<LIMBS>) -> Limbs<LIMBS> {
        let (sum, carry) = add(a, b);
        self.reduce_once(sum, carry)
    }

    /// a - b.
    #[inline(never)]
    pub(crate) const fn sub(&self, a: &Limbs<LIMBS>, b: &Limbs<LIMBS>) -> Limbs<LIMBS> {
        self.add(a, &sub(&self.limbs, b).0)
    }

    /// a · b / R: the product in Montgomery's form. One of both may be any number.
    #[inline(never)]
    pub(crate) const fn mul(&self, a: &Limbs<LIMBS>, b: &Limbs<LIMBS>) -> Limbs<LIMBS> {
        // Below twice the modulus; `top` is the limb above it, 0 or 1.
        let (mut sum, mut top) = ([0; LIMBS], 0);
        let mut i = 0;
        while i < LIMBS {
            // Adds a[i] · b, and so many times the modulus that the lowest limb becomes 0 and falls out.
            let (low, mut carry) = mul_add(a[i], b[0], sum[0], 0);
            let times = low.wrapping_mul(self.inverse);
            let (_, mut fold) = mul_add(times, self.limbs[0], low, 0);
            let mut j = 1;
            while j < LIMBS {
                let limb;
                (limb, carry) = mul_add(a[i], b[j], sum[j], carry);
                (sum[j - 1], fold) = mul_add(times, self.limbs[j], limb, fold);
                j += 1;
            }
            (sum[LIMBS - 1], top) = split(carry as u128 + fold as u128 + top as u128);
            i += 1;
        }
        self.reduce_once(sum, top == 1)
    }

    /// `base`, in Montgomery's form, to the power of `exponent`.
    #[inline(never)]
    pub(crate) fn pow(&self, base: &Limbs<LIMBS>, exponent: &Limbs<LIMBS>) -> Limbs<LIMBS> {
        let mut power = self.one;
        for limb in exponent.iter().rev() {
            for bit in (0..64).rev() {
                power = self.mul(&power, &power);
                if limb >> bit & 1 == 1 {
                    power = self.mul(&power, base);
                }
            }
        }
        power
    }

    /// `number`, R more if `top`, less the modulus if it is not below.
    #[inline(never)]
    const fn reduce_once(&self, number: Limbs<LIMBS>, top: bool) -> Limbs<LIMBS> {
        let (difference, borrow) = sub(&number, &self.limbs);
        *if borrow && !top { &number } else { &difference }
    }
}

/// a + b, and whether R is missing in it.
const fn add<const LIMBS: usize>(a: &Limbs<LIMBS>, b: &Limbs<LIMBS>) -> (Limbs<LIMBS>, bool) {
    let (mut sum, mut carry) = ([0; LIMBS], false);
    let mut i = 0;
    while i < LIMBS {
        let (limb, over) = a[i].overflowing_add(b[i]);
        let (limb, over_again) = limb.overflowing_add(carry as u64);
        (sum[i], carry) = (limb, over | over_again);
        i += 1;
    }
    (sum, carry)
}

/// a - b, and whether R was added to it, because it is below 0.
#[inline(never)]
const fn sub<const LIMBS: usize>(a: &Limbs<LIMBS>, b: &Limbs<LIMBS>) -> (Limbs<LIMBS>, bool) {
    let (mut difference, mut borrow) = ([0; LIMBS], false);
    let mut i = 0;
    while i < LIMBS {
        let (limb, under) = a[i].overflowing_sub(b[i]);
        let (limb, under_again) = limb.overflowing_sub(borrow as u64);
        (difference[i], borrow) = (limb, under | under_again);
        i += 1;
    }
    (difference, borrow)
}

/// a · b + c + d, which two limbs can hold.
const fn mul_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    split(a as u128 * b as u128 + c as u128 + d as u128)
}

/// The low limb, and the high one.
const fn split(wide: u128) -> (u64, u64) {
    #[allow(clippy::cast_possible_truncation, reason = "takes it apart")]
    let low = wide as u64;
    (low, (wide >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
    use crypto_bigint::{Odd, Uint};
    use proptest::prelude::*;

    fn agrees<const LIMBS: usize>(mut modulus: Limbs<LIMBS>, a: Limbs<LIMBS>, b: Limbs<LIMBS>) {
        modulus[0] |= 1;
        let theirs = FixedMontyParams::new(Odd::new(Uint::from_words(modulus)).unwrap());
        let their = |number| FixedMontyForm::new(&Uint::from_words(number), &theirs);
        let ours = Modulus::new(modulus);
        let (our_a, our_b) = (ours.enter(&a), ours.enter(&b));
        let is_same = |our: &Limbs<LIMBS>, their: FixedMontyForm<LIMBS>| {
            assert_eq!(ours.leave(our), their.retrieve().to_words(), "{modulus:?} {a:?} {b:?}");
        };
        is_same(&our_a, their(a));
        is_same(&ours.add(&our_a, &our_b), their(a) + their(b));
        is_same(&ours.sub(&our_a, &our_b), their(a) - their(b));
        is_same(&ours.mul(&our_a, &our_b), their(a) * their(b));
        // Half a minute under Miri; it has powers in the tests of primes.
        if !cfg!(miri) {
            is_same(&ours.pow(&our_a, &b), their(a).pow(&Uint::from_words(b)));
        }
    }

    proptest! {
        #[test]
        fn arithmetic_agrees_with_crypto_bigint(modulus: [u64; 8], a: [u64; 8], b: [u64; 8]) {
            agrees(modulus, a, b);
        }

        #[test]
        fn arithmetic_on_1024_bits_agrees_with_it(modulus: [u64; 16], a: [u64; 16]) {
            agrees(modulus, a, modulus.map(|limb| limb.rotate_left(7)));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes under Miri")]
    fn arithmetic_agrees_at_the_edges() {
        let mut small = [0; 8];
        small[0] = 3;
        let mut below = [u64::MAX; 8];
        below[0] -= 1;
        let edges = [[0; 8], small, below, [u64::MAX; 8], [1 << 63; 8], [1; 8]];
        for modulus in [small, [u64::MAX; 8], [1; 8], [1 << 63 | 1; 8]] {
            for a in edges {
                for b in edges {
                    agrees(modulus, a, b);
                }
            }
        }
    }
}
