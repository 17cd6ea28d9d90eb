//! Replay from pieces of any size.

use super::error::{Error, Reason};
use super::event::{At, BUFFER_BYTES, KEYS_MAX, SIGNED_PREFIX};
use super::state::{Chain, Checked};
use crate::algorithm::{PUBLIC_BYTES_MAX, Verification};
use crate::blake3::SHORT_BYTES_MAX;
use crate::cbor::{Problem, Pull, Stop};
use crate::digest::{Digest, Domain, ShortHasher};
use crate::zero_option::ZeroOption;

/// Who decides about the events whose signatures a [`Feed`] verifies.
pub(super) trait Judge {
    /// Every rule that needs no signature. The error tells the offset in the body.
    fn check(&self, body: &[u8]) -> Result<Checked, At>;
    /// What [`Checked::turn`] has to be for the event to be accepted.
    fn turn(&self) -> u32;
    /// All signatures of the event are good.
    fn accept(&mut self, body: &[u8], checked: &Checked, event_bytes: u64);
    /// An error at an offset in the event.
    fn error(&self, offset: u64, reason: Reason) -> Error;
}

/// Takes a chain's bytes in pieces. Holds one body and one signature at a time, in 4 KiB, however
/// long the chain and its events are.
///
/// A body is checked as soon as it is complete, and each signature as soon as its key is. The chain
/// changes when all of them are good, and not before.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The body, and behind it the signature.
    buffer: [u8; BUFFER_BYTES],
    pull: Pull,
    place: Place,
    body_at: u64,
    body_bytes: usize,
    checked: Checked,
    signatures_left: usize,
    /// Indices ascend, so that no key signs twice: lower ones are done with.
    key_index_min: usize,
    signature_at: u64,
    key_id: Digest,
    key_hash: ShortHasher,
    verification: Verification,
    failed: ZeroOption<Error>,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Place {
    Event,
    BodyHead,
    Body { left: usize },
    SignatureCount,
    Signature,
    KeyIndex,
    SignatureHead,
    SignatureBytes { left: usize },
    KeyHead,
    Key { left: usize },
}

