//! The keys of a chain: secrets in files, and what grows from them.

use std::fs;
use std::path::Path;

use clap::ValueEnum as _;
use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::write::{KeySet, SecretKey};

use super::file::{create, parent, read_key};
use crate::{Error, private_folder};

/// A signature algorithm, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum AlgorithmName {
    /// Ed25519; events of about 400 bytes
    Ed25519,
    /// ML-DSA-44, against quantum computers; events of about 4 KB
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    /// Both signatures: safe while either is
    #[value(name = "ed25519+ml-dsa-44")]
    HybridMlDsa44,
    /// ML-DSA-65, stronger than ML-DSA-44; events of about 5.5 KB
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    /// Both signatures: safe while either is
    #[value(name = "ed25519+ml-dsa-65")]
    HybridMlDsa65,
}

impl From<AlgorithmName> for Algorithm {
    fn from(name: AlgorithmName) -> Self {
        match name {
            AlgorithmName::Ed25519 => Self::Ed25519,
            AlgorithmName::MlDsa44 => Self::MlDsa44,
            AlgorithmName::HybridMlDsa44 => Self::HybridMlDsa44,
            AlgorithmName::MlDsa65 => Self::MlDsa65,
            AlgorithmName::HybridMlDsa65 => Self::HybridMlDsa65,
        }
    }
}

/// 32 bytes that keys of any number and algorithm are derived from.
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// A fresh one, for the file or folder at `path`.
    pub(super) fn new(path: &Path) -> Result<Self, Error> {
        private_folder::new_secret(path).map(Self)
    }

    /// The one in `file`, which nobody else may read.
    pub(super) fn read(file: &Path) -> Result<Self, Error> {
        read_key(file).map(Self)
    }

    /// The recovery secret in `file`.
    pub(super) fn read_recovery(file: &Path) -> Result<Self, Error> {
        Ok(Self::read(file)?.for_recovery())
    }

    /// What its file holds.
    pub(super) fn text(&self) -> String {
        format!("{}\n", private_folder::hex(&self.0))
    }

    /// Other keys than a chain's, should both files hold the same.
    fn for_recovery(&self) -> Self {
        Self(blake3::derive_key("cairn 2026 chain recovery key v1", &self.0))
    }

    pub(super) fn key(&self, algorithm: Algorithm, index: u64) -> SecretKey {
        SecretKey::derive_for(algorithm, &self.0, index)
    }

    /// What commits an event to key number `index`.
    pub(super) fn commitment(&self, algorithm: Algorithm, index: u64) -> Digest {
        KeySet::single(self.key(algorithm, index).public()).digest()
    }

    /// The algorithm in which key number `index` is the one of `commitment`.
    pub(super) fn algorithm(&self, index: u64, commitment: Digest) -> Option<Algorithm> {
        let mut algorithms = AlgorithmName::value_variants().iter().copied().map(Algorithm::from);
        algorithms.find(|algorithm| self.commitment(*algorithm, index) == commitment)
    }
}

/// A recovery secret that is to get a file of its own.
pub(super) struct NewRecovery<'a> {
    file: &'a Path,
    secret: Secret,
}

impl<'a> NewRecovery<'a> {
    /// Makes one for the chain at `chain`; there is no file yet.
    ///
    /// # Errors
    /// [`Error::Usage`] if the file is to be in the chain's folder; [`Error::Io`].
    pub(super) fn new(file: &'a Path, chain: &Path) -> Result<Self, Error> {
        let folder = fs::canonicalize(parent(file)).map_err(Error::io(file))?;
        if fs::canonicalize(chain).is_ok_and(|chain| folder.starts_with(chain)) {
            let (file, chain) = (file.display(), chain.display());
            let message = format!("{file} lies inside {chain}: who steals the one has both");
            return Err(Error::Usage(message));
        }
        Ok(Self { file, secret: Secret::new(file)? })
    }

    /// What commits to its key number `index`.
    pub(super) fn commitment(&self, algorithm: Algorithm, index: u64) -> Digest {
        self.secret.for_recovery().commitment(algorithm, index)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Refused`] if it exists; [`Error::Io`].
    pub(super) fn save(&self) -> Result<(), Error> {
        create(self.file, self.secret.text().as_bytes(), 0o600)
    }
}
