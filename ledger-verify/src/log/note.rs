//! Signed notes (c2sp.org/signed-note): text, an empty line, signature lines.

use sha2::{Digest as _, Sha256};

use super::base64::{decode, decode_array};
use super::text::{Lines, split_once};
use super::{Error, Reason};
use crate::algorithm::Algorithm;

/// Longest note, in bytes: a checkpoint with 18 signatures of ML-DSA-44 by the longest names.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Longest key name, in bytes: what an ML-DSA-44 cosignature can hold.
pub const NAME_BYTES_MAX: usize = 255;
/// Longest signature after base64: key id, time, ML-DSA-44.
pub(crate) const SIGNATURE_BYTES_MAX: usize = 4 + 8 + 2420;
/// Longest public key after base64: type and ML-DSA-44.
pub const KEY_BYTES_MAX: usize = 1 + 1312;

const SIGNATURE_START: &str = "\u{2014} ";

/// What a key signs, by its type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// Ed25519 over the text.
    Note = 0x01,
    /// Ed25519 over time and checkpoint, `cosignature/v1`.
    CosignatureEd25519 = 0x04,
    /// ML-DSA-44 over time and checkpoint, `subtree/v1`.
    CosignatureMlDsa44 = 0x06,
}

impl KeyType {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Note),
            0x04 => Some(Self::CosignatureEd25519),
            0x06 => Some(Self::CosignatureMlDsa44),
            _ => None,
        }
    }

    /// The algorithm of its key.
    #[must_use]
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Note | Self::CosignatureEd25519 => Algorithm::Ed25519,
            Self::CosignatureMlDsa44 => Algorithm::MlDsa44,
        }
    }
}

/// A key that may sign notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    name: &'a str,
    key_type: KeyType,
    public: &'a [u8],
    id: [u8; 4],
}

impl<'a> Key<'a> {
    /// A key of a name; its id follows from both.
    ///
    /// # Errors
    /// [`Reason::KeyName`]; [`Reason::VerifierKey`] for a key of the wrong length, or of an algorithm that
    /// this build does not verify.
    pub fn new(name: &'a str, key_type: KeyType, public: &'a [u8]) -> Result<Self, Reason> {
        if !is_key_name(name) {
            return Err(Reason::KeyName);
        }
        let algorithm = key_type.algorithm();
        if public.len() != algorithm.public_bytes() || !algorithm.is_supported() {
            return Err(Reason::VerifierKey);
        }
        let hash = Sha256::new()
            .chain_update(name.as_bytes())
            .chain_update([b'\n', key_type as u8])
            .chain_update(public)
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = hash.into();
        Ok(Self { name, key_type, public, id: [a, b, c, d] })
    }

    /// Reads a verifier key `name+id+base64`; the key's bytes go to `buffer`, of at most
    /// [`KEY_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// As [`Key::new`]; [`Reason::VerifierKey`] for anything else.
    pub fn parse(text: &'a str, buffer: &'a mut [u8]) -> Result<Self, Reason> {
        let (name, rest) = split_once(text, b'+').ok_or(Reason::VerifierKey)?;
        let (id, key) = split_once(rest, b'+').ok_or(Reason::VerifierKey)?;
        let key = decode(key, buffer).ok_or(Reason::Base64)?;
        let (key_type, public) = key.split_first().ok_or(Reason::VerifierKey)?;
        let key_type = KeyType::from_byte(*key_type).ok_or(Reason::VerifierKey)?;
        let key = Self::new(name, key_type, public)?;
        let mut hex = [0; 8];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(key.id) {
            *pair = [byte >> 4, byte & 15].map(|n| if n < 10 { b'0' + n } else { b'a' + n - 10 });
        }
        if id.as_bytes() == hex { Ok(key) } else { Err(Reason::VerifierKey) }
    }

