//! The Nexus ledger, as far as a device without a network can judge it.
//!
//! * [`block`]: headers, their proof of work, Merkle branches.
//! * [`chain`]: replays a user's transactions from a pin and says what they prove.
//! * [`transaction`], [`operation`]: what a transaction says, and what its contracts do.
//! * [`register`], [`address`]: the registers that they change.
//! * [`record`]: Cairn's registers inside Nexus's.
//! * [`bundle`]: a chain and the blocks it is in, in one piece.
//! * [`hash`]: the SK family of hashes.
//! * [`signature`]: ECDSA over brainpoolP512t1, and Falcon-512 of round 2.
//!
//! Sources of truth: the C++ node, LLL-TAO 5.1.6, whose headers each module names, and real data of
//! the main network in `tests/vectors/nexus.json`. Integers are little-endian on the wire; a number of n bits
//! is n/8 bytes, the lowest first, and prints as hexadecimal digits in the opposite order.
//!
//! A device has little room for code. What several functions call is therefore out of line
//! (`inline(never)`), where the compiler would copy it to each of them; `make bench` tells the size.

pub mod address;
pub mod block;
pub mod bundle;
pub mod chain;
mod error;
pub mod hash;
mod modulus;
mod number;
pub mod operation;
pub mod record;
pub mod register;
pub mod signature;
pub mod transaction;
mod wire;

pub use error::{Error, Reason};
pub use number::{Genesis, KeyHash, Number, TransactionId};

#[cfg(any(test, feature = "write"))]
pub(crate) use wire::compact;
