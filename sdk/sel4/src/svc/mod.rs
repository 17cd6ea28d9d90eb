//! The system calls themselves: one function per kernel entry, message registers in machine
//! registers, nothing else touched.
//!
//! The kernel preserves every register that is not listed as an output (observed on seL4 16), so a
//! send clobbers nothing. Each call may change memory that other threads share, hence no `nomem`.
//!
//! On the host the same functions enter whatever kernel a test supplies, see `svc::host`.

use crate::{Badge, MessageInfo, NUM_FAST_MESSAGE_REGISTERS, Word};

#[cfg(not(target_os = "none"))]
pub mod host;
#[cfg(target_os = "none")]
mod target;

#[cfg(not(target_os = "none"))]
pub use host::calls::*;
#[cfg(target_os = "none")]
pub use target::*;

/// The message registers that travel in x2–x5.
pub type FastRegisters = [Word; NUM_FAST_MESSAGE_REGISTERS];

/// What a receiving call returns. For a notification only the badge means anything.
#[derive(Debug, Clone, Copy)]
pub struct Received {
    /// Badge of the sender's capability, or the notification's bits.
    pub badge: Badge,
    /// Tag.
    pub info: MessageInfo,
    /// First message registers.
    pub mrs: FastRegisters,
}
