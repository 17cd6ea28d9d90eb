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
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let (gateway, supervisor) = (config::gateway(), config::supervisor());
    GatewayPd { pd, gateway, supervisor }
}

impl<F: FnMut()> GatewayPd<F> {
    fn step(&mut self) {
        self.gateway.step(|| self.pd.tick().0);
        let counters = self.gateway.counters();
        self.pd.report([
            (Counter::Requests, counters.requests),
            (Counter::Errors, counters.errors),
            (Counter::NotProven, counters.not_proven),
            (Counter::Accepted, counters.accepted),
            (Counter::Dropped, counters.dropped),
            (Counter::Open, counters.open),
            (Counter::Violations, counters.violations),
        ]);
        if self.gateway.is_listening() {
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
