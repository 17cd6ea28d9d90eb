//! Everybody as lines on the console.

use core::fmt;

use protocols::lifecycle::Counter;
use protocols::system::{Status, state_name, text};

use super::{Children, Supervisor};

impl<C: Children> Supervisor<'_, C> {
    /// Prints a line about each PD.
    pub fn list(&self) {
        log::info!(
            "PD           STATE        LIFE PRIO   CPU ms  STACK USED  WOKEN   SENT \
             FULLEST RING           VIOLATIONS"
        );
        let status = &self.memory.status;
        for (index, pd) in status.pds.iter().take(self.entries.len()).enumerate() {
            let count = |counter: Counter| {
                pd.counters.get(usize::from(counter.code())).copied().unwrap_or(0)
            };
            let (most, capacity, peer) = fullest(status, index);
            log::info!(
                "{:<12} {:<12} {:>4} {:>4} {:>8} {:>5}/{:<5} {:>6} {:>6} \
                 {most:>4}/{capacity:<4} {peer:<12} {}{}",
                text(&pd.name),
                state_name(pd.state),
                pd.generation,
                pd.priority,
                pd.cpu_us / 1000,
                Seen(pd.stack_used_bytes),
                pd.stack_bytes,
                count(Counter::Wakeups),
                count(Counter::Notifications),
                count(Counter::Violations),
                Guilty(status, index)
            );
        }
    }
}

/// The most that ever waited in the ring that was the fullest, what it holds, and who fills it.
fn fullest(status: &Status, pd: usize) -> (u32, u32, &str) {
    let rings = status.peers_of(pd).map(|(name, seen)| (seen.most, seen.capacity, name));
    let share = |ring: &(u32, u32, &str)| u64::from(ring.0) * 1000 / u64::from(ring.1.max(1));
    rings.max_by_key(share).unwrap_or_default()
}

/// The most of a stack that was in use; zero is what nobody may see.
struct Seen(u32);

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.pad("-"),
            bytes => fmt::Display::fmt(&bytes, f),
        }
    }
}

/// Which peers of a PD broke a protocol, and how often each.
struct Guilty<'a>(&'a Status, usize);

impl fmt::Display for Guilty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guilty = self.0.peers_of(self.1).filter(|(_, seen)| seen.violations > 0);
        for (name, seen) in guilty {
            write!(f, " {name}:{}", seen.violations)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn a_stack_that_nobody_may_see_is_not_an_empty_one() {
        assert_eq!(format!("{:>5}/{:<5}", Seen(0), 4096), "    -/4096 ");
        assert_eq!(format!("{:>5}/{:<5}", Seen(528), 4096), "  528/4096 ");
    }
}
