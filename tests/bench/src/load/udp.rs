//! Datagrams to an echo service.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{PATIENCE, median};

/// A lost datagram is replaced after so long.
const LOST_AFTER: Duration = Duration::from_millis(200);
/// Losses at most.
const LOSSES_MAX: usize = 10;

fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(LOST_AFTER))?;
    Ok(socket)
}

/// A datagram that names its number, so that answers cannot be mistaken for others.
fn datagram(bytes: usize, number: usize) -> Vec<u8> {
    let mut datagram: Vec<u8> = (0..=u8::MAX).cycle().take(bytes).collect();
    datagram[..8].copy_from_slice(&number.to_le_bytes());
    datagram
}

/// Waits until the service answers.
pub(crate) fn wait(address: SocketAddr) -> io::Result<()> {
    let socket = connect(address)?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        // No route and no answer yet are both reasons to try again.
        let answered = socket.send(&datagram(64, 0)).and_then(|_| socket.recv(&mut [0; 2048]));
        if answered.is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Median round trip in microseconds, one datagram at a time.
pub(crate) fn round_trip(address: SocketAddr, bytes: usize, count: usize) -> io::Result<f64> {
    let socket = connect(address)?;
    let mut trips = Vec::new();
    let mut losses = 0;
    for number in 0..count {
        let sent = datagram(bytes, number);
        let mut received = vec![0; bytes + 1];
        let start = Instant::now();
        socket.send(&sent)?;
        match socket.recv(&mut received) {
            Ok(len) if received[..len] == sent => trips.push(start.elapsed().as_secs_f64() * 1e6),
            Ok(_) => return Err(io::Error::other("the echo differs from what was sent")),
            Err(error) if losses == LOSSES_MAX => return Err(error),
            Err(_) => losses += 1,
        }
    }
    median(&mut trips).ok_or(io::ErrorKind::TimedOut.into())
}

/// Echoes a second with `outstanding` datagrams under way.
pub(crate) fn rate(
    address: SocketAddr,
    bytes: usize,
    outstanding: usize,
    duration: Duration,
) -> io::Result<f64> {
    let socket = connect(address)?;
    let sent = datagram(bytes, 7);
    let mut received = vec![0; bytes + 1];
    (0..outstanding).try_for_each(|_| socket.send(&sent).map(drop))?;
    let (mut echoes, mut losses) = (0_u32, 0);
    let start = Instant::now();
    while start.elapsed() < duration {
        match socket.recv(&mut received) {
            Ok(len) if received[..len] == sent => {
                echoes += 1;
                socket.send(&sent)?;
            }
            Ok(_) => return Err(io::Error::other("the echo differs from what was sent")),
            Err(error) if losses == LOSSES_MAX => return Err(error),
            Err(_) => {
                // Nothing came for a while, so all that was under way is lost.
                losses += 1;
                (0..outstanding).try_for_each(|_| socket.send(&sent).map(drop))?;
            }
        }
    }
    Ok(f64::from(echoes) / start.elapsed().as_secs_f64())
}
