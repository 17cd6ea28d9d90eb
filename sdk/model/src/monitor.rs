//! The built-in monitor: what Microkit's monitor PD does at the endpoint of last resort.
//!
//! It takes every message at once. An empty message from PD `badge - 1` asks to become passive: the
//! PD's context is bound to its notification once the PD's system call is over, because on seL4 the
//! monitor only runs then. Everything else is a fault that nobody else handles: it is printed on
//! debug kernels and the thread stays stopped.

use crate::endpoint::Send;
use crate::fault::Fault;
use crate::kernel::{Kernel, display_name};
use crate::machine::{Machine, print};
use crate::message::MessageInfo;
use crate::object::{ContextId, NotificationId, State, ThreadId};
use crate::registers::{CONTEXT_REGISTER_COUNT, context_register};

impl<M: Machine> Kernel<M> {
    /// Takes a message that `sender` sends to the monitor's endpoint.
    pub(crate) fn monitor_receive(&mut self, sender: ThreadId, send: Send) {
        let fault = self.threads[sender].fault;
        let label = match fault {
            Some(fault) => fault.label(),
            None => MessageInfo::of(&self.threads[sender].registers).label(),
        };
        match u8::try_from(send.badge.wrapping_sub(1)) {
            Ok(pd) if label == 0 && usize::from(pd) < crate::object::OBJECT_COUNT => {
                self.passive_requests |= 1 << pd;
            }
            _ => self.report(sender, fault, label, send.badge),
        }
        if send.is_call || fault.is_some() {
            self.threads[sender].fault = None;
            self.set_state(sender, State::Inactive);
        }
    }

    /// Binds the contexts of PDs that became passive to their notifications.
    pub(crate) fn hand_over_passive(&mut self) {
        let requests = core::mem::take(&mut self.passive_requests);
        for pd in (0..64).filter(|pd| requests & (1 << pd) != 0) {
            let (context, notification) = (ContextId(pd), NotificationId(pd));
            if self.contexts[context].notification.is_none()
                && self.notifications[notification].context.is_none()
            {
                self.contexts[context].notification = Some(notification);
                self.notifications[notification].context = Some(context);
                if self.is_verbose() {
                    let name = self.name(ThreadId(pd));
                    let name = display_name(&name);
                    print(
                        &mut self.machine,
                        format_args!("MON|INFO: PD '{name}' is now passive!\n"),
                    );
                }
            }
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
