//! Sending and receiving through endpoints.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{Endpoint, EndpointId, MONITOR_ENDPOINT, ReplyId, Signal, State, ThreadId};
use crate::queue::Queue;

/// How a message is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    /// Badge of the capability.
    pub(crate) badge: u64,
    /// The capability has the grant right.
    pub(crate) can_grant: bool,
    /// The capability lets the receiver reply.
    pub(crate) can_reply: bool,
    /// Wait for a receiver.
    pub(crate) blocking: bool,
    /// Wait for a reply.
    pub(crate) is_call: bool,
    /// Lend the scheduling context to a receiver without one.
    pub(crate) can_donate: bool,
}

impl<M: Machine> Kernel<M> {
    /// Sends the message, or the message about the fault, of `sender`.
    pub(crate) fn send_ipc(&mut self, sender: ThreadId, endpoint: EndpointId, send: Send) {
        if endpoint == MONITOR_ENDPOINT && !self.monitor.is_busy() {
            self.monitor_receive(sender, send);
            return;
        }
        match self.endpoints[endpoint] {
            Endpoint::Receivers(queue) => self.send_to_receiver(sender, endpoint, queue, send),
            Endpoint::Idle if send.blocking => {
                self.block_sender(sender, endpoint, Queue::EMPTY, send);
            }
            Endpoint::Senders(queue) if send.blocking => {
                self.block_sender(sender, endpoint, queue, send);
            }
            _ => {}
        }
    }

    fn block_sender(
        &mut self,
        sender: ThreadId,
        endpoint: EndpointId,
        mut queue: Queue,
        send: Send,
    ) {
        let Send { badge, can_grant, can_reply, is_call, .. } = send;
        let state = State::BlockedOnSend { endpoint, badge, can_grant, can_reply, is_call };
        self.set_state(sender, state);
        queue.insert_by_priority(&mut self.threads, sender);
        self.endpoints[endpoint] = Endpoint::Senders(queue);
    }

    fn send_to_receiver(
        &mut self,
        sender: ThreadId,
        endpoint: EndpointId,
        queue: Queue,
        send: Send,
    ) {
        let Some(receiver) = queue.head else { return };
        self.leave_endpoint(receiver, endpoint);
        self.transfer(sender, Some(endpoint), send.badge, send.can_grant, receiver);
        let reply = match self.threads[receiver].state {
            State::BlockedOnReceive { reply, .. } => reply,
            _ => None,
        };
        if let Some(reply) = reply {
            self.unlink_reply(reply, receiver);
        }
        if send.is_call || self.threads[sender].fault.is_some() {
            match reply.filter(|_| send.can_reply) {
                Some(reply) => self.push_reply(sender, receiver, reply, send.can_donate),
                None => self.set_state(sender, State::Inactive),
            }
        } else if send.can_donate
            && self.threads[receiver].context.is_none()
            && let Some(context) = self.threads[sender].context
        {
            self.donate(context, receiver);
        }
        self.set_state(receiver, State::Running);
        self.possible_switch_to(receiver);
    }

    /// Takes a blocked thread out of the endpoint's queue.
    pub(crate) fn leave_endpoint(&mut self, thread: ThreadId, endpoint: EndpointId) {
        if let Endpoint::Senders(queue) | Endpoint::Receivers(queue) = &mut self.endpoints[endpoint]
        {
            queue.remove(&mut self.threads, thread);
            if queue.is_empty() {
                self.endpoints[endpoint] = Endpoint::Idle;
            }
        }
    }

    /// Receives a message, or a signal of the bound notification, for the current thread.
    pub(crate) fn receive_ipc(
        &mut self,
        receiver: ThreadId,
        endpoint: EndpointId,
        blocking: bool,
        reply: Option<ReplyId>,
    ) {
        if let Some(reply) = reply
            && let Some(caller) = self.replies[reply].thread
            && caller != receiver
        {
            self.warn(receiver, "reply object already holds a caller, who is cancelled");
            self.cancel_ipc(caller);
        }
        if let Some(notification) = self.threads[receiver].notification {
            if let Signal::Active(badge) = self.notifications[notification].signal {
                self.notifications[notification].signal = Signal::Idle;
                self.threads[receiver].registers.x[0] = badge;
                self.lend_context(notification, receiver);
                return;
            }
            if blocking {
                self.return_context(notification, receiver);
            }
        }
        match self.endpoints[endpoint] {
            Endpoint::Senders(queue) => self.receive_from_sender(receiver, endpoint, queue, reply),
            _ if !blocking => self.threads[receiver].registers.x[0] = 0,
            Endpoint::Idle => self.block_receiver(receiver, endpoint, Queue::EMPTY, reply),
            Endpoint::Receivers(queue) => self.block_receiver(receiver, endpoint, queue, reply),
        }
    }

    fn block_receiver(
        &mut self,
        receiver: ThreadId,
        endpoint: EndpointId,
        mut queue: Queue,
        reply: Option<ReplyId>,
    ) {
        self.set_state(receiver, State::BlockedOnReceive { endpoint, reply });
        if let Some(reply) = reply {
            self.replies[reply].thread = Some(receiver);
        }
        queue.insert_by_priority(&mut self.threads, receiver);
        self.endpoints[endpoint] = Endpoint::Receivers(queue);
    }

    fn receive_from_sender(
        &mut self,
        receiver: ThreadId,
        endpoint: EndpointId,
        queue: Queue,
        reply: Option<ReplyId>,
    ) {
        let Some(sender) = queue.head else { return };
        let State::BlockedOnSend { badge, can_grant, can_reply, is_call, .. } =
            self.threads[sender].state
        else {
            return;
        };
        self.leave_endpoint(sender, endpoint);
        self.transfer(sender, Some(endpoint), badge, can_grant, receiver);
        if is_call || self.threads[sender].fault.is_some() {
            match reply.filter(|_| can_reply) {
                Some(reply) => self.push_reply(sender, receiver, reply, true),
                None => self.set_state(sender, State::Inactive),
            }
        } else {
            self.set_state(sender, State::Running);
            self.possible_switch_to(sender);
        }
    }

    /// Takes a thread out of whatever it waits for, and forgets its fault.
    pub(crate) fn cancel_ipc(&mut self, thread: ThreadId) {
        self.threads[thread].fault = None;
        match self.threads[thread].state {
            State::BlockedOnSend { endpoint, .. } => {
                self.leave_endpoint(thread, endpoint);
                self.set_state(thread, State::Inactive);
            }
            State::BlockedOnReceive { endpoint, reply } => {
                self.leave_endpoint(thread, endpoint);
                match reply {
                    Some(reply) => self.unlink_reply(reply, thread),
                    None => self.set_state(thread, State::Inactive),
                }
            }
            State::BlockedOnNotification(notification) => {
                self.leave_notification(thread, notification);
                self.set_state(thread, State::Inactive);
            }
            State::BlockedOnReply(reply) => self.cancel_reply(reply, thread),
            State::Inactive | State::Running | State::Restart => {}
        }
    }

    /// Moves a blocked thread to its new place after its priority changed.
    pub(crate) fn reorder_endpoint(&mut self, thread: ThreadId, endpoint: EndpointId) {
        if let Endpoint::Senders(queue) | Endpoint::Receivers(queue) = &mut self.endpoints[endpoint]
        {
            queue.remove(&mut self.threads, thread);
            queue.insert_by_priority(&mut self.threads, thread);
        }
    }
}
