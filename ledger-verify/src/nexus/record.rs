//! Cairn's registers inside Nexus registers: `docs/nexus.md`, "Records".
//!
//! A record is a release or a pointer, as [`crate::registers`] has them. A release stands where it
//! cannot change, a pointer where it can; nothing else that a register holds is a record.

use super::register::object::{Field, Object, Type};
use super::register::{Kind, State};
use super::wire;
use crate::Digest;
use crate::cbor::Reader;
use crate::digest::read_hex;
use crate::registers::wire::read_register;
use crate::registers::{HashKind, Name, Platform, Release, Value, Version};

/// Stands before the record's CBOR in a READONLY or RAW register.
pub const BYTES_PREFIX: &[u8] = b"cairn1";
/// Stands before the record's CBOR in hexadecimal, in the text of an asset.
pub const TEXT_PREFIX: &[u8] = b"cairn1:";
/// What the wallet puts before the text of an asset: its user type, ASSET.
pub const ASSET: &[u8] = &[3, 0];
/// Longest CBOR of a record: a release with the longest names has 181 bytes.
pub const RECORD_BYTES_MAX: usize = 192;

/// A register of Cairn's, found in one of Nexus's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name, for example `volume/demo`.
    pub name: Name,
    /// A release or a pointer.
    pub value: Value,
}

impl Record {
    /// The record in a register's state, if it is one.
    #[must_use]
    pub fn of(state: &State<'_>) -> Option<Self> {
        match state.kind {
            Kind::ReadOnly | Kind::Raw => Self::in_bytes(state),
            Kind::Object => Self::in_object(Object::parse(state.data).ok()?),
            Kind::Append => None,
        }
    }

    /// CBOR behind a prefix or in the text of an asset, then zeros: a RAW register keeps its length.
    fn in_bytes(state: &State<'_>) -> Option<Self> {
        let mut decoded = [0; RECORD_BYTES_MAX];
        let cbor = match state.data.strip_prefix(BYTES_PREFIX) {
            Some(cbor) => cbor,
            None => from_asset(state.data, &mut decoded)?,
        };
        let mut reader = Reader::new(cbor);
        let (name, value) = read_register(&mut reader).ok()?;
        let stands = match value {
            Value::Release(_) => state.kind == Kind::ReadOnly,
            Value::Pointer { .. } => state.kind == Kind::Raw,
            Value::List { .. } | Value::Policy(_) => false,
        };
        (stands && is_padding(cbor.get(reader.offset()..)?)).then_some(Self { name, value })
    }

    fn in_object(object: Object<'_>) -> Option<Self> {
        let mut fields = Fields { object, is_complete: true };
        let name = Name::new(fields.text("register"))?;
        let value = match fields.text("cairn") {
            "pointer/1" => Value::Pointer {
                root: fields.digest("root"),
                generation: fields.number("generation"),
            },
            "release/1" => Value::Release(Release {
                version: version(fields.text("release"))?,
                platform: Platform::new(fields.text("platform"))?,
                hash: HashKind::from_number(fields.number("hash"))?,
                digest: fields.digest("digest"),
                size_bytes: fields.number("size"),
                capabilities: fields.number("capabilities"),
            }),
            _ => return None,
        };
        fields.is_complete.then_some(Self { name, value })
    }
}

#[inline(never)]
fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What stands in hexadecimal in the text of an asset; zeros may follow.
#[inline(never)]
fn from_asset<'a>(data: &[u8], decoded: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut reader = wire::Reader::new(data.strip_prefix(ASSET)?);
    let text = reader.bytes(super::register::DATA_BYTES_MAX);
    reader.end();
    let text = reader.finish(text).ok()?.strip_prefix(TEXT_PREFIX)?;
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let (digits, padding) = text.split_at_checked(end)?;
    let decoded = decoded.get_mut(..digits.len() / 2)?;
    read_hex(digits, decoded)?;
    is_padding(padding).then_some(decoded)
}

/// The fields of a record. One that is not there, or is not what a record has there, reads as nothing;
/// `is_complete` tells.
struct Fields<'a> {
    object: Object<'a>,
    is_complete: bool,
}

/// Fields that a write may change.
const MUTABLE: [&str; 2] = ["root", "generation"];

impl<'a> Fields<'a> {
    #[inline(never)]
    fn field(&mut self, name: &str) -> Option<Field<'a>> {
        self.object.field(name).filter(|field| !field.is_mutable || MUTABLE.contains(&name))
    }

    #[inline(never)]
    fn text(&mut self, name: &str) -> &'a str {
        let field = self.field(name).filter(|field| field.kind == Type::String);
        let text = field.and_then(|field| core::str::from_utf8(field.value).ok());
        self.is_complete &= text.is_some();
        text.unwrap_or_default()
    }

    #[inline(never)]
    fn number(&mut self, name: &str) -> u64 {
        let number = self.field(name).and_then(|field| field.number());
        self.is_complete &= number.is_some();
        number.unwrap_or_default()
    }

    /// A digest in a 256-bit number: the one whose digits the wallet prints as those of the digest.
    #[inline(never)]
    fn digest(&mut self, name: &str) -> Digest {
        let field = self.field(name).filter(|field| field.kind == Type::U256);
        self.is_complete &= field.is_some();
        let mut digest = Digest::ZERO;
        let bytes = field.map_or(&[][..], |field| field.value);
        for (index, place) in digest.0.iter_mut().enumerate() {
            *place = bytes.get(Digest::BYTES - 1 - index).copied().unwrap_or(0);
        }
        digest
    }
}

/// A version as it prints: `1.2.3`, no part with a needless zero in front.
#[inline(never)]
fn version(text: &str) -> Option<Version> {
    // Of bytes, because the `split` of `str` links a panic.
    let mut parts = text.as_bytes().split(|byte| *byte == b'.');
    let mut version = Version([0; 3]);
    for part in &mut version.0 {
        *part = decimal(parts.next()?)?;
    }
    parts.next().is_none().then_some(version)
}

#[inline(never)]
fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 1 && digits.starts_with(b"0") {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
