//! Which physical memory is still free.

use model_spec::Range;

/// Free ranges, ascending and disjoint.
#[derive(Debug, Clone)]
pub(crate) struct FreeMemory(Vec<Range>);

impl FreeMemory {
    /// Everything in `range` is free.
    pub(crate) fn new(range: Range) -> Self {
        Self(vec![range])
    }

    /// Makes `taken` unavailable, whether or not it was free.
    pub(crate) fn remove(&mut self, taken: Range) {
        let ranges = std::mem::take(&mut self.0);
        for range in ranges {
            if !range.overlaps(&taken) {
                self.0.push(range);
                continue;
            }
            let below = Range { start: range.start, end: taken.start };
            let above = Range { start: taken.end, end: range.end };
            self.0.extend([below, above].into_iter().filter(|part| part.start < part.end));
        }
    }

    /// Takes the lowest `bytes` bytes that start at a multiple of `align`.
    pub(crate) fn take(&mut self, bytes: u64, align: u64) -> Option<u64> {
        let start = self.0.iter().find_map(|range| {
            let start = range.start.checked_next_multiple_of(align)?;
            (start.checked_add(bytes)? <= range.end).then_some(start)
        })?;
        self.remove(Range { start, end: start + bytes });
        Some(start)
    }

    /// Bytes of the largest free range.
    pub(crate) fn largest(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_lowest_fit_and_fills_holes_later() {
        let mut free = FreeMemory::new(Range { start: 0x1000, end: 0x60_0000 });
        assert_eq!(free.take(0x20_0000, 0x20_0000), Some(0x20_0000));
        assert_eq!(free.take(0x1000, 0x1000), Some(0x1000));
        assert_eq!(free.take(0x1f_f000, 0x1000), Some(0x40_0000));
        assert_eq!(free.largest(), 0x1f_e000);
        assert_eq!(free.take(0x1f_f000, 0x1000), None);
        assert_eq!(free.take(u64::MAX, 0x1000), None);
    }

    #[test]
    fn removal_splits_cuts_and_ignores() {
        let mut free = FreeMemory::new(Range { start: 0x1000, end: 0x9000 });
        free.remove(Range { start: 0x3000, end: 0x4000 });
        free.remove(Range { start: 0, end: 0x2000 });
        free.remove(Range { start: 0x8000, end: 0x2_0000 });
        free.remove(Range { start: 0x2_0000, end: 0x3_0000 });
        assert_eq!(free.take(0x2000, 0x1000), Some(0x4000));
        assert_eq!(free.take(0x2000, 0x1000), Some(0x6000));
        assert_eq!(free.take(0x1000, 0x1000), Some(0x2000));
        assert_eq!(free.largest(), 0);
    }
}
