//! Notifications between PDs.
#![no_std]
#![no_main]

use on_target_surface::{LAST_SET, RELAY_WAKE_UPS, WAKE_UPS, registers};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Never, ipc, protection_domain,
};
use test_harness::{expect_panic, tests, words};

/// `relay` is higher in priority: it runs when notified.
const RELAY: Channel = Channel::new(0);
const RELAY_DEFERRED: Channel = Channel::new(1);
const RELAY_TWICE: Channel = Channel::new(2);

/// `counter` is lower in priority: it runs when this PD waits.
const COUNTER: Channel = Channel::new(10);
const COUNTER_AGAIN: Channel = Channel::new(11);

/// A channel whose description denies this end to notify.
const SILENT: Channel = Channel::new(61);

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        a_notification_comes_back,
        a_higher_peer_runs_at_once,
        a_lower_peer_runs_when_we_wait,
        notifications_merge,
        notifications_of_two_channels_come_as_a_set,
        answers_of_two_channels_come_as_a_set,
        a_deferred_notification_is_sent,
        of_two_deferred_notifications_both_are_sent,
        an_executed_action_is_a_notification,
        a_slot_holds_one_action,
        polling_takes_what_is_there,
        waiting_on_the_notification_returns_its_bits,
        an_unconnected_channel_is_refused,
        a_channel_without_notify_is_refused,
        an_acknowledgement_without_interrupt_is_refused,
        all_registers_survive_a_notify,
        a_thousand_round_trips,
    ])
}

#[track_caller]
fn wait() -> ChannelSet {
    match ipc::recv() {
        ipc::Event::Notified(channels) => channels,
        event => panic!("{event:?}"),
    }
}

fn is_exactly(set: ChannelSet, channels: &[Channel]) -> bool {
    set.iter().eq(channels.iter().copied())
}

fn a_notification_comes_back() {
    RELAY.notify();
    assert!(is_exactly(wait(), &[RELAY]));
}

fn a_higher_peer_runs_at_once() {
    let before = words().get(RELAY_WAKE_UPS);
    RELAY.notify();
    assert_eq!(words().get(RELAY_WAKE_UPS), before + 1);
    wait();
}

fn a_lower_peer_runs_when_we_wait() {
    let before = words().get(WAKE_UPS);
    COUNTER.notify();
    test_harness::spin_for_nanos(2_000_000);
    assert_eq!(words().get(WAKE_UPS), before, "it ran while we did");
    assert!(is_exactly(wait(), &[COUNTER]));
    assert_eq!(words().get(WAKE_UPS), before + 1);
}

fn notifications_merge() {
    let before = words().get(WAKE_UPS);
    (0..100).for_each(|_| COUNTER.notify());
    wait();
    assert_eq!(words().get(WAKE_UPS), before + 1);
}

fn notifications_of_two_channels_come_as_a_set() {
    let before = words().get(WAKE_UPS);
    COUNTER.notify();
    COUNTER_AGAIN.notify();
    wait();
    assert_eq!(words().get(WAKE_UPS), before + 1);
    // The ids at the other end.
    assert_eq!(words().get(LAST_SET), 1 << 20 | 1 << 21);
}

fn answers_of_two_channels_come_as_a_set() {
    RELAY.notify();
    RELAY_DEFERRED.notify();
    assert!(is_exactly(wait(), &[RELAY, RELAY_DEFERRED]));
}

fn a_deferred_notification_is_sent() {
    RELAY_DEFERRED.notify();
    assert!(is_exactly(wait(), &[RELAY_DEFERRED]));
}

fn of_two_deferred_notifications_both_are_sent() {
    RELAY_TWICE.notify();
    assert!(is_exactly(wait(), &[RELAY, RELAY_TWICE]));
}

fn an_executed_action_is_a_notification() {
    assert_eq!(DeferredAction::new_notify(RELAY).execute_now(), Ok(()));
    assert!(is_exactly(wait(), &[RELAY]));
}

fn a_slot_holds_one_action() {
    let mut slot = DeferredActionSlot::new();
    assert_eq!(slot.take(), None);
    let before = words().get(RELAY_WAKE_UPS);
    assert_eq!(slot.defer_notify(RELAY), Ok(()));
    assert_eq!(words().get(RELAY_WAKE_UPS), before, "done too early");
    assert_eq!(slot.defer_notify(RELAY_DEFERRED), Ok(()));
    assert_eq!(words().get(RELAY_WAKE_UPS), before + 1, "the first one makes room");
    assert_eq!(slot.take(), Some(DeferredAction::new_notify(RELAY_DEFERRED)));
    assert_eq!(slot.take(), None);
    wait();
}

/// Slot 1 of a PD without children and callers is its notification.
const OWN_NOTIFICATION: sel4::cap::Notification = sel4::Cap::from_bits(1);

fn polling_takes_what_is_there() {
    // Whatever an earlier test left behind.
    OWN_NOTIFICATION.poll();
    assert_eq!(OWN_NOTIFICATION.poll(), 0);
    RELAY.notify();
    assert_eq!(OWN_NOTIFICATION.poll(), 1 << RELAY.index());
    assert_eq!(OWN_NOTIFICATION.poll(), 0);
}

fn waiting_on_the_notification_returns_its_bits() {
    OWN_NOTIFICATION.poll();
    COUNTER_AGAIN.notify();
    assert_eq!(OWN_NOTIFICATION.wait(), 1 << COUNTER_AGAIN.index());
}

fn an_unconnected_channel_is_refused() {
    expect_panic("notify: not valid for channel 40");
    Channel::new(40).notify();
}

fn a_channel_without_notify_is_refused() {
    expect_panic("notify: not valid for channel 61");
    SILENT.notify();
}

fn an_acknowledgement_without_interrupt_is_refused() {
    expect_panic("irq_ack: not valid for channel 0");
    let _ = RELAY.irq_ack();
}

/// Whether the peer waits for its turn or runs at once.
fn all_registers_survive_a_notify() {
    for channel in [COUNTER, RELAY] {
        // SAFETY: a notify like any other, in a function that keeps the calling convention.
        let changed = unsafe { registers::count_changed_by_send(channel.notification().bits(), 0) };
        assert_eq!(changed, 0);
    }
    wait_for_both(RELAY, COUNTER);
}

fn wait_for_both(one: Channel, other: Channel) {
    let first = wait();
    if !(first.contains(one) && first.contains(other)) {
        let second = wait();
        assert!([first, second].iter().any(|set| set.contains(one)));
        assert!([first, second].iter().any(|set| set.contains(other)));
    }
}

fn a_thousand_round_trips() {
    for _ in 0..1000 {
        RELAY.notify();
        assert!(is_exactly(wait(), &[RELAY]));
    }
}
