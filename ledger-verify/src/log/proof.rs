//! Offline proofs that an entry is in a log (c2sp.org/tlog-proof).

use super::base64::is_base64;
use super::checkpoint::{Policy, Trusted};
use super::note::{Note, hash, number};
use super::text::Lines;
use super::{Error, Reason, tree};
use crate::Digest;

const VERSION: &str = "c2sp.org/tlog-proof@v1";
/// Longest inclusion proof: one hash per level of the largest tree.
pub(crate) const HASHES_MAX: usize = 64;

/// A proof, taken apart; nothing it says is proven.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// Number of the entry in the log, from 0.
    pub index: u64,
    hashes: &'a str,
    hashes_offset: usize,
    note: Note<'a>,
    note_offset: usize,
}

impl<'a> Proof<'a> {
    /// Takes a proof apart. The `extra` line may hold anything in base64: nothing vouches for it.
    ///
    /// # Errors
    /// [`Reason::NotText`], [`Reason::Version`], [`Reason::NoteFormat`], [`Reason::Number`],
    /// [`Reason::Base64`], [`Reason::TooLong`], and those of [`Note::parse`].
    #[inline(never)]
    pub fn parse(proof: &'a [u8]) -> Result<Self, Error> {
        let fail = |offset, reason| Error { offset, reason };
        let split = proof.windows(2).position(|pair| pair == b"\n\n");
        let head_end = split.ok_or(fail(proof.len(), Reason::NoteFormat))?;
        let (head, rest) = proof.split_at_checked(head_end + 1).unwrap_or((proof, &[]));
        let head = core::str::from_utf8(head)
            .map_err(|error| fail(error.valid_up_to(), Reason::NotText))?;

        let mut lines = Lines::new(head);
        if lines.next().is_none_or(|(_, version)| version != VERSION) {
            return Err(fail(0, Reason::Version));
        }
        let format = fail(lines.offset(), Reason::NoteFormat);
        let (mut offset, mut line) = lines.next().ok_or(format)?;
        if let Some(extra) = line.strip_prefix("extra ") {
            if !is_base64(extra) {
                return Err(fail(offset, Reason::Base64));
            }
            (offset, line) = lines.next().ok_or(format)?;
        }
        let index = line.strip_prefix("index ").ok_or(fail(offset, Reason::NoteFormat))?;
        let index = number(index).ok_or(fail(offset, Reason::Number))?;
        let (hashes, hashes_offset) = (lines.rest(), lines.offset());
        for (count, (offset, line)) in lines.enumerate() {
            if count == HASHES_MAX {
                return Err(fail(offset, Reason::TooLong));
            }
            hash(line).ok_or(fail(offset, Reason::Base64))?;
        }
        let note_offset = head.len() + 1;
        let note = Note::parse(rest.get(1..).unwrap_or(&[]))
            .map_err(|error| fail(error.offset + note_offset, error.reason))?;
        Ok(Self { index, hashes, hashes_offset, note, note_offset })
    }

    /// The inclusion proof, from the leaf's sibling up.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = Digest> + use<'a> {
        Lines::new(self.hashes).filter_map(|(_, line)| hash(line))
    }

    /// The signed checkpoint.
    #[cfg(any(test, feature = "write"))]
    pub(crate) const fn note(&self) -> &Note<'a> {
        &self.note
    }

    /// Proves that the entry with hash `leaf` is in a tree that `policy` trusts.
    ///
    /// # Errors
    /// Those of [`Policy::verify`]; [`Reason::ProofShape`], [`Reason::RootMismatch`].
    #[inline(never)]
    pub fn verify(&self, leaf: &Digest, policy: &Policy<'_>) -> Result<Trusted<'a>, Error> {
        let trusted = policy.verify(&self.note).map_err(|error| Error {
            offset: error.offset + self.note_offset,
            reason: error.reason,
        })?;
        let checkpoint = &trusted.checkpoint;
        tree::verify_inclusion(self.index, checkpoint.size, leaf, self.hashes(), &checkpoint.root)
            .map_err(|reason| Error { offset: self.hashes_offset, reason })?;
        Ok(trusted)
    }
}
