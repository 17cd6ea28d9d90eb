//! Kernel entries: system calls and exceptions.

use model_spec::Config;

use crate::cspace::{Cap, LookupFailure};
use crate::fault::Fault;
use crate::invocation::Mode;
use crate::kernel::{Kernel, display_name};
use crate::machine::{Machine, print};
use crate::object::{ReplyId, ThreadId};

/// System call numbers, as in x7.
mod number {
    pub(super) const CALL: i64 = -1;
    pub(super) const REPLY_RECV: i64 = -2;
    pub(super) const NB_SEND_RECV: i64 = -3;
    pub(super) const NB_SEND_WAIT: i64 = -4;
    pub(super) const SEND: i64 = -5;
    pub(super) const NB_SEND: i64 = -6;
    pub(super) const RECV: i64 = -7;
    pub(super) const NB_RECV: i64 = -8;
    pub(super) const WAIT: i64 = -9;
    pub(super) const NB_WAIT: i64 = -10;
    pub(super) const YIELD: i64 = -11;
    pub(super) const DEBUG_PUT_CHAR: i64 = -12;
    pub(super) const DEBUG_DUMP_SCHEDULER: i64 = -13;
    pub(super) const DEBUG_HALT: i64 = -14;
    pub(super) const DEBUG_CAP_IDENTIFY: i64 = -15;
    pub(super) const DEBUG_SNAPSHOT: i64 = -16;
    pub(super) const DEBUG_NAME_THREAD: i64 = -17;
}

/// Exception classes in bits 26 to 31 of an exception syndrome.
mod class {
    pub(super) const UNKNOWN: u64 = 0x00;
    pub(super) const SVC: u64 = 0x15;
    pub(super) const HVC: u64 = 0x16;
    pub(super) const INSTRUCTION_ABORT: u64 = 0x20;
    pub(super) const DATA_ABORT: u64 = 0x24;
    pub(super) const BRK: u64 = 0x3c;
}

/// Length of a system call instruction.
const INSTRUCTION_BYTES: u64 = 4;

impl Mode {
    const CALL: Self = Self { is_call: true, blocking: true, can_donate: true, first_phase: false };
    const SEND: Self =
        Self { is_call: false, blocking: true, can_donate: false, first_phase: false };
    const NB_SEND: Self =
        Self { is_call: false, blocking: false, can_donate: false, first_phase: false };
    /// The sending half of a combined call.
    const FIRST_PHASE: Self =
        Self { is_call: false, blocking: false, can_donate: true, first_phase: true };
}

impl<M: Machine> Kernel<M> {
    /// Handles a synchronous exception of the current thread, given its syndrome and fault address.
    pub fn exception(&mut self, syndrome: u64, fault_address: u64) {
        let Some(thread) = self.scheduler.current else { return };
        let class = (syndrome >> 26) & 0x3f;
        let registers = &mut self.threads[thread].registers;
        registers.fault_pc = registers.pc;
        if matches!(class, class::SVC | class::HVC) {
            registers.fault_pc -= INSTRUCTION_BYTES;
            self.syscall(thread);
            return;
        }
        let fault = match class {
            class::DATA_ABORT => {
                Fault::Vm { address: fault_address, instruction: false, status: syndrome }
            }
            class::INSTRUCTION_ABORT => {
                Fault::Vm { address: registers.pc, instruction: true, status: syndrome }
            }
            class::UNKNOWN => Fault::UserException { number: syndrome },
            class::BRK if self.config == Config::Debug => Fault::Debug,
            _ => Fault::Vcpu { status: syndrome },
        };
        self.update_timestamp();
        if self.check_budget_restart() {
            self.raise(thread, fault);
        }
        self.finish();
    }

    fn syscall(&mut self, thread: ThreadId) {
        let number = self.threads[thread].registers.x[7].cast_signed();
        if self.is_verbose() && self.debug_syscall(thread, number) {
            return;
        }
        self.update_timestamp();
        if self.check_budget_restart() && !self.inject_kill(thread) {
            self.dispatch(thread, number);
        }
        self.finish();
    }

