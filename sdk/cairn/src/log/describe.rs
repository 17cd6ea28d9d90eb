//! What `cairn log` prints.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use super::folder::{LogFolder, head};
use super::reader::Reader;
use super::signatures::lines_of;
use super::verify::Checked;
use super::witness::WitnessFolder;
use crate::Error;
use crate::chain::utc;

/// A log after a command that writes.
#[derive(Serialize)]
pub(super) struct Made {
    done: &'static str,
    origin: String,
    verifier_keys: Vec<String>,
    size: u64,
    root: String,
}

impl Made {
    pub(super) fn of(folder: &LogFolder, done: &'static str, note: &str) -> Result<Self, Error> {
        let head = head(note)?;
        Ok(Self {
            done,
            origin: folder.origin().to_owned(),
            verifier_keys: folder.verifier_keys().map(str::to_owned).collect(),
            size: head.size,
            root: head.root.to_string(),
        })
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}: {}", self.origin, self.done)?;
        if self.done == "made" {
            self.verifier_keys.iter().try_for_each(|key| writeln!(f, "key {key}"))?;
        }
        write!(f, "{} entries  {}", self.size, self.root)
    }
}

/// Entries that wait.
#[derive(Serialize)]
pub(super) struct Added {
    added: u64,
    /// Index of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
}

impl Added {
    pub(super) fn of(indices: &Range<u64>) -> Self {
        let added = indices.end - indices.start;
        Self { added, first: (added > 0).then_some(indices.start) }
    }
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            Some(first) => write!(f, "{} entries added, from number {first}", self.added),
            None => f.write_str("nothing added: nothing of it is new"),
        }
    }
}

/// Who cosigned.
#[derive(Serialize)]
pub(super) struct Submitted {
    /// Names of all whose cosignatures the checkpoint has, from earlier runs too.
    pub(super) cosigned: Vec<String>,
    /// Who was asked in vain, and why.
    pub(super) failed: Vec<String>,
    pub(super) wanted: usize,
}

impl Submitted {
    /// Whether as many witnesses signed as the policy wants.
    pub(super) const fn is_enough(&self) -> bool {
        self.cosigned.len() >= self.wanted
    }

    /// Refused if it is not enough.
    pub(super) fn into_result(self) -> Result<(), Error> {
        if self.is_enough() {
            return Ok(());
        }
        let (found, wanted) = (self.cosigned.len(), self.wanted);
        Err(Error::Refused(format!(
            "{found} witnesses cosigned, {wanted} wanted: nothing is published"
        )))
    }
}

impl fmt::Display for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cosigned by {} witnesses", self.cosigned.len())?;
        self.cosigned.iter().try_for_each(|name| write!(f, "\n    {name}"))?;
        self.failed.iter().try_for_each(|what| write!(f, "\nnot by {what}"))
    }
}

/// An entry with a proof.
#[derive(Serialize)]
pub(super) struct Proven {
    origin: String,
    index: u64,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed_s: Option<u64>,
}

impl Proven {
    pub(super) fn of(reader: &Reader, index: u64) -> Result<Self, Error> {
        let head = reader.head()?;
        let (origin, size) = (head.origin.to_owned(), head.size);
        Ok(Self { origin, index, size, witnessed_s: reader.witnessed_s })
    }
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log {}: entry {} of {} proven", self.origin, self.index, self.size)?;
        self.witnessed_s.map_or(Ok(()), |time_s| write!(f, ", witnessed {}", utc(time_s)))
    }
}

/// A log that is sound.
#[derive(Serialize)]
pub(super) struct Verified {
    origin: String,
    size: u64,
    root: String,
    files: u64,
    earlier_checkpoints: usize,
    witnesses_wanted: usize,
}

impl Verified {
    pub(super) fn of(reader: &Reader, checked: &Checked) -> Result<Self, Error> {
        let head = reader.head()?;
        Ok(Self {
            origin: head.origin.to_owned(),
            size: head.size,
            root: head.root.to_string(),
            files: checked.files,
            earlier_checkpoints: checked.checkpoints,
            witnesses_wanted: reader.policy.wanted,
        })
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, files, earlier_checkpoints, witnesses_wanted } = self;
        writeln!(f, "log {origin}: sound")?;
        writeln!(f, "{size} entries  {root}")?;
        write!(
            f,
            "{files} files, {earlier_checkpoints} earlier checkpoints, {witnesses_wanted} witnesses"
        )
    }
}

/// A log as it is.
#[derive(Serialize)]
pub(super) struct Overview {
    origin: String,
    store: String,
    size: u64,
    root: String,
    /// Names on the checkpoint's signature lines; only those of the policy were verified.
    signatures: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verifier_keys: Vec<String>,
    /// Entries in a checkpoint that is signed and waits for cosignatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    unpublished: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed_s: Option<u64>,
}

impl Overview {
    pub(super) fn of(log: &str, reader: &Reader) -> Result<Self, Error> {
        let head = reader.head()?;
        let names = lines_of(&reader.note).lines().filter_map(|line| line.split(' ').nth(1));
        let folder = LogFolder::is_at(Path::new(log))
            .then(|| LogFolder::open(Path::new(log)))
            .transpose()?;
        let (mut unpublished, mut pending) = (None, None);
        if let Some(folder) = &folder {
            let size = super::folder::head(&folder.signed()?)?.size;
            unpublished = Some(size.saturating_sub(head.size)).filter(|count| *count > 0);
            pending = Some(folder.pending(size)?.entries.len() as u64);
        }
        let keys = folder.iter().flat_map(LogFolder::verifier_keys).map(str::to_owned);
        Ok(Self {
            origin: head.origin.to_owned(),
            store: reader.store.place(""),
            size: head.size,
            root: head.root.to_string(),
            signatures: names.map(str::to_owned).collect(),
            verifier_keys: keys.collect(),
            unpublished,
            pending,
            witnessed_s: reader.witnessed_s,
        })
    }
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}", self.origin)?;
        writeln!(f, "store {}", self.store)?;
        self.verifier_keys.iter().try_for_each(|key| writeln!(f, "key {key}"))?;
        write!(f, "{} entries  {}", self.size, self.root)?;
        if let Some(unpublished) = self.unpublished {
            write!(f, "\n{unpublished} are signed and not published")?;
        }
        if let Some(pending) = self.pending {
            write!(f, "\n{pending} wait for the next checkpoint")?;
        }
        if let Some(time_s) = self.witnessed_s {
            write!(f, "\nwitnessed {}", utc(time_s))?;
        }
        self.signatures.iter().try_for_each(|name| write!(f, "\nsigned by {name}"))
    }
}

/// A witness and what it watches.
#[derive(Serialize)]
pub(super) struct WitnessMade {
    verifier_key: String,
    logs: Vec<String>,
}

impl WitnessMade {
    pub(super) fn of(folder: &WitnessFolder) -> Self {
        let verifier_key = folder.verifier_key().to_owned();
        Self { verifier_key, logs: folder.logs().to_vec() }
    }
}

impl fmt::Display for WitnessMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "witness {}", self.verifier_key)?;
        self.logs.iter().try_for_each(|log| write!(f, "\nwatches {log}"))
    }
}

/// A cosignature: as text it is the line itself, what a witness answers to a log.
#[derive(Serialize)]
pub(super) struct Cosigned {
    cosignature: String,
}

impl Cosigned {
    pub(super) fn of(line: &str) -> Self {
        Self { cosignature: line.trim_end().to_owned() }
    }
}

impl fmt::Display for Cosigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cosignature)
    }
}
