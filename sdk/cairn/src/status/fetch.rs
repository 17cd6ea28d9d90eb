//! One `GET` over plain HTTP/1.0: the answer ends with the connection.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use super::Status;
use crate::Error;

/// For each step of the exchange.
const PATIENCE: Duration = Duration::from_secs(3);
/// A status is a few kilobytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// `<host>:<port>`, or `<host>` for port 80; `http://` before it and a slash behind are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        if host.is_empty() || host.contains(['/', ' ', '\r', '\n']) {
            return Err("not <host>:<port>".into());
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(Self(if has_port { host.to_owned() } else { format!("{host}:80") }))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Asks a system for its status.
///
/// # Errors
/// `Io` if nobody answers there, `Refused` if the answer is no status.
pub fn fetch(address: &Address) -> Result<Status, Error> {
    let answer = get(address).map_err(Error::io(&address.0))?;
    parse(&answer).map_err(|reason| Error::Refused(format!("{address}: {reason}")))
}

fn get(address: &Address) -> io::Result<Vec<u8>> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for socket in address.0.to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(stream) => return exchange(stream, address),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn exchange(mut stream: TcpStream, address: &Address) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /status HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(answer: &[u8]) -> Result<Status, String> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.ok_or("no HTTP answer")?);
    let head = String::from_utf8_lossy(head);
    let line = head.lines().next().unwrap_or_default();
    if line.split(' ').nth(1) != Some("200") {
        return Err(format!("answers {}", super::printable(line)));
    }
    serde_json::from_slice(&body[4..])
        .map_err(|error| format!("the status is not readable: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        for (text, expected) in [
            ("localhost:8080", "localhost:8080"),
            ("http://cairn/", "cairn:80"),
            ("10.0.0.1", "10.0.0.1:80"),
            ("[::1]:81", "[::1]:81"),
            ("[::1]", "[::1]:80"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), expected);
        }
        for bad in ["", "http://", "a/b", "a b"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn answers_that_are_no_status_are_refused() {
        for (answer, expected) in [
            ("", "no HTTP answer"),
            (
                "HTTP/1.1 503 Service\x1b Unavailable\r\n\r\n",
                "answers HTTP/1.1 503 Service? Unavailable",
            ),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", "the status is not readable"),
            ("HTTP/1.1 200 OK\r\n\r\n{\"pds\": 7}", "the status is not readable"),
        ] {
            let error = parse(answer.as_bytes()).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let status = parse(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"boot_us\": 7, \"new\": 1}").unwrap();
        assert_eq!((status.boot_us, status.pds.len()), (7, 0));
    }
}
