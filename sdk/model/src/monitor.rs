//! The built-in monitor: what Microkit's monitor PD does at the endpoint of last resort.
//!
//! On seL4 it is a thread above all PDs that waits there whenever PDs run. So it takes the first
//! message of a kernel entry at once, acts when the entry ends, and then takes what has queued up
//! meanwhile. An empty message from PD `badge - 1` asks to become passive: the PD's context is bound
//! to its notification. Everything else is a fault that nobody else handles: it is printed on debug
//! kernels and the thread stays stopped.

use crate::endpoint::Send;
use crate::fault::Fault;
use crate::kernel::{Kernel, display_name};
use crate::machine::{Machine, print};
use crate::message::MessageInfo;
use crate::object::{
    ContextId, Endpoint, MONITOR_ENDPOINT, NotificationId, OBJECT_COUNT, State, ThreadId,
};
use crate::registers::{CONTEXT_REGISTER_COUNT, context_register};

/// What the monitor will do at the end of the kernel entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Monitor {
    /// Nothing: it waits for a message.
    Idle,
    /// It has taken a message that needs no action.
    Busy,
    /// Make this PD passive.
    MakePassive(u8),
}

impl Monitor {
    /// Waiting.
    pub(crate) const IDLE: Self = Self::Idle;

    /// True if it does not wait for a message.
    pub(crate) fn is_busy(self) -> bool {
        self != Self::Idle
    }
}

impl<M: Machine> Kernel<M> {
    /// Takes a message that `sender` sends to the monitor's endpoint.
    pub(crate) fn monitor_receive(&mut self, sender: ThreadId, send: Send) {
        let fault = self.threads[sender].fault;
        let label = match fault {
            Some(fault) => fault.label(),
            None => MessageInfo::of(&self.threads[sender].registers).label(),
        };
        self.monitor = match u8::try_from(send.badge.wrapping_sub(1)) {
            Ok(pd) if label == 0 && usize::from(pd) < OBJECT_COUNT => Monitor::MakePassive(pd),
            _ => {
                self.report(sender, fault, label, send.badge);
                Monitor::Busy
            }
        };
        if send.is_call || fault.is_some() {
            self.threads[sender].fault = None;
            self.set_state(sender, State::Inactive);
        }
        self.reschedule();
    }

    /// Lets the monitor act until it waits again.
    pub(crate) fn run_monitor(&mut self) {
        while self.monitor.is_busy() {
            if let Monitor::MakePassive(pd) = self.monitor {
                self.make_passive(pd);
            }
            self.monitor = Monitor::Idle;
            let Endpoint::Senders(queue) = self.endpoints[MONITOR_ENDPOINT] else { return };
            let Some(sender) = queue.head else { return };
            let State::BlockedOnSend { badge, can_grant, can_reply, is_call, .. } =
                self.threads[sender].state
            else {
                return;
            };
            self.leave_endpoint(sender, MONITOR_ENDPOINT);
            let send =
                Send { badge, can_grant, can_reply, is_call, blocking: true, can_donate: false };
            self.set_state(sender, State::Running);
            self.monitor_receive(sender, send);
            if self.threads[sender].is_schedulable() {
                self.enqueue(sender);
            }
        }
    }

    /// Binds the context of a PD to its notification, if the PD is meant to be passive.
    fn make_passive(&mut self, pd: u8) {
        let (context, notification) = (ContextId(pd), NotificationId(pd));
        if self.passive & (1 << pd) == 0
            || self.contexts[context].notification.is_some()
            || self.notifications[notification].context.is_some()
        {
            return;
        }
        self.contexts[context].notification = Some(notification);
        self.notifications[notification].context = Some(context);
        if self.is_verbose() {
            let name = self.name(ThreadId(pd));
            let name = display_name(&name);
            print(&mut self.machine, format_args!("MON|INFO: PD '{name}' is now passive!\n"));
        }
    }

    /// Prints a message nobody else handles.
    fn report(&mut self, sender: ThreadId, fault: Option<Fault>, label: u64, badge: u64) {
        if !self.is_verbose() {
            return;
        }
        let name = self.name(sender);
        let name = display_name(&name);
        let registers = &self.threads[sender].registers;
        let machine = &mut self.machine;
        print(
            machine,
            format_args!(
                "MON|ERROR: received message {label:#x}  badge: {badge:#x}\n\
                 MON|ERROR: faulting PD: {name}\n\
                 MON|ERROR: fault: {fault:x?}\n"
            ),
        );
        for position in 0..CONTEXT_REGISTER_COUNT {
            let register = context_register(position);
            let value = registers.get(register);
            print(machine, format_args!("MON|ERROR: {register:?} : {value:#018x}\n"));
        }
    }

    /// Prints a complaint about what `thread` does.
    pub(crate) fn warn(&mut self, thread: ThreadId, complaint: &str) {
        if self.is_verbose() {
            let name = self.name(thread);
            let name = display_name(&name);
            let pc = self.threads[thread].registers.fault_pc;
            print(&mut self.machine, format_args!("model: \"{name}\" at {pc:#x}: {complaint}\n"));
        }
    }
}
