//! The message info word ("tag").

use core::fmt;

use crate::{MSG_MAX_LENGTH, Word};

const LENGTH_BITS: u32 = 7;
const EXTRA_CAPS_SHIFT: u32 = 7;
const CAPS_UNWRAPPED_SHIFT: u32 = 9;
const LABEL_SHIFT: u32 = 12;

/// Label, capability counts and length of a message: length in bits 0–6, extra caps 7–8, unwrapped
/// caps 9–11, label 12–63.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageInfo(Word);

impl MessageInfo {
    /// Packs a tag. Each field is cut to its width; `length` is capped at [`MSG_MAX_LENGTH`], as the
    /// kernel would do.
    #[inline]
    pub const fn new(label: Word, caps_unwrapped: usize, extra_caps: usize, length: usize) -> Self {
        let length = if length > MSG_MAX_LENGTH { MSG_MAX_LENGTH } else { length };
        Self(
            label << LABEL_SHIFT
                | (caps_unwrapped as Word & 7) << CAPS_UNWRAPPED_SHIFT
                | (extra_caps as Word & 3) << EXTRA_CAPS_SHIFT
                | length as Word,
        )
    }

    /// The tag as the kernel passes it.
    #[inline]
    pub const fn from_word(word: Word) -> Self {
        Self(word)
    }

    /// The word to hand to the kernel.
    #[inline]
    pub const fn into_word(self) -> Word {
        self.0
    }

    /// The label: an invocation, an error, a fault type or the sender's own number.
    #[inline]
    pub const fn label(self) -> Word {
        self.0 >> LABEL_SHIFT
    }

    /// Message registers in use; at most [`MSG_MAX_LENGTH`].
    #[inline]
    pub const fn length(self) -> usize {
        let length = (self.0 & ((1 << LENGTH_BITS) - 1)) as usize;
        if length > MSG_MAX_LENGTH { MSG_MAX_LENGTH } else { length }
    }

    /// Capabilities sent along.
    #[inline]
    pub const fn extra_caps(self) -> usize {
        (self.0 >> EXTRA_CAPS_SHIFT & 3) as usize
    }

    /// Bit mask of capabilities that were unwrapped to their badge.
    #[inline]
    pub const fn caps_unwrapped(self) -> usize {
        (self.0 >> CAPS_UNWRAPPED_SHIFT & 7) as usize
    }

    /// Width of the label in bits.
    pub const fn label_width() -> usize {
        52
    }
}

impl fmt::Debug for MessageInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageInfo")
            .field("label", &self.label())
            .field("caps_unwrapped", &self.caps_unwrapped())
            .field("extra_caps", &self.extra_caps())
            .field("length", &self.length())
            .finish()
    }
}

/// Builds a [`MessageInfo`] field by field; unset fields are zero.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageInfoBuilder {
    label: Word,
    caps_unwrapped: usize,
    extra_caps: usize,
    length: usize,
}

impl MessageInfoBuilder {
    /// Sets the label.
    pub const fn label(mut self, label: Word) -> Self {
        self.label = label;
        self
    }

    /// Sets the mask of unwrapped capabilities.
    pub const fn caps_unwrapped(mut self, caps_unwrapped: usize) -> Self {
        self.caps_unwrapped = caps_unwrapped;
        self
    }

    /// Sets the number of capabilities to send.
    pub const fn extra_caps(mut self, extra_caps: usize) -> Self {
        self.extra_caps = extra_caps;
        self
    }

    /// Sets the number of message registers to send.
    pub const fn length(mut self, length: usize) -> Self {
        self.length = length;
        self
    }

    /// The tag.
    pub const fn build(self) -> MessageInfo {
        MessageInfo::new(self.label, self.caps_unwrapped, self.extra_caps, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_each_field_at_its_place() {
        let info = MessageInfo::new(0x1234, 5, 2, 17);
        assert_eq!(info.into_word(), 0x1234 << 12 | 5 << 9 | 2 << 7 | 17);
        assert_eq!(
            (info.label(), info.caps_unwrapped(), info.extra_caps(), info.length()),
            (0x1234, 5, 2, 17)
        );
    }

    #[test]
    fn caps_the_length_at_the_message_maximum() {
        assert_eq!(MessageInfo::new(0, 0, 0, 4096).length(), MSG_MAX_LENGTH);
        assert_eq!(MessageInfo::from_word(0x7f).length(), MSG_MAX_LENGTH);
    }

    #[test]
    fn builder_equals_constructor() {
        let built =
            MessageInfoBuilder::default().label(9).length(3).extra_caps(1).caps_unwrapped(2);
        assert_eq!(built.build(), MessageInfo::new(9, 2, 1, 3));
    }

    #[test]
    fn label_uses_all_52_bits() {
        let label = (1 << MessageInfo::label_width()) - 1;
        assert_eq!(MessageInfo::new(label, 0, 0, 0).label(), label);
    }
}
