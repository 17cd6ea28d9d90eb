//! Answers on standard output, as text or JSON; progress on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::Error;

/// A bar shows only once the work has taken this long.
const PROGRESS_DELAY: Duration = Duration::from_secs(1);

/// Where a subcommand puts its answer.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Text, or one JSON document per answer.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the answer: its `Display` form, or its JSON form.
    ///
    /// # Errors
    /// As [`print()`].
    pub fn answer<T: Serialize + Display>(&self, value: &T) -> Result<(), Error> {
        let text = if self.json { json(value)? } else { value.to_string() };
        print(&format!("{text}\n"))
    }

    /// A bar over `total` steps. It stays invisible unless standard error is a terminal and the work
    /// takes more than a second.
    pub fn progress(&self, what: &'static str, total: u64) -> Progress {
        let bar = if io::stderr().is_terminal() {
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {percent}% {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Progress { bar, visible: false }
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Error::Refused(format!("cannot write JSON: {error}")))
}

/// Prints `text` as it is. A reader that has gone away, as `head` does, wants no more: that is no
/// failure, and the exit code says what it would have said.
///
/// # Errors
/// `Io` if standard output takes no more for another reason.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Error::io("standard output")),
    }
}

/// Says something on standard error. If nobody listens there, nobody can be told so.
pub fn say(what: impl Display) {
    let _ = writeln!(io::stderr(), "{what}");
}

/// A progress bar that appears late or never.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    visible: bool,
}

impl Progress {
    /// Counts `steps` as done.
    pub fn advance(&mut self, steps: u64) {
        self.bar.inc(steps);
        let late = self.bar.elapsed() > PROGRESS_DELAY;
        if late && !self.visible && io::stderr().is_terminal() {
            self.visible = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
