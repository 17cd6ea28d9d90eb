//! Invocations of scheduling context capabilities.

use crate::budget::microseconds;
use crate::cspace::Cap;
use crate::invocation::{Error, Invocation};
use crate::kernel::Kernel;
use crate::labels::Label;
use crate::machine::Machine;
use crate::message::MessageInfo;
use crate::object::{Above, ContextId, NotificationId, State, ThreadId};

impl<M: Machine> Kernel<M> {
    /// Performs an invocation of a scheduling context capability.
    pub(crate) fn invoke_context(
        &mut self,
        invocation: &Invocation,
        label: Label,
        context: ContextId,
    ) -> Result<(), Error> {
        match label {
            Label::ContextConsumed => {
                let consumed = self.take_consumed(context);
                self.answer(invocation, &[consumed]);
                Ok(())
            }
            Label::ContextBind => self.context_bind(invocation, context),
            Label::ContextUnbindObject => self.context_unbind_object(invocation, context),
            Label::ContextUnbind => self.context_unbind(invocation, context),
            Label::ContextYieldTo => self.context_yield_to(invocation, context),
            _ => Err(Error::IllegalOperation),
        }
    }

    fn take_consumed(&mut self, context: ContextId) -> u64 {
        microseconds(core::mem::take(&mut self.contexts[context].consumed))
    }

    fn context_bind(&mut self, invocation: &Invocation, context: ContextId) -> Result<(), Error> {
        let now = self.scheduler.now;
        match invocation.extra_caps[0].ok_or(Error::TruncatedMessage)? {
            Cap::Thread(thread) => {
                let released = self.contexts[context].is_released(now);
                if self.contexts[context].thread.is_some()
                    || self.threads[thread].context.is_some()
                    || (self.threads[thread].is_blocked() && !released)
                {
                    return Err(Error::IllegalOperation);
                }
                self.set_state(invocation.thread, State::Restart);
                self.bind_thread(context, thread);
            }
            Cap::Notification { notification, .. } => {
                if self.contexts[context].notification.is_some()
                    || self.notifications[notification].context.is_some()
                {
                    return Err(Error::IllegalOperation);
                }
                self.set_state(invocation.thread, State::Restart);
                self.notifications[notification].context = Some(context);
                self.contexts[context].notification = Some(notification);
            }
            _ => return Err(Error::InvalidCapability(1)),
        }
        Ok(())
    }

    pub(crate) fn bind_thread(&mut self, context: ContextId, thread: ThreadId) {
        self.threads[thread].context = Some(context);
        self.contexts[context].thread = Some(thread);
        self.resume_context(context);
        if self.threads[thread].is_schedulable() {
            self.enqueue(thread);
            self.reschedule();
        }
    }

    fn context_unbind_object(
        &mut self,
        invocation: &Invocation,
        context: ContextId,
    ) -> Result<(), Error> {
        match invocation.extra_caps[0].ok_or(Error::TruncatedMessage)? {
            Cap::Thread(thread) => {
                let is_bound = self.contexts[context].thread == Some(thread);
                if !is_bound || thread == invocation.thread {
                    return Err(Error::IllegalOperation);
                }
                self.set_state(invocation.thread, State::Restart);
                self.unbind_thread(context, thread);
            }
            Cap::Notification { notification, .. } => {
                if self.contexts[context].notification != Some(notification) {
                    return Err(Error::IllegalOperation);
                }
                self.set_state(invocation.thread, State::Restart);
                self.unbind_notification(context, notification);
            }
            _ => return Err(Error::InvalidCapability(1)),
        }
        Ok(())
    }

    fn context_unbind(&mut self, invocation: &Invocation, context: ContextId) -> Result<(), Error> {
        let thread = self.contexts[context].thread;
        if thread == Some(invocation.thread) {
            return Err(Error::IllegalOperation);
        }
        self.set_state(invocation.thread, State::Restart);
        if let Some(thread) = thread {
            self.unbind_thread(context, thread);
        }
        if let Some(notification) = self.contexts[context].notification {
            self.unbind_notification(context, notification);
        }
        if let Some(reply) = self.contexts[context].reply.take() {
            self.replies[reply].above = Above::Nothing;
        }
        Ok(())
    }

    fn unbind_thread(&mut self, context: ContextId, thread: ThreadId) {
        self.dequeue(thread);
        self.release_remove(thread);
        self.threads[thread].context = None;
        self.contexts[context].thread = None;
    }

    fn unbind_notification(&mut self, context: ContextId, notification: NotificationId) {
        self.notifications[notification].context = None;
        self.contexts[context].notification = None;
    }

    fn context_yield_to(
        &mut self,
        invocation: &Invocation,
        context: ContextId,
    ) -> Result<(), Error> {
        let caller = invocation.thread;
        let thread = self.contexts[context].thread.ok_or(Error::IllegalOperation)?;
        if thread == caller || self.threads[thread].priority > self.threads[caller].maximum_priority
        {
            return Err(Error::IllegalOperation);
        }
        self.set_state(caller, State::Restart);
        if let Some(yielder) = self.contexts[context].yield_from {
            self.complete_yield_to(yielder);
        }
        self.resume_context(context);
        let is_schedulable = self.threads[thread].is_schedulable();
        if is_schedulable && self.threads[thread].priority >= self.threads[caller].priority {
            self.threads[caller].yield_to = Some(context);
            self.contexts[context].yield_from = Some(caller);
            self.dequeue(thread);
            self.enqueue(caller);
            self.enqueue(thread);
            self.reschedule();
            return Ok(());
        }
        if is_schedulable {
            self.dequeue(thread);
            self.enqueue(thread);
        }
        let consumed = self.take_consumed(context);
        self.answer(invocation, &[consumed]);
        Ok(())
    }

    /// Tells a thread that yielded how much time the other one used.
    pub(crate) fn complete_yield_to(&mut self, yielder: ThreadId) {
        if let Some(context) = self.threads[yielder].yield_to {
            let consumed = self.take_consumed(context);
            self.threads[yielder].registers.set_message(0, consumed);
            self.deliver(yielder, 0, MessageInfo::new(0, 1));
            self.cancel_yield_to(yielder);
        }
    }

    /// Forgets that a thread yielded.
    pub(crate) fn cancel_yield_to(&mut self, yielder: ThreadId) {
        if let Some(context) = self.threads[yielder].yield_to.take() {
            self.contexts[context].yield_from = None;
        }
    }
}
