//! Who signs the next event of a chain on disk, and what it commits to.
//!
//! Events are signed here so that the chain can always go on: no key is committed to that would be too
//! weak for the event after. The recovery key is of the next key's algorithm, because a chain is as
//! strong as the weaker of both.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::chain::{Head, Kind};
use ledger_verify::registers::{Write, WriteValue};
use ledger_verify::write::{Draft, KeySet, append};

use super::file::replace;
use super::folder::{
    ChainFolder, EVENT_BYTES_MAX, EVENTS_BYTES_MAX, KEY, KEY_NEXT, Pending, now_s,
};
use super::keys::{NewRecovery, Secret};
use crate::Error;

/// A secret key that the last event committed to.
struct Committed {
    file: PathBuf,
    secret: Secret,
    algorithm: Algorithm,
    index: u64,
}

impl ChainFolder {
    /// Signs the event that writes `writes` and lets the next key take over. Nothing on disk changes
    /// until [`ChainFolder::commit`].
    ///
    /// # Errors
    /// [`Error::Refused`] if the key is exposed or not the chain's, or the chain forbids a write, or
    /// could not go on afterwards; [`Error::Io`].
    pub fn prepare(&self, writes: Vec<Write>) -> Result<Pending, Error> {
        self.prepare_append(writes, None, None)
    }

    /// Appends the event that writes `writes`, raises the chain to `algorithm`, and gives it a recovery
    /// key from a secret in the new file `recovery`.
    ///
    /// # Errors
    /// As [`ChainFolder::init`] and [`ChainFolder::prepare`]; [`Error::Refused`] for a second recovery
    /// key.
    pub fn append(
        &mut self,
        writes: Vec<Write>,
        algorithm: Option<Algorithm>,
        recovery: Option<&Path>,
    ) -> Result<(), Error> {
        let recovery = recovery.map(|file| NewRecovery::new(file, &self.path)).transpose()?;
        let pending = self.prepare_append(writes, algorithm, recovery.as_ref())?;
        recovery.map_or(Ok(()), |recovery| recovery.save())?;
        self.commit(pending)
    }

    fn prepare_append(
        &self,
        writes: Vec<Write>,
        algorithm: Option<Algorithm>,
        new_recovery: Option<&NewRecovery<'_>>,
    ) -> Result<Pending, Error> {
        let key = self.key()?;
        let next = self.next_algorithm(algorithm, key.algorithm, &writes)?;
        let recovery = match (self.head()?.recovery, new_recovery) {
            (Some(_), Some(_)) => {
                return Err(
                    self.refused("the chain has a recovery key, which only a recovery changes")
                );
            }
            (Some(_), None) if next != key.algorithm => {
                return Err(self.refused(format_args!(
                    "the chain has a recovery key of {}, which only a recovery changes: raise both \
                     with `cairn chain recover --algorithm`",
                    key.algorithm
                )));
            }
            (old, None) => old,
            (None, Some(new)) => Some(new.commitment(next, self.recoveries()?)),
        };
        let commitment = key.secret.commitment(next, key.index + 1);
        self.sign(&key, Kind::Ordinary, Some(commitment), recovery, writes)
    }

    /// Signs the event that ends the chain, as [`ChainFolder::prepare`], with the recovery key if its
    /// secret is given.
    ///
    /// # Errors
    /// As [`ChainFolder::prepare`].
    pub fn prepare_revocation(&self, recovery: Option<&Path>) -> Result<Pending, Error> {
        let key = match recovery {
            Some(file) => self.recovery_key(file)?,
            None => self.key()?,
        };
        self.sign(&key, Kind::Revocation, None, None, Vec::new())
    }

    /// Appends the event by which the recovery key lets a new `key` take over, of the recovery key's
    /// algorithm or a stronger one.
    ///
    /// # Errors
    /// [`Error::Refused`] if `recovery` is exposed or not the secret of the chain's recovery key, or
    /// `algorithm` is too weak; [`Error::Io`], after which the command is to be repeated, or is done:
    /// the chain goes on either way.
    pub fn recover(&mut self, recovery: &Path, algorithm: Option<Algorithm>) -> Result<(), Error> {
        self.settle_key()?;
        let key = self.recovery_key(recovery)?;
        let next = self.next_algorithm(algorithm, key.algorithm, &[])?;
        let new = Secret::new(&self.path)?;
        let commitment = new.commitment(next, self.chain.next_sequence() + 1);
        let recovery = key.secret.commitment(next, key.index + 1);
        let pending =
            self.sign(&key, Kind::Recovery, Some(commitment), Some(recovery), Vec::new())?;
        // One of both keys fits the chain, wherever this is cut off.
        replace(&self.path.join(KEY_NEXT), new.text().as_bytes(), 0o600)?;
        self.commit(pending)
    }

