//! Register writes as they stand in an event: `docs/ledger.md`, rule `write`.

use super::{HashKind, NAME_BYTES_MAX, Name, PLATFORM_BYTES_MAX, POLICY, Platform, Policy};
use super::{Release, Rule, Value, Version, WRITES_MAX};
use crate::algorithm::Algorithm;
use crate::cbor::{Error, Problem, Reader, Sink, array, bytes, text, unsigned};
use crate::digest::Digest;

pub(crate) const RELEASE: u64 = 1;
pub(crate) const POINTER: u64 = 2;
const LIST: u64 = 3;
const POLICY_KIND: u64 = 4;

/// One register write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// The register.
    pub name: Name,
    /// What is written.
    pub value: WriteValue,
}

/// What is written to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteValue {
    /// The next version of a release.
    Release(Release),
    /// The next value of a pointer.
    Pointer {
        /// What it points to.
        root: Digest,
        /// Must be above the generation it has.
        generation: u64,
    },
    /// One more item of a list.
    Append(Digest),
    /// The policy from now on.
    Policy(Policy),
}

/// Why a write could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireError {
    Encoding(Error),
    Rule { offset: usize, rule: Rule },
}

impl From<Error> for WireError {
    fn from(error: Error) -> Self {
        Self::Encoding(error)
    }
}

/// The writes of one event, whose encoding was checked when the event was parsed.
#[derive(Clone, Debug)]
pub struct Writes<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Writes<'a> {
    /// Reads the array of writes at `reader` and checks the encoding, names and order of all.
    pub(crate) fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let left = reader.array(0, WRITES_MAX)?;
        let writes = Self { reader: reader.clone(), left };
        let mut before = None;
        for _ in 0..left {
            let offset = reader.offset();
            let Write { name, .. } = read_write(reader)?;
            if before.is_some_and(|before| before >= name) {
                return Err(WireError::Rule { offset, rule: Rule::Order });
            }
            before = Some(name);
        }
        Ok(writes)
    }

    pub(crate) const fn none() -> Self {
        Self { reader: Reader::new(&[]), left: 0 }
    }

    /// Offset of the next write in its body.
    pub(crate) fn offset(&self) -> usize {
        self.reader.offset()
    }
}

impl Iterator for Writes<'_> {
    type Item = Write;

    fn next(&mut self) -> Option<Write> {
        self.left = self.left.checked_sub(1)?;
        read_write(&mut self.reader).ok()
    }
}

/// What all registers start with.
struct Head {
    offset: usize,
    fields: usize,
    name: Name,
    kind: u64,
}

#[inline(never)]
fn read_head(reader: &mut Reader<'_>) -> Result<Head, WireError> {
    let fail = |offset, rule| WireError::Rule { offset, rule };
    let start = reader.offset();
    let fields = reader.array(3, 8)?;
    let offset = reader.offset();
    let text = reader.text(1, NAME_BYTES_MAX)?;
    let name = Name::new(text).ok_or(fail(offset, Rule::Name))?;
    let kind_offset = reader.offset();
    let kind = reader.unsigned()?;
    if !(RELEASE..=POLICY_KIND).contains(&kind) {
        return Err(fail(kind_offset, Rule::Kind));
    }
    if (text == POLICY) != (kind == POLICY_KIND) {
        return Err(fail(offset, Rule::Name));
    }
    Ok(Head { offset: start, fields, name, kind })
}

impl Head {
    fn wrong_length(&self) -> WireError {
        Error { offset: self.offset, problem: Problem::OutOfRange }.into()
    }
}

fn read_write(reader: &mut Reader<'_>) -> Result<Write, WireError> {
    let head = read_head(reader)?;
    let value = match (head.kind, head.fields) {
        (RELEASE, 8) => WriteValue::Release(read_release(reader)?),
        (POINTER, 4) => {
            let (root, generation) = read_pointer(reader)?;
            WriteValue::Pointer { root, generation }
        }
        (LIST, 3) => WriteValue::Append(Digest::read(reader)?),
        (POLICY_KIND, 4) => WriteValue::Policy(read_policy(reader)?),
        _ => return Err(head.wrong_length()),
    };
    Ok(Write { name: head.name, value })
}

