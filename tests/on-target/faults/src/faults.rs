//! What the kernel says when a PD does something wrong: labels, addresses, syndromes, registers.
#![no_std]
#![no_main]

use on_target_faults::{self as deeds, pc};
use sel4::config::PRINTING;
use sel4::label::syscall;
use sel4_microkit::{Never, protection_domain};
use test_harness::{expect_brk, expect_fault, expect_fault_masked, tests};

/// Fault labels.
const CAP_FAULT: u64 = 1;
const UNKNOWN_SYSCALL: u64 = 2;
const USER_EXCEPTION: u64 = 3;
const DEBUG_EXCEPTION: u64 = 4;
const VM_FAULT: u64 = 6;
const VCPU_FAULT: u64 = 8;

/// Syndrome bits that do not depend on which register the instruction used: class, instruction
/// length, write flag and status.
const ABORT_BITS: u64 = 0xfe00_007f;

/// Syndrome bits of a trapped register access without the general-purpose register.
const SYSREG_BITS: u64 = 0xffff_ffff & !(0x1f << 5);

/// A capability pointer that no guard lets through.
const BAD_CPTR: u64 = 1 << 40;

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        null_read,
        null_write,
        null_jump,
        read_beyond_the_address_space,
        jump_to_a_misaligned_address,
        undefined_instruction,
        hypervisor_call_is_undefined,
        privileged_register_is_undefined,
        virtual_counter_is_trapped,
        masking_interrupts_is_trapped,
        brk_of_an_abort,
        brk_with_another_immediate,
        unknown_syscall_reports_all_registers,
        debug_put_char_exists_in_debug_only,
        send_on_a_bad_capability,
        call_on_a_bad_capability,
        receive_on_a_bad_capability,
        null_capability_answers_an_error,
        stack_overflow,
        a_panic_ends_in_brk,
    ])
}

fn expect_abort(pc: u64, address: u64, instruction: bool, syndrome: u64) {
    let words = [
        (0, u64::MAX, pc),
        (1, u64::MAX, address),
        (2, u64::MAX, instruction.into()),
        (3, ABORT_BITS, syndrome),
    ];
    expect_fault_masked(VM_FAULT, &words);
}

fn null_read() {
    expect_abort(pc!(load), 0, false, 0x9200_0006);
    // SAFETY: faults.
    unsafe { deeds::load(0) };
}

fn null_write() {
    expect_abort(pc!(store), 0, false, 0x9200_0046);
    // SAFETY: faults.
    unsafe { deeds::store(0) };
}

fn null_jump() {
    expect_abort(0, 0, true, 0x8200_0006);
    // SAFETY: faults.
    unsafe { deeds::jump(0) };
}

fn read_beyond_the_address_space() {
    const ADDRESS: u64 = 1 << 47;
    expect_fault(VM_FAULT, &[(0, pc!(load)), (1, ADDRESS), (2, 0)]);
    // SAFETY: faults.
    unsafe { deeds::load(ADDRESS) };
}

fn jump_to_a_misaligned_address() {
    let address = pc!(nothing) + 2;
    expect_fault_masked(VCPU_FAULT, &[(0, 0xfe00_0000, 0x8a00_0000)]);
    // SAFETY: faults.
    unsafe { deeds::jump(address) };
}

fn undefined_instruction() {
    let pc = pc!(undefined);
    expect_fault(USER_EXCEPTION, &[(0, pc), (3, 0x0200_0000), (4, 0)]);
    // SAFETY: faults.
    unsafe { deeds::undefined() };
}

fn hypervisor_call_is_undefined() {
    let pc = pc!(hypervisor_call);
    expect_fault(USER_EXCEPTION, &[(0, pc), (3, 0x0200_0000)]);
    // SAFETY: faults.
    unsafe { deeds::hypervisor_call() };
}

fn privileged_register_is_undefined() {
    let pc = pc!(read_midr);
    expect_fault(USER_EXCEPTION, &[(0, pc), (3, 0x0200_0000)]);
    // SAFETY: faults.
    unsafe { deeds::read_midr() };
}

