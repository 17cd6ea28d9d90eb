//! Wires the console to its clients and its UART.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "binds the regions that the composition maps")]
mod config;

use cairn_pd::{Client, Counter, Interrupt, Pd, notifier};
use pl011::{MmioRegisters, Pl011};
use sel4_microkit::{ChannelSet, DeferredAction, Handler, Infallible, protection_domain};
use serial::{CLIENTS_MAX, Console};

struct Serial<F: FnMut()> {
    pd: Pd,
    interrupt: Interrupt,
    console: Console<'static, MmioRegisters, F>,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let mut clients: heapless::Vec<Client, CLIENTS_MAX> = cairn_pd::clients().collect();
    let rings: heapless::Vec<_, CLIENTS_MAX> = clients.iter_mut().map(config::rings).collect();
    let wired = clients.iter().zip(rings);
    let wired = wired.map(|(client, rings)| (client.name(), rings, notifier(client.channel())));
    let uart = Pl011::start(config::registers());
    let console = Console::new(uart, wired, pd.generation() > 1);
    Serial { pd, interrupt: Interrupt::bind(), console }
}

impl<F: FnMut()> Handler for Serial<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.console.run();
        self.pd.ready();
    }

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        if self.interrupt.arrived(&channels, &mut self.pd) {
            self.console.interrupt();
        } else {
            self.console.run();
        }
        let counters = self.console.counters();
        self.pd.report([
            (Counter::Requests, counters.lines),
            (Counter::TransmittedBytes, counters.transmitted_bytes),
            (Counter::ReceivedBytes, counters.received_bytes),
            (Counter::Violations, counters.violations),
        ]);
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        cairn_pd::take_deferred_action()
    }
}
