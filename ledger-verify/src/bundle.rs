//! Proof bundles: one piece of data that proves a chain's present to a device that knows only its
//! anchors.
//!
//! A bundle holds part of a chain, from an event that the device can check by itself (the first one,
//! or the anchored one with a snapshot of the registers), and optionally the proof that the last event
//! is in a transparency log. Format: `docs/ledger.md`, "Proof bundles".

use core::fmt;

use crate::cbor::{self, Problem, Reader, array, bytes, unsigned};
use crate::chain::{self, Anchor, Chain, Event, split_frame};
use crate::log::checkpoint::Policy;
use crate::log::proof::Proof;
use crate::log::{self, tree};

/// Longest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 256 * 1024;
/// The only format version there is.
pub const VERSION: u64 = 1;

/// The snapshot in a bundle that starts with a chain's first event: an empty array.
pub const NO_REGISTERS: &[u8] = &[0x80];

/// A bundle, taken apart; nothing it says is proven.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    registers: &'a [u8],
    events: &'a [u8],
    proof: Option<&'a [u8]>,
}

/// Why a bundle was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not the encoding that `docs/ledger.md` prescribes.
    Encoding(cbor::Error),
    /// The chain was refused.
    Chain(chain::Error),
    /// The proof of logging was refused.
    Log(log::Error),
    /// The policy wants a proof of logging, and there is none.
    NotLogged,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(error) => write!(f, "bundle, byte {}: {}", error.offset, error.problem),
            Self::Chain(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::NotLogged => f.write_str("bundle holds no log proof"),
        }
    }
}

impl core::error::Error for Error {}

impl From<chain::Error> for Error {
    fn from(error: chain::Error) -> Self {
        Self::Chain(error)
    }
}

impl<'a> Bundle<'a> {
    /// Takes a bundle apart.
    ///
    /// # Errors
    /// [`Error::Encoding`].
    pub fn parse(bundle: &'a [u8]) -> Result<Self, Error> {
        let too_long = cbor::Error { offset: BUNDLE_BYTES_MAX, problem: Problem::OutOfRange };
        if bundle.len() > BUNDLE_BYTES_MAX {
            return Err(Error::Encoding(too_long));
        }
        Self::read(bundle).map_err(Error::Encoding)
    }

    fn read(bundle: &'a [u8]) -> Result<Self, cbor::Error> {
        let mut reader = Reader::new(bundle);
        reader.array_of(4)?;
        let offset = reader.offset();
        if reader.unsigned()? != VERSION {
            return Err(cbor::Error { offset, problem: Problem::OutOfRange });
        }
        let registers = reader.bytes(1, BUNDLE_BYTES_MAX)?;
        let events = reader.bytes(1, BUNDLE_BYTES_MAX)?;
        let proof = reader.bytes_or_null(1, BUNDLE_BYTES_MAX)?;
        reader.end()?;
        Ok(Self { registers, events, proof })
    }

    /// Replays the bundle into `chain`, which is new, and proves with `policy` that its last event is
    /// logged. What the bundle says is then proven by `chain`. Returns the time of the oldest witness
    /// signature, if there is one.
    ///
    /// # Errors
    /// Each part's; [`chain::Reason::BeforeAnchor`] when the bundle ends before the anchor.
    pub fn verify(
        &self,
        chain: &mut Chain,
        policy: Option<&Policy<'_>>,
    ) -> Result<Option<u64>, Error> {
        let rest = self.start(chain)?;
        chain.replay(rest)?;
        let position = chain.proven()?.anchor();
        let Some(policy) = policy else { return Ok(None) };
        let proof = Proof::parse(self.proof.ok_or(Error::NotLogged)?).map_err(Error::Log)?;
        let mut entry = EntrySink::new();
        put_log_entry(&mut entry, &position);
        let trusted = proof.verify(&tree::leaf_hash(entry.bytes()), policy).map_err(Error::Log)?;
        Ok(trusted.witnessed_s)
    }

    /// Replays the event that the bundle starts with, if it is not the chain's first, and returns what
    /// is left to replay.
    fn start(&self, chain: &mut Chain) -> Result<&'a [u8], Error> {
        let Ok(Some((event, rest))) = split_frame(self.events) else {
            return Ok(self.events);
        };
        // A first event vouches for itself, and the registers before it are empty.
        if Event::parse(event).is_ok_and(|event| event.sequence == 0) {
            let not_empty = cbor::Error { offset: 2, problem: Problem::OutOfRange };
            let is_empty = self.registers == NO_REGISTERS;
            return if is_empty { Ok(self.events) } else { Err(Error::Encoding(not_empty)) };
        }
        let frame_bytes = self.events.len() - rest.len();
        let frame = self.events.get(..frame_bytes).unwrap_or(&[]);
        chain.resume(frame, self.registers)?;
        Ok(rest)
    }
}

/// Longest log entry: three heads, an id, a number and a digest.
const ENTRY_BYTES_MAX: usize = 1 + 34 + 9 + 34;

/// Writes what a log records of an event: `[chain, sequence, digest]`.
pub(crate) fn put_log_entry(sink: &mut impl cbor::Sink, position: &Anchor) {
    array(sink, 3);
    bytes(sink, &position.chain.0);
    unsigned(sink, position.sequence);
    bytes(sink, &position.digest.0);
}

struct EntrySink {
    bytes: [u8; ENTRY_BYTES_MAX],
    length: usize,
}

impl EntrySink {
    const fn new() -> Self {
        Self { bytes: [0; ENTRY_BYTES_MAX], length: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

impl cbor::Sink for EntrySink {
    fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.length..).unwrap_or(&mut []);
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = *byte;
            self.length += 1;
        }
    }
}
