//! Request heads (RFC 9112, sections 2 to 6).
//!
//! `httparse` reads the syntax; what could make two readers of the same bytes disagree on where a
//! request ends is refused here.

use super::{Code, RangeSpec, Resource};

/// Header fields of one request at most.
const FIELDS_MAX: usize = 64;
/// Bytes of a request's content that are skipped; a request with more ends its connection.
const CONTENT_BYTES_MAX: u64 = 64 * 1024;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// Answer with content.
    Get,
    /// Answer the same without content.
    Head,
    /// Nothing that a read-only server does.
    Other,
}

/// A request that may be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'b> {
    /// What is to be done.
    pub(crate) method: Method,
    /// With what.
    pub(crate) resource: Resource<'b>,
    /// Does the client speak HTTP/1.0?
    pub(crate) is_http_10: bool,
    /// May another request follow on the connection?
    pub(crate) keep_alive: bool,
    /// Bytes of content after the head, to be skipped.
    pub(crate) content_len: u64,
    /// The content is larger than this server is willing to skip.
    pub(crate) is_too_large: bool,
    /// `Range`, if it is one range of bytes.
    pub(crate) range: Option<RangeSpec>,
    /// `If-Range`.
    pub(crate) if_range: Option<&'b [u8]>,
    /// `If-Match`.
    pub(crate) if_match: Option<&'b [u8]>,
    /// `If-None-Match`.
    pub(crate) if_none_match: Option<&'b [u8]>,
    /// `Accept`.
    pub(crate) accept: Option<&'b [u8]>,
}

/// Fields that matter, as they were found.
#[derive(Default)]
struct Fields<'b> {
    host_count: usize,
    content_len: Option<u64>,
    is_chunked: bool,
    expects: bool,
    wants_close: bool,
    wants_keep_alive: bool,
    range: Option<&'b [u8]>,
    range_count: usize,
    if_range: Option<&'b [u8]>,
    if_match: Option<&'b [u8]>,
    if_none_match: Option<&'b [u8]>,
    accept: Option<&'b [u8]>,
}

/// Looks at a head of which the request line is complete: can it still become a request?
///
/// # Errors
/// The code of the answer.
pub(crate) fn check_line(head: &[u8]) -> Result<(), Code> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::Request::new(&mut fields).parse(head) {
        Ok(_) => Ok(()),
        Err(error) => Err(code_of(error, head)),
    }
}

/// Reads a complete head. An error ends the connection: where the next request would begin is not
/// certain.
///
/// # Errors
/// The code of the answer.
pub(crate) fn parse(head: &[u8]) -> Result<Request<'_>, Code> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {}
        Ok(_) => return Err(Code::BadRequest),
        Err(error) => return Err(code_of(error, head)),
    }
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    else {
        return Err(Code::BadRequest);
    };
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ => Method::Other,
    };
    let is_http_10 = minor == 0;
    let fields = Fields::of(parsed.headers)?;
    fields.check(method, is_http_10)?;
    let content_len = fields.content_len.unwrap_or(0);
    let is_too_large = content_len > CONTENT_BYTES_MAX;
    // A client that waits for `100 Continue` may send the content or not.
    let may_be_left_out = fields.expects && content_len > 0;
    let is_framed = !(fields.is_chunked || is_too_large || may_be_left_out);
    let wants_more = if is_http_10 { fields.wants_keep_alive } else { !fields.wants_close };
    Ok(Request {
        method,
        resource: Resource::of(target),
        is_http_10,
        keep_alive: is_framed && wants_more && !fields.wants_close,
        content_len: if is_framed { content_len } else { 0 },
        is_too_large,
        range: fields.range.filter(|_| fields.range_count == 1).and_then(RangeSpec::parse),
        if_range: fields.if_range,
        if_match: fields.if_match,
        if_none_match: fields.if_none_match,
        accept: fields.accept,
    })
}

