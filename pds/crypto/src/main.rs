//! The `crypto` protection domain: see the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod config;

use cairn_pd::{Counter, Pd};
use crypto::{Crypto, Seed, Seeding};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

/// Requests between two seeds.
const RESEED_REQUESTS: u64 = 1 << 16;

struct CryptoPd<F: FnMut(), G: FnMut()> {
    pd: Pd,
    crypto: Crypto<'static, F>,
    seeding: Seeding<'static, G>,
    /// Requests that had been answered at the last question for a seed.
    asked_at: u64,
    /// `entropy` has answered, if only that it has nothing.
    has_answer: bool,
}

#[protection_domain]
fn init() -> impl Handler {
    let pd = Pd::start();
    let (crypto, seeding) = (config::crypto(), config::seeding());
    CryptoPd { pd, crypto, seeding, asked_at: 0, has_answer: false }
}

impl<F: FnMut(), G: FnMut()> CryptoPd<F, G> {
    fn step(&mut self) {
        while let Some(answer) = self.seeding.answer() {
            self.has_answer = true;
            match answer {
                Seed::Bytes(bytes) => {
                    self.crypto.seed(&bytes);
                    self.pd.ready();
                }
                Seed::None(status) => {
                    log::error!("no entropy (status {status})");
                    if !self.crypto.is_seeded() {
                        self.pd.degraded(format_args!("no entropy (status {status})"));
                    }
                }
            }
        }
        // Clients that come before the first seed wait for it.
        if self.has_answer {
            self.crypto.step();
        }
        if self.crypto.requests - self.asked_at >= RESEED_REQUESTS {
            self.asked_at = self.crypto.requests;
            self.seeding.ask();
        }
        self.pd.set_counter(Counter::Requests, self.crypto.requests);
        self.pd.set_counter(Counter::Errors, self.crypto.errors);
        self.pd.set_counter(Counter::Violations, self.crypto.violations);
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
