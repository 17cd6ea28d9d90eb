//! The `net` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use net::Program;
use sel4_microkit::{ChannelSet, DeferredAction, Handler, Infallible, protection_domain};

struct NetPd<F: FnMut()> {
    pd: Pd,
    program: Program<'static, F>,
}

#[protection_domain]
fn init() -> impl Handler {
    NetPd { pd: Pd::start(), program: config::program() }
}

impl<F: FnMut()> NetPd<F> {
    fn step(&mut self) {
        self.program.step(self.pd.clock().now().0);
        let Some(net) = self.program.service() else { return };
        let (sockets, frames) = (net.counters(), net.device().counters());
        self.pd.report([
            (Counter::Requests, sockets.requests),
            (Counter::Errors, sockets.errors),
            (Counter::Accepted, sockets.accepted),
            (Counter::Violations, sockets.violations + frames.violations),
            (Counter::Received, frames.received),
            (Counter::ReceivedBytes, frames.received_bytes),
            (Counter::Transmitted, frames.transmitted),
            (Counter::TransmittedBytes, frames.transmitted_bytes),
        ]);
        self.pd.ready();
    }
}

impl<F: FnMut()> Handler for NetPd<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.step();
    }

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.step();
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        cairn_pd::take_deferred_action()
    }
}
