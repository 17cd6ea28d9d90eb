//! Driver for the ARM PrimeCell UART (PL011).
//!
//! It never waits for the device: [`Pl011::write`] takes what fits into the transmit FIFO, and
//! with [`Pl011::interrupt_on_transmit`] an interrupt says when there is room again. The speed is
//! left as the boot loader set it; a debug kernel may print on the same UART.
//!
//! **Trust.** A device that is always full, never empty or absent costs one bounded call; it
//! cannot make the driver panic or loop.
//!
//! Source: ARM DDI 0183G, chapter 3.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "the one module that touches device registers")]
mod mmio;

pub use mmio::MmioRegisters;

/// Access to the UART's registers; offsets are bytes from the first one, multiples of 4.
pub trait Registers {
    /// Reads a register.
    fn read(&self, offset: usize) -> u32;
    /// Writes a register.
    fn write(&mut self, offset: usize, value: u32);
}

mod register {
    pub(crate) const DATA: usize = 0x00;
    pub(crate) const FLAGS: usize = 0x18;
    pub(crate) const LINE_CONTROL: usize = 0x2c;
    pub(crate) const CONTROL: usize = 0x30;
    pub(crate) const FIFO_LEVELS: usize = 0x34;
    pub(crate) const INTERRUPT_MASK: usize = 0x38;
    pub(crate) const INTERRUPT_CLEAR: usize = 0x44;
}

const FLAG_RECEIVE_EMPTY: u32 = 1 << 4;
const FLAG_TRANSMIT_FULL: u32 = 1 << 5;
/// Framing, parity, break and overrun, delivered with the byte.
const DATA_ERRORS: u32 = 0xf << 8;
/// 8 data bits, no parity, 1 stop bit, FIFOs on.
const LINE_8N1_FIFO: u32 = 0x70;
/// UART, transmitter and receiver on.
const CONTROL_ON: u32 = 0x301;
/// Interrupt when the transmit FIFO is down to 1/8 and the receive FIFO up to 1/8.
const FIFO_LEVELS: u32 = 0;
/// Receive level reached, or bytes waiting for 32 bit times.
const INTERRUPTS_RECEIVE: u32 = 1 << 4 | 1 << 6;
const INTERRUPT_TRANSMIT: u32 = 1 << 5;
/// All but those of the receiver. Only reading ends these: the receive FIFO interrupts when it fills up, not
/// because it holds something, so one that is cleared over bytes in it is never heard of again.
const INTERRUPTS_CLEARED: u32 = 0x7ff & !INTERRUPTS_RECEIVE;

/// One byte from the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It arrived as sent.
    Byte(u8),
    /// Framing, parity or overrun error, or a break.
    Error,
}

/// A UART in use.
#[derive(Debug)]
pub struct Pl011<R> {
    registers: R,
    transmit_interrupt: bool,
}

impl<R: Registers> Pl011<R> {
    /// Takes the UART over from whoever used it before: receive interrupts on, all others off.
    pub fn start(mut registers: R) -> Self {
        registers.write(register::INTERRUPT_MASK, 0);
        registers.write(register::INTERRUPT_CLEAR, INTERRUPTS_CLEARED);
        registers.write(register::LINE_CONTROL, LINE_8N1_FIFO);
        registers.write(register::FIFO_LEVELS, FIFO_LEVELS);
        registers.write(register::CONTROL, CONTROL_ON);
        registers.write(register::INTERRUPT_MASK, INTERRUPTS_RECEIVE);
        Self { registers, transmit_interrupt: false }
    }

    /// Sends as many of the bytes as fit now and returns how many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        for (sent, byte) in bytes.iter().enumerate() {
            if self.registers.read(register::FLAGS) & FLAG_TRANSMIT_FULL != 0 {
                return sent;
            }
            self.registers.write(register::DATA, u32::from(*byte));
        }
        bytes.len()
    }

    /// The next byte received, if any. The caller bounds how often it asks.
    pub fn read(&mut self) -> Option<Received> {
        if self.registers.read(register::FLAGS) & FLAG_RECEIVE_EMPTY != 0 {
            return None;
        }
        let [byte, ..] = match self.registers.read(register::DATA) {
            data if data & DATA_ERRORS != 0 => return Some(Received::Error),
            data => data.to_le_bytes(),
        };
        Some(Received::Byte(byte))
    }

    /// Whether to interrupt when the transmit FIFO has room: wanted while bytes wait for it.
    pub fn interrupt_on_transmit(&mut self, wanted: bool) {
        if self.transmit_interrupt != wanted {
            self.transmit_interrupt = wanted;
            let transmit = if wanted { INTERRUPT_TRANSMIT } else { 0 };
            self.registers.write(register::INTERRUPT_MASK, INTERRUPTS_RECEIVE | transmit);
        }
    }

    /// Withdraws the interrupt, but for that of bytes to be read: it goes on until there are none.
    pub fn acknowledge_interrupt(&mut self) {
        self.registers.write(register::INTERRUPT_CLEAR, INTERRUPTS_CLEARED);
    }
}

#[cfg(test)]
mod tests;
