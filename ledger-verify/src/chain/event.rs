//! One event, taken apart: `docs/ledger.md`, rules `frame`, `signed`, `body`.

use super::error::Reason;
use crate::algorithm::{Algorithm, PUBLIC_BYTES_MAX, SIGNATURE_BYTES_MAX};
use crate::cbor::{Error, Problem, Reader};
use crate::digest::{Digest, Domain};
use crate::registers::Writes;
use crate::registers::wire::WireError;

/// Longest event, in bytes, without the head of its frame (at most 3 bytes).
///
/// Room for two of three ML-DSA-65 signatures with their keys (12.7 KiB) beside 16 writes.
pub const EVENT_BYTES_MAX: usize = 16 * 1024;
/// Most keys in a key set.
pub const KEYS_MAX: usize = 8;
/// The only format version there is.
pub const VERSION: u64 = 1;

/// What signers sign is this, then the event's digest: 53 bytes that no other protocol signs.
pub(crate) const SIGNED_PREFIX: &[u8; 21] = b"cairn chain event v1\n";

pub(super) type At = (usize, Reason);

fn at(error: Error) -> At {
    (error.offset, Reason::Encoding(error.problem))
}

/// Which commitment of the event before an event's keys have to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The next keys. The first event of a chain is ordinary too.
    Ordinary = 0,
    /// The recovery keys.
    Recovery = 1,
    /// Either; ends the chain for good.
    Revocation = 2,
}

/// Keys and how many of them have to sign.
#[derive(Clone, Debug)]
pub struct KeySet<'a> {
    /// Number of signatures needed.
    pub threshold: usize,
    /// Digest of the set, the same that a commitment holds.
    pub digest: Digest,
    /// The weakest algorithm among the keys.
    pub weakest: Algorithm,
    keys: Reader<'a>,
    key_count: usize,
}

/// A parsed event. Its encoding is canonical; nothing it says is proven.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Which keys sign.
    pub kind: Kind,
    /// The chain; `None` in the first event, whose digest is the chain's id.
    pub chain: Option<Digest>,
    /// Number of the event, from 0.
    pub sequence: u64,
    /// Digest of the event before; `None` in the first.
    pub previous: Option<Digest>,
    /// When it was made, by the signers' clock, in seconds since 1970.
    pub time_s: u64,
    /// The keys that sign this event.
    pub keys: KeySet<'a>,
    /// Digest of the key set that signs the next event; `None` in a revocation.
    pub next: Option<Digest>,
    /// Digest of the key set that may sign a recovery.
    pub recovery: Option<Digest>,
    /// Digest of all registers after this event.
    pub state: Digest,
    /// Register writes.
    pub writes: Writes<'a>,
    /// Digest of the event: of its body, without the signatures.
    pub digest: Digest,
    signatures: Reader<'a>,
    signature_count: usize,
    pub(super) offsets: Offsets,
}

/// Where the fields stand that a later check may refuse.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offsets {
    pub(super) chain: usize,
    pub(super) sequence: usize,
    pub(super) previous: usize,
    pub(super) time: usize,
    pub(super) keys: usize,
    pub(super) next: usize,
    pub(super) recovery: usize,
    pub(super) state: usize,
}

/// An event, and the bytes after its frame.
pub(crate) type Split<'a> = (&'a [u8], &'a [u8]);

/// Length of the frame that `input` starts with, its head included; `None` while the head is not
/// complete.
///
/// # Errors
/// The head is none of an event's.
pub(super) fn frame_length(input: &[u8]) -> Result<Option<usize>, Reason> {
    let mut reader = Reader::new(input);
    match reader.bytes_head(1, EVENT_BYTES_MAX) {
        Ok(length) => Ok(Some(reader.offset() + length)),
        Err(Error { problem: Problem::Truncated, .. }) => Ok(None),
        Err(Error { problem: Problem::OutOfRange, .. }) => Err(Reason::TooLong),
        Err(Error { problem, .. }) => Err(Reason::Encoding(problem)),
    }
}

