//! Protected procedure calls and message registers.
#![no_std]
#![no_main]

use core::arch::asm;

use on_target_surface::{CLOBBER, DEFER_NOTIFY, ECHO, FORWARD, NAME, NOTIFY, WHO, registers};
use sel4_microkit::{
    Channel, MessageInfo, Never, get_mr, ipc, protection_domain, set_mr, with_msg_bytes,
    with_msg_bytes_mut, with_msg_regs, with_msg_regs_mut,
};
use test_harness::{expect_panic, tests};

const SERVER: Channel = Channel::new(0);
const SERVER_AGAIN: Channel = Channel::new(1);
const ACTIVE_SERVER: Channel = Channel::new(2);

/// Message registers in one message.
const WORDS_MAX: usize = 120;

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        an_empty_call_is_answered,
        a_call_carries_one_word,
        a_call_carries_four_words,
        a_call_carries_five_words,
        a_call_carries_120_words,
        an_active_server_answers_too,
        a_label_has_52_bits,
        the_server_sees_which_channel,
        a_passive_server_knows_that_it_is,
        a_server_calls_another,
        a_server_runs_for_every_call,
        a_passive_server_can_be_notified,
        a_notification_during_a_call_waits,
        a_server_defers_a_notification_past_its_answer,
        registers_hold_words_between_calls,
        registers_can_be_seen_as_bytes,
        a_register_past_the_end_is_refused,
        setting_a_register_past_the_end_is_refused,
        a_call_without_the_right_is_refused,
        a_name_arrives_in_bytes,
        general_registers_survive_a_call,
        vector_registers_survive_a_call,
        the_thread_register_is_private,
    ])
}

#[track_caller]
fn check_echo(server: Channel, count: usize) {
    (0..count).for_each(|index| set_mr(index, 100 * index as u64));
    let answer = server.pp_call(MessageInfo::new(ECHO, count));
    assert_eq!((answer.label(), answer.count()), (ECHO + 1, count));
    for index in 0..count {
        assert_eq!(get_mr(index), 100 * index as u64 + 1, "register {index}");
    }
}

fn an_empty_call_is_answered() {
    check_echo(SERVER, 0);
}

fn a_call_carries_one_word() {
    check_echo(SERVER, 1);
}

fn a_call_carries_four_words() {
    check_echo(SERVER, 4);
}

fn a_call_carries_five_words() {
    check_echo(SERVER, 5);
}

fn a_call_carries_120_words() {
    check_echo(SERVER, WORDS_MAX);
}

fn an_active_server_answers_too() {
    check_echo(ACTIVE_SERVER, 3);
    check_echo(ACTIVE_SERVER, WORDS_MAX);
}

fn a_label_has_52_bits() {
    let label = (1 << MessageInfo::label_width()) - 2;
    let answer = SERVER.pp_call(MessageInfo::new(label, 0));
    assert_eq!(answer.label(), label + 1);
}

/// (channel id, passive, notifications so far)
fn ask_who(channel: Channel) -> (u64, bool, u64) {
    let answer = channel.pp_call(MessageInfo::new(WHO, 0));
    assert_eq!(answer.count(), 3);
    (get_mr(0), get_mr(1) != 0, get_mr(2))
}

fn the_server_sees_which_channel() {
    assert_eq!(ask_who(SERVER).0, 4);
    assert_eq!(ask_who(SERVER_AGAIN).0, 5);
    assert_eq!(ask_who(ACTIVE_SERVER).0, 4);
}

fn a_passive_server_knows_that_it_is() {
    assert!(ask_who(SERVER).1);
    assert!(!ask_who(ACTIVE_SERVER).1);
    assert!(!sel4_microkit::pd_is_passive());
}

fn a_server_calls_another() {
    (0..6).for_each(|index| set_mr(index, index as u64));
    let answer = ACTIVE_SERVER.pp_call(MessageInfo::new(FORWARD, 6));
    assert_eq!((answer.label(), answer.count()), (FORWARD, 6));
    assert!((0..6).all(|index| get_mr(index) == index as u64 + 1));
}

fn a_server_runs_for_every_call() {
    for round in 0..1000 {
        set_mr(0, round);
        SERVER.pp_call(MessageInfo::new(ECHO, 1));
        assert_eq!(get_mr(0), round + 1);
    }
}

fn a_passive_server_can_be_notified() {
    let before = ask_who(SERVER).2;
    SERVER.notify();
    assert_eq!(ask_who(SERVER).2, before + 1, "higher in priority: it ran at once");
}

