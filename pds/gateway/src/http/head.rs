//! Response heads (RFC 9112, section 4). No `Date`: this system has no clock that knows it.

use super::Code;
use crate::text::Text;

/// How the client knows where the content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// It has so many bytes.
    Bytes(u64),
    /// It comes in chunks.
    Chunked,
    /// The connection ends with it, for clients that do not know chunks.
    Connection,
    /// There is none, by the status code.
    Nothing,
}

/// What a response says before its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'h> {
    /// Status.
    pub(crate) code: Code,
    /// How the content ends.
    pub(crate) length: Length,
    /// Media type; empty for none.
    pub(crate) media: &'h str,
    /// Merkle root of the object, which is its entity tag.
    pub(crate) root: Option<[u8; 32]>,
    /// First byte and the one after the last of the content.
    pub(crate) range: Option<(u64, u64)>,
    /// Bytes of the whole object, where the range or its refusal needs it.
    pub(crate) size: u64,
    /// The content depends on `Accept`.
    pub(crate) varies: bool,
    /// Another request may follow.
    pub(crate) keep_alive: bool,
}

impl Head<'_> {
    /// Bytes of the longest head.
    pub(crate) const BYTES_MAX: usize = 512;

    /// A head that says nothing but the status.
    pub(crate) const fn new(code: Code, length: Length, keep_alive: bool) -> Self {
        Self {
            code,
            length,
            media: "",
            root: None,
            range: None,
            size: 0,
            varies: false,
            keep_alive,
        }
    }

    /// Appends the head, the empty line included.
    pub(crate) fn write(&self, text: &mut Text<'_>) {
        text.str("HTTP/1.1 ").str(self.code.line()).str("\r\n");
        match self.length {
            Length::Bytes(bytes) => text.str("Content-Length: ").decimal(bytes).str("\r\n"),
            Length::Chunked => text.str("Transfer-Encoding: chunked\r\n"),
            Length::Connection | Length::Nothing => text,
        };
        if !self.media.is_empty() {
            text.str("Content-Type: ").str(self.media).str("\r\n");
        }
        if let Some(root) = &self.root {
            text.str("ETag: \"").hex(root).str("\"\r\nAccept-Ranges: bytes\r\n");
        }
        if !self.code.is_error() {
            text.str("Cache-Control: no-cache\r\n");
        }
        if let Some((start, end)) = self.range {
            // A range is never empty.
            text.str("Content-Range: bytes ").decimal(start).str("-").decimal(end - 1);
            text.str("/").decimal(self.size).str("\r\n");
        } else if self.code == Code::RangeNotSatisfiable {
            text.str("Content-Range: bytes */").decimal(self.size).str("\r\n");
        }
        if self.code == Code::MethodNotAllowed {
            text.str("Allow: GET, HEAD\r\n");
        }
        if self.varies {
            text.str("Vary: Accept\r\n");
        }
        text.str(if self.keep_alive {
            "Connection: keep-alive\r\n\r\n"
        } else {
            "Connection: close\r\n\r\n"
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn written(head: &Head<'_>) -> String {
        let mut buffer = [0; Head::BYTES_MAX];
        let mut text = Text::new(&mut buffer);
        head.write(&mut text);
        assert!(!text.is_cut());
        String::from_utf8(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn says_what_the_content_is() {
        let head = Head {
            media: "image/png",
            root: Some([0xab; 32]),
            range: Some((2, 5)),
            size: 10,
            ..Head::new(Code::PartialContent, Length::Bytes(3), true)
        };
        let expected = "HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\
            Content-Type: image/png\r\nETag: \"abababababababababababababababababababababababababababab\
            abababab\"\r\nAccept-Ranges: bytes\r\nCache-Control: no-cache\r\n\
            Content-Range: bytes 2-4/10\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(written(&head), expected);
    }

    #[test]
    fn the_longest_head_fits() {
        let longest = Head {
            media: "text/javascript; charset=utf-8",
            root: Some([0; 32]),
            range: Some((u64::MAX - 1, u64::MAX)),
            size: u64::MAX,
            varies: true,
            ..Head::new(Code::HeadersTooLarge, Length::Bytes(u64::MAX), true)
        };
        assert!(written(&longest).len() < Head::BYTES_MAX);
        let refused =
            Head { size: 7, ..Head::new(Code::RangeNotSatisfiable, Length::Bytes(0), false) };
        assert!(written(&refused).contains("Content-Range: bytes */7\r\n"));
        assert!(written(&refused).ends_with("Connection: close\r\n\r\n"));
    }
}
