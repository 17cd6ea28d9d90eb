//! The memory of the fake device.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, Ordering};
use std::{boxed::Box, vec::Vec};

/// Where fake memory starts, as the device sees it; far from any host address.
const BUS_BASE: u64 = 0x4_0000_0000;

/// Memory that driver and device share.
#[derive(Clone, Copy, Debug)]
pub struct FakeBus {
    memory: NonNull<u8>,
    len: usize,
}

impl FakeBus {
    /// `len` zero bytes, page-aligned and never freed (a test's process ends soon).
    pub fn new(len: usize) -> Self {
        #[repr(align(4096))]
        struct Page(#[allow(dead_code, reason = "only its address is used")] [u8; 4096]);
        let pages: Vec<Page> = (0..len.div_ceil(4096)).map(|_| Page([0; 4096])).collect();
        let memory = NonNull::from(Box::leak(pages.into_boxed_slice())).cast();
        Self { memory, len }
    }

    /// The memory from `offset` on as a `T`, which must consist of atomics only.
    pub fn place<T>(&self, offset: usize) -> &'static T {
        let pointer = self.pointer(offset, size_of::<T>()).cast::<T>();
        assert!(pointer.is_aligned());
        // SAFETY: in bounds, aligned, never freed; atomics accept every bit pattern and allow
        // shared writes.
        unsafe { pointer.as_ref() }
    }

    /// The device's address of `offset`.
    pub const fn address(&self, offset: usize) -> u64 {
        BUS_BASE + offset as u64
    }

    /// What the device sees at `address`; panics outside the bus.
    pub fn read(&self, address: u64, len: usize) -> Vec<u8> {
        self.bytes(address, len).iter().map(|byte| byte.load(Ordering::Relaxed)).collect()
    }

    /// Writes as the device does; panics outside the bus.
    pub fn write(&self, address: u64, bytes: &[u8]) {
        for (target, byte) in self.bytes(address, bytes.len()).iter().zip(bytes) {
            target.store(*byte, Ordering::Relaxed);
        }
    }

    fn bytes(&self, address: u64, len: usize) -> &[AtomicU8] {
        let offset = address.checked_sub(BUS_BASE).expect("address below the bus");
        let pointer = self.pointer(usize::try_from(offset).expect("address"), len);
        // SAFETY: in bounds and never freed; bytes are always initialised.
        unsafe { NonNull::slice_from_raw_parts(pointer.cast(), len).as_ref() }
    }

    fn pointer(&self, offset: usize, len: usize) -> NonNull<u8> {
        assert!(offset.checked_add(len).is_some_and(|end| end <= self.len), "outside the bus");
        // SAFETY: the assertion keeps the offset inside the allocation.
        unsafe { self.memory.byte_add(offset) }
    }
}
