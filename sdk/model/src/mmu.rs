//! The kernel's own address space: identity-mapped, W^X, with a guard page under the stack.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::ptr::addr_of;

/// Entries of a table.
const ENTRY_COUNT: usize = 512;
/// Bytes mapped by an entry of a level-2 table.
const BLOCK_BYTES: usize = 1 << 21;
/// Bytes mapped by an entry of a level-1 table.
const GIB: usize = 1 << 30;
/// Bytes mapped by an entry of a level-3 table.
const PAGE_BYTES: usize = 1 << 12;

/// Descriptor of a table, or of a page at level 3.
const TABLE: u64 = 0b11;
/// Descriptor of a block.
const BLOCK: u64 = 0b01;
/// Accessed, inner shareable, normal memory (attribute 0).
const NORMAL: u64 = (1 << 10) | (0b11 << 8);
/// Accessed, device memory (attribute 1).
const DEVICE: u64 = (1 << 10) | (1 << 2);
const READ_ONLY: u64 = 1 << 7;
const EXECUTE_NEVER: u64 = 1 << 54;

/// Attribute 0: write-back cached. Attribute 1: device without gathering, reordering, early answer.
const MAIR: u64 = 0x00ff;
/// 32-bit addresses, cached inner-shareable walks, 4 KiB pages, 40-bit output.
const TCR: u64 = 32 | (1 << 8) | (1 << 10) | (3 << 12) | (2 << 16) | (1 << 23) | (1 << 31);
/// MMU, caches, stack alignment check, write implies execute-never, and the bits that read as one.
const SCTLR: u64 = 0x30c5_0830 | 1 | (1 << 2) | (1 << 3) | (1 << 12) | (1 << 19);

#[repr(C, align(4096))]
struct Table(UnsafeCell<[u64; ENTRY_COUNT]>);

// SAFETY: written only by `enable`, which runs once before anything else; read by the MMU only.
unsafe impl Sync for Table {}

impl Table {
    const fn empty() -> Self {
        Self(UnsafeCell::new([0; ENTRY_COUNT]))
    }

    /// Sets one entry, aligned and not merged with others: memory is still uncached.
    fn set(&self, index: usize, descriptor: u64) {
        let entry = self.0.get().cast::<u64>().wrapping_add(index % ENTRY_COUNT);
        // SAFETY: the index is in bounds and nobody else uses the table yet.
        unsafe { entry.write_volatile(descriptor) };
    }

    fn address(&self) -> u64 {
        self.0.get() as u64
    }
}

static LEVEL_1: Table = Table::empty();
static DEVICES: Table = Table::empty();
static RAM: Table = Table::empty();
static KERNEL: Table = Table::empty();

unsafe extern "C" {
    static __image_start: u8;
    static __text_end: u8;
    static __rodata_end: u8;
    static __stack_guard: u8;
    static __kernel_end: u8;
}

/// Memory that the kernel occupies.
pub(crate) fn kernel_range() -> model_spec::Range {
    model_spec::Range { start: addr_of!(__image_start) as u64, end: addr_of!(__kernel_end) as u64 }
}

/// Switches the MMU on.
pub(crate) fn enable() {
    let image_start = addr_of!(__image_start) as usize;
    fill_kernel_table(image_start);
    for index in 0..ENTRY_COUNT {
        let address = GIB + index * BLOCK_BYTES;
        let block = address as u64 | BLOCK | NORMAL | EXECUTE_NEVER;
        let is_kernel = address == image_start;
        RAM.set(index, if is_kernel { KERNEL.address() | TABLE } else { block });
    }
    // Interrupt controller and UART.
    for address in [0x0800_0000, 0x0900_0000] {
        DEVICES.set(address / BLOCK_BYTES, address as u64 | BLOCK | DEVICE | EXECUTE_NEVER);
    }
    LEVEL_1.set(0, DEVICES.address() | TABLE);
    LEVEL_1.set(1, RAM.address() | TABLE);
    LEVEL_1.set(2, (2 * GIB) as u64 | BLOCK | NORMAL | EXECUTE_NEVER);
    // SAFETY: the tables map the running code and all memory it uses onto itself.
    unsafe {
        asm!(
            "msr mair_el2, {mair}",
            "msr tcr_el2, {tcr}",
            "msr ttbr0_el2, {root}",
            "dsb sy",
            "tlbi alle2",
            "tlbi alle1",
            "ic iallu",
            "dsb sy",
            "isb",
            "msr sctlr_el2, {sctlr}",
            "isb",
            mair = in(reg) MAIR,
            tcr = in(reg) TCR,
            root = in(reg) LEVEL_1.address(),
            sctlr = in(reg) SCTLR,
        );
    }
}

/// Maps the kernel's 2 MiB page by page.
fn fill_kernel_table(image_start: usize) {
    let text_end = addr_of!(__text_end) as usize;
    let rodata_end = addr_of!(__rodata_end) as usize;
    let stack_guard = addr_of!(__stack_guard) as usize;
    for index in 0..ENTRY_COUNT {
        let address = image_start + index * PAGE_BYTES;
        let rights = match address {
            _ if address < text_end => READ_ONLY,
            _ if address < rodata_end => READ_ONLY | EXECUTE_NEVER,
            _ => EXECUTE_NEVER,
        };
        let page = address as u64 | TABLE | NORMAL | rights;
        KERNEL.set(index, if address == stack_guard { 0 } else { page });
    }
}
