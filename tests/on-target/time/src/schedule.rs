//! Who runs when, and for how long.
#![no_std]
#![no_main]

use on_target_time::schedule::{LOG, LOG_LENGTH, SPINS, STOP};
use sel4_microkit::{Channel, ChannelSet, Never, ipc, protection_domain};
use test_harness::{nanos_from_ticks, ticks, words};

/// Loggers, by priority: 20, 60 and 90 are lower than this PD, 100 is equal, 150 higher.
const LOW: Channel = Channel::new(1);
const MIDDLE: Channel = Channel::new(2);
const HIGH: Channel = Channel::new(3);
const EQUAL: Channel = Channel::new(4);
const URGENT: Channel = Channel::new(5);

/// Higher in priority, with 1 ms of every 10.
const BUDGETED: Channel = Channel::new(10);
/// The same, calling a passive server that spins.
const DELEGATING: Channel = Channel::new(11);
/// Two of the same, lower priority.
const TWINS: [Channel; 2] = [Channel::new(12), Channel::new(13)];

#[protection_domain]
fn init() -> Never {
    words().clear();
    test_harness::run(test_harness::tests![
        higher_priorities_run_first,
        lower_priorities_wait_for_us,
        a_higher_priority_runs_at_once,
        an_equal_priority_waits_for_its_turn,
        yielding_lets_an_equal_run,
        a_budget_is_enforced,
        a_budget_is_refilled_every_period,
        a_budgeted_peer_runs_when_we_wait,
        a_passive_server_spends_its_callers_budget,
        equals_share_the_processor,
    ])
}

#[track_caller]
fn wait() -> ChannelSet {
    match ipc::recv() {
        ipc::Event::Notified(channels) => channels,
        event => panic!("{event:?}"),
    }
}

#[track_caller]
fn wait_for(channels: &[Channel]) {
    let mut seen = 0_u64;
    while channels.iter().any(|channel| seen >> channel.index() & 1 == 0) {
        seen |= wait().iter().fold(0, |bits, channel| bits | 1 << channel.index());
    }
}

fn log_length() -> u64 {
    words().get(LOG_LENGTH)
}

fn higher_priorities_run_first() {
    for order in [[LOW, MIDDLE, HIGH], [HIGH, LOW, MIDDLE], [MIDDLE, HIGH, LOW]] {
        words().set(LOG_LENGTH, 0);
        order.iter().for_each(Channel::notify);
        wait_for(&order);
        let log = [LOG, LOG + 1, LOG + 2].map(|index| words().get(index));
        assert_eq!(log, [HIGH, MIDDLE, LOW].map(|channel| channel.index() as u64));
    }
}

fn lower_priorities_wait_for_us() {
    HIGH.notify();
    test_harness::spin_for_nanos(20_000_000);
    assert_eq!(log_length(), 0);
    wait_for(&[HIGH]);
    assert_eq!(log_length(), 1);
}

fn a_higher_priority_runs_at_once() {
    URGENT.notify();
    assert_eq!(log_length(), 1);
    wait_for(&[URGENT]);
}

/// Budgets are 1 ms, so the turn comes within that.
fn an_equal_priority_waits_for_its_turn() {
    // Begin with a fresh slice, so that none ends between the next two lines.
    sel4::r#yield();
    EQUAL.notify();
    assert_eq!(log_length(), 0);
    test_harness::spin_for_nanos(3_000_000);
    assert_eq!(log_length(), 1);
    wait_for(&[EQUAL]);
}

fn yielding_lets_an_equal_run() {
    sel4::r#yield();
    EQUAL.notify();
    assert_eq!(log_length(), 0);
    sel4::r#yield();
    assert_eq!(log_length(), 1);
    wait_for(&[EQUAL]);
}

/// What this PD saw of a stretch of time.
#[derive(Debug)]
struct Observation {
    /// Time that others had, in thousandths.
    others_permille: u64,
    /// How often others had more than half a millisecond at once.
    long_gaps: u64,
}

/// Reads the counter over and over: where it jumps, somebody else ran.
fn observe(nanos: u64) -> Observation {
    const PREEMPTED_NANOS: u64 = 20_000;
    const LONG_NANOS: u64 = 500_000;

    let start = ticks();
    let (mut last, mut others_nanos, mut long_gaps) = (start, 0, 0);
    while nanos_from_ticks(last - start) < nanos {
        let now = ticks();
        let gap_nanos = nanos_from_ticks(now - last);
        if gap_nanos > PREEMPTED_NANOS {
            others_nanos += gap_nanos;
        }
        long_gaps += u64::from(gap_nanos > LONG_NANOS);
        last = now;
    }
    let total_nanos = nanos_from_ticks(last - start);
    Observation { others_permille: others_nanos * 1000 / total_nanos, long_gaps }
}

fn stop(channel: Channel) {
    words().set(STOP, 1);
    wait_for(&[channel]);
}

fn a_budget_is_enforced() {
    BUDGETED.notify();
    let seen = observe(100_000_000);
    assert_ne!(words().get(SPINS + BUDGETED.index()), 0);
    assert!((50..200).contains(&seen.others_permille), "{seen:?}");
    stop(BUDGETED);
}

fn a_budget_is_refilled_every_period() {
    BUDGETED.notify();
    let seen = observe(100_000_000);
    assert!((8..=12).contains(&seen.long_gaps), "{seen:?}");
    stop(BUDGETED);
}

/// Its budget bounds it also when nobody else wants to run.
fn a_budgeted_peer_runs_when_we_wait() {
    BUDGETED.notify();
    test_harness::spin_for_nanos(30_000_000);
    let before = words().get(SPINS + BUDGETED.index());
    test_harness::spin_for_nanos(30_000_000);
    assert!(words().get(SPINS + BUDGETED.index()) > before);
    stop(BUDGETED);
}

/// The monitor binds a passive PD's own time to its notification while the PD already waits, so its
/// first event still runs on that time; the kernel takes it back when the PD waits again.
fn a_passive_server_spends_its_callers_budget() {
    words().set(STOP, 1);
    DELEGATING.notify();
    wait_for(&[DELEGATING]);
    words().set(STOP, 0);
    DELEGATING.notify();
    let seen = observe(100_000_000);
    assert!((50..200).contains(&seen.others_permille), "{seen:?}");
    stop(DELEGATING);
}

fn equals_share_the_processor() {
    TWINS.iter().for_each(Channel::notify);
    // They stop by themselves, after a time that is the same for both.
    wait_for(&TWINS);
    let [one, other] = TWINS.map(|twin| words().get(SPINS + twin.index()));
    assert!(one * 3 > other && other * 3 > one, "{one} and {other}");
}
