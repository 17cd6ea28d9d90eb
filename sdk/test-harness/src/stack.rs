//! How much stack something takes.
#![allow(unsafe_code, reason = "writes and reads the unused part of its own stack")]

use core::hint::black_box;
use core::ptr;

/// The most that can be measured; the PD needs a stack of that and some more.
const PAINTED_BYTES: usize = 24 * 1024;
/// Kept free of paint, for what the painter itself has below its frame's address.
const MARGIN_BYTES: usize = 512;
const PAINT: u64 = 0x7061_696e_7465_6421;

/// Bytes of stack that `work` takes, from 512 on, in steps of eight. The PD has at least 32 KiB of stack.
#[inline(never)]
pub fn stack_used(work: impl FnOnce()) -> usize {
    let frame = 0_u64;
    let top = (&raw const frame).expose_provenance();
    let painted = || (top - PAINTED_BYTES..top - MARGIN_BYTES).step_by(size_of::<u64>());
    for address in painted() {
        // SAFETY: within this PD's stack, which is large enough, and below all that is in use: nothing
        // is called here that reaches down so far.
        unsafe { ptr::with_exposed_provenance_mut::<u64>(address).write_volatile(PAINT) };
    }
    black_box(work)();
    let touched = painted().find(|address| {
        // SAFETY: as above, and it was written before.
        unsafe { ptr::with_exposed_provenance::<u64>(*address).read_volatile() != PAINT }
    });
    top - touched.unwrap_or(top - MARGIN_BYTES)
}
