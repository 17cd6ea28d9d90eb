//! From waiting entries to a published checkpoint.
//!
//! Order: tiles and bundles, then the signature, which is remembered before it leaves, then the
//! checkpoint. Cut short anywhere, the next run takes up where this one stopped.

use std::collections::BTreeMap;

use ledger_verify::log::note::Note;
use ledger_verify::log::tree::verify_consistency;
use ledger_verify::write::log::{Appender, Tree, checkpoint_text};

use super::describe::Made;
use super::entry::chain_position;
use super::folder::{LogFolder, Pending, head};
use super::policy::Policy;
use super::store::{CHECKPOINT, Store, Version};
use super::submit::submit;
use crate::{Error, Output};

/// Signs what waits and publishes it; with a policy only if enough of its witnesses cosign.
pub(super) fn checkpoint(
    folder: &LogFolder,
    policy: Option<&Policy>,
    output: &Output,
) -> Result<(), Error> {
    let store = folder.store()?;
    policy.map_or(Ok(()), |policy| folder.check_policy(policy))?;
    let note = sign(folder, &store, output)?;
    if let Some(policy) = policy {
        return submit(folder, policy, output);
    }
    publish(folder, &store)?;
    output.answer(&Made::of(folder, "published", &note)?)
}

/// Writes the tiles of what waits to the store, and signs the tree with them. Answers the log's last
/// checkpoint.
fn sign(folder: &LogFolder, store: &Store, output: &Output) -> Result<String, Error> {
    let signed = folder.signed()?;
    replaceable(folder, store, &signed)?;
    let before = head(&signed)?;
    let pending = folder.pending(before.size)?;
    if pending.entries.is_empty() {
        return Ok(signed);
    }
    let mut log =
        Appender::resume(before.size, |path: &str| store.get(path)).map_err(unreadable)?;
    if log.root() != before.root {
        let message =
            format!("{}: the tiles lead to another root than was signed", store.place(""));
        return Err(Error::Refused(message));
    }
    let mut progress = output.progress("logging", pending.entries.len() as u64);
    for entry in &pending.entries {
        for (path, bytes) in log.append(entry).unwrap_or_default() {
            store.create(&path, &bytes)?;
        }
        progress.advance(1);
    }
    for (path, bytes) in log.partial_files() {
        store.create(&path, &bytes)?;
    }
    // Before the signature: behind it, a run that is cut short would not come here again.
    note_chains(folder, &pending)?;
    let note = folder.sign(&checkpoint_text(folder.origin(), log.size(), &log.root()))?;
    folder.set_pending(&Pending { first: log.size(), entries: Vec::new() })?;
    Ok(note)
}

/// Publishes the checkpoint that this log signed last. The first ones show whether the store keeps a second
/// writer out.
pub(super) fn publish(folder: &LogFolder, store: &Store) -> Result<(), Error> {
    let note = folder.signed()?;
    let (version, size) = match replaceable(folder, store, &note)? {
        Published::Same => return Ok(()),
        Published::Nothing => (None, 0),
        Published::Earlier { version, size } => (Some(version), size),
    };
    store.replace(CHECKPOINT, note.as_bytes(), version.as_ref())?;
    if size == 0 { store.check_conditions(CHECKPOINT, note.as_bytes()) } else { Ok(()) }
}

/// What the store has in place of a checkpoint.
enum Published {
    Nothing,
    /// One of fewer entries, or with other signatures.
    Earlier {
        version: Version,
        size: u64,
    },
    Same,
}

/// What `note`, which this log signed last, is to replace: the checkpoint of that tree or of an earlier one
/// of this log. Anything else is refused.
fn replaceable(folder: &LogFolder, store: &Store, note: &str) -> Result<Published, Error> {
    let Some((published, version)) = store.get_versioned(CHECKPOINT)? else {
        return Ok(Published::Nothing);
    };
    if published == note.as_bytes() {
        return Ok(Published::Same);
    }
    let place = store.place(CHECKPOINT);
    let refused = |what: &str| Error::Refused(format!("{place}: {what}"));
    let parsed = Note::parse(&published).map_err(|error| refused(&error.to_string()))?;
    let old = folder.policy()?.verify(&parsed).map_err(|_| refused("not by this log"))?.checkpoint;
    let new = head(note)?;
    if old.size > new.size {
        return Err(refused("newer than what this log's folder remembers to have signed"));
    }
    let mut tree = Tree::new(new.size, |path: &str| store.get(path));
    let proof = tree.consistency(old.size).map_err(unreadable)?;
    let is_continued = match proof {
        // Every tree continues the empty one.
        None => old.size == 0,
        Some(proof) => verify_consistency(old.size, new.size, &old.root, &new.root, proof).is_ok(),
    };
    if !is_continued {
        return Err(refused("signed by this log, but another history than its folder remembers"));
    }
    Ok(Published::Earlier { version, size: old.size })
}

/// Remembers which events are logged, or wait.
fn note_chains(folder: &LogFolder, logged: &Pending) -> Result<(), Error> {
    let mut chains = folder.chains()?;
    count_events(&mut chains, &logged.entries);
    folder.set_chains(&chains)
}

/// Adds what `entries` say of chains to the number of events known of each.
pub(super) fn count_events(chains: &mut BTreeMap<String, u64>, entries: &[Vec<u8>]) {
    for position in entries.iter().filter_map(|entry| chain_position(entry)) {
        let known = chains.entry(position.chain.to_string()).or_default();
        *known = (*known).max(position.sequence.saturating_add(1));
    }
}

/// An error of reading a log's files.
pub(super) fn unreadable(error: ledger_verify::write::log::Error<Error>) -> Error {
    match error {
        ledger_verify::write::log::Error::Source(error) => error,
        error @ ledger_verify::write::log::Error::File { .. } => Error::Refused(error.to_string()),
    }
}
