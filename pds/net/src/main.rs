//! The `net` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use net::Program;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct NetPd<F: FnMut()> {
    pd: Pd,
    program: Program<'static, F>,
    is_ready: bool,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let mut net = NetPd { pd, program: config::program(), is_ready: false };
    net.step();
    net
}

impl<F: FnMut()> NetPd<F> {
    fn step(&mut self) {
        self.program.step(self.pd.clock().now().0);
        let Some(net) = self.program.service() else { return };
        let (sockets, frames) = (net.counters(), net.device().counters());
        self.pd.set_counter(Counter::Requests, sockets.requests);
        self.pd.set_counter(Counter::Errors, sockets.errors);
        self.pd.set_counter(Counter::Accepted, sockets.accepted);
        self.pd.set_counter(Counter::Violations, sockets.violations + frames.violations);
        self.pd.set_counter(Counter::Received, frames.received);
        self.pd.set_counter(Counter::ReceivedBytes, frames.received_bytes);
        self.pd.set_counter(Counter::Transmitted, frames.transmitted);
        self.pd.set_counter(Counter::TransmittedBytes, frames.transmitted_bytes);
        if !self.is_ready {
            self.is_ready = true;
            self.pd.ready();
        }
    }
}

impl<F: FnMut()> Handler for NetPd<F> {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.step();
        Ok(())
    }
}