/// Takes the first frame off `input`: the event and the bytes after it; `None` while more bytes are
/// needed.
///
/// # Errors
/// As [`frame_length`].
pub(crate) fn split_frame(input: &[u8]) -> Result<Option<Split<'_>>, Reason> {
    let split = frame_length(input)?.and_then(|length| input.split_at_checked(length));
    Ok(split.and_then(|(frame, rest)| {
        let event = Reader::new(frame).bytes(1, EVENT_BYTES_MAX).ok()?;
        Some((event, rest))
    }))
}

impl<'a> Event<'a> {
    /// Takes `event` apart and checks all that can be checked without the chain and without a
    /// signature. `event` is the content of a frame.
    ///
    /// # Errors
    /// Byte offset in `event`, and the rule broken there.
    pub fn parse(event: &'a [u8]) -> Result<Self, (usize, Reason)> {
        if event.len() > EVENT_BYTES_MAX {
            return Err((EVENT_BYTES_MAX, Reason::TooLong));
        }
        let mut reader = Reader::new(event);
        reader.array_of(2).map_err(at)?;
        let mut parsed = Self::parse_body(&mut reader)?;
        parsed.signature_count = reader.array(1, KEYS_MAX).map_err(at)?;
        parsed.signatures = reader.clone();
        for _ in 0..parsed.signature_count {
            read_signature(&mut reader).map_err(at)?;
        }
        reader.end().map_err(at)?;
        parsed.check_shape()?;
        Ok(parsed)
    }

    #[inline(never)]
    fn parse_body(reader: &mut Reader<'a>) -> Result<Self, At> {
        let start = reader.offset();
        reader.array_of(11).map_err(at)?;
        let offset = reader.offset();
        if reader.unsigned().map_err(at)? != VERSION {
            return Err((offset, Reason::Version));
        }
        let offset = reader.offset();
        let kind = match reader.unsigned().map_err(at)? {
            0 => Kind::Ordinary,
            1 => Kind::Recovery,
            2 => Kind::Revocation,
            _ => return Err((offset, Reason::Kind)),
        };
        let mut offsets = Offsets { chain: reader.offset(), ..Offsets::default() };
        let chain = digest_or_null(reader)?;
        offsets.sequence = reader.offset();
        let sequence = reader.unsigned().map_err(at)?;
        offsets.previous = reader.offset();
        let previous = digest_or_null(reader)?;
        offsets.time = reader.offset();
        let time_s = reader.unsigned().map_err(at)?;
        offsets.keys = reader.offset();
        let keys = KeySet::parse(reader)?;
        offsets.next = reader.offset();
        let next = digest_or_null(reader)?;
        offsets.recovery = reader.offset();
        let recovery = digest_or_null(reader)?;
        offsets.state = reader.offset();
        let state = Digest(*reader.byte_array().map_err(at)?);
        let writes = Writes::parse(reader).map_err(|error| match error {
            WireError::Encoding(error) => at(error),
            WireError::Rule { offset, rule } => (offset, Reason::Register(rule)),
        })?;
        let digest = Domain::Event.digest(reader.since(start));
        let signatures = reader.clone();
        Ok(Self {
            kind,
            chain,
            sequence,
            previous,
            time_s,
            keys,
            next,
            recovery,
            state,
            writes,
            digest,
            signatures,
            signature_count: 0,
            offsets,
        })
    }

    /// Fields that depend on each other within one event.
    fn check_shape(&self) -> Result<(), At> {
        let is_first = self.sequence == 0;
        if self.chain.is_none() != is_first || (is_first && self.kind != Kind::Ordinary) {
            return Err((self.offsets.chain, Reason::Kind));
        }
        if self.previous.is_none() != is_first {
            return Err((self.offsets.previous, Reason::Kind));
        }
        if self.next.is_none() != (self.kind == Kind::Revocation) {
            return Err((self.offsets.next, Reason::Kind));
        }
        let keys = Some(self.keys.digest);
        if self.next == keys {
            return Err((self.offsets.next, Reason::KeysReused));
        }
        if self.recovery.is_some() && (self.recovery == self.next || self.recovery == keys) {
            return Err((self.offsets.recovery, Reason::KeysReused));
        }
        if self.signature_count < self.keys.threshold {
            return Err((self.signatures.offset(), Reason::TooFewSignatures));
        }
        Ok(())
    }

