//! The `store` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};
use store::Store;

struct StorePd<F: FnMut()> {
    pd: Pd,
    store: Store<'static, F>,
}

#[protection_domain]
fn init() -> impl Handler {
    StorePd { pd: Pd::start(), store: config::store() }
}

impl<F: FnMut()> StorePd<F> {
    fn step(&mut self) {
        self.store.step();
        self.pd.report([
            (Counter::Requests, self.store.requests),
            (Counter::Errors, self.store.errors),
            (Counter::Violations, self.store.violations),
            (Counter::Blocks, self.store.block_count),
        ]);
        if !self.store.is_loading() {
            self.pd.serving(self.store.has_volume(), "no volume on the disk");
        }
    }
}

impl<F: FnMut()> Handler for StorePd<F> {
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
