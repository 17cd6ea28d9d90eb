//! What whole-system tests are made of: images with trust anchors of their own, volumes, a machine
//! that boots them, and ways to use it and to hurt it. The tests are in `tests/system/`.
//!
//! Everything here panics when something is missing or wrong: a test has nobody to hand an error to.
//! It needs no rights and no network but 127.0.0.1.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

pub mod crowd;
pub mod disk;
pub mod environment;
pub mod frames;
pub mod http;
pub mod machine;
pub mod map;
pub mod random;
pub mod volume;
pub mod wire;
