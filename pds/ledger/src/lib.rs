//! The signature-chain verifier: what is the proven value of a register?
//!
//! At start `ledger` reads the chain's events from the volume, through `store`, and replays them from
//! the anchor that the image pins: a chain of ours, or one of the Nexus ledger in a bundle. The bytes
//! come from an enemy; what they do not prove does not exist. Until the replay has ended, questions
//! wait; afterwards each answer is a proven value, or one line that names what failed.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `store_link`, `disk_buffers` (r) | `store` | events, unproven |
//! | `ledger_anchor` (r) | image | chain id, pinned position, lowest generation of the volume |
//! | table of clients | clients | question and answer rings |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod anchor;
mod chains;
mod replay;
mod service;

pub use anchor::{AnchorError, Pinned, Position};
pub use replay::{Memory, Replay, StoreLink};
pub use service::{CLIENTS_MAX, Client, Ledger, Link};

#[cfg(test)]
mod tests;
