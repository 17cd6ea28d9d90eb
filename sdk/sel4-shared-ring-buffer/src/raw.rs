use core::ptr::NonNull;

use sel4_externally_shared::ExternallySharedRef;

use crate::slot::Slot;
use crate::sync::AtomicU32;
use crate::{Descriptor, Message};

/// Slots in a [`RawRingBuffer`] unless its user says otherwise.
pub const RING_BUFFER_SIZE: usize = 512;

/// The shared part of one ring, byte for byte rust-sel4's: zeroed memory is an empty ring.
///
/// | offset | field | written by |
/// |---|---|---|
/// | 0 | `write_index`: u32, free-running | writer |
/// | 4 | `read_index`: u32, free-running | reader |
/// | 8 | `descriptors`: `N` slots | writer |
#[repr(C, align(8))]
#[derive(Debug)]
pub struct RawRingBuffer<T = Descriptor, const N: usize = RING_BUFFER_SIZE> {
    pub(crate) write_index: AtomicU32,
    pub(crate) read_index: AtomicU32,
    pub(crate) descriptors: [Slot<T>; N],
}

#[cfg(not(all(loom, test)))]
const _: () = {
    assert!(size_of::<RawRingBuffer>() == 12296);
    assert!(core::mem::offset_of!(RawRingBuffer, write_index) == 0);
    assert!(core::mem::offset_of!(RawRingBuffer, read_index) == 4);
    assert!(core::mem::offset_of!(RawRingBuffer, descriptors) == 8);
};

impl<T: Message, const N: usize> RawRingBuffer<T, N> {
    /// Evaluated by every use of a ring: its size must suit free-running 32-bit indices, and its
    /// slots must start where [`Slot`] expects them.
    pub(crate) const VALID: () = {
        assert!(N.is_power_of_two() && N <= 1 << 16, "ring size: a power of two up to 65536");
        assert!(align_of::<T>() <= 8, "messages are aligned to at most 8 bytes");
    };

    /// An empty ring in private memory, for tests.
    #[cfg(not(all(loom, test)))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            write_index: AtomicU32::new(0),
            read_index: AtomicU32::new(0),
            descriptors: [const { Slot::new() }; N],
        }
    }

    #[cfg(all(loom, test))]
    pub(crate) fn new() -> Self {
        Self {
            write_index: AtomicU32::new(0),
            read_index: AtomicU32::new(0),
            descriptors: core::array::from_fn(|_| Slot::new()),
        }
    }

    /// The ring in `shared`.
    pub(crate) fn from_shared(shared: ExternallySharedRef<'_, Self>) -> &Self {
        // SAFETY: aligned and mapped for the lifetime, and ours alone in this program, as the
        // reference given up here promised. Every field is an atomic or behind an `UnsafeCell`
        // and any bit pattern is valid, so what strangers write does not break the reference.
        unsafe { shared.into_ptr().as_raw_ptr().as_ref() }
    }

    /// This ring as shared memory, for tests that hold both ends.
    pub fn as_shared(&self) -> ExternallySharedRef<'_, Self> {
        // SAFETY: aligned and mapped while borrowed; all access is through interior mutability.
        unsafe { ExternallySharedRef::new(NonNull::from(self)) }
    }

    /// The slot of a free-running index.
    #[inline(always)]
    pub(crate) fn slot(&self, index: u32) -> &Slot<T> {
        &self.descriptors[index as usize & (N - 1)]
    }
}

impl<T: Message, const N: usize> Default for RawRingBuffer<T, N> {
    fn default() -> Self {
        Self::new()
    }
}
