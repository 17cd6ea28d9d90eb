//! The `integrity` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use integrity::Integrity;
use protocols::Reason;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct IntegrityPd<F: FnMut()> {
    pd: Pd,
    integrity: Integrity<'static, F>,
}

#[protection_domain]
fn init() -> impl Handler {
    IntegrityPd { pd: Pd::start(), integrity: config::integrity() }
}

impl<F: FnMut()> IntegrityPd<F> {
    fn step(&mut self) {
        self.integrity.step(|| self.pd.tick().0);
        self.pd.report([
            (Counter::Requests, self.integrity.requests),
            (Counter::Errors, self.integrity.errors),
            (Counter::NotProven, self.integrity.not_proven),
            (Counter::Violations, self.integrity.violations),
        ]);
        let root = self.integrity.root();
        let why_not = root.err().unwrap_or(Reason::EMPTY);
        if self.integrity.is_loading() || !self.pd.serving(root.is_ok(), why_not) {
            return;
        }
        match root.map(|root| root.superblock()) {
            Ok(volume) => {
                let (name, generation) = (volume.name(), volume.generation());
                log::info!("volume {name} generation {generation} proven: {}", volume.root());
            }
            Err(reason) => log::error!("volume refused: {reason}"),
        }
    }
}

impl<F: FnMut()> Handler for IntegrityPd<F> {
    type Error = Infallible;

    fn begin(&mut self) {
        self.step();
    }

    fn notified(&mut self, _: ChannelSet) -> Result<(), Self::Error> {
        self.pd.wake();
        self.step();
        Ok(())
    }
}
