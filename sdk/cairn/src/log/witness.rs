//! The witness's side of c2sp.org/tlog-witness, as a command: what `add-checkpoint` does, without the
//! web server in front.
//!
//! | file | holds |
//! |---|---|
//! | `witness.json` | format, name, verifier key, and of the logs it knows; what concurrent runs lock |
//! | `key` | 64 hex digits, mode 0600 |
//! | `public/<SHA-256 of a log's origin>/checkpoint` | the last checkpoint that was cosigned, also for monitors |
//!
//! `public` is all that a witness remembers: without it, or with an old one, it cosigns a second history.
//! The last checkpoint is on disk before its cosignature is answered, and the lock is held from the
//! comparison with the one before until then: two requests never both follow the same one.

use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ledger_verify::log::checkpoint::{Checkpoint, Policy};
use ledger_verify::log::note::{KeyType, Note};
use ledger_verify::log::tree::{empty_root, verify_consistency};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::folder::head;
use super::keys::{KEY, PublicKey, read_master, signer, verifier_key};
use super::request::Request;
use super::signatures::{line_by, lines_of};
use crate::chain::{clock_s, parent, replace};
use crate::{Error, private_folder};

const CONFIG: &str = "witness.json";
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Config {
    format: u32,
    name: String,
    verifier_key: String,
    /// Verifier keys of the logs that it watches.
    logs: Vec<String>,
}

/// A witness that this process alone may use.
pub(super) struct WitnessFolder {
    path: PathBuf,
    config: Config,
    _lock: File,
}

/// Why a checkpoint is not cosigned; displays with the standard's status in front.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a request, or one from a larger tree to a smaller one.
    BadRequest,
    /// No key of such a log is known.
    UnknownLog(String),
    /// The log did not sign, or not this.
    NotSigned(String),
    /// The witness has cosigned another size last.
    Conflict(u64),
    /// The tree does not continue the one before.
    NotConsistent,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest => f.write_str("400 not a request to add a checkpoint"),
            // A stranger's name: no control characters, which a terminal obeys.
            Self::UnknownLog(origin) => {
                write!(f, "404 log {} is not known here", origin.escape_debug())
            }
            Self::NotSigned(what) => write!(f, "403 {what}"),
            Self::Conflict(size) => write!(f, "409 cosigned {size} entries last"),
            Self::NotConsistent => f.write_str("422 does not continue what was cosigned last"),
        }
    }
}

impl Refusal {
    fn error(&self) -> Error {
        Error::Refused(self.to_string())
    }
}

impl WitnessFolder {
    /// Makes a witness at `path`, which does not exist or is an empty folder.
    pub(super) fn init(path: &Path, name: &str, key_type: KeyType) -> Result<Self, Error> {
        private_folder::check_free(path)?;
        let master = private_folder::new_secret(path)?;
        let verifier_key = verifier_key(&signer(name, key_type, &master)?)?;
        let config = Config { format: FORMAT, name: name.into(), verifier_key, logs: Vec::new() };
        let (key, config) = (private_folder::hex(&master) + "\n", json(path, &config)?);
        private_folder::make(
            path,
            &[(CONFIG, config.as_bytes(), 0o644), (KEY, key.as_bytes(), 0o600)],
        )?;
        Self::open(path)
    }

