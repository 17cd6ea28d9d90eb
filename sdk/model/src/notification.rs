//! Signals, and the scheduling context that a notification lends to a passive PD.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{NotificationId, Signal, State, ThreadId};
use crate::queue::Queue;

impl<M: Machine> Kernel<M> {
    /// Signals a notification.
    pub(crate) fn send_signal(&mut self, notification: NotificationId, badge: u64) {
        match self.notifications[notification].signal {
            Signal::Active(pending) => {
                self.notifications[notification].signal = Signal::Active(pending | badge);
            }
            Signal::Waiting(queue) => {
                if let Some(receiver) = queue.head {
                    self.leave_notification(receiver, notification);
                    self.wake(receiver, notification, badge);
                }
            }
            Signal::Idle => match self.notifications[notification].thread {
                Some(bound)
                    if matches!(self.threads[bound].state, State::BlockedOnReceive { .. }) =>
                {
                    self.cancel_ipc(bound);
                    self.wake(bound, notification, badge);
                }
                _ => self.notifications[notification].signal = Signal::Active(badge),
            },
        }
    }

    fn wake(&mut self, receiver: ThreadId, notification: NotificationId, badge: u64) {
        self.set_state(receiver, State::Running);
        self.threads[receiver].registers.x[0] = badge;
        self.lend_context(notification, receiver);
        if self.threads[receiver].is_schedulable() {
            self.possible_switch_to(receiver);
        }
    }

    /// Waits for a signal, or takes a pending one.
    pub(crate) fn receive_signal(
        &mut self,
        receiver: ThreadId,
        notification: NotificationId,
        blocking: bool,
    ) {
        let mut queue = match self.notifications[notification].signal {
            Signal::Active(badge) => {
                self.notifications[notification].signal = Signal::Idle;
                self.threads[receiver].registers.x[0] = badge;
                self.lend_context(notification, receiver);
                return;
            }
            _ if !blocking => {
                self.threads[receiver].registers.x[0] = 0;
                return;
            }
            Signal::Waiting(queue) => queue,
            Signal::Idle => Queue::EMPTY,
        };
        self.set_state(receiver, State::BlockedOnNotification(notification));
        queue.insert_by_priority(&mut self.threads, receiver);
        self.notifications[notification].signal = Signal::Waiting(queue);
        self.return_context(notification, receiver);
    }

    /// Takes a waiting thread out of the notification's queue.
    pub(crate) fn leave_notification(&mut self, thread: ThreadId, notification: NotificationId) {
        if let Signal::Waiting(queue) = &mut self.notifications[notification].signal {
            queue.remove(&mut self.threads, thread);
            if queue.is_empty() {
                self.notifications[notification].signal = Signal::Idle;
            }
        }
    }

    /// Moves a waiting thread to its new place after its priority changed.
    pub(crate) fn reorder_notification(&mut self, thread: ThreadId, notification: NotificationId) {
        if let Signal::Waiting(queue) = &mut self.notifications[notification].signal {
            queue.remove(&mut self.threads, thread);
            queue.insert_by_priority(&mut self.threads, thread);
        }
    }

    /// Lends the notification's context to a thread that has none, if it is free.
    pub(crate) fn lend_context(&mut self, notification: NotificationId, thread: ThreadId) {
        if self.threads[thread].context.is_none()
            && let Some(context) = self.notifications[notification].context
            && self.contexts[context].thread.is_none()
        {
            self.donate(context, thread);
            self.resume_context(context);
        }
    }

    /// Takes the notification's context back from a thread that is about to wait.
    pub(crate) fn return_context(&mut self, notification: NotificationId, thread: ThreadId) {
        if let Some(context) = self.notifications[notification].context
            && self.threads[thread].context == Some(context)
        {
            self.threads[thread].context = None;
            self.contexts[context].thread = None;
            if self.scheduler.current == Some(thread) {
                self.reschedule();
            }
        }
    }
}
