//! Writes its number into the log when notified, and notifies back.
#![no_std]
#![no_main]

use on_target_time::schedule::{LOG, LOG_LENGTH};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain, var};
use test_harness::words;

#[protection_domain]
fn init() -> impl Handler {
    // Its number is the id of its channel.
    Logger { number: *var!(number: u64 = 0) }
}

struct Logger {
    number: u64,
}

impl Handler for Logger {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        let place = words().add(LOG_LENGTH, 1);
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        words().set(LOG + place, self.number);
        channels.iter().for_each(|channel| channel.notify());
        Ok(())
    }
}
