//! The `ledger` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use ledger::Ledger;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct LedgerPd<F: FnMut()> {
    pd: Pd,
    /// `None` when the image carries no usable anchor: then nothing is ever answered.
    ledger: Option<Ledger<'static, F>>,
    /// Whether the chain was proven when `supervisor` was told last.
    told: Option<bool>,
}

#[protection_domain]
fn init() -> impl Handler {
    let mut pd = Pd::start();
    let ledger = config::ledger();
    if let Err(error) = &ledger {
        log::error!("{error}");
        pd.degraded(format_args!("{error}"));
    }
    let mut ledger = LedgerPd { pd, ledger: ledger.ok(), told: None };
    ledger.step();
    ledger
}

impl<F: FnMut()> LedgerPd<F> {
    fn step(&mut self) {
        let Some(ledger) = &mut self.ledger else { return };
        ledger.step(|| self.pd.beat());
        self.pd.set_counter(Counter::Requests, ledger.requests);
        self.pd.set_counter(Counter::Errors, ledger.errors);
        self.pd.set_counter(Counter::Violations, ledger.violations);
        if ledger.replay().is_running() {
            return;
        }
        let head = ledger.replay().trusted();
        if self.told.replace(head.is_ok()) == Some(head.is_ok()) {
            return;
        }
        match head {
            Ok(sequence) => {
                log::info!("chain proven up to event {sequence}");
                self.pd.ready();
            }
            Err(reason) => {
                log::error!("{reason}");
                self.pd.set_counter(Counter::NotProven, 1);
                self.pd.degraded(format_args!("{reason}"));
            }
        }
    }
}

impl<F: FnMut()> Handler for LedgerPd<F> {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.step();
        Ok(())
    }
}
