//! A chain on disk: a folder of three files.
//!
//! | file | holds |
//! |---|---|
//! | `chain.json` | `{"format": 1, "id": "<hex>"}`; never changes, and is what concurrent writers lock |
//! | `chain.cbor` | the events, as `docs/ledger.md` has them; replaced as a whole |
//! | `key` | 64 hex digits, mode 0600: the secret that event `n`'s signing key is derived from |
//!
//! Opening replays the chain from the id in `chain.json`, so whatever is asked afterwards is proven.
//! Event `n` is signed with key `n` and commits to key `n + 1`. The key file is read only to sign: a
//! copy of the folder without it is good for everything else.

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ledger_verify::Digest;
use ledger_verify::chain::{Anchor, Chain, Kind, Proven};
use ledger_verify::registers::{Name, Value, Write, WriteValue};
use ledger_verify::write::{Draft, KeySet, SecretKey, append, first};
use serde::{Deserialize, Serialize};

use crate::{Error, private_folder};

const CONFIG: &str = "chain.json";
pub(super) const EVENTS: &str = "chain.cbor";
const KEY: &str = "key";
const FORMAT: u32 = 1;
/// A longer chain fits no volume.
const EVENTS_BYTES_MAX: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Config {
    format: u32,
    id: String,
}

/// A chain that was replayed without a fault.
pub struct ChainFolder {
    path: PathBuf,
    events: Vec<u8>,
    chain: Chain,
    /// Held while the chain may be written.
    _lock: File,
}

/// An event that is signed but not yet part of the chain on disk.
pub struct Pending {
    events: Vec<u8>,
    chain: Chain,
}

impl ChainFolder {
    /// Makes a chain of one event at `path`, which does not exist or is an empty folder.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is something at `path`; [`Error::Io`].
    pub fn init(path: &Path) -> Result<Self, Error> {
        private_folder::check_free(path)?;
        let master = private_folder::new_secret(path)?;
        let (event, anchor) =
            first(&draft(&master, 0, 0, Vec::new()), &[SecretKey::derive(&master, 0)])
                .map_err(|error| Error::Refused(error.to_string()))?;
        let config = Config { format: FORMAT, id: anchor.chain.to_string() };
        let config =
            serde_json::to_string_pretty(&config).map_err(|error| Error::io(path)(error.into()))?;

        let key = private_folder::hex(&master);
        private_folder::make(
            path,
            &[
                (CONFIG, format!("{config}\n").as_bytes(), 0o644),
                (EVENTS, &event, 0o644),
                (KEY, format!("{key}\n").as_bytes(), 0o600),
            ],
        )?;
        Self::open(path)
    }

    /// Opens and replays the chain at `path`, and locks it against other writers.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Refused`] if it is none, does not prove, or is in use.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = path.join(CONFIG);
        let lock = private_folder::lock(path, &file)?;
        let text = private_folder::read_text(&file)?;
        let id = parse_config(&text)
            .map_err(|what| Error::Refused(format!("{}: {what}", file.display())))?;
        let events = read_events(&path.join(EVENTS))?;
        let mut chain = Chain::new(Anchor::first(id));
        let refused = |error: ledger_verify::chain::Error| {
            Error::Refused(format!("{}: {error}", path.display()))
        };
        chain.replay(&events).map_err(refused)?;
        chain.proven().map_err(refused)?;
        Ok(Self { path: path.to_owned(), events, chain, _lock: lock })
    }

    /// What the chain proves.
    ///
    /// # Errors
    /// None: opening has proven it. The type keeps this honest.
    pub fn proven(&self) -> Result<Proven<'_>, Error> {
        self.chain.proven().map_err(|error| Error::Refused(error.to_string()))
    }

    /// The events, back to back.
    pub fn events(&self) -> &[u8] {
        &self.events
    }

    /// The proven generation and root of volume `name`.
    ///
    /// # Errors
    /// [`Error::Refused`] if the register is no pointer.
    pub fn volume(&self, name: &str) -> Result<Option<(u64, Digest)>, Error> {
        let register = register_of(name);
        match self.proven()?.register(&register) {
            None => Ok(None),
            Some(Value::Pointer { root, generation }) => Ok(Some((generation, root))),
            Some(_) => Err(Error::Refused(format!("register {register} is no pointer"))),
        }
    }

    /// Signs the event that writes `writes` and lets the next key take over. Nothing on disk changes
    /// until [`ChainFolder::commit`].
    ///
    /// # Errors
    /// [`Error::Refused`] if the key is exposed or not the chain's, or the chain forbids a write;
    /// [`Error::Io`].
    pub fn prepare(&self, writes: Vec<Write>) -> Result<Pending, Error> {
        self.sign(writes, |draft| draft)
    }

    /// Signs the event that ends the chain, as [`ChainFolder::prepare`].
    ///
    /// # Errors
    /// As [`ChainFolder::prepare`].
    pub fn prepare_revocation(&self) -> Result<Pending, Error> {
        self.sign(Vec::new(), |draft| Draft { kind: Kind::Revocation, next: None, ..draft })
    }

    fn sign(
        &self,
        writes: Vec<Write>,
        change: impl FnOnce(Draft) -> Draft,
    ) -> Result<Pending, Error> {
        let master = read_key(&self.path.join(KEY))?;
        let sequence = self.chain.next_sequence();
        let not_before_s = self.proven()?.head().time_s;
        let draft = change(draft(&master, sequence, not_before_s, writes));
        let mut chain = self.chain.clone();
        let signer = SecretKey::derive(&master, sequence);
        let event = append(&mut chain, &draft, &[signer])
            .map_err(|error| Error::Refused(format!("{}: {error}", self.path.display())))?;
        let events = [self.events.as_slice(), &event].concat();
        Ok(Pending { events, chain })
    }

    /// Makes `pending` the chain on disk, in one step.
    ///
    /// # Errors
    /// [`Error::Io`]; the chain on disk is then unchanged.
    pub fn commit(&mut self, pending: Pending) -> Result<(), Error> {
        replace(&self.path.join(EVENTS), &pending.events, 0o644)?;
        self.events = pending.events;
        self.chain = pending.chain;
        Ok(())
    }

    /// Checks that the key file belongs to the chain: that it is secret and is what the last event
    /// committed to. Answers false when there is no key file, as in a copy for readers.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Io`].
    pub fn check_key(&self) -> Result<bool, Error> {
        let file = self.path.join(KEY);
        if !file.exists() {
            return Ok(false);
        }
        let master = read_key(&file)?;
        let next = key_set(&master, self.chain.next_sequence()).digest();
        let committed = self.proven()?.head().next;
        // A revoked chain has no next key to compare with.
        if committed.is_none_or(|committed| committed == next) {
            Ok(true)
        } else {
            Err(Error::Refused(format!("{}: not the key of this chain", file.display())))
        }
    }
}

