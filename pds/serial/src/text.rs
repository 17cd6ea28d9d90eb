//! From a client's log line to bytes for a terminal.

use protocols::serial::{LogLine, TEXT_BYTES_MAX};

/// `[name] warning: text` and a line end; a replaced byte becomes one byte, a character stays.
pub(crate) const LINE_BYTES_MAX: usize = 2 + 16 + 1 + 9 + TEXT_BYTES_MAX + 2;

/// A line as it goes to the UART.
pub(crate) type Line = heapless::Vec<u8, LINE_BYTES_MAX>;

/// The client's line with its tag, fit for a terminal; `None` if its fields make no sense.
pub(crate) fn render(name: &str, line: &LogLine) -> Option<Line> {
    let level = match line.level {
        1 => "error: ",
        2 => "warning: ",
        3 => "",
        4 => "debug: ",
        5 => "trace: ",
        _ => return None,
    };
    let text = line.text.get(..usize::from(line.len)).filter(|_| line.reserved == 0)?;
    Some(compose(name, level, text))
}

/// A line of our own about a client.
pub(crate) fn own(name: &str, what: &str) -> Line {
    let mut line = compose("serial", "error: ", name.as_bytes());
    line.truncate(line.len() - LINE_END.len());
    append(&mut line, what.as_bytes());
    append(&mut line, LINE_END);
    line
}

const LINE_END: &[u8] = b"\r\n";

fn compose(name: &str, level: &str, text: &[u8]) -> Line {
    let mut line = Line::new();
    append(&mut line, b"[");
    append(&mut line, name.as_bytes());
    append(&mut line, b"] ");
    append(&mut line, level.as_bytes());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut bytes = [0; 4];
            let shown = if is_shown(character) { character } else { '?' };
            append(&mut line, shown.encode_utf8(&mut bytes).as_bytes());
        }
        append(&mut line, &b"???"[..chunk.invalid().len().min(3)]);
    }
    append(&mut line, LINE_END);
    line
}

/// Characters that take a place on the line and do nothing else to a terminal: no controls
/// (C0, DEL, C1), nothing that reorders, hides or joins text.
fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn append(line: &mut Line, bytes: &[u8]) {
    // The capacity is the sum of the longest parts, so this never fails.
    let _ = line.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(level: u8, text: &[u8]) -> LogLine {
        let mut bytes = [0; TEXT_BYTES_MAX];
        bytes[..text.len()].copy_from_slice(text);
        LogLine { len: u16::try_from(text.len()).unwrap(), level, reserved: 0, text: bytes }
    }

    fn rendered(level: u8, text: &[u8]) -> String {
        String::from_utf8(render("net", &line(level, text)).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_line_is_tagged() {
        assert_eq!(rendered(3, b"up"), "[net] up\r\n");
        assert_eq!(rendered(1, b"down"), "[net] error: down\r\n");
        assert_eq!(rendered(2, "größer".as_bytes()), "[net] warning: größer\r\n");
    }

    #[test]
    fn nothing_that_moves_the_cursor_or_hides_text_passes() {
        assert_eq!(rendered(3, b"a\r\n[crypto] key\x1b[2J\x7f"), "[net] a??[crypto] key?[2J?\r\n");
        assert_eq!(rendered(3, "\u{9b}2J\u{202e}abc".as_bytes()), "[net] ?2J?abc\r\n");
        assert_eq!(rendered(3, b"\xff\xc3x\xe2\x82"), "[net] ??x??\r\n");
    }

    #[test]
    fn fields_that_make_no_sense_are_refused() {
        assert!(render("net", &line(0, b"a")).is_none());
        assert!(render("net", &line(6, b"a")).is_none());
        assert!(render("net", &LogLine { reserved: 1, ..line(3, b"a") }).is_none());
        assert!(render("net", &LogLine { len: 125, ..line(3, b"a") }).is_none());
        assert!(render("net", &LogLine { len: u16::MAX, ..line(3, b"a") }).is_none());
    }

    #[test]
    fn the_longest_line_fits() {
        let text = rendered(2, &[b'x'; TEXT_BYTES_MAX]);
        assert!(text.ends_with("x\r\n"));
        let longest = render("a-name-of-16-byt", &line(2, &[b'x'; TEXT_BYTES_MAX])).unwrap();
        assert_eq!(longest.len(), LINE_BYTES_MAX);
        assert_eq!(own("net", " is cut off").as_slice(), b"[serial] error: net is cut off\r\n");
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_line(level: u8, reserved in 0u8..2, len in 0u16..140, text: [u8; 32]) {
            let mut bytes = [0xe2; TEXT_BYTES_MAX];
            bytes[..32].copy_from_slice(&text);
            let line = LogLine { len, level, reserved, text: bytes };
            if let Some(rendered) = render("net", &line) {
                let text = core::str::from_utf8(&rendered).unwrap();
                let body = text.strip_suffix("\r\n").unwrap();
                prop_assert!(body.starts_with("[net] "));
                prop_assert!(!body.chars().any(char::is_control));
            }
        }
    }
}
