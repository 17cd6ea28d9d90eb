//! A page of words that several test PDs share.

use core::sync::atomic::Ordering;

use sel4_externally_shared::ExternallySharedPtr;
use sel4_microkit::memory_region_symbol;

/// Words in the page.
pub const WORDS: usize = 512;

/// The page, as words that are read and written whole.
#[derive(Debug, Clone, Copy)]
pub struct Words(ExternallySharedPtr<'static, [u64; WORDS]>);

/// The page that the system description maps for reading and writing, with `setvar_vaddr="words"`.
///
/// # Panics
///
/// When it maps none.
pub fn words() -> Words {
    let pointer = memory_region_symbol!(words: *mut [u64; WORDS]);
    // SAFETY: the system description maps it.
    Words(unsafe { ExternallySharedPtr::new(pointer) })
}

impl Words {
    fn word(self, index: usize) -> ExternallySharedPtr<'static, u64> {
        self.0.as_slice().index(index)
    }

    /// Reads a word; what its writer wrote before is visible too.
    pub fn get(self, index: usize) -> u64 {
        self.word(index).atomic_load(Ordering::Acquire)
    }

    /// Writes a word.
    pub fn set(self, index: usize, value: u64) {
        self.word(index).atomic_store(value, Ordering::Release);
    }

    /// Adds to a word; returns it as it was.
    pub fn add(self, index: usize, value: u64) -> u64 {
        self.word(index).atomic_fetch_add(value, Ordering::AcqRel)
    }

    /// Sets every word to 0.
    pub fn clear(self) {
        (0..WORDS).for_each(|index| self.set(index, 0));
    }
}
