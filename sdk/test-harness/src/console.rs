//! A PL011 driven directly: release and benchmark kernels print nothing.

use core::fmt;
use core::ptr::NonNull;

use sel4_microkit::memory_region_symbol;

/// Offset of the flag register, in words.
const FLAGS: usize = 0x18 / 4;

/// Flag: the transmit queue is full.
const TRANSMIT_FULL: u32 = 1 << 5;

/// The serial line. One PD per image maps the UART, with `setvar_vaddr="uart_base"`.
#[derive(Debug, Clone, Copy)]
pub struct Console(NonNull<u32>);

impl Console {
    /// The console at `uart_base`.
    ///
    /// # Panics
    ///
    /// When the system description does not map it.
    pub fn new() -> Self {
        Self(memory_region_symbol!(uart_base: *mut u32))
    }

    fn put(self, byte: u8) {
        // SAFETY: inside the mapped device page.
        let flags = unsafe { self.0.add(FLAGS) };
        loop {
            // SAFETY: a device register; reading it has no effect.
            let value = unsafe { flags.read_volatile() };
            if value & TRANSMIT_FULL == 0 {
                break;
            }
        }
        // SAFETY: the data register; the queue has room.
        unsafe { self.0.write_volatile(byte.into()) }
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.put(byte));
        Ok(())
    }
}
