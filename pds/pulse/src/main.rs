//! Wakes `supervisor` once per period of its own scheduling context, whatever anybody else does, `timer`
//! included: it notifies, then gives the rest of its budget away, and the kernel lets it run again when
//! the budget is replenished. So the period in `system.xml` is the time between two pulses, and a pulse
//! that is late, because the machine stood still or somebody more urgent ran, is not made up for.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use cairn_pd::Pd;
use sel4_microkit::{Never, protection_domain};

/// It never waits for an event, so it never comes back.
#[protection_domain]
fn init() -> Never {
    let mut pd = Pd::start();
    let Some(supervisor) = cairn_pd::supervisor_channel() else {
        panic!("nobody to wake");
    };
    let mut wake_supervisor = cairn_pd::notifier(supervisor);
    pd.ready();
    loop {
        pd.wake();
        wake_supervisor();
        sel4::r#yield();
    }
}