impl Pending {
    /// The events of the chain with the new one.
    pub fn events(&self) -> &[u8] {
        &self.events
    }
}

/// Name of the register that vouches for volume `name`.
pub fn register_of(name: &str) -> String {
    format!("volume/{name}")
}

/// The write that lets a chain vouch for a volume.
pub fn vouch(name: &str, generation: u64, root: Digest) -> Option<Write> {
    let value = WriteValue::Pointer { root, generation };
    Some(Write { name: Name::new(&register_of(name))?, value })
}

fn key_set(master: &[u8; 32], sequence: u64) -> KeySet {
    KeySet::single(SecretKey::derive(master, sequence).public())
}

fn draft(master: &[u8; 32], sequence: u64, not_before_s: u64, writes: Vec<Write>) -> Draft {
    Draft {
        kind: Kind::Ordinary,
        time_s: now_s().max(not_before_s),
        keys: key_set(master, sequence),
        next: Some(key_set(master, sequence + 1).digest()),
        recovery: None,
        writes,
    }
}

/// The time that goes into events: `SOURCE_DATE_EPOCH` where it is set, so that builds can repeat.
pub(crate) fn now_s() -> u64 {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|value| value.parse().ok());
    fixed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    })
}

fn parse_config(text: &str) -> Result<Digest, String> {
    let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if config.format != FORMAT {
        return Err(format!("format {} is not supported", config.format));
    }
    Digest::from_hex(&config.id).ok_or_else(|| "id is not 64 hex digits".to_owned())
}

fn read_events(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut events = Vec::new();
    file.take(EVENTS_BYTES_MAX + 1).read_to_end(&mut events).map_err(Error::io(path))?;
    if events.len() as u64 > EVENTS_BYTES_MAX {
        return Err(Error::Refused(format!("{}: longer than 1 MiB", path.display())));
    }
    Ok(events)
}

pub(crate) fn read_key(path: &Path) -> Result<[u8; 32], Error> {
    let metadata = fs::metadata(path).map_err(Error::io(path))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let message = format!("{}: open to other users; chmod 600 it", path.display());
        return Err(Error::Refused(message));
    }
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    Digest::from_hex(text.trim_end())
        .map(|digest| digest.0)
        .ok_or_else(|| Error::Refused(format!("{}: not 64 hex digits", path.display())))
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Writes a file of `mode` that appears under its name only when all of it is on disk.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let mut file = temporary_beside(path, mode)?;
    file.write_all(content).map_err(Error::io(path))?;
    persist(file, path)
}

/// A temporary file in the folder of `path`, removed unless it is persisted.
pub(crate) fn temporary_beside(path: &Path, mode: u32) -> Result<tempfile::NamedTempFile, Error> {
    tempfile::Builder::new()
        .prefix(".cairn-")
        .permissions(PermissionsExt::from_mode(mode))
        .tempfile_in(parent(path))
        .map_err(Error::io(path))
}

/// Gives a temporary file its name, after its bytes have reached the disk.
pub(crate) fn persist(file: tempfile::NamedTempFile, path: &Path) -> Result<(), Error> {
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path).map_err(|error| Error::io(path)(error.error))?;
    File::open(parent(path)).and_then(|folder| folder.sync_all()).map_err(Error::io(path))
}
