//! Makes random system calls until the round ends.
#![no_std]
#![no_main]

use core::arch::asm;

use on_target_kernel::shared::{
    EXTRA_CAPS, SHIFT, STACK_TOP, note, random, read_buffer, write_buffer,
};
use on_target_kernel::{ACTIONS, CALLER_COUNT, CONTEXT_SLOT, LIMIT, TCB_SLOT, VSPACE_SLOT, root};
use sel4_microkit::{ENTRY_POINT, Never, pd_name, protection_domain};
use test_harness::words;

/// A mapped page, and one that is not.
const PAGES: [u64; 2] = [0x500_0000, 0x600_0000];

/// Labels of thread invocations below 16, which all configurations share, and above.
const TCB_LABELS: [u64; 8] = [2, 3, 4, 6, 7, 12, 13, 14];
const TCB_LABELS_SHIFTED: [u64; 2] = [16, 17];
const CONTEXT_LABELS: [u64; 8] = [34, 35, 36, 38, 34, 36, 38, 37];
const VSPACE_LABELS: u64 = 39;

/// What a system call gets, and what it gives back.
#[derive(Clone, Copy)]
struct Registers {
    /// x0 to x8.
    x: [u64; 9],
}

/// What is left out of the digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Whole,
    /// Registers of another thread follow.
    TagOnly,
    /// A duration, perhaps.
    Nothing,
}

#[protection_domain]
fn init() -> Never {
    let own = pd_name().ok().and_then(|name| name.bytes().last()).unwrap_or_default();
    let own = u64::from(own.saturating_sub(b'0'));
    loop {
        let action = words().add(ACTIONS, 1);
        if action >= words().get(LIMIT) {
            let x = [root(TCB_SLOT + own), 12 << 12, 0, 0, 0, 0, 0, syscall(-1), 0];
            make(Registers { x });
            continue;
        }
        act(own);
    }
}

fn act(own: u64) {
    let (registers, answer) = draw();
    let after = make(registers);
    note(own);
    note(after.x[0]);
    // A tag that is still the caller's may hold a label that depends on the configuration.
    let tag = after.x[1];
    note(if tag == registers.x[1] { 0 } else { tag });
    if answer == Answer::Nothing {
        return;
    }
    if answer == Answer::TagOnly && tag != registers.x[1] && tag >> 12 == 0 {
        return;
    }
    after.x[2..6].iter().for_each(|word| note(*word));
    let length = usize::try_from(tag & 0x7f).unwrap_or(0).min(120);
    (5..=length).for_each(|word| note(read_buffer(word)));
}

/// Draws a system call.
fn draw() -> (Registers, Answer) {
    let number = match random(12) {
        0..3 => -1,
        3 => -2,
        4 => -3,
        5 => -4,
        6 => -5,
        7 => -6,
        8 => -7,
        9 => -8,
        10 => -9 - i64::try_from(random(2)).unwrap_or(0),
        _ if random(4) > 0 => -11,
        _ => -30,
    };
    let cap = draw_cap();
    let reply = if random(5) > 0 { 4 } else { draw_cap() };
    let destination = draw_cap();
    let invoked = match number {
        -2 | -4 => reply,
        -3 => destination,
        _ => cap,
    };
    let mut words = [(); 4].map(|()| draw_word());
    let (label, answer) = draw_label(number, invoked, &mut words);
    let is_long = (74..80).contains(&invoked) && random(8) == 0;
    let length = if is_long { 120 } else { random(8) };
    (5..=120).for_each(|word| write_buffer(word, word as u64));
    (0..3).for_each(|index| write_buffer(EXTRA_CAPS + index, draw_cap()));
    // The signal fast path of benchmark kernels does not look at capabilities.
    let is_signal = number == -5 && (10..20).contains(&invoked);
    let caps = if is_signal { 0 } else { random(4) };
    let tag = (label << 12) | (caps << 7) | length;
    let [w0, w1, w2, w3] = words;
    let x = [cap, tag, w0, w1, w2, w3, reply, syscall(number), destination];
    (Registers { x }, answer)
}

/// Draws a label that fits the capability, and makes the words harmless where they are not.
fn draw_label(number: i64, invoked: u64, words: &mut [u64; 4]) -> (u64, Answer) {
    match invoked >> 58 {
        _ if number == -30 => (0, Answer::Whole),
        0 if invoked != 3 => (random(4), Answer::Whole),
        slot if (TCB_SLOT..TCB_SLOT + CALLER_COUNT).contains(&slot) => draw_tcb_label(words),
        slot if (CONTEXT_SLOT..CONTEXT_SLOT + CALLER_COUNT).contains(&slot) => {
            let label = pick(&CONTEXT_LABELS);
            let timed = matches!(label, 37 | 38);
            (label + SHIFT, if timed { Answer::Nothing } else { Answer::Whole })
        }
        _ => {
            words[0] = PAGES[usize::from(random(2) == 0)] + random(0x1100);
            words[1] = words[0] + random(0x200);
            (VSPACE_LABELS + SHIFT + random(4), Answer::Whole)
        }
    }
}

fn draw_tcb_label(words: &mut [u64; 4]) -> (u64, Answer) {
    if random(8) == 0 {
        // The thread pointer, or the flags: floating point stays allowed.
        *words = [1, 0, 0, 0];
        return (pick(&TCB_LABELS_SHIFTED) + SHIFT, Answer::Whole);
    }
    let label = pick(&TCB_LABELS);
    match label {
        3 => *words = [random(2), 2 * random(2), ENTRY_POINT, STACK_TOP],
        // Never the program counter.
        4 => words[0] = random(4),
        6 | 7 => words[0] = random(40),
        _ => {}
    }
    (label, if label == 2 { Answer::TagOnly } else { Answer::Whole })
}

fn draw_cap() -> u64 {
    match random(16) {
        0 => 1,
        1 => 2,
        2 => 4,
        3 => 9,
        4 => 3,
        5 if random(3) == 0 => 0x300,
        5 => 5,
        6..9 => 10 + random(CALLER_COUNT + 2),
        9..12 => 74 + random(CALLER_COUNT + 2),
        12..14 => root(TCB_SLOT + random(CALLER_COUNT)),
        14 => root(CONTEXT_SLOT + random(CALLER_COUNT)),
        _ => root(VSPACE_SLOT + random(CALLER_COUNT)),
    }
}

fn draw_word() -> u64 {
    match random(4) {
        0..2 => random(37),
        2 => PAGES[0] + 64 * random(100),
        _ => random(1 << 52),
    }
}

fn pick<const N: usize>(choices: &[u64; N]) -> u64 {
    choices[usize::try_from(random(N as u64)).unwrap_or(0)]
}

fn syscall(number: i64) -> u64 {
    number.cast_unsigned()
}

/// Makes a system call with flags that do not depend on the compiler.
fn make(registers: Registers) -> Registers {
    let [mut x0, mut x1, mut x2, mut x3, mut x4, mut x5, mut x6, mut x7, mut x8] = registers.x;
    // SAFETY: the call may change these registers and the IPC buffer, and, if it restarts this PD,
    // nothing that is used afterwards.
    unsafe {
        asm!(
            "msr nzcv, xzr",
            "svc #0",
            inout("x0") x0,
            inout("x1") x1,
            inout("x2") x2,
            inout("x3") x3,
            inout("x4") x4,
            inout("x5") x5,
            inout("x6") x6,
            inout("x7") x7,
            inout("x8") x8,
        );
    }
    Registers { x: [x0, x1, x2, x3, x4, x5, x6, x7, x8] }
}
