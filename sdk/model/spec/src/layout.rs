//! Physical and virtual memory layout of `qemu_virt_aarch64` as PDs and the image tool see it.

use crate::record::Mapping;

/// Where the kernel is linked and runs; start of the memory that the tool may hand out.
pub const KERNEL_BASE: u64 = 0x6000_0000;
/// Start of allocatable RAM (the kernel comes first).
pub const RAM_START: u64 = KERNEL_BASE;
/// End of allocatable RAM, exclusive.
pub const RAM_END: u64 = 0xc000_0000;
/// Start of the RAM that is only usable through an explicit `phys_addr`; ends at [`RAM_START`].
pub const EXCLUDED_START: u64 = 0x4000_0000;
/// Where QEMU loads `loader.img`.
pub const LOADER_BASE: u64 = 0x7000_0000;
/// First byte that belongs to the interrupt controller, which the kernel keeps to itself.
pub const GIC_START: u64 = 0x0800_0000;
/// End of the interrupt controller, exclusive.
pub const GIC_END: u64 = 0x0805_0000;

/// Exclusive end of user virtual memory.
pub const USER_END: u64 = 0x100_0000_0000;
/// Virtual address of every PD's IPC buffer page.
pub const IPC_BUFFER: u64 = 0xff_ffff_f000;
/// Initial stack pointer of every PD; the page between stack and IPC buffer is unmapped.
pub const STACK_TOP: u64 = 0xff_ffff_e000;

/// Small page size in bits.
pub const PAGE_BITS: u8 = 12;
/// Large page size in bits.
pub const LARGE_PAGE_BITS: u8 = 21;
/// Bytes covered by one level-2 table.
const LEVEL2_BITS: u8 = 30;
/// Pages of a VSpace's root: two concatenated level-1 tables cover the 40-bit input address.
pub const ROOT_PAGES: u64 = 2;

/// Largest number of PDs.
pub const PD_COUNT_MAX: usize = 63;
/// Largest PD priority; the kernel's own tasks count as 255.
pub const PRIORITY_MAX: u8 = 254;
/// Smallest budget in microseconds that the kernel accepts.
pub const BUDGET_US_MIN: u64 = 20;
/// Largest period in microseconds that the kernel accepts (one hour).
pub const PERIOD_US_MAX: u64 = 3_600_000_000;

/// Largest number of capabilities in a system.
pub const CAP_COUNT_MAX: usize = 4096;
/// Largest number of injections.
pub const INJECTION_COUNT_MAX: usize = 16;
/// INTIDs that the kernel handles: 0 to 159, of which SGIs and its own are not for PDs.
pub const INTID_COUNT: usize = 160;
/// INTID of the kernel's timer; the one before and the one after it are reserved as well.
pub const KERNEL_TIMER_INTID: u32 = 26;

/// Number of 4 KiB pages the kernel needs for the page tables of one PD.
///
/// Rounded up so that the root of the next PD, two consecutive tables, is aligned to its size.
/// `mappings` are that PD's, sorted by `vaddr` and not overlapping, as a valid spec has them.
#[must_use]
pub fn table_pages(mappings: &[Mapping]) -> u64 {
    let level2 = tables_touched(mappings.iter(), LEVEL2_BITS);
    let small = mappings.iter().filter(|mapping| mapping.page_bits == PAGE_BITS);
    let pages = ROOT_PAGES + level2 + tables_touched(small, LARGE_PAGE_BITS);
    pages.next_multiple_of(ROOT_PAGES)
}

/// Counts the distinct `2^bits`-byte windows that sorted mappings touch.
fn tables_touched<'a>(mappings: impl Iterator<Item = &'a Mapping>, bits: u8) -> u64 {
    let mut count = 0;
    let mut next_free = 0;
    for mapping in mappings.filter(|mapping| mapping.bytes > 0) {
        let first = (mapping.vaddr >> bits).max(next_free);
        let end = ((mapping.vaddr + mapping.bytes - 1) >> bits) + 1;
        count += end.saturating_sub(first);
        next_free = end.max(next_free);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(vaddr: u64, bytes: u64, page_bits: u8) -> Mapping {
        Mapping { vaddr, bytes, page_bits, ..Mapping::default() }
    }

    #[test]
    fn counts_each_table_once() {
        let mappings = [
            mapping(0x20_0000, 0x1000, PAGE_BITS),
            mapping(0x20_1000, 0x3000, PAGE_BITS),
            mapping(0x40_0000, 0x40_0000, LARGE_PAGE_BITS),
            mapping(0x3fff_f000, 0x2000, PAGE_BITS),
            mapping(STACK_TOP - 0x2000, 0x2000, PAGE_BITS),
            mapping(IPC_BUFFER, 0x1000, PAGE_BITS),
        ];
        // Level 2: first, second and last GiB. Level 3: 0x200000, both sides of 1 GiB, the top.
        assert_eq!(table_pages(&mappings), (ROOT_PAGES + 3 + 4) + 1);
    }

    #[test]
    fn large_pages_need_no_level_3() {
        assert_eq!(table_pages(&[mapping(0x20_0000, 0x20_0000, LARGE_PAGE_BITS)]), 2 * ROOT_PAGES);
    }
}
