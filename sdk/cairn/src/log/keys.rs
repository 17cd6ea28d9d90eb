//! Secrets of logs and witnesses, and public keys of both.

use std::path::Path;

use ledger_verify::log::note::{KEY_BYTES_MAX, Key, KeyType};
use ledger_verify::write::SecretKey;
use ledger_verify::write::log::NoteSigner;

use crate::Error;
use crate::chain::read_key;

/// The file with the secret, mode 0600: 64 hex digits.
pub(super) const KEY: &str = "key";

/// The secret of the folder at `path`.
pub(super) fn read_master(path: &Path) -> Result<[u8; 32], Error> {
    read_key(&path.join(KEY))
}

/// The signer of this name and type that grows from a secret.
pub(super) fn signer(
    name: &str,
    key_type: KeyType,
    master: &[u8; 32],
) -> Result<NoteSigner, Error> {
    NoteSigner::new(name, key_type, SecretKey::derive_for(key_type.algorithm(), master, 0))
        .map_err(|reason| Error::Usage(format!("{name}: {reason}")))
}

/// The verifier key of a signer.
pub(super) fn verifier_key(signer: &NoteSigner) -> Result<String, Error> {
    signer.verifier_key().map_err(|reason| Error::Usage(reason.to_string()))
}

/// A public key that was read from a verifier key.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    name: String,
    key_type: KeyType,
    public: Vec<u8>,
}

impl PublicKey {
    /// Reads a verifier key, `name+id+base64`.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut buffer = [0; KEY_BYTES_MAX];
        let key = Key::parse(text, &mut buffer)
            .map_err(|reason| Error::Refused(format!("{text}: {reason}")))?;
        let (name, public) = (key.name().to_owned(), key.public().to_vec());
        Ok(Self { name, key_type: key.key_type(), public })
    }

    pub(super) fn key(&self) -> Result<Key<'_>, Error> {
        Key::new(&self.name, self.key_type, &self.public)
            .map_err(|reason| Error::Refused(format!("{}: {reason}", self.name)))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn key_type(&self) -> KeyType {
        self.key_type
    }
}
