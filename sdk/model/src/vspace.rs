//! Address spaces of PDs: stage-2 tables for a 40-bit input address, built once at boot.

use core::arch::asm;

use model::machine::CacheOperation;
use model_spec::layout::{EXCLUDED_START, LARGE_PAGE_BITS, PAGE_BITS, RAM_END, ROOT_PAGES};
use model_spec::{Mapping, MemoryKind, Range, map_rights};

/// Bytes of a table.
const TABLE_BYTES: u64 = 1 << PAGE_BITS;
/// Bits of the address that a level-1 entry covers.
const LEVEL_1_BITS: u8 = 30;
/// Descriptor of a table, or of a page at level 3.
const TABLE: u64 = 0b11;
/// Descriptor of a large page.
const BLOCK: u64 = 0b01;
const ACCESSED: u64 = 1 << 10;
const EXECUTE_NEVER: u64 = 1 << 54;
/// Write-back cached.
const NORMAL: u64 = 0b1111 << 2;
/// Where the output address is in a descriptor.
const ADDRESS_MASK: u64 = 0x0000_00ff_ffff_f000;

/// Takes zeroed tables out of the range that the boot specification reserves.
pub(crate) struct TablePool {
    next: u64,
    end: u64,
}

impl TablePool {
    /// A pool of all of `range`, which it zeroes.
    ///
    /// # Safety
    /// `range` is RAM that nobody uses.
    pub(crate) unsafe fn new(range: Range) -> Self {
        let bytes = (range.end - range.start) as usize;
        // SAFETY: nobody uses it, says the caller.
        unsafe { (range.start as *mut u8).write_bytes(0, bytes) };
        Self { next: range.start, end: range.end }
    }

    /// Takes `pages` consecutive pages.
    ///
    /// The boot specification was checked to reserve enough, so running out is a bug.
    fn take(&mut self, pages: u64) -> u64 {
        let table = self.next;
        self.next += pages * TABLE_BYTES;
        assert!(self.next <= self.end, "page tables exhausted");
        table
    }
}

/// The entry for an address in the table at `table`, whose entries cover `2^bits` bytes each.
///
/// The root consists of two consecutive tables, so its index has one bit more.
fn entry(table: u64, vaddr: u64, bits: u8) -> *mut u64 {
    let index_mask = if bits == LEVEL_1_BITS { 0x3ff } else { 0x1ff };
    (table + ((vaddr >> bits) & index_mask) * 8) as *mut u64
}

/// The table behind an entry, made if it is not there.
fn descend(entry: *mut u64, pool: &mut TablePool) -> u64 {
    // SAFETY: entries lie in tables of the pool, which only this module uses.
    let descriptor = unsafe { entry.read() };
    if descriptor != 0 {
        return descriptor & ADDRESS_MASK;
    }
    let table = pool.take(1);
    // SAFETY: as above.
    unsafe { entry.write(table | TABLE) };
    table
}

/// Builds the tables for `mappings`; returns the address of the root.
pub(crate) fn build(mappings: &[Mapping], pool: &mut TablePool) -> u64 {
    let root = pool.take(ROOT_PAGES);
    // A root of two tables must be aligned to its size, so what a PD takes must be even.
    let mut taken = ROOT_PAGES;
    for mapping in mappings {
        let bits = mapping.page_bits;
        for offset in (0..mapping.bytes).step_by(1 << bits) {
            let vaddr = mapping.vaddr + offset;
            let before = pool.next;
            let level_2 = descend(entry(root, vaddr, LEVEL_1_BITS), pool);
            let (slot, kind) = if bits == LARGE_PAGE_BITS {
                (entry(level_2, vaddr, LARGE_PAGE_BITS), BLOCK)
            } else {
                let level_3 = descend(entry(level_2, vaddr, LARGE_PAGE_BITS), pool);
                (entry(level_3, vaddr, PAGE_BITS), TABLE)
            };
            taken += (pool.next - before) / TABLE_BYTES;
            let descriptor = (mapping.paddr + offset) | kind | attributes(mapping);
            // SAFETY: the entry lies in a table of the pool, which only this module uses.
            unsafe { slot.write(descriptor) };
        }
    }
    pool.take(taken % ROOT_PAGES);
    root
}

fn attributes(mapping: &Mapping) -> u64 {
    let memory = if mapping.memory == MemoryKind::Cached as u8 { NORMAL } else { 0 };
    let access = u64::from(mapping.rights & (map_rights::READ | map_rights::WRITE)) << 6;
    let execute = if mapping.rights & map_rights::EXECUTE == 0 { EXECUTE_NEVER } else { 0 };
    ACCESSED | memory | access | execute
}

/// The physical address of `vaddr` and the size in bits of its page, if there is one.
pub(crate) fn walk(root: u64, vaddr: u64) -> Option<(u64, u8)> {
    let mut table = root;
    for bits in [LEVEL_1_BITS, LARGE_PAGE_BITS, PAGE_BITS] {
        // SAFETY: entries lie in tables that only this module writes.
        let descriptor = unsafe { entry(table, vaddr, bits).read() };
        let is_page = bits == PAGE_BITS || descriptor & TABLE == BLOCK;
        if descriptor == 0 {
            return None;
        }
        let address = descriptor & ADDRESS_MASK;
        if is_page {
            return Some((address | (vaddr & ((1 << bits) - 1)), bits));
        }
        table = address;
    }
    None
}

/// Makes the address space at `root` current, tagged with `vmid`.
pub(crate) fn enter(root: u64, vmid: u8) {
    let vttbr = root | (u64::from(vmid) << 48);
    // SAFETY: the tables were built by `build`; only EL0 is affected.
    unsafe { asm!("msr vttbr_el2, {}", "isb", in(reg) vttbr) };
}

/// Maintains caches for `bytes` bytes of physical memory; memory that is not RAM has no cache.
pub(crate) fn maintain_cache(operation: CacheOperation, start: u64, bytes: u64) {
    /// Smallest line of the processors this runs on.
    const LINE_BYTES: u64 = 64;
    if !(EXCLUDED_START..RAM_END).contains(&start) {
        return;
    }
    for line in (start & !(LINE_BYTES - 1)..start + bytes).step_by(64) {
        maintain_line(operation, line);
    }
    // SAFETY: barriers have no preconditions.
    unsafe { asm!("dsb sy", "isb") };
}

/// Maintains the cache line that holds a physical address in RAM.
fn maintain_line(operation: CacheOperation, line: u64) {
    match operation {
        // SAFETY: the kernel maps all RAM onto itself; cleaning changes no contents.
        CacheOperation::Clean => unsafe { asm!("dc cvac, {}", in(reg) line) },
        // SAFETY: as above; what is lost is the caller's own, who asked for it.
        CacheOperation::Invalidate => unsafe { asm!("dc ivac, {}", in(reg) line) },
        // SAFETY: as for cleaning.
        CacheOperation::CleanInvalidate => unsafe { asm!("dc civac, {}", in(reg) line) },
        // SAFETY: as for cleaning.
        CacheOperation::Unify => unsafe {
            asm!("dc cvau, {0}", "dsb sy", "ic ivau, {0}", in(reg) line);
        },
    }
}
