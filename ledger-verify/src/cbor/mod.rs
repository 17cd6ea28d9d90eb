//! The part of CBOR (RFC 8949) that chains use, in its one deterministic encoding (section 4.2.1).
//!
//! Unsigned integers, byte strings, text strings, arrays and null; all lengths definite, every head
//! in its shortest form. Anything else, however valid CBOR it is, is refused: two encodings of one
//! value would be two digests of one statement.
//! [`Reader`] reads what lies in memory, `Pull` what comes in pieces.

mod pull;
mod read;
mod write;

pub(crate) use pull::{Pull, Stop};
pub use read::{Error, Problem, Reader};
#[cfg(any(test, feature = "write"))]
pub(crate) use write::null;
pub(crate) use write::{Sink, array, bytes, text, unsigned};

/// Major type 0, unsigned integer.
const UNSIGNED: u8 = 0;
/// Major type 2, byte string.
const BYTES: u8 = 2;
/// Major type 3, text string.
const TEXT: u8 = 3;
/// Major type 4, array.
const ARRAY: u8 = 4;
/// Simple value 22, null.
const NULL: u8 = 0xf6;
