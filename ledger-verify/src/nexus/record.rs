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
use crate::registers::wire::{POINTER, RELEASE};
use crate::registers::{HashKind, Name, POLICY, Release, Text, Value, Version};

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
    #[inline(never)]
    pub fn of(state: &State<'_>) -> Option<Self> {
        let mut decoded = [0; RECORD_BYTES_MAX];
        let source = match (state.kind, state.data.strip_prefix(BYTES_PREFIX)) {
            (Kind::Append, _) => return None,
            (Kind::Object, _) => Source::Object(Object::parse(state.data).ok()?),
            (_, Some(cbor)) => Source::Items(Reader::new(cbor)),
            (_, None) => Source::Items(Reader::new(from_asset(state.data, &mut decoded)?)),
        };
        let mut fields = Fields { source, may_change: false, is_complete: true };
        let record = fields.record(state.kind);
        fields.is_complete.then_some(record)
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

/// What the fields of a record are read from.
enum Source<'a> {
    /// A CBOR array, whose items come in order; then zeros, because a RAW register keeps its length.
    Items(Reader<'a>),
    /// An object, whose fields have names.
    Object(Object<'a>),
}

/// The fields of a record. One that is not there, or is not what a record has there, reads as nothing;
/// `is_complete` tells.
struct Fields<'a> {
    source: Source<'a>,
    /// Whether a write may change what is read now.
    may_change: bool,
    is_complete: bool,
}

/// What an object's field `cairn` says.
const KINDS: [&str; 2] = ["release/1", "pointer/1"];

impl<'a> Fields<'a> {
    /// The record in a register of type `kind`.
    fn record(&mut self, kind: Kind) -> Record {
        let length = match &mut self.source {
            Source::Items(reader) => reader.array(4, 8).unwrap_or(0),
            Source::Object(_) => 0,
        };
        let name: Name = self.text("register");
        self.expect(name.as_bytes() != POLICY.as_bytes());
        let is_release = self.is_release(length);
        self.expect(kind != if is_release { Kind::Raw } else { Kind::ReadOnly });
        self.may_change = !is_release;
        let value = if is_release {
            Value::Release(Release {
                version: self.version("release"),
                platform: self.text("platform"),
                hash: self.hash("hash"),
                digest: self.digest("digest"),
                size_bytes: self.number("size"),
                capabilities: self.number("capabilities"),
            })
        } else {
            Value::Pointer { root: self.digest("root"), generation: self.number("generation") }
        };
        if let Source::Items(reader) = &self.source {
            self.is_complete &= is_padding(reader.rest());
        }
        Record { name, value }
    }

    fn expect(&mut self, is_so: bool) {
        self.is_complete &= is_so;
    }

    /// What was read, or nothing.
    fn need<T>(&mut self, read: Option<T>, nothing: T) -> T {
        self.expect(read.is_some());
        read.unwrap_or(nothing)
    }

    /// Whether it is a release, and not a pointer; `length` is that of the array.
    fn is_release(&mut self, length: usize) -> bool {
        let is_release = match &mut self.source {
            Source::Items(reader) => match (reader.unsigned(), length) {
                (Ok(RELEASE), 8) => Some(true),
                (Ok(POINTER), 4) => Some(false),
                _ => None,
            },
            Source::Object(_) => {
                let kind = self.bytes("cairn", Type::String, 0);
                KINDS.into_iter().position(|known| known.as_bytes() == kind).map(|kind| kind == 0)
            }
        };
        self.need(is_release, false)
    }

    #[inline(never)]
    fn field(object: &Object<'a>, name: &str, may_change: bool) -> Option<Field<'a>> {
        object.field(name).filter(|field| !field.is_mutable || may_change)
    }

    /// Text of at most `max` bytes, or `max` bytes of a digest. What is longer in an object is refused by who
    /// asks.
    #[inline(never)]
    fn bytes(&mut self, name: &str, kind: Type, max: usize) -> &'a [u8] {
        let bytes = match &mut self.source {
            Source::Items(reader) if kind == Type::String => reader.text_bytes(1, max).ok(),
            Source::Items(reader) => reader.bytes(max, max).ok(),
            Source::Object(object) => Self::field(object, name, self.may_change)
                .filter(|field| field.kind == kind)
                .map(|field| field.value),
        };
        self.need(bytes, &[])
    }

    #[inline(never)]
    fn text<const N: usize>(&mut self, name: &str) -> Text<N> {
        let text = Text::from_bytes(self.bytes(name, Type::String, N));
        self.need(text, Text::EMPTY)
    }

    #[inline(never)]
    fn number(&mut self, name: &str) -> u64 {
        let number = match &mut self.source {
            Source::Items(reader) => reader.unsigned().ok(),
            Source::Object(object) => {
                Self::field(object, name, self.may_change).and_then(|field| field.number())
            }
        };
        self.need(number, 0)
    }

    /// A digest in a 256-bit number is the one whose digits the wallet prints as those of the digest.
    #[inline(never)]
    fn digest(&mut self, name: &str) -> Digest {
        let bytes = self.bytes(name, Type::U256, Digest::BYTES);
        let mut digest = Digest::ZERO;
        let is_number = matches!(self.source, Source::Object(_));
        for (place, index) in digest.0.iter_mut().zip(0..) {
            let index = if is_number { Digest::BYTES - 1 - index } else { index };
            *place = bytes.get(index).copied().unwrap_or(0);
        }
        digest
    }

    fn hash(&mut self, name: &str) -> HashKind {
        let hash = HashKind::from_number(self.number(name));
        self.need(hash, HashKind::Blake3)
    }

    fn version(&mut self, name: &str) -> Version {
        let Source::Items(reader) = &mut self.source else {
            let version = version(self.bytes(name, Type::String, 0));
            return self.need(version, Version([0; 3]));
        };
        let is_array = reader.array_of(3).is_ok();
        self.expect(is_array);
        Version([(); 3].map(|()| self.part()))
    }

    #[inline(never)]
    fn part(&mut self) -> u32 {
        let part = u32::try_from(self.number("")).ok();
        self.need(part, 0)
    }
}

/// A version as it prints: `1.2.3`, no part with a needless zero in front.
#[inline(never)]
fn version(text: &[u8]) -> Option<Version> {
    let mut version = Version([0; 3]);
    let mut parts = version.0.iter_mut();
    let (mut part, mut is_empty) = (parts.next()?, true);
    for byte in text {
        match byte {
            b'.' if !is_empty => (part, is_empty) = (parts.next()?, true),
            b'0'..=b'9' if is_empty || *part != 0 => {
                *part = part.checked_mul(10)?.checked_add((byte - b'0').into())?;
                is_empty = false;
            }
            _ => return None,
        }
    }
    (!is_empty && parts.next().is_none()).then_some(version)
}
