//! Counts its wake-ups, notes for what, and notifies back on every channel that it was notified on.
//! Lower in priority than the tests, so that several notifications come before it runs.
#![no_std]
#![no_main]

use on_target_surface::{LAST_SET, WAKE_UPS};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};
use test_harness::words;

#[protection_domain]
fn init() -> impl Handler {
    Counter
}

struct Counter;

impl Handler for Counter {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        let bits = channels.iter().fold(0, |bits, channel| bits | 1 << channel.index());
        words().add(WAKE_UPS, 1);
        words().set(LAST_SET, bits);
        channels.iter().for_each(|channel| channel.notify());
        Ok(())
    }
}
