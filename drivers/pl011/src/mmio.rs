//! The one module that touches device registers.

use core::ptr::NonNull;

use crate::Registers;

/// The registers of one UART.
#[derive(Debug)]
pub struct MmioRegisters {
    base: NonNull<u32>,
}

/// Bytes of the registers in use.
const REGISTERS_BYTES: usize = 0x48;

impl MmioRegisters {
    /// Binds the UART whose first register is at `base`.
    ///
    /// # Safety
    ///
    /// `base` must be 4-byte aligned and start the registers of a PL011 that stay mapped as
    /// device memory for the life of the program, and nothing else in it may access them.
    pub unsafe fn new(base: NonNull<u8>) -> Self {
        Self { base: base.cast() }
    }

    fn register(&self, offset: usize) -> NonNull<u32> {
        assert!(offset < REGISTERS_BYTES && offset.is_multiple_of(4));
        // SAFETY: the assertion keeps the offset inside the registers that `new` was promised.
        unsafe { self.base.byte_add(offset) }
    }
}

impl Registers for MmioRegisters {
    fn read(&self, offset: usize) -> u32 {
        // SAFETY: `register` yields an aligned address inside the mapped registers.
        unsafe { self.register(offset).read_volatile() }
    }

    fn write(&mut self, offset: usize, value: u32) {
        // SAFETY: `register` yields an aligned address inside the mapped registers.
        unsafe { self.register(offset).write_volatile(value) }
    }
}
