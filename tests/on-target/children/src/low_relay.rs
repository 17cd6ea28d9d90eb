//! Notifies back after having been busy for a while, at the child's priority: so that the child gets
//! its share of time before the answer.
#![no_std]
#![no_main]

use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

/// Several times the default budget of 1 ms.
const BUSY_NANOS: u64 = 4_000_000;

#[protection_domain]
fn init() -> impl Handler {
    LowRelay
}

struct LowRelay;

impl Handler for LowRelay {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        test_harness::spin_for_nanos(BUSY_NANOS);
        channels.iter().for_each(|channel| channel.notify());
        Ok(())
    }
}
