//! Proof bundles: one piece of data that proves a chain's present to a device that knows only its
//! anchors.
//!
//! A bundle holds part of a chain, from an event that the device can check by itself (the first one,
//! or the anchored one with the registers after it), and optionally the proof that the last event is
//! in a transparency log. It is read in one pass, in pieces of any size, by a [`Reader`] of fixed
//! size. Format: `docs/ledger.md`, "Proof bundles".

mod error;
mod logged;

pub use error::Error;

use crate::bytes::copy;
use crate::cbor::{Problem, Pull, Sink, array, bytes, unsigned};
use crate::chain::{Anchor, Chain, Feed};
use crate::log::checkpoint::Policy;
use crate::log::tree::leaf_hash;
use crate::registers::{REGISTER_BYTES_MAX, REGISTERS_MAX};
use error::Halt;
use logged::LogProof;
#[cfg(any(test, feature = "write"))]
pub(crate) use logged::{SIGNATURE_BYTES_MIN, SIGNATURES_MAX};

/// Longest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: u64 = 1 << 20;
/// Most events in a bundle.
pub const EVENTS_MAX: usize = 4096;
/// The only format version there is.
pub const VERSION: u64 = 2;

/// Takes a bundle in pieces and replays it into a chain, in 5 or, with ML-DSA, 6 KiB whatever its length.
#[derive(Clone, Debug)]
pub struct Reader<'p> {
    policy: Option<Policy<'p>>,
    feed: Feed,
    pull: Pull,
    place: Place,
    /// Registers or events still to come.
    left: usize,
    proof: LogProof,
    failed: Option<Error>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bundle,
    Version,
    Registers,
    RegisterHead,
    Register { length: usize, left: usize },
    Events,
    Event,
    Proof,
    LogProof,
    End,
}

impl<'p> Reader<'p> {
    /// A reader of a bundle that has not begun. With a `policy` it wants the last event to be logged.
    #[must_use]
    pub const fn new(policy: Option<Policy<'p>>) -> Self {
        Self {
            policy,
            feed: Feed::new(),
            pull: Pull::new(),
            place: Place::Bundle,
            left: 0,
            proof: LogProof::new(),
            failed: None,
        }
    }

    /// Takes the next `bytes` and replays what they complete into `chain`, which was new before the
    /// first of them.
    ///
    /// # Errors
    /// Every [`Error`]. From then on every call answers the same; `chain` is to be thrown away.
    pub fn push(&mut self, chain: &mut Chain, mut bytes: &[u8]) -> Result<(), Error> {
        while self.failed.is_none() {
            match self.step(chain, &mut bytes) {
                Ok(()) => {}
                Err(Halt::More) => return Ok(()),
                Err(Halt::Refused(error)) => self.failed = Some(error),
            }
        }
        self.failed.map_or(Ok(()), Err)
    }

    /// The bundle ends here: what it says is now proven by `chain`. Returns the time of the oldest
    /// witness signature, if a witness of the policy signed.
    ///
    /// # Errors
    /// As [`Reader::push`]; [`Problem::Truncated`].
    pub fn end(&self) -> Result<Option<u64>, Error> {
        match self.failed {
            Some(error) => Err(error),
            None if self.place == Place::End => Ok(self.proof.witnessed_s()),
            None => Err(Error::Encoding(self.pull.offset(), Problem::Truncated)),
        }
    }

