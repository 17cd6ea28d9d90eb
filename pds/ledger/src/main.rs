//! The `ledger` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use ledger::{AnchorError, Ledger};
use protocols::Reason;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct LedgerPd<F: FnMut()> {
    pd: Pd,
    /// Without a usable anchor in the image nothing is ever answered.
    ledger: Result<Ledger<'static, F>, AnchorError>,
}

#[protection_domain]
fn init() -> impl Handler {
    LedgerPd { pd: Pd::start(), ledger: config::ledger() }
}

impl<F: FnMut()> LedgerPd<F> {
    fn step(&mut self) {
        let Ok(ledger) = &mut self.ledger else { return };
        let now = self.pd.clock().now();
        ledger.step(now.0, || self.pd.beat());
        self.pd.report([
            (Counter::Requests, ledger.requests),
            (Counter::Errors, ledger.errors),
            (Counter::Violations, ledger.violations),
        ]);
        let head = ledger.replay().trusted();
        let why_not = head.err().unwrap_or(Reason::EMPTY);
        if ledger.replay().is_running() || !self.pd.serving(head.is_ok(), why_not) {
            return;
        }
        match head {
            Ok(sequence) => log::info!("chain proven up to event {sequence}"),
            Err(reason) => {
                log::error!("{reason}");
                self.pd.count(Counter::NotProven, 1);
            }
        }
    }
}

impl<F: FnMut()> Handler for LedgerPd<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        if let Err(error) = &self.ledger {
            log::error!("{error}");
            self.pd.degraded(format_args!("{error}"));
        }
        self.step();
    }

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.step();
        Ok(())
    }
}
