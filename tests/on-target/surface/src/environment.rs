//! What the system description puts into a PD: its name, symbols, regions, capabilities; and caches,
//! counters and memory routines.
#![no_std]
#![no_main]

mod memory;

use core::ptr::NonNull;

use memory::{
    memcpy_copies_what_it_should_and_nothing_else, memmove_copies_what_overlaps,
    memset_fills_what_it_should_and_nothing_else,
};
use sel4_microkit::{
    Channel, Never, cspace_root_slot_to_cptr, memory_region_symbol, pd_is_passive, pd_name,
    protection_domain, var, vspace,
};
use test_harness::{expect_panic, tests};

const PAGE_BYTES: u64 = 0x1000;

#[protection_domain]
fn init() -> Never {
    test_harness::run(tests![
        the_name_is_as_described,
        the_pd_is_active,
        a_region_is_where_its_symbol_says,
        a_region_has_the_size_its_symbol_says,
        a_region_is_zero_at_first,
        a_region_keeps_what_is_written,
        a_large_region_is_mapped_to_its_end,
        a_prefilled_region_holds_its_file,
        a_physical_address_is_as_described,
        a_channel_id_is_as_described,
        an_unset_symbol_keeps_its_default,
        an_unset_region_is_refused,
        a_region_of_another_size_is_refused,
        two_mappings_show_the_same_memory,
        written_code_runs_after_unification,
        caches_can_be_cleaned,
        cache_operations_refuse_bad_ranges,
        consumed_time_grows,
        a_thread_is_controlled_through_its_slot,
        an_empty_slot_answers_an_error,
        yielding_returns,
        the_counter_counts,
        memcpy_copies_what_it_should_and_nothing_else,
        memmove_copies_what_overlaps,
        memset_fills_what_it_should_and_nothing_else,
    ])
}

fn the_name_is_as_described() {
    assert_eq!(pd_name(), Ok("environment"));
}

fn the_pd_is_active() {
    assert!(!pd_is_passive());
}

fn region() -> NonNull<[u64]> {
    memory_region_symbol!(region: *mut [u64], n = 1024, bytes = 0x2000)
}

fn a_region_is_where_its_symbol_says() {
    assert_eq!(region().as_ptr() as *mut u64 as u64, 0x500_0000);
}

fn a_region_has_the_size_its_symbol_says() {
    assert_eq!(*var!(region_bytes: u64 = 0), 0x2000);
}

/// This PD's tests write the first page only in the second half.
fn a_region_is_zero_at_first() {
    let start = region().cast::<u64>();
    for index in 512..1024 {
        // SAFETY: inside the region.
        let word = unsafe { start.add(index) };
        // SAFETY: mapped.
        assert_eq!(unsafe { word.read_volatile() }, 0, "word {index}");
    }
}

fn a_region_keeps_what_is_written() {
    let start = region().cast::<u64>();
    for index in 0..512 {
        // SAFETY: inside the region.
        let word = unsafe { start.add(index) };
        // SAFETY: mapped.
        unsafe { word.write_volatile(index as u64 ^ 0xabcd) };
        // SAFETY: mapped.
        assert_eq!(unsafe { word.read_volatile() }, index as u64 ^ 0xabcd);
    }
}

fn a_large_region_is_mapped_to_its_end() {
    const WORDS: usize = 0x20_0000 / 8;
    let large = memory_region_symbol!(large: *mut u64);
    for index in [0, WORDS / 2, WORDS - 1] {
        // SAFETY: inside the region.
        let word = unsafe { large.add(index) };
        // SAFETY: mapped.
        unsafe { word.write_volatile(index as u64) };
        // SAFETY: mapped.
        assert_eq!(unsafe { word.read_volatile() }, index as u64);
    }
}

fn a_prefilled_region_holds_its_file() {
    const TEXT: &[u8] = include_bytes!("../prefill.txt");
    assert_eq!(*var!(prefill_bytes: u64 = 0), TEXT.len() as u64);
    let prefilled = memory_region_symbol!(prefilled: *mut u8);
    for (index, &expected) in TEXT.iter().enumerate() {
        // SAFETY: inside the region.
        let byte = unsafe { prefilled.add(index) };
        // SAFETY: mapped.
        assert_eq!(unsafe { byte.read_volatile() }, expected, "byte {index}");
    }
}

fn a_physical_address_is_as_described() {
    assert_eq!(*var!(fixed_paddr: u64 = 0), 0x4800_0000);
    let chosen = *var!(region_paddr: u64 = 0);
    assert!(chosen >= 0x6000_0000 && chosen % PAGE_BYTES == 0, "{chosen:#x}");
}

fn a_channel_id_is_as_described() {
    let id = *var!(counter_channel: u64 = u64::MAX);
    assert_eq!(id, 33);
    Channel::new(33).notify();
}