    /// Takes the next head, event, or what there is of a string.
    fn step(&mut self, chain: &mut Chain, input: &mut &[u8]) -> Result<(), Halt> {
        if self.pull.offset() > BUNDLE_BYTES_MAX {
            return Err(Error::Encoding(BUNDLE_BYTES_MAX, Problem::OutOfRange).into());
        }
        self.place = match self.place {
            Place::Bundle => {
                self.pull.array_of(input, 4)?;
                Place::Version
            }
            Place::Version => {
                if self.pull.unsigned(input, u64::MAX)? != VERSION {
                    return Err(self.refused(Problem::OutOfRange));
                }
                Place::Registers
            }
            Place::Registers if self.pull.null(input) => Place::Events,
            Place::Registers => {
                self.left = self.pull.array(input, 0, REGISTERS_MAX)?;
                chain.without_registers().map_err(Error::Chain)?;
                if self.left == 0 { Place::Events } else { Place::RegisterHead }
            }
            Place::RegisterHead => {
                let length = self.pull.bytes(input, 1, REGISTER_BYTES_MAX)?;
                Place::Register { length, left: length }
            }
            Place::Register { length, left } => self.take_register(chain, input, length, left)?,
            Place::Events => {
                self.left = self.pull.array(input, 1, EVENTS_MAX)?;
                Place::Event
            }
            Place::Event => self.take_event(chain, input)?,
            Place::Proof if self.pull.null(input) => {
                if self.policy.is_some() {
                    return Err(Error::NotLogged.into());
                }
                Place::End
            }
            Place::Proof => {
                self.pull.array_of(input, 4)?;
                Place::LogProof
            }
            Place::LogProof => {
                let leaf = leaf(&chain.proven().map_err(Error::Chain)?.anchor());
                let policy = self.policy.as_ref();
                self.proof.take(&mut self.pull, self.feed.idle(), input, &leaf, policy)?;
                Place::End
            }
            Place::End if input.is_empty() => return Err(Halt::More),
            Place::End => {
                let trailing = Problem::Trailing;
                return Err(Error::Encoding(self.pull.offset(), trailing).into());
            }
        };
        Ok(())
    }

    fn refused(&self, problem: Problem) -> Halt {
        Error::Encoding(self.pull.item(), problem).into()
    }

    fn take_register(
        &mut self,
        chain: &mut Chain,
        input: &mut &[u8],
        length: usize,
        mut left: usize,
    ) -> Result<Place, Halt> {
        let (buffer, _) = self.feed.idle();
        let filled = self.pull.fill(input, buffer, length, &mut left);
        self.place = Place::Register { length, left };
        filled?;
        let register = buffer.get(..length).unwrap_or(&[]);
        chain.take_register(register).map_err(Error::Chain)?;
        self.left = self.left.saturating_sub(1);
        Ok(if self.left == 0 { Place::Events } else { Place::RegisterHead })
    }

    fn take_event(&mut self, chain: &mut Chain, input: &mut &[u8]) -> Result<Place, Halt> {
        let before = input.len();
        let ended = self.feed.push_one(chain, input);
        self.pull.skip(before - input.len());
        if !ended.map_err(Error::Chain)? {
            return Err(Halt::More);
        }
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return Ok(Place::Event);
        }
        chain.proven().map_err(Error::Chain)?;
        Ok(Place::Proof)
    }
}

/// Hash of the log's entry for an event.
#[inline(never)]
fn leaf(position: &Anchor) -> crate::Digest {
    let mut entry = Entry { bytes: [0; ENTRY_BYTES_MAX], length: 0 };
    put_log_entry(&mut entry, position);
    leaf_hash(entry.bytes.get(..entry.length).unwrap_or(&[]))
}

/// Writes what a log records of an event: `[chain, sequence, digest]`.
pub(crate) fn put_log_entry(sink: &mut impl Sink, position: &Anchor) {
    array(sink, 3);
    bytes(sink, &position.chain.0);
    unsigned(sink, position.sequence);
    bytes(sink, &position.digest.0);
}

/// Longest log entry: three heads, an id, a number and a digest.
const ENTRY_BYTES_MAX: usize = 1 + 34 + 9 + 34;

struct Entry {
    bytes: [u8; ENTRY_BYTES_MAX],
    length: usize,
}

impl Sink for Entry {
    fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.length..).unwrap_or(&mut []);
        self.length += copy(room, bytes);
    }
}
