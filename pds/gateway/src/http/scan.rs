//! Where a request head ends, found byte by byte as it arrives.
//!
//! Stricter than RFC 9112 asks for: a line ends with CR LF and nothing else, and no other control
//! character but the tab may occur. So nobody between the client and here can see other lines than
//! this server does, and garbage is refused when it comes, not when it stops coming.

use super::{Code, HEAD_BYTES_MAX, LINE_BYTES_MAX};

/// What the bytes so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The beginning of a head.
    More,
    /// The request line is complete, told once; the head is not.
    Line,
    /// A head of so many bytes.
    Head(usize),
    /// No head that this server reads.
    Bad(Code),
}

/// How far a head has been looked at. Each byte is looked at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    /// Bytes looked at.
    at: usize,
    /// Where the line began that is being looked at.
    line_start: usize,
    has_told_line: bool,
}

impl Scan {
    /// Nothing has been looked at.
    pub(crate) const fn new() -> Self {
        Self { at: 0, line_start: 0, has_told_line: false }
    }

    /// Looks at what is new in `bytes`, which begin with the request line.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Found {
        while let Some(&byte) = bytes.get(self.at) {
            if self.at >= HEAD_BYTES_MAX || (self.line_start == 0 && self.at >= LINE_BYTES_MAX) {
                return Found::Bad(Code::HeadersTooLarge);
            }
            let is_after_cr = self.at > 0 && bytes.get(self.at - 1) == Some(&b'\r');
            match byte {
                b'\n' if is_after_cr => {
                    self.at += 1;
                    if self.at - self.line_start == 2 {
                        return Found::Head(self.at);
                    }
                    self.line_start = self.at;
                    continue;
                }
                _ if is_after_cr => return Found::Bad(Code::BadRequest),
                b'\t' | b'\r' | b' '..=b'~' | 0x80.. => self.at += 1,
                _ => return Found::Bad(Code::BadRequest),
            }
        }
        if self.at >= HEAD_BYTES_MAX || (self.line_start == 0 && self.at >= LINE_BYTES_MAX) {
            return Found::Bad(Code::HeadersTooLarge);
        }
        if self.line_start > 0 && !self.has_told_line {
            self.has_told_line = true;
            return Found::Line;
        }
        Found::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn found(bytes: &[u8]) -> Found {
        Scan::new().look(bytes)
    }

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        assert_eq!(found(b"GET / HTTP/1.1\r\nA: b\r\n\r\nGET"), Found::Head(24));
        assert_eq!(found(b"GET / HTTP/1.1\r\nA: b\r\n\r"), Found::Line);
        assert_eq!(found(b"GET / HTTP"), Found::More);
    }

    #[test]
    fn the_line_is_told_once() {
        let mut scan = Scan::new();
        assert_eq!(scan.look(b"x\r\n"), Found::Line);
        assert_eq!(scan.look(b"x\r\nA"), Found::More);
        assert_eq!(scan.look(b"x\r\nA\r\n\r\n"), Found::Head(8));
    }

    #[test]
    fn refuses_other_line_ends_and_control_characters() {
        for bytes in [&b"GET / HTTP/1.1\n"[..], b"a\rb", b"\0", b"a\x7f", b"a\r\r\n", b"\n"] {
            assert_eq!(found(bytes), Found::Bad(Code::BadRequest), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_long_lines_and_long_heads() {
        let line = [b'a'; LINE_BYTES_MAX];
        assert_eq!(found(&line[1..]), Found::More);
        assert_eq!(found(&line), Found::Bad(Code::HeadersTooLarge));
        let mut head = b"GET / HTTP/1.1\r\n".to_vec();
        head.resize(HEAD_BYTES_MAX - 4, b'a');
        assert_eq!(found(&head), Found::Line);
        let mut fits = head.clone();
        fits.extend(b"\r\n\r\n");
        assert_eq!(found(&fits), Found::Head(HEAD_BYTES_MAX));
        head.extend(b"a\r\n\r\n");
        assert_eq!(found(&head), Found::Bad(Code::HeadersTooLarge));
    }

    proptest! {
        #[test]
        fn pieces_find_what_the_whole_finds(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'a')], 0..40),
            cuts in proptest::collection::vec(0..40_usize, 0..6),
        ) {
            let whole = found(&bytes);
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
            cuts.sort_unstable();
            cuts.push(bytes.len());
            let mut scan = Scan::new();
            let mut last = Found::More;
            let mut has_told = false;
            for cut in cuts {
                last = scan.look(&bytes[..cut]);
                has_told |= last == Found::Line;
                if matches!(last, Found::Head(_) | Found::Bad(_)) {
                    break;
                }
            }
            let whole = if whole == Found::Line && has_told { Found::More } else { whole };
            let last = if last == Found::Line { Found::More } else { last };
            prop_assert_eq!(last, whole);
        }
    }
}
