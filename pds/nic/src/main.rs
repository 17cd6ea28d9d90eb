//! Wires the card to `net`, its device and its interrupt.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Counter, Pd};
use nic::Card;
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible, protection_domain,
};
use virtio::MmioRegisters;

struct Nic<F: FnMut()> {
    pd: Pd,
    irq: Channel,
    card: Card<'static, MmioRegisters, F>,
    is_up: bool,
    deferred: DeferredActionSlot,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let card = Card::new(config::wiring());
    let mut nic =
        Nic { pd, irq: config::irq(), card, is_up: false, deferred: DeferredActionSlot::new() };
    nic.run();
    nic.report();
    nic
}

impl<F: FnMut()> Nic<F> {
    fn run(&mut self) {
        let clock = self.pd.clock();
        self.card.run(|| clock.now().0);
        if self.is_up != self.card.is_up() {
            self.is_up = !self.is_up;
            self.report();
        }
        let counters = self.card.counters();
        self.pd.set_counter(Counter::Received, counters.received);
        self.pd.set_counter(Counter::ReceivedBytes, counters.received_bytes);
        self.pd.set_counter(Counter::Transmitted, counters.transmitted);
        self.pd.set_counter(Counter::TransmittedBytes, counters.transmitted_bytes);
        self.pd.set_counter(Counter::Dropped, counters.dropped);
        self.pd.set_counter(Counter::Errors, counters.faults);
        self.pd.set_counter(Counter::Violations, counters.violations);
    }

    fn report(&mut self) {
        if self.is_up {
            self.pd.ready();
        } else {
            self.pd.degraded(format_args!("no working network card"));
        }
    }
}

impl<F: FnMut()> Handler for Nic<F> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        if channels.contains(self.irq) {
            self.pd.count(Counter::Interrupts, 1);
            self.card.acknowledge_interrupt();
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
