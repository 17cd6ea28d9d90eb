//! Claims about the kernel as a whole, each shown by a small system under the fake machine.

use model_spec::{CapKind, Injection, InjectionKind, Irq, pd_flags, slots};

use crate::budget::ticks;
use crate::object::State;
use crate::testing::{
    CALL, NB_RECV, NB_SEND, NB_SEND_RECV, REPLY_RECV, SEND, Syscall, System, YIELD, thread,
};

const SERVER_ENDPOINT: u16 = slots::OUTPUT_ENDPOINT_BASE;
const SERVER_SIGNAL: u16 = slots::OUTPUT_NOTIFICATION_BASE;
const CHILD_TCB: u16 = slots::CHILD_TCB_BASE;
const TIMESLICE: (u64, u64) = (1000, 1000);

/// A client and a more important server that it may call and signal.
fn client_and_server() -> (System, u16, u16) {
    let mut system = System::default();
    let client = system.pd(10, TIMESLICE.0, TIMESLICE.1);
    let server = system.pd(20, TIMESLICE.0, TIMESLICE.1);
    system.pds[usize::from(server)].flags |= pd_flags::PASSIVE;
    system.cap(client, SERVER_ENDPOINT, CapKind::Endpoint, server, 1 << 63);
    system.cap(client, SERVER_SIGNAL, CapKind::Notification, server, 2);
    (system, client, server)
}

/// The running PD hands its context to the monitor and waits.
fn become_passive() -> Syscall {
    Syscall { number: NB_SEND_RECV, cap: 1, reply: 4, destination: 5, ..Syscall::default() }
}

fn reply_and_wait(tag: u64) -> Syscall {
    Syscall { number: REPLY_RECV, cap: 1, tag, words: [77, 0, 0, 0], reply: 4, destination: 0 }
}

#[test]
fn call_to_an_active_server_carries_words_and_returns() {
    let (system, client, server) = client_and_server();
    let mut kernel = system.boot();
    kernel.wait();
    kernel.machine.buffers[usize::from(client)][5] = 0x5555;
    let tag = (9 << 12) | 5;
    let cap = u64::from(SERVER_ENDPOINT);
    kernel.make(Syscall { number: CALL, cap, tag, words: [1, 2, 3, 4], ..Syscall::default() });
    assert_eq!(kernel.current(), Some(1));
    assert_eq!(kernel.x(server, 0), 1 << 63);
    assert_eq!(kernel.x(server, 1), tag);
    assert_eq!([2, 3, 4, 5].map(|x| kernel.x(server, x)), [1, 2, 3, 4]);
    assert_eq!(kernel.machine.buffers[usize::from(server)][5], 0x5555);
    assert_eq!((kernel.context(client), kernel.context(server)), (Some(0), Some(1)));
    kernel.make(reply_and_wait((3 << 12) | 1));
    assert_eq!(kernel.current(), Some(0));
    assert_eq!([0, 1, 2].map(|x| kernel.x(client, x)), [0, (3 << 12) | 1, 77]);
}

#[test]
fn passive_server_runs_on_the_callers_context_and_gives_it_back() {
    let (system, client, server) = client_and_server();
    let mut kernel = system.boot();
    kernel.make(become_passive());
    // The context leaves only when the server waits once more.
    assert_eq!(kernel.context(server), Some(1));
    kernel.send(NB_SEND, SERVER_SIGNAL, 0, &[]);
    kernel.wait();
    assert_eq!(kernel.context(server), None);
    kernel.send(CALL, SERVER_ENDPOINT, 0, &[]);
    assert_eq!((kernel.current(), kernel.context(server)), (Some(1), Some(0)));
    assert_eq!(kernel.context(client), None);
    kernel.make(reply_and_wait(0));
    assert_eq!((kernel.current(), kernel.context(client)), (Some(0), Some(0)));
    assert_eq!(kernel.context(server), None);
}

