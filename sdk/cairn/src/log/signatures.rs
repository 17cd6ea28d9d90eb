//! Signature lines of notes: which is whose, and a checkpoint with more of them.

use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::Note;
use ledger_verify::log::{self, Reason};

use super::folder::LogFolder;
use super::keys::PublicKey;
use super::policy;
use super::publish::publish;
use crate::Error;

/// The signature lines of a note.
pub(super) fn lines_of(note: &str) -> &str {
    note.rsplit_once("\n\n").map_or("", |(_, lines)| lines)
}

/// The last of `lines` that gives the note which starts with `start` the one signature that `policy`
/// still wants; nothing if there is none. An error if a line is by that key, but bad.
pub(super) fn line_by(policy: &Policy<'_>, start: &str, lines: &str) -> Result<String, log::Error> {
    let mut found = String::new();
    for line in lines.split_inclusive('\n') {
        let note = format!("{start}{line}");
        match Note::parse(note.as_bytes()).and_then(|note| policy.verify(&note)) {
            Ok(_) => found = line.to_owned(),
            Err(error) => match error.reason {
                Reason::NoLogSignature | Reason::TooFewWitnesses { .. } => {}
                _ => return Err(error),
            },
        }
    }
    Ok(found)
}

/// Adds the cosignatures among `lines` to the log's last checkpoint and publishes it. Lines by others
/// than the policy's witnesses are ignored. Answers the names of those who signed.
pub(super) fn attach(
    folder: &LogFolder,
    policy: &policy::Policy,
    lines: &str,
) -> Result<Vec<String>, Error> {
    let store = folder.store()?;
    let mut note = folder.signed()?;
    let own = folder.verifier_keys().next().map(PublicKey::parse).transpose()?;
    let own = own.ok_or_else(|| Error::Refused("a log without a key".into()))?;
    if own.key()? != policy.log.key()? {
        return Err(Error::Refused("the policy is of another log".into()));
    }
    let refused = |error: log::Error| Error::Refused(error.to_string());
    let (text, _) = note.rsplit_once("\n\n").unwrap_or_default();
    let text = format!("{text}\n\n");
    let own_policy = Policy { log: own.key()?, witnesses: &[], witnesses_wanted: 0 };
    let start = text.clone() + &line_by(&own_policy, &text, lines_of(&note)).map_err(refused)?;
    let mut names = Vec::new();
    for witness in &policy.witnesses {
        let key = [witness.key.key()?];
        let policy = Policy { witnesses: &key, witnesses_wanted: 1, ..own_policy };
        let new = line_by(&policy, &start, lines).map_err(refused)?;
        if !new.is_empty() {
            let old = line_by(&policy, &start, lines_of(&note)).map_err(refused)?;
            if !old.is_empty() {
                note = note.replace(&old, "");
            }
            note += &new;
            names.push(witness.key.name().to_owned());
        }
    }
    if !names.is_empty() {
        folder.remember(&note)?;
        publish(folder, &store, &note)?;
    }
    Ok(names)
}