    /// Verifies every signature of the event with the event's own keys. There are at least as many
    /// as the threshold.
    #[inline(never)]
    pub(super) fn verify_signatures(&self) -> Result<(), At> {
        let mut message = [0; SIGNED_PREFIX.len() + Digest::BYTES];
        let (prefix, digest) = message.split_at_mut(SIGNED_PREFIX.len());
        prefix.copy_from_slice(SIGNED_PREFIX);
        digest.copy_from_slice(&self.digest.0);

        let mut signatures = self.signatures.clone();
        let mut keys = self.keys.keys.clone();
        let mut keys_read = 0;
        for _ in 0..self.signature_count {
            let offset = signatures.offset();
            let (key_index, signature) = read_signature(&mut signatures).map_err(at)?;
            // Indices ascend, so each key is read once, and none signs twice.
            if key_index < keys_read || key_index >= self.keys.key_count {
                return Err((offset, Reason::SignatureOrder));
            }
            let mut key = read_key(&mut keys)?;
            keys_read += 1;
            while keys_read <= key_index {
                key = read_key(&mut keys)?;
                keys_read += 1;
            }
            let (algorithm, public) = key;
            if !algorithm.verify(public, &message, signature) {
                return Err((offset, Reason::BadSignature));
            }
        }
        Ok(())
    }
}

impl<'a> KeySet<'a> {
    /// Reads a key set and checks that its keys ascend, each once.
    fn parse(reader: &mut Reader<'a>) -> Result<Self, At> {
        let start = reader.offset();
        reader.array_of(2).map_err(at)?;
        let threshold = reader.unsigned_up_to(KEYS_MAX as u64).map_err(at)?;
        let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
        let key_count = reader.array(1, KEYS_MAX).map_err(at)?;
        if threshold == 0 || threshold > key_count {
            return Err((start, Reason::KeySet));
        }
        let keys = reader.clone();
        let mut weakest = Algorithm::HybridMlDsa65;
        let mut before = None;
        for _ in 0..key_count {
            let offset = reader.offset();
            let key = read_key(reader)?;
            if before.is_some_and(|before| before >= key) {
                return Err((offset, Reason::KeySet));
            }
            weakest = weakest.min(key.0);
            before = Some(key);
        }
        let digest = Domain::KeySet.digest(reader.since(start));
        Ok(Self { threshold, digest, weakest, keys, key_count })
    }

    /// The keys, in ascending order.
    pub fn keys(&self) -> impl Iterator<Item = (Algorithm, &'a [u8])> + use<'a> {
        let mut reader = self.keys.clone();
        (0..self.key_count).map_while(move |_| read_key(&mut reader).ok())
    }
}

#[inline(never)]
fn read_key<'a>(reader: &mut Reader<'a>) -> Result<(Algorithm, &'a [u8]), At> {
    reader.array_of(2).map_err(at)?;
    let offset = reader.offset();
    let number = reader.unsigned().map_err(at)?;
    let algorithm = Algorithm::from_number(number).ok_or((offset, Reason::AlgorithmUnknown))?;
    if !algorithm.is_supported() {
        return Err((offset, Reason::AlgorithmUnsupported(algorithm)));
    }
    let offset = reader.offset();
    let public = reader.bytes(1, PUBLIC_BYTES_MAX).map_err(at)?;
    if public.len() != algorithm.public_bytes() {
        return Err((offset, Reason::KeySet));
    }
    Ok((algorithm, public))
}

#[inline(never)]
fn read_signature<'a>(reader: &mut Reader<'a>) -> Result<(usize, &'a [u8]), Error> {
    reader.array_of(2)?;
    let key_index = reader.unsigned_up_to(KEYS_MAX as u64 - 1)?;
    let key_index = usize::try_from(key_index).unwrap_or(usize::MAX);
    Ok((key_index, reader.bytes(1, SIGNATURE_BYTES_MAX)?))
}

#[inline(never)]
fn digest_or_null(reader: &mut Reader<'_>) -> Result<Option<Digest>, At> {
    Ok(reader.byte_array_or_null().map_err(at)?.map(|bytes| Digest(*bytes)))
}
