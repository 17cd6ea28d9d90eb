//! What a PD may become, and how often it may start again.

use protocols::lifecycle::State;
use protocols::system::Condition;

/// A PD starts at most once in this time: 20 times a second.
const PAUSE_US: u64 = 50_000;
/// Restarts in a window that can be told apart; the composition cannot allow more.
pub(crate) const RESTARTS_MAX: usize = 32;

/// The state of a PD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In memory, has not run yet.
    Loaded,
    /// Runs, and says that it is setting itself up.
    Initialising,
    /// Runs, and says that it serves.
    Running,
    /// Runs, and says that it cannot serve.
    Degraded,
    /// Faulted, and waits for its next start.
    Failed,
    /// Suspended by command.
    Paused,
    /// May end its turn, then it is stopped.
    Terminating,
    /// Stopped by command.
    Terminated,
    /// Failed too often.
    Held,
}

impl Phase {
    /// As the status page says it.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Initialising => State::Initialising.code(),
            Self::Running => State::Running.code(),
            Self::Degraded => State::Degraded.code(),
            Self::Loaded => Condition::Loaded.code(),
            Self::Failed => Condition::Failed.code(),
            Self::Paused => Condition::Paused.code(),
            Self::Terminating => Condition::Terminating.code(),
            Self::Terminated => Condition::Terminated.code(),
            Self::Held => Condition::Held.code(),
        }
    }

    /// What a running PD's own claim means; `None` where it means nothing: a PD that panicked faults.
    pub(crate) const fn claimed(state: u16) -> Option<Self> {
        match State::from_code(state) {
            Some(State::Initialising) => Some(Self::Initialising),
            Some(State::Running) => Some(Self::Running),
            Some(State::Degraded) => Some(Self::Degraded),
            Some(State::Panicked) | None => None,
        }
    }

    /// Whether the PD has the CPU when it wants it.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Loaded | Self::Initialising | Self::Running | Self::Degraded | Self::Terminating
        )
    }

    /// The transitions there are. A PD's own claims move it among `Initialising`, `Running` and
    /// `Degraded` only.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use Phase::{
            Degraded, Failed, Held, Initialising, Loaded, Paused, Running, Terminated, Terminating,
        };
        match self {
            Loaded => {
                matches!(next, Initialising | Running | Degraded | Failed | Paused | Terminating)
            }
            Initialising => matches!(next, Running | Degraded | Failed | Paused | Terminating),
            Running => matches!(next, Initialising | Degraded | Failed | Paused | Terminating),
            Degraded => matches!(next, Initialising | Running | Failed | Paused | Terminating),
            Failed => matches!(next, Initialising | Held | Terminated),
            Paused => matches!(next, Initialising | Running | Degraded | Terminated),
            Terminating => matches!(next, Terminated),
            Terminated | Held => matches!(next, Initialising),
        }
    }
}

/// When a PD was started again.
#[derive(Debug)]
pub(crate) struct Restarts {
    max: usize,
    window_us: u64,
    times_us: heapless::Deque<u64, RESTARTS_MAX>,
}

impl Restarts {
    pub(crate) const NONE: Self = Self { max: 0, window_us: 0, times_us: heapless::Deque::new() };

    /// At most `max` restarts within `window_us`.
    pub(crate) fn new(max: u32, window_us: u64) -> Self {
        let max = usize::try_from(max).unwrap_or(RESTARTS_MAX).min(RESTARTS_MAX);
        Self { max, window_us, times_us: heapless::Deque::new() }
    }

    /// When the PD may start again, at or after `now_us`; `None` when it did so too often.
    pub(crate) fn next(&mut self, now_us: u64) -> Option<u64> {
        while self.times_us.front().is_some_and(|first| now_us - first >= self.window_us) {
            self.times_us.pop_front();
        }
        if self.times_us.len() >= self.max {
            return None;
        }
        let earliest = self.times_us.back().map_or(0, |last| last + PAUSE_US);
        Some(earliest.max(now_us))
    }

    /// When a PD that did so too often may start again if it must.
    pub(crate) fn later(&self, now_us: u64) -> u64 {
        self.times_us.front().map_or(now_us, |first| *first) + self.window_us
    }

    /// The PD starts.
    pub(crate) fn note(&mut self, now_us: u64) {
        if self.times_us.is_full() {
            self.times_us.pop_front();
        }
        // There is room.
        let _ = self.times_us.push_back(now_us);
    }

    /// Somebody starts the PD by hand: what was is forgiven.
    pub(crate) fn forget(&mut self) {
        self.times_us.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_twenty_a_second_and_so_many_in_a_window() {
        let mut restarts = Restarts::new(30, 10_000_000);
        let mut now = 1;
        let mut started = Vec::new();
        while let Some(at) = restarts.next(now) {
            restarts.note(at);
            started.push(at);
            now = at;
        }
        assert_eq!(started.len(), 30);
        assert!(started.windows(2).all(|pair| pair[1] - pair[0] >= 50_000), "{started:?}");
        assert_eq!(restarts.next(10_000_000), None);
        assert_eq!(restarts.later(10_000_000), 10_000_001);
        assert_eq!(
            restarts.next(10_000_001),
            Some(10_000_001),
            "the first one is out of the window"
        );
    }

    #[test]
    fn a_pd_that_lived_for_a_while_starts_at_once() {
        let mut restarts = Restarts::new(2, 1_000_000);
        assert_eq!(restarts.next(7), Some(7));
        restarts.note(7);
        assert_eq!(restarts.next(60_000), Some(60_000));
        assert_eq!(restarts.next(50_000), Some(50_007));
    }

    #[test]
    fn a_start_by_hand_forgives() {
        let mut restarts = Restarts::new(1, 1_000_000);
        restarts.note(5);
        assert_eq!(restarts.next(6), None);
        restarts.forget();
        assert_eq!(restarts.next(6), Some(6));
    }

    #[test]
    fn claims_move_among_live_states_only() {
        let all = [
            Phase::Loaded,
            Phase::Initialising,
            Phase::Running,
            Phase::Degraded,
            Phase::Failed,
            Phase::Paused,
            Phase::Terminating,
            Phase::Terminated,
            Phase::Held,
        ];
        for from in all {
            assert!(!from.may_become(from));
            assert!(!from.may_become(Phase::Loaded));
            if !from.is_live() {
                assert!(!from.may_become(Phase::Terminating), "{from:?}");
            }
        }
        assert!(!Phase::Held.may_become(Phase::Running));
        assert!(!Phase::Terminated.may_become(Phase::Paused));
        assert!(!Phase::Paused.may_become(Phase::Failed));
    }
}
