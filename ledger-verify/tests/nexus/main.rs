//! The Nexus ledger: real data, and hostile variants of it.
#![cfg(feature = "nexus")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod block;
#[cfg(feature = "write")]
mod chain;
#[cfg(feature = "write")]
mod chains;
#[cfg(feature = "write")]
mod differential;
mod flips;
mod hash;
#[cfg(feature = "write")]
mod registers;
mod signature;
mod support;
mod transaction;
