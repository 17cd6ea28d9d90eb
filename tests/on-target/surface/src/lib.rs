//! What the tests and their helpers agree on.
//!
//! Calls to `server`:
//!
//! | label | request | answer |
//! |---|---|---|
//! | [`ECHO`] | n words | label + 1, the n words, each + 1 |
//! | [`WHO`] | | channel id, whether passive, notifications so far |
//! | [`NOTIFY`] | | notifies the caller, then answers |
//! | [`DEFER_NOTIFY`] | | answers and notifies the caller |
//! | [`FORWARD`] | n words | what `backend` answers to `ECHO`, with label [`FORWARD`] |
//! | [`NAME`] | | the PD's name, in bytes |
//! | [`CLOBBER`] | | overwrites every register that a call need not preserve |

#![no_std]

#[cfg(target_os = "none")]
pub mod registers;

/// Answers with words one higher.
pub const ECHO: u64 = 10;
/// Answers who the server is and who the caller.
pub const WHO: u64 = 20;
/// Notifies the caller while it waits.
pub const NOTIFY: u64 = 30;
/// Notifies the caller with a deferred action.
pub const DEFER_NOTIFY: u64 = 40;
/// Calls on.
pub const FORWARD: u64 = 50;
/// Answers with a name.
pub const NAME: u64 = 60;
/// Overwrites registers.
pub const CLOBBER: u64 = 70;

/// The word in which `counter` counts its wake-ups.
pub const WAKE_UPS: usize = 0;
/// The word in which `counter` leaves the last set of channels, a bit each.
pub const LAST_SET: usize = 1;
/// The word in which `relay` counts its wake-ups.
pub const RELAY_WAKE_UPS: usize = 2;