    /// The algorithm of the next key: what is asked for, or else that of `signer`.
    fn next_algorithm(
        &self,
        asked: Option<Algorithm>,
        signer: Algorithm,
        writes: &[Write],
    ) -> Result<Algorithm, Error> {
        let written = writes.iter().find_map(|write| match write.value {
            WriteValue::Policy(policy) => Some(policy),
            _ => None,
        });
        let policy = written.or(self.proven()?.registers().policy());
        let next = asked.unwrap_or(signer);
        let weakest = policy.map_or(signer, |policy| policy.weakest.max(signer));
        if next < weakest {
            return Err(self.refused(format_args!(
                "the next key is to be {next}, but from now on none may be weaker than {weakest}: \
                 no event could follow (--algorithm)"
            )));
        }
        Ok(next)
    }

    fn sign(
        &self,
        key: &Committed,
        kind: Kind,
        next: Option<Digest>,
        recovery: Option<Digest>,
        writes: Vec<Write>,
    ) -> Result<Pending, Error> {
        // A thief may have set the time far ahead; a recovery takes it back.
        let time_s = match kind {
            Kind::Recovery => now_s(),
            Kind::Ordinary | Kind::Revocation => now_s().max(self.head()?.time_s),
        };
        let signer = key.secret.key(key.algorithm, key.index);
        let keys = KeySet::single(signer.public());
        let draft = Draft { kind, time_s, keys, next, recovery, writes };
        let mut chain = self.chain.clone();
        let event = append(&mut chain, &draft, &[signer]).map_err(|error| self.refused(error))?;
        let events = [self.events(), &event].concat();
        // A full chain can still be recovered, and revoked then.
        let kept_bytes = if kind == Kind::Ordinary { 2 * EVENT_BYTES_MAX } else { 0 };
        if events.len() + kept_bytes > EVENTS_BYTES_MAX {
            return Err(self.refused("the chain is full: 1 MiB of events"));
        }
        Ok(Pending { events, chain })
    }

    /// Gives the key of a recovery its name, once the chain commits to it.
    pub(super) fn settle_key(&self) -> Result<(), Error> {
        let file = self.path.join(KEY_NEXT);
        if file.exists() && self.key().is_ok_and(|key| key.file == file) {
            fs::rename(&file, self.path.join(KEY)).map_err(Error::io(&file))?;
        }
        Ok(())
    }

    /// Checks that the key file belongs to the chain: that it is secret and is what the last event
    /// committed to. Answers false when there is no key file, as in a copy for readers.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Io`].
    pub fn check_key(&self) -> Result<bool, Error> {
        let file = self.path.join(KEY);
        if !file.exists() && !self.path.join(KEY_NEXT).exists() {
            return Ok(false);
        }
        // A revoked chain has no next key to compare with.
        match self.head()?.next {
            None => Secret::read(&file).map(|_| true),
            Some(_) => self.key().map(|_| true),
        }
    }

    /// Checks that `file` holds the secret of the recovery key that the chain committed to.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Io`].
    pub fn check_recovery(&self, file: &Path) -> Result<(), Error> {
        self.recovery_key(file).map(|_| ())
    }

    /// The key that signs the next event.
    fn key(&self) -> Result<Committed, Error> {
        let commitment = self.head()?.next.ok_or_else(|| self.refused("the chain is revoked"))?;
        let index = self.chain.next_sequence();
        let (key, new) = (self.path.join(KEY), self.path.join(KEY_NEXT));
        for file in new.exists().then_some(new).into_iter().chain([key.clone()]) {
            let secret = Secret::read(&file)?;
            if let Some(algorithm) = secret.algorithm(index, commitment) {
                return Ok(Committed { file, secret, algorithm, index });
            }
        }
        Err(Error::Refused(format!("{}: not the key of this chain", key.display())))
    }

    /// The key that signs the next recovery, from the secret in `file`.
    fn recovery_key(&self, file: &Path) -> Result<Committed, Error> {
        let Head { next, recovery, .. } = *self.head()?;
        next.ok_or_else(|| self.refused("the chain is revoked"))?;
        let commitment =
            recovery.ok_or_else(|| self.refused("the chain commits to no recovery key"))?;
        let index = self.recoveries()?;
        let secret = Secret::read_recovery(file)?;
        let algorithm = secret.algorithm(index, commitment).ok_or_else(|| {
            let file = file.display();
            Error::Refused(format!("{file}: not the recovery secret of this chain"))
        })?;
        Ok(Committed { file: file.to_owned(), secret, algorithm, index })
    }

    /// How many recoveries the chain has seen.
    fn recoveries(&self) -> Result<u64, Error> {
        let parsed = self.parsed()?;
        Ok(parsed.iter().filter(|event| event.kind == Kind::Recovery).count() as u64)
    }
}
