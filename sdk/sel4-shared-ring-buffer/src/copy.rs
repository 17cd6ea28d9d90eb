//! Copies between shared and private memory that a concurrent writer cannot turn into a data race.

use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// Copies `into.len() / size_of::<word>()` words with relaxed atomic loads or stores.
macro_rules! word_copies {
    ($load:ident, $store:ident, $atomic:ty, $word:ty, $bytes:literal) => {
        /// # Safety
        ///
        /// `from` is aligned to the word and valid for reads of `into.len()` bytes, all of which
        /// are only ever accessed atomically by this program.
        #[inline(always)]
        unsafe fn $load(from: *const u8, into: &mut [u8]) {
            for (index, word) in into.as_chunks_mut::<$bytes>().0.iter_mut().enumerate() {
                // SAFETY: the chunk `index` exists in `into`, so the offset is in bounds.
                let address = unsafe { from.add(index * $bytes) };
                // SAFETY: aligned and valid by the contract; the cast to `*mut` only serves the
                // type of `from_ptr`, nothing is written.
                let shared = unsafe { <$atomic>::from_ptr(address.cast_mut().cast()) };
                *word = shared.load(Ordering::Relaxed).to_ne_bytes();
            }
        }

        /// # Safety
        ///
        /// `to` is aligned to the word and valid for writes of `from.len()` bytes, all of which
        /// are only ever accessed atomically by this program.
        #[inline(always)]
        unsafe fn $store(to: *mut u8, from: &[u8]) {
            for (index, word) in from.as_chunks::<$bytes>().0.iter().enumerate() {
                // SAFETY: the chunk `index` exists in `from`, so the offset is in bounds.
                let address = unsafe { to.add(index * $bytes) };
                // SAFETY: aligned and valid by the contract.
                let shared = unsafe { <$atomic>::from_ptr(address.cast()) };
                shared.store(<$word>::from_ne_bytes(*word), Ordering::Relaxed);
            }
        }
    };
}

word_copies!(load_u64, store_u64, AtomicU64, u64, 8);
word_copies!(load_u32, store_u32, AtomicU32, u32, 4);
word_copies!(load_u16, store_u16, AtomicU16, u16, 2);
word_copies!(load_u8, store_u8, AtomicU8, u8, 1);

/// Copies a slot out, in the largest words that divide its length.
///
/// # Safety
///
/// `from` is valid for reads of `into.len()` bytes, aligned to the largest power of two up to 8
/// that divides that length, and only ever accessed atomically by this program.
#[inline(always)]
pub(crate) unsafe fn load_slot(from: *const u8, into: &mut [u8]) {
    match into.len() % 8 {
        // SAFETY: the contract's alignment is 8.
        0 => unsafe { load_u64(from, into) },
        // SAFETY: the contract's alignment is 4.
        4 => unsafe { load_u32(from, into) },
        // SAFETY: the contract's alignment is 2.
        2 | 6 => unsafe { load_u16(from, into) },
        // SAFETY: bytes need no alignment.
        _ => unsafe { load_u8(from, into) },
    }
}

/// Copies a slot in, in the largest words that divide its length.
///
/// # Safety
///
/// As for [`load_slot`], with `to` valid for writes.
#[inline(always)]
pub(crate) unsafe fn store_slot(to: *mut u8, from: &[u8]) {
    match from.len() % 8 {
        // SAFETY: the contract's alignment is 8.
        0 => unsafe { store_u64(to, from) },
        // SAFETY: the contract's alignment is 4.
        4 => unsafe { store_u32(to, from) },
        // SAFETY: the contract's alignment is 2.
        2 | 6 => unsafe { store_u16(to, from) },
        // SAFETY: bytes need no alignment.
        _ => unsafe { store_u8(to, from) },
    }
}

/// Copies shared bytes out, at about the speed of `memcpy`.
///
/// # Safety
///
/// `from` is valid for reads of `into.len()` bytes that do not overlap `into` and that this program
/// never turns into a reference.
pub(crate) unsafe fn load_bytes(from: *const u8, into: &mut [u8]) {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: both ranges are valid by the contract and by the slice, and do not overlap.
    unsafe {
        bulk::copy(into.as_mut_ptr(), from, into.len(), bulk::Shared::Source)
    };
    #[cfg(not(target_arch = "aarch64"))]
    {
        let (head, words) = into.split_at_mut(from.align_offset(8).min(into.len()));
        let (words, tail) = words.split_at_mut(words.len() & !7);
        // SAFETY: the first part of the range; bytes need no alignment.
        unsafe { load_u8(from, head) };
        // SAFETY: the slices cover `into`, so this stays within the range or at its end.
        let middle = unsafe { from.add(head.len()) };
        // SAFETY: the middle part, which starts aligned if it is not empty.
        unsafe { load_u64(middle, words) };
        // SAFETY: the slices cover `into`, so this stays within the range or at its end.
        let end = unsafe { middle.add(words.len()) };
        // SAFETY: the last part of the range; bytes need no alignment.
        unsafe { load_u8(end, tail) };
    }
}

