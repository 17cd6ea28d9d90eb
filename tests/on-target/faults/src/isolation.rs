//! What a PD must not be able to do to others, to devices, and to its own code.
#![no_std]
#![no_main]

use core::ptr::NonNull;

use on_target_faults::{self as deeds, pc};
use sel4_microkit::{Channel, Child, Never, ipc, memory_region_symbol, protection_domain, var};
use test_harness::{expect_fault_masked, tests};

const NEIGHBOUR: Channel = Channel::new(0);

const VM_FAULT: u64 = 6;
const PAGE_BYTES: u64 = 0x1000;

/// Syndrome bits without the level of the page table: class, write flag, status class.
const ABORT_BITS: u64 = 0xfc00_007c;
const READ_UNMAPPED: u64 = 0x9000_0004;
const WRITE_UNMAPPED: u64 = 0x9000_0044;
const WRITE_NOT_PERMITTED: u64 = 0x9000_004c;
const EXECUTE_NOT_PERMITTED: u64 = 0x8000_000c;

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        cannot_read_a_neighbours_memory,
        cannot_write_a_neighbours_memory,
        the_same_address_is_other_memory,
        cannot_write_a_region_mapped_read_only,
        can_read_what_a_neighbour_publishes,
        cannot_read_past_the_end_of_a_region,
        cannot_write_own_code,
        cannot_write_own_constants,
        cannot_write_what_the_image_tool_patched,
        cannot_execute_the_stack,
        cannot_execute_static_data,
        cannot_execute_a_region,
        cannot_write_executable_memory,
        cannot_touch_the_uart,
        cannot_touch_the_interrupt_controller,
        cannot_touch_physical_memory,
        cannot_read_kernel_memory,
        cannot_touch_the_guard_page_above_the_stack,
        has_no_right_to_control_another_thread,
        has_no_right_to_any_interrupt,
        has_no_capability_in_any_other_slot,
    ])
}

fn expect_abort(address: u64, syndrome: u64) {
    let words = [(1, u64::MAX, address), (3, ABORT_BITS, syndrome)];
    expect_fault_masked(VM_FAULT, &words);
}

fn read_unmapped(address: u64) {
    expect_abort(address, READ_UNMAPPED);
    // SAFETY: faults.
    unsafe { deeds::load(address) };
}

fn write_unmapped(address: u64) {
    expect_abort(address, WRITE_UNMAPPED);
    // SAFETY: faults.
    unsafe { deeds::store(address) };
}

fn write_not_permitted(address: u64) {
    // SAFETY: it is mapped for reading, or the test fails here.
    unsafe { deeds::load(address) };
    expect_abort(address, WRITE_NOT_PERMITTED);
    // SAFETY: faults.
    unsafe { deeds::store(address) };
}

fn execute_not_permitted(address: u64) {
    // SAFETY: it is mapped for reading, or the test fails here.
    unsafe { deeds::load(address) };
    expect_abort(address, EXECUTE_NOT_PERMITTED);
    // SAFETY: faults.
    unsafe { deeds::jump(address) };
}

/// Where the neighbour alone has a page; the system description says so to both.
fn neighbours_address() -> u64 {
    *var!(neighbours_address: u64 = 0x500_0000)
}

fn cannot_read_a_neighbours_memory() {
    read_unmapped(neighbours_address());
}

fn cannot_write_a_neighbours_memory() {
    write_unmapped(neighbours_address());
}

fn private() -> NonNull<u64> {
    memory_region_symbol!(private: *mut u64)
}

fn the_same_address_is_other_memory() {
    let own = private();
    // SAFETY: mapped in this PD only.
    unsafe { own.write_volatile(7) };
    NEIGHBOUR.notify();
    ipc::recv();
    // SAFETY: as above.
    assert_eq!(unsafe { own.read_volatile() }, 7);
}

fn published() -> u64 {
    memory_region_symbol!(published: *mut u64).as_ptr() as u64
}

fn cannot_write_a_region_mapped_read_only() {
    write_not_permitted(published());
}

fn can_read_what_a_neighbour_publishes() {
    NEIGHBOUR.notify();
    ipc::recv();
    // SAFETY: mapped for reading.
    assert_eq!(unsafe { deeds::load(published()) }, 0x1234);
}

fn cannot_read_past_the_end_of_a_region() {
    read_unmapped(published() + PAGE_BYTES);
}

fn cannot_write_own_code() {
    write_not_permitted(pc!(nothing));
}

static CONSTANT: [u32; 4] = [1, 2, 3, 4];

fn cannot_write_own_constants() {
    write_not_permitted(&raw const CONSTANT as u64);
}

fn cannot_write_what_the_image_tool_patched() {
    write_not_permitted(core::ptr::from_ref(var!(patched: u64 = 0)) as u64);
}

/// `ret`.
const RETURN_INSTRUCTION: u32 = 0xd65f_03c0;

fn cannot_execute_the_stack() {
    let code = core::hint::black_box([RETURN_INSTRUCTION; 4]);
    execute_not_permitted(&raw const code as u64);
}

fn cannot_execute_static_data() {
    static mut CODE: [u32; 4] = [RETURN_INSTRUCTION; 4];
    execute_not_permitted(&raw const CODE as u64);
}

fn cannot_execute_a_region() {
    let region = private();
    // SAFETY: mapped for writing.
    unsafe { region.write_volatile(RETURN_INSTRUCTION.into()) };
    execute_not_permitted(region.as_ptr() as u64);
}

fn cannot_write_executable_memory() {
    write_not_permitted(memory_region_symbol!(executable: *mut u32).as_ptr() as u64);
}

/// Physical addresses of the board, tried as virtual ones.
fn cannot_touch_the_uart() {
    read_unmapped(0x900_0000);
}

fn cannot_touch_the_interrupt_controller() {
    write_unmapped(0x800_0000);
}

fn cannot_touch_physical_memory() {
    read_unmapped(0x7000_0000);
}

fn cannot_read_kernel_memory() {
    read_unmapped(0x80_6000_0000);
}

fn cannot_touch_the_guard_page_above_the_stack() {
    let local = 0_u8;
    let stack_top = (&raw const local as u64).next_multiple_of(PAGE_BYTES);
    write_unmapped(stack_top);
}

fn has_no_right_to_control_another_thread() {
    for child in 0..62 {
        let outcome = Child::new(child).stop();
        assert_eq!(outcome, Err(sel4::Error::InvalidCapability), "child {child}");
    }
}

fn has_no_right_to_any_interrupt() {
    for slot in 138..200 {
        let irq: sel4::cap::IrqHandler = sel4::Cap::from_bits(slot);
        assert_eq!(irq.irq_handler_ack(), Err(sel4::Error::InvalidCapability), "slot {slot}");
    }
}

/// Slots that this PD's description fills: input, fault endpoint, address space, reply, its own
/// thread (benchmark only) and the notification of the neighbour.
fn has_no_capability_in_any_other_slot() {
    const FILLED: [u64; 6] = [1, 2, 3, 4, 6, 10];
    for slot in (0..512).filter(|slot| !FILLED.contains(slot)) {
        // A label that no object has.
        const LABEL: u64 = 0xfff;
        let (info, _) = sel4::svc::call(slot, sel4::MessageInfo::new(LABEL, 0, 0, 0), [0; 4]);
        let error = sel4::Error::from_label(info.label());
        assert_eq!(error, Err(sel4::Error::InvalidCapability), "slot {slot}");
    }
}
