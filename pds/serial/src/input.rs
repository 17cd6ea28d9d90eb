//! From typed bytes to a line for the owner of the console's input.

use protocols::serial::{LogLine, TEXT_BYTES_MAX};

/// What somebody has typed of a line.
#[derive(Debug)]
pub(crate) struct Typing {
    text: heapless::Vec<u8, TEXT_BYTES_MAX>,
}

/// What a byte did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Nothing: it is no part of a line, or the line is full.
    Ignored,
    /// It is shown on the terminal like this.
    Echo(&'static [u8]),
    /// It belongs to the line, and shows as itself.
    Byte(u8),
    /// It ended a line.
    Line(LogLine),
}

impl Typing {
    pub(crate) const fn new() -> Self {
        Self { text: heapless::Vec::new() }
    }

    /// Takes a byte. Only printable ASCII belongs to a line.
    pub(crate) fn take(&mut self, byte: u8) -> Typed {
        match byte {
            b'\r' | b'\n' => Typed::Line(self.end()),
            // Backspace and delete.
            0x08 | 0x7f => match self.text.pop() {
                Some(_) => Typed::Echo(b"\x08 \x08"),
                None => Typed::Ignored,
            },
            b' '..=b'~' if self.text.push(byte).is_ok() => Typed::Byte(byte),
            _ => Typed::Ignored,
        }
    }

    fn end(&mut self) -> LogLine {
        let text = core::mem::take(&mut self.text);
        let mut line = LogLine {
            len: u16::try_from(text.len()).unwrap_or(0),
            level: 3,
            reserved: 0,
            text: [0; TEXT_BYTES_MAX],
        };
        for (to, from) in line.text.iter_mut().zip(text) {
            *to = from;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Vec<String> {
        let mut typing = Typing::new();
        let mut lines = Vec::new();
        for byte in bytes {
            if let Typed::Line(line) = typing.take(*byte) {
                let text = &line.text[..usize::from(line.len)];
                lines.push(String::from_utf8(text.to_vec()).unwrap());
            }
        }
        lines
    }

    #[test]
    fn a_line_ends_with_return_and_can_be_corrected() {
        assert_eq!(typed(b"stop net\r"), ["stop net"]);
        assert_eq!(typed(b"\x7fstart m\x08net\n\n"), ["start net", ""]);
    }

    #[test]
    fn what_cannot_be_shown_is_ignored_and_a_long_line_is_cut() {
        assert_eq!(typed(b"a\x1b\x00\xffb\r"), ["ab"]);
        let long = [&[b'x'; 500][..], b"\r"].concat();
        assert_eq!(typed(&long)[0].len(), TEXT_BYTES_MAX);
    }
}
