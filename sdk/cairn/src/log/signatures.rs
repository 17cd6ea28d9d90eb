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

/// A note up to its signature lines, and these.
fn split(note: &str) -> (&str, &str) {
    let lines = lines_of(note);
    (note.strip_suffix(lines).unwrap_or_default(), lines)
}

fn of_log(key: &PublicKey) -> Result<Policy<'_>, Error> {
    Ok(Policy { log: key.key()?, witnesses: &[], witnesses_wanted: 0 })
}

/// The line by a log's `key` among the lines of its checkpoint.
fn line_of_log(key: &PublicKey, note: &str) -> Result<String, Error> {
    let (start, lines) = split(note);
    line_by(&of_log(key)?, start, lines).map_err(|error| Error::Refused(error.to_string()))
}

/// The log's last checkpoint with its own signatures alone: witnesses take short notes only.
pub(super) fn without_cosignatures(folder: &LogFolder) -> Result<String, Error> {
    let note = folder.signed()?;
    let mut own = split(&note).0.to_owned();
    for key in folder.verifier_keys() {
        own += &line_of_log(&PublicKey::parse(key)?, &note)?;
    }
    Ok(own)
}

/// A log's last checkpoint, which gathers the cosignatures of a policy's witnesses.
pub(super) struct Gathered<'f> {
    pub(super) folder: &'f LogFolder,
    pub(super) policy: &'f policy::Policy,
    note: String,
    /// The text, and the line by the key that the policy has.
    start: String,
}

impl<'f> Gathered<'f> {
    /// The checkpoint of a log that the policy is of.
    pub(super) fn open(folder: &'f LogFolder, policy: &'f policy::Policy) -> Result<Self, Error> {
        folder.check_policy(policy)?;
        let note = folder.signed()?;
        let start = split(&note).0.to_owned() + &line_of_log(&policy.log, &note)?;
        Ok(Self { folder, policy, note, start })
    }

    /// The line by `witness` among `lines`, if there is one.
    fn line(&self, witness: &Witness, lines: &str) -> Result<String, Error> {
        let key = [witness.key.key()?];
        let policy = Policy { witnesses: &key, witnesses_wanted: 1, ..of_log(&self.policy.log)? };
        line_by(&policy, &self.start, lines).map_err(|error| {
            Error::Refused(match error.reason {
                Reason::BadSignature => {
                    let name = witness.key.name();
                    format!("{name}: bad signature; is it of another checkpoint?")
                }
                reason => format!("signature lines: {reason}"),
            })
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
        Note::parse(note.as_bytes()).map_err(|error| {
            Error::Refused(format!("the checkpoint with its cosignatures: {}", error.reason))
        })?;
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
