//! Responses as a client reads them, strictly.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) code: u16,
    /// Header fields, names in lower case.
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first response in `bytes` and what follows it; `None` when it is not complete.
    pub(crate) fn parse(bytes: &[u8], is_head: bool) -> Option<(Self, &[u8])> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let (head, rest) = bytes.split_at(end);
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut parsed = httparse::Response::new(&mut fields);
        assert!(parsed.parse(head).expect("a well-formed head").is_complete());
        assert_eq!(parsed.version, Some(1));
        let code = parsed.code.unwrap();
        let mut names = BTreeMap::new();
        for field in parsed.headers {
            let value = String::from_utf8(field.value.to_vec()).unwrap();
            let previous = names.insert(field.name.to_lowercase(), value);
            assert_eq!(previous, None, "{} twice", field.name);
        }
        let mut response = Self { code, fields: names, body: Vec::new() };
        let has_no_body = is_head || matches!(code, 100..200 | 204 | 304);
        let rest = if has_no_body { rest } else { response.read_body(rest)? };
        Some((response, rest))
    }

    fn read_body<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        if let Some(length) = self.field("content-length") {
            assert_eq!(self.field("transfer-encoding"), None);
            let length = length.parse().unwrap();
            let (body, rest) = bytes.split_at_checked(length)?;
            self.body = body.to_vec();
            return Some(rest);
        }
        if self.field("transfer-encoding") == Some("chunked") {
            return self.read_chunks(bytes);
        }
        assert_eq!(self.field("connection"), Some("close"));
        self.body = bytes.to_vec();
        Some(&[])
    }

    fn read_chunks<'b>(&mut self, mut bytes: &'b [u8]) -> Option<&'b [u8]> {
        loop {
            let end = bytes.windows(2).position(|window| window == b"\r\n")?;
            let size = core::str::from_utf8(&bytes[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).expect("a chunk size");
            let chunk = bytes.get(end + 2..end + 2 + size)?;
            self.body.extend(chunk);
            let rest = bytes.get(end + 2 + size..)?;
            bytes = rest.get(2..)?;
            assert!(rest.starts_with(b"\r\n"));
            if size == 0 {
                return Some(bytes);
            }
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        core::str::from_utf8(&self.body).unwrap().to_string()
    }
}
