//! The proof that a bundle's last event is logged: a tlog-proof in CBOR, so that it can be read in
//! pieces and its signatures one at a time.

use super::error::{Error, Halt};
use crate::algorithm::Verification;
use crate::cbor::Pull;
use crate::chain::BUFFER_BYTES;
use crate::digest::Digest;
use crate::log::checkpoint::{Checkpoint, Policy, TEXT_BYTES_MAX, Tally};
use crate::log::note::{NAME_BYTES_MAX, SIGNATURE_BYTES_MAX, first_control};
use crate::log::proof::HASHES_MAX;
use crate::log::{self, Reason, tree};

/// Most signatures of a checkpoint.
pub(crate) const SIGNATURES_MAX: usize = 64;
/// The id of a key, and something.
pub(crate) const SIGNATURE_BYTES_MIN: usize = 5;

const _: () = assert!(TEXT_BYTES_MAX + HASHES_MAX * Digest::BYTES <= BUFFER_BYTES);
const _: () = assert!(TEXT_BYTES_MAX + NAME_BYTES_MAX + SIGNATURE_BYTES_MAX <= BUFFER_BYTES);

/// How far a proof was read. The buffer holds the checkpoint's text, and behind it first the hashes,
/// then the name of a key and its signature.
#[derive(Clone, Debug)]
pub(super) struct LogProof {
    place: Place,
    string: String,
    index: u64,
    text_bytes: usize,
    hashes_bytes: usize,
    name_bytes: usize,
    /// Hashes or signatures still to come.
    left: usize,
    tally: Tally,
    witnessed_s: Option<u64>,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Place {
    Index,
    TextHead,
    Text,
    Hashes,
    HashHead,
    Hash,
    Signatures,
    Signature,
    NameHead,
    Name,
    Signed,
}

/// What was read to its end, so that it can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complete {
    /// Nothing that is checked by itself.
    Item,
    Text,
    Hashes,
    Signature,
    All,
}

/// The string that is being read, and where it goes in the buffer.
#[derive(Clone, Copy, Debug)]
struct String {
    start: usize,
    length: usize,
    left: usize,
}

impl LogProof {
    pub(super) const fn new() -> Self {
        Self {
            place: Place::Index,
            string: String { start: 0, length: 0, left: 0 },
            index: 0,
            text_bytes: 0,
            hashes_bytes: 0,
            name_bytes: 0,
            left: 0,
            tally: Tally::NOBODY,
            witnessed_s: None,
        }
    }

    /// Time of the oldest witness signature, in seconds since 1970.
    pub(super) const fn witnessed_s(&self) -> Option<u64> {
        self.witnessed_s
    }

    /// Takes input up to the end of the proof, which is for the entry with hash `leaf`. Without a
    /// policy it is read over. The buffer keeps what it holds from call to call.
    #[inline(never)]
    pub(super) fn take(
        &mut self,
        pull: &mut Pull,
        (buffer, verification): (&mut [u8; BUFFER_BYTES], &mut Verification),
        input: &mut &[u8],
        leaf: &Digest,
        policy: Option<&Policy<'_>>,
    ) -> Result<(), Halt> {
        loop {
            let complete = self.read(pull, buffer, input)?;
            let checked = match complete {
                Complete::Item => continue,
                Complete::Text => self.check_text(buffer, policy),
                Complete::Hashes => self.check_inclusion(buffer, leaf, policy),
                Complete::Signature => self.count(buffer, verification, policy),
                Complete::All => self.conclude(policy),
            };
            // A bundle is shorter than 4 GiB.
            let offset = usize::try_from(pull.item()).unwrap_or(usize::MAX);
            checked.map_err(|reason| Halt::Refused(Error::Log(log::Error { offset, reason })))?;
            if complete == Complete::All {
                return Ok(());
            }
        }
    }

