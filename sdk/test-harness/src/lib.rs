//! On-target tests: the sides that run in protection domains (PDs).
//!
//! An image has one `harness` PD and, as its children, *subject* PDs, each with a list of tests. A
//! test is a function that runs in a subject right after start-up: the harness restarts the subject
//! for every test, so no test sees another's memory. It passes when it returns, or when it ends in
//! exactly the fault or panic that it announced. The harness prints what happened on the UART, in the
//! form of Rust's own test runner; it drives the UART itself because release kernels print nothing.
//!
//! A subject talks to the harness through a page of shared memory, the [`control::Control`] page, and
//! through a system call that no kernel has ([`control::Request`]): it reaches the harness as an
//! unknown-syscall fault. So tests need no channel of their own and may use all of them.
//!
//! `README.md` shows how to add a test.

#![no_std]

#[cfg(test)]
extern crate std;

pub mod console;
pub mod control;
pub mod harness;
mod stack;
mod subject;
mod time;
mod words;

pub use console::Console;
pub use stack::stack_used;
pub use subject::{
    Test, expect_brk, expect_fault, expect_fault_masked, expect_panic, phase, restart, run,
    scratch, set_scratch,
};
pub use time::{nanos_from_ticks, spin_for_nanos, ticks, ticks_per_second};
pub use words::{WORDS, Words, words};

/// Any bits: the mask of a message register that is not compared.
pub const ANY: u64 = 0;

/// A list of test functions as a subject's [`run`] takes it.
#[macro_export]
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        &[$($crate::Test { name: stringify!($test), run: $test }),*]
    };
}
