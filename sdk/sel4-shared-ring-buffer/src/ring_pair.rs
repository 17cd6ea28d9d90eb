use sel4_externally_shared::ExternallySharedRef;

use crate::roles::RingBuffersRole;
use crate::{Descriptor, Message, RING_BUFFER_SIZE, RawRingBuffer, RingBuffer};

/// A pair of rings that carry buffers there (`free`) and back (`used`), rust-sel4's way: no
/// generations, so both ends must start together. New protocols use [`crate::RawLink`].
#[derive(Debug)]
pub struct RingBuffers<'a, R: RingBuffersRole, F, T = Descriptor, const N: usize = RING_BUFFER_SIZE>
{
    free: RingBuffer<'a, R::FreeRole, T, N>,
    used: RingBuffer<'a, R::UsedRole, T, N>,
    notify: F,
}

impl<'a, R: RingBuffersRole, F, T: Message, const N: usize> RingBuffers<'a, R, F, T, N> {
    /// A pair of ring ends and the call that wakes the peer.
    pub const fn new(
        free: RingBuffer<'a, R::FreeRole, T, N>,
        used: RingBuffer<'a, R::UsedRole, T, N>,
        notify: F,
    ) -> Self {
        Self { free, used, notify }
    }

    /// Both rings, started as the role says.
    pub fn from_ptrs_using_default_initialization_strategy_for_role(
        free: ExternallySharedRef<'a, RawRingBuffer<T, N>>,
        used: ExternallySharedRef<'a, RawRingBuffer<T, N>>,
        notify: F,
    ) -> Self {
        let strategy = R::default_initialization_strategy();
        Self::new(RingBuffer::new(free, strategy), RingBuffer::new(used, strategy), notify)
    }

    /// The ring of buffers to be filled.
    pub const fn free(&self) -> &RingBuffer<'a, R::FreeRole, T, N> {
        &self.free
    }

    /// The ring of filled buffers.
    pub const fn used(&self) -> &RingBuffer<'a, R::UsedRole, T, N> {
        &self.used
    }

    /// The ring of buffers to be filled.
    pub const fn free_mut(&mut self) -> &mut RingBuffer<'a, R::FreeRole, T, N> {
        &mut self.free
    }

    /// The ring of filled buffers.
    pub const fn used_mut(&mut self) -> &mut RingBuffer<'a, R::UsedRole, T, N> {
        &mut self.used
    }
}

impl<U, R: RingBuffersRole, F: Fn() -> U, T, const N: usize> RingBuffers<'_, R, F, T, N> {
    /// Wakes the peer.
    pub fn notify(&self) -> U {
        (self.notify)()
    }
}

impl<U, R: RingBuffersRole, F: FnMut() -> U, T, const N: usize> RingBuffers<'_, R, F, T, N> {
    /// Wakes the peer.
    pub fn notify_mut(&mut self) -> U {
        (self.notify)()
    }
}
