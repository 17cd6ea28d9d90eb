//! Does what its parent orders, see the crate's documentation.
#![no_std]
#![no_main]

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use on_target_children::{
    ARGUMENTS, DATA, DATA_AS_LINKED, ORDER, PROGRESS, RESULTS, STARTS, order,
};
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, memory_region_symbol, protection_domain,
};
use test_harness::words;

const PARENT: Channel = Channel::new(0);

#[unsafe(link_section = ".persistent")]
static STARTS_SO_FAR: AtomicU64 = AtomicU64::new(0);

static LINKED: AtomicU64 = AtomicU64::new(DATA_AS_LINKED);

#[protection_domain]
fn init() -> impl Handler {
    let words = words();
    words.set(DATA, LINKED.swap(0, Ordering::Relaxed));
    words.set(STARTS, STARTS_SO_FAR.fetch_add(1, Ordering::Relaxed) + 1);
    match words.get(ORDER) {
        order::READ_NULL => read_null(),
        order::PANIC => panic!("ordered to"),
        order::SYSCALL => syscall(words.get(ARGUMENTS)),
        order::UNDEFINED => undefined(),
        order::FORGE => forge(words.get(ARGUMENTS), words.get(ARGUMENTS + 1)),
        order::SPIN => loop {
            words.add(PROGRESS, 1);
        },
        order::CALL => words.set(RESULTS, PARENT.pp_call(MessageInfo::new(5, 0)).label()),
        order::RUN_CODE => words.set(RESULTS, run_code()),
        order::SHOW_REGISTERS => show_registers(),
        _ => {}
    }
    Child
}

struct Child;

impl Handler for Child {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        PARENT.notify();
        Ok(())
    }
}

fn read_null() {
    // SAFETY: faults.
    unsafe { asm!("ldr xzr, [{}]", in(reg) 0_u64) };
}

fn syscall(number: u64) {
    let mut registers = [1, 2, 3, 4, 5, 6, 7];
    // SAFETY: faults; the parent may change any of these registers.
    unsafe {
        asm!(
            "svc #0",
            inout("x0") registers[0],
            inout("x1") registers[1],
            inout("x2") registers[2],
            inout("x3") registers[3],
            inout("x4") registers[4],
            inout("x5") registers[5],
            inout("x6") registers[6],
            inout("x7") number => _,
        );
    }
    for (index, &register) in registers.iter().enumerate() {
        words().set(RESULTS + index, register);
    }
}

fn undefined() {
    // SAFETY: faults.
    unsafe { asm!("udf #0") };
    words().set(RESULTS, 1);
}

/// Slot 2 is the fault endpoint; Microkit 2.3.0 lets its owner call it.
fn forge(label: u64, length: u64) {
    const FAULT_ENDPOINT: sel4::cap::Endpoint = sel4::Cap::from_bits(2);
    let length = usize::try_from(length).unwrap_or(0);
    let answer = FAULT_ENDPOINT.call(sel4::MessageInfo::new(label, 0, 0, length));
    words().set(RESULTS, answer.label());
}

fn run_code() -> u64 {
    let code = memory_region_symbol!(code: *mut u32);
    // SAFETY: the parent put a function of this type there.
    let function: extern "C" fn() -> u64 = unsafe { core::mem::transmute(code.as_ptr()) };
    function()
}

fn show_registers() -> ! {
    // SAFETY: never returns.
    unsafe {
        asm!(
            "mov x19, #19",
            "mov x20, #20",
            "mov x21, #21",
            "mov x22, #22",
            "mov x23, #23",
            "mov x24, #24",
            "mov x25, #25",
            "mov x26, #26",
            "mov x27, #27",
            "mov x28, #28",
            "2: b 2b",
            options(noreturn),
        )
    }
}
