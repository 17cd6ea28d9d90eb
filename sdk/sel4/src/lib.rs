//! The seL4 16 MCS kernel interface on AArch64, as far as a Microkit protection domain can reach it.
//!
//! Names follow rust-sel4's `sel4` crate. This crate needs stable Rust only: no libclang, no kernel
//! headers. Everything that is pure data (message words, invocation labels, fault messages, register
//! sets) is the same on the host; system calls go to a stand-in there that a test supplies.
//!
//! Trust: the kernel's words are believed. Fault messages are *not*: a child can call its own fault
//! endpoint with any content (Microkit 2.3.0 hands it that right), so decoding never panics.
//!
//! Invocation labels differ between kernel configurations. `CAIRN_CONFIG` (debug, release or
//! benchmark; release when unset) selects them at build time, see [`config`].

#![no_std]

#[cfg(not(target_os = "none"))]
extern crate std;

pub mod config;
mod cptr;
mod error;
mod esr;
mod fault;
pub mod label;
mod message_info;
mod user_context;

mod invocations;
mod ipc_buffer;
pub mod svc;

pub use cptr::{CPtr, CPtrBits, Cap, cap, cap_type, cspace_root_slot_to_cptr};
pub use error::{Error, Result};
pub use esr::{AbortCause, Esr, ExceptionKind};
pub use fault::{
    CapFault, DebugException, Fault, LookupFailure, Timeout, UnknownSyscall, UserException,
    VCpuFault, VGicMaintenance, VPpiEvent, VmFault,
};
pub use message_info::{MessageInfo, MessageInfoBuilder};
pub use user_context::UserContext;

pub use invocations::{debug_put_char, r#yield};
#[cfg(target_os = "none")]
pub use ipc_buffer::set_ipc_buffer;
pub use ipc_buffer::{IpcBuffer, ipc_buffer};

/// A machine word.
pub type Word = u64;

/// What a message's sender capability was stamped with.
pub type Badge = Word;

/// Message registers in one message.
pub const MSG_MAX_LENGTH: usize = 120;

/// Message registers that travel in machine registers; the rest lives in the IPC buffer.
pub const NUM_FAST_MESSAGE_REGISTERS: usize = 4;
