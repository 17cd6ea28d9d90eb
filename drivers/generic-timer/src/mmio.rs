//! The one module that touches system registers.

use core::arch::asm;

use crate::Registers;

/// The registers of this CPU. EL0 may use them where the kernel was built to allow it: on
/// `qemu_virt_aarch64` all of them, elsewhere usually the counter only.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRegisters;

impl Registers for SystemRegisters {
    fn frequency_hz(&self) -> u64 {
        let hz: u64;
        // SAFETY: reading this register has no effect.
        unsafe { asm!("mrs {}, cntfrq_el0", out(reg) hz, options(nomem, nostack)) }
        hz
    }

    #[inline]
    fn count(&self) -> u64 {
        let count: u64;
        // SAFETY: reading this register has no effect. The barrier keeps the CPU from reading it
        // early, so that time never runs backwards.
        unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) count, options(nomem, nostack)) }
        count
    }

    fn set_compare(&mut self, count: u64) {
        // SAFETY: decides when the timer interrupts, nothing else.
        unsafe { asm!("msr cntp_cval_el0, {}", in(reg) count, options(nomem, nostack)) }
    }

    fn set_control(&mut self, control: u64) {
        // SAFETY: decides whether the timer interrupts, nothing else; the barrier makes it take
        // effect before the interrupt is acknowledged.
        unsafe { asm!("msr cntp_ctl_el0, {}", "isb", in(reg) control, options(nomem, nostack)) }
    }
}
