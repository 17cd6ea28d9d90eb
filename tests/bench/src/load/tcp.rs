//! A stream to an echo service.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

const MIB: usize = 1 << 20;

/// A stream in which no segment could be lost or doubled unseen: its period is no multiple of theirs.
fn block() -> Vec<u8> {
    (0..251).cycle().take(MIB).collect()
}

/// Sends `mib` MiB and receives them again; MiB a second, each way.
pub(crate) fn throughput(address: SocketAddr, mib: usize) -> io::Result<f64> {
    let mut receiver = TcpStream::connect_timeout(&address, PATIENCE)?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    receiver.set_write_timeout(Some(PATIENCE))?;
    let mut sender = receiver.try_clone()?;
    let start = Instant::now();
    let sending = thread::spawn(move || -> io::Result<()> {
        let block = block();
        (0..mib).try_for_each(|_| sender.write_all(&block))?;
        sender.shutdown(Shutdown::Write)
    });
    let (expected, mut received) = (block(), vec![0; MIB]);
    for _ in 0..mib {
        receiver.read_exact(&mut received)?;
        if received != expected {
            return Err(io::Error::other("the echo differs from what was sent"));
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    match sending.join() {
        Ok(sent) => sent?,
        Err(_) => return Err(io::Error::other("the sender panicked")),
    }
    if receiver.read(&mut received)? != 0 {
        return Err(io::Error::other("more came back than was sent"));
    }
    Ok(mib as f64 / seconds)
}