#[test]
fn monitor_does_not_help_pds_that_are_not_passive() {
    let (mut system, _, server) = client_and_server();
    system.pds[usize::from(server)].flags &= !pd_flags::PASSIVE;
    let mut kernel = system.boot();
    kernel.make(become_passive());
    kernel.send(NB_SEND, SERVER_SIGNAL, 0, &[]);
    kernel.wait();
    assert_eq!(kernel.context(server), Some(1));
}

#[test]
fn signalled_passive_server_runs_on_its_own_context() {
    let (system, _, server) = client_and_server();
    let mut kernel = system.boot();
    kernel.make(become_passive());
    for _ in 0..2 {
        kernel.send(SEND, SERVER_SIGNAL, 0, &[]);
        assert_eq!((kernel.current(), kernel.context(server)), (Some(1), Some(1)));
        assert_eq!(kernel.x(server, 0), 2);
        kernel.wait();
        assert_eq!(kernel.context(server), None);
    }
}

#[test]
fn second_message_on_a_reply_object_cancels_the_first_caller() {
    let (mut system, client, server) = client_and_server();
    let other = system.pd(9, TIMESLICE.0, TIMESLICE.1);
    system.cap(other, SERVER_ENDPOINT, CapKind::Endpoint, server, 5);
    let mut kernel = system.boot();
    kernel.wait();
    kernel.send(CALL, SERVER_ENDPOINT, 0, &[]);
    kernel.wait();
    assert_eq!(kernel.state(client), State::Inactive);
    assert_eq!(kernel.current(), Some(2));
    kernel.send(CALL, SERVER_ENDPOINT, 0, &[]);
    kernel.make(reply_and_wait(0));
    assert_eq!(kernel.current(), Some(2));
    assert_eq!(kernel.state(client), State::Inactive);
}

#[test]
fn signals_accumulate_until_they_are_received() {
    let (mut system, _, server) = client_and_server();
    system.pds[usize::from(server)].priority = 5;
    let mut kernel = system.boot();
    kernel.send(SEND, SERVER_SIGNAL, 0, &[]);
    kernel.send(SEND, SERVER_SIGNAL, 0, &[]);
    kernel.wait();
    kernel.make(Syscall { number: NB_RECV, cap: 1, reply: 4, ..Syscall::default() });
    assert_eq!(kernel.x(server, 0), 2);
    kernel.make(Syscall { number: NB_RECV, cap: 1, reply: 4, ..Syscall::default() });
    assert_eq!(kernel.x(server, 0), 0);
}

#[test]
fn send_without_a_receiver_blocks_only_when_it_may() {
    let (mut system, client, server) = client_and_server();
    system.pds[usize::from(server)].priority = 5;
    let mut kernel = system.boot();
    kernel.send(NB_SEND, SERVER_ENDPOINT, 0, &[]);
    assert_eq!(kernel.current(), Some(0));
    kernel.send(SEND, SERVER_ENDPOINT, 0, &[]);
    assert!(matches!(kernel.state(client), State::BlockedOnSend { .. }));
    assert_eq!(kernel.current(), Some(1));
}

#[test]
fn fault_goes_to_the_parent_and_its_reply_emulates_a_system_call() {
    let mut system = System::default();
    let child = system.pd(10, TIMESLICE.0, TIMESLICE.1);
    let parent = system.pd(20, TIMESLICE.0, TIMESLICE.1);
    system.cap(child, slots::FAULT_ENDPOINT, CapKind::Endpoint, parent, (1 << 62) | 7);
    let mut kernel = system.boot();
    kernel.wait();
    kernel.make(Syscall { number: -99, cap: 11, ..Syscall::default() });
    assert_eq!(kernel.current(), Some(1));
    assert_eq!(kernel.x(parent, 0), (1 << 62) | 7);
    assert_eq!(kernel.x(parent, 1), (2 << 12) | 13);
    assert_eq!(kernel.x(parent, 2), 11);
    assert_eq!(kernel.machine.buffers[usize::from(parent)][13], (-99i64).cast_unsigned());
    kernel.make(reply_and_wait(1));
    assert_eq!((kernel.current(), kernel.x(child, 0)), (Some(0), 77));
    // Its restart address was not changed, so it repeats the instruction.
    assert_eq!(kernel.threads[thread(child)].registers.pc, 0x20_0000);
}

