//! Runtime of a Microkit 2.3 protection domain (PD) on AArch64: entry point, event loop, channels,
//! children, message registers, deferred actions, panic hook.
//!
//! Names and signatures follow rust-sel4 5.0's `sel4-microkit`, so a PD's source compiles against
//! either. What this crate adds: stable Rust without libclang or SDK headers, a `_start` that can be
//! entered again, [`Handler::begin`], fault decoding that cannot panic, and [`Child`] calls to restart
//! and inspect.
//!
//! Message registers live in the IPC buffer between system calls; every system call that carries a
//! message replaces them. A PD has one thread, so nothing here locks.
//!
//! Trust: the image tool's patched symbols and the kernel's badges are believed. Message contents
//! are the sender's claims: nothing here interprets them, except [`MessageInfo::fault`], which accepts
//! anything.
//!
//! # Memory
//!
//! | section | on first entry | on every later entry |
//! |---|---|---|
//! | `.setvars` | patched by the image tool, read-only | unchanged |
//! | `.data` | as linked; copied aside | restored from the copy |
//! | `.bss` | zero | zeroed |
//! | `.persistent` | as linked | unchanged |

#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod channel;
mod defer;
mod entry;
mod handler;
mod heap;
pub mod ipc;
#[cfg(target_os = "none")]
mod memory;
mod message;
pub mod panicking;
mod printing;
mod symbols;

pub use channel::{Channel, Child, IrqAckError, sched_context, vspace};
pub use defer::{DeferredAction, DeferredActionInterface, DeferredActionSlot};
pub use entry::ENTRY_POINT;
pub use handler::{Handler, Infallible, Never, NullHandler};
pub use ipc::{ChannelSet, ChannelSetIter, DisplayChannelSet};
pub use message::{
    MessageInfo, MessageLabel, MessageRegisterValue, get_mr, set_mr, with_msg_bytes,
    with_msg_bytes_mut, with_msg_regs, with_msg_regs_mut,
};
pub use sel4::cspace_root_slot_to_cptr;
pub use sel4_microkit_macros::protection_domain;
pub use symbols::{pd_is_passive, pd_name};

#[doc(hidden)]
pub mod _private {
    pub use crate::entry::{Stack, StackTop, run_main};
    pub use crate::heap::{Arena, StaticHeap};
    pub use crate::printing::print;
    pub use crate::symbols::Patched;
    pub use sel4::config::PRINTING;
}
