//! One message slot of a ring, read and written word by word.
//!
//! The peer may write a slot at any time, also while we copy it. The copy is therefore made of
//! relaxed atomic words: a peer that breaks the protocol can make us read a mix of old and new
//! words, which validation of the private copy must cope with anyway, but never a data race.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What can travel through a ring: plain old data without padding, valid for every bit pattern.
pub trait Message: FromBytes + IntoBytes + Immutable + KnownLayout + Copy {}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Copy> Message for T {}

pub(crate) use imp::Slot;

#[cfg(not(all(loom, test)))]
mod imp {
    use core::cell::UnsafeCell;
    use core::mem::MaybeUninit;

    use super::Message;
    use crate::copy;

    /// Same size and alignment as `T`.
    #[repr(transparent)]
    #[derive(Debug)]
    pub(crate) struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

    // SAFETY: the content is only reached through `load` and `store`, whose accesses are atomic.
    unsafe impl<T: Send> Sync for Slot<T> {}

    impl<T> Slot<T> {
        pub(crate) const fn new() -> Self {
            Self(UnsafeCell::new(MaybeUninit::zeroed()))
        }
    }

    impl<T: Message> Slot<T> {
        #[inline(always)]
        pub(crate) fn load(&self) -> T {
            let mut value = T::new_zeroed();
            let from = self.0.get().cast::<u8>();
            // SAFETY: `from` is valid for the size of `T` while `self` is borrowed. The slot array
            // starts 8-aligned (`RawRingBuffer` asserts it), so slots are aligned to any power of
            // two up to 8 that divides their size, which is the word `load_slot` chooses.
            unsafe { copy::load_slot(from, value.as_mut_bytes()) };
            value
        }

        #[inline(always)]
        pub(crate) fn store(&self, value: &T) {
            // A local copy lets the compiler keep the alignment that a slice of bytes forgets.
            let value = *value;
            let to = self.0.get().cast::<u8>();
            // SAFETY: as in `load`; the cell allows writing through a shared reference.
            unsafe { copy::store_slot(to, value.as_bytes()) };
        }
    }
}

#[cfg(all(loom, test))]
mod imp {
    use core::marker::PhantomData;

    use zerocopy::{FromBytes, IntoBytes};

    use super::Message;
    use crate::sync::{AtomicU64, Ordering};

    const WORDS: usize = 2;

    /// A slot of two words that `loom` watches; models use 16-byte messages.
    #[derive(Debug)]
    pub(crate) struct Slot<T>([AtomicU64; WORDS], PhantomData<T>);

    impl<T> Slot<T> {
        pub(crate) fn new() -> Self {
            Self([AtomicU64::new(0), AtomicU64::new(0)], PhantomData)
        }
    }

    impl<T: Message> Slot<T> {
        pub(crate) fn load(&self) -> T {
            let words = [self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed)];
            T::read_from_bytes(words.as_bytes()).expect("models use 16-byte messages")
        }

        pub(crate) fn store(&self, value: &T) {
            let words = <[u64; WORDS]>::read_from_bytes(value.as_bytes())
                .expect("models use 16-byte messages");
            self.0[0].store(words[0], Ordering::Relaxed);
            self.0[1].store(words[1], Ordering::Relaxed);
        }
    }
}
