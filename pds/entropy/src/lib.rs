//! Random bytes from hardware, for `crypto` alone, which feeds its generator with them.
//!
//! It hands out what the device gives, never more than once, and only after a health check: a
//! device that repeats itself is refused until it does better. Nobody can see from bytes that they
//! are random, so this catches a broken device, not a malicious one.
//!
//! **Trust.** The device is hostile towards this PD: what it breaks is a status for `crypto`, and
//! it is reset and tried again with the next request. A device that stays silent for
//! [`TIMEOUT_NS`] likewise. `crypto` breaking its link is cut off.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `crypto_link` | `crypto` | `protocols::entropy` |
//! | `timer_link` | `timer` | `protocols::timer` |
//! | registers, queues, interrupt | device | `virtio-rng` |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod health;
mod service;

pub use service::{Counters, Link, Service, TIMEOUT_NS, Wiring};
