//! What was seen so far, and what follows from two looks.

use std::collections::VecDeque;

use crate::status::{Pd, Status};

/// Looks that are kept, for the sparklines.
const LOOKS_MAX: usize = 120;

/// How the PDs are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The busiest first.
    Cpu,
    /// The most urgent first.
    #[default]
    Priority,
    /// By name.
    Name,
}

/// The latest looks at a system.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Where the system is.
    pub address: String,
    /// How its PDs are sorted.
    pub order: Order,
    /// Why the last look failed.
    pub failure: Option<String>,
    looks: VecDeque<Status>,
}

/// One PD between the last two looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// CPU time in per mille of the time that passed; `None` if the system does not tell.
    pub cpu_permille: Option<u64>,
    /// Notifications received a second.
    pub wakeups: u64,
    /// Notifications sent a second.
    pub notifications: u64,
}

impl History {
    /// Nothing was seen yet.
    pub fn new(address: String) -> Self {
        Self { address, ..Self::default() }
    }

    /// A look at the system. One that has booted since begins a new history.
    pub fn add(&mut self, status: Status) {
        let is_new =
            |last: &Status| last.boot_id != status.boot_id || last.uptime_us > status.uptime_us;
        if self.looks.back().is_some_and(is_new) {
            self.looks.clear();
        }
        if self.looks.len() == LOOKS_MAX {
            self.looks.pop_front();
        }
        self.looks.push_back(status);
        self.failure = None;
    }

    /// A look failed.
    pub fn lose(&mut self, reason: String) {
        self.failure = Some(reason);
    }

    /// The latest look.
    pub fn last(&self) -> Option<&Status> {
        self.looks.back()
    }

    /// The PDs in the order that is asked for.
    pub fn pds(&self) -> Vec<&Pd> {
        let mut pds: Vec<_> =
            self.last().map(|status| status.pds.iter().collect()).unwrap_or_default();
        match self.order {
            Order::Cpu => {
                pds.sort_by_key(|pd| {
                    std::cmp::Reverse(self.rates(&pd.name).and_then(|r| r.cpu_permille))
                });
            }
            Order::Priority => pds.sort_by_key(|pd| std::cmp::Reverse(pd.priority)),
            Order::Name => pds.sort_by(|a, b| a.name.cmp(&b.name)),
        }
        pds
    }

    /// What a PD did between the last two looks; `None` before the second.
    pub fn rates(&self, pd: &str) -> Option<Rates> {
        let mut latest = self.looks.iter().rev();
        let (now, before) = (latest.next()?, latest.next()?);
        rates(before, now, pd)
    }

    /// A PD's CPU time in per mille, oldest first, one for each two looks.
    pub fn cpu(&self, pd: &str) -> Vec<u64> {
        let pairs = self.looks.iter().zip(self.looks.iter().skip(1));
        pairs.filter_map(|(before, now)| rates(before, now, pd)?.cpu_permille).collect()
    }
}

fn rates(before: &Status, now: &Status, pd: &str) -> Option<Rates> {
    let of = |status: &'_ Status| status.pds.iter().find(|other| other.name == pd).cloned();
    let (then, pd) = (of(before)?, of(now)?);
    let passed_us = now.uptime_us.saturating_sub(before.uptime_us).max(1);
    // Counters begin anew with each life.
    let since = |then: u64, now: u64| now.checked_sub(then).unwrap_or(now);
    let per = |count: u64, unit: u64| {
        let share = u128::from(count) * u128::from(unit) / u128::from(passed_us);
        u64::try_from(share).unwrap_or(u64::MAX)
    };
    let cpu_us = then.cpu_us.zip(pd.cpu_us).map(|(then, now)| since(then, now));
    Some(Rates {
        cpu_permille: cpu_us.map(|micros| per(micros, 1000)),
        wakeups: per(since(then.wakeups, pd.wakeups), 1_000_000),
        notifications: per(since(then.notifications, pd.notifications), 1_000_000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(uptime_us: u64, pds: &[(&str, u64, u64)]) -> Status {
        let pd = |&(name, cpu_us, wakeups): &(&str, u64, u64)| Pd {
            name: name.into(),
            cpu_us: Some(cpu_us),
            wakeups,
            priority: Some(cpu_us % 7),
            ..Pd::default()
        };
        Status { uptime_us, pds: pds.iter().map(pd).collect(), ..Status::default() }
    }

    #[test]
    fn rates_are_by_the_systems_own_clock() {
        let mut history = History::new("x".into());
        history.add(look(1_000_000, &[("a", 100, 10)]));
        assert_eq!(history.rates("a"), None);
        history.add(look(3_000_000, &[("a", 500_100, 30)]));
        let expected = Rates { cpu_permille: Some(250), wakeups: 10, notifications: 0 };
        assert_eq!(history.rates("a"), Some(expected));
        assert_eq!(history.cpu("a"), [250]);
        assert_eq!((history.rates("b"), history.cpu("b")), (None, vec![]));
    }

    #[test]
    fn a_new_life_counts_from_zero_and_a_new_boot_forgets() {
        let mut history = History::new("x".into());
        history.add(look(1_000_000, &[("a", 100, 10_000)]));
        history.add(look(2_000_000, &[("a", 200, 5)]));
        assert_eq!(history.rates("a").unwrap().wakeups, 5);
        history.add(look(7, &[("a", 1, 1)]));
        assert_eq!(history.rates("a"), None);
    }

    #[test]
    fn sorts_and_keeps_a_bounded_past() {
        let mut history = History::new("x".into());
        for second in 0..200 {
            history.add(look(second * 1_000_000, &[("b", second * 6, 0), ("a", second * 3, 0)]));
        }
        assert_eq!(history.cpu("a").len(), LOOKS_MAX - 1);
        let names = |order, history: &mut History| {
            history.order = order;
            history.pds().iter().map(|pd| pd.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(Order::Name, &mut history), ["a", "b"]);
        assert_eq!(names(Order::Cpu, &mut history), ["b", "a"]);
        history.lose("gone".into());
        assert_eq!(history.failure.as_deref(), Some("gone"));
    }
}
