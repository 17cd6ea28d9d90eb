//! A client that sends what it is told, good or bad, and shows everything that comes back.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than the server waits for anything.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to the server.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// Content as far as it came.
    pub body: Vec<u8>,
    /// The connection ended before the content did.
    pub is_cut: bool,
}

impl Response {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(other, _)| other == name);
        field.map(|(_, value)| value.as_str())
    }

    /// Reads one, with the content that all have but those to `HEAD`.
    ///
    /// # Errors
    /// It ends within the head.
    pub fn read(from: &mut impl BufRead, has_body: bool) -> Result<Self, Error> {
        let first = line(from)?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| Error::other(format!("bad status line `{first}`")))?;
        let mut fields = Vec::new();
        loop {
            let line = line(from)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| Error::other(line.clone()))?;
            fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut response = Self { status, fields, body: Vec::new(), is_cut: false };
        if has_body && !matches!(status, 204 | 304) {
            response.is_cut = response.read_body(from).is_err();
        }
        Ok(response)
    }

    fn read_body(&mut self, from: &mut impl BufRead) -> Result<(), Error> {
        if self.field("transfer-encoding") == Some("chunked") {
            loop {
                let size = line(from)?;
                let len = u64::from_str_radix(&size, 16).map_err(Error::other)?;
                take(from, len, &mut self.body)?;
                if !line(from)?.is_empty() {
                    return Err(ErrorKind::InvalidData.into());
                }
                if len == 0 {
                    return Ok(());
                }
            }
        }
        match self.field("content-length").map(str::parse) {
            Some(Ok(len)) => take(from, len, &mut self.body),
            Some(Err(error)) => Err(Error::other(error)),
            None => from.read_to_end(&mut self.body).map(drop),
        }
    }

    /// The content as text.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Connection {
    /// A connection to a port of this host.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn open(port: u16) -> Self {
        Self::try_open(port, TIMEOUT).unwrap()
    }

    /// A connection to a port of this host that waits so long for anything.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn try_open(port: u16, patience: Duration) -> Result<Self, Error> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends these bytes, as far as the server takes them.
    pub fn send(&mut self, bytes: &[u8]) {
        // A server that has seen enough of a bad request closes; what it said is still to be read.
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Sends a request without content.
    pub fn request(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: cairn\r\n");
        for (name, value) in fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        self.send(text.as_bytes());
    }

    /// `GET` and its answer.
    pub fn get(&mut self, target: &str) -> Response {
        self.get_with(target, &[])
    }

    /// `GET` with more fields, and its answer.
    pub fn get_with(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.request("GET", target, fields);
        self.response()
    }

    /// The next response, to anything but `HEAD`.
    ///
    /// # Panics
    /// If none comes.
    pub fn response(&mut self) -> Response {
        self.try_response().unwrap_or_else(|error| panic!("no response: {error}"))
    }

    /// The next response, to `HEAD`.
    ///
    /// # Panics
    /// If none comes.
    pub fn head_response(&mut self) -> Response {
        Response::read(&mut self.stream, false)
            .unwrap_or_else(|error| panic!("no response: {error}"))
    }

    /// The next response, or why there is none.
    ///
    /// # Errors
    /// The connection ended, or timed out, within the head.
    pub fn try_response(&mut self) -> Result<Response, Error> {
        Response::read(&mut self.stream, true)
    }

    /// Whether the server has closed the connection, which it must have announced.
    #[must_use]
    pub fn is_at_end(&mut self) -> bool {
        match self.stream.fill_buf() {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Whether the response has begun to come; waits for its first byte.
    #[must_use]
    pub fn has_begun(&mut self) -> bool {
        self.stream.fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }
}

fn line(from: &mut impl BufRead) -> Result<String, Error> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let text = line.strip_suffix("\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    Ok(text.to_owned())
}

fn take(from: &mut impl BufRead, len: u64, body: &mut Vec<u8>) -> Result<(), Error> {
    let read = from.take(len).read_to_end(body)?;
    if read as u64 == len { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}
