//! QEMU with an image in it, as `make run` starts it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::environment::{Environment, Image};
use crate::http::{Connection, Response};

/// How long anything may take that takes a second on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the time of a machine follows.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Its instructions, each of which takes two to the power of this nanoseconds: a busy host takes no
    /// time away from its programs.
    Instructions(u32),
    /// The host's clock, as in use.
    Host,
}

impl Clock {
    /// A processor of 1 GHz.
    pub const GHZ: Self = Self::Instructions(0);

    fn arguments(self) -> Vec<String> {
        match self {
            Self::Instructions(shift) => vec!["-icount".to_owned(), format!("shift={shift}")],
            Self::Host => vec![],
        }
    }
}

/// A machine that runs until it is dropped.
#[derive(Debug)]
pub struct Machine {
    qemu: Child,
    input: Mutex<ChildStdin>,
    console: Arc<Console>,
    port: u16,
    /// Whoever connects in turn.
    turn: Mutex<()>,
    log: PathBuf,
}

#[derive(Debug, Default)]
struct Console {
    state: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    has_ended: bool,
}

impl Machine {
    /// Starts a machine and waits until the image says that it is ready and has an address.
    ///
    /// `disk` is what QEMU opens: a file or an NBD address. The console goes to the log of `name`.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn boot(
        environment: &Environment,
        image: &Image,
        name: &str,
        disk: &str,
        clock: Clock,
        arguments: &[String],
    ) -> Self {
        let arguments = [clock.arguments(), arguments.to_vec()].concat();
        let start = || Self::start(environment, image, name, disk, &arguments);
        let mut machine = start();
        // Another process may take the port between the choice and QEMU's start.
        for _ in 0..5 {
            if machine.has_line(|line| line.contains("Could not set up host forwarding rule")) {
                machine = start();
            }
        }
        machine.wait_for("CAIRN READY");
        machine.wait_for("by DHCP");
        machine
    }

    fn start(
        environment: &Environment,
        image: &Image,
        name: &str,
        disk: &str,
        arguments: &[String],
    ) -> Self {
        let port = free_port();
        let mut qemu = Command::new("sh");
        qemu.arg(&image.script)
            .args(arguments)
            .env("IMAGE", &image.loader)
            .env("DISK", disk)
            .env("HTTP_PORT", port.to_string())
            .stdin(Stdio::piped());
        Self::spawn(&mut qemu, environment.log(name), port)
    }

    /// Starts a machine by any command, whose output is its console and goes to `log`. The machine's
    /// port 80 is to be `port` of this host.
    ///
    /// # Panics
    /// If it cannot be started, or the log not be written.
    #[must_use]
    pub fn spawn(command: &mut Command, log: PathBuf, port: u16) -> Self {
        let mut qemu = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let console = Arc::new(Console::default());
        let file = File::create(&log).unwrap();
        let complaints = (qemu.stderr.take().unwrap(), file.try_clone().unwrap());
        let output = (qemu.stdout.take().unwrap(), file);
        let input = Mutex::new(qemu.stdin.take().unwrap());
        let machine = Self { qemu, input, console, port, turn: Mutex::new(()), log };
        machine.follow(complaints.0, complaints.1, false);
        machine.follow(output.0, output.1, true);
        machine
    }

    /// Keeps what comes, line by line.
    fn follow(&self, from: impl Read + Send + 'static, mut log: File, is_console: bool) {
        let console = Arc::clone(&self.console);
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
                // The log is for people; the test has the lines.
                let _ = log.write_all(&line);
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                console.state.lock().unwrap().lines.push(text);
                console.changed.notify_all();
            }
            console.state.lock().unwrap().has_ended |= is_console;
            console.changed.notify_all();
        });
    }

    /// How many lines there are by now: where to search for what comes next.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.console.state.lock().unwrap().lines.len()
    }

    /// The console so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.console.state.lock().unwrap().lines.clone()
    }

    fn has_line(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let state = self.console.state.lock().unwrap();
        let wait =
            self.console.changed.wait_timeout_while(state, Duration::from_millis(500), |state| {
                !state.has_ended && state.lines.is_empty()
            });
        let (state, _) = wait.unwrap();
        state.lines.iter().any(|line| is_it(line))
    }

    /// Waits for a line that contains `text`.
    ///
    /// # Panics
    /// If none comes.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_after(0, text)
    }

    /// Waits for a line that contains `text`, at or after the number `first`.
    ///
    /// # Panics
    /// If none comes.
    pub fn wait_for_after(&self, first: usize, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.console.state.lock().unwrap();
        loop {
            if let Some(line) = state.lines.iter().skip(first).find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.has_ended {
                drop(state);
                panic!("no `{text}` on the console {}", self.log.display());
            }
            state = self.console.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Types a line on the console.
    ///
    /// # Panics
    /// If the machine has ended.
    pub fn type_line(&self, line: &str) {
        let mut input = self.input.lock().unwrap();
        // The UART's FIFO has 16 places, and nobody tells us when there is room.
        for piece in format!("{line}\r").as_bytes().chunks(8) {
            input.write_all(piece).unwrap();
            input.flush().unwrap();
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The host takes the machine's CPU away for so long: its time goes on, its programs do not.
    ///
    /// # Panics
    /// If the machine has ended.
    pub fn stall(&self, pause: Duration) {
        self.signal("STOP");
        thread::sleep(pause);
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.qemu.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.is_ok_and(|status| status.success()), "{command}");
    }

    /// The console's log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The host's port behind which the guest's port 80 is.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.port)
    }

    /// A new connection, made when QEMU has taken all earlier ones. It lets the host keep two that it
    /// has not taken, and of more in a burst the host forgets some when their clients already believe
    /// to be connected.
    ///
    /// # Panics
    /// If QEMU takes none.
    #[must_use]
    pub fn connect_in_turn(&self) -> Connection {
        // Nothing is left half done by a test that has failed.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + PATIENCE;
        while has_waiting(self.port) {
            assert!(Instant::now() < deadline, "QEMU takes no connection");
            thread::sleep(Duration::from_millis(1));
        }
        self.connect()
    }

    /// `GET` over a connection of its own.
    #[must_use]
    pub fn get(&self, target: &str) -> Response {
        self.connect().get(target)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Where a command in between would outlive its end: the keys that end QEMU.
        let console = self.input.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = console.write_all(b"\x01x");
        let _ = console.flush();
        // It may have ended by itself.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// Do connections to this listening port of the host wait to be taken? `proc_net_tcp(5)`: local
/// address, remote address, state (`0A` listens), then how many bytes to send and how many connections.
fn has_waiting(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let local = format!(":{port:04X}");
    table.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().skip(1).take(4).collect();
        matches!(fields[..], [at, _, "0A", queues] if at.ends_with(&local) && !queues.ends_with(":00000000"))
    })
}

/// A port of this host that nobody uses.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
