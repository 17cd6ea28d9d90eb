//! Text into a fixed buffer, with the escapes that HTTP, HTML and JSON ask for.
//!
//! `core::fmt` is not used: response heads are on the fast path, and escapes work byte by byte.

/// Text at the front of a buffer. What does not fit is left out as a whole, and makes it *cut*.
#[derive(Debug)]
pub(crate) struct Text<'b> {
    buffer: &'b mut [u8],
    len: usize,
    is_cut: bool,
}

impl<'b> Text<'b> {
    /// No text yet.
    pub(crate) const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0, is_cut: false }
    }

    /// What was written.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Bytes written.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Did something not fit?
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Goes back to an earlier length, when everything did fit.
    pub(crate) fn rewind(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.is_cut = false;
    }

    /// Appends bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        match self.buffer.get_mut(self.len..).and_then(|rest| rest.get_mut(..bytes.len())) {
            Some(room) if !self.is_cut => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            _ => self.is_cut = true,
        }
        self
    }

    /// Appends text as it is.
    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends a number, decimal.
    pub(crate) fn decimal(&mut self, mut number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut start = digits.len();
        while let Some(digit) = start.checked_sub(1).and_then(|at| digits.get_mut(at)) {
            *digit = b'0' + (number % 10) as u8;
            start -= 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.bytes(digits.get(start..).unwrap_or_default())
    }

    /// Appends a number, hexadecimal.
    pub(crate) fn hex_number(&mut self, number: usize) -> &mut Self {
        let bytes = number.to_be_bytes();
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count().min(bytes.len() - 1);
        self.hex(bytes.get(zeros..).unwrap_or_default())
    }

    /// Appends bytes, two hexadecimal digits each.
    pub(crate) fn hex(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            self.bytes(&hex_digits(*byte));
        }
        self
    }

    /// Appends a JSON string (RFC 8259, section 7), quotes included.
    pub(crate) fn json(&mut self, text: &str) -> &mut Self {
        self.str("\"");
        self.escaped(text, |byte, escaped| match byte {
            b'"' => escaped.str("\\\""),
            b'\\' => escaped.str("\\\\"),
            byte => escaped.str("\\u00").hex(&[byte]),
        });
        self.str("\"")
    }

    /// Appends a number of microseconds as seconds.
    pub(crate) fn seconds(&mut self, micros: u64) -> &mut Self {
        let mut digits = [b'0'; 6];
        let mut rest = micros % 1_000_000;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        self.decimal(micros / 1_000_000).str(".").bytes(&digits)
    }

    /// Appends a label's value as Prometheus wants it, quotes included.
    pub(crate) fn label(&mut self, text: &str) -> &mut Self {
        self.str("\"");
        self.escaped(text, |byte, escaped| match byte {
            b'"' => escaped.str("\\\""),
            b'\\' => escaped.str("\\\\"),
            b'\n' => escaped.str("\\n"),
            b'&' | b'<' | b'>' => escaped.bytes(&[byte]),
            _ => escaped.str("\u{fffd}"),
        });
        self.str("\"")
    }

    /// Appends text for HTML, in an element or in a quoted attribute.
    pub(crate) fn html(&mut self, text: &str) -> &mut Self {
        self.escaped(text, |byte, escaped| match byte {
            b'"' => escaped.str("&quot;"),
            b'&' => escaped.str("&amp;"),
            b'<' => escaped.str("&lt;"),
            b'>' => escaped.str("&gt;"),
            b'\\' => escaped.str("\\"),
            _ => escaped.str("\u{fffd}"),
        })
    }

    /// Appends what `escape` makes of each byte that has a meaning in JSON or HTML, or is a control
    /// character; the rest as it is.
    fn escaped(&mut self, text: &str, escape: impl Fn(u8, &mut Self) -> &mut Self) -> &mut Self {
        let is_special = |byte: &u8| matches!(byte, 0..=0x1f | 0x7f | b'"' | b'\\');
        let is_markup = |byte: &u8| matches!(byte, b'&' | b'<' | b'>');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| is_special(byte) || is_markup(byte)) {
            let (plain, special) = rest.split_at(at);
            self.bytes(plain);
            let Some((&byte, after)) = special.split_first() else { break };
            escape(byte, self);
            rest = after;
        }
        self.bytes(rest)
    }

    /// Appends a path for a URI (RFC 3986, section 2): everything but unreserved characters and
    /// slashes is percent-encoded.
    pub(crate) fn uri(&mut self, path: &str) -> &mut Self {
        for byte in path.bytes() {
            let is_plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
            if is_plain {
                self.bytes(&[byte]);
            } else {
                self.str("%").hex(&[byte]);
            }
        }
        self
    }
}

const fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    [DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};
    use std::vec;

    fn written(room: usize, write: impl Fn(&mut Text<'_>)) -> String {
        let mut buffer = vec![0; room];
        let mut text = Text::new(&mut buffer);
        write(&mut text);
        String::from_utf8(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let mut buffer = [0; 5];
        let mut text = Text::new(&mut buffer);
        text.str("abc").str("def").str("g");
        assert_eq!((text.as_bytes(), text.is_cut()), (&b"abc"[..], true));
        text.rewind(1);
        text.str("xy");
        assert_eq!((text.as_bytes(), text.is_cut(), text.len()), (&b"axy"[..], false, 3));
    }

    #[test]
    fn escapes_markup_and_control_characters() {
        let nasty = "a<b>&\"\\\n\u{7f}ä";
        let html = written(99, |text| _ = text.html(nasty));
        assert_eq!(html, "a&lt;b&gt;&amp;&quot;\\\u{fffd}\u{fffd}ä");
        let json = written(99, |text| _ = text.json(nasty));
        assert_eq!(json, r#""a\u003cb\u003e\u0026\"\\\u000a\u007fä""#);
        assert_eq!(written(99, |text| _ = text.uri("a b/ä?")), "a%20b/%c3%a4%3f");
        let label = written(99, |text| _ = text.label(nasty));
        assert_eq!(label, "\"a<b>&\\\"\\\\\\n\u{fffd}ä\"");
        assert_eq!(written(99, |text| _ = text.seconds(7_000_305)), "7.000305");
    }

    proptest! {
        #[test]
        fn json_says_what_was_meant(text: String) {
            let json = written(7 * text.len() + 2, |out| _ = out.json(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn numbers_are_as_everywhere(number: u64, room in 0..30_usize) {
            let decimal = number.to_string();
            let expected = if decimal.len() <= room { decimal } else { String::new() };
            prop_assert_eq!(written(room, |text| _ = text.decimal(number)), expected);
            let small = usize::try_from(number >> 20).unwrap();
            let hex = written(99, |text| _ = text.hex_number(small));
            prop_assert_eq!(usize::from_str_radix(&hex, 16).unwrap(), small);
        }
    }
}
