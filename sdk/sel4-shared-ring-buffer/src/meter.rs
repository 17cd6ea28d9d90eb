use core::sync::atomic::{AtomicU32, Ordering};

/// What an end of a link has seen of its peer, for somebody who watches: how many messages wait, and how
/// often the peer broke the protocol. A word is stored only when it changes.
///
/// | offset | content |
/// |---|---|
/// | 0 | messages that fit: u32 |
/// | 4 | messages that waited at the last look: u32 |
/// | 8 | the most that ever waited: u32 |
/// | 12 | violations by the peer: u32 |
///
/// The words are the program's own: whoever else maps them may read, and the peer not even that.
#[repr(C)]
#[derive(Debug)]
pub struct Meter {
    capacity: AtomicU32,
    waiting: AtomicU32,
    most: AtomicU32,
    violations: AtomicU32,
}

impl Meter {
    /// A meter of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            capacity: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            most: AtomicU32::new(0),
            violations: AtomicU32::new(0),
        }
    }

    /// Begins to measure a ring of this capacity.
    pub fn begin(&self, capacity: u32) {
        self.capacity.store(capacity, Ordering::Relaxed);
        for word in [&self.waiting, &self.most, &self.violations] {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// So many messages wait.
    #[inline]
    pub fn saw(&self, waiting: u32) {
        if self.waiting.load(Ordering::Relaxed) == waiting {
            return;
        }
        self.waiting.store(waiting, Ordering::Relaxed);
        if waiting > self.most.load(Ordering::Relaxed) {
            self.most.store(waiting, Ordering::Relaxed);
        }
    }

    /// The peer broke the protocol.
    #[cold]
    pub fn blame(&self) {
        let violations = self.violations.load(Ordering::Relaxed).saturating_add(1);
        self.violations.store(violations, Ordering::Relaxed);
    }

    /// Capacity, waiting, most, violations.
    #[cfg(test)]
    pub(crate) fn words(&self) -> [u32; 4] {
        [&self.capacity, &self.waiting, &self.most, &self.violations]
            .map(|word| word.load(Ordering::Relaxed))
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_and_the_most() {
        let meter = Meter::new();
        meter.begin(8);
        for (waiting, expected) in [(3, [8, 3, 3, 0]), (7, [8, 7, 7, 0]), (0, [8, 0, 7, 0])] {
            meter.saw(waiting);
            assert_eq!(meter.words(), expected);
        }
        meter.blame();
        meter.blame();
        assert_eq!(meter.words(), [8, 0, 7, 2]);
        meter.begin(4);
        assert_eq!(meter.words(), [4, 0, 0, 0]);
    }
}
