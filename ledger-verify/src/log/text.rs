//! Splitting text by ASCII bytes. Unlike `str`'s own, it links no panics.

/// What stands before and after the first `separator`, an ASCII byte.
pub(super) fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == separator)?;
    let (before, after) = text.split_at_checked(place)?;
    Some((before, after.get(1..)?))
}

/// The lines of a text with their offsets. Each ends in a newline; bytes behind the last newline are
/// no line.
#[derive(Clone)]
pub(super) struct Lines<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// Offset of the next line.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or("")
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let start = self.offset;
        let (line, _) = split_once(self.rest(), b'\n')?;
        self.offset += line.len() + 1;
        Some((start, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn splits_at_the_first_separator() {
        assert_eq!(split_once("a+b+c", b'+'), Some(("a", "b+c")));
        assert_eq!(split_once("+", b'+'), Some(("", "")));
        assert_eq!(split_once("\u{e9}+", b'+'), Some(("\u{e9}", "")));
        assert_eq!(split_once("abc", b'+'), None);
    }

    #[test]
    fn lines_end_in_newlines() {
        let mut lines = Lines::new("a\n\nbc\nd");
        assert_eq!(lines.by_ref().collect::<Vec<_>>(), [(0, "a"), (2, ""), (3, "bc")]);
        assert_eq!((lines.offset(), lines.rest()), (6, "d"));
    }
}
