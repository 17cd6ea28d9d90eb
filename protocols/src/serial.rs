//! Console lines, served by `serial`.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`LogLine`] | client → serial | 128 | one line for the console |
//! | [`LogLine`] | serial → `supervisor` | 128 | one line that somebody typed |
//!
//! The link is a bare `RawRingBuffer<LogLine, RING_SLOTS>`, and behind it a bare
//! `RawRingBuffer<LogLine, INPUT_SLOTS>` that only the owner of the console's input reads. A full ring
//! drops the line, and a client counts that: a log never blocks a PD.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of the ring of log lines.
pub const RING_SLOTS: usize = 32;
/// Slots of the ring of typed lines.
pub const INPUT_SLOTS: usize = 8;
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
