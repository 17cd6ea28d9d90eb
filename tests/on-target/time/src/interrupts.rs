//! The generic timer's interrupt, handled by a child that this PD restarts for every test.
#![no_std]
#![no_main]

use on_target_time::alarm::{
    ACK, CHANNEL_ID, DEADLINE_TICKS, DEFER_ACK, HANDLED_TICKS, INTERRUPTS, KEEP_CAUSE, MODE,
    NO_ACK, REPEATS,
};
use sel4_microkit::{Channel, Child, ENTRY_POINT, Never, ipc, protection_domain};
use test_harness::{nanos_from_ticks, spin_for_nanos, tests, ticks, words};

const ALARM: Channel = Channel::new(0);
const ALARM_CHILD: Child = Child::new(7);

/// 1 ms.
const DELAY_TICKS: u64 = 62_500;

#[protection_domain]
fn init() -> Never {
    words().clear();
    test_harness::run(tests![
        an_interrupt_arrives_after_its_deadline,
        an_interrupt_preempts_lower_priorities,
        a_deadline_in_the_past_interrupts_at_once,
        an_acknowledged_interrupt_comes_again,
        a_deferred_acknowledgement_counts,
        an_interrupt_repeats_while_its_cause_lasts,
        an_unacknowledged_interrupt_stays_away,
        a_restart_acknowledges_what_was_left,
        a_disarmed_timer_is_silent,
        the_id_is_as_described,
    ])
}

fn start_alarm(mode: u64) {
    words().set(MODE, mode);
    words().set(INTERRUPTS, 0);
    assert_eq!(ALARM_CHILD.stop(), Ok(()));
    // Higher in priority: it waits for events when this returns.
    assert_eq!(ALARM_CHILD.restart(ENTRY_POINT), Ok(()));
}

/// Sets the alarm; returns when it is due, in ticks.
fn set_alarm(delay_ticks: u64) -> u64 {
    let deadline = ticks() + delay_ticks;
    words().set(DEADLINE_TICKS, deadline);
    ALARM.notify();
    deadline
}

#[track_caller]
fn wait() {
    match ipc::recv() {
        ipc::Event::Notified(channels) => assert!(channels.contains(ALARM)),
        event => panic!("{event:?}"),
    }
}

fn interrupts() -> u64 {
    words().get(INTERRUPTS)
}

fn an_interrupt_arrives_after_its_deadline() {
    start_alarm(ACK);
    let deadline = set_alarm(DELAY_TICKS);
    assert_eq!(interrupts(), 0);
    wait();
    assert_eq!(interrupts(), 1);
    let handled = words().get(HANDLED_TICKS);
    assert!(handled >= deadline, "early");
    let late_nanos = nanos_from_ticks(handled - deadline);
    assert!(late_nanos < 1_000_000, "{late_nanos} ns late");
}

fn an_interrupt_preempts_lower_priorities() {
    start_alarm(ACK);
    set_alarm(DELAY_TICKS);
    spin_for_nanos(3_000_000);
    assert_eq!(interrupts(), 1);
    wait();
}

fn a_deadline_in_the_past_interrupts_at_once() {
    start_alarm(ACK);
    words().set(DEADLINE_TICKS, 1);
    ALARM.notify();
    wait();
    assert_eq!(interrupts(), 1);
}

fn an_acknowledged_interrupt_comes_again() {
    start_alarm(ACK);
    for round in 1..=10 {
        set_alarm(DELAY_TICKS / 10);
        wait();
        assert_eq!(interrupts(), round);
    }
}

fn a_deferred_acknowledgement_counts() {
    start_alarm(DEFER_ACK);
    for round in 1..=10 {
        set_alarm(DELAY_TICKS / 10);
        wait();
        assert_eq!(interrupts(), round);
    }
}

fn an_interrupt_repeats_while_its_cause_lasts() {
    start_alarm(KEEP_CAUSE);
    set_alarm(DELAY_TICKS);
    wait();
    assert_eq!(interrupts(), REPEATS + 1);
}

fn an_unacknowledged_interrupt_stays_away() {
    start_alarm(NO_ACK);
    set_alarm(DELAY_TICKS);
    wait();
    set_alarm(DELAY_TICKS);
    spin_for_nanos(5_000_000);
    assert_eq!(interrupts(), 1);
}

/// The runtime acknowledges every interrupt when it starts, so a crash in a handler loses none.
fn a_restart_acknowledges_what_was_left() {
    start_alarm(NO_ACK);
    set_alarm(DELAY_TICKS);
    wait();
    set_alarm(DELAY_TICKS);
    spin_for_nanos(5_000_000);
    start_alarm(ACK);
    wait();
    assert_eq!(interrupts(), 1);
}

fn a_disarmed_timer_is_silent() {
    start_alarm(ACK);
    set_alarm(DELAY_TICKS);
    wait();
    spin_for_nanos(5_000_000);
    assert_eq!(interrupts(), 1);
}

fn the_id_is_as_described() {
    start_alarm(ACK);
    assert_eq!(words().get(CHANNEL_ID), 29);
}
