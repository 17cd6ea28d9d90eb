//! All clients and the one timer.

use generic_timer::{GenericTimer, Registers};

use crate::client::{Client, Link};

/// Clients at most.
pub const CLIENTS_MAX: usize = 12;

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests received.
    pub requests: u64,
    /// Requests refused.
    pub errors: u64,
    /// Clients cut off.
    pub violations: u64,
}

/// The timeouts of all clients.
pub struct Service<'a, R, F: FnMut()> {
    timer: GenericTimer<R>,
    clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    counters: Counters,
}

impl<'a, R: Registers, F: FnMut()> Service<'a, R, F> {
    /// A service of these clients, of which it takes the first [`CLIENTS_MAX`].
    pub fn new(timer: GenericTimer<R>, links: impl IntoIterator<Item = Link<'a, F>>) -> Self {
        let clients = links.into_iter().take(CLIENTS_MAX).map(Client::new).collect();
        Self { timer, clients, counters: Counters::default() }
    }

    /// Serves everybody until nobody wants anything before the deadline that is then set. To be
    /// called at the start and after every notification and interrupt.
    ///
    /// Clients run at a lower priority, so each can keep this busy for one ring's worth of requests
    /// at most.
    pub fn run(&mut self) {
        loop {
            let now = self.timer.now();
            for (number, client) in self.clients.iter_mut().enumerate() {
                let outcome = client.serve(now);
                self.counters.requests += outcome.requests;
                self.counters.errors += outcome.errors;
                if outcome.broke_link {
                    self.counters.violations += 1;
                    log::error!("client {number} broke its link and is cut off");
                }
            }
            let deadlines = self.clients.iter_mut().filter_map(Client::next_deadline);
            self.timer.set_deadline(deadlines.min());
            let mut idle = true;
            for client in &mut self.clients {
                idle &= client.arm();
            }
            if idle {
                return;
            }
        }
    }

    /// What happened so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests;
