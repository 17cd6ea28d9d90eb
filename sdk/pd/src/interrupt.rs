//! The one interrupt of a driver.

use sel4_microkit::{Channel, ChannelSet, DeferredAction, DeferredActionSlot, var};

use crate::{Counter, Pd};

/// A driver's interrupt, by the symbol `irq_channel`. It is acknowledged with the event loop's next
/// receive, in the same kernel entry.
#[derive(Debug)]
pub struct Interrupt {
    channel: Channel,
    acknowledge: DeferredActionSlot,
}

impl Interrupt {
    /// The interrupt that the composition names.
    ///
    /// # Panics
    ///
    /// If it names none.
    pub fn bind() -> Self {
        let channel = Channel::new(*var!(irq_channel: usize = usize::MAX));
        Self { channel, acknowledge: DeferredActionSlot::new() }
    }

    /// Whether the interrupt is among what woke the PD; then it is counted and will be acknowledged.
    pub fn arrived(&mut self, channels: &ChannelSet, pd: &mut Pd) -> bool {
        let arrived = channels.contains(self.channel);
        if arrived {
            pd.count(Counter::Interrupts, 1);
            // The slot is empty, so nothing is done here that could fail.
            let _ = self.acknowledge.defer_irq_ack(self.channel);
        }
        arrived
    }

    /// What the handler's method of this name returns.
    pub const fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.acknowledge.take()
    }
}
