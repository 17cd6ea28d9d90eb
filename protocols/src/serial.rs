//! Log lines, served by `serial`: one ring per PD, client to serial only.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`LogLine`] | client → serial | 128 | one line for the console |
//!
//! The link is a bare `RawRingBuffer<LogLine, RING_SLOTS>`. A full ring drops the line and counts it
//! at the sender: a log never blocks a PD.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of the ring.
pub const RING_SLOTS: usize = 32;
/// Longest text of a line.
pub const TEXT_BYTES_MAX: usize = 124;

/// A line. Layout: len 0, level 2, reserved 3, text 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LogLine {
    /// Bytes of `text` in use.
    pub len: u16,
    /// 1 error, 2 warning, 3 info, 4 debug, 5 trace.
    pub level: u8,
    /// Zero.
    pub reserved: u8,
    /// UTF-8 text without line end; `serial` replaces what is not printable.
    pub text: [u8; TEXT_BYTES_MAX],
}
