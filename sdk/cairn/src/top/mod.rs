//! `cairn top`: the same as `cairn ps`, live in the terminal.

mod history;
mod view;

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::Error;
use crate::status::{Address, Status, fetch};
pub use history::{History, Order};
pub use view::draw;

/// How long a key press may wait.
const KEY_PATIENCE: Duration = Duration::from_millis(100);

/// `cairn top`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where the system's gateway is.
    #[arg(default_value = "127.0.0.1:8080")]
    address: Address,
    /// Seconds between two looks.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    every: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "from 0.1 to 3600".into())
}

/// Runs `cairn top` until somebody presses `q`.
///
/// # Errors
/// `Io` if this is no terminal. A system that does not answer is asked again.
pub fn run(args: &Args) -> Result<(), Error> {
    let (sender, answers) = mpsc::channel();
    let (address, pause) = (args.address.clone(), Duration::from_secs_f64(args.every));
    // The system may take its time to answer; keys may not.
    thread::spawn(move || {
        while sender.send(fetch(&address)).is_ok() {
            thread::sleep(pause);
        }
    });
    let mut terminal = ratatui::try_init().map_err(Error::io("terminal"))?;
    let outcome = watch(&mut terminal, &args.address, &answers);
    ratatui::restore();
    outcome.map_err(Error::io("terminal"))
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    address: &Address,
    answers: &mpsc::Receiver<Result<Status, Error>>,
) -> io::Result<()> {
    let mut history = History::new(address.to_string());
    loop {
        for answer in answers.try_iter() {
            match answer {
                Ok(status) => history.add(status),
                Err(error) => history.lose(error.to_string()),
            }
        }
        terminal.draw(|frame| draw(frame, &history))?;
        if !event::poll(KEY_PATIENCE)? {
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        let ends = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
        match key.code {
            _ if key.kind != KeyEventKind::Press => {}
            KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
            _ if ends => return Ok(()),
            KeyCode::Char('c') => history.order = Order::Cpu,
            KeyCode::Char('p') => history.order = Order::Priority,
            KeyCode::Char('n') => history.order = Order::Name,
            _ => {}
        }
    }
}
