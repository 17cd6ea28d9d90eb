//! The private side of a log: a folder of a few files, none of which is served to anybody.
//!
//! | file | holds |
//! |---|---|
//! | `log.json` | format, origin, store, kinds of signatures; never changes, and is what concurrent writers lock |
//! | `key` | 64 hex digits, mode 0600: the secret that the signing keys are derived from |
//! | `signed` | the last checkpoint that was signed, written before anybody else sees it |
//! | `pending` | entries that are not in a checkpoint yet: index of the first, then an entry bundle |
//! | `chains.json` | per chain, how many of its events are in the log or wait |
//!
//! `signed` is what the log may not contradict. It is read before every signature, and the tree that is
//! signed next is grown from it: so no two trees of one size are ever signed, whatever the store says.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ledger_verify::log::checkpoint::Checkpoint;
use ledger_verify::log::note::{KeyType, Note};
use ledger_verify::log::tree::empty_root;
use ledger_verify::write::log::{ENTRY_BYTES_MAX, NoteSigner, checkpoint_text, entries};
use serde::{Deserialize, Serialize};

use super::keys::{KEY, PublicKey, read_master, signer, verifier_key};
use super::policy::Policy;
use super::store::Store;
use crate::chain::{now_s, replace};
use crate::{Error, private_folder};

const CONFIG: &str = "log.json";
const SIGNED: &str = "signed";
const PENDING: &str = "pending";
const CHAINS: &str = "chains.json";
const FORMAT: u32 = 1;
/// Where the public files go unless told otherwise, below the log's folder.
pub(super) const DEFAULT_STORE: &str = "public";

#[derive(Serialize, Deserialize)]
struct Config {
    format: u32,
    origin: String,
    store: String,
    verifier_key: String,
    /// Of a second signature on each checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    ml_dsa_verifier_key: Option<String>,
}

/// A log that this process alone may write.
pub(super) struct LogFolder {
    path: PathBuf,
    config: Config,
    _lock: File,
}

/// Entries that wait for the next checkpoint.
pub(super) struct Pending {
    /// Index that the first will have.
    pub(super) first: u64,
    pub(super) entries: Vec<Vec<u8>>,
}

impl LogFolder {
    /// Whether there is a log's private folder at `path`.
    pub(super) fn is_at(path: &Path) -> bool {
        path.join(CONFIG).is_file()
    }

    /// Makes a log without entries at `path`, which does not exist or is an empty folder.
    pub(super) fn init(
        path: &Path,
        origin: &str,
        store: &str,
        with_ml_dsa: bool,
    ) -> Result<Self, Error> {
        let master = private_folder::new_secret(path)?;
        let log = signer(origin, KeyType::Note, &master)?;
        let second = with_ml_dsa
            .then(|| signer(origin, KeyType::CosignatureMlDsa44, &master))
            .transpose()?;
        let config = Config {
            format: FORMAT,
            origin: origin.to_owned(),
            store: store.to_owned(),
            verifier_key: verifier_key(&log)?,
            ml_dsa_verifier_key: second.as_ref().map(verifier_key).transpose()?,
        };
        let signers: Vec<_> = [log].into_iter().chain(second).collect();
        let note = signed_note(&checkpoint_text(origin, 0, &empty_root()), &signers)?;
        let (key, config) = (private_folder::hex(&master) + "\n", json(path, &config)?);
        private_folder::make(
            path,
            &[
                (CONFIG, config.as_bytes(), 0o644),
                (KEY, key.as_bytes(), 0o600),
                (SIGNED, note.as_bytes(), 0o644),
            ],
        )?;
        Self::open(path)
    }

