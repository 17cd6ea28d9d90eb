//! The `integrity` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use integrity::Integrity;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct IntegrityPd<F: FnMut()> {
    pd: Pd,
    integrity: Integrity<'static, F>,
    /// Whether the root was proven when `supervisor` was told last.
    told: Option<bool>,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    IntegrityPd { pd, integrity: config::integrity(), told: None }
}

impl<F: FnMut()> IntegrityPd<F> {
    fn step(&mut self) {
        self.integrity.step();
        self.pd.set_counter(Counter::Requests, self.integrity.requests);
        self.pd.set_counter(Counter::Errors, self.integrity.errors);
        self.pd.set_counter(Counter::NotProven, self.integrity.not_proven);
        self.pd.set_counter(Counter::Violations, self.integrity.violations);
        if self.integrity.is_loading() {
            return;
        }
        let root = self.integrity.root();
        if self.told == Some(root.is_ok()) {
            return;
        }
        self.told = Some(root.is_ok());
        match root {
            Ok(root) => {
                let superblock = root.superblock();
                let (name, generation) = (superblock.name(), superblock.generation());
                log::info!("volume {name} generation {generation} proven: {}", superblock.root());
                self.pd.ready();
            }
            Err(reason) => {
                log::error!("volume refused: {reason}");
                self.pd.degraded(format_args!("{reason}"));
            }
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
