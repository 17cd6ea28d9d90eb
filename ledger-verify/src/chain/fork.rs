//! Proof that a chain's owner, or a thief of its keys, said two things at once.

use super::event::{Event, split_frame};
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

/// Whether two events, each a whole frame, prove a fork: the same place in the same chain after the
/// same event, signed by the same key set, and different. `None` when they do not.
///
/// That the key set is the chain's is for the reader to know: the event before commits to it.
#[must_use]
pub fn fork(first: &[u8], second: &[u8]) -> Option<Fork> {
    let (first, second) = (signed_event(first)?, signed_event(second)?);
    let same_place = first.chain == second.chain
        && first.sequence == second.sequence
        && first.previous == second.previous
        && first.keys.digest == second.keys.digest;
    if !same_place || first.digest == second.digest {
        return None;
    }
    // Two first events are two chains.
    let chain = first.chain?;
    Some(Fork { chain, sequence: first.sequence, events: [first.digest, second.digest] })
}

fn signed_event(frame: &[u8]) -> Option<Event<'_>> {
    let (event, []) = split_frame(frame).ok()?? else { return None };
    let event = Event::parse(event).ok()?;
    event.verify_signatures().ok()?;
    Some(event)
}
