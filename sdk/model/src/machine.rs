//! What the kernel logic needs from the machine under it; tests supply a fake one.

use core::fmt::Write as _;

use crate::object::ThreadId;

/// A cache maintenance operation on user memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheOperation {
    /// Write dirty lines back.
    Clean,
    /// Forget lines.
    Invalidate,
    /// Both.
    CleanInvalidate,
    /// Make written instructions visible to fetches.
    Unify,
}

/// The machine.
pub trait Machine {
    /// Current counter value.
    fn now(&mut self) -> u64;

    /// Asks for a timer interrupt when the counter reaches `deadline`.
    fn set_deadline(&mut self, deadline: u64);

    /// Installs the address space of `thread`.
    fn enter_vspace(&mut self, thread: ThreadId);

    /// Reads a word of a thread's IPC buffer; `word` is below 128.
    fn read_buffer(&self, thread: ThreadId, word: usize) -> u64;

    /// Writes a word of a thread's IPC buffer; `word` is below 128.
    fn write_buffer(&mut self, thread: ThreadId, word: usize, value: u64);

    /// Stops or lets through an interrupt.
    fn mask_irq(&mut self, intid: u32, masked: bool);

    /// Size in bits of the page that maps `vaddr` in a thread's address space, if one does.
    fn page_bits(&self, thread: ThreadId, vaddr: u64) -> Option<u8>;

    /// Maintains caches for `start..end`, which lies within one page of a thread.
    fn maintain_cache(&mut self, thread: ThreadId, operation: CacheOperation, start: u64, end: u64);

    /// Prints one byte on the console.
    fn put_char(&mut self, byte: u8);

    /// Stops the machine for good; a fake one may return.
    fn halt(&mut self);
}

/// A machine's console as a formatter's destination.
pub struct Console<'a, M>(pub &'a mut M);

impl<M: Machine> core::fmt::Write for Console<'_, M> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.0.put_char(b'\r');
            }
            self.0.put_char(byte);
        }
        Ok(())
    }
}

/// Prints formatted text.
pub fn print(machine: &mut impl Machine, text: core::fmt::Arguments<'_>) {
    // The console accepts everything, so there is no error to report.
    let _ = Console(machine).write_fmt(text);
}
