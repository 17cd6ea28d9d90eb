//! Faulting deeds. Each is a function whose *first instruction* faults, so that a test knows the
//! program counter that the fault must name.

#![no_std]

#[cfg(target_os = "none")]
use core::arch::naked_asm;

macro_rules! deeds {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),*) = $($instruction:literal),+;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// Only to be called by a test that knows what the instruction does.
        #[cfg(target_os = "none")]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name($($argument: u64),*) -> u64 {
            naked_asm!($($instruction,)+ "ret")
        }
    )*};
}

deeds! {
    /// Loads a word.
    load(_address) = "ldr w0, [x0]";
    /// Stores a word.
    store(_address) = "str w0, [x0]";
    /// Goes to an address.
    jump(_address) = "br x0";
    /// The permanently undefined instruction.
    undefined() = "udf #0";
    /// `brk` as compilers emit it for an abort.
    brk_1() = "brk #1";
    /// `brk` with another immediate.
    brk_42() = "brk #42";
    /// A system call with every register given.
    syscall(_x0, _x1, _x2, _x3, _x4, _x5, _x6, _x7) = "svc #0";
    /// A hypervisor call, undefined at user level.
    hypervisor_call() = "hvc #0";
    /// Reads a register of privileged code.
    read_midr() = "mrs x0, midr_el1";
    /// Reads the virtual counter, which Microkit does not export.
    read_virtual_counter() = "mrs x0, cntvct_el0";
    /// Masks interrupts.
    mask_interrupts() = "msr daifset, #2";
    /// Does nothing.
    nothing() = "nop";
}

/// The program counter that a deed's fault names.
#[macro_export]
macro_rules! pc {
    ($deed:ident) => {
        $crate::$deed as *const () as u64
    };
}
