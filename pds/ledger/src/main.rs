//! The `ledger` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use ledger::{AnchorError, Ledger};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct LedgerPd<F: FnMut()> {
    pd: Pd,
    /// Without a usable anchor in the image nothing is ever answered.
    ledger: Result<Ledger<'static, F>, AnchorError>,
    /// Whether the chain was proven when `supervisor` was told last.
    told: Option<bool>,
}

#[protection_domain]
fn init() -> impl Handler {
    let mut ledger = LedgerPd { pd: Pd::start(), ledger: config::ledger(), told: None };
    if let Err(error) = &ledger.ledger {
        log::error!("{error}");
        ledger.pd.degraded(format_args!("{error}"));
    }
    ledger.step();
    ledger
}

impl<F: FnMut()> LedgerPd<F> {
    fn step(&mut self) {
        let Ok(ledger) = &mut self.ledger else { return };
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
