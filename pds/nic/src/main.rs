//! Wires the card to `net`, its device and its interrupt.
#![no_std]
#![no_main]
#![deny(unsafe_code)]
#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Counter, Interrupt, Pd};
use nic::Card;
use sel4_microkit::{ChannelSet, DeferredAction, Handler, Infallible, protection_domain};
use virtio::MmioRegisters;

struct Nic<F: FnMut(), G: FnMut()> {
    pd: Pd,
    interrupt: Interrupt,
    card: Card<'static, MmioRegisters, F, G>,
}

#[protection_domain]
fn init() -> impl Handler {
    Nic { pd: Pd::start(), interrupt: Interrupt::bind(), card: Card::new(config::wiring()) }
}

impl<F: FnMut(), G: FnMut()> Nic<F, G> {
    fn run(&mut self) {
        self.card.run(|| self.pd.tick().0);
        self.pd.serving(self.card.is_up(), "no working network card");
        let counters = self.card.counters();
        self.pd.report([
            (Counter::Received, counters.received),
            (Counter::ReceivedBytes, counters.received_bytes),
            (Counter::Transmitted, counters.transmitted),
            (Counter::TransmittedBytes, counters.transmitted_bytes),
            (Counter::Dropped, counters.dropped),
            (Counter::Errors, counters.faults),
            (Counter::Violations, counters.violations),
        ]);
    }
}

impl<F: FnMut(), G: FnMut()> Handler for Nic<F, G> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.run();
    }

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        if self.interrupt.arrived(&channels, &mut self.pd) {
            self.card.acknowledge_interrupt();
        }
        self.run();
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        cairn_pd::take_deferred_action()
    }
}