#[test]
fn bad_address_faults_with_the_bits_that_were_left() {
    let mut system = System::default();
    let child = system.pd(10, TIMESLICE.0, TIMESLICE.1);
    let parent = system.pd(20, TIMESLICE.0, TIMESLICE.1);
    system.cap(child, slots::FAULT_ENDPOINT, CapKind::Endpoint, parent, 1 << 62);
    let mut kernel = system.boot();
    kernel.wait();
    kernel.send(CALL, 512, 0, &[]);
    assert_eq!(kernel.x(parent, 1), (1 << 12) | 7);
    assert_eq!([3, 4, 5].map(|x| kernel.x(parent, x)), [512, 0, 4]);
    assert_eq!(kernel.machine.buffers[usize::from(parent)][5..8], [58, 0, 49]);
}

#[test]
fn null_capability_is_an_error_and_not_a_fault() {
    let (system, client, _) = client_and_server();
    let mut kernel = system.boot();
    kernel.wait();
    kernel.send(CALL, 9, 0, &[]);
    assert_eq!((kernel.current(), kernel.x(client, 1)), (Some(0), (2 << 12) | 1));
}

#[test]
fn unhandled_fault_stops_the_pd_for_good() {
    let (mut system, client, _) = client_and_server();
    system.debug = true;
    let mut kernel = system.boot();
    kernel.wait();
    kernel.exception(0x9380_0046, 0xdead);
    assert_eq!(kernel.state(client), State::Inactive);
    assert_eq!(kernel.current(), None);
    assert!(kernel.machine.console.contains("faulting PD: a0"));
}

#[test]
fn parent_suspends_writes_and_resumes_a_child() {
    let (mut system, parent, child) = client_and_server();
    system.pds[usize::from(child)].priority = 5;
    system.cap(parent, CHILD_TCB, CapKind::Tcb, child, 0);
    let mut kernel = system.boot();
    kernel.send(CALL, CHILD_TCB, 12, &[]);
    assert_eq!(kernel.state(child), State::Inactive);
    kernel.send(CALL, CHILD_TCB, 3, &[1, 2, 0x1234, 0x5678]);
    assert_eq!(kernel.x(parent, 1), 0);
    kernel.wait();
    let registers = &kernel.threads[thread(child)].registers;
    assert_eq!((registers.pc, registers.sp), (0x1234, 0x5678));
    assert_eq!(kernel.current(), Some(1));
}

#[test]
fn suspended_caller_does_not_get_its_context_back() {
    let (mut system, client, server) = client_and_server();
    let supervisor = system.pd(30, TIMESLICE.0, TIMESLICE.1);
    system.cap(supervisor, CHILD_TCB, CapKind::Tcb, client, 0);
    system.cap(server, SERVER_SIGNAL, CapKind::Notification, supervisor, 1);
    let mut kernel = system.boot();
    kernel.wait();
    kernel.make(become_passive());
    kernel.send(SEND, SERVER_SIGNAL, 0, &[]);
    kernel.wait();
    kernel.send(CALL, SERVER_ENDPOINT, 0, &[]);
    kernel.send(SEND, SERVER_SIGNAL, 0, &[]);
    kernel.send(CALL, CHILD_TCB, 12, &[]);
    kernel.wait();
    assert_eq!((kernel.current(), kernel.context(server)), (Some(1), Some(0)));
    kernel.make(reply_and_wait(0));
    assert_eq!((kernel.context(client), kernel.state(client)), (None, State::Inactive));
}

#[test]
fn budget_keeps_a_spinning_pd_from_starving_others() {
    let mut system = System::default();
    let spinner = system.pd(20, 2000, 10_000);
    let other = system.pd(10, TIMESLICE.0, TIMESLICE.1);
    let mut kernel = system.boot();
    let mut used = [0u64; 2];
    for _ in 0..1000 {
        used[usize::from(kernel.current().unwrap())] += 100;
        kernel.pass(ticks(100));
    }
    assert!((19_000..=22_000).contains(&used[usize::from(spinner)]), "{used:?}");
    assert!(used[usize::from(other)] >= 78_000);
}

