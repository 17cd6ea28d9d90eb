//! Reply objects: who waits for whom, and the stack of calls along which a context travels.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{Above, ContextId, ReplyId, State, ThreadId};

impl<M: Machine> Kernel<M> {
    /// Moves a scheduling context to `target`, which has none.
    pub(crate) fn donate(&mut self, context: ContextId, target: ThreadId) {
        if let Some(owner) = self.contexts[context].thread {
            self.dequeue(owner);
            self.release_remove(owner);
            self.threads[owner].context = None;
            self.reschedule_without(owner);
        }
        self.contexts[context].thread = Some(target);
        self.threads[target].context = Some(context);
    }

    /// Makes `caller` wait for `callee` to reply, lending it the caller's context if allowed.
    pub(crate) fn push_reply(
        &mut self,
        caller: ThreadId,
        callee: ThreadId,
        reply: ReplyId,
        can_donate: bool,
    ) {
        self.replies[reply].thread = Some(caller);
        self.set_state(caller, State::BlockedOnReply(reply));
        let Some(context) = self.threads[caller].context else { return };
        if !can_donate || self.threads[callee].context.is_some() {
            return;
        }
        let below = self.contexts[context].reply;
        if let Some(below) = below {
            self.replies[below].above = Above::Reply(reply);
        }
        self.replies[reply].below = below;
        self.replies[reply].above = Above::Context(context);
        self.contexts[context].reply = Some(reply);
        self.donate(context, callee);
    }

    /// Releases `thread` from `reply`.
    pub(crate) fn unlink_reply(&mut self, reply: ReplyId, thread: ThreadId) {
        self.replies[reply].thread = None;
        self.set_state(thread, State::Inactive);
    }

    /// Ends the call of `thread`; a context on top of the stack returns to it.
    fn remove_reply(&mut self, reply: ReplyId, thread: ThreadId) {
        let (below, above) = (self.replies[reply].below, self.replies[reply].above);
        match above {
            Above::Context(context) => {
                self.contexts[context].reply = below;
                if let Some(below) = below {
                    self.replies[below].above = Above::Context(context);
                }
                if self.threads[thread].context.is_none() {
                    self.donate(context, thread);
                }
            }
            Above::Reply(above) => {
                self.replies[above].below = None;
                self.break_below(below);
            }
            Above::Nothing => self.break_below(below),
        }
        self.clear_reply(reply, thread);
    }

    /// Ends the call of `thread`, which is cancelled; no context returns to it.
    pub(crate) fn cancel_reply(&mut self, reply: ReplyId, thread: ThreadId) {
        match self.replies[reply].above {
            Above::Context(context) => self.contexts[context].reply = None,
            Above::Reply(above) => self.replies[above].below = None,
            Above::Nothing => {}
        }
        self.break_below(self.replies[reply].below);
        self.clear_reply(reply, thread);
    }

    fn break_below(&mut self, below: Option<ReplyId>) {
        if let Some(below) = below {
            self.replies[below].above = Above::Nothing;
        }
    }

    fn clear_reply(&mut self, reply: ReplyId, thread: ThreadId) {
        self.replies[reply].below = None;
        self.replies[reply].above = Above::Nothing;
        self.unlink_reply(reply, thread);
    }

    /// Sends the reply of `sender` to whoever waits at `reply`.
    pub(crate) fn send_reply(&mut self, sender: ThreadId, reply: ReplyId) {
        let Some(receiver) = self.replies[reply].thread else { return };
        if self.threads[receiver].state != State::BlockedOnReply(reply) {
            return;
        }
        self.remove_reply(reply, receiver);
        match self.threads[receiver].fault {
            None => {
                self.transfer(sender, None, 0, true, receiver);
                self.set_state(receiver, State::Running);
            }
            Some(fault) => {
                let restarts = self.take_fault_reply(fault, receiver, sender);
                self.threads[receiver].fault = None;
                let state = if restarts { State::Restart } else { State::Inactive };
                self.set_state(receiver, state);
            }
        }
        if let Some(context) = self.threads[receiver].context
            && self.threads[receiver].is_runnable()
        {
            if self.contexts[context].is_released(self.scheduler.now) {
                self.possible_switch_to(receiver);
            } else {
                self.postpone(context);
            }
        }
    }
}
