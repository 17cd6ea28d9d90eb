//! Signature lines of notes: which is whose, and a checkpoint with more of them.

use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::Note;
use ledger_verify::log::{self, Reason};

use super::folder::LogFolder;
use super::keys::PublicKey;
use super::policy::{self, Witness};
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

/// The text of a note, up to its signature lines, and of these the one by a log's `key`.
fn signed_by(key: &PublicKey, note: &str) -> Result<(String, String), Error> {
    let (text, lines) = note.rsplit_once("\n\n").unwrap_or_default();
    let start = format!("{text}\n\n");
    let line = line_by(&of_log(key)?, &start, lines);
    Ok((start, line.map_err(|error| Error::Refused(error.to_string()))?))
}

fn of_log(key: &PublicKey) -> Result<Policy<'_>, Error> {
    Ok(Policy { log: key.key()?, witnesses: &[], witnesses_wanted: 0 })
}

/// The log's last checkpoint with its own signatures alone: witnesses take short notes only.
pub(super) fn without_cosignatures(folder: &LogFolder) -> Result<String, Error> {
    let note = folder.signed()?;
    let (mut start, mut own) = (String::new(), String::new());
    for key in folder.verifier_keys() {
        let (text, line) = signed_by(&PublicKey::parse(key)?, &note)?;
        (start, own) = (text, own + &line);
    }
    Ok(start + &own)
}

/// A log's last checkpoint, and whose cosignatures it gets.
pub(super) struct Cosigned<'f> {
    folder: &'f LogFolder,
    policy: &'f policy::Policy,
    note: String,
    /// The text, and the line by the key that the policy has.
    start: String,
}

impl<'f> Cosigned<'f> {
    /// The checkpoint of a log that the policy is of.
    pub(super) fn open(folder: &'f LogFolder, policy: &'f policy::Policy) -> Result<Self, Error> {
        let mut is_of_log = false;
        for key in folder.verifier_keys() {
            is_of_log |= PublicKey::parse(key)?.key()? == policy.log.key()?;
        }
        if !is_of_log {
            return Err(Error::Refused("the policy is of another log".into()));
        }
        let note = folder.signed()?;
        let (start, line) = signed_by(&policy.log, &note)?;
        Ok(Self { folder, policy, note, start: start + &line })
    }

    /// The line by `witness` among `lines`, if there is one.
    fn line(&self, witness: &Witness, lines: &str) -> Result<String, Error> {
        let key = [witness.key.key()?];
        let policy = Policy { witnesses: &key, witnesses_wanted: 1, ..of_log(&self.policy.log)? };
        line_by(&policy, &self.start, lines).map_err(|error| {
            let (name, reason) = (witness.key.name(), error.reason);
            Error::Refused(format!("{name}: {reason}; is it of another checkpoint?"))
        })
    }

    /// Adds the cosignatures among `lines` to the checkpoint that the folder remembers. Lines by others
    /// than the policy's witnesses are ignored. Answers the names of those who signed.
    pub(super) fn add(&mut self, lines: &str) -> Result<Vec<String>, Error> {
        let mut note = self.note.clone();
        let mut names = Vec::new();
        for witness in &self.policy.witnesses {
            let new = self.line(witness, lines)?;
            if !new.is_empty() {
                let old = self.line(witness, lines_of(&note))?;
                if !old.is_empty() {
                    note = note.replace(&old, "");
                }
                note += &new;
                names.push(witness.key.name().to_owned());
            }
        }
        // A note that is too long could not be read again.
        Note::parse(note.as_bytes()).map_err(|error| Error::Refused(error.to_string()))?;
        if note != self.note {
            self.folder.remember(&note)?;
            self.note = note;
        }
        Ok(names)
    }

    /// The names of the policy's witnesses that have signed.
    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for witness in &self.policy.witnesses {
            if !self.line(witness, lines_of(&self.note))?.is_empty() {
                names.push(witness.key.name().to_owned());
            }
        }
        Ok(names)
    }
}
