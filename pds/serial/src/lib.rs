//! The console: log lines of every protection domain, tagged with the domain's name, on one UART.
//!
//! Clients are hostile: what would move a terminal's cursor or forge another domain's line is
//! replaced, every client gets its turn after each line, and one that breaks its ring loses what is
//! in it and is named, once until it writes a right line. It never waits for the UART: an interrupt
//! says when there is room.
//!
//! What is typed becomes lines for `supervisor`, which reads commands there.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | table of clients, one ring each | every client | `protocols::serial` |
//! | registers, interrupt | UART | `pl011` |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod console;
mod input;
mod text;

pub use console::{CLIENTS_MAX, Console, Counters, InputRing, LogRing, Rings};
