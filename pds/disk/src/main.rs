//! Wires the disk to `store`, its device and its interrupt.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Counter, Pd};
use disk::Service;
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible, protection_domain,
};
use virtio::MmioRegisters;

struct Disk<F: FnMut(), G: FnMut()> {
    pd: Pd,
    irq: Channel,
    service: Service<'static, MmioRegisters, F, G>,
    is_up: bool,
    deferred: DeferredActionSlot,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let service = Service::new(config::wiring());
    let deferred = DeferredActionSlot::new();
    let mut disk = Disk { pd, irq: config::irq(), service, is_up: false, deferred };
    disk.run();
    disk.report();
    disk
}

impl<F: FnMut(), G: FnMut()> Disk<F, G> {
    fn run(&mut self) {
        let clock = self.pd.clock();
        self.service.run(|| clock.now().0);
        if self.is_up != self.service.is_up() {
            self.is_up = !self.is_up;
            self.report();
        }
        let counters = self.service.counters();
        self.pd.set_counter(Counter::Requests, counters.requests);
        self.pd.set_counter(Counter::Errors, counters.errors + counters.faults);
        self.pd.set_counter(Counter::Blocks, counters.blocks);
        self.pd.set_counter(Counter::Violations, counters.violations);
    }

    fn report(&mut self) {
        if self.is_up {
            self.pd.ready();
        } else {
            self.pd.degraded(format_args!("no working disk"));
        }
    }
}

impl<F: FnMut(), G: FnMut()> Handler for Disk<F, G> {
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
