//! Spins when notified, counting, until it is told to stop or its 20 ms are over; then notifies back.
//! With a `worker` to call, lets that one spin instead.
#![no_std]
#![no_main]

use on_target_time::schedule::{SPINS, STOP};
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, protection_domain, var,
};
use test_harness::{nanos_from_ticks, ticks, words};

const WORKER: Channel = Channel::new(61);

#[protection_domain]
fn init() -> impl Handler {
    let number = usize::try_from(*var!(number: u64 = 0)).unwrap_or(0);
    Spinner { number, delegates: *var!(delegates: u64 = 0) != 0 }
}

struct Spinner {
    number: usize,
    delegates: bool,
}

/// However long it takes: time without the processor counts too.
const SPIN_NANOS_MAX: u64 = 200_000_000;

impl Handler for Spinner {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if self.delegates {
            WORKER.pp_call(MessageInfo::default());
        } else {
            let start = ticks();
            while words().get(STOP) == 0 && nanos_from_ticks(ticks() - start) < SPIN_NANOS_MAX {
                words().add(SPINS + self.number, 1);
            }
        }
        channels.iter().filter(|&channel| channel != WORKER).for_each(|channel| channel.notify());
        Ok(())
    }
}
