//! Wires the echo service to `net`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]
#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Counter, Pd};
use echo::Echo;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct EchoPd<F: FnMut()> {
    pd: Pd,
    echo: Echo<'static, F>,
}

#[protection_domain]
fn init() -> impl Handler {
    EchoPd { pd: Pd::start(), echo: config::echo() }
}

impl<F: FnMut()> EchoPd<F> {
    fn run(&mut self) {
        self.echo.run(|| self.pd.beat());
        self.pd.serving(self.echo.is_open(), "net has not opened the port");
        let counters = self.echo.counters();
        self.pd.report([
            (Counter::Received, counters.received),
            (Counter::ReceivedBytes, counters.received_bytes),
            (Counter::Accepted, counters.accepted),
            (Counter::Errors, counters.errors),
            (Counter::Violations, counters.violations),
        ]);
    }
}

impl<F: FnMut()> Handler for EchoPd<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.run();
    }

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.run();
        Ok(())
    }
}
