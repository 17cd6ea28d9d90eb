//! The `gateway` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use gateway::Gateway;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};

struct GatewayPd<F: FnMut()> {
    pd: Pd,
    gateway: Gateway<'static, F>,
    supervisor: Channel,
    is_ready: bool,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let (gateway, supervisor) = (config::gateway(), config::supervisor());
    GatewayPd { pd, gateway, supervisor, is_ready: false }
}

impl<F: FnMut()> GatewayPd<F> {
    fn step(&mut self) {
        self.gateway.step(|| self.pd.tick().0);
        let counters = self.gateway.counters();
        self.pd.set_counter(Counter::Requests, counters.requests);
        self.pd.set_counter(Counter::Errors, counters.errors);
        self.pd.set_counter(Counter::NotProven, counters.not_proven);
        self.pd.set_counter(Counter::Accepted, counters.accepted);
        self.pd.set_counter(Counter::Dropped, counters.dropped);
        self.pd.set_counter(Counter::Open, counters.open);
        self.pd.set_counter(Counter::Violations, counters.violations);
        if !self.is_ready && self.gateway.is_listening() {
            self.is_ready = true;
            self.pd.ready();
        }
    }
}

impl<F: FnMut()> Handler for GatewayPd<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.step();
    }

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        if channels.contains(self.supervisor) {
            self.gateway.refreshed();
        }
        self.step();
        Ok(())
    }
}
