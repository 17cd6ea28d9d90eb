//! From the first instruction to the first PD.

use core::arch::{asm, global_asm};
use core::fmt::Write as _;

use model::object::ThreadId;
use model::registers::Registers;
use model_spec::{Config, Fill, Header, Range, Spec, Trigger};

use crate::trap::{kernel, resume};
use crate::vspace::TablePool;
use crate::{board, gic, mmu, uart, vspace};

// Copies the image from wherever it was loaded to where it is linked, clears `.bss` and calls
// `main` with the address of the payload, which lies behind the image. Position-independent until
// it jumps into the copy; no stack until then.
global_asm!(
    r#"
    .section .text.start, "ax"
    .global _start
_start:
    msr daifset, #0xf
    mrs x0, CurrentEL
    cmp x0, #8
    b.ne 5f
    mov x0, #0x33ff
    msr cptr_el2, x0
    isb
    adr x19, _start
    ldr x20, =__image_start
    ldr x21, =__image_end
    sub x22, x21, x20
    add x19, x19, x22
    cmp x20, x21
    adr x1, _start
    mov x0, x20
1:  ldp x2, x3, [x1], #16
    stp x2, x3, [x0], #16
    cmp x0, x21
    b.lo 1b
    dsb sy
    ic iallu
    dsb sy
    isb
    ldr x4, =2f
    br x4
2:  ldr x0, =__bss_start
    ldr x1, =__bss_end
3:  cmp x0, x1
    b.hs 4f
    stp xzr, xzr, [x0], #16
    b 3b
4:  ldr x0, =__stack_top
    mov sp, x0
    ldr x0, =exception_vectors
    msr vbar_el2, x0
    isb
    mov x0, x19
    mov x29, xzr
    bl {main}
    b restore_frame

    // Not at EL2: say so on the UART.
5:  adr x0, 8f
    mov x1, #0x09000000
6:  ldrb w2, [x0], #1
    cbz w2, 7f
    strb w2, [x1]
    b 6b
7:  wfi
    b 7b
8:  .asciz "model: needs EL2: -machine virt,virtualization=on\r\n"
    .balign 4
    .ltorg
"#,
    main = sym main,
);

/// Stage 2: 40-bit addresses from level 1, cached inner-shareable walks, 4 KiB pages.
const VTCR: u64 = 24 | (1 << 6) | (1 << 8) | (1 << 10) | (3 << 12) | (2 << 16) | (1 << 31);
/// PDs at EL0 directly under EL2, behind stage 2, with every privileged operation trapped.
const HCR: u64 = 1 // stage 2 on
    | (1 << 1) // set/way invalidation also cleans
    | (0b111 << 3) // FIQ, IRQ and SError to EL2
    | (1 << 12) // default cacheable
    | (1 << 19) // trap SMC
    | (1 << 21) // trap ACTLR
    | (1 << 25) // trap TLB maintenance
    | (1 << 26) // trap virtual memory controls
    | (1 << 27) // EL0 exceptions to EL2
    | (1 << 31); // 64-bit
/// What EL0 sees of EL1's control: caches on, cache maintenance allowed, WFI and WFE not trapped.
const SCTLR_EL1: u64 =
    0x30d0_0800 | (1 << 2) | (1 << 5) | (1 << 12) | (1 << 15) | (1 << 16) | (1 << 18) | (1 << 26);
/// EL0 may use the physical counter and the physical timer, not the virtual ones.
const CNTKCTL: u64 = 1 | (1 << 9);
/// EL2 does not stand in the way of that.
const CNTHCTL: u64 = 0b11;

/// Prints why the machine cannot boot and stops.
fn refuse(reason: core::fmt::Arguments<'_>) -> ! {
    // The console accepts everything, so there is no error to report.
    let _ = writeln!(uart::Uart, "model: cannot boot: {reason}");
    board::halt()
}

/// Boots the payload at `payload`; returns the frame of the first thread.
extern "C" fn main(payload: u64) -> *mut Registers {
    mmu::enable();
    let header = payload as *const Header;
    // SAFETY: the image was loaded with its payload behind it, page-aligned; RAM is readable.
    let header = unsafe { &*header };
    let Some(bytes) = Spec::payload_bytes(header) else {
        refuse(format_args!("no payload at {payload:#x}"))
    };
    // SAFETY: the header says so, and the memory up to the end of RAM is readable.
    let payload_bytes =
        unsafe { core::slice::from_raw_parts(payload as *const u8, bytes as usize) };
    let spec = match Spec::parse(payload_bytes) {
        Ok(spec) => spec,
        Err(error) => refuse(format_args!("{error}")),
    };
    banner(spec.config());
    check_memory(&spec, Range { start: payload, end: payload + bytes });
    for fill in spec.fills() {
        // SAFETY: `check_memory` made sure that it touches neither the kernel nor the payload.
        unsafe { perform_fill(&spec, fill) };
    }
    init_processor(spec.config());
    gic::init();
    load(&spec)
}

