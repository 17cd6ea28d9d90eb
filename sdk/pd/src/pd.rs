//! The PD's own view of its lifecycle page, and the clock.

use core::fmt;

use generic_timer::{Frequency, Nanos};
use protocols::lifecycle::{COUNTERS, Counter, State};

use crate::state;

/// Reads the time. Copy it to wherever time is needed.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    frequency: Frequency,
}

impl Clock {
    /// Time since the counter's zero, at about reset.
    #[inline]
    pub fn now(self) -> Nanos {
        self.frequency.nanos(self.ticks())
    }

    /// The counter itself.
    #[inline]
    pub fn ticks(self) -> u64 {
        state::counter()
    }

    /// The counter's frequency.
    pub const fn frequency(self) -> Frequency {
        self.frequency
    }
}

/// The running PD: state and counters as `supervisor` sees them.
#[derive(Debug)]
pub struct Pd {
    clock: Clock,
    counters: [u64; COUNTERS],
    heartbeat: u64,
    state: State,
    was_ready: bool,
}

impl Pd {
    /// Starts a life of the PD: installs the panic hook and the logger, begins the lifecycle page.
    /// The first thing in `init`.
    ///
    /// # Panics
    ///
    /// If the counter's frequency register holds nonsense.
    #[allow(clippy::expect_used, reason = "a machine without a clock cannot run this system")]
    pub fn start() -> Self {
        state::bind();
        let hz = state::counter_frequency_hz();
        let frequency = Frequency::new(hz).expect("the counter's frequency is out of range");
        Self {
            clock: Clock { frequency },
            counters: [0; COUNTERS],
            heartbeat: 0,
            state: State::Initialising,
            was_ready: false,
        }
    }

    /// The clock.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Which life of the PD this is, from 1.
    pub fn generation(&self) -> u64 {
        state::lives()
    }

    /// Says that the PD serves, and tells `supervisor` unless it knows.
    pub fn ready(&mut self) {
        if self.state == State::Running {
            return;
        }
        if let Some(page) = state::page()
            && !self.was_ready
        {
            page.set_ready_ns(self.clock.now().0);
        }
        self.was_ready = true;
        self.enter(State::Running, format_args!(""));
    }

    /// Says that the PD is alive but cannot serve, and why; tells `supervisor`.
    pub fn degraded(&mut self, why: core::fmt::Arguments<'_>) {
        self.enter(State::Degraded, why);
    }

    /// Says whether the PD serves and, if not, why. Tells `supervisor` when that changes, and answers
    /// whether it did.
    pub fn serving(&mut self, serves: bool, why_not: impl fmt::Display) -> bool {
        let state = if serves { State::Running } else { State::Degraded };
        let is_news = self.state != state;
        if serves {
            self.ready();
        } else if is_news {
            self.degraded(format_args!("{why_not}"));
        }
        is_news
    }

    /// Says that the PD was woken: it is alive. The first thing in `notified`.
    #[inline]
    pub fn wake(&mut self) {
        #[cfg(feature = "sabotage")]
        crate::sabotage::obey();
        self.beat();
        self.count(Counter::Wakeups, 1);
    }

    /// Says that the PD is alive, between two parts of a long turn.
    #[inline]
    pub fn beat(&mut self) {
        self.heartbeat += 1;
        if let Some(page) = state::page() {
            page.set_heartbeat(self.heartbeat);
        }
    }

    /// The time, and a sign of life: for loops that go on as long as there is work.
    #[inline]
    pub fn tick(&mut self) -> Nanos {
        self.beat();
        self.clock.now()
    }

    /// Adds to a counter.
    #[inline]
    pub fn count(&mut self, counter: Counter, by: u64) {
        let value = self.counters[usize::from(counter.code()) % COUNTERS].wrapping_add(by);
        self.set_counter(counter, value);
    }

    /// Sets a counter that the PD keeps itself.
    #[inline]
    pub fn set_counter(&mut self, counter: Counter, value: u64) {
        let kept = &mut self.counters[usize::from(counter.code()) % COUNTERS];
        if *kept != value {
            *kept = value;
            if let Some(page) = state::page() {
                page.set_counter(counter, value);
            }
        }
    }

    /// Sets several counters that the PD keeps itself.
    #[inline]
    pub fn report<const N: usize>(&mut self, counters: [(Counter, u64); N]) {
        for (counter, value) in counters {
            self.set_counter(counter, value);
        }
    }

    fn enter(&mut self, state: State, text: core::fmt::Arguments<'_>) {
        self.state = state;
        if let Some(page) = state::page() {
            page.set_state(state, text);
            state::notify_supervisor();
        }
    }
}
