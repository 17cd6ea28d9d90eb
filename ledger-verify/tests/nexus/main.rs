//! The Nexus ledger: real data, and hostile variants of it.
#![cfg(feature = "nexus")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod block;
mod hash;
mod signature;
mod support;
