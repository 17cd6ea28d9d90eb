//! The model kernel's binary: QEMU `virt` at EL2 under the kernel logic of the library.
#![no_std]
#![no_main]
#![allow(clippy::cast_possible_truncation, reason = "the target has 64-bit addresses")]

mod board;
mod boot;
mod gic;
mod mmu;
mod trap;
mod uart;
mod vspace;
