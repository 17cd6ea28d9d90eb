//! A passive server that spins for its caller until told to stop.
#![no_std]
#![no_main]

use on_target_time::schedule::STOP;
use sel4_microkit::{Channel, Handler, Infallible, MessageInfo, protection_domain};
use test_harness::{nanos_from_ticks, ticks, words};

#[protection_domain]
fn init() -> impl Handler {
    Worker
}

struct Worker;

const SPIN_NANOS_MAX: u64 = 200_000_000;

impl Handler for Worker {
    type Error = Infallible;

    fn protected(&mut self, _: Channel, _: MessageInfo) -> Result<MessageInfo, Infallible> {
        let start = ticks();
        while words().get(STOP) == 0 && nanos_from_ticks(ticks() - start) < SPIN_NANOS_MAX {
            core::hint::spin_loop();
        }
        Ok(MessageInfo::default())
    }
}
