//! Scheduling contexts: a budget of ticks per period, kept as a short queue of refills.
//!
//! Constant bandwidth with two refills, which is how Microkit configures every context. A context
//! whose budget equals its period is round robin (period 0): it is never out of time, but when its
//! timeslice is used up the thread goes to the end of its ready queue.

use crate::object::{NotificationId, ReplyId, ThreadId};

/// Counter ticks per millisecond: 62.5 MHz.
const TICKS_PER_MS: u64 = 62_500;
/// Least budget with which a thread may enter the kernel: twice the kernel's worst case of 10 µs.
pub(crate) const BUDGET_MIN: u64 = ticks(20);

/// Converts microseconds to counter ticks.
#[must_use]
pub(crate) const fn ticks(us: u64) -> u64 {
    us.saturating_mul(TICKS_PER_MS) / 1000
}

/// Converts counter ticks to microseconds.
#[must_use]
pub(crate) const fn microseconds(ticks: u64) -> u64 {
    ticks.saturating_mul(1000) / TICKS_PER_MS
}

/// `amount` ticks that may be used from `time` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refill {
    /// When, in ticks.
    pub(crate) time: u64,
    /// How much, in ticks.
    pub(crate) amount: u64,
}

/// A scheduling context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// Period in ticks; 0 means round robin.
    period: u64,
    head: Refill,
    tail: Option<Refill>,
    /// Ticks used since somebody last asked.
    pub(crate) consumed: u64,
    /// Thread that runs on it.
    pub(crate) thread: Option<ThreadId>,
    /// Notification that lends it.
    pub(crate) notification: Option<NotificationId>,
    /// Top of the stack of calls along which it was lent.
    pub(crate) reply: Option<ReplyId>,
    /// Thread that yielded to it.
    pub(crate) yield_from: Option<ThreadId>,
}

impl Context {
    /// A context that does not exist yet.
    pub(crate) const EMPTY: Self = Self {
        period: 0,
        head: Refill { time: 0, amount: 0 },
        tail: None,
        consumed: 0,
        thread: None,
        notification: None,
        reply: None,
        yield_from: None,
    };

    /// Sets budget and period in ticks, all of it available from `now`.
    pub(crate) fn configure(&mut self, budget: u64, period: u64, now: u64) {
        let round_robin = budget == period;
        self.period = if round_robin { 0 } else { period };
        self.head = Refill { time: now, amount: budget };
        self.tail = round_robin.then_some(Refill { time: now, amount: 0 });
    }

    /// True if time is never withheld.
    #[must_use]
    pub(crate) fn is_round_robin(&self) -> bool {
        self.period == 0
    }

    /// When the next time may be used.
    #[must_use]
    pub(crate) fn ready_time(&self) -> u64 {
        self.head.time
    }

    /// Ticks in the first refill.
    #[must_use]
    pub(crate) fn available(&self) -> u64 {
        self.head.amount
    }

    /// True if the first refill may be used at `now`.
    #[must_use]
    pub(crate) fn is_ready(&self, now: u64) -> bool {
        self.head.time <= now
    }

    /// True if after `usage` more ticks there is enough left to enter the kernel.
    #[must_use]
    pub(crate) fn is_sufficient(&self, usage: u64) -> bool {
        self.head.amount.saturating_sub(usage) >= BUDGET_MIN
    }

    /// True if its thread may run at `now`.
    #[must_use]
    pub(crate) fn is_released(&self, now: u64) -> bool {
        self.is_ready(now) && self.is_sufficient(0)
    }

    /// Charges `usage` ticks that left enough budget.
    pub(crate) fn commit(&mut self, usage: u64) {
        if usage > 0 {
            match (&mut self.tail, self.period) {
                (Some(tail), 0) => {
                    self.head.amount -= usage;
                    tail.amount += usage;
                }
                _ => self.charge(usage),
            }
        }
        self.consumed += usage;
    }

    /// Charges `usage` ticks that used the first refill up.
    pub(crate) fn exhaust(&mut self, usage: u64) {
        match (&mut self.tail, self.period) {
            (Some(tail), 0) => {
                self.head.amount += tail.amount;
                tail.amount = 0;
            }
            _ => self.charge(usage),
        }
        self.consumed += usage;
    }

