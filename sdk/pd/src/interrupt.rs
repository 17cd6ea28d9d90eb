//! The one interrupt of a driver.

use sel4_microkit::{Channel, ChannelSet, DeferredAction, var};

use crate::{Counter, Pd, state};

/// A driver's interrupt, by the symbol `irq_channel`. It is acknowledged with the event loop's next
/// receive, in the same kernel entry.
#[derive(Debug)]
pub struct Interrupt {
    channel: Channel,
}

impl Interrupt {
    /// The interrupt that the composition names.
    ///
    /// # Panics
    ///
    /// If it names none.
    pub fn bind() -> Self {
        let channel = Channel::new(*var!(irq_channel: usize = usize::MAX));
        Self { channel }
    }

    /// Whether the interrupt is among what woke the PD; then it is counted and will be acknowledged.
    pub fn arrived(&self, channels: &ChannelSet, pd: &mut Pd) -> bool {
        let arrived = channels.contains(self.channel);
        if arrived {
            pd.count(Counter::Interrupts, 1);
            state::defer(DeferredAction::new_irq_ack(self.channel));
        }
        arrived
    }
}
