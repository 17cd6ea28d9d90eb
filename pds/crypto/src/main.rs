//! The `crypto` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use crypto::{Crypto, Seed, Seeding};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

struct CryptoPd<F: FnMut(), G: FnMut()> {
    pd: Pd,
    crypto: Crypto<'static, F>,
    seeding: Seeding<'static, G>,
}

#[protection_domain]
fn init() -> impl Handler {
    CryptoPd { pd: Pd::start(), crypto: config::crypto(), seeding: config::seeding() }
}

impl<F: FnMut(), G: FnMut()> CryptoPd<F, G> {
    fn step(&mut self) {
        while let Some(answer) = self.seeding.answer() {
            match answer {
                Seed::Bytes(bytes) => self.crypto.seed(&bytes),
                Seed::None(status) => log::error!("no entropy (status {status})"),
            }
        }
        // Clients that come before the first answer wait for it.
        if self.seeding.has_answer() {
            self.crypto.step(|| self.pd.beat());
            self.pd.serving(self.crypto.is_seeded(), "no entropy");
        }
        self.seeding.renew(self.crypto.requests);
        self.pd.report([
            (Counter::Requests, self.crypto.requests),
            (Counter::Errors, self.crypto.errors),
            (Counter::Violations, self.crypto.violations),
        ]);
    }
}

impl<F: FnMut(), G: FnMut()> Handler for CryptoPd<F, G> {
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
