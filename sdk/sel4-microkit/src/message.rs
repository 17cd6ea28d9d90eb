//! Messages: tag and message registers.

use sel4::{MSG_MAX_LENGTH, ipc_buffer};

/// The sender's own number for a message; 52 bits.
pub type MessageLabel = sel4::Word;

/// One word of a message.
pub type MessageRegisterValue = sel4::Word;

/// Label and length of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageInfo {
    inner: sel4::MessageInfo,
}

impl MessageInfo {
    #[doc(hidden)]
    #[inline]
    pub const fn from_inner(inner: sel4::MessageInfo) -> Self {
        Self { inner }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn inner(&self) -> &sel4::MessageInfo {
        &self.inner
    }

    #[doc(hidden)]
    #[inline]
    pub const fn into_inner(self) -> sel4::MessageInfo {
        self.inner
    }

    /// A message with a label and `count` message registers (at most 120).
    #[inline]
    pub const fn new(label: MessageLabel, count: usize) -> Self {
        Self::from_inner(sel4::MessageInfo::new(label, 0, 0, count))
    }

    /// The label.
    #[inline]
    pub const fn label(&self) -> MessageLabel {
        self.inner.label()
    }

    /// The number of meaningful bits in a label.
    pub const fn label_width() -> usize {
        sel4::MessageInfo::label_width()
    }

    /// The number of message registers in use.
    #[inline]
    pub const fn count(&self) -> usize {
        self.inner.length()
    }

    /// Decodes the message as a fault. To be called first in `fault`, while the message registers
    /// are still those of the fault. Accepts any message: a child can forge it.
    pub fn fault(&self) -> sel4::Fault {
        sel4::Fault::decode(self.inner, &ipc_buffer().message(self.inner))
    }
}

/// Reads message register `i`.
///
/// # Panics
///
/// From 120 on.
#[inline(always)]
pub fn get_mr(i: usize) -> MessageRegisterValue {
    ipc_buffer().mr(i)
}

/// Sets message register `i`.
///
/// # Panics
///
/// From 120 on.
#[inline(always)]
pub fn set_mr(i: usize, value: MessageRegisterValue) {
    ipc_buffer().set_mr(i, value);
}

/// Runs `f` on a copy of all message registers.
pub fn with_msg_regs<T>(f: impl FnOnce(&[MessageRegisterValue]) -> T) -> T {
    let mut registers = [0; MSG_MAX_LENGTH];
    ipc_buffer().read(&mut registers);
    f(&registers)
}

/// Runs `f` on a copy of all message registers, then writes the copy back.
pub fn with_msg_regs_mut<T>(f: impl FnOnce(&mut [MessageRegisterValue]) -> T) -> T {
    let mut registers = [0; MSG_MAX_LENGTH];
    ipc_buffer().read(&mut registers);
    let result = f(&mut registers);
    ipc_buffer().write(&registers);
    result
}

/// As [`with_msg_regs`], in bytes (960 of them).
pub fn with_msg_bytes<T>(f: impl FnOnce(&[u8]) -> T) -> T {
    with_msg_regs(|registers| {
        let bytes = registers.as_ptr().cast();
        // SAFETY: the same memory, seen as bytes, for as long as `registers` is borrowed.
        f(unsafe { core::slice::from_raw_parts(bytes, size_of_val(registers)) })
    })
}

/// As [`with_msg_regs_mut`], in bytes (960 of them).
pub fn with_msg_bytes_mut<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    with_msg_regs_mut(|registers| {
        let bytes = registers.as_mut_ptr().cast();
        // SAFETY: the same memory, seen as bytes (any bytes are valid words), for as long as
        // `registers` is borrowed.
        f(unsafe { core::slice::from_raw_parts_mut(bytes, size_of_val(registers)) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_label_and_count() {
        let info = MessageInfo::new(7, 3);
        assert_eq!((info.label(), info.count()), (7, 3));
        assert_eq!(MessageInfo::default(), MessageInfo::new(0, 0));
    }
}
