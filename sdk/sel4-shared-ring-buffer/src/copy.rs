//! Copies of slots that a concurrent writer cannot turn into a data race.

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
