//! Wires the timer to its clients and its interrupt.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use cairn_pd::{Counter, Pd, SystemRegisters, notifier};
use generic_timer::GenericTimer;
use protocols::timer::{Completion, RING_SLOTS, Request};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible,
    protection_domain, var,
};
use timer::Service;

struct Timer<F: FnMut()> {
    pd: Pd,
    irq: Channel,
    service: Service<'static, SystemRegisters, F>,
    deferred: DeferredActionSlot,
}

#[protection_domain]
fn init() -> impl Handler {
    let mut pd = Pd::start();
    let irq = Channel::new(*var!(irq_channel: usize = usize::MAX));
    let timer = match GenericTimer::start(SystemRegisters) {
        Ok(timer) => timer,
        Err(bad) => panic!("the counter runs at {} Hz, says its register", bad.hz),
    };
    let links = cairn_pd::clients().map(|mut client| {
        let channel = client.channel();
        client.take_link::<Request, Completion, RING_SLOTS>().server(notifier(channel))
    });
    let mut service = Service::new(timer, links);
    service.run();
    pd.ready();
    Timer { pd, irq, service, deferred: DeferredActionSlot::new() }
}

impl<F: FnMut()> Handler for Timer<F> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.service.run();
        if channels.contains(self.irq) {
            self.pd.count(Counter::Interrupts, 1);
            // The slot is empty, so nothing is done here that could fail.
            let _ = self.deferred.defer_irq_ack(self.irq);
        }
        let counters = self.service.counters();
        self.pd.set_counter(Counter::Requests, counters.requests);
        self.pd.set_counter(Counter::Errors, counters.errors);
        self.pd.set_counter(Counter::Violations, counters.violations);
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