/// Copies private bytes in, at about the speed of `memcpy`.
///
/// # Safety
///
/// `to` is valid for writes of `from.len()` bytes that do not overlap `from` and that this program
/// never turns into a reference.
pub(crate) unsafe fn store_bytes(to: *mut u8, from: &[u8]) {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: both ranges are valid by the contract and by the slice, and do not overlap.
    unsafe {
        bulk::copy(to, from.as_ptr(), from.len(), bulk::Shared::Destination)
    };
    #[cfg(not(target_arch = "aarch64"))]
    {
        let (head, words) = from.split_at(to.align_offset(8).min(from.len()));
        let (words, tail) = words.split_at(words.len() & !7);
        // SAFETY: the first part of the range; bytes need no alignment.
        unsafe { store_u8(to, head) };
        // SAFETY: the slices cover `from`, so this stays within the range or at its end.
        let middle = unsafe { to.add(head.len()) };
        // SAFETY: the middle part, which starts aligned if it is not empty.
        unsafe { store_u64(middle, words) };
        // SAFETY: the slices cover `from`, so this stays within the range or at its end.
        let end = unsafe { middle.add(words.len()) };
        // SAFETY: the last part of the range; bytes need no alignment.
        unsafe { store_u8(end, tail) };
    }
}

#[cfg(target_arch = "aarch64")]
mod bulk {
    /// Which side of a copy other protection domains may touch meanwhile.
    #[derive(Clone, Copy)]
    pub(super) enum Shared {
        Source,
        Destination,
    }

    /// A copy in assembly is opaque to the compiler: it can neither repeat, split nor assume
    /// anything about the accesses, which is what racing with another protection domain needs
    /// and what `ptr::copy_nonoverlapping` does not promise.
    ///
    /// Accesses to the shared side are naturally aligned, so device mappings work too; the
    /// private side is ordinary memory.
    ///
    /// # Safety
    ///
    /// `from` is valid for reads and `to` for writes of `count` bytes; the ranges do not overlap.
    pub(super) unsafe fn copy(to: *mut u8, from: *const u8, count: usize, shared: Shared) {
        let shared = match shared {
            Shared::Source => from.addr(),
            Shared::Destination => to.addr(),
        };
        if count < 16 {
            // SAFETY: the caller's contract.
            return unsafe { copy_few(to, from, count) };
        }
        let head = shared.wrapping_neg() & 15;
        // SAFETY: moves `head`, then `count - head` bytes, in order, and nothing else: every
        // access is post-indexed by its size, and the sizes taken are the set bits of the counts.
        unsafe {
            core::arch::asm!(
                // Up to the first 16-byte boundary of the shared side.
                "tbz {head}, #0, 2f",
                "ldrb {word:w}, [{from}], #1",
                "strb {word:w}, [{to}], #1",
                "2: tbz {head}, #1, 2f",
                "ldrh {word:w}, [{from}], #2",
                "strh {word:w}, [{to}], #2",
                "2: tbz {head}, #2, 2f",
                "ldr {word:w}, [{from}], #4",
                "str {word:w}, [{to}], #4",
                "2: tbz {head}, #3, 2f",
                "ldr {word}, [{from}], #8",
                "str {word}, [{to}], #8",
                // 64 bytes at a time.
                "2: subs {count}, {count}, #64",
                "b.lo 4f",
                "3: ldp {a:q}, {b:q}, [{from}], #32",
                "ldp {c:q}, {d:q}, [{from}], #32",
                "subs {count}, {count}, #64",
                "stp {a:q}, {b:q}, [{to}], #32",
                "stp {c:q}, {d:q}, [{to}], #32",
                "b.hs 3b",
                // The low six bits of the count are still those of the rest.
                "4: tbz {count}, #5, 2f",
                "ldp {a:q}, {b:q}, [{from}], #32",
                "stp {a:q}, {b:q}, [{to}], #32",
                "2: tbz {count}, #4, 2f",
                "ldr {a:q}, [{from}], #16",
                "str {a:q}, [{to}], #16",
                "2: tbz {count}, #3, 2f",
                "ldr {word}, [{from}], #8",
                "str {word}, [{to}], #8",
                "2: tbz {count}, #2, 2f",
                "ldr {word:w}, [{from}], #4",
                "str {word:w}, [{to}], #4",
                "2: tbz {count}, #1, 2f",
                "ldrh {word:w}, [{from}], #2",
                "strh {word:w}, [{to}], #2",
                "2: tbz {count}, #0, 2f",
                "ldrb {word:w}, [{from}], #1",
                "strb {word:w}, [{to}], #1",
                "2:",
                head = in(reg) head,
                count = inout(reg) count - head => _,
                from = inout(reg) from => _,
                to = inout(reg) to => _,
                word = out(reg) _,
                a = out(vreg) _,
                b = out(vreg) _,
                c = out(vreg) _,
                d = out(vreg) _,
                options(nostack),
            );
        }
    }

    /// # Safety
    ///
    /// As for [`copy`].
    #[inline(always)]
    unsafe fn copy_few(to: *mut u8, from: *const u8, count: usize) {
        for index in 0..count {
            // SAFETY: `index` is below `count`, for which the caller vouches.
            let source = unsafe { from.add(index) };
            // SAFETY: valid for reads by the contract.
            let byte = unsafe { source.read_volatile() };
            // SAFETY: `index` is below `count`, for which the caller vouches.
            let destination = unsafe { to.add(index) };
            // SAFETY: valid for writes by the contract.
            unsafe { destination.write_volatile(byte) };
        }
    }
}
