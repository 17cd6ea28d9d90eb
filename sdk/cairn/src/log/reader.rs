//! A log as anybody reads it: a store, and whose signatures its checkpoint needs.

use std::path::Path;

use ledger_verify::log::checkpoint::Checkpoint;
use ledger_verify::log::note::Note;
use ledger_verify::log::tree::{leaf_hash, verify_inclusion};
use ledger_verify::write::log::{TILE_WIDTH, Tree, proof_text};

use super::folder::{LogFolder, head};
use super::policy::Policy;
use super::publish::unreadable;
use super::store::{CHECKPOINT, Store};
use crate::{Error, Output};

/// A store with a checkpoint that the policy trusts.
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) policy: Policy,
    /// The checkpoint, a note.
    pub(super) note: String,
    /// Time of the oldest witness signature.
    pub(super) witnessed_s: Option<u64>,
}

impl Reader {
    /// Opens a log by its private folder or its store. A store alone needs a policy to be believed.
    pub(super) fn open(log: &str, policy: Option<&Path>) -> Result<Self, Error> {
        let policy = policy.map(Policy::read).transpose()?;
        let (store, own) = if LogFolder::is_at(Path::new(log)) {
            let folder = LogFolder::open(Path::new(log))?;
            (folder.store()?, Some(folder.policy()?))
        } else {
            (Store::open(log, Path::new(""))?, None)
        };
        let policy = policy.or(own).ok_or_else(|| {
            Error::Usage(format!("{log}: no log's own folder; a store needs --policy"))
        })?;
        let bytes = store.get(CHECKPOINT)?;
        let note = String::from_utf8(bytes)
            .map_err(|_| Error::Refused(format!("{}: no text", store.place(CHECKPOINT))))?;
        let (_, witnessed_s) = trust(&policy, &note)?;
        Ok(Self { store, policy, note, witnessed_s })
    }

    pub(super) fn head(&self) -> Result<Checkpoint<'_>, Error> {
        head(&self.note)
    }

    /// The tree of `size` entries, from the store's tiles.
    pub(super) fn tree(
        &self,
        size: u64,
    ) -> Tree<impl FnMut(&str) -> Result<Vec<u8>, Error> + use<'_>> {
        Tree::new(size, |path: &str| self.store.get(path))
    }

    /// The newest place of `entry` in the log, found from the end.
    pub(super) fn find(&self, entry: &[u8], output: &Output) -> Result<u64, Error> {
        let size = self.head()?.size;
        let mut tree = self.tree(size);
        let bundles = size.div_ceil(TILE_WIDTH);
        let mut progress = output.progress("searching", bundles);
        for bundle in (0..bundles).rev() {
            let entries = tree.bundle(bundle).map_err(unreadable)?;
            if let Some(place) = entries.iter().rposition(|other| other == entry) {
                return Ok(bundle * TILE_WIDTH + place as u64);
            }
            progress.advance(1);
        }
        Err(Error::Refused(format!("not among the {size} entries of the log")))
    }

    /// Entry `index`.
    ///
    /// # Errors
    /// [`Error::Usage`] if the log has no such entry.
    pub(super) fn entry(&self, index: u64) -> Result<Vec<u8>, Error> {
        let size = self.head()?.size;
        if index >= size {
            let place = self.store.place(CHECKPOINT);
            let numbers = size.checked_sub(1).map_or("none".into(), |last| format!("0 to {last}"));
            let message = format!("there is no entry {index}: {place} has {numbers}");
            return Err(Error::Usage(message));
        }
        let entries = self.tree(size).bundle(index / TILE_WIDTH).map_err(unreadable)?;
        let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        Ok(entries.into_iter().nth(place).unwrap_or_default())
    }

    /// An offline proof of entry `index`, which is `entry`, that is known to hold.
    pub(super) fn prove(&self, index: u64, entry: &[u8]) -> Result<String, Error> {
        let Checkpoint { size, root, .. } = self.head()?;
        let path = self.tree(size).inclusion(index).map_err(unreadable)?;
        let path = path.ok_or_else(|| Error::Refused(format!("the log has {size} entries")))?;
        verify_inclusion(index, size, &leaf_hash(entry), path.iter().copied(), &root)
            .map_err(|reason| Error::Refused(format!("entry {index}: {reason}")))?;
        Ok(proof_text(index, &path, &self.note))
    }
}

/// What a policy says to a checkpoint: its head, and the time of the oldest witness signature.
pub(super) fn trust<'n>(
    policy: &Policy,
    note: &'n str,
) -> Result<(Checkpoint<'n>, Option<u64>), Error> {
    let parsed = Note::parse(note.as_bytes()).map_err(|error| Error::Refused(error.to_string()))?;
    let trusted = policy.verify(&parsed)?;
    Ok((trusted.checkpoint, trusted.witnessed_s))
}
