//! All clients' rings and the one UART.

use pl011::{Pl011, Received, Registers};
use protocols::serial::{INPUT_SLOTS, LogLine, RING_SLOTS};
use sel4_shared_ring_buffer::{Meter, RingBuffer, roles::Read, roles::Write};

use crate::input::{Typed, Typing};
use crate::text::{Line, own, render};

/// Clients at most.
pub const CLIENTS_MAX: usize = 32;

/// The ring that one client fills.
pub type LogRing<'a> = RingBuffer<'a, Read, LogLine, RING_SLOTS>;

/// The ring of typed lines.
pub type InputRing<'a> = RingBuffer<'a, Write, LogLine, INPUT_SLOTS>;

/// The client that gets what is typed.
const INPUT_OWNER: &str = "supervisor";

/// Longest name of a client.
const NAME_BYTES: usize = protocols::system::NAME_BYTES;

/// Bytes taken from the UART per interrupt: its FIFO, twice.
const RECEIVE_BYTES_MAX: usize = 32;

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Lines printed.
    pub lines: u64,
    /// Bytes given to the UART.
    pub transmitted_bytes: u64,
    /// Bytes typed.
    pub received_bytes: u64,
    /// Times that a client broke its ring, and was named.
    pub violations: u64,
}

/// What is shared with a client.
pub struct Rings<'a> {
    /// Lines to print.
    pub log: LogRing<'a>,
    /// Lines that were typed.
    pub input: InputRing<'a>,
    /// Shows how many lines wait.
    pub meter: &'a Meter,
}

struct Client<'a> {
    name: heapless::String<NAME_BYTES>,
    ring: LogRing<'a>,
    meter: &'a Meter,
    /// It broke its ring, and has written no right line since.
    is_named: bool,
}

/// Where typed lines go.
struct Input<'a, F> {
    ring: InputRing<'a>,
    meter: &'a Meter,
    notify: F,
}

impl<'a, F: FnMut()> Input<'a, F> {
    /// A ring that an earlier life broke begins anew, and the reader hears of it before a line is lost.
    fn new(ring: InputRing<'a>, meter: &'a Meter, notify: F) -> Self {
        let mut input = Self { ring, meter, notify };
        if input.ring.is_full().is_err() {
            input.ring.recover();
            (input.notify)();
        }
        input
    }
}

impl Client<'_> {
    /// The next line to print, if any; `Err` when the client is to be named, for what it broke.
    fn next_line(&mut self) -> Result<Option<Line>, ()> {
        for _ in 0..RING_SLOTS {
            if let Ok(waiting) = self.ring.num_filled_slots() {
                self.meter.saw(u32::try_from(waiting).unwrap_or(u32::MAX));
            }
            let line = match self.ring.dequeue() {
                Ok(None) => break,
                Ok(Some(line)) => render(&self.name, &line),
                Err(_) => {
                    self.ring.recover();
                    None
                }
            };
            if line.is_some() {
                self.is_named = false;
                return Ok(line);
            }
            self.meter.blame();
            if !core::mem::replace(&mut self.is_named, true) {
                return Err(());
            }
        }
        Ok(None)
    }
}

/// The console.
pub struct Console<'a, R, F> {
    uart: Pl011<R>,
    clients: heapless::Vec<Client<'a>, CLIENTS_MAX>,
    /// Whose turn it is.
    turn: usize,
    /// The line on its way out, and how much of it is sent.
    line: Line,
    sent: usize,
    typing: Typing,
    /// What the terminal is to show of it next.
    echo: Line,
    /// `None` where nobody reads what is typed.
    input: Option<Input<'a, F>>,
    counters: Counters,
}

impl<'a, R: Registers, F: FnMut()> Console<'a, R, F> {
    /// A console for these clients, each with its rings and what wakes it, of which it takes the
    /// first [`CLIENTS_MAX`]. Names are cut to their first 16 bytes. In a later life than the first,
    /// `is_again`, the line that was on its way out is ended.
    pub fn new<'n>(
        uart: Pl011<R>,
        clients: impl IntoIterator<Item = (&'n str, Rings<'a>, F)>,
        is_again: bool,
    ) -> Self {
        let mut input = None;
        let clients = clients.into_iter().take(CLIENTS_MAX).map(|(name, rings, notify)| {
            let Rings { log, input: ring, meter } = rings;
            meter.begin(u32::try_from(log.capacity()).unwrap_or(u32::MAX));
            if name == INPUT_OWNER {
                input = Some(Input::new(ring, meter, notify));
            }
            let name = name.get(..name.len().min(NAME_BYTES)).unwrap_or("?");
            Client { name: name.try_into().unwrap_or_default(), ring: log, meter, is_named: false }
        });
        let clients = clients.collect();
        let mut line = Line::new();
        if is_again {
            line.extend([b'\r', b'\n']);
        }
        Self {
            uart,
            clients,
            turn: 0,
            line,
            sent: 0,
            typing: Typing::new(),
            echo: Line::new(),
            input,
            counters: Counters::default(),
        }
    }

    /// Prints lines, one per client in turn, until there is none left or the UART is full; then
    /// the UART's interrupt continues. To be called at the start and after every notification.
    pub fn run(&mut self) {
        loop {
            let rest = self.line.get(self.sent..).unwrap_or_default();
            let count = self.uart.write(rest);
            self.sent += count;
            self.counters.transmitted_bytes += count as u64;
            if count < rest.len() {
                self.uart.interrupt_on_transmit(true);
                return;
            }
            let echo = core::mem::take(&mut self.echo);
            let next = if echo.is_empty() { self.next_line() } else { Some(echo) };
            match next {
                Some(line) => (self.line, self.sent) = (line, 0),
                None => break,
            }
        }
        self.uart.interrupt_on_transmit(false);
    }

    /// Serves the UART's interrupt.
    pub fn interrupt(&mut self) {
        self.uart.acknowledge_interrupt();
        for _ in 0..RECEIVE_BYTES_MAX {
            let Some(received) = self.uart.read() else { break };
            self.counters.received_bytes += 1;
            if let Received::Byte(byte) = received {
                self.typed(byte);
            }
        }
        self.run();
    }

    fn typed(&mut self, byte: u8) {
        let Some(input) = &mut self.input else { return };
        // An echo that finds no room is not shown; a line that finds none is dropped.
        match self.typing.take(byte) {
            Typed::Ignored => {}
            Typed::Echo(bytes) => drop(self.echo.extend_from_slice(bytes)),
            Typed::Byte(byte) => drop(self.echo.push(byte)),
            Typed::Line(line) => {
                let _ = self.echo.extend_from_slice(b"\r\n");
                match input.ring.enqueue_and_commit(line) {
                    Ok(_) => (input.notify)(),
                    Err(_) => {
                        self.counters.violations += 1;
                        input.meter.blame();
                        input.ring.recover();
                    }
                }
            }
        }
    }

    /// What happened so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The next line of the next client that has one.
    fn next_line(&mut self) -> Option<Line> {
        let count = self.clients.len();
        for index in (self.turn..count).chain(0..self.turn) {
            let client = self.clients.get_mut(index)?;
            let line = match client.next_line() {
                Ok(None) => continue,
                Ok(Some(line)) => {
                    self.counters.lines += 1;
                    line
                }
                Err(()) => {
                    self.counters.violations += 1;
                    own(&client.name, " broke its log ring: lines are lost")
                }
            };
            self.turn = (index + 1) % count;
            return Some(line);
        }
        None
    }
}

#[cfg(test)]
mod tests;
