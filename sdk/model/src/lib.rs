//! The model kernel: an executable model of what Microkit systems use of seL4 16's MCS API on
//! AArch64, for development and tests, never for deployment.
//!
//! This library is the kernel without the machine: objects, scheduling, messages, faults and
//! invocations, generic over [`machine::Machine`] and free of `unsafe`. It runs on the host under a
//! fake machine. The binary `model` adds the machine: exception vectors, page tables, interrupt
//! controller, timer and console of QEMU's `virt` board at EL2.
//!
//! It trusts the boot specification (checked by `model-spec`) and nothing that a PD says. What it
//! does differently from seL4 is a bug, except: no object can be created or deleted, no capability
//! moved; thread operations that need capabilities no PD has, breakpoints, benchmark system calls,
//! virtual machines and timeout faults do not exist; the signal fast path of `benchmark` kernels,
//! which overlooks bad extra capabilities, is not imitated. `tests/on-target/kernel` compares it
//! with seL4.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod budget;
mod context;
mod cspace;
mod endpoint;
mod fault;
mod inject;
#[cfg(test)]
mod invariants;
mod invocation;
pub mod irq;
mod kernel;
mod labels;
pub mod machine;
mod message;
mod monitor;
mod notification;
pub mod object;
mod queue;
pub mod registers;
mod reply;
#[cfg(test)]
mod scenarios;
mod sched;
mod syscall;
mod tcb;
#[cfg(test)]
mod testing;

pub use kernel::Kernel;
