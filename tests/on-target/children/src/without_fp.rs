//! Uses a floating-point register, which its system description forbids.
#![no_std]
#![no_main]

use sel4_microkit::{Handler, NullHandler, protection_domain};

#[protection_domain]
fn init() -> impl Handler {
    // SAFETY: faults.
    unsafe { core::arch::asm!("fmov d0, xzr", out("v0") _) };
    NullHandler::new()
}
