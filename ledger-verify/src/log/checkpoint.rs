//! Checkpoints (c2sp.org/tlog-checkpoint) and who has to have signed them.

use super::note::number;
use super::note::{Key, KeyType, NAME_BYTES_MAX, Note, SIGNATURE_BYTES_MAX, SignatureLine, hash};
use super::text::Lines;
use super::{Error, Reason};
use crate::Digest;
use crate::bytes::copy;

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
    /// The witnesses known, at most [`WITNESSES_MAX`].
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
            if self.keys().any(|(key, _)| line.is_by(key)) {
                self.count_line(&mut tally, note, &line)?;
            }
        }
        let witnessed_s =
            self.conclude(&tally).map_err(|reason| Error { offset: note.text().len(), reason })?;
        Ok(Trusted { checkpoint, witnessed_s })
    }

    /// All keys, and the bit of each in a [`Tally`].
    fn keys(&self) -> impl Iterator<Item = (&Key<'_>, u64)> {
        let all = core::iter::once(&self.log).chain(self.witnesses.iter().take(WITNESSES_MAX));
        all.zip((0..).map(|bit| 1 << bit))
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
            Some(signature) => self.count(tally, note.text(), line.name, signature),
            None => Err(Reason::BadSignature),
        };
        counted.map_err(|reason| Error { offset: line.offset, reason })
    }

    /// Verifies one signature of a checkpoint's `text` and counts it, if its key is one of this policy.
    /// `signature` is what a signature line has in base64: the key's id, the time of a cosignature, the
    /// signature.
    ///
    /// # Errors
    /// [`Reason::BadSignature`], and those of [`Checkpoint::parse`].
    pub(crate) fn count(
        &self,
        tally: &mut Tally,
        text: &str,
        name: &str,
        signature: &[u8],
    ) -> Result<(), Reason> {
        let (id, signature) = signature.split_first_chunk::<4>().ok_or(Reason::BadSignature)?;
        for (key, bit) in self.keys().filter(|(key, _)| key.name() == name && key.id() == *id) {
            let time_s = verify(key, text, signature)?;
            tally.signed |= bit;
            if let Some(time_s) = time_s {
                tally.oldest_s = Some(tally.oldest_s.map_or(time_s, |oldest| time_s.min(oldest)));
            }
        }
        Ok(())
    }

    /// Whether those who signed are enough; the time of the oldest witness signature.
    ///
    /// # Errors
    /// [`Reason::NoLogSignature`], [`Reason::TooFewWitnesses`].
    pub(crate) fn conclude(&self, tally: &Tally) -> Result<Option<u64>, Reason> {
        if tally.signed & 1 == 0 {
            return Err(Reason::NoLogSignature);
        }
        let (found, wanted) = ((tally.signed >> 1).count_ones() as usize, self.witnesses_wanted);
        if found < wanted {
            return Err(Reason::TooFewWitnesses { found, wanted });
        }
        Ok(tally.oldest_s)
    }
}

/// Who has signed a checkpoint so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// Bit 0 is the log, the others are witnesses: who signs twice counts once.
    signed: u64,
    oldest_s: Option<u64>,
}

impl Tally {
    pub(crate) const NOBODY: Self = Self { signed: 0, oldest_s: None };
}

/// Verifies one signature and returns its time, if it has one.
#[inline(never)]
fn verify(key: &Key<'_>, text: &str, signature: &[u8]) -> Result<Option<u64>, Reason> {
    let algorithm = key.key_type().algorithm();
    if key.key_type() == KeyType::Note {
        let verifies = algorithm.verify(key.public(), text.as_bytes(), signature);
        return if verifies { Ok(None) } else { Err(Reason::BadSignature) };
    }
    let (time, signature) = signature.split_first_chunk::<8>().ok_or(Reason::BadSignature)?;
    let time_s = u64::from_be_bytes(*time);
    let checkpoint = Checkpoint::parse(text).map_err(|error| error.reason)?;
    let message = Message::of(key.key_type(), key.name(), time_s, text, &checkpoint);
    let verifies =
        message.is_some_and(|message| algorithm.verify(key.public(), message.bytes(), signature));
    if verifies { Ok(Some(time_s)) } else { Err(Reason::BadSignature) }
}

/// What a cosigner signs; the longest is a header of 40 bytes and a checkpoint's text.
const MESSAGE_BYTES_MAX: usize = 40 + TEXT_BYTES_MAX;
const _: () = assert!(MESSAGE_BYTES_MAX >= 12 + 2 * (1 + NAME_BYTES_MAX) + 3 * 8 + 32);

pub(crate) struct Message {
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Message {
    /// What a cosigner of this type and name signs at `time_s`; `None` for a time after 2^63 - 1, where
    /// the standard ends it, and for a text or a name that is too long.
    pub(crate) fn of(
        key_type: KeyType,
        name: &str,
        time_s: u64,
        text: &str,
        checkpoint: &Checkpoint<'_>,
    ) -> Option<Self> {
        let mut message = Self { bytes: [0; MESSAGE_BYTES_MAX], length: 0 };
        if time_s > i64::MAX.unsigned_abs() {
            return None;
        }
        match key_type {
            KeyType::CosignatureMlDsa44 => message.subtree(name, time_s, checkpoint)?,
            KeyType::Note | KeyType::CosignatureEd25519 => message.cosignature(time_s, text)?,
        }
        Some(message)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length.checked_add(bytes.len())?;
        let place = self.bytes.get_mut(self.length..end)?;
        copy(place, bytes);
        self.length = end;
        Some(())
    }

    /// c2sp.org/tlog-cosignature, "Ed25519 signed message".
    fn cosignature(&mut self, time_s: u64, text: &str) -> Option<()> {
        self.put(b"cosignature/v1\ntime ")?;
        let mut digits = [0; 20];
        let mut rest = time_s;
        let mut start = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            start -= 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.put(digits.get(start..)?)?;
        self.put(b"\n")?;
        self.put(text.as_bytes())
    }

    /// c2sp.org/tlog-cosignature, "ML-DSA-44 signed message".
    fn subtree(&mut self, name: &str, time_s: u64, checkpoint: &Checkpoint<'_>) -> Option<()> {
        self.put(b"subtree/v1\n\0")?;
        self.put_text(name)?;
        self.put(&time_s.to_be_bytes())?;
        self.put_text(checkpoint.origin)?;
        self.put(&0_u64.to_be_bytes())?;
        self.put(&checkpoint.size.to_be_bytes())?;
        self.put(&checkpoint.root.0)
    }

    fn put_text(&mut self, text: &str) -> Option<()> {
        self.put(&[u8::try_from(text.len()).ok()?])?;
        self.put(text.as_bytes())
    }
}