fn a_notification_during_a_call_waits() {
    ACTIVE_SERVER.pp_call(MessageInfo::new(NOTIFY, 0));
    let ipc::Event::Notified(channels) = ipc::recv() else { panic!("not a notification") };
    assert!(channels.iter().eq([ACTIVE_SERVER]));
}

fn a_server_defers_a_notification_past_its_answer() {
    let answer = ACTIVE_SERVER.pp_call(MessageInfo::new(DEFER_NOTIFY, 0));
    assert_eq!(answer, MessageInfo::default());
    let ipc::Event::Notified(channels) = ipc::recv() else { panic!("not a notification") };
    assert!(channels.contains(ACTIVE_SERVER));
}

fn registers_hold_words_between_calls() {
    (0..WORDS_MAX).for_each(|index| set_mr(index, !(index as u64)));
    assert!((0..WORDS_MAX).all(|index| get_mr(index) == !(index as u64)));
    with_msg_regs(|registers| {
        assert_eq!(registers.len(), WORDS_MAX);
        assert_eq!(registers[119], !119);
    });
    with_msg_regs_mut(|registers| registers[7] = 77);
    assert_eq!((get_mr(6), get_mr(7)), (!6, 77));
}

fn registers_can_be_seen_as_bytes() {
    with_msg_bytes_mut(|bytes| {
        assert_eq!(bytes.len(), 8 * WORDS_MAX);
        bytes[959] = 0xab;
        bytes[8..16].copy_from_slice(b"cairn-pd");
    });
    assert_eq!(get_mr(1), u64::from_le_bytes(*b"cairn-pd"));
    assert_eq!(get_mr(119) >> 56, 0xab);
    with_msg_bytes(|bytes| assert_eq!(bytes[8..16], *b"cairn-pd"));
}

fn a_register_past_the_end_is_refused() {
    expect_panic("message register out of range");
    get_mr(core::hint::black_box(WORDS_MAX));
}

fn setting_a_register_past_the_end_is_refused() {
    expect_panic("message register out of range");
    set_mr(core::hint::black_box(WORDS_MAX), 0);
}

fn a_call_without_the_right_is_refused() {
    expect_panic("pp_call: not valid for channel 3");
    Channel::new(3).pp_call(MessageInfo::default());
}

fn a_name_arrives_in_bytes() {
    let answer = SERVER.pp_call(MessageInfo::new(NAME, 0));
    let length = usize::try_from(answer.label()).unwrap_or(0);
    with_msg_bytes(|bytes| assert_eq!(&bytes[..length], b"passive_server"));
}

fn general_registers_survive_a_call() {
    let tag = sel4::MessageInfo::new(CLOBBER, 0, 0, 0).into_word();
    for server in [SERVER, ACTIVE_SERVER] {
        // SAFETY: a call like any other, in a function that keeps the calling convention.
        let changed = unsafe { registers::count_changed_by_call(server.endpoint().bits(), tag) };
        assert_eq!(changed, 0);
    }
}

fn vector_registers_survive_a_call() {
    for server in [SERVER, ACTIVE_SERVER] {
        let (callee_saved, scratch): (u64, u64);
        // SAFETY: a call like any other; every register it changes is declared.
        unsafe {
            asm!(
                "movi v8.16b, #0x11",
                "movi v20.16b, #0x22",
                "svc #0",
                "fmov {0}, d8",
                "fmov {1}, d20",
                out(reg) callee_saved,
                out(reg) scratch,
                inout("x0") server.endpoint().bits() => _,
                inout("x1") sel4::MessageInfo::new(CLOBBER, 0, 0, 0).into_word() => _,
                out("x2") _, out("x3") _, out("x4") _, out("x5") _,
                in("x7") sel4::label::syscall::CALL,
                out("v8") _,
                out("v20") _,
            );
        }
        assert_eq!((callee_saved, scratch), (0x1111_1111_1111_1111, 0x2222_2222_2222_2222));
    }
}

fn the_thread_register_is_private() {
    let value: u64;
    // SAFETY: nothing in a PD uses the thread register.
    unsafe { asm!("msr tpidr_el0, {}", in(reg) 0x5555_u64) };
    SERVER.pp_call(MessageInfo::new(CLOBBER, 0));
    // SAFETY: as above.
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) value) };
    assert_eq!(value, 0x5555);
}
