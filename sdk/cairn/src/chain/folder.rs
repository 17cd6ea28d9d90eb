//! A chain on disk: a folder of files.
//!
//! | file | holds |
//! |---|---|
//! | `chain.json` | `{"format": 1, "id": "<hex>"}`; never changes, and is what concurrent writers lock |
//! | `chain.cbor` | the events, as `docs/ledger.md` has them; replaced as a whole |
//! | `key` | 64 hex digits, mode 0600: the secret that event `n`'s signing key is derived from |
//! | `key.next` | the same during a recovery, which makes a new `key` |
//!
//! Opening replays the chain from the id in `chain.json`, so whatever is asked afterwards is proven.
//! Event `n` is signed with key `n` and commits to key `n + 1`; its algorithm is the one in which the
//! derived key is what the event before committed to. The key file is read only to sign: a copy of the
//! folder without it is good for everything else. The recovery secret has a file elsewhere: recovery
//! number `k`, from 0, is signed with its key `k` and commits to its key `k + 1`.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ledger_verify::Digest;
use ledger_verify::algorithm::{Algorithm, PUBLIC_BYTES_MAX};
use ledger_verify::chain::{Anchor, BUFFER_BYTES, Chain, Event, Head, Kind, Proven, Reason, split};
use ledger_verify::registers::{Name, Value, Write, WriteValue};
use ledger_verify::write::{Draft, KeySet, first};
use serde::{Deserialize, Serialize};

use super::file::replace;
use super::keys::{NewRecovery, Secret};
use crate::{Error, private_folder};

const CONFIG: &str = "chain.json";
pub(super) const EVENTS: &str = "chain.cbor";
pub(super) const KEY: &str = "key";
pub(super) const KEY_NEXT: &str = "key.next";
const FORMAT: u32 = 1;
/// No event that one key signs is longer: body and signature, the public key, and their heads.
pub(crate) const EVENT_BYTES_MAX: usize = BUFFER_BYTES + PUBLIC_BYTES_MAX + 16;
/// A longer chain fits no volume.
pub(super) const EVENTS_BYTES_MAX: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Config {
    format: u32,
    id: String,
}

/// A chain that was replayed without a fault.
pub struct ChainFolder {
    pub(super) path: PathBuf,
    events: Vec<u8>,
    pub(super) chain: Chain,
    /// Held while the chain may be written.
    _lock: File,
}

/// An event that is signed but not yet part of the chain on disk.
pub struct Pending {
    pub(super) events: Vec<u8>,
    pub(super) chain: Chain,
}

impl ChainFolder {
    /// Makes a chain of one event at `path`, which does not exist or is an empty folder, and the file
    /// of a recovery secret for it.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is something at `path` or at `recovery`; [`Error::Usage`] if that
    /// lies in the chain's folder; [`Error::Io`].
    pub fn init(path: &Path, algorithm: Algorithm, recovery: Option<&Path>) -> Result<Self, Error> {
        private_folder::check_free(path)?;
        let recovery = recovery.map(|file| NewRecovery::new(file, path)).transpose()?;
        let secret = Secret::new(path)?;
        let signer = secret.key(algorithm, 0);
        let draft = Draft {
            kind: Kind::Ordinary,
            time_s: now_s(),
            keys: KeySet::single(signer.public()),
            next: Some(secret.commitment(algorithm, 1)),
            recovery: recovery.as_ref().map(|recovery| recovery.commitment(algorithm, 0)),
            writes: Vec::new(),
        };
        let (event, anchor) =
            first(&draft, &[signer]).map_err(|error| Error::Refused(error.to_string()))?;
        let config = Config { format: FORMAT, id: anchor.chain.to_string() };
        let config =
            serde_json::to_string_pretty(&config).map_err(|error| Error::io(path)(error.into()))?;

        // First, for a chain that commits to a lost secret cannot be helped.
        recovery.map_or(Ok(()), |recovery| recovery.save())?;
        private_folder::make(
            path,
            &[
                (CONFIG, format!("{config}\n").as_bytes(), 0o644),
                (EVENTS, &event, 0o644),
                (KEY, secret.text().as_bytes(), 0o600),
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

    /// The events, taken apart.
    ///
    /// # Errors
    /// None: opening has replayed them. The type keeps this honest.
    pub(crate) fn parsed(&self) -> Result<Vec<Event<'_>>, Error> {
        let refused = |(_, reason): (_, Reason)| Error::Refused(reason.to_string());
        let mut parsed = Vec::new();
        let mut rest = self.events();
        while !rest.is_empty() {
            let (parts, after) = split(rest).map_err(refused)?;
            parsed.push(Event::parse(parts.body).map_err(refused)?);
            rest = after;
        }
        Ok(parsed)
    }

    /// Makes `pending` the chain on disk, in one step.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn commit(&mut self, pending: Pending) -> Result<(), Error> {
        replace(&self.path.join(EVENTS), &pending.events, 0o644)?;
        self.events = pending.events;
        self.chain = pending.chain;
        self.settle_key()
    }

    pub(super) fn head(&self) -> Result<&Head, Error> {
        self.proven().map(|proven| proven.head())
    }

    pub(super) fn refused(&self, what: impl fmt::Display) -> Error {
        Error::Refused(format!("{}: {what}", self.path.display()))
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

/// The time that goes into events: `SOURCE_DATE_EPOCH` where it is set, so that builds can repeat.
pub(crate) fn now_s() -> u64 {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|value| value.parse().ok());
    fixed.unwrap_or_else(clock_s)
}

/// What this machine's clock says, in seconds since 1970: what is judged by time, or vouches for it.
pub(crate) fn clock_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
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
    file.take(EVENTS_BYTES_MAX as u64 + 1).read_to_end(&mut events).map_err(Error::io(path))?;
    if events.len() > EVENTS_BYTES_MAX {
        return Err(Error::Refused(format!("{}: longer than 1 MiB", path.display())));
    }
    Ok(events)
}
