//! A disk in this process: its bytes can be changed, and it can die, while a machine uses it.
//!
//! It speaks NBD (<https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>), fixed
//! newstyle, as far as QEMU needs it to read.

use std::fs;
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

const OPTION_REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;
const REQUEST_MAGIC: u32 = 0x2560_9513;
const REPLY_MAGIC: u32 = 0x6744_6698;
const OPTION_ABORT: u32 = 2;
const OPTION_INFO: u32 = 6;
const OPTION_GO: u32 = 7;
const REPLY_ACK: u32 = 1;
const REPLY_INFO: u32 = 3;
const REPLY_UNSUPPORTED: u32 = 0x8000_0001;
const COMMAND_READ: u16 = 0;
const COMMAND_DISCONNECT: u16 = 2;
const ERROR_IO: u32 = 5;
/// Flags: there are flags; read-only.
const TRANSMISSION_FLAGS: u16 = 0b11;

/// The disk.
#[derive(Debug)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    socket: PathBuf,
    server: Option<Server>,
}

#[derive(Debug)]
struct State {
    bytes: Vec<u8>,
    is_broken: bool,
}

#[derive(Debug)]
struct Server {
    connections: Arc<Mutex<Connections>>,
}

/// Everybody who is connected, and whether anybody may be.
#[derive(Debug, Default)]
struct Connections {
    streams: Vec<UnixStream>,
    is_over: bool,
}

impl Disk {
    /// A running disk with a copy of `image`, behind a socket in `folder`.
    ///
    /// # Panics
    /// If either cannot be used.
    #[must_use]
    pub fn new(image: &Path, folder: &Path) -> Self {
        let state = State { bytes: fs::read(image).unwrap(), is_broken: false };
        let state = Arc::new(Mutex::new(state));
        let mut disk = Self { state, socket: folder.join("disk"), server: None };
        disk.restart();
        disk
    }

    /// What QEMU opens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("nbd+unix:///?socket={}", self.socket.display())
    }

    /// A copy of its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.state.lock().unwrap().bytes.clone()
    }

    /// Changes bits of a byte.
    pub fn flip(&self, at: usize, bits: u8) {
        self.state.lock().unwrap().bytes[at] ^= bits;
    }

    /// From now on, answers every request with an error, or does so no more.
    pub fn set_broken(&self, is_broken: bool) {
        self.state.lock().unwrap().is_broken = is_broken;
    }

    /// Dies: every connection breaks, and nobody can connect.
    pub fn kill(&mut self) {
        let Some(server) = self.server.take() else { return };
        // Who still connects reaches a server that is over.
        let _ = fs::remove_file(&self.socket);
        let mut connections = server.connections.lock().unwrap();
        connections.is_over = true;
        for stream in connections.streams.drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Lives again.
    ///
    /// # Panics
    /// If its socket cannot be made.
    pub fn restart(&mut self) {
        self.kill();
        let listener = UnixListener::bind(&self.socket).unwrap();
        let connections = Arc::new(Mutex::new(Connections::default()));
        let (state, shared) = (Arc::clone(&self.state), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut connections = shared.lock().unwrap();
                if connections.is_over {
                    return;
                }
                connections.streams.push(stream.try_clone().unwrap());
                let state = Arc::clone(&state);
                thread::spawn(move || serve(stream, &state));
            }
        });
        self.server = Some(Server { connections });
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Serves one connection until it ends.
fn serve(mut stream: UnixStream, state: &Mutex<State>) -> Result<(), Error> {
    stream.write_all(b"NBDMAGICIHAVEOPT")?;
    // Fixed newstyle, no zeros.
    stream.write_all(&3_u16.to_be_bytes())?;
    take::<4>(&mut stream)?;
    let size = state.lock().unwrap().bytes.len() as u64;
    negotiate(&mut stream, size)?;
    loop {
        let header: [u8; 28] = take(&mut stream)?;
        let (magic, kind) = (u32_at(&header, 0), u16_at(&header, 6));
        if magic != REQUEST_MAGIC || kind == COMMAND_DISCONNECT {
            return Ok(());
        }
        let offset = usize::try_from(u64_at(&header, 16)).unwrap();
        let len = usize::try_from(u32_at(&header, 24)).unwrap();
        let data = {
            let state = state.lock().unwrap();
            let data = state.bytes.get(offset..offset + len);
            data.filter(|_| kind == COMMAND_READ && !state.is_broken).map(<[u8]>::to_vec)
        };
        let error = if data.is_some() { 0 } else { ERROR_IO };
        let mut reply = REPLY_MAGIC.to_be_bytes().to_vec();
        reply.extend(error.to_be_bytes());
        reply.extend(&header[8..16]);
        reply.extend(data.unwrap_or_default());
        stream.write_all(&reply)?;
    }
}

fn negotiate(stream: &mut UnixStream, size: u64) -> Result<(), Error> {
    loop {
        let header: [u8; 16] = take(stream)?;
        let (option, len) = (u32_at(&header, 8), u32_at(&header, 12));
        let mut data = vec![0; usize::try_from(len).unwrap()];
        stream.read_exact(&mut data)?;
        match option {
            OPTION_GO | OPTION_INFO => {
                let mut info = 0_u16.to_be_bytes().to_vec();
                info.extend(size.to_be_bytes());
                info.extend(TRANSMISSION_FLAGS.to_be_bytes());
                answer(stream, option, REPLY_INFO, &info)?;
                answer(stream, option, REPLY_ACK, &[])?;
                if option == OPTION_GO {
                    return Ok(());
                }
            }
            OPTION_ABORT => return Err(ErrorKind::ConnectionAborted.into()),
            _ => answer(stream, option, REPLY_UNSUPPORTED, &[])?,
        }
    }
}

fn answer(stream: &mut UnixStream, option: u32, kind: u32, data: &[u8]) -> Result<(), Error> {
    let mut reply = OPTION_REPLY_MAGIC.to_be_bytes().to_vec();
    reply.extend(option.to_be_bytes());
    reply.extend(kind.to_be_bytes());
    reply.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    reply.extend(data);
    stream.write_all(&reply)
}

fn take<const N: usize>(stream: &mut UnixStream) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}
