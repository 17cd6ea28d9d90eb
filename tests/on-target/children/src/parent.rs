//! A subject with children of its own.
#![no_std]
#![no_main]

use core::ptr::NonNull;

use on_target_children::{
    ARGUMENTS, DATA, DATA_AS_LINKED, ORDER, PROGRESS, RESULTS, STARTS, order,
};
use sel4::config::PRINTING;
use sel4::{Esr, ExceptionKind, Fault, UserContext};
use sel4_microkit::{
    Channel, Child, ENTRY_POINT, MessageInfo, Never, get_mr, ipc, memory_region_symbol,
    protection_domain, set_mr, vspace,
};
use test_harness::{tests, words};

const CHILD: Child = Child::new(0);
const WITHOUT_FP: Child = Child::new(61);

/// To the child: notifications both ways, calls from it.
const CHANNEL: Channel = Channel::new(0);

#[protection_domain]
fn init() -> Never {
    // It faulted when the system started; that is not this test's business.
    let _ = WITHOUT_FP.stop();
    test_harness::run(tests![
        a_fault_reaches_the_parent_in_words,
        a_panic_reaches_the_parent,
        a_child_without_an_answer_stays_stopped,
        an_answered_memory_fault_is_tried_again,
        an_unknown_call_is_emulated,
        an_undefined_instruction_is_skipped,
        a_forged_fault_is_decoded_without_harm,
        a_forged_fault_can_be_answered,
        floating_point_can_be_switched_off,
        a_stopped_child_makes_no_progress,
        a_resumed_child_goes_on,
        registers_of_a_child_can_be_read,
        registers_of_a_child_can_be_written,
        a_restart_begins_at_the_entry_point,
        a_restart_restores_the_childs_memory,
        a_waiting_child_can_be_restarted,
        a_spinning_child_can_be_restarted,
        a_faulted_child_can_be_restarted,
        a_calling_child_can_be_restarted,
        a_call_of_a_child_is_answered,
        parent_and_child_notify_each_other,
        loaded_code_runs_in_a_child,
        an_unknown_child_is_an_error,
        a_hundred_restarts,
    ])
}

fn start(order: u64) {
    assert_eq!(CHILD.stop(), Ok(()));
    words().set(ORDER, order);
    words().set(RESULTS, 0);
    words().set(PROGRESS, 0);
    assert_eq!(CHILD.restart(ENTRY_POINT), Ok(()));
}

#[track_caller]
fn fault_from(child: Child, event: ipc::Event) -> (Fault, MessageInfo) {
    match event {
        ipc::Event::Fault(from, info) if from == child => (info.fault(), info),
        event => panic!("{event:?}"),
    }
}

/// Starts the child, lower in priority, and waits for its fault.
#[track_caller]
fn fault_of(order: u64) -> (Fault, MessageInfo) {
    start(order);
    fault_from(CHILD, ipc::recv())
}

/// Lets the child, lower in priority, run until it waits.
#[track_caller]
fn let_it_serve() {
    CHANNEL.notify();
    match ipc::recv() {
        ipc::Event::Notified(channels) => assert!(channels.contains(CHANNEL)),
        event => panic!("{event:?}"),
    }
}

fn is_in_child_code(pc: u64) -> bool {
    (ENTRY_POINT..ENTRY_POINT + 0x10_0000).contains(&pc)
}

fn a_fault_reaches_the_parent_in_words() {
    let (fault, info) = fault_of(order::READ_NULL);
    assert_eq!((info.label(), info.count()), (6, 4));
    let Fault::VmFault(vm_fault) = fault else { panic!("{fault}") };
    assert!(is_in_child_code(vm_fault.ip()));
    assert_eq!((vm_fault.addr(), vm_fault.is_write(), vm_fault.is_prefetch()), (0, false, false));
}

fn a_panic_reaches_the_parent() {
    let (fault, _) = fault_of(order::PANIC);
    match fault {
        Fault::DebugException(fault) if PRINTING => {
            assert_eq!(fault.reason(), 3);
            assert!(is_in_child_code(fault.fault_ip()));
        }
        Fault::VCpuFault(fault) if !PRINTING => {
            assert_eq!(fault.esr().kind(), ExceptionKind::SoftwareBreakpoint(1));
            let registers = CHILD.read_registers(false);
            assert!(registers.is_ok_and(|registers| is_in_child_code(registers.pc())));
        }
        fault => panic!("{fault}"),
    }
}

fn a_child_without_an_answer_stays_stopped() {
    fault_of(order::UNDEFINED);
    let_it_run();
    assert_eq!(words().get(RESULTS), 0);
    let registers = CHILD.read_registers(false).unwrap_or_default();
    assert!(is_in_child_code(registers.pc()));
}

