//! The only holder of secret keys.
//!
//! Clients name keys by handle; no secret byte leaves except the shared secret of a key agreement,
//! which is what the client asked for. Each client has its own keys, may do only what its
//! [`Policy`] says, and cannot see or use another's. Every request names its algorithm.
//!
//! Random bytes come from ChaCha20 with fast key erasure: after each answer the generator is keyed
//! anew with its own output, so that a later leak of its state says nothing about earlier answers.
//! It is seeded with bytes from `entropy`, and until those have come everything that needs
//! randomness answers `NoEntropy`.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `entropy_link` | `entropy` | seeds |
//! | table of clients | clients | request and completion rings, input and output bytes |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod keys;
mod policy;
mod random;
mod seeding;
mod service;

#[cfg(feature = "kyber768")]
mod kyber;
#[cfg(all(feature = "kyber768", target_os = "none"))]
compile_error!("`kyber768` is for hosts only: use ML-KEM-768, which its peers understand");

pub use policy::Policy;
pub use random::{Random, SEED_BYTES};
pub use seeding::{EntropyLink, Seed, Seeding};
pub use service::{CLIENTS_MAX, Client, Crypto, INPUT_BYTES_MAX, Link};
