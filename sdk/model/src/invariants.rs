//! What holds between any two kernel entries, whatever the PDs do.

use std::boxed::Box;
use std::vec::Vec;

use model_spec::{CapKind, Irq, slots};
use proptest::prelude::*;

use crate::kernel::Kernel;
use crate::object::{
    Above, ContextId, Endpoint, EndpointId, NotificationId, ReplyId, Scheduled, Signal, State,
    ThreadId,
};
use crate::queue::Queue;
use crate::testing::{FakeMachine, Syscall, System};

const PD_COUNT: u16 = 5;
/// Slots with caps to other PDs' objects, beyond those every PD has.
const SHARED_SLOT: u16 = 100;

/// Five PDs of which each may do everything to all.
fn open_system(seed: u64) -> System {
    let mut system = System { seed, ..System::default() };
    for pd in 0..PD_COUNT {
        let budget_us = [1000, 1000, 100, 500, 1000][usize::from(pd)];
        system.pd(u8::try_from(10 + pd % 3).unwrap(), budget_us, 1000);
        system.irqs.push(Irq { badge: 8, intid: 48 + u32::from(pd), pd, ..Irq::default() });
    }
    for pd in 0..PD_COUNT {
        for object in 0..PD_COUNT {
            let kinds = [
                CapKind::Endpoint,
                CapKind::Notification,
                CapKind::Tcb,
                CapKind::SchedContext,
                CapKind::Reply,
                CapKind::IrqHandler,
            ];
            for (index, kind) in (0..).zip(kinds) {
                let slot = SHARED_SLOT + index * PD_COUNT + object;
                system.cap(pd, slot, kind, object, 1 << object);
            }
        }
        let parent = (pd + 1) % PD_COUNT;
        system.cap(pd, slots::FAULT_ENDPOINT, CapKind::Endpoint, parent, 1 << 62);
    }
    system
}

#[derive(Clone, Debug)]
enum Event {
    Syscall(Syscall, [u64; 3]),
    Exception(u64),
    Time(u64),
    Irq(u32),
}

fn cap_address() -> impl Strategy<Value = u64> {
    let shared = u64::from(SHARED_SLOT)..u64::from(SHARED_SLOT + 6 * PD_COUNT);
    prop_oneof![8 => shared, 3 => 1..6u64, 1 => Just(9), 1 => Just(1 << 20)]
}

fn event() -> impl Strategy<Value = Event> {
    let label = prop_oneof![0..44u64, Just(12), Just(13), 34..39u64, Just(0)];
    let word = prop_oneof![0..40u64, Just(0), any::<u64>()];
    let syscall = (
        -12..0i64,
        cap_address(),
        (label, 0..40u64, 0..4u64),
        prop::array::uniform4(word),
        prop_oneof![5 => Just(4), 1 => cap_address()],
        cap_address(),
        prop::array::uniform3(cap_address()),
    )
        .prop_map(|(number, cap, (label, length, caps), words, reply, destination, extra)| {
            let tag = (label << 12) | (caps << 7) | length;
            Event::Syscall(Syscall { number, cap, tag, words, reply, destination }, extra)
        });
    prop_oneof![
        20 => syscall,
        1 => prop_oneof![Just(0x9380_0046), Just(0x0200_0000), Just(0xf200_0001)]
            .prop_map(Event::Exception),
        6 => (0..40_000u64).prop_map(Event::Time),
        2 => (48..53u32).prop_map(Event::Irq),
    ]
}

fn apply(kernel: &mut Kernel<FakeMachine>, event: &Event) {
    kernel.machine.now += 40;
    match event {
        Event::Syscall(syscall, extra_caps) => {
            if kernel.current().is_none() {
                revive(kernel, syscall.cap);
            }
            if let Some(current) = kernel.current() {
                kernel.machine.buffers[usize::from(current)][122..125].copy_from_slice(extra_caps);
                kernel.make(*syscall);
            }
        }
        Event::Exception(syndrome) => kernel.exception(*syndrome, 0x10),
        Event::Time(ticks) => kernel.pass(*ticks),
        Event::Irq(intid) => {
            kernel.preempt();
            kernel.interrupt(Some(*intid));
        }
    }
}

/// Restarts a PD and gives it a context if one is free, so that the system goes on.
fn revive(kernel: &mut Kernel<FakeMachine>, choice: u64) {
    let thread = ThreadId(u8::try_from(choice % u64::from(PD_COUNT)).unwrap());
    let contexts = (0..u8::try_from(PD_COUNT).unwrap()).map(ContextId);
    kernel.restart(thread);
    let mut free = contexts.filter(|context| kernel.contexts[*context].thread.is_none());
    if kernel.threads[thread].context.is_none()
        && let Some(context) = free.next()
    {
        kernel.bind_thread(context, thread);
    }
    kernel.finish();
}

/// Threads in a queue, after checking its links.
fn members(kernel: &Kernel<FakeMachine>, queue: &Queue) -> Vec<u8> {
    let mut members = Vec::new();
    let mut previous = None;
    let mut cursor = queue.head;
    while let Some(thread) = cursor {
        assert!(members.len() < 64, "queue is a loop");
        assert_eq!(kernel.threads[thread].previous, previous);
        members.push(thread.0);
        previous = cursor;
        cursor = kernel.threads[thread].next;
    }
    assert_eq!(queue.tail, previous);
    members
}

