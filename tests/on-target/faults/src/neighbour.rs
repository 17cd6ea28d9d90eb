//! Owns memory that `isolation` must not reach. Answers a notification by filling its own page, which
//! lies at an address where `isolation` has a page of its own, and by notifying back.
#![no_std]
#![no_main]

use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, memory_region_symbol, protection_domain,
};

const ISOLATION: Channel = Channel::new(0);

#[protection_domain]
fn init() -> impl Handler {
    Neighbour
}

struct Neighbour;

impl Handler for Neighbour {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        let own = memory_region_symbol!(private: *mut u64);
        // SAFETY: mapped in this PD only.
        unsafe { own.write_volatile(u64::MAX) };
        let shared = memory_region_symbol!(published: *mut u64);
        // SAFETY: mapped; `isolation` reads it after the notification.
        unsafe { shared.write_volatile(0x1234) };
        ISOLATION.notify();
        Ok(())
    }
}
