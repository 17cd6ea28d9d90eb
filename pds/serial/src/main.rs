//! Wires the console to its clients and its UART.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Client, Counter, Pd};
use pl011::{MmioRegisters, Pl011};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible, protection_domain,
};
use serial::{CLIENTS_MAX, Console};

struct Serial {
    pd: Pd,
    irq: Channel,
    console: Console<'static, MmioRegisters>,
    deferred: DeferredActionSlot,
}

#[protection_domain]
fn init() -> impl Handler {
    let mut pd = Pd::start();
    let mut clients: heapless::Vec<Client, CLIENTS_MAX> = cairn_pd::clients().collect();
    let rings: heapless::Vec<_, CLIENTS_MAX> = clients.iter_mut().map(config::ring).collect();
    let names = clients.iter().map(Client::name);
    let mut console = Console::new(Pl011::start(config::registers()), names.zip(rings));
    console.run();
    pd.ready();
    Serial { pd, irq: config::irq(), console, deferred: DeferredActionSlot::new() }
}

impl Handler for Serial {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        if channels.contains(self.irq) {
            self.pd.count(Counter::Interrupts, 1);
            self.console.interrupt();
            // The slot is empty, so nothing is done here that could fail.
            let _ = self.deferred.defer_irq_ack(self.irq);
        } else {
            self.console.run();
        }
        let counters = self.console.counters();
        self.pd.set_counter(Counter::Requests, counters.lines);
        self.pd.set_counter(Counter::TransmittedBytes, counters.transmitted_bytes);
        self.pd.set_counter(Counter::ReceivedBytes, counters.received_bytes);
        self.pd.set_counter(Counter::Violations, counters.violations);
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