fn an_answered_memory_fault_is_tried_again() {
    let (first, _) = fault_of(order::READ_NULL);
    for _ in 0..3 {
        let event = ipc::reply_recv(MessageInfo::default());
        assert_eq!(fault_from(CHILD, event).0, first);
    }
}

/// Steps over a system call: x0–x7 and the program counter go back with the answer.
fn an_unknown_call_is_emulated() {
    const NUMBER: i64 = -1000;
    words().set(ARGUMENTS, NUMBER.cast_unsigned());
    let (fault, info) = fault_of(order::SYSCALL);
    assert_eq!((info.label(), info.count()), (2, 13));
    let Fault::UnknownSyscall(call) = fault else { panic!("{fault}") };
    assert_eq!(call.gprs(), [1, 2, 3, 4, 5, 6, 7, NUMBER.cast_unsigned()]);
    assert_eq!(call.syscall(), NUMBER.cast_unsigned());
    (0..7).for_each(|index| set_mr(index, get_mr(index) * 100));
    set_mr(8, call.fault_ip() + 4);
    ipc::reply(MessageInfo::new(0, 9));
    let_it_serve();
    for index in 0..7 {
        assert_eq!(words().get(RESULTS + index), (index as u64 + 1) * 100);
    }
}

fn an_undefined_instruction_is_skipped() {
    let (fault, info) = fault_of(order::UNDEFINED);
    assert_eq!((info.label(), info.count()), (3, 5));
    let Fault::UserException(exception) = fault else { panic!("{fault}") };
    assert_eq!(exception.esr(), Esr::new(0x0200_0000));
    set_mr(0, exception.fault_ip() + 4);
    ipc::reply(MessageInfo::new(0, 1));
    let_it_serve();
    assert_eq!(words().get(RESULTS), 1);
}

/// Labels of every fault and of none, with too few words and with too many.
fn a_forged_fault_is_decoded_without_harm() {
    for label in (0..12).chain([0xfff, (1 << 52) - 1]) {
        for length in [0, 1, 3, 4, 120] {
            words().set(ARGUMENTS, label);
            words().set(ARGUMENTS + 1, length);
            let (fault, info) = fault_of(order::FORGE);
            assert_eq!((info.label(), info.count() as u64), (label, length));
            if label == 0 || label > 9 || length == 0 {
                assert_eq!(fault, Fault::Unknown { label });
            }
        }
    }
}

fn a_forged_fault_can_be_answered() {
    words().set(ARGUMENTS, 77);
    words().set(ARGUMENTS + 1, 0);
    fault_of(order::FORGE);
    ipc::reply(MessageInfo::new(88, 0));
    let_it_serve();
    assert_eq!(words().get(RESULTS), 88);
}

fn floating_point_can_be_switched_off() {
    assert_eq!(WITHOUT_FP.stop(), Ok(()));
    assert_eq!(WITHOUT_FP.restart(ENTRY_POINT), Ok(()));
    let (fault, info) = fault_from(WITHOUT_FP, ipc::recv());
    assert_eq!((info.label(), info.count()), (8, 1));
    let Fault::VCpuFault(fault) = fault else { panic!("{fault}") };
    assert_eq!(fault.hsr(), 0x1fe0_0000);
    assert_eq!(fault.esr().kind(), ExceptionKind::FpTrapped);
}

/// Lets whatever is ready at the child's priority have its share: `low_relay` answers late.
fn let_it_run() {
    const LOW_RELAY: Channel = Channel::new(1);
    LOW_RELAY.notify();
    loop {
        match ipc::recv() {
            ipc::Event::Notified(channels) if channels.contains(LOW_RELAY) => return,
            ipc::Event::Notified(_) => {}
            event => panic!("{event:?}"),
        }
    }
}

fn a_stopped_child_makes_no_progress() {
    start(order::SPIN);
    let_it_run();
    assert_eq!(CHILD.stop(), Ok(()));
    let progress = words().get(PROGRESS);
    assert_ne!(progress, 0);
    let_it_run();
    assert_eq!(words().get(PROGRESS), progress);
}

fn a_resumed_child_goes_on() {
    start(order::SPIN);
    let_it_run();
    assert_eq!(CHILD.suspend(), Ok(()));
    let progress = words().get(PROGRESS);
    assert_eq!(CHILD.resume(), Ok(()));
    let_it_run();
    assert!(words().get(PROGRESS) > progress);
    assert_eq!(CHILD.stop(), Ok(()));
}

fn registers_of_a_child_can_be_read() {
    start(order::SHOW_REGISTERS);
    let_it_run();
    let registers = CHILD.read_registers(true).unwrap_or_default();
    assert!(is_in_child_code(registers.pc()));
    for number in 19..=28 {
        assert_eq!(registers.gpr(number), Some(number as u64));
    }
    assert!(registers.sp().is_multiple_of(16) && registers.sp() > 1 << 32);
    assert_eq!(CHILD.read_registers(false), Ok(registers), "it was suspended");
}

