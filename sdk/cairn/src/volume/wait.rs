//! Making an image for a Nexus user to vouch for.

use std::fmt;

use ledger_verify::Digest;
use ledger_verify::nexus::Genesis;
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::object::Type;
use ledger_verify::registers::{Name, Value};
use ledger_verify::write::nexus::{RecordField, record_fields, record_text};
use serde::Serialize;
use volume::chain::{CHAIN_BLOCKS_MAX, capacity_bytes};
use volume::write::Identity;

use super::build::{Request, check_places, name, refused, write_files};
use super::scan::scan;
use crate::chain::{persist, register_of, temporary_beside};
use crate::{Error, Output};

/// A volume that waits for a chain to vouch for it.
#[derive(Serialize)]
pub(super) struct Waiting {
    name: String,
    generation: u64,
    root: String,
    genesis: String,
    /// The text of a `raw` asset that vouches for it.
    asset: String,
    /// The fields of an object that vouches for it.
    fields: Vec<AssetField>,
}

/// A field of an object, as the wallet takes it.
#[derive(Serialize)]
struct AssetField {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
    mutable: bool,
}

impl AssetField {
    fn of(field: &RecordField) -> Self {
        let hex = || field.value.iter().rev().map(|byte| format!("{byte:02x}")).collect();
        let number = || field.value.iter().rev().fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
        let (kind, value) = match field.kind {
            Type::U8 => ("uint8", number().to_string()),
            Type::U256 => ("uint256", hex()),
            Type::String => ("string", String::from_utf8_lossy(&field.value).into_owned()),
            _ => ("uint64", number().to_string()),
        };
        Self { name: field.name, kind, value, mutable: field.is_mutable }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, generation, root, genesis, asset, fields } = self;
        writeln!(f, "volume {name}, generation {generation}, root {root}")?;
        writeln!(f, "waits for the chain of {genesis} to say either, as a raw asset")?;
        writeln!(f, "    {asset}")?;
        write!(f, "or in fields of an object")?;
        for AssetField { name, kind, value, mutable } in fields {
            let mutable = if *mutable { ", mutable" } else { "" };
            write!(f, "\n    {name} ({kind}{mutable}): {value}")?;
        }
        Ok(())
    }
}

/// Builds an image without a chain, for a Nexus user to vouch for.
pub(super) fn wait(
    request: &Request<'_>,
    genesis: &str,
    generation: u64,
    output: &Output,
) -> Result<Waiting, Error> {
    check_places(request)?;
    let name = name(request)?;
    let genesis = Genesis::from_hex(genesis)
        .ok_or_else(|| Error::Usage(format!("{genesis}: not 64 hex digits")))?;
    let files = scan(request.dir)?;
    let mut temporary = temporary_beside(request.out, 0o666)?;
    let identity = Identity { name: &name, generation, chain_id: Digest(genesis.0) };
    // Room for the longest bundle: where files lie is part of what the chain vouches for.
    let bundle_bytes = capacity_bytes(CHAIN_BLOCKS_MAX);
    let superblock = write_files(temporary.as_file_mut(), &files, bundle_bytes, identity, output)
        .map_err(|error| refused(request.out, error))?;
    persist(temporary, request.out)?;
    let root = superblock.root();
    let register = Name::new(&register_of(&name))
        .ok_or_else(|| Error::Usage(format!("{name}: no register of this name")))?;
    let record = Record { name: register, value: Value::Pointer { root, generation } };
    Ok(Waiting {
        generation,
        root: root.to_string(),
        genesis: genesis.to_string(),
        asset: record_text(&record),
        fields: record_fields(&record).iter().map(AssetField::of).collect(),
        name,
    })
}
