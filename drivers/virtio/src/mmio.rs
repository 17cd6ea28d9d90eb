//! The one module that touches device registers.

use core::ptr::NonNull;

use crate::Registers;

/// The registers of one virtio-mmio device.
#[derive(Debug)]
pub struct MmioRegisters {
    base: NonNull<u8>,
}

/// Bytes of register space a device has at least (registers and 256 bytes of configuration).
const REGISTERS_BYTES: usize = 0x200;

impl MmioRegisters {
    /// Binds the device whose first register is at `base`.
    ///
    /// # Safety
    ///
    /// `base` must be 4-byte aligned and start 512 bytes of virtio-mmio registers that stay mapped
    /// as device memory for the life of the program, and nothing else may access them.
    pub unsafe fn new(base: NonNull<u8>) -> Self {
        Self { base }
    }

    fn register<T>(&self, offset: usize) -> NonNull<T> {
        assert!(
            offset <= REGISTERS_BYTES - size_of::<T>() && offset.is_multiple_of(align_of::<T>())
        );
        // SAFETY: the assertion keeps the offset inside the registers that `new` was promised.
        unsafe { self.base.byte_add(offset) }.cast()
    }
}

impl Registers for MmioRegisters {
    fn read(&self, offset: usize) -> u32 {
        // SAFETY: `register` yields an aligned address inside the mapped registers.
        unsafe { self.register::<u32>(offset).read_volatile() }
    }

    fn read_byte(&self, offset: usize) -> u8 {
        // SAFETY: `register` yields an address inside the mapped registers.
        unsafe { self.register::<u8>(offset).read_volatile() }
    }

    fn write(&mut self, offset: usize, value: u32) {
        // SAFETY: `register` yields an aligned address inside the mapped registers.
        unsafe { self.register::<u32>(offset).write_volatile(value) }
    }
}

/// Orders everything before it, memory and registers alike, against everything after it, as
/// seen by the device. A device is an observer in the outer shareable domain, which a Rust
/// fence (inner shareable) does not cover.
pub(crate) fn device_barrier() {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a barrier has no effect on memory or registers but their order.
    unsafe {
        core::arch::asm!("dmb osh", options(nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "aarch64"))]
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}
