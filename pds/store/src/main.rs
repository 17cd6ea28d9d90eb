//! The `store` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};
use store::Store;

/// What `supervisor` has been told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Running,
    NoVolume,
}

struct StorePd<F: FnMut()> {
    pd: Pd,
    store: Store<'static, F>,
    told: Told,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    StorePd { pd, store: config::store(), told: Told::Nothing }
}

impl<F: FnMut()> StorePd<F> {
    fn step(&mut self) {
        self.store.step();
        self.pd.set_counter(Counter::Requests, self.store.requests);
        self.pd.set_counter(Counter::Errors, self.store.errors);
        self.pd.set_counter(Counter::Violations, self.store.violations);
        self.pd.set_counter(Counter::Blocks, self.store.block_count);
        let now = match (self.store.has_volume(), self.store.is_loading()) {
            (true, _) => Told::Running,
            (false, true) => return,
            (false, false) => Told::NoVolume,
        };
        if now == self.told {
            return;
        }
        self.told = now;
        match now {
            Told::NoVolume => self.pd.degraded(format_args!("no volume on the disk")),
            _ => self.pd.ready(),
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
