//! Faults: what they are called, what their messages hold, and what a reply to them does.

use crate::cspace::LookupFailure;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::message::{MessageInfo, MessageWriter};
use crate::object::{State, ThreadId};
use crate::registers::{EXCEPTION_MESSAGE, Register, SYSCALL_MESSAGE};

/// Why a thread stopped. The discriminants are message labels; none is zero, so that "no fault" is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// It used an address that leads to no suitable capability.
    Cap {
        /// The address.
        address: u64,
        /// It was receiving.
        in_receive: bool,
        /// What was wrong.
        failure: LookupFailure,
    } = 1,
    /// It made a system call that does not exist.
    UnknownSyscall {
        /// The number.
        number: u64,
    } = 2,
    /// It executed an undefined instruction.
    UserException {
        /// Exception syndrome.
        number: u64,
    } = 3,
    /// It hit a breakpoint instruction on a debug kernel.
    Debug = 4,
    /// It accessed memory that is not there, or not in that way.
    Vm {
        /// Where.
        address: u64,
        /// It was fetching an instruction.
        instruction: bool,
        /// Exception syndrome.
        status: u64,
    } = 6,
    /// It caused another exception that is reported to hypervisors.
    Vcpu {
        /// Exception syndrome.
        status: u64,
    } = 8,
}

/// Reason of a debug exception: a breakpoint instruction.
const SOFTWARE_BREAK: u64 = 3;

impl Fault {
    /// Message label.
    #[must_use]
    pub(crate) fn label(&self) -> u64 {
        match self {
            Self::Cap { .. } => 1,
            Self::UnknownSyscall { .. } => 2,
            Self::UserException { .. } => 3,
            Self::Debug => 4,
            Self::Vm { .. } => 6,
            Self::Vcpu { .. } => 8,
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// Stops the current thread with `fault` and tells its handler.
    pub(crate) fn raise(&mut self, thread: ThreadId, fault: Fault) {
        let Some(handler) = self.threads[thread].fault_handler else {
            self.set_state(thread, State::Inactive);
            return;
        };
        self.threads[thread].fault = Some(fault);
        let can_donate = self.threads[thread].context.is_some();
        self.send_ipc(
            thread,
            handler.endpoint,
            crate::endpoint::Send {
                badge: handler.badge,
                can_grant: handler.rights.can_grant(),
                can_reply: handler.rights.can_reply(),
                blocking: true,
                is_call: false,
                can_donate,
            },
        );
    }

    /// Writes the message about `fault` of `sender` into `receiver`.
    pub(crate) fn transfer_fault(
        &mut self,
        sender: ThreadId,
        fault: Fault,
        badge: u64,
        receiver: ThreadId,
    ) {
        let mut writer = MessageWriter::new(receiver);
        let ip = self.threads[sender].registers.fault_pc;
        match fault {
            Fault::Cap { address, in_receive, failure } => {
                let (words, count) = failure.words();
                self.write_words(&mut writer, &[ip, address, u64::from(in_receive)]);
                self.write_words(&mut writer, &words[..count]);
            }
            Fault::UnknownSyscall { number } => {
                self.write_registers(&mut writer, sender, &SYSCALL_MESSAGE);
                self.write_words(&mut writer, &[number]);
            }
            Fault::UserException { number } => {
                self.write_registers(&mut writer, sender, &EXCEPTION_MESSAGE);
                self.write_words(&mut writer, &[number, 0]);
            }
            Fault::Debug => self.write_words(&mut writer, &[ip, SOFTWARE_BREAK]),
            Fault::Vm { address, instruction, status } => {
                self.write_words(&mut writer, &[ip, address, u64::from(instruction), status]);
            }
            Fault::Vcpu { status } => self.write_words(&mut writer, &[status]),
        }
        let info = MessageInfo::new(fault.label(), writer.count());
        self.deliver(receiver, badge, info);
    }

    /// Applies the reply that `sender` gives to `fault` of `receiver`; true if it shall restart.
    pub(crate) fn take_fault_reply(
        &mut self,
        fault: Fault,
        receiver: ThreadId,
        sender: ThreadId,
    ) -> bool {
        let info = MessageInfo::of(&self.threads[sender].registers);
        let written: &[Register] = match fault {
            Fault::Cap { .. } | Fault::Vm { .. } | Fault::Vcpu { .. } => return true,
            Fault::UnknownSyscall { .. } => &SYSCALL_MESSAGE,
            Fault::UserException { .. } => &EXCEPTION_MESSAGE,
            Fault::Debug => &[],
        };
        for (index, register) in written.iter().take(info.length()).enumerate() {
            let value = self.message_word(sender, index);
            self.threads[receiver].registers.set(*register, value);
        }
        info.label() == 0
    }

    fn write_registers(
        &mut self,
        writer: &mut MessageWriter,
        source: ThreadId,
        registers: &[Register],
    ) {
        for register in registers {
            let value = self.threads[source].registers.get(*register);
            writer.push(self, value);
        }
    }

    fn write_words(&mut self, writer: &mut MessageWriter, words: &[u64]) {
        for word in words {
            writer.push(self, *word);
        }
    }
}
