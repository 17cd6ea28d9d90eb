//! Releases on the command line.

use std::fs;
use std::path::Path;

use ledger_verify::Digest;
use ledger_verify::registers::{
    HashKind, PLATFORM_BYTES_MAX, Platform, Release, Version, Write, WriteValue,
};

use super::NamedFile;
use crate::Error;

/// The write of `NAME=FILE,VERSION,PLATFORM`: measures the file.
pub(super) fn write(argument: &str) -> Result<Write, Error> {
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
    let release = Release { version, platform, hash, digest, size_bytes, capabilities: 0 };
    Ok(Write { name, value: WriteValue::Release(release) })
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
