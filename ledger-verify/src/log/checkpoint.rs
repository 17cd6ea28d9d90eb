//! Checkpoints (c2sp.org/tlog-checkpoint) and who has to have signed them.

use super::note::number;
use super::note::{Key, KeyType, Note, SIGNATURE_BYTES_MAX, SignatureLine, hash};
use super::text::Lines;
use super::{Error, Reason};
use crate::Digest;
use crate::algorithm::Verification;

/// Longest checkpoint text, in bytes: the longest origin, size and root, and some extension lines.
pub const TEXT_BYTES_MAX: usize = 1024;
/// Most witnesses in a policy.
pub const WITNESSES_MAX: usize = 32;

/// The head of a log's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint<'a> {
    /// The log's name.
    pub origin: &'a str,
    /// Number of entries.
    pub size: u64,
    /// Root over all entries.
    pub root: Digest,
}

/// Whose signatures make a checkpoint believable.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The log. Its name is the origin of its checkpoints.
    pub log: Key<'a>,
    /// The witnesses known, at most [`WITNESSES_MAX`]. One public key is one witness, under whatever names;
    /// the log's is none, nor is one that makes no cosignatures.
    pub witnesses: &'a [Key<'a>],
    /// How many different witnesses have to have signed.
    pub witnesses_wanted: usize,
}

/// A checkpoint that a [`Policy`] accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trusted<'a> {
    /// The checkpoint.
    pub checkpoint: Checkpoint<'a>,
    /// Time of the oldest witness signature, in seconds since 1970; `None` without witnesses. The
    /// tree was as new as this for every witness that signed.
    pub witnessed_s: Option<u64>,
}

impl<'a> Checkpoint<'a> {
    /// Reads a note's text.
    ///
    /// # Errors
    /// [`Reason::TooLong`], [`Reason::NoteFormat`], [`Reason::Number`], [`Reason::Base64`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let fail = |offset, reason| Error { offset, reason };
        if text.len() > TEXT_BYTES_MAX {
            return Err(fail(TEXT_BYTES_MAX, Reason::TooLong));
        }
        let mut lines = Lines::new(text);
        let mut next = || match lines.next() {
            Some((start, line)) if !line.is_empty() => Ok((start, line)),
            _ => Err(fail(lines.offset(), Reason::NoteFormat)),
        };
        let (_, origin) = next()?;
        let (start, size) = next()?;
        let size = number(size).ok_or(fail(start, Reason::Number))?;
        let (start, root) = next()?;
        let root = hash(root).ok_or(fail(start, Reason::Base64))?;
        // Whatever follows is opaque, but lines, and not empty.
        let empty = lines.by_ref().find(|(_, line)| line.is_empty());
        if empty.is_some() || !lines.rest().is_empty() {
            return Err(fail(lines.offset(), Reason::NoteFormat));
        }
        Ok(Self { origin, size, root })
    }
}

impl Policy<'_> {
    /// Verifies a signed checkpoint: the log signed, enough witnesses did, and no signature by a key
    /// of this policy is bad. Signatures by other keys mean nothing and are passed over.
    ///
    /// # Errors
    /// As [`Note::parse`] and [`Checkpoint::parse`]; [`Reason::Origin`], [`Reason::BadSignature`],
    /// [`Reason::NoLogSignature`], [`Reason::TooFewWitnesses`].
    pub fn verify<'n>(&self, note: &Note<'n>) -> Result<Trusted<'n>, Error> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != self.log.name() {
            return Err(Error { offset: 0, reason: Reason::Origin });
        }
        let mut tally = Tally::NOBODY;
        for line in note.signatures() {
            if self.keys().any(|key| line.is_by(key)) {
                self.count_line(&mut tally, note, &line)?;
            }
        }
        let witnessed_s =
            self.conclude(&tally).map_err(|reason| Error { offset: note.text().len(), reason })?;
        Ok(Trusted { checkpoint, witnessed_s })
    }

    /// The log's key, then those of the witnesses.
    fn keys(&self) -> impl Iterator<Item = &Key<'_>> {
        core::iter::once(&self.log).chain(self.witnesses.iter().take(WITNESSES_MAX))
    }

    /// The key of this name and id, and its bit in a [`Tally`].
    #[inline(never)]
    fn signer(&self, name: &str, id: [u8; 4]) -> Option<(&Key<'_>, u64)> {
        let key = self.keys().find(|key| key.name() == name && key.id() == id)?;
        let bit = if *key == self.log { LOG_BIT } else { self.witness_bit(key) };
        Some((key, bit))
    }

    /// The bit of a witness in a [`Tally`]: that of the first with its public key, and none for the log's or
    /// for a key whose signatures have no time.
    fn witness_bit(&self, key: &Key<'_>) -> u64 {
        if key.public() == self.log.public() || key.key_type() == KeyType::Note {
            return 0;
        }
        let first = self.witnesses.iter().position(|other| other.public() == key.public());
        first.map_or(0, |number| 2 << number)
    }

    // Out of line, so that its 2.4 KB of buffer are on the stack only while they are used.
    #[inline(never)]
    fn count_line(
        &self,
        tally: &mut Tally,
        note: &Note<'_>,
        line: &SignatureLine<'_>,
    ) -> Result<(), Error> {
        let mut buffer = [0; SIGNATURE_BYTES_MAX];
        let counted = match line.decode(&mut buffer) {
            Some(signature) => {
                let mut verification = Verification::NOTHING;
                self.count(tally, &mut verification, note.text(), line.name, signature)
            }
            None => Err(Reason::BadSignature),
        };
        counted.map_err(|reason| Error { offset: line.offset, reason })
    }

    /// Verifies one signature of a checkpoint's `text` and counts it, if its key is one of this policy.
    /// `signature` is what a signature line has in base64: the key's id, the time of a cosignature, the
    /// signature. `verification` is memory to work in.
    ///
    /// # Errors
    /// [`Reason::BadSignature`], and those of [`Checkpoint::parse`].
    pub(crate) fn count(
        &self,
        tally: &mut Tally,
        verification: &mut Verification,
        text: &str,
        name: &str,
        signature: &[u8],
    ) -> Result<(), Reason> {
        let (id, signature) = signature.split_first_chunk::<4>().ok_or(Reason::BadSignature)?;
        let Some((key, bit)) = self.signer(name, *id) else { return Ok(()) };
        let time_s = verify(verification, key, text, signature)?;
        tally.signed |= bit;
        // The log's own time is no witness's.
        if let Some(time_s) = time_s.filter(|_| bit > LOG_BIT) {
            tally.oldest_s = Some(tally.oldest_s.map_or(time_s, |oldest| time_s.min(oldest)));
        }
        Ok(())
    }

    /// Whether those who signed are enough; the time of the oldest witness signature.
    ///
    /// # Errors
    /// [`Reason::NoLogSignature`], [`Reason::TooFewWitnesses`].
    pub(crate) fn conclude(&self, tally: &Tally) -> Result<Option<u64>, Reason> {
        if tally.signed & LOG_BIT == 0 {
            return Err(Reason::NoLogSignature);
        }
        let (found, wanted) = ((tally.signed >> 1).count_ones() as usize, self.witnesses_wanted);
        if found < wanted {
            return Err(Reason::TooFewWitnesses { found, wanted });
        }
        Ok(tally.oldest_s)
    }
}

