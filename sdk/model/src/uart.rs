//! The console: a PL011 that QEMU has switched on.

/// Registers of UART 0.
const BASE: usize = 0x0900_0000;
/// Offset of the flag register.
const FLAGS: usize = 0x18;
/// Flag: the transmit FIFO is full.
const TRANSMIT_FULL: u32 = 1 << 5;

/// Prints one byte, waiting for room.
pub(crate) fn put_char(byte: u8) {
    let flags = (BASE + FLAGS) as *const u32;
    // SAFETY: the kernel's page tables map the UART, whose flag register may be read at any time.
    while unsafe { flags.read_volatile() } & TRANSMIT_FULL != 0 {}
    // SAFETY: the data register is mapped and takes any byte.
    unsafe { (BASE as *mut u32).write_volatile(u32::from(byte)) };
}

/// The console as a formatter's destination, for use before and outside the kernel proper.
pub(crate) struct Uart;

impl core::fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                put_char(b'\r');
            }
            put_char(byte);
        }
        Ok(())
    }
}
