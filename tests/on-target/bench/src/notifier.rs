//! Notifies back at once on channel 1, deferred on channel 2.
#![no_std]
#![no_main]

use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, IrqAckError,
    protection_domain,
};

const PLAIN: Channel = Channel::new(1);
const DEFERRED: Channel = Channel::new(2);

#[protection_domain]
fn init() -> impl Handler {
    Notifier { deferred: DeferredActionSlot::new() }
}

struct Notifier {
    deferred: DeferredActionSlot,
}

impl Handler for Notifier {
    type Error = IrqAckError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), IrqAckError> {
        if channels.contains(PLAIN) {
            PLAIN.notify();
        }
        if channels.contains(DEFERRED) {
            self.deferred.defer_notify(DEFERRED)?;
        }
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
