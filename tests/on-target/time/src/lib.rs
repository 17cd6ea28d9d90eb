//! Words that the tests of time share with their helpers.

#![no_std]
#![forbid(unsafe_code)]

/// Scheduling.
pub mod schedule {
    /// Not 0: who spins is to stop.
    pub const STOP: usize = 0;
    /// Length of the log.
    pub const LOG_LENGTH: usize = 1;
    /// The log: who ran, in that order.
    pub const LOG: usize = 2;
    /// Rounds that spinner number n did.
    pub const SPINS: usize = 32;
}

/// Interrupts.
pub mod alarm {
    /// When the timer is to fire, in ticks of the counter.
    pub const DEADLINE_TICKS: usize = 0;
    /// One of the modes.
    pub const MODE: usize = 1;
    /// Interrupts so far.
    pub const INTERRUPTS: usize = 2;
    /// When the last one was handled, in ticks.
    pub const HANDLED_TICKS: usize = 3;
    /// The interrupt's channel id, as the image tool told.
    pub const CHANNEL_ID: usize = 4;

    /// Acknowledge at once.
    pub const ACK: u64 = 0;
    /// Acknowledge with a deferred action.
    pub const DEFER_ACK: u64 = 1;
    /// Do not acknowledge.
    pub const NO_ACK: u64 = 2;
    /// Acknowledge, but leave the cause for [`REPEATS`] more times.
    pub const KEEP_CAUSE: u64 = 3;
    /// See [`KEEP_CAUSE`].
    pub const REPEATS: u64 = 5;
}
