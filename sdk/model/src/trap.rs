//! Entering and leaving the kernel.
//!
//! While a PD runs, the stack pointer of EL2 points at the register frame of its thread; entry code
//! stores everything there and switches to the kernel stack. FP and SIMD registers are stored too,
//! because kernel code may use them. Interrupts stay masked in the kernel, so there is no nesting.

use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::fmt::Write as _;

use model::Kernel;
use model::irq::TIMER_INTID;
use model::registers::Registers;

use crate::board::{self, Board};
use crate::{gic, uart};

struct KernelCell(UnsafeCell<Kernel<Board>>);

// SAFETY: one core, and the kernel is never interrupted, so there is one user at a time.
unsafe impl Sync for KernelCell {}

static KERNEL: KernelCell = KernelCell(UnsafeCell::new(Kernel::new(Board::new())));

/// The kernel.
///
/// # Safety
/// The result must not live when this is called again: call it once per kernel entry.
pub(crate) unsafe fn kernel() -> &'static mut Kernel<Board> {
    // SAFETY: there is no other reference, says the caller.
    unsafe { &mut *KERNEL.0.get() }
}

/// Handles a synchronous exception from EL0.
extern "C" fn handle_exception() -> *mut Registers {
    // SAFETY: once per kernel entry.
    let kernel = unsafe { kernel() };
    let (syndrome, fault_address);
    // SAFETY: reading what the processor reports about the exception.
    unsafe {
        asm!("mrs {}, esr_el2", "mrs {}, far_el2", out(reg) syndrome, out(reg) fault_address);
    }
    kernel.exception(syndrome, fault_address);
    resume(kernel)
}

/// Handles an interrupt that arrived at EL0.
extern "C" fn handle_interrupt() -> *mut Registers {
    // SAFETY: once per kernel entry.
    let kernel = unsafe { kernel() };
    kernel.preempt();
    take_interrupt(kernel);
    resume(kernel)
}

fn take_interrupt(kernel: &mut Kernel<Board>) {
    let intid = gic::acknowledge();
    if intid == Some(TIMER_INTID) {
        // The line stays high until the deadline is moved, so that comes before the end.
        model::machine::Machine::set_deadline(&mut kernel.machine, u64::MAX);
    }
    kernel.interrupt(intid);
    if let Some(intid) = intid {
        gic::end(intid);
    }
}

/// The register frame of the thread that runs next, once there is one.
pub(crate) fn resume(kernel: &mut Kernel<Board>) -> *mut Registers {
    loop {
        if let Some(registers) = kernel.current_registers() {
            return registers;
        }
        board::wait_for_interrupt();
        take_interrupt(kernel);
    }
}

/// Reports an exception that the kernel itself caused, or one from a mode that does not exist.
extern "C" fn handle_impossible(vector: u64, syndrome: u64, pc: u64, fault_address: u64) -> ! {
    // The console accepts everything, so there is no error to report.
    let _ = writeln!(
        uart::Uart,
        "model: kernel exception: vector {vector:#x} syndrome {syndrome:#x} pc {pc:#x} \
         address {fault_address:#x}"
    );
    board::halt()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    // The console accepts everything, so there is no error to report.
    let _ = writeln!(uart::Uart, "model: kernel panic: {info}");
    board::halt()
}

