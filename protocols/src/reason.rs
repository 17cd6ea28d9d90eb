//! A short, printable explanation that travels with an error to the person who asked.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One line of UTF-8 text, at most [`Reason::BYTES_MAX`] bytes; longer text is cut at a character.
///
/// Layout: `len` u16 at 0, text at 2, zero to the end. 112 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, PartialEq, Eq)]
#[repr(C)]
pub struct Reason {
    len: u16,
    text: [u8; Self::BYTES_MAX],
}

impl Reason {
    /// Longest text that fits.
    pub const BYTES_MAX: usize = 110;

    /// No explanation.
    pub const EMPTY: Self = Self { len: 0, text: [0; Self::BYTES_MAX] };

    /// Formats `value` into a reason.
    pub fn new(value: impl fmt::Display) -> Self {
        let mut reason = Self::EMPTY;
        // `write_str` below never fails, so an error can only come from `value` itself; what was
        // written before it is still the best explanation there is.
        let _ = fmt::Write::write_fmt(&mut reason, format_args!("{value}"));
        reason
    }

    /// The text, or a fixed remark when a hostile peer sent something that is not printable text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text
            .get(..usize::from(self.len))
            .and_then(|bytes| core::str::from_utf8(bytes).ok())
            .filter(|text| !text.chars().any(char::is_control))
            .unwrap_or("(unreadable reason)")
    }
}

impl fmt::Write for Reason {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.len);
        let room = self.text.get_mut(start..).unwrap_or_default();
        let fits = text.floor_char_boundary(room.len());
        for (place, byte) in room.iter_mut().zip(text.bytes().take(fits)) {
            *place = byte;
        }
        self.len = u16::try_from(start + fits).unwrap_or(self.len);
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_text_that_fits() {
        assert_eq!(
            Reason::new("block 17 of /a/b: hash mismatch").as_str(),
            "block 17 of /a/b: hash mismatch"
        );
    }

    #[test]
    fn cuts_at_a_character_boundary() {
        let long = "ä";
        let mut reason = Reason::EMPTY;
        for _ in 0..100 {
            let _ = fmt::Write::write_str(&mut reason, long);
        }
        assert_eq!(reason.as_str().chars().count(), Reason::BYTES_MAX / 2);
    }

    #[test]
    fn never_shows_bytes_that_are_not_text() {
        let mut reason = Reason::new("ok");
        reason.text[0] = 0xff;
        assert_eq!(reason.as_str(), "(unreadable reason)");
        reason = Reason::new("a\nb");
        assert_eq!(reason.as_str(), "(unreadable reason)");
        reason.len = u16::MAX;
        assert_eq!(reason.as_str(), "(unreadable reason)");
    }
}