#[test]
fn equal_priorities_take_turns() {
    let mut system = System::default();
    for _ in 0..3 {
        system.pd(10, TIMESLICE.0, TIMESLICE.1);
    }
    let mut kernel = system.boot();
    let mut order = std::vec::Vec::new();
    for _ in 0..6 {
        order.push(kernel.current().unwrap());
        kernel.pass(ticks(1000));
    }
    assert_eq!(order, [2, 1, 0, 2, 1, 0]);
    kernel.make(Syscall { number: YIELD, ..Syscall::default() });
    assert_eq!(kernel.current(), Some(1));
}

#[test]
fn seed_decides_the_order_of_equals() {
    let run = |seed| {
        let mut system = System { seed, ..System::default() };
        for _ in 0..4 {
            system.pd(10, TIMESLICE.0, TIMESLICE.1);
        }
        let mut kernel = system.boot();
        let mut order = std::vec::Vec::new();
        for _ in 0..32 {
            order.push(kernel.current().unwrap());
            kernel.make(Syscall { number: YIELD, ..Syscall::default() });
        }
        order
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn interrupt_is_masked_until_acknowledged() {
    let (mut system, client, server) = client_and_server();
    system.irqs.push(Irq { badge: 1 << 3, intid: 48, pd: server, ..Irq::default() });
    system.cap(server, slots::IRQ_BASE + 3, CapKind::IrqHandler, 0, 0);
    let mut kernel = system.boot();
    assert_eq!(kernel.machine.masked, [(48, false)]);
    kernel.wait();
    assert_eq!(kernel.current(), Some(0));
    kernel.preempt();
    kernel.interrupt(Some(48));
    assert_eq!((kernel.current(), kernel.x(server, 0)), (Some(1), 1 << 3));
    assert_eq!(kernel.machine.masked.last(), Some(&(48, true)));
    kernel.send(CALL, slots::IRQ_BASE + 3, 27, &[]);
    assert_eq!(kernel.machine.masked.last(), Some(&(48, false)));
    assert_eq!(kernel.state(client), State::Running);
}

#[test]
fn injected_kill_is_a_null_read_at_the_nth_system_call() {
    let mut system = System::default();
    let child = system.pd(10, TIMESLICE.0, TIMESLICE.1);
    let parent = system.pd(20, TIMESLICE.0, TIMESLICE.1);
    system.cap(child, slots::FAULT_ENDPOINT, CapKind::Endpoint, parent, 1 << 62);
    let kind = InjectionKind::KillPd as u32;
    system.injections.push(Injection { kind, target: 0, nth: 2, delay_us: 0 });
    let mut kernel = system.boot();
    kernel.wait();
    kernel.make(Syscall { number: YIELD, ..Syscall::default() });
    assert_eq!(kernel.current(), Some(0));
    kernel.make(Syscall { number: YIELD, ..Syscall::default() });
    assert_eq!((kernel.current(), kernel.x(parent, 1)), (Some(1), (6 << 12) | 4));
}

#[test]
fn injected_delay_delivers_later() {
    let (mut system, _, server) = client_and_server();
    system.irqs.push(Irq { badge: 1, intid: 48, pd: server, ..Irq::default() });
    let kind = InjectionKind::DelayIrq as u32;
    system.injections.push(Injection { kind, target: 0, nth: 1, delay_us: 500 });
    let mut kernel = system.boot();
    kernel.wait();
    kernel.preempt();
    kernel.interrupt(Some(48));
    assert_eq!(kernel.current(), Some(0));
    kernel.pass(ticks(499));
    assert_eq!(kernel.current(), Some(0));
    kernel.pass(ticks(2));
    assert_eq!(kernel.current(), Some(1));
}