impl<'b> Fields<'b> {
    fn of(headers: &[httparse::Header<'b>]) -> Result<Self, Code> {
        let mut fields = Self::default();
        for header in headers {
            fields.take(header.name, header.value)?;
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str, value: &'b [u8]) -> Result<(), Code> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is("host") => self.host_count += 1,
            5 if is("range") => {
                self.range = Some(value);
                self.range_count += 1;
            }
            6 if is("accept") => self.accept = Some(value),
            6 if is("expect") => self.expects = true,
            8 if is("if-range") => self.if_range = Some(value),
            8 if is("if-match") => self.if_match = Some(value),
            10 if is("connection") => self.take_connection(value),
            13 if is("if-none-match") => self.if_none_match = Some(value),
            14 if is("content-length") => {
                // Two lengths, even equal ones, are what smuggled requests look like.
                if self.content_len.is_some() {
                    return Err(Code::BadRequest);
                }
                self.content_len = Some(length(value).ok_or(Code::BadRequest)?);
            }
            17 if is("transfer-encoding") => self.is_chunked = true,
            _ => {}
        }
        Ok(())
    }

    fn take_connection(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            self.wants_close |= option.eq_ignore_ascii_case(b"close");
            self.wants_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Refuses what RFC 9112 (sections 3.2 and 6.1) has a server refuse, and content in a chunked
    /// coding where none is expected.
    fn check(&self, method: Method, is_http_10: bool) -> Result<(), Code> {
        let hosts_wanted = usize::from(!is_http_10);
        let is_smuggling = self.is_chunked
            && (self.content_len.is_some() || is_http_10 || method != Method::Other);
        if self.host_count > 1 || self.host_count < hosts_wanted || is_smuggling {
            return Err(Code::BadRequest);
        }
        Ok(())
    }
}

/// Digits and nothing else; a length that is too large to be one counts as the largest.
fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0_u64, |length, digit| {
        length.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

fn code_of(error: httparse::Error, head: &[u8]) -> Code {
    match error {
        httparse::Error::TooManyHeaders => Code::HeadersTooLarge,
        httparse::Error::Version => {
            let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
            let version = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
            match version.strip_prefix(b"HTTP/") {
                Some([b'0'..=b'9', ..]) => Code::VersionNotSupported,
                _ => Code::BadRequest,
            }
        }
        _ => Code::BadRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    fn head(line: &str, fields: &str) -> String {
        format!("{line}\r\nHost: cairn\r\n{fields}\r\n")
    }

    fn code(text: &str) -> Code {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn reads_a_request() {
        let text = head(
            "GET /o/a HTTP/1.1",
            "RANGE: bytes=1-2\r\nIf-None-Match: \"a\"\r\nAccept: */* \r\n",
        );
        let request = parse(text.as_bytes()).unwrap();
        assert_eq!(request.method, Method::Get);
        assert_eq!(request.resource, Resource::Object("a"));
        assert_eq!(request.range, Some(RangeSpec::Between(1, 2)));
        assert_eq!(request.if_none_match, Some(&b"\"a\""[..]));
        assert_eq!(request.accept, Some(&b"*/*"[..]));
        assert!(request.keep_alive && !request.is_http_10);
    }

    #[test]
    fn the_connection_ends_when_either_side_cannot_go_on() {
        for (line, fields, keeps) in [
            ("GET / HTTP/1.1", "", true),
            ("GET / HTTP/1.1", "Connection: foo , CLOSE\r\n", false),
            ("GET / HTTP/1.0", "", false),
            ("GET / HTTP/1.0", "Connection: keep-alive\r\n", true),
            ("GET / HTTP/1.0", "Connection: keep-alive, close\r\n", false),
            ("POST / HTTP/1.1", "Content-Length: 65536\r\n", true),
            ("POST / HTTP/1.1", "Content-Length: 65537\r\n", false),
            ("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n", false),
            ("PUT / HTTP/1.1", "Content-Length: 5\r\nExpect: 100-continue\r\n", false),
            ("GET / HTTP/1.1", "Content-Length: 0\r\nExpect: 100-continue\r\n", true),
        ] {
            let text = head(line, fields);
            assert_eq!(parse(text.as_bytes()).unwrap().keep_alive, keeps, "{text}");
        }
    }

    #[test]
    fn refuses_what_two_readers_would_read_differently() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length:\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\n",
            "A : b\r\n",
            " folded: b\r\n",
            "A: b\r\n folded\r\n",
            "Host: other\r\n",
        ] {
            let text = head("GET / HTTP/1.1", fields);
            assert_eq!(code(&text), Code::BadRequest, "{text}");
        }
        assert_eq!(code("GET / HTTP/1.1\r\n\r\n"), Code::BadRequest);
        assert!(parse(b"GET / HTTP/1.0\r\n\r\n").is_ok());
    }

    #[test]
    fn says_what_is_wrong_with_the_line() {
        for (line, expected) in [
            ("GET / HTTP/2.0", Code::VersionNotSupported),
            ("GET / HTTP/1.2", Code::VersionNotSupported),
            ("GET / HTTP/x", Code::BadRequest),
            ("GET / FOO", Code::BadRequest),
            ("GET  / HTTP/1.1", Code::BadRequest),
            ("GET /", Code::BadRequest),
            ("garbage", Code::BadRequest),
            ("G\u{e9}T / HTTP/1.1", Code::BadRequest),
        ] {
            assert_eq!(code(&head(line, "")), expected, "{line}");
            assert_eq!(check_line(format!("{line}\r\n").as_bytes()), Err(expected), "{line}");
        }
        assert_eq!(check_line(b"GET / HTTP/1.1\r\nA: "), Ok(()));
    }

    #[test]
    fn refuses_too_many_fields() {
        assert!(parse(head("GET / HTTP/1.1", &"A: b\r\n".repeat(63)).as_bytes()).is_ok());
        let text = head("GET / HTTP/1.1", &"A: b\r\n".repeat(64));
        assert_eq!(code(&text), Code::HeadersTooLarge);
    }

    proptest! {
        #[test]
        fn never_panics(
            bytes: Vec<u8>,
            line in "(GET|HEAD|PUT) [ -~]{0,20} HTTP/1\\.[0-2]",
            fields in "(Host|Range|Content-Length|Connection|Expect|If-Range): [ -~]{0,9}\r\n",
        ) {
            let _ = parse(&bytes);
            let _ = check_line(&bytes);
            let text = head(&line, &fields);
            if let Ok(request) = parse(text.as_bytes()) {
                prop_assert!(request.content_len <= CONTENT_BYTES_MAX);
            }
        }
    }
}