fn registers_of_a_child_can_be_written() {
    assert_eq!(CHILD.stop(), Ok(()));
    let mut written = UserContext::new();
    *written.pc_mut() = ENTRY_POINT;
    *written.sp_mut() = 0x1_2340;
    for number in 0..=30 {
        if let Some(register) = written.gpr_mut(number) {
            *register = 1000 + number as u64;
        }
    }
    assert_eq!(CHILD.write_registers(false, &written), Ok(()));
    let read = CHILD.read_registers(false).unwrap_or_default();
    assert_eq!((read.pc(), read.sp()), (ENTRY_POINT, 0x1_2340));
    for number in 0..=30 {
        assert_eq!(read.gpr(number), Some(1000 + number as u64), "x{number}");
    }
    // The kernel keeps the exception level to itself.
    const EXCEPTION_LEVEL: u64 = 0xf;
    assert_eq!(read.spsr() & EXCEPTION_LEVEL, 0);
}

fn a_restart_begins_at_the_entry_point() {
    start(order::SERVE);
    let_it_serve();
    let starts = words().get(STARTS);
    start(order::SERVE);
    let_it_serve();
    assert_eq!(words().get(STARTS), starts + 1);
}

fn a_restart_restores_the_childs_memory() {
    for _ in 0..3 {
        words().set(DATA, 0);
        start(order::SERVE);
        let_it_serve();
        assert_eq!(words().get(DATA), DATA_AS_LINKED);
    }
}

fn a_waiting_child_can_be_restarted() {
    start(order::SERVE);
    let_it_serve();
    start(order::READ_NULL);
    assert!(matches!(fault_from(CHILD, ipc::recv()).0, Fault::VmFault(_)));
}

fn a_spinning_child_can_be_restarted() {
    start(order::SPIN);
    let_it_run();
    assert_ne!(words().get(PROGRESS), 0);
    start(order::SERVE);
    let_it_serve();
    assert_eq!(words().get(PROGRESS), 0);
}

fn a_faulted_child_can_be_restarted() {
    for _ in 0..3 {
        fault_of(order::PANIC);
        start(order::SERVE);
        let_it_serve();
    }
}

#[track_caller]
fn take_call() -> MessageInfo {
    match ipc::recv() {
        ipc::Event::Protected(CHANNEL, info) => info,
        event => panic!("{event:?}"),
    }
}

fn a_calling_child_can_be_restarted() {
    start(order::CALL);
    take_call();
    // Its caller is gone now; answering must not reach the new life.
    start(order::CALL);
    ipc::reply(MessageInfo::new(1, 0));
    take_call();
    ipc::reply(MessageInfo::new(2, 0));
    let_it_serve();
    assert_eq!(words().get(RESULTS), 2);
}

fn a_call_of_a_child_is_answered() {
    start(order::CALL);
    assert_eq!(take_call(), MessageInfo::new(5, 0));
    ipc::reply(MessageInfo::new(6, 0));
    let_it_serve();
    assert_eq!(words().get(RESULTS), 6);
}

fn parent_and_child_notify_each_other() {
    start(order::SERVE);
    (0..10).for_each(|_| let_it_serve());
}

fn loaded_code_runs_in_a_child() {
    const RETURN: u32 = 0xd65f_03c0;
    let code: NonNull<[u32; 2]> = memory_region_symbol!(code: *mut [u32; 2]);
    for number in [3_u16, 4, 5] {
        // `movz x0, #number`
        // SAFETY: mapped for writing here, for executing in the child.
        unsafe { code.write_volatile([0xd280_0000 | u32::from(number) << 5, RETURN]) };
        let start_address = code.as_ptr() as u64;
        assert_eq!(vspace().vspace_unify_instruction(start_address, start_address + 8), Ok(()));
        start(order::RUN_CODE);
        let_it_serve();
        assert_eq!(words().get(RESULTS), number.into());
    }
}

fn an_unknown_child_is_an_error() {
    let unknown = Child::new(30);
    let invalid = Err(sel4::Error::InvalidCapability);
    assert_eq!(unknown.stop(), invalid);
    assert_eq!(unknown.resume(), invalid);
    assert_eq!(unknown.restart(ENTRY_POINT), invalid);
    assert!(unknown.read_registers(false).is_err());
}

fn a_hundred_restarts() {
    start(order::SERVE);
    let_it_serve();
    let starts = words().get(STARTS);
    for _ in 0..100 {
        start(order::SERVE);
        let_it_serve();
    }
    assert_eq!(words().get(STARTS), starts + 100);
}
