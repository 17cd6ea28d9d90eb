//! Has a small budget and a high priority: tells a lie at the start of each period until told to
//! stop, and so interrupts whoever works on the link at any instruction.
#![no_std]
#![no_main]

use on_target_rings::{LINK_WORDS, Random, SCRIBBLE, SCRIBBLED};
use sel4_externally_shared::ExternallySharedPtr;
use sel4_microkit::{ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain};
use test_harness::{nanos_from_ticks, ticks, words};

#[protection_domain]
fn init() -> impl Handler {
    Scribbler
}

struct Scribbler;

impl Handler for Scribbler {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        let pointer = memory_region_symbol!(link: *mut [u32], n = LINK_WORDS);
        // SAFETY: the system description maps it.
        let link = unsafe { ExternallySharedPtr::new(pointer) };
        let mut random = Random::new(words().get(SCRIBBLE));
        while words().get(SCRIBBLE) != 0 {
            let (word, value) = random.lie();
            link.index(word).write(value);
            words().add(SCRIBBLED, 1);
            wait_for_next_period();
        }
        Ok(())
    }
}

/// Longer between two looks at the clock than this: the budget was used up in between.
const PAUSE_NANOS: u64 = 50_000;

fn wait_for_next_period() {
    let mut last = ticks();
    while words().get(SCRIBBLE) != 0 {
        let now = ticks();
        if nanos_from_ticks(now - last) > PAUSE_NANOS {
            return;
        }
        last = now;
    }
}
