//! Cairn's registers inside Nexus registers: `docs/nexus.md`, "Records".
//!
//! A record is a release or a pointer, as [`crate::registers`] has them. A release stands where it
//! cannot change, a pointer where it can; nothing else that a register holds is a record.

use super::register::object::{Field, Object, Type};
use super::register::{Kind, State};
use super::wire;
use crate::Digest;
use crate::cbor::Reader;
use crate::digest::hex_digit;
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
        let record = match state.kind {
            Kind::ReadOnly | Kind::Raw => Self::in_bytes(state.data)?,
            Kind::Object => Self::in_object(&Object::parse(state.data).ok()?)?,
            Kind::Append => return None,
        };
        let stands = match record.value {
            // Fields of a release were checked to be constant.
            Value::Release(_) => state.kind != Kind::Raw,
            Value::Pointer { .. } => state.kind != Kind::ReadOnly,
            Value::List { .. } | Value::Policy(_) => false,
        };
        stands.then_some(record)
    }

    fn in_bytes(data: &[u8]) -> Option<Self> {
        if let Some(cbor) = data.strip_prefix(BYTES_PREFIX) {
            return Self::in_cbor(cbor);
        }
        let mut reader = wire::Reader::new(data.strip_prefix(ASSET)?);
        let text = reader.bytes(super::register::DATA_BYTES_MAX).ok()?;
        reader.end().ok()?;
        let mut cbor = [0; RECORD_BYTES_MAX];
        let length = read_hex(text.strip_prefix(TEXT_PREFIX)?, &mut cbor)?;
        Self::in_cbor(cbor.get(..length)?)
    }

    /// A record, then zeros: a RAW register keeps its length.
    fn in_cbor(data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        let (name, value) = read_register(&mut reader).ok()?;
        let padding = data.get(reader.offset()..)?;
        padding.iter().all(|byte| *byte == 0).then_some(Self { name, value })
    }

    fn in_object(object: &Object<'_>) -> Option<Self> {
        let name = Name::new(text(&constant(object, "register")?)?)?;
        let value = match text(&constant(object, "cairn")?)? {
            "pointer/1" => Value::Pointer {
                root: digest(&object.field("root")?)?,
                generation: object.field("generation")?.number()?,
            },
            "release/1" => Value::Release(Release {
                version: version(text(&constant(object, "release")?)?)?,
                platform: Platform::new(text(&constant(object, "platform")?)?)?,
                hash: HashKind::from_number(constant(object, "hash")?.number()?)?,
                digest: digest(&constant(object, "digest")?)?,
                size_bytes: constant(object, "size")?.number()?,
                capabilities: constant(object, "capabilities")?.number()?,
            }),
            _ => return None,
        };
        Some(Self { name, value })
    }
}

/// Hexadecimal digits, then zeros, into `bytes`; how many bytes there are.
fn read_hex(text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let digits = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let (digits, padding) = text.split_at_checked(digits)?;
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    let places = bytes.get_mut(..pairs.len())?;
    for (place, [high, low]) in places.iter_mut().zip(pairs) {
        *place = (hex_digit(*high)? << 4) | hex_digit(*low)?;
    }
    Some(pairs.len())
}

fn constant<'a>(object: &Object<'a>, name: &str) -> Option<Field<'a>> {
    object.field(name).filter(|field| !field.is_mutable)
}

fn text<'a>(field: &Field<'a>) -> Option<&'a str> {
    let is_text = field.kind == Type::String;
    core::str::from_utf8(field.value).ok().filter(|_| is_text)
}

/// A digest in a 256-bit number: the one whose digits the wallet prints as those of the digest.
fn digest(field: &Field<'_>) -> Option<Digest> {
    let mut bytes: [u8; 32] = field.value.try_into().ok()?;
    bytes.reverse();
    (field.kind == Type::U256).then_some(Digest(bytes))
}

/// A version as it prints: `1.2.3`, no part with a needless zero in front.
fn version(text: &str) -> Option<Version> {
    // Of bytes, because the `split` of `str` links a panic.
    let mut parts = text.as_bytes().split(|byte| *byte == b'.');
    let mut part = || {
        let digits = core::str::from_utf8(parts.next()?).ok()?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_short = digits == "0" || !digits.starts_with('0');
        digits.parse::<u32>().ok().filter(|_| is_plain && is_short)
    };
    let version = Version([part()?, part()?, part()?]);
    parts.next().is_none().then_some(version)
}