    /// Opens and locks the witness at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        // The configuration is replaced when a log is added; the folder stays.
        let lock = private_folder::lock(path, path)?;
        let file = path.join(CONFIG);
        let config = private_folder::read_config(&file, FORMAT, |config: &Config| config.format)?;
        Ok(Self { path: path.to_owned(), config, _lock: lock })
    }

    pub(super) fn verifier_key(&self) -> &str {
        &self.config.verifier_key
    }

    pub(super) fn logs(&self) -> &[String] {
        &self.config.logs
    }

    /// Watches a log from now on.
    pub(super) fn trust(&mut self, log: &str) -> Result<(), Error> {
        PublicKey::parse(log)?;
        if !self.config.logs.iter().any(|known| known == log) {
            self.config.logs.push(log.to_owned());
            let config = json(&self.path, &self.config)?;
            replace(&self.path.join(CONFIG), config.as_bytes(), 0o644)?;
        }
        Ok(())
    }

    /// Cosigns the checkpoint of a request if it continues the last one, and answers the signature line.
    pub(super) fn add_checkpoint(&self, body: &[u8]) -> Result<String, Error> {
        let request = Request::parse(body).ok_or_else(|| Refusal::BadRequest.error())?;
        let parsed =
            Note::parse(request.note.as_bytes()).map_err(|_| Refusal::BadRequest.error())?;
        let new = Checkpoint::parse(parsed.text()).map_err(|_| Refusal::BadRequest.error())?;
        let signed_by = self.signed_by(parsed.text(), lines_of(request.note), new.origin)?;
        if request.old_size > new.size {
            return Err(Refusal::BadRequest.error());
        }
        let file = self.checkpoint_file(new.origin);
        let last = match fs::read_to_string(&file) {
            Ok(last) => Some(last),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(&file)(error)),
        };
        let spoiled = |error| Error::Refused(format!("{}: {error}", file.display()));
        let last = last.as_deref().map(head).transpose().map_err(spoiled)?;
        let last_size = last.map_or(0, |last| last.size);
        if request.old_size != last_size {
            return Err(Refusal::Conflict(last_size).error());
        }
        let old_root = last.map_or_else(empty_root, |last| last.root);
        let continues = if last_size == 0 {
            request.proof.is_empty() && (new.size > 0 || new.root == empty_root())
        } else {
            let proof = request.proof.iter().copied();
            verify_consistency(last_size, new.size, &old_root, &new.root, proof).is_ok()
        };
        if !continues {
            return Err(Refusal::NotConsistent.error());
        }
        let line = self.cosign(parsed.text())?;
        // Of the log's lines only those that were verified are kept.
        let kept = format!("{}\n{signed_by}{line}", parsed.text());
        let folder = parent(&file);
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        replace(&file, kept.as_bytes(), 0o644)?;
        Ok(line)
    }

    /// Of `lines` those by known keys of the log. There has to be one, and none that is bad.
    fn signed_by(&self, text: &str, lines: &str, origin: &str) -> Result<String, Error> {
        let mut found = String::new();
        let mut knows = false;
        for key in &self.config.logs {
            let log = PublicKey::parse(key)?;
            if log.name() == origin {
                knows = true;
                let policy = Policy { log: log.key()?, witnesses: &[], witnesses_wanted: 0 };
                found += &line_by(&policy, &format!("{text}\n"), lines)
                    .map_err(|error| Refusal::NotSigned(error.to_string()).error())?;
            }
        }
        match (knows, found.is_empty()) {
            (false, _) => Err(Refusal::UnknownLog(origin.to_owned()).error()),
            (true, true) => Err(Refusal::NotSigned("not signed by the log".into()).error()),
            (true, false) => Ok(found),
        }
    }

    fn cosign(&self, text: &str) -> Result<String, Error> {
        let key = PublicKey::parse(&self.config.verifier_key)?;
        let signer = signer(&self.config.name, key.key_type(), &read_master(&self.path)?)?;
        if verifier_key(&signer)? != self.config.verifier_key {
            let file = self.path.join(KEY);
            return Err(Error::Refused(format!("{}: not this witness's key", file.display())));
        }
        // The standard has no cosignature of time zero.
        signer.sign(text, clock_s().max(1)).map_err(|reason| Error::Refused(reason.to_string()))
    }

    fn checkpoint_file(&self, origin: &str) -> PathBuf {
        let hash = private_folder::hex(&Sha256::digest(origin.as_bytes()));
        self.path.join("public").join(hash).join("checkpoint")
    }
}

fn json(path: &Path, config: &Config) -> Result<String, Error> {
    let text =
        serde_json::to_string_pretty(config).map_err(|error| Error::io(path)(error.into()))?;
    Ok(text + "\n")
}
