//! What a restart resets and what it keeps; the static stack and the heap.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use on_target_surface::ECHO;
use sel4_microkit::{
    Channel, MessageInfo, Never, get_mr, ipc, panicking, pd_name, protection_domain, set_mr, var,
};
use test_harness::{expect_panic, phase, restart, scratch, set_scratch, tests, words};

const SERVER: Channel = Channel::new(0);
const RELAY: Channel = Channel::new(1);

const STACK_BYTES: usize = 0x8000;
const HEAP_BYTES: usize = 0x1_0000;

#[protection_domain(stack_size = STACK_BYTES, heap_size = HEAP_BYTES)]
fn init() -> Never {
    test_harness::run(tests![
        data_is_as_linked_after_a_restart,
        bss_is_zero_after_a_restart,
        persistent_memory_survives_a_restart,
        patched_symbols_survive_a_restart,
        shared_memory_survives_a_restart,
        the_thread_register_is_zero_after_a_restart,
        calls_work_after_a_restart,
        a_notification_survives_a_restart,
        the_panic_hook_is_forgotten_in_a_restart,
        a_restart_can_be_repeated,
        the_stack_is_the_static_one,
        the_stack_is_whole_after_a_restart,
        a_stack_overflow_is_a_fault,
        the_heap_gives_aligned_memory,
        the_heap_takes_memory_back,
        an_exhausted_heap_says_so,
        the_heap_is_whole_after_a_restart,
    ])
}

static DATA: [AtomicU64; 3] = [AtomicU64::new(7), AtomicU64::new(8), AtomicU64::new(9)];
static BSS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

#[unsafe(link_section = ".persistent")]
static PERSISTENT: AtomicU64 = AtomicU64::new(1000);

fn values(words: &[AtomicU64; 3]) -> [u64; 3] {
    words.each_ref().map(|word| word.load(Ordering::Relaxed))
}

fn data_is_as_linked_after_a_restart() {
    assert_eq!(values(&DATA), [7, 8, 9]);
    if phase() < 3 {
        DATA.iter().for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
        restart();
    }
}

fn bss_is_zero_after_a_restart() {
    assert_eq!(values(&BSS), [0; 3]);
    if phase() < 3 {
        BSS.iter().for_each(|word| word.store(u64::MAX, Ordering::Relaxed));
        restart();
    }
}

fn persistent_memory_survives_a_restart() {
    let before = PERSISTENT.fetch_add(1, Ordering::Relaxed);
    if phase() == 0 {
        set_scratch(0, before);
        assert!(before >= 1000);
    } else {
        assert_eq!(before, scratch(0) + u64::from(phase()));
    }
    if phase() < 3 {
        restart();
    }
}

fn patched_symbols_survive_a_restart() {
    assert_eq!(pd_name(), Ok("lifetime"));
    assert_eq!(*var!(words_bytes: u64 = 0), 0x1000);
    if phase() == 0 {
        restart();
    }
}

fn shared_memory_survives_a_restart() {
    const WORD: usize = 100;
    if phase() == 0 {
        words().set(WORD, 0xfeed);
        restart();
    }
    assert_eq!(words().get(WORD), 0xfeed);
}

fn the_thread_register_is_zero_after_a_restart() {
    let value: u64;
    // SAFETY: nothing in a PD uses the thread register.
    unsafe { asm!("mrs {0}, tpidr_el0", "msr tpidr_el0, {1}", out(reg) value, in(reg) 77_u64) };
    assert_eq!(value, 0);
    if phase() == 0 {
        restart();
    }
}

fn calls_work_after_a_restart() {
    set_mr(0, 41);
    SERVER.pp_call(MessageInfo::new(ECHO, 1));
    assert_eq!(get_mr(0), 42);
    if phase() == 0 {
        restart();
    }
}

fn a_notification_survives_a_restart() {
    if phase() == 0 {
        RELAY.notify();
        restart();
    }
    let ipc::Event::Notified(channels) = ipc::recv() else { panic!("not a notification") };
    assert!(channels.contains(RELAY));
}

/// The hook of this life must not be called in the next one.
fn the_panic_hook_is_forgotten_in_a_restart() {
    if phase() == 0 {
        panicking::set_hook(&|_| restart());
        panic!("restarts by the hook");
    }
    assert_eq!(phase(), 1);
    expect_panic("noted by the harness's hook");
    panic!("noted by the harness's hook");
}

fn a_restart_can_be_repeated() {
    set_scratch(0, scratch(0) + 1);
    if phase() < 50 {
        restart();
    }
    assert_eq!(scratch(0), 51);
}

fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) sp) };
    sp
}

fn the_stack_is_the_static_one() {
    // Statics lie above the code and far below the stack that the image tool maps.
    let sp = stack_pointer();
    assert!((0x20_0000..0x40_0000).contains(&sp), "{sp:#x}");
}

fn the_stack_is_whole_after_a_restart() {
    let sp = stack_pointer();
    if phase() == 0 {
        set_scratch(0, sp as u64);
        restart();
    }
    assert_eq!(scratch(0), sp as u64);
}

/// Uses all of the stack and more.
#[inline(never)]
#[expect(unconditional_recursion, reason = "until the stack is used up")]
fn dive(depth: u64) -> u64 {
    let frame = core::hint::black_box([depth; 64]);
    dive(depth + 1) + frame[0]
}

fn a_stack_overflow_is_a_fault() {
    // A write, to where nothing is mapped.
    test_harness::expect_fault_masked(6, &[(2, u64::MAX, 0), (3, 0xfc00_007c, 0x9000_0044)]);
    dive(0);
}

fn the_heap_gives_aligned_memory() {
    #[repr(align(256))]
    struct Aligned([u8; 300]);

    let boxes: Vec<_> = (0..8).map(|fill| Box::new(Aligned([fill; 300]))).collect();
    for (fill, aligned) in (0..).zip(&boxes) {
        assert!((&raw const **aligned).addr().is_multiple_of(256));
        assert_eq!(aligned.0, [fill; 300]);
    }
}

fn the_heap_takes_memory_back() {
    for round in 0..1000_usize {
        let block = alloc::vec![7_u8; HEAP_BYTES / 2 + round % 100];
        assert!(block.iter().all(|&byte| byte == 7));
    }
}

fn exhaust_heap() -> usize {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut total_bytes = 0;
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(1000).is_err() || blocks.try_reserve(1).is_err() {
            return total_bytes;
        }
        total_bytes += block.capacity();
        blocks.push(block);
    }
}

fn an_exhausted_heap_says_so() {
    let bytes = exhaust_heap();
    assert!((HEAP_BYTES / 2..HEAP_BYTES).contains(&bytes), "{bytes}");
    assert_eq!(exhaust_heap(), bytes, "memory was lost");
    assert!(Vec::<u8>::new().try_reserve_exact(HEAP_BYTES).is_err());
}

fn the_heap_is_whole_after_a_restart() {
    if phase() == 0 {
        let block = alloc::vec![1_u8; HEAP_BYTES * 3 / 4];
        core::mem::forget(block);
        restart();
    }
    assert_eq!(alloc::vec![1_u8; HEAP_BYTES * 3 / 4].len(), HEAP_BYTES * 3 / 4);
}