fn check(kernel: &Kernel<FakeMachine>) {
    let ready = kernel.scheduler.check_queues(&kernel.threads);
    for index in 0..u8::try_from(PD_COUNT).unwrap() {
        let id = ThreadId(index);
        let thread = &kernel.threads[id];
        let is_current = kernel.current() == Some(index);
        assert_eq!(thread.scheduled == Scheduled::Ready, ready.contains(&index), "{index}");
        assert_eq!(is_current || ready.contains(&index), thread.is_schedulable(), "{index}");
        assert!(!is_current || thread.scheduled == Scheduled::Not);
        assert!(
            thread.scheduled == Scheduled::Not
                || (thread.is_runnable() && thread.context.is_some())
        );
        assert_eq!(thread.scheduled == Scheduled::Release, released(kernel).contains(&index));
        if let Some(context) = thread.context {
            assert_eq!(kernel.contexts[context].thread, Some(id));
            let waits_for_time = thread.scheduled == Scheduled::Release;
            let is_released = kernel.contexts[context].is_released(kernel.scheduler.now);
            assert!(!thread.is_runnable() || waits_for_time || is_released);
        }
        if let Some(notification) = thread.notification {
            assert_eq!(kernel.notifications[notification].thread, Some(id));
        }
        check_blocked(kernel, id);
        check_context(kernel, ContextId(index));
        check_reply(kernel, ReplyId(index));
        check_waiting(kernel, index);
    }
}

fn released(kernel: &Kernel<FakeMachine>) -> Vec<u8> {
    let released = members(kernel, kernel.scheduler.release_queue());
    let time = |thread: &u8| {
        let context = kernel.threads[ThreadId(*thread)].context.unwrap();
        kernel.contexts[context].ready_time()
    };
    assert!(released.is_sorted_by_key(time));
    released
}

fn check_blocked(kernel: &Kernel<FakeMachine>, id: ThreadId) {
    let queue = match kernel.threads[id].state {
        State::BlockedOnReceive { endpoint, reply } => {
            if let Some(reply) = reply {
                assert_eq!(kernel.replies[reply].thread, Some(id));
            }
            match kernel.endpoints[endpoint] {
                Endpoint::Receivers(queue) => queue,
                _ => panic!("receiver outside a queue"),
            }
        }
        State::BlockedOnSend { endpoint, .. } => match kernel.endpoints[endpoint] {
            Endpoint::Senders(queue) => queue,
            _ => panic!("sender outside a queue"),
        },
        State::BlockedOnNotification(notification) => {
            match kernel.notifications[notification].signal {
                Signal::Waiting(queue) => queue,
                _ => panic!("waiter outside a queue"),
            }
        }
        State::BlockedOnReply(reply) => {
            assert_eq!(kernel.replies[reply].thread, Some(id));
            assert_ne!(kernel.replies[reply].below, Some(reply));
            return;
        }
        State::Inactive | State::Running | State::Restart => return,
    };
    assert!(members(kernel, &queue).contains(&id.0));
}

fn check_waiting(kernel: &Kernel<FakeMachine>, index: u8) {
    let queue = match kernel.endpoints[EndpointId(index)] {
        Endpoint::Idle => Queue::EMPTY,
        Endpoint::Senders(queue) | Endpoint::Receivers(queue) => {
            assert!(!queue.is_empty());
            queue
        }
    };
    let waiting = members(kernel, &queue);
    let priority = |thread: &u8| core::cmp::Reverse(kernel.threads[ThreadId(*thread)].priority);
    assert!(waiting.is_sorted_by_key(priority));
    for thread in waiting {
        assert!(kernel.threads[ThreadId(thread)].is_blocked());
    }
    let notification = &kernel.notifications[NotificationId(index)];
    if let Some(context) = notification.context {
        assert_eq!(kernel.contexts[context].notification, Some(NotificationId(index)));
    }
}

fn check_context(kernel: &Kernel<FakeMachine>, id: ContextId) {
    let context = &kernel.contexts[id];
    if let Some(thread) = context.thread {
        assert_eq!(kernel.threads[thread].context, Some(id));
    }
    if let Some(reply) = context.reply {
        assert_eq!(kernel.replies[reply].above, Above::Context(id));
    }
    context.check();
}

fn check_reply(kernel: &Kernel<FakeMachine>, id: ReplyId) {
    let reply = &kernel.replies[id];
    if let Some(thread) = reply.thread {
        let state = kernel.threads[thread].state;
        let waits = matches!(state, State::BlockedOnReceive { reply, .. } if reply == Some(id));
        assert!(waits || state == State::BlockedOnReply(id), "{state:?}");
    }
    if let Some(below) = reply.below {
        assert_eq!(kernel.replies[below].above, Above::Reply(id));
    }
    if let Above::Context(context) = reply.above {
        assert_eq!(kernel.contexts[context].reply, Some(id));
    }
}

fn run(seed: u64, events: &[Event]) -> Box<Kernel<FakeMachine>> {
    let mut kernel = open_system(seed).boot();
    check(&kernel);
    for event in events {
        apply(&mut kernel, event);
        check(&kernel);
    }
    kernel
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn hold_whatever_pds_do(
        seed in prop_oneof![Just(0), any::<u64>()],
        events in prop::collection::vec(event(), 1..200),
    ) {
        let first = run(seed, &events);
        let second = run(seed, &events);
        prop_assert_eq!(&first.machine.buffers, &second.machine.buffers);
        prop_assert_eq!(first.current(), second.current());
    }
}
