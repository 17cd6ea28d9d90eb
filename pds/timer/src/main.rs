//! Wires the timer to its clients and its interrupt.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use cairn_pd::{Counter, Interrupt, Pd, SystemRegisters, notifier};
use generic_timer::GenericTimer;
use sel4_microkit::{ChannelSet, DeferredAction, Handler, Infallible, protection_domain};
use timer::Service;

struct Timer<F: FnMut()> {
    pd: Pd,
    interrupt: Interrupt,
    service: Service<'static, SystemRegisters, F>,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let timer = match GenericTimer::start(SystemRegisters) {
        Ok(timer) => timer,
        Err(bad) => panic!("the counter runs at {} Hz, says its register", bad.hz),
    };
    let links = cairn_pd::clients().map(|mut client| client.take_link(notifier));
    Timer { pd, interrupt: Interrupt::bind(), service: Service::new(timer, links) }
}

impl<F: FnMut()> Handler for Timer<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.service.run();
        self.pd.ready();
    }

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.interrupt.arrived(&channels, &mut self.pd);
        self.service.run();
        let counters = self.service.counters();
        self.pd.report([
            (Counter::Requests, counters.requests),
            (Counter::Errors, counters.errors),
            (Counter::Violations, counters.violations),
        ]);
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        cairn_pd::take_deferred_action()
    }
}
