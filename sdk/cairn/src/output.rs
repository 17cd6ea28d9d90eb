//! Answers on standard output, as text or JSON; progress on standard error.

use std::fmt::Display;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

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
    pub fn answer<T: Serialize + Display>(&self, value: &T) {
        if self.json {
            match serde_json::to_string_pretty(value) {
                Ok(text) => println!("{text}"),
                Err(error) => eprintln!("cairn: cannot write JSON: {error}"),
            }
        } else {
            println!("{value}");
        }
    }

    /// A bar over `total` steps. It stays invisible unless standard error is a terminal and the work
    /// takes more than a second.
    pub fn progress(&self, what: &'static str, total: u64) -> Progress {
        let bar = if std::io::stderr().is_terminal() {
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
        if late && !self.visible && std::io::stderr().is_terminal() {
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
