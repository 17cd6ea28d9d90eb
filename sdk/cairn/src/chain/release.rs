//! Releases on the command line.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use ledger_verify::Digest;
use ledger_verify::registers::{
    HashKind, Name, PLATFORM_BYTES_MAX, Platform, Release, Version, Write, WriteValue,
};

use super::NamedFile;
use crate::Error;

/// `NAME=BITS` on the command line: what a binary needs.
#[derive(Debug, Clone)]
pub(super) struct Capabilities {
    name: Name,
    bits: u64,
}

impl FromStr for Capabilities {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(name, number)| {
            let bits = match number.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16),
                None => number.parse(),
            };
            Some(Self { name: Name::new(name)?, bits: bits.ok()? })
        });
        parts.ok_or(format!("{text}: not NAME=BITS with a number such as 5 or 0x5"))
    }
}

/// The writes of all releases, each with the capabilities that are given under its name.
pub(super) fn writes(
    releases: &[String],
    capabilities: &[Capabilities],
) -> Result<Vec<Write>, Error> {
    let releases = releases.iter().map(|argument| release(argument));
    let mut releases = releases.collect::<Result<Vec<_>, Error>>()?;
    for Capabilities { name, bits } in capabilities {
        let found = releases.iter_mut().find(|(released, _)| released == name);
        let (_, release) =
            found.ok_or_else(|| Error::Usage(format!("no --release of {name} in this event")))?;
        release.capabilities |= bits;
    }
    let write = |(name, release)| Write { name, value: WriteValue::Release(release) };
    Ok(releases.into_iter().map(write).collect())
}

/// `NAME=FILE,VERSION,PLATFORM`: measures the file.
fn release(argument: &str) -> Result<(Name, Release), Error> {
    let usage = |what: &str| Error::Usage(format!("{argument}: {what}"));
    let parts = argument.rsplit_once(',').and_then(|(rest, platform)| {
        let (file, version) = rest.rsplit_once(',')?;
        Some((file, version, platform))
    });
    let (file, version, platform) = parts.ok_or(usage("not NAME=FILE,VERSION,PLATFORM"))?;
    let NamedFile { name, path } = file.parse().map_err(|what: String| Error::Usage(what))?;
    let version = parse_version(version).ok_or(usage("not a version such as 1.2.3"))?;
    let platform = Platform::new(platform).ok_or_else(|| {
        usage(&format!("a platform has 1 to {PLATFORM_BYTES_MAX} printable characters"))
    })?;
    let (digest, size_bytes) = measure(&path)?;
    let hash = HashKind::Blake3;
    Ok((name, Release { version, platform, hash, digest, size_bytes, capabilities: 0 }))
}

fn parse_version(text: &str) -> Option<Version> {
    let mut version = [0; 3];
    let mut parts = text.split('.');
    for place in &mut version {
        *place = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(Version(version))
}

/// BLAKE3 and size of a file.
fn measure(path: &Path) -> Result<(Digest, u64), Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    Ok((Digest(*blake3::hash(&bytes).as_bytes()), bytes.len() as u64))
}