    /// Called when its thread begins to run: unused time is not saved up from before `now`.
    pub(crate) fn activate(&mut self, now: u64) {
        if self.is_round_robin() || !self.is_ready(now) {
            return;
        }
        self.head.time = now;
        if let Some(tail) = self.tail
            && tail.time <= self.head.time + self.head.amount
        {
            self.head.amount += tail.amount;
            self.tail = None;
        }
    }

    /// Moves `usage` ticks from the first refill to one period later.
    fn charge(&mut self, usage: u64) {
        let mut usage = usage;
        while self.head.amount <= usage {
            usage -= self.head.amount;
            let mut used = self.head;
            used.time += self.period;
            match self.tail.take() {
                None => self.head = used,
                Some(tail) => {
                    self.head = tail;
                    self.schedule(used);
                }
            }
        }
        if usage > 0 {
            let used = Refill { time: self.head.time + self.period, amount: usage };
            self.head.amount -= usage;
            self.head.time += usage;
            self.schedule(used);
        }
        if self.head.amount < BUDGET_MIN
            && let Some(tail) = self.tail.take()
        {
            self.head = Refill {
                time: tail.time - self.head.amount,
                amount: tail.amount + self.head.amount,
            };
        }
    }

    /// Appends a refill, merging it into the last one if they touch or there is no room.
    fn schedule(&mut self, new: Refill) {
        let full = self.tail.is_some();
        let last = self.tail.as_mut().unwrap_or(&mut self.head);
        if last.time + last.amount >= new.time {
            last.amount += new.amount;
        } else if full {
            last.time = new.time - last.amount;
            last.amount += new.amount;
        } else {
            self.tail = Some(new);
        }
    }
}

#[cfg(test)]
impl Context {
    /// Checks that a configured context never loses its budget.
    pub(crate) fn check(&self) {
        let total = self.head.amount + self.tail.map_or(0, |tail| tail.amount);
        assert!([100, 500, 1000].map(ticks).contains(&total), "{self:?}");
        assert!(self.head.amount >= BUDGET_MIN);
        assert!(self.tail.is_none_or(|tail| tail.time >= self.head.time));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(budget_us: u64, period_us: u64) -> Context {
        let mut context = Context::EMPTY;
        context.configure(ticks(budget_us), ticks(period_us), 0);
        context
    }

    fn total(context: &Context) -> u64 {
        context.head.amount + context.tail.map_or(0, |tail| tail.amount)
    }

    #[test]
    fn used_budget_comes_back_one_period_later() {
        let mut context = context(100, 1000);
        context.commit(ticks(30));
        assert_eq!(context.available(), ticks(70));
        assert_eq!(context.tail, Some(Refill { time: ticks(1000), amount: ticks(30) }));
        context.exhaust(ticks(70));
        assert_eq!(context.ready_time(), ticks(1000));
        assert_eq!(context.available(), ticks(100));
        assert!(!context.is_released(ticks(999)));
        assert!(context.is_released(ticks(1000)));
        assert_eq!(context.consumed, ticks(100));
    }

    #[test]
    fn remainder_too_small_to_use_is_added_to_the_next_refill() {
        let mut context = context(100, 1000);
        context.exhaust(ticks(95));
        assert_eq!(total(&context), ticks(100));
        assert!(context.ready_time() > 0);
        assert!(context.is_sufficient(0));
    }

    #[test]
    fn overrun_is_paid_for_in_the_future() {
        let mut context = context(100, 1000);
        context.exhaust(ticks(250));
        assert_eq!(total(&context), ticks(100));
        assert!(context.ready_time() >= ticks(2000));
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let mut context = context(100, 1000);
        context.commit(ticks(40));
        context.activate(ticks(500));
        assert_eq!(context.head, Refill { time: ticks(500), amount: ticks(60) });
        context.activate(ticks(5000));
        assert_eq!(context.head, Refill { time: ticks(5000), amount: ticks(100) });
        assert_eq!(context.tail, None);
    }

    #[test]
    fn round_robin_is_always_released() {
        let mut context = context(1000, 1000);
        context.commit(ticks(400));
        assert_eq!(context.available(), ticks(600));
        context.exhaust(ticks(600));
        assert_eq!(context.available(), ticks(1000));
        assert!(context.is_released(0));
    }

    #[test]
    fn conversions_use_62_5_mhz() {
        assert_eq!(ticks(20), 1250);
        assert_eq!(microseconds(62_500_000), 1_000_000);
    }
}
