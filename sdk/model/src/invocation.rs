//! Invoking capabilities: decode everything first, then perform, then answer.

use crate::cspace::Cap;
use crate::endpoint::Send;
use crate::fault::Fault;
use crate::kernel::Kernel;
use crate::labels::Label;
use crate::machine::Machine;
use crate::message::{ExtraCaps, MessageInfo, MessageWriter, NO_CAPS};
use crate::object::{State, ThreadId};

/// Why an invocation is refused; a caller gets it as the reply's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// An argument, by number, makes no sense.
    InvalidArgument(u64),
    /// A capability, by number, is of the wrong kind.
    InvalidCapability(u64),
    /// Not in this state, or not at all.
    IllegalOperation,
    /// A value is outside these bounds.
    Range(u64, u64),
    /// The message is too short or lacks capabilities.
    TruncatedMessage,
}

impl Error {
    fn label(self) -> u64 {
        match self {
            Self::InvalidArgument(_) => 1,
            Self::InvalidCapability(_) => 2,
            Self::IllegalOperation => 3,
            Self::Range(..) => 4,
            Self::TruncatedMessage => 7,
        }
    }
}

/// How a system call invokes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    /// The caller waits for an answer.
    pub(crate) is_call: bool,
    /// The caller waits for a receiver, and learns of bad addresses by a fault.
    pub(crate) blocking: bool,
    /// A receiver without a context gets the caller's.
    pub(crate) can_donate: bool,
    /// A receive phase follows, so only sending is allowed.
    pub(crate) first_phase: bool,
}

/// A decoded invocation.
pub(crate) struct Invocation {
    /// The invoking thread.
    pub(crate) thread: ThreadId,
    /// Words in its message.
    pub(crate) length: usize,
    /// Capabilities in its message.
    pub(crate) extra_caps: ExtraCaps,
    /// It waits for an answer.
    pub(crate) is_call: bool,
}

impl<M: Machine> Kernel<M> {
    /// Invokes the capability at `address` with the message of `thread`.
    pub(crate) fn invoke(&mut self, thread: ThreadId, address: u64, mode: Mode) {
        let info = MessageInfo::of(&self.threads[thread].registers);
        let mut invocation = Invocation {
            thread,
            length: info.length(),
            extra_caps: NO_CAPS,
            is_call: mode.is_call,
        };
        let looked_up = match self.lookup_cap(thread, address) {
            Ok(cap) => {
                self.lookup_extra_caps(thread, info, &mut invocation.extra_caps).map(|()| cap)
            }
            Err(failure) => Err((address, failure)),
        };
        let cap = match looked_up {
            Ok(cap) => cap,
            Err((address, failure)) => {
                if mode.blocking {
                    self.raise(thread, Fault::Cap { address, in_receive: false, failure });
                }
                return;
            }
        };
        match self.perform(&invocation, cap, info.label(), mode) {
            Ok(()) if self.threads[thread].state == State::Restart => {
                if mode.is_call {
                    self.deliver(thread, 0, MessageInfo::new(0, 0));
                }
                self.set_state(thread, State::Running);
            }
            Err(error) if mode.is_call => self.answer_error(thread, error),
            Ok(()) | Err(_) => {}
        }
    }

    fn perform(
        &mut self,
        invocation: &Invocation,
        cap: Cap,
        label: u64,
        mode: Mode,
    ) -> Result<(), Error> {
        let thread = invocation.thread;
        match cap {
            Cap::Endpoint { endpoint, badge, rights } if rights.can_write() => {
                self.set_state(thread, State::Restart);
                let send = Send {
                    badge,
                    can_grant: rights.can_grant(),
                    can_reply: rights.can_reply(),
                    blocking: mode.blocking,
                    is_call: mode.is_call,
                    can_donate: mode.can_donate,
                };
                self.send_ipc(thread, endpoint, send);
            }
            Cap::Notification { notification, badge, rights } if rights.can_write() => {
                self.set_state(thread, State::Restart);
                self.send_signal(notification, badge);
            }
            Cap::Reply(reply) => {
                self.set_state(thread, State::Restart);
                self.send_reply(thread, reply);
            }
            Cap::Thread(target) if !mode.first_phase => {
                return self.invoke_tcb(invocation, Label::decode(label, self.config), target);
            }
            Cap::Context(context) if !mode.first_phase => {
                return self.invoke_context(invocation, Label::decode(label, self.config), context);
            }
            Cap::VSpace(target) => {
                return self.invoke_vspace(invocation, Label::decode(label, self.config), target);
            }
            Cap::Irq(intid) => {
                return self.invoke_irq(invocation, Label::decode(label, self.config), intid);
            }
            Cap::Null
            | Cap::Endpoint { .. }
            | Cap::Notification { .. }
            | Cap::Thread(_)
            | Cap::Context(_) => return Err(Error::InvalidCapability(0)),
        }
        Ok(())
    }

    fn answer_error(&mut self, thread: ThreadId, error: Error) {
        let mut writer = MessageWriter::new(thread);
        match error {
            Error::InvalidArgument(number) | Error::InvalidCapability(number) => {
                writer.push(self, number);
            }
            Error::Range(min, max) => {
                writer.push(self, min);
                writer.push(self, max);
            }
            Error::IllegalOperation | Error::TruncatedMessage => {}
        }
        let info = MessageInfo::new(error.label(), writer.count());
        self.deliver(thread, 0, info);
    }

    /// Answers an invocation with words, if the caller waits for an answer.
    pub(crate) fn answer(&mut self, invocation: &Invocation, words: &[u64]) {
        if invocation.is_call {
            let mut writer = MessageWriter::new(invocation.thread);
            for word in words {
                writer.push(self, *word);
            }
            self.deliver(invocation.thread, 0, MessageInfo::new(0, writer.count()));
        }
        self.set_state(invocation.thread, State::Running);
    }

    /// Message word `index` of an invocation that was checked to be long enough.
    pub(crate) fn argument(&self, invocation: &Invocation, index: usize) -> u64 {
        self.message_word(invocation.thread, index)
    }

    /// Performs a cache maintenance invocation of a VSpace capability.
    fn invoke_vspace(
        &mut self,
        invocation: &Invocation,
        label: Label,
        target: ThreadId,
    ) -> Result<(), Error> {
        let Label::VSpace(operation) = label else { return Err(Error::IllegalOperation) };
        if invocation.length < 2 {
            return Err(Error::TruncatedMessage);
        }
        let (start, end) = (self.argument(invocation, 0), self.argument(invocation, 1));
        if end <= start {
            return Err(Error::InvalidArgument(1));
        }
        if end >= model_spec::layout::USER_END {
            return Err(Error::IllegalOperation);
        }
        let Some(bits) = self.machine.page_bits(target, start) else {
            self.set_state(invocation.thread, State::Restart);
            return Ok(());
        };
        if start >> bits != (end - 1) >> bits {
            return Err(Error::Range(start, start | ((1 << bits) - 1)));
        }
        self.set_state(invocation.thread, State::Restart);
        self.machine.maintain_cache(target, operation, start, end);
        Ok(())
    }
}
