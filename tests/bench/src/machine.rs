//! A machine: an image in QEMU.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::namespace::{Namespace, TAP};

/// How long a machine may take to become ready.
const BOOT_TIMEOUT: Duration = Duration::from_secs(60);
/// A console that has been silent for so long has said what it has to.
const SILENCE: Duration = Duration::from_millis(300);
/// Between eight letters typed and the next.
const KEY_PAUSE: Duration = Duration::from_millis(5);

/// What a machine is made of.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// A folder with `loader.img` and `run.sh`.
    pub(crate) image: &'a Path,
    pub(crate) disk: &'a Path,
    /// More arguments for QEMU.
    pub(crate) arguments: &'a [&'a str],
}

/// A running machine. It ends when this is dropped.
pub(crate) struct Machine {
    qemu: Child,
    input: ChildStdin,
    console: Receiver<String>,
    log: File,
    http_port: u16,
}

impl Machine {
    /// A machine whose port 80 is a port of this host.
    pub(crate) fn on_user_network(parts: Parts<'_>) -> Result<Self, String> {
        let mut command = Command::new("sh");
        command.arg(parts.image.join("run.sh"));
        Self::start(command, parts, free_port()?)
    }

    /// A machine at the other end of a namespace's cable.
    pub(crate) fn on_tap(parts: Parts<'_>, namespace: &Namespace) -> Result<Self, String> {
        let mut command = namespace.command("sh");
        command.arg(script_for_tap(parts.image)?);
        Self::start(command, parts, 0)
    }

    fn start(mut command: Command, parts: Parts<'_>, http_port: u16) -> Result<Self, String> {
        let log = parts.image.join("bench.log");
        let log = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut qemu = command
            .args(parts.arguments)
            .env("IMAGE", parts.image.join("loader.img"))
            .env("DISK", parts.disk)
            .env("HTTP_PORT", http_port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("QEMU: {error}"))?;
        let console = qemu.stdout.take().ok_or("QEMU has no console")?;
        let input = qemu.stdin.take().ok_or("QEMU takes no input")?;
        Ok(Self { qemu, input, console: read_lines(console), log, http_port })
    }

    /// The port of this host that is the machine's port 80.
    pub(crate) const fn http_port(&self) -> u16 {
        self.http_port
    }

    /// Types a line on the console.
    pub(crate) fn type_line(&mut self, line: &str) -> Result<(), String> {
        // The UART's FIFO has 16 places, and nobody tells us when there is room.
        for piece in format!("{line}\r").as_bytes().chunks(8) {
            let typed = self.input.write_all(piece).and_then(|()| self.input.flush());
            typed.map_err(|error| format!("the console takes no input: {error}"))?;
            thread::sleep(KEY_PAUSE);
        }
        Ok(())
    }

    /// Waits for a line of the console that holds `start`; answers what follows it.
    pub(crate) fn wait_for(&mut self, start: &str) -> Result<String, String> {
        let deadline = Instant::now() + BOOT_TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.console.recv_timeout(left);
            let line = line.map_err(|_| format!("the console never said `{start}`"))?;
            // A log that cannot be written is missed by nobody but who looks for it.
            let _ = writeln!(self.log, "{line}");
            if let Some((_, rest)) = line.split_once(start) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Waits until the machine is ready; the microseconds that took it.
    pub(crate) fn wait_until_ready(&mut self) -> Result<f64, String> {
        let ready = self.wait_for("CAIRN READY ")?;
        let micros = ready.parse().map_err(|_| format!("ready after `{ready}`"))?;
        while let Ok(line) = self.console.recv_timeout(SILENCE) {
            let _ = writeln!(self.log, "{line}");
        }
        Ok(micros)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// `run.sh` with a tap in place of QEMU's own network.
fn script_for_tap(image: &Path) -> Result<PathBuf, String> {
    let (from, to) = (image.join("run.sh"), image.join("run-tap.sh"));
    let problem = |error: std::io::Error| format!("{}: {error}", from.display());
    let text = fs::read_to_string(&from).map_err(problem)?;
    fs::write(&to, with_tap(&text)?).map_err(problem)?;
    Ok(to)
}

fn with_tap(script: &str) -> Result<String, String> {
    let is_network = |line: &&str| line.trim_start().starts_with("\"user,id=net0,");
    let line = script.lines().find(is_network).ok_or("run.sh has no user network")?;
    let tap = format!("    \"tap,id=net0,ifname={TAP},script=no,downscript=no\" \\");
    Ok(script.replace(line, &tap))
}

/// A port of this host that nobody uses.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| error.to_string())
}

/// Reads lines in a thread of its own, so that waiting for one can time out.
fn read_lines(console: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut console = BufReader::new(console);
        let mut line = Vec::new();
        while console.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_the_network_only() {
        let script = "exec \\\n    \"-netdev\" \\\n    \
                      \"user,id=net0,hostfwd=tcp:${HTTP_PORT:?}-:80\" \\\n    \"$@\"";
        let expected = concat!(
            "exec \\\n    \"-netdev\" \\\n    ",
            "\"tap,id=net0,ifname=tap0,script=no,downscript=no\" \\\n    \"$@\"",
        );
        assert_eq!(with_tap(script).as_deref(), Ok(expected));
        assert!(with_tap("exec \"$@\"").is_err());
    }
}
