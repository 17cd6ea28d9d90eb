//! What Cairn believes: signature chains, the registers they write, and Merkle trees over files.
//!
//! * [`chain`]: replays events from a trust anchor and says what they prove.
//! * [`bundle`]: part of a chain and the proof that it is logged, in one piece.
//! * [`registers`]: the values that events write, and the rules for writing again.
//! * [`log`]: transparency logs: inclusion, consistency, checkpoints, witnesses.
//! * [`merkle`]: proves 4 KiB blocks of a file against a 32-byte root.
//! * `ml_dsa` (feature `ml-dsa`): verification of ML-DSA signatures.
//! * `nexus` (feature `nexus`): the same for the chains, registers and blocks of the Nexus ledger.
//! * [`cbor`]: the deterministic encoding of events.
//! * `write` (feature `write`): makes and signs events, on a host.
//!
//! The crate trusts nobody but the anchor that it is given. All input is the enemy's: it answers a
//! typed error, and never panics, allocates or does unbounded work. It refuses to hold secrets (but
//! for the `write` feature), to read clocks and to guess: what is not proven is not answered.
//! Formats: `docs/ledger.md`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "write"))]
extern crate std;

pub mod algorithm;
mod blake3;
pub mod bundle;
mod bytes;
pub mod cbor;
pub mod chain;
pub mod digest;
mod ed25519;
#[cfg(any(feature = "ml-dsa", feature = "nexus"))]
mod keccak;
pub mod log;
pub mod merkle;
#[cfg(feature = "ml-dsa")]
pub mod ml_dsa;
#[cfg(feature = "nexus")]
pub mod nexus;
#[cfg(any(feature = "ml-dsa", feature = "nexus"))]
mod ntt;
pub mod registers;
#[cfg(any(test, feature = "write"))]
pub mod write;
mod zero_option;

pub use digest::Digest;