fn banner(config: Config) {
    let config = match config {
        Config::Debug => "debug",
        Config::Release => "release",
        Config::Benchmark => "benchmark",
    };
    let version = env!("CARGO_PKG_VERSION");
    // The console accepts everything, so there is no error to report.
    let _ = writeln!(
        uart::Uart,
        "CAIRN model kernel {version} ({config}): for development and tests, never for deployment"
    );
}

/// Refuses specifications that were made for another kernel or overwrite themselves.
fn check_memory(spec: &Spec<'_>, payload: Range) {
    let kernel = mmu::kernel_range();
    if spec.header().kernel != kernel {
        refuse(format_args!("payload was made for another kernel"));
    }
    if payload.overlaps(&kernel) || payload.overlaps(&spec.header().tables) {
        refuse(format_args!("image loaded over memory in use"));
    }
    for fill in spec.fills() {
        if payload.overlaps(&Range { start: fill.paddr, end: fill.paddr + fill.bytes }) {
            refuse(format_args!("fill of {:#x} overlaps the loaded image", fill.paddr));
        }
    }
}

/// Copies data and zeroes the rest.
///
/// # Safety
/// The destination is RAM outside the kernel and the payload.
unsafe fn perform_fill(spec: &Spec<'_>, fill: &Fill) {
    let data = spec.data_of(fill);
    let destination = fill.paddr as *mut u8;
    // SAFETY: RAM that nobody else uses; data and destination do not overlap.
    unsafe { destination.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    let rest = destination.wrapping_add(data.len());
    // SAFETY: a checked fill has no more data than bytes.
    unsafe { rest.write_bytes(0, fill.bytes as usize - data.len()) };
}

/// Sets the system registers that PDs feel.
fn init_processor(config: Config) {
    // SAFETY: EL0 is not running yet and these registers do not affect EL2.
    unsafe {
        asm!(
            "msr vtcr_el2, {vtcr}",
            "msr hcr_el2, {hcr}",
            "msr sctlr_el1, {sctlr}",
            "msr cpacr_el1, {cpacr}",
            "msr hstr_el2, xzr",
            "msr cntkctl_el1, {cntkctl}",
            "msr cnthctl_el2, {cnthctl}",
            "msr cntvoff_el2, xzr",
            "msr cntv_ctl_el0, xzr",
            "msr cntp_ctl_el0, xzr",
            "msr cnthp_ctl_el2, {timer_on}",
            "dsb sy",
            "ic iallu",
            "tlbi alle1",
            "dsb sy",
            "isb",
            vtcr = in(reg) VTCR,
            hcr = in(reg) HCR,
            sctlr = in(reg) SCTLR_EL1,
            cpacr = in(reg) 3u64 << 20,
            cntkctl = in(reg) CNTKCTL,
            cnthctl = in(reg) CNTHCTL,
            timer_on = in(reg) 1u64,
        );
    }
    let counters = u64::from(config == Config::Benchmark);
    // SAFETY: only whether EL0 may use the performance counters, and whether the cycle counter runs.
    unsafe {
        asm!(
            "msr pmuserenr_el0, {on}",
            "msr pmcr_el0, {on}",
            "msr pmcntenset_el0, {cycles}",
            on = in(reg) counters,
            cycles = in(reg) counters << 31,
        );
    }
}

/// Creates all objects and address spaces.
fn load(spec: &Spec<'_>) -> *mut Registers {
    // SAFETY: the first kernel entry.
    let kernel = unsafe { kernel() };
    // SAFETY: checked to be outside the kernel, the payload and every fill.
    let mut pool = unsafe { TablePool::new(spec.header().tables) };
    for (index, pd) in (0..).zip(spec.pds()) {
        let root = vspace::build(spec.mappings_of(pd), &mut pool);
        kernel.machine.add(ThreadId(index), root, pd.ipc_buffer_paddr);
    }
    for irq in spec.irqs() {
        gic::set_edge_triggered(irq.intid, irq.trigger == Trigger::Edge as u8);
    }
    gic::mask(model::irq::TIMER_INTID, false);
    kernel.load(spec);
    resume(kernel)
}
