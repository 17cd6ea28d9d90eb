//! Whether a PD hangs.
//!
//! Every wake-up of a PD moves a counter in its lifecycle page. A PD whose counter rests is woken by a
//! notification. What does not wake up then, although it uses the CPU, hangs. A PD that more urgent
//! ones leave no time is innocent, and so is everybody after the whole machine stood still: time is
//! counted in pulses, of which a pause makes one, and in what the PD itself consumed. The kernel charges
//! a pause to whoever ran, and withholds that much of its budget afterwards; so of what a PD consumed
//! between two pulses no more counts than lies between them without a pause.

/// Microseconds between two pulses: the period of `pulse` in `system.xml`.
pub(crate) const PULSE_US: u64 = 10_000;
/// Pulses without a beat after which a PD is woken.
const QUIET_PULSES: u32 = 2;
/// Pulses that a woken PD has to answer.
const ANSWER_PULSES: u32 = 4;
/// What a PD must have consumed since it was woken to count as hanging.
const CONSUMED_US: u64 = 20_000;
/// So many times more of both while a PD sets itself up: chains are replayed then, in long turns.
pub(crate) const SETUP: u32 = 8;
/// Pulses after which a PD hangs even if it consumed nothing: it waits for what never comes.
const SILENCE_PULSES: u32 = 200;

/// What is to be done about a PD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Lives,
    /// Wake it.
    Wake,
    /// Start it again.
    Hangs,
}

/// What is known about one PD's beats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    beats: u64,
    /// Pulses since the last beat, or since it was woken.
    pulses: u32,
    /// What it had consumed in all at the last pulse; `None` before it was woken.
    seen_us: Option<u64>,
    /// What counts of that since it was woken.
    consumed_us: u64,
}

impl Heartbeat {
    /// Of a PD that has not run.
    pub(crate) const NEW: Self = Self { beats: 0, pulses: 0, seen_us: None, consumed_us: 0 };

    /// Judges the PD, once per pulse; `consumed_us` says what it consumed in all. It gets `patience` times
    /// what a running PD has to answer.
    pub(crate) fn judge(
        &mut self,
        beats: u64,
        patience: u32,
        consumed_us: impl FnOnce() -> u64,
    ) -> Verdict {
        if beats != self.beats {
            *self = Self { beats, ..Self::NEW };
            return Verdict::Lives;
        }
        self.pulses += 1;
        if self.seen_us.is_none() && self.pulses < QUIET_PULSES {
            return Verdict::Lives;
        }
        let now_us = consumed_us();
        let Some(seen_us) = self.seen_us.replace(now_us) else {
            self.pulses = 0;
            return Verdict::Wake;
        };
        self.consumed_us += now_us.saturating_sub(seen_us).min(PULSE_US);
        let is_busy = self.consumed_us >= CONSUMED_US * u64::from(patience);
        let hangs = self.pulses >= ANSWER_PULSES * patience && is_busy;
        if hangs || self.pulses >= SILENCE_PULSES { Verdict::Hangs } else { Verdict::Lives }
    }

    /// The PD starts, or goes on after a pause.
    pub(crate) fn forget(&mut self) {
        *self = Self { beats: self.beats, ..Self::NEW };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges `pulses` times; answers how often it was to be woken, and when it hung.
    fn run(pulses: u32, beats: impl Fn(u32, u32) -> u64, us: u64) -> (u32, Option<u32>) {
        judged(pulses, 1, beats, |pulse| u64::from(pulse) * us)
    }

    /// The same for a PD that had consumed so much in all at each pulse.
    fn judged(
        pulses: u32,
        patience: u32,
        beats: impl Fn(u32, u32) -> u64,
        consumed_us: impl Fn(u32) -> u64,
    ) -> (u32, Option<u32>) {
        let (mut heartbeat, mut woken) = (Heartbeat::NEW, 0);
        for pulse in 1..=pulses {
            match heartbeat.judge(beats(pulse, woken), patience, || consumed_us(pulse)) {
                Verdict::Lives => {}
                Verdict::Wake => woken += 1,
                Verdict::Hangs => return (woken, Some(pulse)),
            }
        }
        (woken, None)
    }

    #[test]
    fn a_busy_pd_is_left_alone() {
        assert_eq!(run(1000, |pulse, _| pulse.into(), 9_000), (0, None));
    }

    #[test]
    fn an_idle_pd_that_answers_is_woken_every_third_pulse() {
        assert_eq!(run(999, |_, woken| woken.into(), 0), (333, None));
    }

    #[test]
    fn a_spinning_pd_hangs_after_six_pulses() {
        assert_eq!(run(1000, |_, _| 0, 9_000), (1, Some(6)));
    }

    #[test]
    fn a_starved_pd_is_innocent_for_long() {
        assert_eq!(run(1000, |_, _| 0, 0), (1, Some(202)));
    }

    #[test]
    fn a_pd_that_a_pause_of_the_machine_was_charged_to_is_innocent_for_long() {
        for pause in 1..10 {
            let charged = |pulse| if pulse < pause { 0 } else { 300_000 };
            assert_eq!(judged(1000, 1, |_, _| 0, charged), (1, Some(202)), "{pause}");
        }
    }

    #[test]
    fn a_pd_that_sets_itself_up_may_spin_for_longer() {
        assert_eq!(judged(1000, SETUP, |_, _| 0, |pulse| 9_000 * u64::from(pulse)), (1, Some(34)));
    }
}