    /// The key's name.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The public key.
    #[must_use]
    pub const fn public(&self) -> &'a [u8] {
        self.public
    }

    /// First four bytes of the key's hash.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }
}

fn is_key_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control())
}

/// A signed note, taken apart; its signatures are not verified yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    signatures: &'a str,
}

/// A signature line; `signature` is base64 still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignatureLine<'a> {
    pub(super) offset: usize,
    pub(crate) name: &'a str,
    signature: &'a str,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// [`Reason::TooLong`], [`Reason::NotText`], [`Reason::NoteFormat`], [`Reason::KeyName`].
    pub fn parse(note: &'a [u8]) -> Result<Self, Error> {
        let fail = |offset, reason| Error { offset, reason };
        if note.len() > NOTE_BYTES_MAX {
            return Err(fail(NOTE_BYTES_MAX, Reason::TooLong));
        }
        if let Some(offset) = first_control(note) {
            return Err(fail(offset, Reason::NotText));
        }
        let note = core::str::from_utf8(note)
            .map_err(|error| fail(error.valid_up_to(), Reason::NotText))?;
        // The text ends at the last empty line, and keeps its own newline.
        let format = fail(note.len(), Reason::NoteFormat);
        let pairs = note.as_bytes().windows(2);
        let last = pairs.into_iter().rposition(|pair| pair == b"\n\n").ok_or(format)?;
        let (text, signatures) = note.split_at_checked(last + 1).ok_or(format)?;
        let new = Self { text, signatures: signatures.get(1..).ok_or(format)? };
        let mut lines = Lines::new(new.signatures);
        for (offset, line) in &mut lines {
            parse_line(text.len() + 1 + offset, line)?;
        }
        if lines.offset() == 0 || !lines.rest().is_empty() {
            return Err(format);
        }
        Ok(new)
    }

    /// The signed text, with its last newline.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn signatures(&self) -> impl Iterator<Item = SignatureLine<'a>> + use<'a> {
        let start = self.text.len() + 1;
        Lines::new(self.signatures)
            .filter_map(move |(offset, line)| parse_line(start + offset, line).ok())
    }
}

/// Where the first byte is that stands in no note (c2sp.org/signed-note, "Format").
pub(crate) fn first_control(note: &[u8]) -> Option<usize> {
    note.iter().position(|byte| *byte < 0x20 && *byte != b'\n')
}

fn parse_line(offset: usize, line: &str) -> Result<SignatureLine<'_>, Error> {
    let format = Error { offset, reason: Reason::NoteFormat };
    let rest = line.strip_prefix(SIGNATURE_START).ok_or(format)?;
    let (name, signature) = split_once(rest, b' ').ok_or(format)?;
    if !is_key_name(name) {
        return Err(Error { offset, reason: Reason::KeyName });
    }
    // Five bytes, an id and some signature, are eight digits.
    if signature.len() < 8 || signature.bytes().any(|byte| byte == b' ') {
        return Err(format);
    }
    Ok(SignatureLine { offset, name, signature })
}

impl<'a> SignatureLine<'a> {
    /// Whether this line claims to be by `key`: same name, same id.
    pub(super) fn is_by(&self, key: &Key<'_>) -> bool {
        let id = self.signature.get(..8).and_then(|start| {
            // Six bytes, of which the id is the first four; a shorter signature ends in padding.
            let mut bytes = [0; 6];
            let decoded = decode(start, &mut bytes)?;
            decoded.first_chunk().copied()
        });
        self.name == key.name && id == Some(key.id)
    }

    /// The key's id and the signature's bytes.
    pub(crate) fn decode<'b>(&self, buffer: &'b mut [u8; SIGNATURE_BYTES_MAX]) -> Option<&'b [u8]> {
        decode(self.signature, buffer)
    }
}

/// Reads a decimal number without leading zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

/// Reads a hash in base64.
pub(super) fn hash(text: &str) -> Option<crate::Digest> {
    decode_array(text).map(crate::Digest)
}
