//! Addresses of registers (`TAO/Register/types/address.h`): a number whose top byte is a type.
//!
//! Addresses of registers that hold data are random: they say nothing of owner or content. Those of
//! names, namespaces, crypto and trust objects are hashes of what they stand for.
//!
//! The text form is base58 of the type, the number as it is printed in words, and the first four bytes
//! of SK256 of both. It starts with an `8`.

use core::fmt;

use super::hash;
use super::number::{Genesis, Number};

/// Bytes that the text form stands for: type, number, checksum.
const TEXT_BYTES: usize = 1 + 32 + CHECK_BYTES;
const CHECK_BYTES: usize = 4;
/// Digits of the text form: 58^50 < 0xd1 · 256^36 and 256^37 < 58^51.
pub const TEXT_DIGITS: usize = 51;

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// What an address is the address of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A register that never changes.
    ReadOnly = 0xd1,
    /// A register that only grows.
    Append = 0xd2,
    /// Bytes.
    Raw = 0xd3,
    /// Named fields.
    Object = 0xd4,
    /// The hashes of a user's keys.
    Crypto = 0xd5,
    /// An account of NXS or of a token.
    Account = 0xd6,
    /// A token.
    Token = 0xd7,
    /// A user's stake.
    Trust = 0xd8,
    /// A name that points to an address.
    Name = 0xd9,
    /// A space of names.
    Namespace = 0xda,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::ReadOnly,
        Self::Append,
        Self::Raw,
        Self::Object,
        Self::Crypto,
        Self::Account,
        Self::Token,
        Self::Trust,
        Self::Name,
        Self::Namespace,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Address of a register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub Number<32>);

impl Address {
    /// What it is the address of; `None` for a number that is no register's.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_byte(self.0.top())
    }

    /// The address of `genesis`'s one crypto object.
    #[must_use]
    pub fn crypto(genesis: &Genesis) -> Self {
        Self::derive(Kind::Crypto, &[b"crypto", &genesis.0])
    }

    /// The address of `genesis`'s one trust account.
    #[must_use]
    pub fn trust(genesis: &Genesis) -> Self {
        Self::derive(Kind::Trust, &[b"trust", &genesis.0])
    }

    /// The address of the name `name` in `space`: a user, or the address of a namespace.
    #[must_use]
    pub fn name(name: &str, space: &Number<32>) -> Self {
        Self::derive(Kind::Name, &[name.as_bytes(), &space.0])
    }

    /// The address of the namespace `name`.
    #[must_use]
    pub fn namespace(name: &str) -> Self {
        Self::derive(Kind::Namespace, &[name.as_bytes()])
    }

    fn derive(kind: Kind, of: &[&[u8]]) -> Self {
        Self(Number(hash::Sk256::digest(of)).with_top(kind as u8))
    }

    /// Reads the text form; `None` for anything that [`fmt::Display`] would not print.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if text.len() != TEXT_DIGITS {
            return None;
        }
        let mut bytes = [0_u8; TEXT_BYTES];
        for digit in text.bytes() {
            let digit = ALPHABET.iter().position(|letter| *letter == digit)?;
            let mut carry = digit;
            for byte in bytes.iter_mut().rev() {
                let [low, high, ..] = (usize::from(*byte) * 58 + carry).to_le_bytes();
                *byte = low;
                carry = usize::from(high);
            }
            if carry != 0 {
                return None;
            }
        }
        let (kind, rest) = bytes.split_first()?;
        let address = Self(Number(Number(*rest.first_chunk()?).swapped()));
        let is_own = *kind == address.0.top() && address.kind().is_some();
        (is_own && address.text_bytes() == bytes).then_some(address)
    }

    fn text_bytes(&self) -> [u8; TEXT_BYTES] {
        let head = [self.0.top()];
        let words = self.0.swapped();
        let check = hash::Sk256::digest(&[&head, &words]);
        let all = head.iter().chain(&words).chain(check.iter().take(CHECK_BYTES));
        let mut bytes = [0; TEXT_BYTES];
        for (place, byte) in bytes.iter_mut().zip(all) {
            *place = *byte;
        }
        bytes
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.text_bytes();
        let mut digits = [0; TEXT_DIGITS];
        for place in digits.iter_mut().rev() {
            // One long division: the quotient stays, the remainder is the digit.
            let mut remainder = 0;
            for byte in &mut bytes {
                let dividend = remainder * 256 + u32::from(*byte);
                *byte = (dividend / 58).to_le_bytes()[0];
                remainder = dividend % 58;
            }
            *place = ALPHABET.get(remainder as usize).copied().unwrap_or(0);
        }
        f.write_str(core::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn addresses_know_their_kind() {
        let genesis = Number([7; 32]);
        for (address, kind) in [
            (Address::crypto(&genesis), Kind::Crypto),
            (Address::trust(&genesis), Kind::Trust),
            (Address::name("default", &genesis), Kind::Name),
            (Address::namespace("cairn"), Kind::Namespace),
        ] {
            assert_eq!(address.kind(), Some(kind));
        }
        assert_eq!(Address(Number([0xff; 32])).kind(), None);
        assert_ne!(Address::crypto(&genesis), Address::crypto(&Number([8; 32])));
        assert_ne!(Address::name("a", &genesis), Address::name("b", &genesis));
    }

    #[test]
    fn an_address_with_one_wrong_letter_is_refused() {
        let text = Address::namespace("cairn").to_string();
        // Miri takes seconds for each.
        let step = if cfg!(miri) { 17 } else { 1 };
        for place in (0..text.len()).step_by(step) {
            for letter in ALPHABET.iter().step_by(step) {
                let mut wrong = text.clone().into_bytes();
                wrong[place] = *letter;
                let wrong = String::from_utf8(wrong).unwrap();
                assert_eq!(Address::from_text(&wrong).is_some(), wrong == text);
            }
        }
        for bad in ["", &text[1..], "0OIl", &"z".repeat(TEXT_DIGITS)] {
            assert_eq!(Address::from_text(bad), None);
        }
        assert_eq!(Address::from_text(&std::format!("1{text}")), None);
    }

    use std::string::String;

    proptest! {
        #[test]
        fn text_leads_back_and_starts_with_an_8(number: [u8; 32], kind in 0..10_usize) {
            let address = Address(Number(number).with_top(Kind::ALL[kind] as u8));
            let text = address.to_string();
            prop_assert!(text.starts_with('8'));
            prop_assert_eq!(Address::from_text(&text), Some(address));
        }
    }
}
