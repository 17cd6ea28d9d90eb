//! Proof that a chain's owner, or a thief of its keys, said two things at once.

use super::error::{Error, Reason};
use super::event::{At, Event, split};
use super::feed::{Feed, Judge};
use super::state::Checked;
use crate::digest::Digest;

/// Two events at one place of a chain, both signed: evidence that convinces everybody who accepts
/// either of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The chain.
    pub chain: Digest,
    /// Sequence number of both events.
    pub sequence: u64,
    /// Digests of the events, in the order given.
    pub events: [Digest; 2],
}

/// Whether `evidence`, two whole events back to back, proves a fork: the same place in the same chain
/// after the same event, signed by the same key set, and different. `None` when it does not.
///
/// That the key set is the chain's is for the reader to know: the event before commits to it. Keeps a
/// [`Feed`] on the stack, about 6 KiB.
#[must_use]
pub fn fork(evidence: &[u8]) -> Option<Fork> {
    let (first_parts, rest) = split(evidence).ok()?;
    let (second_parts, []) = split(rest).ok()? else { return None };
    let (first, second) =
        (Event::parse(first_parts.body).ok()?, Event::parse(second_parts.body).ok()?);
    let same_place = first.chain == second.chain
        && first.sequence == second.sequence
        && first.previous == second.previous
        && first.keys.digest == second.keys.digest;
    if !same_place || first.digest == second.digest {
        return None;
    }
    // Two first events are two chains.
    let chain = first.chain?;
    let mut rest = evidence;
    let (mut feed, mut both) = (Feed::new(), AnyEvent);
    let are_signed = (0..2).all(|_| feed.take_event(&mut both, &mut rest) == Ok(true));
    let events = [first.digest, second.digest];
    are_signed.then_some(Fork { chain, sequence: first.sequence, events })
}

/// Accepts whatever its own keys signed.
struct AnyEvent;

impl Judge for AnyEvent {
    fn check(&self, body: &[u8]) -> Result<Checked, At> {
        Event::parse(body).map(|event| Checked::of(&event))
    }

    fn accept(&mut self, _: &[u8], _: &Checked, _: u64) {}

    fn error(&self, offset: u64, reason: Reason) -> Error {
        Error { event: 0, offset, reason }
    }
}