/// Reads a register as it stands in the state.
pub(crate) fn read_register(reader: &mut Reader<'_>) -> Result<(Name, Value), WireError> {
    let head = read_head(reader)?;
    let value = match (head.kind, head.fields) {
        (RELEASE, 8) => Value::Release(read_release(reader)?),
        (POINTER, 4) => {
            let (root, generation) = read_pointer(reader)?;
            Value::Pointer { root, generation }
        }
        (LIST, 4) => Value::List { count: reader.unsigned()?, digest: Digest::read(reader)? },
        (POLICY_KIND, 4) => Value::Policy(read_policy(reader)?),
        _ => return Err(head.wrong_length()),
    };
    Ok((head.name, value))
}

fn read_pointer(reader: &mut Reader<'_>) -> Result<(Digest, u64), Error> {
    Ok((Digest::read(reader)?, reader.unsigned()?))
}

fn read_policy(reader: &mut Reader<'_>) -> Result<Policy, WireError> {
    let offset = reader.offset();
    let weakest = Algorithm::from_number(reader.unsigned()?)
        .ok_or(WireError::Rule { offset, rule: Rule::Kind })?;
    Ok(Policy { weakest, age_max_s: reader.unsigned()? })
}

fn read_release(reader: &mut Reader<'_>) -> Result<Release, WireError> {
    reader.array_of(3)?;
    let mut version = [0; 3];
    for part in &mut version {
        let value = reader.unsigned_up_to(u64::from(u32::MAX))?;
        *part = u32::try_from(value).unwrap_or(u32::MAX);
    }
    let offset = reader.offset();
    let platform = reader.text(1, PLATFORM_BYTES_MAX)?;
    let platform =
        Platform::new(platform).ok_or(WireError::Rule { offset, rule: Rule::Platform })?;
    let offset = reader.offset();
    let hash = HashKind::from_number(reader.unsigned()?)
        .ok_or(WireError::Rule { offset, rule: Rule::Kind })?;
    Ok(Release {
        version: Version(version),
        platform,
        hash,
        digest: Digest::read(reader)?,
        size_bytes: reader.unsigned()?,
        capabilities: reader.unsigned()?,
    })
}

/// Writes `register` as it stands in the state: `docs/ledger.md`, rule `register`.
pub(crate) fn put_register(sink: &mut impl Sink, name: &Name, value: &Value) {
    match value {
        Value::Release(release) => put_release(sink, name, release),
        Value::Pointer { root, generation } => put_pointer(sink, name, root, *generation),
        Value::List { count, digest } => {
            put_head(sink, 4, name, LIST);
            unsigned(sink, *count);
            bytes(sink, &digest.0);
        }
        Value::Policy(policy) => put_policy(sink, name, policy),
    }
}

#[cfg(any(test, feature = "write"))]
pub(crate) fn put_write(sink: &mut impl Sink, write: &Write) {
    match &write.value {
        WriteValue::Release(release) => put_release(sink, &write.name, release),
        WriteValue::Pointer { root, generation } => {
            put_pointer(sink, &write.name, root, *generation);
        }
        WriteValue::Append(item) => {
            put_head(sink, 3, &write.name, LIST);
            bytes(sink, &item.0);
        }
        WriteValue::Policy(policy) => put_policy(sink, &write.name, policy),
    }
}

#[inline(never)]
fn put_head(sink: &mut impl Sink, fields: usize, name: &Name, kind: u64) {
    array(sink, fields);
    text(sink, name.as_str());
    unsigned(sink, kind);
}

fn put_pointer(sink: &mut impl Sink, name: &Name, root: &Digest, generation: u64) {
    put_head(sink, 4, name, POINTER);
    bytes(sink, &root.0);
    unsigned(sink, generation);
}

