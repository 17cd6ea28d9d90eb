//! Wires the disk to `store`, its device and its interrupt.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Counter, Interrupt, Pd};
use disk::Service;
use sel4_microkit::{ChannelSet, DeferredAction, Handler, Infallible, protection_domain};
use virtio::MmioRegisters;

struct Disk<F: FnMut(), G: FnMut()> {
    pd: Pd,
    interrupt: Interrupt,
    service: Service<'static, MmioRegisters, F, G>,
}

#[protection_domain]
fn init() -> impl Handler {
    let (pd, interrupt) = (Pd::start(), Interrupt::bind());
    Disk { pd, interrupt, service: Service::new(config::wiring()) }
}

impl<F: FnMut(), G: FnMut()> Disk<F, G> {
    fn run(&mut self) {
        let clock = self.pd.clock();
        self.service.run(|| clock.now().0);
        self.pd.serving(self.service.is_up(), "no working disk");
        let counters = self.service.counters();
        self.pd.report([
            (Counter::Requests, counters.requests),
            (Counter::Errors, counters.errors + counters.faults),
            (Counter::Blocks, counters.blocks),
            (Counter::Violations, counters.violations),
        ]);
    }
}

impl<F: FnMut(), G: FnMut()> Handler for Disk<F, G> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.run();
    }

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        if self.interrupt.arrived(&channels, &mut self.pd) {
            self.service.acknowledge_interrupt();
        }
        self.run();
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        cairn_pd::take_deferred_action()
    }
}
