//! Anchors: written for images, read back to check against, never moved backwards.

use std::fs;
use std::path::Path;

use ledger_verify::Digest;
use ledger_verify::chain::{Anchor, Chain};
use ledger_verify::registers::Value;
use protocols::ledger::{ANCHOR_MAGIC, ANCHOR_VERSION, AnchorBlob, AnchorKind};
use zerocopy::{FromBytes, IntoBytes};

use super::ChainFolder;
use super::file::replace;
use crate::Error;

/// Writes the anchor at the chain's end. An anchor of the same chain that is there already is moved
/// forward only.
///
/// # Errors
/// [`Error::Refused`] for a revoked chain, and where the chain contradicts the anchor that is there.
pub(super) fn write_anchor(
    folder: &ChainFolder,
    path: &Path,
    volume: Option<&str>,
) -> Result<(), Error> {
    if folder.proven()?.is_revoked() {
        return Err(Error::Refused("the chain is revoked: no image is to pin it".into()));
    }
    let blob = anchor(folder, volume)?;
    if path.exists()
        && let Ok(old) = read_anchor(path)
        && old.chain.0 == blob.chain
    {
        check_against(folder, old)?;
    }
    replace(path, blob.as_bytes(), 0o644)
}

/// Reads an anchor.
pub(super) fn read_anchor(path: &Path) -> Result<Anchor, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let refused = || Error::Refused(format!("{}: not an anchor", path.display()));
    let blob = AnchorBlob::read_from_bytes(&bytes).map_err(|_| refused())?;
    let is_event = u16::from_le(blob.kind) == AnchorKind::Event.code();
    let is_current = u32::from_le(blob.version) == ANCHOR_VERSION;
    if blob.magic != ANCHOR_MAGIC || !is_current || !is_event {
        return Err(refused());
    }
    Ok(Anchor {
        chain: Digest(blob.chain),
        sequence: u64::from_le(blob.sequence),
        digest: Digest(blob.digest),
    })
}

/// Whether the chain reaches `anchor` and agrees with it.
pub(super) fn check_against(folder: &ChainFolder, anchor: Anchor) -> Result<(), Error> {
    let mut chain = Chain::new(anchor);
    let replayed = chain.replay(folder.events()).and_then(|()| chain.proven().map(|_| ()));
    replayed.map_err(|error| Error::Refused(format!("against the anchor: {error}")))
}

/// The anchor at the chain's head; `docs/volume-format.md`, "Anchor".
fn anchor(folder: &ChainFolder, volume: Option<&str>) -> Result<AnchorBlob, Error> {
    let position = folder.proven()?.anchor();
    let name = match volume {
        Some(name) => Some(name.to_owned()),
        None => only_volume(folder)?,
    };
    let mut blob = AnchorBlob {
        magic: ANCHOR_MAGIC,
        version: ANCHOR_VERSION.to_le(),
        kind: AnchorKind::Event.code().to_le(),
        reserved: 0,
        chain: position.chain.0,
        sequence: position.sequence.to_le(),
        digest: position.digest.0,
        minimum_generation: 0,
        volume: [0; 32],
        digest_rest: [0; 32],
    };
    if let Some(name) = name {
        let Some((generation, _)) = folder.volume(&name)? else {
            return Err(Error::Refused(format!("the chain vouches for no volume {name}")));
        };
        blob.minimum_generation = generation.to_le();
        // A volume of a longer name cannot be built.
        if let Some(place) = blob.volume.get_mut(..name.len()) {
            place.copy_from_slice(name.as_bytes());
        }
    }
    Ok(blob)
}

/// The volume that the chain vouches for, if there is one and no more.
fn only_volume(folder: &ChainFolder) -> Result<Option<String>, Error> {
    let proven = folder.proven()?;
    let mut names = proven.registers().iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("volume/")?;
        matches!(value, Value::Pointer { .. }).then(|| name.to_owned())
    });
    match (names.next(), names.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::Usage(
            "the chain vouches for several volumes: name one with --volume".into(),
        )),
    }
}
