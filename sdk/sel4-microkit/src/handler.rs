//! What a PD does about events, and the loop that waits for them.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

pub use core::convert::Infallible;

use crate::channel::{Channel, Child};
use crate::defer::{DeferredAction, PreparedAction};
use crate::ipc::{self, ChannelSet, Event};
use crate::message::MessageInfo;
use crate::symbols::{pd_irqs, pd_is_passive};

/// A PD's behaviour.
pub trait Handler {
    /// What ends the PD: an error returned by any entry point aborts it.
    type Error: fmt::Display;

    /// What there is to do before the first event. `init` has given its stack back by then. The default
    /// does nothing.
    fn begin(&mut self) {}

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

    /// Asked after [`begin`](Self::begin), unless the PD is passive, and after each entry point: an action to fuse with
    /// the next receive.
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
fn next_event(reply: Option<MessageInfo>, action: Option<PreparedAction>) -> Event {
    match (reply, action) {
        (None, None) => ipc::recv(),
        (None, Some(action)) => ipc::nb_send_recv(action),
        (Some(reply), None) => ipc::reply_recv(reply),
        (Some(reply), Some(action)) => {
            ipc::send(action);
            ipc::reply_recv(reply)
        }
    }
}

/// The event loop. Returns only a handler's error.
pub(crate) fn run<H: Handler>(handler: &mut H) -> H::Error {
    let deferred = |handler: &mut H| handler.take_deferred_action().map(DeferredAction::prepare);
    handler.begin();
    let mut action = if pd_is_passive() { Some(ipc::forfeit_sc()) } else { deferred(handler) };
    let mut reply = None;
    ack_all_irqs();
    loop {
        let outcome = match next_event(reply, action) {
            Event::Protected(channel, info) => handler.protected(channel, info).map(Some),
            Event::Notified(channels) => handler.notified(channels).map(|()| None),
            Event::Fault(child, info) => handler.fault(child, info),
        };
        reply = match outcome {
            Ok(reply) => reply,
            Err(error) => return error,
        };
        action = deferred(handler);
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

    fn begin(&mut self) {
        (**self).begin();
    }

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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::string::{String, ToString};
    use std::vec;
    use std::vec::Vec;

    use sel4::label::syscall;
    use sel4::svc::host::{Kernel, Registers, set_kernel};

    use super::*;
    use crate::message::{get_mr, set_mr};

    /// Hands out events, and notes each kernel entry as (number, destination, tag, MR0, reply cap).
    struct Script {
        events: vec::IntoIter<(u64, sel4::MessageInfo, u64)>,
        entries: Rc<RefCell<Vec<Entry>>>,
    }

    type Entry = (i64, u64, sel4::MessageInfo, u64, u64);

    impl Kernel for Script {
        fn enter(&mut self, x: &mut Registers) {
            let info = sel4::MessageInfo::from_word(x[1]);
            self.entries.borrow_mut().push((x[7].cast_signed(), x[0], info, x[2], x[6]));
            let (badge, info, mr0) = self.events.next().expect("an event");
            (x[0], x[1], x[2]) = (badge, info.into_word(), mr0);
        }
    }

    /// Doubles what callers send, answers faults of child 1, ends on any notification.
    struct Doubler;

    impl Handler for Doubler {
        type Error = String;

        fn notified(&mut self, channels: ChannelSet) -> Result<(), String> {
            Err(channels.display().to_string())
        }

        fn protected(
            &mut self,
            channel: Channel,
            info: MessageInfo,
        ) -> Result<MessageInfo, String> {
            assert_eq!((channel.index(), info.label(), info.count()), (5, 3, 1));
            set_mr(0, get_mr(0) * 2);
            Ok(MessageInfo::new(4, 1))
        }

        fn fault(&mut self, child: Child, _: MessageInfo) -> Result<Option<MessageInfo>, String> {
            Ok((child.index() == 1).then(MessageInfo::default))
        }
    }

    #[test]
    fn answers_with_the_next_receive_and_ends_on_an_error() {
        let entries = Rc::new(RefCell::new(Vec::new()));
        let call = sel4::MessageInfo::new(3, 0, 0, 1);
        let fault = sel4::MessageInfo::new(6, 0, 0, 4);
        let empty = sel4::MessageInfo::default();
        let events = vec![
            (1 << 63 | 5, call, 21),
            (1 << 62 | 1, fault, 0),
            (1 << 62 | 2, fault, 0),
            (0b100_0001, empty, 0),
        ];
        set_kernel(Script { events: events.into_iter(), entries: Rc::clone(&entries) });
        assert_eq!(run(&mut Doubler), "{0, 6}");
        let answer = sel4::MessageInfo::new(4, 0, 0, 1);
        let expected = [
            (syscall::RECV, 1, empty, 0, 4),
            (syscall::REPLY_RECV, 1, answer, 42, 4),
            (syscall::REPLY_RECV, 1, empty, 0, 4),
            (syscall::RECV, 1, empty, 0, 4),
        ];
        assert_eq!(*entries.borrow(), expected);
    }

    /// Has one event for its work.
    struct Starter {
        entries: Rc<RefCell<Vec<Entry>>>,
        has_begun: bool,
    }

    impl Handler for Starter {
        type Error = String;

        fn begin(&mut self) {
            assert!(self.entries.borrow().is_empty());
            self.has_begun = true;
        }

        fn notified(&mut self, _: ChannelSet) -> Result<(), String> {
            Err(self.has_begun.to_string())
        }
    }

    #[test]
    fn begins_before_the_first_event() {
        let entries = Rc::new(RefCell::new(Vec::new()));
        let events = vec![(0b100, sel4::MessageInfo::default(), 0)];
        set_kernel(Script { events: events.into_iter(), entries: Rc::clone(&entries) });
        assert_eq!(run(&mut Starter { entries, has_begun: false }), "true");
    }

    /// Has no methods of its own.
    struct Deaf;

    impl Handler for Deaf {
        type Error = String;
    }

    #[test]
    #[should_panic(expected = "unexpected notification from channels {2}")]
    fn an_event_without_a_method_panics() {
        let events = vec![(0b100, sel4::MessageInfo::default(), 0)];
        set_kernel(Script { events: events.into_iter(), entries: Rc::default() });
        run(&mut Deaf);
    }
}
