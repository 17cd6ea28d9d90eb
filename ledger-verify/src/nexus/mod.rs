//! The Nexus ledger, as far as a device without a network can judge it.
//!
//! * [`block`]: headers, their proof of work, Merkle branches.
//! * [`hash`]: the SK family of hashes.
//! * [`signature`]: ECDSA over brainpoolP512t1, and Falcon-512 of round 2.
//!
//! Sources of truth: the C++ node, LLL-TAO 5.1.6, whose headers each module names, and real data of
//! the main network in `tests/vectors/nexus.json`. Integers are little-endian on the wire; a number of n bits
//! is n/8 bytes, the lowest first, and prints as hexadecimal digits in the opposite order.

pub mod block;
pub mod hash;
pub mod signature;
