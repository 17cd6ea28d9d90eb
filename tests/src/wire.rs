//! The cable between a machine and its network, cut open: a station of the test's own is on it.
//!
//! QEMU hands every frame that the guest sends to this process (`filter-redirector`), which keeps what
//! is for its own stations and passes on the rest, so that the user network with its DHCP server and
//! forwarded port goes on working beside. Frames to the guest are put in on the same way.

use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::frames::{self, ATTACKER_MAC};
use crate::machine::PATIENCE;

/// Bytes in front of each frame: its length.
const PREFIX_BYTES: usize = 4;

/// Sockets that wait for QEMU.
#[derive(Debug)]
pub struct Socket {
    from_guest: UnixListener,
    to_guest: UnixListener,
    to_network: UnixListener,
    /// What QEMU is started with.
    pub arguments: Vec<String>,
}

/// The open cable.
#[derive(Debug)]
pub struct Wire {
    to_guest: Arc<Mutex<UnixStream>>,
    received: Receiver<Vec<u8>>,
}

impl Socket {
    /// Sockets in `folder`.
    ///
    /// # Panics
    /// If they cannot be made.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let mut arguments = Vec::new();
        let mut listen = |name: &str| {
            let path = folder.join(name);
            arguments
                .extend(["-chardev".into(), format!("socket,id={name},path={}", path.display())]);
            UnixListener::bind(path).unwrap()
        };
        let from_guest = listen("from_guest");
        let to_guest = listen("to_guest");
        let to_network = listen("to_network");
        // Frames towards the network pass the filters from the last to the first.
        for filter in [
            "id=put_out,netdev=net0,queue=rx,indev=to_network",
            "id=take,netdev=net0,queue=rx,outdev=from_guest",
            "id=put_in,netdev=net0,queue=tx,indev=to_guest",
        ] {
            arguments.extend(["-object".into(), format!("filter-redirector,{filter}")]);
        }
        Self { from_guest, to_guest, to_network, arguments }
    }

    /// Waits for QEMU, which must have been started, and begins to pass frames on.
    ///
    /// # Panics
    /// If QEMU does not come, or a socket breaks.
    #[must_use]
    pub fn open(self) -> Wire {
        let mut from_guest = accept(&self.from_guest);
        let to_guest = Arc::new(Mutex::new(accept(&self.to_guest)));
        let mut to_network = accept(&self.to_network);
        let (sender, received) = mpsc::channel();
        let answers = Arc::clone(&to_guest);
        thread::spawn(move || -> Result<(), Error> {
            loop {
                let frame = take(&mut from_guest)?;
                if let Some(answer) = frames::answer(&frame) {
                    put(&mut answers.lock().unwrap(), &answer)?;
                }
                if frame.starts_with(&ATTACKER_MAC.0) {
                    // Nobody may be interested any more.
                    let _ = sender.send(frame);
                } else {
                    put(&mut to_network, &frame)?;
                }
            }
        });
        Wire { to_guest, received }
    }
}

impl Wire {
    /// Sends a frame to the guest.
    ///
    /// # Panics
    /// If QEMU has ended.
    pub fn send(&self, frame: &[u8]) {
        put(&mut self.to_guest.lock().unwrap(), frame).unwrap();
    }

    /// The first thing that `look` finds in a frame to this station; `None` after `patience`.
    pub fn find<T>(&self, patience: Duration, look: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.received.recv_timeout(left) {
                Ok(frame) => {
                    if let Some(found) = look(&frame) {
                        return Some(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("QEMU has ended"),
            }
        }
    }

    /// Forgets the frames that have arrived.
    pub fn clear(&self) {
        while self.received.try_recv().is_ok() {}
    }
}

/// The first connection, which comes when QEMU starts.
fn accept(listener: &UnixListener) -> UnixStream {
    listener.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                return stream;
            }
            Err(error) => {
                let is_waiting = error.kind() == ErrorKind::WouldBlock;
                assert!(is_waiting && Instant::now() < deadline, "QEMU does not come: {error}");
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn take(stream: &mut UnixStream) -> Result<Vec<u8>, Error> {
    let mut len = [0; PREFIX_BYTES];
    stream.read_exact(&mut len)?;
    let mut frame = vec![0; usize::try_from(u32::from_be_bytes(len)).unwrap()];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

fn put(stream: &mut UnixStream, frame: &[u8]) -> Result<(), Error> {
    let len = u32::try_from(frame.len()).unwrap();
    stream.write_all(&[&len.to_be_bytes(), frame].concat())
}
