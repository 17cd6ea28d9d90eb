//! Requests to an HTTP server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::{PATIENCE, median};

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream) })
    }

    /// The body of what lies at `path`.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let line = self.line()?;
        if line.split(' ').nth(1) != Some("200") {
            return Err(io::Error::other(format!("{path}: {line}")));
        }
        let mut length = None;
        let mut is_chunked = false;
        while let Some((name, value)) = self.line()?.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().ok(),
                "transfer-encoding" => is_chunked = value == "chunked",
                _ => {}
            }
        }
        let mut body = Vec::new();
        if is_chunked {
            while self.chunk(&mut body)? > 0 {}
        } else {
            let length = length.ok_or_else(|| io::Error::other(format!("{path}: no length")))?;
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
        }
        Ok(body)
    }

    /// A line without its end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// Appends a chunk; answers its length, 0 at the end.
    fn chunk(&mut self, body: &mut Vec<u8>) -> io::Result<usize> {
        let size = self.line()?;
        let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + size, 0);
        self.stream.read_exact(&mut body[start..])?;
        self.line().map(|_| size)
    }
}

/// Waits until the server answers.
pub(crate) fn wait(address: SocketAddr) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answered = Connection::open(address).and_then(|mut stream| stream.get("/status"));
        match answered {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Requests a second for `path`, whose content is `expected`, over connections that are kept alive.
pub(crate) fn rate(
    address: SocketAddr,
    path: &str,
    expected: &[u8],
    connections: usize,
    duration: Duration,
) -> io::Result<f64> {
    let start_together = Barrier::new(connections);
    let client = || {
        let opened = Connection::open(address).and_then(|mut connection| {
            check(connection.get(path)?, expected)?;
            Ok(connection)
        });
        start_together.wait();
        let mut connection = opened?;
        let (mut count, start) = (0_u32, Instant::now());
        while start.elapsed() < duration {
            check(connection.get(path)?, expected)?;
            count += 1;
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(client)).collect();
        let rates = clients.into_iter().map(|client| match client.join() {
            Ok(rate) => rate,
            Err(_) => Err(io::Error::other("a client panicked")),
        });
        rates.sum()
    })
}

/// Median of the milliseconds from opening a connection to the end of the first response.
pub(crate) fn new_connection(
    address: SocketAddr,
    path: &str,
    expected: &[u8],
    count: usize,
) -> io::Result<f64> {
    let once = |_| {
        let start = Instant::now();
        check(Connection::open(address)?.get(path)?, expected)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let mut times = (0..count).map(once).collect::<io::Result<Vec<f64>>>()?;
    median(&mut times).ok_or(io::ErrorKind::InvalidInput.into())
}

/// Megabytes (10^6) a second of a file, over one connection.
pub(crate) fn throughput(
    address: SocketAddr,
    path: &str,
    expected: &[u8],
    count: usize,
) -> io::Result<f64> {
    let mut connection = Connection::open(address)?;
    check(connection.get(path)?, expected)?;
    let start = Instant::now();
    for _ in 0..count {
        check(connection.get(path)?, expected)?;
    }
    Ok(expected.len() as f64 * count as f64 / 1e6 / start.elapsed().as_secs_f64())
}

fn check(body: Vec<u8>, expected: &[u8]) -> io::Result<()> {
    if body == expected { Ok(()) } else { Err(io::Error::other("wrong bytes were served")) }
}
