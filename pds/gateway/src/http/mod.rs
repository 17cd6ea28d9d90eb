//! HTTP/1.1 (RFC 9110, RFC 9112) as far as a read-only server needs it: bytes to a request, and a
//! response head to bytes. Pure functions; nothing here waits or stores.

mod accept;
mod code;
mod etag;
mod head;
mod media;
mod range;
mod request;
mod scan;
mod target;

pub(crate) use accept::preferred;
pub(crate) use code::Code;
pub(crate) use etag::{names, names_strongly};
pub(crate) use head::{Head, Length};
pub(crate) use media::type_of;
pub(crate) use range::{RangeSpec, Unsatisfiable};
pub(crate) use request::{Method, Request, check_line, parse};
pub(crate) use scan::{Found, Scan};
pub(crate) use target::{DecodeError, Format, Resource, decode};

/// Bytes of the longest request head.
pub(crate) const HEAD_BYTES_MAX: usize = 8192;
/// Bytes of the longest request line.
pub(crate) const LINE_BYTES_MAX: usize = 4096;
