//! Checks a whole log: the tree is built anew from the entries, and every tile, every bundle and the
//! root have to be those that are there. Needs memory for one bundle.

use std::fs;
use std::path::PathBuf;

use ledger_verify::log::tree::verify_consistency;
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
    let mut tree = reader.tree(head.size);
    let mut log = Appender::new();
    let mut files = 0;
    let mut progress = output.progress("checking", head.size);
    for bundle in 0..head.size.div_ceil(TILE_WIDTH) {
        for entry in tree.bundle(bundle).map_err(unreadable)? {
            for (path, bytes) in log.append(&entry).unwrap_or_default() {
                same(reader, &path, &bytes)?;
                files += 1;
            }
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
    for path in earlier {
        let note = fs::read_to_string(path).map_err(Error::io(path))?;
        let refused = |what: String| Error::Refused(format!("{}: {what}", path.display()));
        // Its witnesses may have been others.
        let mut policy = reader.policy.clone();
        policy.wanted = 0;
        let (old, _) = trust(&policy, &note).map_err(|error| refused(error.to_string()))?;
        let proof = tree.consistency(old.size).map_err(unreadable)?.unwrap_or_default();
        let is_earlier = old.size == 0
            || verify_consistency(old.size, head.size, &old.root, &head.root, proof).is_ok();
        if !is_earlier {
            let (old, new) = (old.size, head.size);
            return Err(refused(format!(
                "its {old} entries are not the first of the log's {new}: a fork, which both \
                 checkpoints prove"
            )));
        }
    }
    Ok(Checked { files, checkpoints: earlier.len() })
}

fn same(reader: &Reader, path: &str, bytes: &[u8]) -> Result<(), Error> {
    // The entries are what was read from bundles in the first place.
    if path.starts_with("tile/entries/") || reader.store.get(path)? == bytes {
        return Ok(());
    }
    let place = reader.store.place(path);
    Err(Error::Refused(format!("{place}: is not what the entries lead to")))
}
