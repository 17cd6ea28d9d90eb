use super::*;

#[derive(Debug, Default)]
struct Fake {
    hz: u64,
    count: u64,
    compare: u64,
    control: u64,
}

impl Fake {
    const fn fires(&self) -> bool {
        self.control == CONTROL_ENABLE && self.count >= self.compare
    }
}

impl Registers for Fake {
    fn frequency_hz(&self) -> u64 {
        self.hz
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn set_compare(&mut self, count: u64) {
        self.compare = count;
    }

    fn set_control(&mut self, control: u64) {
        self.control = control;
    }
}

fn start(hz: u64) -> GenericTimer<Fake> {
    GenericTimer::start(Fake { hz, control: CONTROL_ENABLE, ..Fake::default() }).unwrap()
}

#[test]
fn start_stops_what_a_former_life_left_running() {
    assert_eq!(start(62_500_000).registers.control, CONTROL_OFF);
}

#[test]
fn refuses_a_frequency_that_firmware_forgot() {
    for hz in [0, 1, 999_999, 1_000_000_001, u64::MAX] {
        let timer = GenericTimer::start(Fake { hz, ..Fake::default() });
        assert_eq!(timer.unwrap_err(), BadFrequency { hz });
    }
}

#[test]
fn the_deadline_is_never_early_and_at_most_one_tick_late() {
    for hz in [1_000_000, 8_333_333, 19_200_000, 24_000_000, 54_000_000, 62_500_000, 999_999_937] {
        let frequency = Frequency::new(hz).unwrap();
        for shift in 0..63 {
            for nanos in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 12_345] {
                let ticks = frequency.ticks(Nanos(nanos));
                assert!(frequency.nanos(ticks) >= Nanos(nanos), "{hz} Hz, {nanos} ns");
                let before = ticks.checked_sub(1).map(|tick| frequency.nanos(tick));
                assert!(before < Some(Nanos(nanos)), "{hz} Hz, {nanos} ns");
            }
        }
    }
}

#[test]
fn time_is_the_counter_in_nanoseconds() {
    let mut timer = start(62_500_000);
    timer.registers.count = 62_500_000 * 3600 * 24 * 365 * 100;
    assert_eq!(timer.now(), Nanos(1_000_000_000 * 3600 * 24 * 365 * 100));
    let mut timer = start(24_000_000);
    timer.registers.count = 24_000_000 * 10;
    assert!(timer.now().0.abs_diff(10_000_000_000) <= 10);
}

#[test]
fn fires_when_the_deadline_has_come() {
    let mut timer = start(62_500_000);
    timer.set_deadline(Some(Nanos(1601)));
    timer.registers.count = 100;
    assert!(!timer.registers.fires(), "1600 ns");
    timer.registers.count = 101;
    assert!(timer.registers.fires(), "1616 ns");
    timer.set_deadline(None);
    assert!(!timer.registers.fires());
}

#[test]
fn a_past_deadline_fires_at_once_and_the_last_one_never() {
    let mut timer = start(62_500_000);
    timer.registers.count = 1000;
    timer.set_deadline(Some(Nanos(0)));
    assert!(timer.registers.fires());
    timer.set_deadline(Some(Nanos(u64::MAX)));
    assert!(!timer.registers.fires());
    timer.set_deadline(None);
    assert!(!timer.registers.fires());
}