    /// Takes the next head, or what there is of a string. Out of line, so that it takes no stack while
    /// signatures are verified.
    #[inline(never)]
    fn read(
        &mut self,
        pull: &mut Pull,
        buffer: &mut [u8; BUFFER_BYTES],
        input: &mut &[u8],
    ) -> Result<Complete, Halt> {
        let (place, complete) = match self.place {
            Place::Index => {
                self.index = pull.unsigned(input, u64::MAX)?;
                (Place::TextHead, Complete::Item)
            }
            Place::TextHead => {
                self.text_bytes = pull.bytes(input, 1, TEXT_BYTES_MAX)?;
                self.string = String::new(0, self.text_bytes);
                (Place::Text, Complete::Item)
            }
            Place::Text => {
                self.string.fill(pull, buffer, input)?;
                (Place::Hashes, Complete::Text)
            }
            Place::Hashes => {
                self.left = pull.array(input, 0, HASHES_MAX)?;
                (Place::HashHead, Complete::Item)
            }
            Place::HashHead if self.left == 0 => (Place::Signatures, Complete::Hashes),
            Place::HashHead => {
                let length = pull.bytes(input, Digest::BYTES, Digest::BYTES)?;
                self.string = String::new(self.text_bytes + self.hashes_bytes, length);
                (Place::Hash, Complete::Item)
            }
            Place::Hash => {
                self.string.fill(pull, buffer, input)?;
                self.hashes_bytes += Digest::BYTES;
                self.left -= 1;
                (Place::HashHead, Complete::Item)
            }
            Place::Signatures => {
                self.left = pull.array(input, 1, SIGNATURES_MAX)?;
                (Place::Signature, Complete::Item)
            }
            Place::Signature if self.left == 0 => (Place::Signature, Complete::All),
            Place::Signature => {
                pull.array_of(input, 2)?;
                (Place::NameHead, Complete::Item)
            }
            Place::NameHead => {
                self.name_bytes = pull.text(input, 1, NAME_BYTES_MAX)?;
                self.string = String::new(self.text_bytes, self.name_bytes);
                (Place::Name, Complete::Item)
            }
            Place::Name => {
                self.string.fill(pull, buffer, input)?;
                // A string that is complete takes no more, when this is come to again.
                let length = pull.bytes(input, SIGNATURE_BYTES_MIN, SIGNATURE_BYTES_MAX)?;
                self.string = String::new(self.text_bytes + self.name_bytes, length);
                (Place::Signed, Complete::Item)
            }
            Place::Signed => {
                self.string.fill(pull, buffer, input)?;
                self.left -= 1;
                (Place::Signature, Complete::Signature)
            }
        };
        self.place = place;
        Ok(complete)
    }

    fn text<'b>(&self, buffer: &'b [u8; BUFFER_BYTES]) -> Result<&'b str, Reason> {
        let text = buffer.get(..self.text_bytes).unwrap_or(&[]);
        core::str::from_utf8(text).map_err(|_| Reason::NotText)
    }

    fn checkpoint<'b>(&self, buffer: &'b [u8; BUFFER_BYTES]) -> Result<Checkpoint<'b>, Reason> {
        Checkpoint::parse(self.text(buffer)?).map_err(|error| error.reason)
    }

    #[inline(never)]
    fn check_text(
        &self,
        buffer: &[u8; BUFFER_BYTES],
        policy: Option<&Policy<'_>>,
    ) -> Result<(), Reason> {
        if first_control(self.text(buffer)?.as_bytes()).is_some() {
            return Err(Reason::NotText);
        }
        let checkpoint = self.checkpoint(buffer)?;
        match policy {
            Some(policy) if policy.log.name() != checkpoint.origin => Err(Reason::Origin),
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn check_inclusion(
        &self,
        buffer: &[u8; BUFFER_BYTES],
        leaf: &Digest,
        policy: Option<&Policy<'_>>,
    ) -> Result<(), Reason> {
        if policy.is_none() {
            return Ok(());
        }
        let Checkpoint { size, root, .. } = self.checkpoint(buffer)?;
        let hashes = buffer.get(self.text_bytes..self.text_bytes + self.hashes_bytes);
        let (hashes, _) = hashes.unwrap_or(&[]).as_chunks();
        let hashes = hashes.iter().map(|hash| Digest(*hash));
        tree::verify_inclusion(self.index, size, leaf, hashes, &root)
    }

    /// Verifies a signature if its key is one of the policy's.
    fn count(
        &mut self,
        buffer: &[u8; BUFFER_BYTES],
        verification: &mut Verification,
        policy: Option<&Policy<'_>>,
    ) -> Result<(), Reason> {
        let text = self.text(buffer)?;
        let behind = buffer.get(self.text_bytes..).unwrap_or(&[]);
        let (name, behind) = behind.split_at_checked(self.name_bytes).unwrap_or((behind, &[]));
        let name = core::str::from_utf8(name).map_err(|_| Reason::NotText)?;
        let signature = behind.get(..self.string.length).unwrap_or(&[]);
        let tally = &mut self.tally;
        policy.map_or(Ok(()), |policy| policy.count(tally, verification, text, name, signature))
    }

    fn conclude(&mut self, policy: Option<&Policy<'_>>) -> Result<(), Reason> {
        if let Some(policy) = policy {
            self.witnessed_s = policy.conclude(&self.tally)?;
        }
        Ok(())
    }
}

impl String {
    const fn new(start: usize, length: usize) -> Self {
        Self { start, length, left: length }
    }

    /// Takes what there is of it.
    fn fill(
        &mut self,
        pull: &mut Pull,
        buffer: &mut [u8; BUFFER_BYTES],
        input: &mut &[u8],
    ) -> Result<(), Halt> {
        let place = buffer.get_mut(self.start..).unwrap_or(&mut []);
        pull.fill(input, place, self.length, &mut self.left)?;
        Ok(())
    }
}
