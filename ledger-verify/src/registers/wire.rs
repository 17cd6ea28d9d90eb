//! Register writes as they stand in an event: `docs/ledger.md`, rule `write`.

use super::{HashKind, NAME_BYTES_MAX, Name, PLATFORM_BYTES_MAX, Platform, Release, Rule, Value};
use super::{Version, WRITES_MAX};
use crate::cbor::{Error, Problem, Reader, Sink, array, bytes, text, unsigned};
use crate::digest::Digest;

const RELEASE: u64 = 1;
const POINTER: u64 = 2;
const LIST: u64 = 3;

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
            let write = read_write(reader)?;
            if before.is_some_and(|before| before >= write.name) {
                return Err(WireError::Rule { offset, rule: Rule::Order });
            }
            before = Some(write.name);
        }
        Ok(writes)
    }

    /// Offset of the next write in its event.
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

fn read_write(reader: &mut Reader<'_>) -> Result<Write, WireError> {
    let start = reader.offset();
    let fail = |offset, rule| WireError::Rule { offset, rule };
    let fields = reader.array(3, 8)?;
    let offset = reader.offset();
    let name = reader.text(1, NAME_BYTES_MAX)?;
    let name = Name::new(name).ok_or(fail(offset, Rule::Name))?;
    let offset = reader.offset();
    let value = match (reader.unsigned()?, fields) {
        (RELEASE, 8) => WriteValue::Release(read_release(reader)?),
        (POINTER, 4) => {
            let root = Digest(*reader.byte_array()?);
            WriteValue::Pointer { root, generation: reader.unsigned()? }
        }
        (LIST, 3) => WriteValue::Append(Digest(*reader.byte_array()?)),
        (RELEASE | POINTER | LIST, _) => {
            return Err(Error { offset: start, problem: Problem::OutOfRange }.into());
        }
        _ => return Err(fail(offset, Rule::Kind)),
    };
    Ok(Write { name, value })
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
        digest: Digest(*reader.byte_array()?),
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
    }
}

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

fn put_release(sink: &mut impl Sink, name: &Name, release: &Release) {
    put_head(sink, 8, name, RELEASE);
    let Version(version) = release.version;
    array(sink, version.len());
    for part in version {
        unsigned(sink, u64::from(part));
    }
    text(sink, release.platform.as_str());
    unsigned(sink, release.hash as u64);
    bytes(sink, &release.digest.0);
    unsigned(sink, release.size_bytes);
    unsigned(sink, release.capabilities);
}
