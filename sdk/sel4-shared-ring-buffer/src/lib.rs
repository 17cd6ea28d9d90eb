//! Rings between protection domains that do not trust each other.
//!
//! * [`RawLink`]: a client and a server in one shared region, requests one way and completions
//!   back, with restarts of either end and suppressed wake-ups. New protocols use this.
//! * [`RingBuffer`], [`RingBuffers`]: single rings with rust-sel4's names, signatures and layout,
//!   with checked and ordered indices.
//! * [`DataRegion`], [`Span`]: bulk data that messages name by offset and length.
//! * [`BufferPool`]: which buffers of such a region are whose.
//!
//! Trusts nobody: a peer may write anything anywhere in the shared region at any time. What it
//! can cause is an error of its own link ([`LinkError`], [`PeerMisbehaviorError`]) and garbage in
//! messages, which their receiver validates. Refuses to interpret messages and to make references
//! to shared bytes. Each operation does a bounded amount of work and never blocks or panics.
//!
//! ```
//! use sel4_shared_ring_buffer::{LinkError, RawLink};
//!
//! # let link = RawLink::<u64, u32, 16>::new();
//! let mut client = link.client(|| { /* CHANNEL.notify() */ });
//! let mut server = link.server(|| { /* CHANNEL.notify() */ });
//! client.send(7).unwrap();
//! client.flush();
//!
//! // The server's notification handler. With several links, each takes its turn.
//! loop {
//!     for _ in 0..server.room() {
//!         match server.receive() {
//!             Ok(Some(request)) => server.send(request as u32 + 1).unwrap(),
//!             Ok(None) => break,
//!             Err(LinkError::PeerRestarted) => { /* forget the old client's requests */ }
//!             Err(LinkError::PeerMisbehavior) => break, // count it; the link stays silent
//!         }
//!     }
//!     if server.arm() {
//!         break;
//!     }
//! }
//! assert_eq!(client.receive(), Ok(Some(8)));
//! ```
//!
//! # Indices
//!
//! Each ring has one writer and one reader. Indices run freely through `u32`; the low bits choose
//! the slot. An end keeps its own index privately and only ever stores it (release, after the slot
//! is written or copied out); the peer's index is loaded (acquire) when the end has run out of
//! slots, and believed only if it moved forward within the ring: a reader cannot have read what
//! was not published, a writer cannot have filled more slots than are free. Anything else cuts the
//! peer off for a while ([`LinkEnd::arm`]): one stray write must not end a link for ever, and a peer
//! that goes on gets half as many chances each time. A slot is copied once, by relaxed atomic words, into a
//! private value.
//!
//! # Lives
//!
//! A program may die at any instruction and start again, which loses its private indices. Each end
//! therefore has a *generation*, and publishes in one word, its *epoch*, the pair *(own
//! generation, generation of the peer that it serves)*. A start or reset
//!
//! 1. stores *(generation + 1, nobody)*, then a release fence;
//! 2. stores 0 in the index that it owns of each ring;
//! 3. stores *(generation + 1, the peer's current generation)*, release.
//!
//! An end that sees a new generation of its peer does 2 and 3 with its own generation unchanged,
//! and reports [`LinkError::PeerRestarted`]. The *session* of two lives is established for an end
//! once the peer's epoch names both of them. Then:
//!
//! * *Both rings are empty and consistent at the start of a session.* Before its epoch names us,
//!   the peer has reset its indices for this session (2 before 3), and so have we.
//! * *Nothing of an old life is delivered.* An end looks at the peer's index only in an
//!   established session, and delivers a copied message only if the epoch is still the expected
//!   one after an acquire fence: whatever a newer life stored in index or slot comes after its
//!   step 1, so had we read any of it we would see that step.
//! * *Nothing of a new life is lost.* An end may send as soon as it has done step 3. Its messages
//!   wait in the ring until the peer serves this life, which empties only the rings that the peer
//!   owns: the sender's index is not touched.
//! * *A restart is reported once per life seen.* Reporting makes the new generation the known one.
//!   What was sent to the old life is void then, and only then.
//! * The first life of every end is generation 1, so an end that starts first serves it in
//!   advance: what it sends is waiting when the peer comes up, and no restart is reported.
//!
//! A generation that falls back to 0, or an acknowledgement taken back within a life, is
//! misbehavior.
//!
//! # Sleep
//!
//! A consumer that is awake needs no notification. Before it sleeps, [`LinkEnd::arm`] stores a
//! fresh *armed* value in its sleep word (with a flag if it waits for room, too),
//! executes a full fence and looks at the peer's index and epoch again. [`LinkEnd::flush`] stores
//! our index, executes a full fence and loads the peer's sleep word; it notifies when the word is
//! armed and is not one that it has answered before.
//!
//! *No wake-up is lost.* Take an arming that led to sleep and a flush of something the sleeper
//! waits for. The two fences are ordered. If the sleeper's comes first, the flush loads this armed
//! value or a later one: this one it answers now, or answered before; a later one means that the
//! sleeper woke up meanwhile. If the flush's fence comes first, the look after the sleeper's fence
//! sees the flushed index or epoch, so `arm` said `false`. An answered arming is a notification
//! that the kernel keeps until the sleeper takes it; the sleeper then handles everything and arms
//! with a new value, to which the same argument applies. A restarted sleeper continues its counter
//! from shared memory, so no old answer counts for a new sleep; a restarted waker has answered
//! nothing yet; and a start flushes its new epoch the same way.
//!
//! `arm` tells of the same unread messages only once, so a client that leaves its completions
//! unread cannot keep its server awake with requests that there is no room to answer.
//!
//! These arguments are checked by `loom` models (`loom_models.rs`), by random histories of
//! restarts and of hostile writes, and by real threads (`link/tests`).

#![no_std]

#[cfg(test)]
extern crate std;

mod buffers;
#[cfg(not(all(loom, test)))]
mod copy;
mod descriptor;
mod link;
#[cfg(all(loom, test))]
mod loom_models;
mod meter;
mod raw;
mod region;
mod ring;
mod ring_pair;
pub mod roles;
mod side;
mod slot;
mod sync;

pub use buffers::{BufferError, BufferGrid, BufferIndex, BufferPool};
pub use descriptor::Descriptor;
pub use link::{ClientEnd, LinkEnd, LinkError, RawLink, SendError, ServerEnd};
pub use meter::Meter;
pub use raw::{RING_BUFFER_SIZE, RawRingBuffer};
pub use region::{DataRegion, Span, SpanError};
pub use ring::{InitialState, InitializationStrategy, PeerMisbehaviorError, RingBuffer};
pub use ring_pair::RingBuffers;
pub use slot::Message;
