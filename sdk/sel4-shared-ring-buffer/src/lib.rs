//! Rings between protection domains that do not trust each other.
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
//! // The server's notification handler:
//! loop {
//!     for _ in 0..server.room().min(16) {
//!         match server.receive() {
//!             Ok(Some(request)) => server.send(request as u32 + 1).unwrap(),
//!             Ok(None) => break,
//!             Err(LinkError::PeerRestarted) => { /* forget the old client's requests */ }
//!             Err(LinkError::PeerMisbehavior) => { /* count it; the link stays silent */ break }
//!         }
//!     }
//!     if server.arm() {
//!         break;
//!     }
//! }
//! assert_eq!(client.receive(), Ok(Some(8)));
//! ```
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
pub use raw::{RING_BUFFER_SIZE, RawRingBuffer};
pub use region::{DataRegion, Span, SpanError};
pub use ring::{InitialState, InitializationStrategy, PeerMisbehaviorError, RingBuffer};
pub use ring_pair::RingBuffers;
pub use slot::Message;
