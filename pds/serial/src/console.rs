//! All clients' rings and the one UART.

use pl011::{Pl011, Registers};
use protocols::serial::{LogLine, RING_SLOTS};
use sel4_shared_ring_buffer::{RingBuffer, roles::Read};

use crate::text::{Line, own, render};

/// Clients at most.
pub const CLIENTS_MAX: usize = 32;

/// The ring that one client fills.
pub type LogRing<'a> = RingBuffer<'a, Read, LogLine, RING_SLOTS>;

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
    /// Clients cut off.
    pub violations: u64,
}

struct Client<'a> {
    name: heapless::String<NAME_BYTES>,
    /// `None` once the client broke it.
    ring: Option<LogRing<'a>>,
}

impl Client<'_> {
    /// The next line to print, if any; `Err` when the client broke its ring just now.
    fn next_line(&mut self) -> Result<Option<Line>, ()> {
        let Some(ring) = &mut self.ring else { return Ok(None) };
        let line = match ring.dequeue() {
            Ok(None) => return Ok(None),
            Ok(Some(line)) => render(&self.name, &line),
            Err(_) => None,
        };
        if line.is_none() {
            self.ring = None;
            return Err(());
        }
        Ok(line)
    }
}

/// The console.
pub struct Console<'a, R> {
    uart: Pl011<R>,
    clients: heapless::Vec<Client<'a>, CLIENTS_MAX>,
    /// Whose turn it is.
    turn: usize,
    /// The line on its way out, and how much of it is sent.
    line: Line,
    sent: usize,
    counters: Counters,
}

impl<'a, R: Registers> Console<'a, R> {
    /// A console for these clients, of which it takes the first [`CLIENTS_MAX`]. Names are cut to
    /// their first 16 bytes.
    pub fn new<'n>(
        uart: Pl011<R>,
        clients: impl IntoIterator<Item = (&'n str, LogRing<'a>)>,
    ) -> Self {
        let clients = clients.into_iter().take(CLIENTS_MAX).map(|(name, ring)| Client {
            name: name
                .get(..name.len().min(NAME_BYTES))
                .unwrap_or("?")
                .try_into()
                .unwrap_or_default(),
            ring: Some(ring),
        });
        Self {
            uart,
            clients: clients.collect(),
            turn: 0,
            line: Line::new(),
            sent: 0,
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
            match self.next_line() {
                Some(line) => (self.line, self.sent) = (line, 0),
                None => break,
            }
        }
        self.uart.interrupt_on_transmit(false);
    }

    /// Serves the UART's interrupt.
    pub fn interrupt(&mut self) {
        self.uart.acknowledge_interrupt();
        let typed = (0..RECEIVE_BYTES_MAX).map_while(|_| self.uart.read()).count();
        self.counters.received_bytes += typed as u64;
        self.run();
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
                    own(&client.name, " broke its log ring and is cut off")
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
