//! Deferred actions: a notify or interrupt acknowledgement that shares the kernel entry of the event
//! loop's next receive.

use sel4::cap_type;

use crate::channel::{Channel, IrqAckError};

/// An action to be done on return to the event loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeferredAction {
    channel: Channel,
    interface: DeferredActionInterface,
}

/// What to do to the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeferredActionInterface {
    /// [`Channel::notify`].
    Notify,
    /// [`Channel::irq_ack`].
    IrqAck,
}

impl DeferredAction {
    /// An action on a channel.
    pub const fn new(channel: Channel, interface: DeferredActionInterface) -> Self {
        Self { channel, interface }
    }

    /// A deferred notify.
    pub const fn new_notify(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::Notify)
    }

    /// A deferred interrupt acknowledgement.
    pub const fn new_irq_ack(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::IrqAck)
    }

    /// The channel.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// What to do to it.
    pub const fn interface(&self) -> DeferredActionInterface {
        self.interface
    }

    /// Does it at once, with a kernel entry of its own.
    ///
    /// # Errors
    ///
    /// When the kernel refuses an interrupt acknowledgement.
    pub fn execute_now(self) -> Result<(), IrqAckError> {
        match self.interface {
            DeferredActionInterface::Notify => {
                self.channel.notify();
                Ok(())
            }
            DeferredActionInterface::IrqAck => self.channel.irq_ack(),
        }
    }

    /// The message that performs the action when sent.
    #[inline(always)]
    pub(crate) fn prepare(self) -> PreparedAction {
        match self.interface {
            DeferredActionInterface::Notify => PreparedAction {
                dest: self.channel.notification().cast::<cap_type::Unspecified>(),
                info: sel4::MessageInfo::new(0, 0, 0, 0),
            },
            DeferredActionInterface::IrqAck => PreparedAction {
                dest: self.channel.irq_handler().cast::<cap_type::Unspecified>(),
                info: sel4::MessageInfo::new(sel4::label::LABELS.irq_ack_irq, 0, 0, 0),
            },
        }
    }
}

/// An empty message to send with the next receive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PreparedAction {
    pub(crate) dest: sel4::cap::Unspecified,
    pub(crate) info: sel4::MessageInfo,
}

/// Holds at most one deferred action, for a handler to keep.
#[derive(Debug, Default)]
pub struct DeferredActionSlot {
    inner: Option<DeferredAction>,
}

impl DeferredActionSlot {
    /// An empty slot.
    pub const fn new() -> Self {
        Self { inner: None }
    }

    /// Empties the slot; what `Handler::take_deferred_action` returns.
    pub const fn take(&mut self) -> Option<DeferredAction> {
        self.inner.take()
    }

    /// Fills the slot; an action already in it is done at once.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the earlier action.
    pub fn defer(&mut self, action: DeferredAction) -> Result<(), IrqAckError> {
        match self.inner.replace(action) {
            Some(earlier) => earlier.execute_now(),
            None => Ok(()),
        }
    }

    /// Defers a notify.
    ///
    /// # Errors
    ///
    /// As [`DeferredActionSlot::defer`].
    pub fn defer_notify(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_notify(channel))
    }

    /// Defers an interrupt acknowledgement.
    ///
    /// # Errors
    ///
    /// As [`DeferredActionSlot::defer`].
    pub fn defer_irq_ack(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_irq_ack(channel))
    }
}