    fn dispatch(&mut self, thread: ThreadId, number: i64) {
        let x = &self.threads[thread].registers.x;
        let (cap, reply, destination) = (x[0], x[6], x[8]);
        match number {
            number::CALL => self.invoke(thread, cap, Mode::CALL),
            number::SEND => self.invoke(thread, cap, Mode::SEND),
            number::NB_SEND => self.invoke(thread, cap, Mode::NB_SEND),
            number::REPLY_RECV => {
                self.invoke(thread, reply, Mode::FIRST_PHASE);
                self.receive(thread, cap, true, Some(reply));
            }
            number::NB_SEND_RECV => {
                self.invoke(thread, destination, Mode::FIRST_PHASE);
                self.receive(thread, cap, true, Some(reply));
            }
            number::NB_SEND_WAIT => {
                self.invoke(thread, reply, Mode::FIRST_PHASE);
                self.receive(thread, cap, true, None);
            }
            number::RECV => self.receive(thread, cap, true, Some(reply)),
            number::NB_RECV => self.receive(thread, cap, false, Some(reply)),
            number::WAIT => self.receive(thread, cap, true, None),
            number::NB_WAIT => self.receive(thread, cap, false, None),
            number::YIELD => self.yield_timeslice(),
            _ => self.raise(thread, Fault::UnknownSyscall { number: number.cast_unsigned() }),
        }
    }

    /// Receives from the endpoint or notification at `address`.
    fn receive(&mut self, thread: ThreadId, address: u64, blocking: bool, reply: Option<u64>) {
        let missing = LookupFailure::MissingCapability;
        let outcome = match self.lookup_cap(thread, address) {
            Err(failure) => Err((address, failure)),
            Ok(Cap::Endpoint { endpoint, rights, .. }) if rights.can_read() => {
                match reply.map(|reply| self.lookup_reply(thread, reply)).transpose() {
                    Err(failed) => Err(failed),
                    Ok(reply) => {
                        self.receive_ipc(thread, endpoint, blocking, reply);
                        Ok(())
                    }
                }
            }
            Ok(Cap::Notification { notification, rights, .. })
                if rights.can_read()
                    && self.notifications[notification].thread.is_none_or(|it| it == thread) =>
            {
                self.receive_signal(thread, notification, blocking);
                Ok(())
            }
            Ok(_) => Err((address, missing)),
        };
        if let Err((address, failure)) = outcome {
            self.raise(thread, Fault::Cap { address, in_receive: true, failure });
        }
    }

    fn lookup_reply(
        &self,
        thread: ThreadId,
        address: u64,
    ) -> Result<ReplyId, (u64, LookupFailure)> {
        match self.lookup_cap(thread, address) {
            Ok(Cap::Reply(reply)) => Ok(reply),
            Ok(_) => Err((address, LookupFailure::MissingCapability)),
            Err(failure) => Err((address, failure)),
        }
    }

    /// Handles the calls that only debug kernels have; false if `number` is not one of them.
    fn debug_syscall(&mut self, thread: ThreadId, number: i64) -> bool {
        let argument = self.threads[thread].registers.x[0];
        match number {
            number::DEBUG_PUT_CHAR => self.machine.put_char(argument.to_le_bytes()[0]),
            number::DEBUG_DUMP_SCHEDULER | number::DEBUG_SNAPSHOT => self.dump_threads(),
            number::DEBUG_HALT => self.halt(thread, "debug halt"),
            number::DEBUG_CAP_IDENTIFY => {
                let cap = self.lookup_cap(thread, argument).unwrap_or(Cap::Null);
                self.threads[thread].registers.x[0] = cap.type_number();
            }
            number::DEBUG_NAME_THREAD => self.name_thread(thread, argument),
            _ => return false,
        }
        true
    }

    fn dump_threads(&mut self) {
        for index in 0..crate::object::MONITOR_ENDPOINT.0 {
            let thread = &self.threads[ThreadId(index)];
            if thread.registers.spsr == 0 {
                continue;
            }
            let name = display_name(&self.names[ThreadId(index)]);
            let (state, pc) = (thread.state, thread.registers.pc);
            let priority = thread.priority;
            print(&mut self.machine, format_args!("{name} {state:?} {pc:#x} {priority}\n"));
        }
    }

    fn name_thread(&mut self, caller: ThreadId, address: u64) {
        let Ok(Cap::Thread(target)) = self.lookup_cap(caller, address) else {
            self.halt(caller, "naming something that is not a thread");
            return;
        };
        let mut name = [0; 64];
        for (index, chunk) in name.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&self.machine.read_buffer(caller, index + 1).to_le_bytes());
        }
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        name[end..].fill(0);
        self.names[target] = name;
    }

    fn halt(&mut self, thread: ThreadId, reason: &str) {
        self.warn(thread, reason);
        self.machine.halt();
    }
}
