//! Numbers of 32 to 128 bytes: hashes, addresses, ids.

use core::fmt;

use crate::digest::read_hex;

/// A number of `N` bytes, the lowest first, as it is stored and hashed; prints as Nexus prints it, the
/// highest digit first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Aligned, as `Digest` is.
#[repr(align(8))]
pub struct Number<const N: usize>(pub [u8; N]);

/// Id of a transaction: SK512 of its hashed part, with [`super::transaction::ID_TYPE`] as top byte.
pub type TransactionId = Number<64>;
/// Id of a user: says who it is, and commits to no key.
pub type Genesis = Number<32>;
/// SK256 of a public key.
pub type KeyHash = Number<32>;

impl<const N: usize> Number<N> {
    /// The number that stands for "none".
    pub const ZERO: Self = Self([0; N]);

    /// Reads 2 `N` hexadecimal digits, the highest first; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut number = Self::ZERO;
        read_hex(text.as_bytes(), &mut number.0)?;
        number.0.reverse();
        Some(number)
    }

    /// Whether it stands for "none".
    #[must_use]
    #[inline(never)]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// The highest byte, which tells what kind of thing the number names.
    #[must_use]
    pub const fn top(&self) -> u8 {
        match self.0.last() {
            Some(top) => *top,
            None => 0,
        }
    }

    /// The number with another highest byte.
    #[must_use]
    pub(super) fn with_top(mut self, top: u8) -> Self {
        if let Some(byte) = self.0.last_mut() {
            *byte = top;
        }
        self
    }

    /// The number as what is signed and printed has it (`base_uint::GetBytes`): 32-bit words, the
    /// lowest first, each with its highest byte first. The same function leads back.
    #[must_use]
    #[inline(never)]
    pub fn swapped(&self) -> [u8; N] {
        let mut bytes = self.0;
        for (index, byte) in self.0.iter().enumerate() {
            if let Some(place) = bytes.get_mut(index ^ 3) {
                *place = *byte;
            }
        }
        bytes
    }
}

impl<const N: usize> fmt::Display for Number<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Number<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn prints_and_reads_the_highest_digit_first() {
        let number = Number([1, 0, 0, 0xab]);
        assert_eq!(number.to_string(), "ab000001");
        assert_eq!(Number::from_hex("AB000001"), Some(number));
        assert_eq!(number.top(), 0xab);
        assert_eq!(number.with_top(2).to_string(), "02000001");
        for bad in ["", "ab00000", "ab0000011", "ab00000g"] {
            assert_eq!(Number::<4>::from_hex(bad), None);
        }
    }

    #[test]
    fn words_are_swapped_and_swapped_back() {
        let number = Number([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(number.swapped(), [4, 3, 2, 1, 8, 7, 6, 5]);
        assert_eq!(Number(number.swapped()).swapped(), number.0);
    }
}
