//! Sends back what arrives on port 7, by UDP and TCP (RFC 862). It stands in benchmark compositions
//! only (`tests/bench/echo.xml`), where it shows what the way from the wire to an application costs.
//!
//! It trusts `net` for nothing but availability: a receive buffer that is none is counted and left
//! alone, a number of a socket that is none is ignored.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `net_link` | `net` | requests and events |
//! | `net_client_data` (rw) | `net` | bytes on their way back, each at the offset where it arrived |
//! | `net_server_data` (r) | `net` | bytes that arrived |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod echo;
mod stream;

pub use echo::{Counters, Echo, Link};
