//! Invocations of thread capabilities.

use crate::cspace::Cap;
use crate::invocation::{Error, Invocation};
use crate::kernel::Kernel;
use crate::labels::Label;
use crate::machine::Machine;
use crate::object::{Scheduled, Signal, State, ThreadId};
use crate::registers::{CONTEXT_REGISTER_COUNT, context_register};

/// Registers before the general ones that a frame transfer skips over: pc to x30.
const FRAME_REGISTER_COUNT: usize = 17;
/// Thread flag: no floating point.
const FLAG_FPU_DISABLED: u64 = 1;

impl<M: Machine> Kernel<M> {
    /// Performs an invocation of a thread capability.
    pub(crate) fn invoke_tcb(
        &mut self,
        invocation: &Invocation,
        label: Label,
        target: ThreadId,
    ) -> Result<(), Error> {
        match label {
            Label::TcbReadRegisters => self.tcb_read_registers(invocation, target),
            Label::TcbWriteRegisters => self.tcb_write_registers(invocation, target),
            Label::TcbCopyRegisters => self.tcb_copy_registers(invocation, target),
            Label::TcbSuspend => {
                self.set_state(invocation.thread, State::Restart);
                self.suspend(target);
                Ok(())
            }
            Label::TcbResume => {
                self.set_state(invocation.thread, State::Restart);
                self.restart(target);
                Ok(())
            }
            Label::TcbSetPriority | Label::TcbSetMaximumPriority => {
                self.tcb_set_priority(invocation, label, target)
            }
            Label::TcbBindNotification => self.tcb_bind_notification(invocation, target),
            Label::TcbUnbindNotification => self.tcb_unbind_notification(invocation, target),
            Label::TcbSetTlsBase => {
                if invocation.length < 1 {
                    return Err(Error::TruncatedMessage);
                }
                let base = self.argument(invocation, 0);
                self.set_state(invocation.thread, State::Restart);
                self.threads[target].registers.tpidr = base;
                Ok(())
            }
            Label::TcbSetFlags => self.tcb_set_flags(invocation, target),
            Label::TcbForeign { length, caps }
                if invocation.length < length
                    || invocation.extra_caps[..caps].iter().any(Option::is_none) =>
            {
                Err(Error::TruncatedMessage)
            }
            _ => {
                self.warn(invocation.thread, "thread operation that this kernel does not have");
                Err(Error::IllegalOperation)
            }
        }
    }

    /// Stops a thread.
    fn suspend(&mut self, target: ThreadId) {
        self.cancel_ipc(target);
        if self.threads[target].state == State::Running {
            let registers = &mut self.threads[target].registers;
            registers.fault_pc = registers.pc;
        }
        self.dequeue(target);
        self.release_remove(target);
        self.cancel_yield_to(target);
        self.set_state(target, State::Inactive);
    }

    /// Makes a stopped or blocked thread continue from its restart address.
    pub(crate) fn restart(&mut self, target: ThreadId) {
        if self.threads[target].is_runnable() {
            return;
        }
        self.cancel_ipc(target);
        self.set_state(target, State::Restart);
        if let Some(context) = self.threads[target].context {
            self.resume_context(context);
        }
        if self.threads[target].is_schedulable() {
            self.possible_switch_to(target);
        }
    }

    fn tcb_read_registers(
        &mut self,
        invocation: &Invocation,
        target: ThreadId,
    ) -> Result<(), Error> {
        if invocation.length < 2 {
            return Err(Error::TruncatedMessage);
        }
        let flags = self.argument(invocation, 0);
        let count = usize::try_from(self.argument(invocation, 1)).unwrap_or(usize::MAX);
        if !(1..=CONTEXT_REGISTER_COUNT).contains(&count) {
            return Err(Error::Range(1, CONTEXT_REGISTER_COUNT as u64));
        }
        if target == invocation.thread {
            return Err(Error::IllegalOperation);
        }
        self.set_state(invocation.thread, State::Restart);
        if flags & 1 != 0 {
            self.suspend(target);
        }
        let mut values = [0; CONTEXT_REGISTER_COUNT];
        let values = &mut values[..count];
        for (position, value) in values.iter_mut().enumerate() {
            *value = self.threads[target].registers.get(context_register(position));
        }
        self.answer(invocation, values);
        Ok(())
    }

    fn tcb_write_registers(
        &mut self,
        invocation: &Invocation,
        target: ThreadId,
    ) -> Result<(), Error> {
        if invocation.length < 2 {
            return Err(Error::TruncatedMessage);
        }
        let flags = self.argument(invocation, 0);
        let count = usize::try_from(self.argument(invocation, 1)).unwrap_or(usize::MAX);
        if invocation.length - 2 < count {
            return Err(Error::TruncatedMessage);
        }
        if target == invocation.thread {
            return Err(Error::IllegalOperation);
        }
        self.set_state(invocation.thread, State::Restart);
        for position in 0..count.min(CONTEXT_REGISTER_COUNT) {
            let value = self.argument(invocation, position + 2);
            self.threads[target].registers.set(context_register(position), value);
        }
        self.continue_from_restart_address(target);
        if flags & 1 != 0 {
            self.restart(target);
        }
        Ok(())
    }