    /// Opens the log at `path`, and locks it against other writers.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = path.join(CONFIG);
        let lock = private_folder::lock(path, &file)?;
        let config = private_folder::read_config(&file, FORMAT, |config: &Config| config.format)?;
        Ok(Self { path: path.to_owned(), config, _lock: lock })
    }

    pub(super) fn origin(&self) -> &str {
        &self.config.origin
    }

    pub(super) fn verifier_keys(&self) -> impl Iterator<Item = &str> {
        let keys = [Some(&self.config.verifier_key), self.config.ml_dsa_verifier_key.as_ref()];
        keys.into_iter().flatten().map(String::as_str)
    }

    /// The store with the public files.
    pub(super) fn store(&self) -> Result<Store, Error> {
        Store::open(&self.config.store, &self.path)
    }

    /// The policy of this log's Ed25519 key alone.
    pub(super) fn policy(&self) -> Result<Policy, Error> {
        Policy::of_log(&self.config.verifier_key)
    }

    /// Refuses a policy whose log is another one; it may name either of this log's keys.
    pub(super) fn check_policy(&self, policy: &Policy) -> Result<(), Error> {
        for key in self.verifier_keys() {
            if PublicKey::parse(key)?.key()? == policy.log.key()? {
                return Ok(());
            }
        }
        Err(Error::Refused("the policy is of another log".into()))
    }

    /// The last checkpoint that was signed: a note by this log's key.
    pub(super) fn signed(&self) -> Result<String, Error> {
        let file = self.path.join(SIGNED);
        let note = fs::read_to_string(&file).map_err(Error::io(&file))?;
        let refused =
            |error: &dyn std::fmt::Display| Error::Refused(format!("{}: {error}", file.display()));
        let parsed = Note::parse(note.as_bytes()).map_err(|error| refused(&error))?;
        self.policy()?.verify(&parsed).map_err(|error| refused(&error))?;
        Ok(note)
    }

    /// Signs the tree that comes after the one that was signed last, and remembers it before it is
    /// answered. `text` has to be of a larger tree that was grown from that one.
    pub(super) fn sign(&self, text: &str) -> Result<String, Error> {
        let before = self.signed()?;
        let (before, after) = (head(&before)?, parse_text(text)?);
        if after.size <= before.size || after.origin != self.config.origin {
            let message = format!("{} entries do not follow {}", after.size, before.size);
            return Err(Error::Refused(format!("{}: {message}", self.path.display())));
        }
        let master = read_master(&self.path)?;
        let mut signers = Vec::new();
        let types = [KeyType::Note, KeyType::CosignatureMlDsa44];
        for (key_type, expected) in types.into_iter().zip(self.verifier_keys()) {
            let signer = signer(&self.config.origin, key_type, &master)?;
            if verifier_key(&signer)? != expected {
                let file = self.path.join(KEY);
                return Err(Error::Refused(format!("{}: not this log's key", file.display())));
            }
            signers.push(signer);
        }
        let note = signed_note(text, &signers)?;
        self.remember(&note)?;
        Ok(note)
    }

    /// Remembers a checkpoint with more signatures. Its tree is the one that was signed.
    pub(super) fn remember(&self, note: &str) -> Result<(), Error> {
        replace(&self.path.join(SIGNED), note.as_bytes(), 0o644)
    }

    /// The entries that are not among the first `size`.
    pub(super) fn pending(&self, size: u64) -> Result<Pending, Error> {
        let file = self.path.join(PENDING);
        if !file.exists() {
            return Ok(Pending { first: size, entries: Vec::new() });
        }
        let bytes = fs::read(&file).map_err(Error::io(&file))?;
        let refused = |what: &str| Error::Refused(format!("{}: {what}", file.display()));
        let (first, bundle) = bytes.split_first_chunk().ok_or(refused("too short"))?;
        let first = u64::from_be_bytes(*first);
        let all = entries(bundle).ok_or(refused("does not end with an entry"))?;
        // What was signed since is in the log: a checkpoint was cut short before it said so here.
        let signed = size.checked_sub(first).and_then(|count| usize::try_from(count).ok());
        let signed = signed.filter(|count| *count <= all.len());
        let signed = signed.ok_or(refused("does not fit the last checkpoint"))?;
        let left = all.get(signed..).unwrap_or(&[]);
        Ok(Pending { first: size, entries: left.iter().map(|entry| entry.to_vec()).collect() })
    }

    /// Makes `pending` the entries that wait.
    pub(super) fn set_pending(&self, pending: &Pending) -> Result<(), Error> {
        let mut bytes = pending.first.to_be_bytes().to_vec();
        for entry in &pending.entries {
            let length = u16::try_from(entry.len()).map_err(|_| {
                Error::Refused(format!("an entry is longer than {ENTRY_BYTES_MAX} bytes"))
            })?;
            bytes.extend(length.to_be_bytes());
            bytes.extend(entry);
        }
        replace(&self.path.join(PENDING), &bytes, 0o644)
    }

    /// How many events of each chain are in the log, by chain id in hex.
    pub(super) fn chains(&self) -> Result<BTreeMap<String, u64>, Error> {
        let file = self.path.join(CHAINS);
        if !file.exists() {
            return Ok(BTreeMap::new());
        }
        let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
        serde_json::from_str(&text)
            .map_err(|error| Error::Refused(format!("{}: {error}", file.display())))
    }

    pub(super) fn set_chains(&self, chains: &BTreeMap<String, u64>) -> Result<(), Error> {
        replace(&self.path.join(CHAINS), json(&self.path, chains)?.as_bytes(), 0o644)
    }
}