fn an_unset_symbol_keeps_its_default() {
    assert_eq!(*var!(nobody_sets_this: u64 = 0x1234_5678), 0x1234_5678);
}

fn an_unset_region_is_refused() {
    expect_panic("nobody_maps_this is not set");
    memory_region_symbol!(nobody_maps_this: *mut u64);
}

fn a_region_of_another_size_is_refused() {
    expect_panic("assertion failed");
    let _ = memory_region_symbol!(oddly_sized: *mut [u64], n = 1024, bytes = 0x1000);
}

fn code_writable() -> NonNull<u32> {
    memory_region_symbol!(code_writable: *mut u32)
}

fn code_executable() -> NonNull<u32> {
    memory_region_symbol!(code_executable: *mut u32)
}

fn two_mappings_show_the_same_memory() {
    // SAFETY: mapped for writing.
    unsafe { code_writable().write_volatile(0xd503_201f) };
    // SAFETY: mapped for reading.
    assert_eq!(unsafe { code_executable().read_volatile() }, 0xd503_201f);
}

fn written_code_runs_after_unification() {
    const RETURN: u32 = 0xd65f_03c0;
    for number in [7_u16, 8, 0xffff] {
        // `movz w0, #number`
        let code = [0x5280_0000 | u32::from(number) << 5, RETURN];
        // SAFETY: mapped for writing.
        unsafe { code_writable().cast::<[u32; 2]>().write_volatile(code) };
        let start = code_executable().as_ptr() as u64;
        assert_eq!(vspace().vspace_unify_instruction(start, start + 8), Ok(()));
        // SAFETY: the two instructions are a function of this type.
        let function: extern "C" fn() -> u32 =
            unsafe { core::mem::transmute(code_executable().as_ptr()) };
        assert_eq!(function(), number.into());
    }
}

fn caches_can_be_cleaned() {
    let start = region().as_ptr() as *mut u64 as u64;
    assert_eq!(vspace().vspace_clean_data(start, start + PAGE_BYTES), Ok(()));
    assert_eq!(vspace().vspace_clean_invalidate_data(start, start + 64), Ok(()));
    assert_eq!(vspace().vspace_invalidate_data(start, start + 64), Ok(()));
}

fn cache_operations_refuse_bad_ranges() {
    let start = region().as_ptr() as *mut u64 as u64;
    let empty = vspace().vspace_clean_data(start, start);
    assert_eq!(empty, Err(sel4::Error::InvalidArgument));
    let two_pages = vspace().vspace_clean_data(start, start + PAGE_BYTES + 1);
    assert_eq!(two_pages, Err(sel4::Error::RangeError));
    let kernel = vspace().vspace_clean_data(1 << 60, (1 << 60) + 64);
    assert_eq!(kernel, Err(sel4::Error::IllegalOperation));
}

/// `<cspace>` slots of this PD.
const OWN_TIME_SLOT: usize = 1;
const COUNTER_THREAD_SLOT: usize = 2;
const OWN_SPACE_SLOT: usize = 63;

fn consumed_time_grows() {
    let time = cspace_root_slot_to_cptr(OWN_TIME_SLOT).cast::<sel4::cap_type::SchedContext>();
    // The answer counts from the last question.
    assert!(time.sched_context_consumed().is_ok());
    test_harness::spin_for_nanos(3_000_000);
    let micros = time.sched_context_consumed();
    assert!(micros.is_ok_and(|micros| (2_700..10_000).contains(&micros)), "{micros:?}");
}

fn a_thread_is_controlled_through_its_slot() {
    let thread = cspace_root_slot_to_cptr(COUNTER_THREAD_SLOT).cast::<sel4::cap_type::Tcb>();
    let registers = thread.tcb_read_all_registers(false);
    assert!(registers.is_ok_and(|registers| registers.pc() >= 0x20_0000), "{registers:?}");
    let space = cspace_root_slot_to_cptr(OWN_SPACE_SLOT).cast::<sel4::cap_type::VSpace>();
    let start = region().as_ptr() as *mut u64 as u64;
    assert_eq!(space.vspace_clean_data(start, start + 64), Ok(()));
}

fn an_empty_slot_answers_an_error() {
    let thread = cspace_root_slot_to_cptr(3).cast::<sel4::cap_type::Tcb>();
    assert_eq!(thread.tcb_suspend(), Err(sel4::Error::InvalidCapability));
}

fn yielding_returns() {
    (0..10).for_each(|_| sel4::r#yield());
}

fn the_counter_counts() {
    assert_eq!(test_harness::ticks_per_second(), 62_500_000);
    let before = test_harness::ticks();
    test_harness::spin_for_nanos(1_000_000);
    assert!(test_harness::ticks() - before >= 62_500);
}