/// Why an event did not go on.
#[derive(Clone, Copy, Debug)]
enum Halt {
    /// The input ends here.
    More,
    /// Offset in the event, and the rule broken there.
    Refused(u64, Reason),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::More => Self::More,
            Stop::Refused(offset, problem) => Self::Refused(offset, Reason::Encoding(problem)),
        }
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Feed {
    /// A feed at the start of a chain.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: [0; BUFFER_BYTES],
            pull: Pull::new(),
            place: Place::Event,
            body_at: 0,
            body_bytes: 0,
            checked: Checked::NOTHING,
            signatures_left: 0,
            key_index_min: 0,
            signature_at: 0,
            key_id: Digest::ZERO,
            key_hash: ShortHasher::NOTHING,
            verification: Verification::NOTHING,
            failed: ZeroOption::None,
        }
    }

    /// Begins again, in place: a feed is larger than a page of stack.
    pub const fn restart(&mut self) {
        self.pull = Pull::new();
        self.place = Place::Event;
        self.failed = ZeroOption::None;
    }

    /// Takes the next `bytes` and hands every event they complete to `chain`.
    ///
    /// # Errors
    /// The first event that is refused. From then on every call answers the same error: what follows
    /// a refused event is never looked at.
    pub fn push(&mut self, chain: &mut Chain, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            self.take_event(chain, &mut bytes)?;
        }
        self.failed.as_ref().copied().map_or(Ok(()), Err)
    }

    /// The chain ends here.
    ///
    /// # Errors
    /// As [`Feed::push`]; [`Problem::Truncated`] inside an event.
    pub fn end(&self, chain: &Chain) -> Result<(), Error> {
        match self.failed.as_ref() {
            Some(error) => Err(*error),
            None if self.is_between_events() => Ok(()),
            None => Err(chain.error(self.pull.offset(), Reason::Encoding(Problem::Truncated))),
        }
    }

    const fn is_between_events(&self) -> bool {
        self.pull.offset() == 0
    }

    /// Takes input up to the end of one event; false when the input ends before it.
    ///
    /// # Errors
    /// As [`Feed::push`].
    pub(crate) fn push_one(&mut self, chain: &mut Chain, input: &mut &[u8]) -> Result<bool, Error> {
        self.take_event(chain, input)
    }

    #[inline(never)]
    pub(super) fn take_event(
        &mut self,
        judge: &mut impl Judge,
        input: &mut &[u8],
    ) -> Result<bool, Error> {
        if let Some(error) = self.failed.as_ref() {
            return Err(*error);
        }
        loop {
            match self.step(judge, input) {
                Ok(()) if self.is_between_events() => return Ok(true),
                Ok(()) => {}
                Err(Halt::More) => return Ok(false),
                Err(Halt::Refused(offset, reason)) => {
                    let error = judge.error(offset, reason);
                    self.failed = ZeroOption::Some(error);
                    return Err(error);
                }
            }
        }
    }

    /// Takes the next head, or what there is of a string.
    fn step(&mut self, judge: &mut impl Judge, input: &mut &[u8]) -> Result<(), Halt> {
        self.place = match self.place {
            Place::Event => {
                self.pull.array_of(input, 2)?;
                Place::BodyHead
            }
            Place::BodyHead => {
                self.body_bytes = self.pull.bytes(input, 1, BUFFER_BYTES)?;
                self.body_at = self.pull.offset();
                Place::Body { left: self.body_bytes }
            }
            Place::Body { mut left } => {
                let filled = self.pull.fill(input, &mut self.buffer, self.body_bytes, &mut left);
                self.place = Place::Body { left };
                filled?;
                self.check(judge)?;
                Place::SignatureCount
            }
            Place::SignatureCount => {
                self.signatures_left = self.pull.array(input, 1, KEYS_MAX)?;
                if self.signatures_left < self.checked.threshold {
                    return Err(Halt::Refused(self.pull.item(), Reason::TooFewSignatures));
                }
                self.key_index_min = 0;
                Place::Signature
            }
            Place::Signature => {
                self.pull.array_of(input, 3)?;
                self.signature_at = self.pull.item();
                Place::KeyIndex
            }
            Place::KeyIndex => {
                let index = self.pull.unsigned(input, KEYS_MAX as u64 - 1)?;
                self.start_signature(usize::try_from(index).unwrap_or(usize::MAX))?;
                Place::SignatureHead
            }
            Place::SignatureHead => {
                let length = self.verification.algorithm().signature_bytes();
                self.pull.bytes(input, length, length)?;
                Place::SignatureBytes { left: length }
            }
            Place::SignatureBytes { mut left } => {
                let length = self.verification.algorithm().signature_bytes();
                let room = self.buffer.get_mut(self.body_bytes..).unwrap_or(&mut []);
                let filled = self.pull.fill(input, room, length, &mut left);
                self.place = Place::SignatureBytes { left };
                filled?;
                Place::KeyHead
            }
            Place::KeyHead => {
                let length = self.verification.algorithm().public_bytes();
                self.pull.bytes(input, length, length)?;
                Place::Key { left: length }
            }
            Place::Key { left } => {
                self.take_key(input, left)?;
                self.end_signature()?;
                if self.signatures_left == 0 { self.accept(judge)? } else { Place::Signature }
            }
        };
        Ok(())
    }

    /// Memory that is not in use between two events.
    pub(crate) const fn idle(&mut self) -> (&mut [u8; BUFFER_BYTES], &mut Verification) {
        (&mut self.buffer, &mut self.verification)
    }

    fn body(&self) -> &[u8] {
        self.buffer.get(..self.body_bytes).unwrap_or(&[])
    }

    #[inline(never)]
    fn check(&mut self, judge: &impl Judge) -> Result<(), Halt> {
        match judge.check(self.body()) {
            Ok(checked) => self.checked = checked,
            Err((offset, reason)) => {
                return Err(Halt::Refused(self.body_at.saturating_add(offset as u64), reason));
            }
        }
        Ok(())
    }

    /// The signature by key `index` comes next.
    #[inline(never)]
    fn start_signature(&mut self, index: usize) -> Result<(), Halt> {
        let key = self.checked.key(self.body(), index);
        let order = Halt::Refused(self.signature_at, Reason::SignatureOrder);
        if index < self.key_index_min {
            return Err(order);
        }
        let (algorithm, key_id) = key.ok_or(order)?;
        self.key_index_min = index + 1;
        self.key_id = key_id;
        const { assert!(PUBLIC_BYTES_MAX <= SHORT_BYTES_MAX) }
        self.key_hash = Domain::Key.hasher();
        self.verification = Verification::new(algorithm);
        Ok(())
    }

    fn take_key(&mut self, input: &mut &[u8], mut left: usize) -> Result<(), Halt> {
        let taken = self.pull.take(input, &mut left);
        self.key_hash.update(taken);
        let signature = self.buffer.get(self.body_bytes..).unwrap_or(&[]);
        self.verification.take_key(signature, taken);
        self.place = Place::Key { left };
        if left == 0 { Ok(()) } else { Err(Halt::More) }
    }

    #[inline(never)]
    fn end_signature(&mut self) -> Result<(), Halt> {
        if self.key_hash.finish() != self.key_id {
            return Err(Halt::Refused(self.pull.item(), Reason::KeyUnknown));
        }
        let signature = self.buffer.get(self.body_bytes..).unwrap_or(&[]);
        let message: [&[u8]; 2] = [SIGNED_PREFIX, &self.checked.head.position.digest.0];
        if !self.verification.verify(&message, signature) {
            return Err(Halt::Refused(self.signature_at, Reason::BadSignature));
        }
        self.signatures_left = self.signatures_left.saturating_sub(1);
        Ok(())
    }

    fn accept(&mut self, judge: &mut impl Judge) -> Result<Place, Halt> {
        // Whoever begins a chain again begins its feed again.
        if judge.turn() != self.checked.turn {
            return Err(Halt::Refused(0, Reason::Resumed));
        }
        judge.accept(self.body(), &self.checked, self.pull.offset());
        self.pull = Pull::new();
        Ok(Place::Event)
    }
}
