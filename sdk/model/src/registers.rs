//! A thread's user-visible registers, in the layout that the trap code saves and restores.

/// Register state of one thread; the trap code knows these offsets.
#[derive(Clone)]
#[repr(C, align(16))]
pub struct Registers {
    /// x0 to x30.
    pub x: [u64; 31],
    /// Stack pointer (`sp_el0`).
    pub sp: u64,
    /// Where the thread continues (`elr_el2`).
    pub pc: u64,
    /// Processor state (`spsr_el2`).
    pub spsr: u64,
    /// Where the thread restarts: the faulting instruction, or the `svc` it executes.
    pub fault_pc: u64,
    /// Thread pointer, writable from EL0.
    pub tpidr: u64,
    /// Thread pointer, read-only at EL0.
    pub tpidrro: u64,
    /// Nonzero if the thread may use FP and SIMD registers.
    pub fpu: u64,
    /// v0 to v31.
    pub v: [[u64; 2]; 32],
    /// FP control.
    pub fpcr: u64,
    /// FP status.
    pub fpsr: u64,
}

const _: () = {
    assert!(core::mem::offset_of!(Registers, sp) == 248);
    assert!(core::mem::offset_of!(Registers, spsr) == 264);
    assert!(core::mem::offset_of!(Registers, tpidr) == 280);
    assert!(core::mem::offset_of!(Registers, fpu) == 296);
    assert!(core::mem::offset_of!(Registers, v) == 304);
    assert!(core::mem::offset_of!(Registers, fpcr) == 816);
    assert!(size_of::<Registers>() == 832);
};

/// FIQ masked, EL0: the part of PSTATE that a thread cannot change.
const PSTATE_USER: u64 = 1 << 6;
/// SError masked too, in configurations that are not for debugging.
const PSTATE_SERROR_MASKED: u64 = 1 << 8;
/// Condition flags: the part that it can.
const PSTATE_FLAGS: u64 = 0xf000_0000;

/// Number of registers in an `seL4_UserContext`.
pub const CONTEXT_REGISTER_COUNT: usize = 36;
/// Number of message registers that travel in x2 to x5.
pub const MESSAGE_REGISTER_COUNT: usize = 4;
/// General registers at positions 3 and up of an `seL4_UserContext`.
const CONTEXT_GENERAL: [u8; 31] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 29, 30, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23,
    24, 25, 26, 27, 28,
];

/// A register that messages and invocations can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// x0 to x30.
    General(u8),
    /// Stack pointer.
    StackPointer,
    /// Restart address.
    FaultPc,
    /// Next instruction.
    Pc,
    /// Processor state.
    Spsr,
    /// `tpidr_el0`.
    ThreadPointer,
    /// `tpidrro_el0`.
    ThreadPointerReadOnly,
}

/// Registers in an UnknownSyscall message, in order.
pub const SYSCALL_MESSAGE: [Register; 12] = [
    Register::General(0),
    Register::General(1),
    Register::General(2),
    Register::General(3),
    Register::General(4),
    Register::General(5),
    Register::General(6),
    Register::General(7),
    Register::FaultPc,
    Register::StackPointer,
    Register::Pc,
    Register::Spsr,
];

/// Registers in a UserException message, in order.
pub const EXCEPTION_MESSAGE: [Register; 3] =
    [Register::FaultPc, Register::StackPointer, Register::Spsr];

/// The register at a position of an `seL4_UserContext`.
///
/// `position` must be below [`CONTEXT_REGISTER_COUNT`].
#[must_use]
pub fn context_register(position: usize) -> Register {
    match position {
        0 => Register::FaultPc,
        1 => Register::StackPointer,
        2 => Register::Spsr,
        34 => Register::ThreadPointer,
        35 => Register::ThreadPointerReadOnly,
        _ => Register::General(CONTEXT_GENERAL[position - 3]),
    }
}

impl Registers {
    /// All zero: what static memory holds before a thread is set up.
    pub const ZERO: Self = Self {
        x: [0; 31],
        sp: 0,
        pc: 0,
        spsr: 0,
        fault_pc: 0,
        tpidr: 0,
        tpidrro: 0,
        fpu: 0,
        v: [[0; 2]; 32],
        fpcr: 0,
        fpsr: 0,
    };

    /// Reads one register.
    #[must_use]
    pub fn get(&self, register: Register) -> u64 {
        match register {
            Register::General(number) => self.x[usize::from(number)],
            Register::StackPointer => self.sp,
            Register::FaultPc => self.fault_pc,
            Register::Pc => self.pc,
            Register::Spsr => self.spsr,
            Register::ThreadPointer => self.tpidr,
            Register::ThreadPointerReadOnly => self.tpidrro,
        }
    }

    /// Writes one register; of the processor state only the condition flags are taken.
    pub fn set(&mut self, register: Register, value: u64) {
        match register {
            Register::General(number) => self.x[usize::from(number)] = value,
            Register::StackPointer => self.sp = value,
            Register::FaultPc => self.fault_pc = value,
            Register::Pc => self.pc = value,
            Register::Spsr => self.spsr = (value & PSTATE_FLAGS) | (self.spsr & !PSTATE_FLAGS),
            Register::ThreadPointer => self.tpidr = value,
            Register::ThreadPointerReadOnly => self.tpidrro = value,
        }
    }

    /// Processor state of a new thread.
    pub fn reset_spsr(&mut self, debug: bool) {
        self.spsr = if debug { PSTATE_USER } else { PSTATE_USER | PSTATE_SERROR_MASKED };
    }

    /// Reads a message register that travels in a CPU register.
    #[must_use]
    pub fn message(&self, index: usize) -> u64 {
        self.x[2 + index]
    }

    /// Writes a message register that travels in a CPU register.
    pub fn set_message(&mut self, index: usize, value: u64) {
        self.x[2 + index] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_context_names_each_register_once() {
        let all: std::vec::Vec<Register> =
            (0..CONTEXT_REGISTER_COUNT).map(context_register).collect();
        for number in 0..31 {
            let count = all.iter().filter(|each| **each == Register::General(number)).count();
            assert_eq!(count, 1, "x{number}");
        }
        assert_eq!(context_register(12), Register::General(16));
        assert_eq!(context_register(16), Register::General(30));
        assert_eq!(context_register(17), Register::General(9));
        assert_eq!(context_register(33), Register::General(28));
    }

    #[test]
    fn processor_state_keeps_exception_level_and_masks() {
        let mut registers = Registers::ZERO;
        registers.reset_spsr(false);
        registers.set(Register::Spsr, u64::MAX);
        assert_eq!(registers.spsr, 0xf000_0140);
    }
}
