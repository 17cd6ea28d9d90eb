//! On-target tests: the side that runs in protection domains.

#![no_std]

#[cfg(target_os = "none")]
mod console;

#[cfg(target_os = "none")]
pub use console::Console;
