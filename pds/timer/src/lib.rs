//! Timeouts for every client, from one timer. Time itself nobody asks for: it is the counter.
//!
//! It believes the CPU's timer. Clients are hostile: a request that makes no sense is answered
//! with a status, a client that breaks its link is cut off and loses its timeouts, and one that
//! does not read its completions is owed at most its eight timeouts; none of it delays another
//! client.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | table of clients, one link each | every client | `protocols::timer` |
//! | interrupt | CPU | a deadline has come |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod client;
mod service;

pub use client::Link;
pub use service::{CLIENTS_MAX, Service};
