//! Wires the entropy source to `crypto`, its device and its interrupt.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Counter, Pd};
use entropy::Service;
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible, protection_domain,
};
use virtio::MmioRegisters;

struct Entropy<F: FnMut(), G: FnMut()> {
    pd: Pd,
    irq: Channel,
    service: Service<'static, MmioRegisters, F, G>,
    deferred: DeferredActionSlot,
}

#[protection_domain]
fn init() -> impl Handler {
    let mut pd = Pd::start();
    let mut service = Service::new(config::wiring());
    match service.start() {
        Ok(()) => pd.ready(),
        Err(fault) => pd.degraded(format_args!("no entropy source: {fault}")),
    }
    let deferred = DeferredActionSlot::new();
    let mut entropy = Entropy { pd, irq: config::irq(), service, deferred };
    entropy.run();
    entropy
}

impl<F: FnMut(), G: FnMut()> Entropy<F, G> {
    fn run(&mut self) {
        let clock = self.pd.clock();
        self.service.run(|| clock.now().0);
        let counters = self.service.counters();
        self.pd.set_counter(Counter::Requests, counters.requests);
        self.pd.set_counter(Counter::Errors, counters.errors);
        self.pd.set_counter(Counter::Violations, counters.violations);
    }
}

impl<F: FnMut(), G: FnMut()> Handler for Entropy<F, G> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        if channels.contains(self.irq) {
            self.pd.count(Counter::Interrupts, 1);
            self.service.acknowledge_interrupt();
            // The slot is empty, so nothing is done here that could fail.
            let _ = self.deferred.defer_irq_ack(self.irq);
        }
        self.run();
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
