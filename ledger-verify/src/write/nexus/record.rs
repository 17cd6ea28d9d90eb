//! Records and bundles, written.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::wallet::{field, field_write};
use crate::cbor::{self, array, unsigned};
use crate::nexus::bundle::MAGIC;
use crate::nexus::record::{ASSET, BYTES_PREFIX, Record, TEXT_PREFIX};
use crate::nexus::register::object::Type;
use crate::registers::Value;
use crate::registers::wire::put_register;

fn cbor_of(record: &Record) -> Vec<u8> {
    let mut cbor = Vec::new();
    put_register(&mut cbor, &record.name, &record.value);
    cbor
}

/// The data of a READONLY or RAW register, filled up with zeros to `length` bytes.
#[must_use]
pub fn record_bytes(record: &Record, length: usize) -> Vec<u8> {
    let mut data = [BYTES_PREFIX, &cbor_of(record)].concat();
    data.resize(data.len().max(length), 0);
    data
}

/// The text of a `readonly` or `raw` asset, as it is given to the wallet.
#[must_use]
pub fn record_text(record: &Record) -> String {
    let digits = cbor_of(record).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    String::from_utf8_lossy(TEXT_PREFIX).into_owned() + &digits
}

/// The data of the register that the wallet makes of an asset's text, filled up with zeros to `length`
/// bytes of text.
#[must_use]
pub fn asset(text: &str, length: usize) -> Vec<u8> {
    let mut text = text.as_bytes().to_vec();
    text.resize(text.len().max(length), 0);
    let (head, used) = crate::nexus::compact(text.len());
    [ASSET, head.get(..used).unwrap_or(&[]), &text].concat()
}

/// A field of an object, as it is given to the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordField {
    /// Its name.
    pub name: &'static str,
    /// Whether it may change.
    pub is_mutable: bool,
    /// Its type.
    pub kind: Type,
    /// Its value as the ledger stores it: numbers with the lowest byte first.
    pub value: Vec<u8>,
}

/// A record's fields in an object.
#[must_use]
pub fn record_fields(record: &Record) -> Vec<RecordField> {
    let field = |name, is_mutable, kind, value| RecordField { name, is_mutable, kind, value };
    let text = |name, text: &str| field(name, false, Type::String, text.as_bytes().to_vec());
    let number = |name, is_mutable, number: u64| {
        field(name, is_mutable, Type::U64, number.to_le_bytes().to_vec())
    };
    let digest = |name, is_mutable, digest: &crate::Digest| {
        field(name, is_mutable, Type::U256, digest.0.iter().rev().copied().collect())
    };
    let name = text("register", record.name.as_str());
    match &record.value {
        Value::Release(release) => std::vec![
            text("cairn", "release/1"),
            name,
            text("release", &release.version.to_string()),
            text("platform", release.platform.as_str()),
            field("hash", false, Type::U8, std::vec![release.hash.number()]),
            digest("digest", false, &release.digest),
            number("size", false, release.size_bytes),
            number("capabilities", false, release.capabilities),
        ],
        Value::Pointer { root, generation } => std::vec![
            text("cairn", "pointer/1"),
            name,
            digest("root", true, root),
            number("generation", true, *generation),
        ],
        Value::List { .. } | Value::Policy(_) => Vec::new(),
    }
}

/// The data of an OBJECT register.
#[must_use]
pub fn record_object(record: &Record) -> Vec<u8> {
    let put = |f: &RecordField| field(f.name, f.is_mutable, f.kind, &f.value);
    record_fields(record).iter().flat_map(put).collect()
}

/// The writes that give a pointer in an OBJECT register its next value.
#[must_use]
pub fn pointer_write(record: &Record) -> Vec<u8> {
    let fields = record_fields(record).into_iter().filter(|field| field.is_mutable);
    fields.flat_map(|field| field_write(field.name, field.kind, &field.value)).collect()
}

/// A bundle of transactions in raw form.
#[must_use]
pub fn bundle(transactions: &[Vec<u8>]) -> Vec<u8> {
    let mut bundle = MAGIC.to_vec();
    transactions.iter().for_each(|raw| cbor::bytes(&mut bundle, raw));
    bundle
}

/// The item of a bundle that says which block a transaction is in.
#[must_use]
pub fn inclusion(sequence: u32, index: u32, branch: &[[u8; 64]], headers: &[&[u8]]) -> Vec<u8> {
    let mut item = Vec::new();
    array(&mut item, 4);
    unsigned(&mut item, sequence.into());
    unsigned(&mut item, index.into());
    cbor::bytes(&mut item, branch.as_flattened());
    array(&mut item, headers.len());
    headers.iter().for_each(|header| cbor::bytes(&mut item, header));
    let mut framed = Vec::new();
    cbor::bytes(&mut framed, &item);
    framed
}
