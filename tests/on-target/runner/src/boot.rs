//! QEMU.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use crate::options::Options;
use crate::suite::System;

/// The board, and virtual time: an instruction is a nanosecond and idle time passes at once, so that
/// results do not depend on how busy the host is.
const QEMU: &str = "qemu-system-aarch64 -machine virt,virtualization=on -cpu cortex-a53 -m size=2G \
                    -nographic -serial mon:stdio -icount shift=0,sleep=off";

/// Stops QEMU whatever happens.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots an image and hands each line of its console to `is_complete`, until that says so, QEMU
/// ends, or the time is up. All of the console goes to the system's log file.
pub(crate) fn run(
    options: &Options,
    system: &System,
    image: &Path,
    mut is_complete: impl FnMut(&str) -> bool,
) -> Result<(), String> {
    let log_path = options.log_path(system);
    let problem = |error: std::io::Error| format!("{}: {error}", log_path.display());
    let mut log = File::create(&log_path).map_err(problem)?;
    let mut qemu = start(system, image)?;
    let console = qemu.0.stdout.take().ok_or("QEMU has no console")?;
    let lines = read_lines(console);
    let deadline = Instant::now() + options.timeout;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                writeln!(log, "{line}").map_err(problem)?;
                if is_complete(&line) {
                    return Ok(());
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                return writeln!(log, "on-target: time is up").map_err(problem);
            }
            Err(RecvTimeoutError::Disconnected) => {
                return writeln!(log, "on-target: QEMU ended").map_err(problem);
            }
        }
    }
}

fn start(system: &System, image: &Path) -> Result<Guard, String> {
    let mut words = QEMU.split_whitespace();
    let program = words.next().unwrap_or_default();
    let loader = format!("loader,file={},addr=0x70000000,cpu-num=0", image.display());
    Command::new(program)
        .args(words)
        .args(["-device", &loader])
        .args(&system.qemu_arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map(Guard)
        .map_err(|error| format!("{program}: {error}"))
}

/// Reads lines in a thread of its own, so that waiting for one can time out.
fn read_lines(console: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut console = BufReader::new(console);
        let mut line = Vec::new();
        while console.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_string();
            line.clear();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    receiver
}