    fn tcb_copy_registers(
        &mut self,
        invocation: &Invocation,
        target: ThreadId,
    ) -> Result<(), Error> {
        let source = invocation.extra_caps[0].filter(|_| invocation.length >= 1);
        let flags = self.argument(invocation, 0);
        let Cap::Thread(source) = source.ok_or(Error::TruncatedMessage)? else {
            return Err(Error::InvalidCapability(1));
        };
        self.set_state(invocation.thread, State::Restart);
        if flags & 1 != 0 {
            self.suspend(source);
        }
        if flags & 2 != 0 {
            self.restart(target);
        }
        let frame = if flags & 4 != 0 { 0..FRAME_REGISTER_COUNT } else { 0..0 };
        let integer =
            if flags & 8 != 0 { FRAME_REGISTER_COUNT..CONTEXT_REGISTER_COUNT } else { 0..0 };
        for position in frame.chain(integer) {
            let register = context_register(position);
            let value = self.threads[source].registers.get(register);
            self.threads[target].registers.set(register, value);
        }
        if flags & 4 != 0 {
            self.continue_from_restart_address(target);
        }
        Ok(())
    }

    fn continue_from_restart_address(&mut self, target: ThreadId) {
        let registers = &mut self.threads[target].registers;
        registers.pc = registers.fault_pc;
    }

    fn tcb_set_priority(
        &mut self,
        invocation: &Invocation,
        label: Label,
        target: ThreadId,
    ) -> Result<(), Error> {
        let authority = invocation.extra_caps[0].filter(|_| invocation.length >= 1);
        let priority = self.argument(invocation, 0);
        let Cap::Thread(authority) = authority.ok_or(Error::TruncatedMessage)? else {
            return Err(Error::InvalidCapability(1));
        };
        let maximum = self.threads[authority].maximum_priority;
        let Some(priority) = u8::try_from(priority).ok().filter(|it| *it <= maximum) else {
            return Err(Error::Range(0, u64::from(maximum)));
        };
        self.set_state(invocation.thread, State::Restart);
        if label == Label::TcbSetMaximumPriority {
            self.threads[target].maximum_priority = priority;
        } else {
            self.change_priority(target, priority);
        }
        Ok(())
    }

    fn change_priority(&mut self, target: ThreadId, priority: u8) {
        let is_current = self.scheduler.current == Some(target);
        match self.threads[target].state {
            State::Running | State::Restart
                if is_current || self.threads[target].scheduled == Scheduled::Ready =>
            {
                self.dequeue(target);
                self.threads[target].priority = priority;
                self.enqueue(target);
                self.reschedule();
            }
            State::BlockedOnSend { endpoint, .. } | State::BlockedOnReceive { endpoint, .. } => {
                self.threads[target].priority = priority;
                self.reorder_endpoint(target, endpoint);
            }
            State::BlockedOnNotification(notification) => {
                self.threads[target].priority = priority;
                self.reorder_notification(target, notification);
            }
            _ => self.threads[target].priority = priority,
        }
    }

    fn tcb_bind_notification(
        &mut self,
        invocation: &Invocation,
        target: ThreadId,
    ) -> Result<(), Error> {
        let cap = invocation.extra_caps[0].ok_or(Error::TruncatedMessage)?;
        let Cap::Notification { notification, rights, .. } = cap else {
            return Err(Error::IllegalOperation);
        };
        let object = &self.notifications[notification];
        if self.threads[target].notification.is_some()
            || !rights.can_read()
            || object.thread.is_some()
            || matches!(object.signal, Signal::Waiting(_))
        {
            return Err(Error::IllegalOperation);
        }
        self.set_state(invocation.thread, State::Restart);
        self.notifications[notification].thread = Some(target);
        self.threads[target].notification = Some(notification);
        Ok(())
    }

    fn tcb_unbind_notification(
        &mut self,
        invocation: &Invocation,
        target: ThreadId,
    ) -> Result<(), Error> {
        let notification = self.threads[target].notification.ok_or(Error::IllegalOperation)?;
        self.set_state(invocation.thread, State::Restart);
        self.notifications[notification].thread = None;
        self.threads[target].notification = None;
        Ok(())
    }

    fn tcb_set_flags(&mut self, invocation: &Invocation, target: ThreadId) -> Result<(), Error> {
        if invocation.length < 2 {
            return Err(Error::TruncatedMessage);
        }
        let (clear, set) = (self.argument(invocation, 0), self.argument(invocation, 1));
        let registers = &mut self.threads[target].registers;
        let flags = if registers.fpu == 0 { FLAG_FPU_DISABLED } else { 0 };
        let flags = ((flags & !clear) | set) & FLAG_FPU_DISABLED;
        registers.fpu = u64::from(flags & FLAG_FPU_DISABLED == 0);
        self.answer(invocation, &[flags]);
        Ok(())
    }
}