fn put_policy(sink: &mut impl Sink, name: &Name, policy: &Policy) {
    put_head(sink, 4, name, POLICY_KIND);
    unsigned(sink, policy.weakest.number());
    unsigned(sink, policy.age_max_s);
}

fn put_release(sink: &mut impl Sink, name: &Name, release: &Release) {
    put_head(sink, 8, name, RELEASE);
    let Version(version) = release.version;
    array(sink, version.len());
    for part in version {
        unsigned(sink, u64::from(part));
    }
    text(sink, release.platform.as_str());
    unsigned(sink, u64::from(release.hash.number()));
    bytes(sink, &release.digest.0);
    unsigned(sink, release.size_bytes);
    unsigned(sink, release.capabilities);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const DIGEST: Digest = Digest([7; 32]);

    /// An array of a name, a kind and the `rest`.
    fn item(fields: u8, name: &str, kind: u8, rest: &[&[u8]]) -> Vec<u8> {
        let name_head = 0x60 + u8::try_from(name.len()).unwrap();
        [&[0x80 + fields, name_head], name.as_bytes(), &[kind], &rest.concat()].concat()
    }

    fn digest() -> Vec<u8> {
        [&[0x58, 0x20][..], &DIGEST.0].concat()
    }

    fn release(hash: HashKind) -> Release {
        let platform = Platform::new("qemu").unwrap();
        let version = Version([1, 2, 300]);
        Release { version, platform, hash, digest: DIGEST, size_bytes: 256, capabilities: 5 }
    }

    /// The bytes that `docs/ledger.md` has for a release with hash number `hash`.
    fn release_item(hash: u8) -> Vec<u8> {
        let head = [0x83, 1, 2, 0x19, 0x01, 0x2c, 0x64];
        item(8, "nav", 1, &[&head, b"qemu", &[hash], &digest(), &[0x19, 0x01, 0x00, 5]])
    }

    #[test]
    fn writes_are_encoded_as_documented() {
        let policy = Policy { weakest: Algorithm::HybridMlDsa44, age_max_s: 60 };
        let pointer = WriteValue::Pointer { root: DIGEST, generation: 9 };
        for (name, value, expected) in [
            ("nav", WriteValue::Release(release(HashKind::Blake3)), release_item(1)),
            ("nav", WriteValue::Release(release(HashKind::Sha256)), release_item(2)),
            ("v", pointer, item(4, "v", 2, &[&digest(), &[9]])),
            ("log", WriteValue::Append(DIGEST), item(3, "log", 3, &[&digest()])),
            (POLICY, WriteValue::Policy(policy), item(4, POLICY, 4, &[&[3, 0x18, 60]])),
        ] {
            let write = Write { name: Name::new(name).unwrap(), value };
            let mut encoded = Vec::new();
            put_write(&mut encoded, &write);
            assert_eq!(encoded, expected, "{name}");
            assert_eq!(read_write(&mut Reader::new(&encoded)), Ok(write));
        }
    }

    #[test]
    fn registers_are_encoded_as_documented() {
        let policy = Policy { weakest: Algorithm::HybridMlDsa65, age_max_s: 0 };
        let pointer = Value::Pointer { root: DIGEST, generation: 9 };
        let list = Value::List { count: 24, digest: DIGEST };
        for (name, value, expected) in [
            ("nav", Value::Release(release(HashKind::Blake3)), release_item(1)),
            ("nav", Value::Release(release(HashKind::Sha256)), release_item(2)),
            ("v", pointer, item(4, "v", 2, &[&digest(), &[9]])),
            ("log", list, item(4, "log", 3, &[&[0x18, 24], &digest()])),
            (POLICY, Value::Policy(policy), item(4, POLICY, 4, &[&[5, 0]])),
        ] {
            let name = Name::new(name).unwrap();
            let mut encoded = Vec::new();
            put_register(&mut encoded, &name, &value);
            assert_eq!(encoded, expected, "{name}");
            assert_eq!(read_register(&mut Reader::new(&encoded)), Ok((name, value)));
        }
    }
}
