//! Checks a whole log: the tree is built anew from the entries, and every tile, every bundle and the
//! root have to be those that are there. Needs memory for one bundle.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_verify::Digest;
use ledger_verify::write::log::{Appender, TILE_WIDTH};

use super::publish::unreadable;
use super::reader::{Reader, trust};
use crate::{Error, Output};

/// What was checked.
pub(super) struct Checked {
    pub(super) files: u64,
    pub(super) checkpoints: usize,
}

/// Checks the log, and that each checkpoint in `earlier`, signed by it, is of an earlier state.
pub(super) fn verify(
    reader: &Reader,
    earlier: &[PathBuf],
    output: &Output,
) -> Result<Checked, Error> {
    let head = reader.head()?;
    let earlier: Vec<_> =
        earlier.iter().map(|path| Earlier::read(reader, path)).collect::<Result<_, _>>()?;
    let mut tree = reader.tree(head.size);
    let mut log = Appender::new();
    let mut files = 0;
    let mut forked = None;
    let mut compare = |log: &Appender| {
        let other = |old: &&Earlier| old.size == log.size() && old.root != log.root();
        forked = forked.or(earlier.iter().find(other));
    };
    compare(&log);
    let mut progress = output.progress("checking", head.size);
    for bundle in 0..head.size.div_ceil(TILE_WIDTH) {
        for entry in tree.bundle(bundle).map_err(unreadable)? {
            for (path, bytes) in log.append(&entry).unwrap_or_default() {
                same(reader, &path, &bytes)?;
                files += 1;
            }
            compare(&log);
            progress.advance(1);
        }
    }
    for (path, bytes) in log.partial_files() {
        same(reader, &path, &bytes)?;
        files += 1;
    }
    if log.root() != head.root {
        let message = "the entries lead to another root than the checkpoint's";
        return Err(Error::Refused(message.into()));
    }
    // Only now is it known that the log's own entries differ.
    if let Some(Earlier { path, size, .. }) = forked {
        let new = head.size;
        return Err(Error::Refused(format!(
            "{}: its {size} entries are not the first of the log's {new}: a fork, which both \
             checkpoints prove",
            path.display()
        )));
    }
    Ok(Checked { files, checkpoints: earlier.len() })
}

/// A checkpoint that somebody kept.
struct Earlier<'a> {
    path: &'a Path,
    size: u64,
    root: Digest,
}

impl<'a> Earlier<'a> {
    /// Reads one that this log signed, of no more entries than it has.
    fn read(reader: &Reader, path: &'a Path) -> Result<Self, Error> {
        let note = fs::read_to_string(path).map_err(Error::io(path))?;
        let refused = |what: String| Error::Refused(format!("{}: {what}", path.display()));
        // Its witnesses may have been others.
        let mut policy = reader.policy.clone();
        policy.wanted = 0;
        let (old, _) = trust(&policy, &note).map_err(|error| refused(error.to_string()))?;
        let (size, now) = (old.size, reader.head()?.size);
        if size > now {
            let place = reader.store.place("");
            return Err(refused(format!("of {size} entries; {place} has {now}: an old copy?")));
        }
        Ok(Self { path, size, root: old.root })
    }
}

fn same(reader: &Reader, path: &str, bytes: &[u8]) -> Result<(), Error> {
    // The entries are what was read from bundles in the first place.
    if path.starts_with("tile/entries/") || reader.store.get(path)? == bytes {
        return Ok(());
    }
    let place = reader.store.place(path);
    Err(Error::Refused(format!("{place}: is not what the entries lead to")))
}
