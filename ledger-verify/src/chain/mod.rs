//! Signature chains: who may say what, since when.
//!
//! A chain is a sequence of *events*. Each names the event before it by digest, is signed by the key
//! set that the event before it committed to, commits to the key set of the next, and writes
//! registers. The first event's digest is the chain's id, so the id alone pins it.
//!
//! ```text
//! event 0            event 1              event 2
//! keys A, sig A      keys B, sig B        keys C, sig C
//! next H(B) ───────► H(keys) = next       ...
//! recovery H(R)      previous H(event 0)
//! ```
//!
//! A verifier starts from an [`Anchor`] and replays the whole chain: bytes come from the enemy, and
//! what cannot be proven does not exist. Format, rules and limits: `docs/ledger.md`.

mod error;
mod event;
mod feed;
mod fork;
mod state;
#[cfg(test)]
mod tests;

pub use error::{Error, Reason};
pub use event::{EVENT_BYTES_MAX, Event, KEYS_MAX, KeySet, Kind, VERSION};
pub use feed::Feed;
pub use fork::{Fork, fork};
pub use state::{Anchor, Chain, Head, Proven};

#[cfg(any(test, feature = "write"))]
pub(crate) use event::SIGNED_PREFIX;
pub(crate) use event::split_frame;

/// The event in the first frame of a chain file, and the bytes after it.
///
/// # Errors
/// The reason why there is none.
pub fn first_event(chain: &[u8]) -> Result<(Event<'_>, &[u8]), Reason> {
    let truncated = Reason::Encoding(crate::cbor::Problem::Truncated);
    let (event, rest) = split_frame(chain)?.ok_or(truncated)?;
    Event::parse(event).map(|event| (event, rest)).map_err(|(_, reason)| reason)
}