fn json(path: &Path, value: &impl Serialize) -> Result<String, Error> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Error::io(path)(error.into()))?;
    Ok(text + "\n")
}

fn signed_note(text: &str, signers: &[NoteSigner]) -> Result<String, Error> {
    let mut note = format!("{text}\n");
    for signer in signers {
        let line = signer.sign(text, now_s());
        note += &line.map_err(|reason| Error::Refused(reason.to_string()))?;
    }
    Ok(note)
}

/// The checkpoint of a note whose signatures were verified before.
pub(super) fn head(note: &str) -> Result<Checkpoint<'_>, Error> {
    let note = Note::parse(note.as_bytes()).map_err(|error| Error::Refused(error.to_string()))?;
    parse_text(note.text())
}

fn parse_text(text: &str) -> Result<Checkpoint<'_>, Error> {
    Checkpoint::parse(text).map_err(|error| Error::Refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_verify::Digest;

    #[test]
    fn no_two_trees_of_one_size_are_signed() {
        let folder = tempfile::tempdir().unwrap();
        let log =
            LogFolder::init(&folder.path().join("log"), "log.example", "public", true).unwrap();
        let sign = |origin, size| log.sign(&checkpoint_text(origin, size, &Digest([9; 32])));
        // The first checkpoint is of no entries.
        assert!(sign("log.example", 0).is_err());
        let note = sign("log.example", 5).unwrap();
        assert_eq!(log.signed().unwrap(), note);
        for size in 0..=5 {
            assert!(sign("log.example", size).is_err(), "{size}");
        }
        assert!(sign("log.example/other", 6).is_err());
        assert_eq!(log.signed().unwrap(), note);
        sign("log.example", 6).unwrap();
    }

    #[test]
    fn what_waits_is_what_was_not_signed() {
        let folder = tempfile::tempdir().unwrap();
        let log =
            LogFolder::init(&folder.path().join("log"), "log.example", "public", false).unwrap();
        let entries: Vec<_> = [b"a", b"b", b"c"].map(|entry| entry.to_vec()).into();
        log.set_pending(&Pending { first: 7, entries: entries.clone() }).unwrap();
        let pending = |size| log.pending(size).map(|pending| (pending.first, pending.entries));
        assert_eq!(pending(7).unwrap(), (7, entries.clone()));
        assert_eq!(pending(9).unwrap(), (9, entries[2..].to_vec()));
        assert_eq!(pending(10).unwrap(), (10, Vec::new()));
        assert!(pending(6).is_err() && pending(11).is_err());
        let file = folder.path().join("log").join(PENDING);
        let bytes = fs::read(&file).unwrap();
        for length in [0, 7, 9, bytes.len() - 1] {
            fs::write(&file, &bytes[..length]).unwrap();
            assert!(pending(7).is_err(), "{length}");
        }
    }
}
