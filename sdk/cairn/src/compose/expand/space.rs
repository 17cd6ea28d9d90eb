//! Hands out what a PD has few of: virtual addresses, and channel and child ids.

use std::collections::BTreeSet;

/// Where generated maps start, unless the program, which starts at 2 MiB, reaches further: for most PDs
/// one page table then covers both.
const BASE: u64 = 0x30_0000;
/// Every board's page size; also the unmapped page after each generated map.
pub(crate) const PAGE_BYTES: u64 = 0x1000;
/// Channels and IRQs share the ids 0 to 61; the tool does not check child ids, but 61 is their bound too.
const ID_MAX: u64 = 61;

/// Rounds up to whole pages; saturates, so that a silly size stays silly.
pub(crate) fn page_up(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(PAGE_BYTES).unwrap_or(!(PAGE_BYTES - 1))
}

/// One PD's ids and addresses.
#[derive(Debug, Default)]
pub(super) struct Space {
    ids: BTreeSet<u64>,
    /// Explicit maps as (first byte, byte after the last).
    taken: Vec<(u64, u64)>,
    next: u64,
}

impl Space {
    /// Marks an id that the file gives. Says whether it was free.
    pub(super) fn reserve_id(&mut self, id: u64) -> bool {
        self.ids.insert(id)
    }

    /// The lowest free id.
    pub(super) fn id(&mut self) -> Option<u64> {
        let id = (0..=ID_MAX).find(|id| !self.ids.contains(id))?;
        self.ids.insert(id);
        Some(id)
    }

    /// Marks a map that the file gives.
    pub(super) fn reserve(&mut self, vaddr: u64, bytes: u64) {
        self.taken.push((vaddr, vaddr.saturating_add(page_up(bytes))));
    }

    /// An address for `bytes`, with an unmapped page on either side.
    pub(super) fn address(&mut self, bytes: u64) -> Option<u64> {
        let bytes = page_up(bytes);
        let mut start = self.next.max(BASE);
        loop {
            let end = start.checked_add(bytes)?.checked_add(PAGE_BYTES)?;
            let touches =
                |&&(from, to): &&(u64, u64)| start < to.saturating_add(PAGE_BYTES) && from < end;
            match self.taken.iter().find(touches) {
                Some(&(_, to)) => start = page_up(to).checked_add(PAGE_BYTES)?,
                None => {
                    self.next = end;
                    return Some(start);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_a_page_between_them_and_explicit_maps() {
        let mut space = Space::default();
        space.reserve(BASE + 0x3000, 0x1000);
        assert_eq!(space.address(1), Some(BASE));
        assert_eq!(space.address(0x1000), Some(BASE + 0x5000));
        assert_eq!(space.address(0x2001), Some(BASE + 0x7000));
        assert_eq!(space.address(1), Some(BASE + 0xb000));
        assert_eq!(space.address(u64::MAX), None);
    }

    #[test]
    fn ids_fill_gaps_and_end_at_61() {
        let mut space = Space::default();
        assert!(space.reserve_id(1) && !space.reserve_id(1));
        assert_eq!((space.id(), space.id()), (Some(0), Some(2)));
        assert_eq!((3..=61).map(|_| space.id()).last(), Some(Some(61)));
        assert_eq!(space.id(), None);
    }
}
