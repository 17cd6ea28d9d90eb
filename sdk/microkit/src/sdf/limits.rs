//! The numbers of the format: Microkit 2.3.0 on AArch64, seL4 at EL2 with 40-bit addresses.

/// Protection domains in a system, children included.
pub const PD_COUNT_MAX: usize = model_spec::layout::PD_COUNT_MAX;
/// Largest channel, interrupt or child id: badge bits 62 and 63 have other meanings.
pub const ID_MAX: u8 = 61;
/// Largest priority of a protection domain; 255 belongs to the monitor.
pub const PRIORITY_MAX: u8 = model_spec::layout::PRIORITY_MAX;
/// Budget of a protection domain that names none, in microseconds.
pub const BUDGET_US_DEFAULT: u64 = 1000;
/// Smallest budget that the kernel starts with, in microseconds: twice its worst-case run time.
pub const BUDGET_US_MIN: u64 = model_spec::layout::BUDGET_US_MIN;
/// Longest period, in microseconds.
pub const PERIOD_US_MAX: u64 = model_spec::layout::PERIOD_US_MAX;
/// Stack of a protection domain that names none, in bytes.
pub const STACK_BYTES_DEFAULT: u64 = 0x2000;
/// Smallest stack, in bytes.
pub const STACK_BYTES_MIN: u64 = 0x1000;
/// Largest stack, in bytes.
pub const STACK_BYTES_MAX: u64 = 0x100_0000;
/// Small page, in bytes.
pub const PAGE: u64 = 1 << model_spec::layout::PAGE_BITS;
/// Large page, in bytes.
pub const LARGE_PAGE: u64 = 1 << model_spec::layout::LARGE_PAGE_BITS;
/// Largest `<cspace>` slot: the root CNode has 64, slot 0 holds Microkit's own CNode.
pub const CAP_SLOT_MAX: u8 = 63;
/// The interrupt controller's first private peripheral interrupt; below lie software interrupts.
pub const IRQ_MIN: u16 = 16;
/// The last interrupt that the QEMU `virt` kernel knows.
pub const IRQ_MAX: u16 = 159;
/// Interrupts that the kernel keeps: virtual GIC maintenance, its own timer, the virtual timer.
pub const IRQ_KERNEL: [u16; 3] = [25, 26, 27];

/// Highest user page: the IPC buffer of every protection domain.
pub const IPC_BUFFER: u64 = model_spec::layout::IPC_BUFFER;
/// First address above the stack; an unmapped page lies between it and the IPC buffer.
pub const STACK_TOP: u64 = model_spec::layout::STACK_TOP;
/// First physical address that cannot exist: addresses have 40 bits.
pub const PHYS_END: u64 = 1 << 40;

/// Longest description text, in bytes: a generated system of 63 domains needs under 100 KiB.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Most XML nodes (elements, texts, comments) in a description.
pub const NODE_COUNT_MAX: u32 = 1 << 16;
/// Deepest nesting of elements: 63 nested domains, `<system>`, and one level inside the last.
pub const DEPTH_MAX: usize = PD_COUNT_MAX + 3;

/// First address above what a protection domain with this stack may map.
#[must_use]
pub const fn map_end(stack_size: u64) -> u64 {
    STACK_TOP.saturating_sub(stack_size)
}