/// The log's in a [`Tally`].
const LOG_BIT: u64 = 1;

/// Who has signed a checkpoint so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// [`LOG_BIT`], the others are witnesses: who signs twice counts once.
    signed: u64,
    oldest_s: Option<u64>,
}

impl Tally {
    pub(crate) const NOBODY: Self = Self { signed: 0, oldest_s: None };
}

/// Verifies one signature of a checkpoint's `text` and returns its time, if it has one.
#[inline(never)]
fn verify(
    verification: &mut Verification,
    key: &Key<'_>,
    text: &str,
    signature: &[u8],
) -> Result<Option<u64>, Reason> {
    let (time_s, signature) = match key.key_type() {
        KeyType::Note => (None, signature),
        KeyType::CosignatureEd25519 | KeyType::CosignatureMlDsa44 => {
            let (time, signature) = signature.split_first_chunk().ok_or(Reason::BadSignature)?;
            (Some(u64::from_be_bytes(*time)), signature)
        }
    };
    let (algorithm, public) = (key.key_type().algorithm(), key.public());
    let time_signed_s = time_s.unwrap_or(0);
    let verifies = with_message(key.key_type(), key.name(), time_signed_s, text, |message| {
        verification.verify_whole(algorithm, public, message, signature)
    });
    if verifies? { Ok(time_s) } else { Err(Reason::BadSignature) }
}

/// Calls `run` with the parts of what a key of this type and name signs of a checkpoint's `text`; a cosigner
/// signs the time, too (c2sp.org/tlog-cosignature, "Format").
///
/// # Errors
/// [`Reason::BadSignature`] for a time after 2^63 - 1, where the standard ends it, [`Reason::KeyName`] for a
/// name that is too long, and those of [`Checkpoint::parse`].
pub(crate) fn with_message<R>(
    key_type: KeyType,
    name: &str,
    time_s: u64,
    text: &str,
    run: impl FnOnce(&[&[u8]]) -> R,
) -> Result<R, Reason> {
    if time_s > i64::MAX.unsigned_abs() {
        return Err(Reason::BadSignature);
    }
    match key_type {
        KeyType::Note => Ok(run(&[text.as_bytes()])),
        KeyType::CosignatureEd25519 => Ok(with_time(time_s, text, run)),
        KeyType::CosignatureMlDsa44 => with_subtree(name, time_s, text, run),
    }
}

// Each out of line: what the other one needs is not on the stack.
#[inline(never)]
fn with_time<R>(time_s: u64, text: &str, run: impl FnOnce(&[&[u8]]) -> R) -> R {
    let mut digits = [0; 20];
    let digits = decimal(time_s, &mut digits);
    run(&[b"cosignature/v1\ntime ", digits, b"\n", text.as_bytes()])
}

#[inline(never)]
fn with_subtree<R>(
    name: &str,
    time_s: u64,
    text: &str,
    run: impl FnOnce(&[&[u8]]) -> R,
) -> Result<R, Reason> {
    let Checkpoint { origin, size, root } =
        Checkpoint::parse(text).map_err(|error| error.reason)?;
    let length = |text: &str| u8::try_from(text.len()).map_err(|_| Reason::KeyName);
    Ok(run(&[
        b"subtree/v1\n\0",
        &[length(name)?],
        name.as_bytes(),
        &time_s.to_be_bytes(),
        &[length(origin)?],
        origin.as_bytes(),
        &0_u64.to_be_bytes(),
        &size.to_be_bytes(),
        &root.0,
    ]))
}

/// The decimal digits of `number`, in a room for any.
fn decimal(number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut rest = number;
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or(&[])
}
