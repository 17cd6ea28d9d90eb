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

/// Whether `evidence` proves a fork: two whole events back to back, signed, different, and at the same
/// place in the same chain, after the same event. Two key sets may sign there, the next one and the one
/// for recoveries: when the events are signed by different ones, the event before stands in front of them,
/// which commits to both. `None` when it does not prove one.
///
/// That the key set is the chain's, or the event before one of its events, is for the reader to know. Keeps
/// a [`Feed`] on the stack, about 6 KiB.
#[must_use]
pub fn fork(evidence: &[u8]) -> Option<Fork> {
    let (one, rest) = split(evidence).ok()?;
    let (two, rest) = split(rest).ok()?;
    let (before, one, two) = match rest {
        [] => (None, one, two),
        rest => match split(rest).ok()? {
            (three, []) => (Some(one), two, three),
            _ => return None,
        },
    };
    let (first, second) = (Event::parse(one.body).ok()?, Event::parse(two.body).ok()?);
    let same_place = first.chain == second.chain
        && first.sequence == second.sequence
        && first.previous == second.previous;
    if !same_place || first.digest == second.digest {
        return None;
    }
    // Two first events are two chains.
    let chain = first.chain?;
    let keys = [first.keys.digest, second.keys.digest];
    let are_committed = match before {
        None => keys[0] == keys[1],
        Some(parts) => {
            let before = Event::parse(parts.body).ok()?;
            first.previous == Some(before.digest)
                && keys.iter().all(|keys| [before.next, before.recovery].contains(&Some(*keys)))
        }
    };
    let mut rest = evidence;
    let (mut feed, mut any) = (Feed::new(), AnyEvent);
    while !rest.is_empty() {
        feed.take_event(&mut any, &mut rest).ok().filter(|is_whole| *is_whole)?;
    }
    let events = [first.digest, second.digest];
    are_committed.then_some(Fork { chain, sequence: first.sequence, events })
}

/// Accepts whatever its own keys signed.
struct AnyEvent;

impl Judge for AnyEvent {
    fn check(&self, body: &[u8]) -> Result<Checked, At> {
        Event::parse(body).map(|event| Checked::of(&event))
    }

    fn turn(&self) -> u32 {
        Checked::NOTHING.turn
    }

    fn accept(&mut self, _: &[u8], _: &Checked, _: u64) {}

    fn error(&self, offset: u64, reason: Reason) -> Error {
        Error { event: 0, offset, reason }
    }
}
