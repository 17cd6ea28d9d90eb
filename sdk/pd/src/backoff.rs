//! When something that was refused is worth another look.

/// The first wait, in nanoseconds; it doubles up to [`WAIT_NS_MAX`].
const WAIT_NS: u64 = 1_000_000_000;
const WAIT_NS_MAX: u64 = 64 * WAIT_NS;

/// Says when to try again: at once, after a second, and then after twice as long each time, up to about a
/// minute. What failed by chance heals soon, and what fails for good costs little.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    wait_ns: u64,
    due_ns: u64,
}

impl Backoff {
    /// Nothing was tried again yet.
    pub const NEW: Self = Self { wait_ns: WAIT_NS, due_ns: 0 };

    /// Whether a try is due, which then counts as made.
    pub fn is_due(&mut self, now_ns: u64) -> bool {
        let is_due = now_ns >= self.due_ns;
        if is_due {
            self.due_ns = now_ns.saturating_add(self.wait_ns);
            self.wait_ns = (self.wait_ns * 2).min(WAIT_NS_MAX);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When tries are made, in seconds, of somebody who asks ten times a second.
    fn tries_s(seconds: u64) -> Vec<u64> {
        let mut backoff = Backoff::NEW;
        let asked = (0..seconds * 10).map(|tenth| tenth * WAIT_NS / 10);
        asked.filter(|&now_ns| backoff.is_due(now_ns)).map(|now_ns| now_ns / WAIT_NS).collect()
    }

    #[test]
    fn tries_at_once_and_then_ever_more_seldom() {
        assert_eq!(tries_s(300), [0, 1, 3, 7, 15, 31, 63, 127, 191, 255]);
    }

    #[test]
    fn the_end_of_time_is_no_overflow() {
        let mut backoff = Backoff::NEW;
        assert!((0..100).all(|_| backoff.is_due(u64::MAX)));
    }
}
