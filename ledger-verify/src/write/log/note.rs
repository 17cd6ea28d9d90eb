//! What a log and its witnesses write: signature lines, checkpoints, offline proofs.

use std::format;
use std::string::String;
use std::vec::Vec;

use crate::digest::Digest;
use crate::log::Reason;
use crate::log::checkpoint::{Checkpoint, with_message};
use crate::log::note::{Key, KeyType};
use crate::write::SecretKey;

/// The text of a checkpoint.
#[must_use]
pub fn checkpoint_text(origin: &str, size: u64, root: &Digest) -> String {
    format!("{origin}\n{size}\n{}\n", base64(&root.0))
}

/// An offline proof of entry `index`: its inclusion proof, and a signed checkpoint.
#[must_use]
pub fn proof_text(index: u64, inclusion: &[Digest], checkpoint: &str) -> String {
    format!("c2sp.org/tlog-proof@v1\nindex {index}\n{}\n{checkpoint}", hash_lines(inclusion))
}

/// Hashes in base64, a line each.
#[must_use]
pub fn hash_lines(hashes: &[Digest]) -> String {
    hashes.iter().map(|hash| base64(&hash.0) + "\n").collect()
}

/// A key that signs notes.
#[derive(Clone)]
pub struct NoteSigner {
    name: String,
    key_type: KeyType,
    secret: SecretKey,
    public: Vec<u8>,
}

impl NoteSigner {
    /// A signer; its secret has to be of the type's algorithm.
    ///
    /// # Errors
    /// [`Reason::KeyName`], [`Reason::VerifierKey`].
    pub fn new(name: &str, key_type: KeyType, secret: SecretKey) -> Result<Self, Reason> {
        let public = secret.public().bytes;
        Key::new(name, key_type, &public)?;
        Ok(Self { name: name.into(), key_type, secret, public })
    }

    /// The public half.
    ///
    /// # Errors
    /// None that [`NoteSigner::new`] let through.
    pub fn key(&self) -> Result<Key<'_>, Reason> {
        Key::new(&self.name, self.key_type, &self.public)
    }

    /// The verifier key, `name+id+base64`, for policies.
    ///
    /// # Errors
    /// As [`NoteSigner::key`].
    pub fn verifier_key(&self) -> Result<String, Reason> {
        let id = u32::from_be_bytes(self.key()?.id());
        let key = [&[self.key_type as u8], &self.public[..]].concat();
        Ok(format!("{}+{id:08x}+{}", self.name, base64(&key)))
    }

    /// The signature line for a note's text; `time_s` is what a cosigner's signature carries.
    ///
    /// # Errors
    /// Those of [`Checkpoint::parse`] for a cosigner, which signs nothing but checkpoints;
    /// [`Reason::BadSignature`] for a time after 2^63 - 1.
    pub fn sign(&self, text: &str, time_s: u64) -> Result<String, Reason> {
        let mut signature = self.key()?.id().to_vec();
        if self.key_type != KeyType::Note {
            Checkpoint::parse(text).map_err(|error| error.reason)?;
            signature.extend(time_s.to_be_bytes());
        }
        let signed = with_message(self.key_type, &self.name, time_s, text, |message| {
            self.secret.sign(&message.concat())
        });
        signature.extend(signed?);
        Ok(format!("\u{2014} {} {}\n", self.name, base64(&signature)))
    }
}

/// Base64 (RFC 4648, section 4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | u32::from(*group.get(i).unwrap_or(&0)));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= group.len() { DIGITS[index] as char } else { '=' });
        }
    }
    text
}