fn virtual_counter_is_trapped() {
    expect_fault_masked(VCPU_FAULT, &[(0, SYSREG_BITS, 0x6234_f801)]);
    // SAFETY: faults.
    unsafe { deeds::read_virtual_counter() };
}

fn masking_interrupts_is_trapped() {
    expect_fault_masked(VCPU_FAULT, &[(0, 0xfe00_0000, 0x6200_0000)]);
    // SAFETY: faults.
    unsafe { deeds::mask_interrupts() };
}

fn brk_of_an_abort() {
    expect_brk();
    // SAFETY: faults.
    unsafe { deeds::brk_1() };
}

fn brk_with_another_immediate() {
    if PRINTING {
        expect_fault(DEBUG_EXCEPTION, &[(0, pc!(brk_42)), (1, 3)]);
    } else {
        expect_fault(VCPU_FAULT, &[(0, 0xf200_002a)]);
    }
    // SAFETY: faults.
    unsafe { deeds::brk_42() };
}

fn unknown_syscall_reports_all_registers() {
    const NUMBER: u64 = (-99_i64).cast_unsigned();
    let arguments = [(0, 10), (1, 11), (2, 12), (3, 13), (4, 14), (5, 15), (7, NUMBER)];
    let mut words = [(0, 0); 8];
    words[..7].copy_from_slice(&arguments);
    words[7] = (8, pc!(syscall));
    expect_fault(UNKNOWN_SYSCALL, &words);
    // SAFETY: faults.
    unsafe { deeds::syscall(10, 11, 12, 13, 14, 15, 16, NUMBER) };
}

fn debug_put_char_exists_in_debug_only() {
    if !PRINTING {
        let number = syscall::DEBUG_PUT_CHAR.cast_unsigned();
        expect_fault(UNKNOWN_SYSCALL, &[(0, u64::from(b'\n')), (12, number)]);
    }
    sel4::debug_put_char(b'\n');
}

fn expect_guard_mismatch(receiving: bool) {
    let pc = pc!(syscall);
    let words = [(0, pc), (1, BAD_CPTR), (2, receiving.into()), (3, 4), (4, 58), (5, 0), (6, 49)];
    expect_fault(CAP_FAULT, &words);
}

fn send_on_a_bad_capability() {
    expect_guard_mismatch(false);
    // SAFETY: faults.
    unsafe { deeds::syscall(BAD_CPTR, 0, 0, 0, 0, 0, 0, syscall::SEND.cast_unsigned()) };
}

fn call_on_a_bad_capability() {
    expect_guard_mismatch(false);
    // SAFETY: faults.
    unsafe { deeds::syscall(BAD_CPTR, 0, 0, 0, 0, 0, 0, syscall::CALL.cast_unsigned()) };
}

fn receive_on_a_bad_capability() {
    expect_guard_mismatch(true);
    // SAFETY: faults.
    unsafe { deeds::syscall(BAD_CPTR, 0, 0, 0, 0, 0, 4, syscall::RECV.cast_unsigned()) };
}

fn null_capability_answers_an_error() {
    const EMPTY_SLOT: u64 = 500;
    let tcb: sel4::cap::Tcb = sel4::Cap::from_bits(EMPTY_SLOT);
    assert_eq!(tcb.tcb_suspend(), Err(sel4::Error::InvalidCapability));
}

fn stack_overflow() {
    // The stack has its default size; below it nothing is mapped.
    const STACK_BYTES: u64 = 0x2000;
    let local = 0_u8;
    let top = (&raw const local as u64).next_multiple_of(STACK_BYTES);
    let below = top - STACK_BYTES - 8;
    expect_fault_masked(VM_FAULT, &[(1, u64::MAX, below), (3, 0xfe00_007c, 0x9200_0044)]);
    // SAFETY: faults.
    unsafe { deeds::store(below) };
}

fn a_panic_ends_in_brk() {
    test_harness::expect_panic("on purpose, with a number: 42");
    panic!("on purpose, with a number: {}", 42);
}
