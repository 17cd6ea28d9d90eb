//! What Cairn's protection domains say to each other.
//!
//! One module per protocol, named after the PD that serves it; each opens with its message table.
//! A message is a fixed-size, little-endian, `repr(C)` value that travels through a shared-memory
//! ring; bulk bytes lie in data regions and are named by offset and length, never by address.
//!
//! Nothing in here makes a system call or trusts a value: a message that arrived is a claim by a
//! hostile peer until the receiving PD has checked every field. Reserved fields are zero, and a
//! receiver refuses messages where they are not.
#![no_std]
#![forbid(unsafe_code)]

mod codes;
mod reason;

pub mod crypto;
pub mod disk;
pub mod entropy;
pub mod integrity;
pub mod ledger;
pub mod lifecycle;
pub mod net;
pub mod nic;
pub mod serial;
pub mod store;
pub mod system;
pub mod timer;

pub use reason::Reason;