global_asm!(
    r#"
    .macro impossible vector
    .balign 0x80
        mov x0, #\vector
        mrs x1, esr_el2
        mrs x2, elr_el2
        mrs x3, far_el2
        adrp x9, __stack_top
        add x9, x9, :lo12:__stack_top
        mov sp, x9
        b {impossible}
    .endm

    .macro enter target
    .balign 0x80
        stp x0, x1, [sp]
        adr x0, \target
        b save_frame
    .endm

    .section .text.vectors, "ax"
    .balign 0x800
    .global exception_vectors
exception_vectors:
    impossible 0x000
    impossible 0x080
    impossible 0x100
    impossible 0x180
    impossible 0x200
    impossible 0x280
    impossible 0x300
    impossible 0x380
    enter {exception}
    enter {interrupt}
    impossible 0x500
    impossible 0x580
    impossible 0x600
    impossible 0x680
    impossible 0x700
    impossible 0x780

    // x0: the handler. x0 and x1 of the PD are stored already.
save_frame:
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    mrs x21, sp_el0
    stp x30, x21, [sp, #240]
    mrs x22, elr_el2
    mrs x23, spsr_el2
    stp x22, x23, [sp, #256]
    mrs x24, tpidr_el0
    mrs x25, tpidrro_el0
    stp x24, x25, [sp, #280]
    ldr x26, [sp, #296]
    add x27, sp, #304
    cbz x26, 1f
    stp q0, q1, [x27]
    stp q2, q3, [x27, #32]
    stp q4, q5, [x27, #64]
    stp q6, q7, [x27, #96]
    stp q8, q9, [x27, #128]
    stp q10, q11, [x27, #160]
    stp q12, q13, [x27, #192]
    stp q14, q15, [x27, #224]
    stp q16, q17, [x27, #256]
    stp q18, q19, [x27, #288]
    stp q20, q21, [x27, #320]
    stp q22, q23, [x27, #352]
    stp q24, q25, [x27, #384]
    stp q26, q27, [x27, #416]
    stp q28, q29, [x27, #448]
    stp q30, q31, [x27, #480]
    mrs x24, fpcr
    mrs x25, fpsr
    add x27, x27, #512
    stp x24, x25, [x27]
    b 2f
1:  // FP is trapped for this thread, but the kernel uses it.
    mov x24, #0x33ff
    msr cptr_el2, x24
    isb
2:
    adrp x9, __stack_top
    add x9, x9, :lo12:__stack_top
    mov sp, x9
    mov x29, xzr
    blr x0

    // x0: frame of the thread to run.
    .global restore_frame
restore_frame:
    mov sp, x0
    ldr x26, [sp, #296]
    add x27, sp, #304
    cbz x26, 1f
    ldp q0, q1, [x27]
    ldp q2, q3, [x27, #32]
    ldp q4, q5, [x27, #64]
    ldp q6, q7, [x27, #96]
    ldp q8, q9, [x27, #128]
    ldp q10, q11, [x27, #160]
    ldp q12, q13, [x27, #192]
    ldp q14, q15, [x27, #224]
    ldp q16, q17, [x27, #256]
    ldp q18, q19, [x27, #288]
    ldp q20, q21, [x27, #320]
    ldp q22, q23, [x27, #352]
    ldp q24, q25, [x27, #384]
    ldp q26, q27, [x27, #416]
    ldp q28, q29, [x27, #448]
    ldp q30, q31, [x27, #480]
    add x27, x27, #512
    ldp x24, x25, [x27]
    msr fpcr, x24
    msr fpsr, x25
    b 2f
1:
    mov x24, #0x37ff
    msr cptr_el2, x24
2:
    ldp x24, x25, [sp, #280]
    msr tpidr_el0, x24
    msr tpidrro_el0, x25
    ldp x22, x23, [sp, #256]
    msr elr_el2, x22
    msr spsr_el2, x23
    ldp x30, x21, [sp, #240]
    msr sp_el0, x21
    ldp x28, x29, [sp, #224]
    ldp x26, x27, [sp, #208]
    ldp x24, x25, [sp, #192]
    ldp x22, x23, [sp, #176]
    ldp x20, x21, [sp, #160]
    ldp x18, x19, [sp, #144]
    ldp x16, x17, [sp, #128]
    ldp x14, x15, [sp, #112]
    ldp x12, x13, [sp, #96]
    ldp x10, x11, [sp, #80]
    ldp x8, x9, [sp, #64]
    ldp x6, x7, [sp, #48]
    ldp x4, x5, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp]
    eret
"#,
    exception = sym handle_exception,
    interrupt = sym handle_interrupt,
    impossible = sym handle_impossible,
);
