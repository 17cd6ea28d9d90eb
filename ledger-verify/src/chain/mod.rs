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
pub use event::{BUFFER_BYTES, Event, KEYS_MAX, KeySet, Kind, Parts, VERSION, split};
pub use feed::Feed;
pub use fork::{Fork, fork};
pub use state::{Anchor, Chain, Denied, Head, Proven, Stale};

#[cfg(any(test, feature = "write"))]
pub(crate) use event::SIGNED_PREFIX;
