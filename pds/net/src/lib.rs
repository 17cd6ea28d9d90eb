//! Sockets for every client, over one network card.
//!
//! `net` owns the IP stack (smoltcp) and lends TCP and UDP sockets to its clients, each of which
//! reaches its own sockets and nobody else's. It trusts nobody: frames are copied out of device
//! memory before they are parsed, requests are checked before they act, and a client that breaks
//! its ring loses its sockets while the others go on. It holds no secret, so nothing that passes
//! through it is believed anywhere else.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `nic_link`, `nic_server_data` | `nic` | descriptor rings, station address |
//! | `rx_buffers` (r), `tx_buffers` (rw) | device | frames |
//! | table of clients | clients | request and event rings, data each way |
//! | `timer_link` | `timer` | the stack's next deadline |
//! | `crypto_link` | `crypto` | the seed of sequence numbers and ports |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod backlog;
mod client;
mod frames;
mod service;
mod sockets;
mod stack;
mod start;
mod turn;

pub use client::{Chunks, Client, Link};
pub use frames::{Counters as FrameCounters, Frames, Link as FrameLink};
pub use service::{CLIENTS_MAX, Counters, FrameDevice, Net};
pub use sockets::SocketId;
pub use stack::{Addressing, Buffers, Stack};
pub use start::{CryptoLink, Memory, Parts, Program, TimerLink};

#[cfg(test)]
mod tests;
