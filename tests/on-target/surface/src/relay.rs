//! Higher in priority than the tests. Channel 0: notifies back at once. Channel 1: with a deferred
//! action. Channel 2: defers twice, so that the first action is done at once and the second on return.
#![no_std]
#![no_main]

use on_target_surface::RELAY_WAKE_UPS;
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionInterface, DeferredActionSlot, Handler,
    IrqAckError, protection_domain,
};
use test_harness::words;

const PLAIN: Channel = Channel::new(0);
const DEFERRED: Channel = Channel::new(1);
const TWICE: Channel = Channel::new(2);

#[protection_domain]
fn init() -> impl Handler {
    Relay { deferred: DeferredActionSlot::new() }
}

struct Relay {
    deferred: DeferredActionSlot,
}

impl Handler for Relay {
    type Error = IrqAckError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), IrqAckError> {
        words().add(RELAY_WAKE_UPS, 1);
        for channel in channels.iter() {
            match channel {
                PLAIN => channel.notify(),
                DEFERRED => self.deferred.defer_notify(channel)?,
                TWICE => {
                    self.deferred.defer_notify(TWICE)?;
                    let action = DeferredAction::new(PLAIN, DeferredActionInterface::Notify);
                    self.deferred.defer(action)?;
                }
                _ => DeferredAction::new_notify(channel).execute_now()?,
            }
        }
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
