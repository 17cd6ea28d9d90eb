//! The body of an event, taken apart: `docs/ledger.md`, rules `event` and `body`.

use super::error::Reason;
use super::state::Anchor;
use crate::algorithm::{Algorithm, PUBLIC_BYTES_MAX, SIGNATURE_BYTES_MAX};
use crate::blake3::SHORT_BYTES_MAX;
use crate::cbor::{Error, Reader};
use crate::digest::{Digest, Domain};
use crate::registers::Writes;
use crate::registers::wire::WireError;

/// An event's body and any one of its signatures together are no longer, in bytes: so a verifier
/// needs no more memory, however many keys sign.
pub const BUFFER_BYTES: usize = 4096;
/// Most keys in a key set.
pub const KEYS_MAX: usize = 8;
/// The only format version there is.
pub const VERSION: u64 = 2;

/// What signers sign is this, then the event's digest: 53 bytes that no other protocol signs.
pub(crate) const SIGNED_PREFIX: &[u8; 21] = b"cairn chain event v2\n";

pub(super) type At = (usize, Reason);

pub(super) fn at(error: Error) -> At {
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

/// Keys, known by their ids, and how many of them have to sign.
#[derive(Clone, Debug)]
pub struct KeySet<'a> {
    /// Number of signatures needed.
    pub threshold: usize,
    /// Digest of the set, the same that a commitment holds.
    pub digest: Digest,
    /// The weakest algorithm among the keys.
    pub weakest: Algorithm,
    /// Number of keys.
    pub count: usize,
    /// Length of the longest signature that one of the keys makes, in bytes.
    pub signature_bytes_max: usize,
    keys: Reader<'a>,
}

/// A parsed body. Its encoding is canonical; nothing it says is proven.
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
    /// Digest of the event, that is of its body.
    pub digest: Digest,
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
    pub(super) writes: usize,
}

impl<'a> Event<'a> {
    /// Takes `body` apart and checks all that can be checked without the chain and without a
    /// signature.
    ///
    /// # Errors
    /// Byte offset in `body`, and the rule broken there.
    #[inline(never)]
    pub fn parse(body: &'a [u8]) -> Result<Self, (usize, Reason)> {
        if body.len() > BUFFER_BYTES {
            return Err((body.len(), Reason::TooLong));
        }
        let digest = Domain::Event.digest_short(body);
        let reader = &mut Reader::new(body);
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
        let state = Digest::read(reader).map_err(at)?;
        offsets.writes = reader.offset();
        let writes = Writes::parse(reader).map_err(|error| match error {
            WireError::Encoding(error) => at(error),
            WireError::Rule { offset, rule } => (offset, Reason::Register(rule)),
        })?;
        reader.end().map_err(at)?;
        let event = Self {
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
            offsets,
        };
        event.check_shape()?;
        if body.len() + event.keys.signature_bytes_max > BUFFER_BYTES {
            return Err((body.len(), Reason::TooLong));
        }
        Ok(event)
    }

    /// Its place in its chain.
    #[must_use]
    pub fn position(&self) -> Anchor {
        let chain = self.chain.unwrap_or(self.digest);
        Anchor { chain, sequence: self.sequence, digest: self.digest }
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
        Ok(())
    }
}

impl<'a> KeySet<'a> {
    /// Reads a key set and checks that its keys ascend, each once.
    #[inline(never)]
    fn parse(reader: &mut Reader<'a>) -> Result<Self, At> {
        let start = reader.offset();
        reader.array_of(2).map_err(at)?;
        let threshold = reader.unsigned_up_to(KEYS_MAX as u64).map_err(at)?;
        let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
        let count = reader.array(1, KEYS_MAX).map_err(at)?;
        if threshold == 0 || threshold > count {
            return Err((start, Reason::KeySet));
        }
        let keys = reader.clone();
        let mut weakest = Algorithm::HybridMlDsa65;
        let mut signature_bytes_max = 0;
        let mut before = None;
        for _ in 0..count {
            let offset = reader.offset();
            let key = read_key(reader)?;
            if before.is_some_and(|before| before >= key) {
                return Err((offset, Reason::KeySet));
            }
            weakest = weakest.min(key.0);
            signature_bytes_max = signature_bytes_max.max(key.0.signature_bytes());
            before = Some(key);
        }
        // Part of a body, so it is short.
        const { assert!(BUFFER_BYTES <= SHORT_BYTES_MAX) }
        let digest = Domain::KeySet.digest_short(reader.since(start));
        Ok(Self { threshold, digest, weakest, count, signature_bytes_max, keys })
    }

    /// The keys' algorithms and ids, in ascending order.
    pub fn keys(&self) -> impl Iterator<Item = (Algorithm, Digest)> + use<'a> {
        Self::keys_at(self.keys.clone(), self.count)
    }

    /// The same, from where they stand in a body that was parsed before.
    pub(super) fn keys_at(
        mut reader: Reader<'a>,
        count: usize,
    ) -> impl Iterator<Item = (Algorithm, Digest)> + use<'a> {
        (0..count).map_while(move |_| read_key(&mut reader).ok())
    }

    /// Offset of the first key in the body.
    pub(super) const fn offset(&self) -> usize {
        self.keys.offset()
    }
}

#[inline(never)]
fn read_key(reader: &mut Reader<'_>) -> Result<(Algorithm, Digest), At> {
    reader.array_of(2).map_err(at)?;
    let offset = reader.offset();
    let number = reader.unsigned().map_err(at)?;
    let algorithm = Algorithm::from_number(number).ok_or((offset, Reason::AlgorithmUnknown))?;
    if !algorithm.is_supported() {
        return Err((offset, Reason::AlgorithmUnsupported(algorithm)));
    }
    Ok((algorithm, Digest::read(reader).map_err(at)?))
}

#[inline(never)]
fn digest_or_null(reader: &mut Reader<'_>) -> Result<Option<Digest>, At> {
    if reader.null() {
        return Ok(None);
    }
    Digest::read(reader).map(Some).map_err(at)
}

/// An event as it lies in memory.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The whole event.
    pub event: &'a [u8],
    /// Its body, for [`Event::parse`].
    pub body: &'a [u8],
}

/// Takes the first event off `input`, without a look inside its body: the event, and the bytes after
/// it.
///
/// # Errors
/// Byte offset, and what is wrong with the encoding there.
pub fn split(input: &[u8]) -> Result<(Parts<'_>, &[u8]), (usize, Reason)> {
    let mut reader = Reader::new(input);
    reader.array_of(2).map_err(at)?;
    let body = reader.bytes(1, BUFFER_BYTES).map_err(at)?;
    for _ in 0..reader.array(1, KEYS_MAX).map_err(at)? {
        reader.array_of(3).map_err(at)?;
        reader.unsigned_up_to(KEYS_MAX as u64 - 1).map_err(at)?;
        reader.bytes(1, SIGNATURE_BYTES_MAX).map_err(at)?;
        reader.bytes(1, PUBLIC_BYTES_MAX).map_err(at)?;
    }
    let (event, rest) = input.split_at_checked(reader.offset()).unwrap_or((input, &[]));
    Ok((Parts { event, body }, rest))
}
