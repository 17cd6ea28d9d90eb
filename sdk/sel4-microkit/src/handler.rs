//! What a PD does about events, and the loop that waits for them.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

pub use core::convert::Infallible;

use sel4::{Cap, cap, cap_type};

use crate::channel::{Channel, Child};
use crate::defer::{DeferredAction, PreparedAction};
use crate::event::{ChannelSet, Source};
use crate::message::MessageInfo;
use crate::symbols::{pd_irqs, pd_is_passive};

const INPUT: cap::Endpoint = Cap::from_bits(1);
const REPLY: cap::Reply = Cap::from_bits(4);
const MONITOR: cap::Endpoint = Cap::from_bits(5);

/// A PD's behaviour.
pub trait Handler {
    /// What ends the PD: an error returned by any entry point aborts it.
    type Error: fmt::Display;

    /// Peers notified, or interrupts arrived. The default panics.
    ///
    /// # Errors
    ///
    /// Any error aborts the PD.
    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        panic!("unexpected notification from channels {}", channels.display())
    }

    /// A peer calls; the result is the answer. The default panics.
    ///
    /// # Errors
    ///
    /// Any error aborts the PD; the caller stays blocked.
    fn protected(
        &mut self,
        channel: Channel,
        msg_info: MessageInfo,
    ) -> Result<MessageInfo, Self::Error> {
        panic!("unexpected call from channel {}: {msg_info:?}", channel.index())
    }

    /// A child faulted. `Ok(Some(_))` answers the fault, which resumes the child; with `Ok(None)` it
    /// stays stopped. The default panics.
    ///
    /// # Errors
    ///
    /// Any error aborts the PD; the child stays blocked.
    fn fault(
        &mut self,
        child: Child,
        msg_info: MessageInfo,
    ) -> Result<Option<MessageInfo>, Self::Error> {
        panic!("unexpected fault of child {}: {msg_info:?}", child.index())
    }

    /// Asked after each entry point: an action to fuse with the next receive.
    #[inline(always)]
    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        None
    }
}

/// Acknowledges each interrupt once: one may have been left pending, and masked, by the kernel's own
/// start-up (seL4 issue 1536) or by this PD's previous life.
fn ack_all_irqs() {
    let mut irqs = pd_irqs();
    while irqs != 0 {
        let channel = Channel::from_kernel(irqs.trailing_zeros() as usize);
        irqs &= irqs - 1;
        if let Err(error) = channel.irq_ack() {
            panic!("channel {}: {error}", channel.index());
        }
    }
}

/// One kernel entry where possible: answer, send what was deferred, wait for the next event.
#[inline(always)]
fn next_event(
    reply: Option<MessageInfo>,
    action: Option<PreparedAction>,
) -> (sel4::MessageInfo, sel4::Badge) {
    match (reply, action) {
        (None, None) => INPUT.recv(REPLY),
        (None, Some(action)) => {
            let input = INPUT.cast::<cap_type::Unspecified>();
            action.dest.nb_send_recv(action.info, input, REPLY)
        }
        (Some(reply), None) => INPUT.reply_recv(reply.into_inner(), REPLY),
        (Some(reply), Some(action)) => {
            action.dest.send(action.info);
            INPUT.reply_recv(reply.into_inner(), REPLY)
        }
    }
}

/// The event loop. Returns only a handler's error.
pub(crate) fn run<H: Handler>(handler: &mut H) -> H::Error {
    // A passive PD gives its scheduling context to the monitor together with its first receive.
    let mut action = pd_is_passive().then(|| PreparedAction {
        dest: MONITOR.cast::<cap_type::Unspecified>(),
        info: sel4::MessageInfo::new(0, 0, 0, 0),
    });
    let mut reply = None;
    ack_all_irqs();
    loop {
        let (info, badge) = next_event(reply, action);
        let msg_info = MessageInfo::from_inner(info);
        let outcome = match Source::from_badge(badge) {
            Source::Protected(channel) => handler.protected(channel, msg_info).map(Some),
            Source::Notified(channels) => handler.notified(channels).map(|()| None),
            Source::Fault(child) => handler.fault(child, msg_info),
        };
        reply = match outcome {
            Ok(reply) => reply,
            Err(error) => return error,
        };
        action = handler.take_deferred_action().map(DeferredAction::prepare);
    }
}

/// A type without values, for an `init` that does not return.
#[derive(Debug)]
pub enum Never {}

impl Handler for Never {
    type Error = Infallible;
}

/// Panics on every event.
#[derive(Debug)]
pub struct NullHandler(());

impl NullHandler {
    /// The handler.
    #[expect(clippy::new_without_default, reason = "the upstream API has no Default")]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Handler for NullHandler {
    type Error = Infallible;
}

#[cfg(feature = "alloc")]
impl<T: Handler + ?Sized> Handler for Box<T> {
    type Error = T::Error;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        (**self).notified(channels)
    }

    fn protected(
        &mut self,
        channel: Channel,
        msg_info: MessageInfo,
    ) -> Result<MessageInfo, Self::Error> {
        (**self).protected(channel, msg_info)
    }

    fn fault(
        &mut self,
        child: Child,
        msg_info: MessageInfo,
    ) -> Result<Option<MessageInfo>, Self::Error> {
        (**self).fault(child, msg_info)
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        (**self).take_deferred_action()
    }
}
