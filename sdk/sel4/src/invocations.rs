//! What can be done with each kind of capability.
//!
//! Message-passing calls take their message registers from the IPC buffer and leave the answer's
//! there, as libsel4 does. Object invocations (registers, interrupts, caches) leave message
//! registers 0–3 alone; only reading and writing registers uses the ones after that.

use crate::cptr::{Cap, cap, cap_type};
use crate::ipc_buffer::ipc_buffer;
use crate::label::{LABELS, TCB_READ_REGISTERS, TCB_RESUME, TCB_SUSPEND, TCB_WRITE_REGISTERS};
use crate::svc::{self, FastRegisters, Received};
use crate::{Badge, Error, MessageInfo, NUM_FAST_MESSAGE_REGISTERS, Result, UserContext, Word};

pub use crate::svc::{debug_put_char, r#yield};

/// Puts the registers of a received message where `mr` finds them.
#[inline(always)]
fn deliver(received: Received) -> (MessageInfo, Badge) {
    ipc_buffer().set_fast_mrs(received.mrs);
    (received.info, received.badge)
}

impl cap::Endpoint {
    /// Sends and waits until the message is taken.
    #[inline(always)]
    pub fn send(self, info: MessageInfo) {
        svc::send(self.bits(), info, ipc_buffer().fast_mrs());
    }

    /// Sends if somebody is waiting.
    #[inline(always)]
    pub fn nb_send(self, info: MessageInfo) {
        svc::nb_send(self.bits(), info, ipc_buffer().fast_mrs());
    }

    /// Sends a message and waits for its reply.
    #[inline(always)]
    pub fn call(self, info: MessageInfo) -> MessageInfo {
        let buffer = ipc_buffer();
        let (info, mrs) = svc::call(self.bits(), info, buffer.fast_mrs());
        buffer.set_fast_mrs(mrs);
        info
    }

    /// Waits for a message, or for the notification bound to this thread.
    #[inline(always)]
    pub fn recv(self, reply: cap::Reply) -> (MessageInfo, Badge) {
        deliver(svc::recv(self.bits(), reply.bits()))
    }

    /// Takes a message if there is one. A badge of 0 means there was none.
    #[inline(always)]
    pub fn nb_recv(self, reply: cap::Reply) -> (MessageInfo, Badge) {
        deliver(svc::nb_recv(self.bits(), reply.bits()))
    }

    /// Answers the last caller, then waits for the next message.
    #[inline(always)]
    pub fn reply_recv(self, info: MessageInfo, reply: cap::Reply) -> (MessageInfo, Badge) {
        let mrs = ipc_buffer().fast_mrs();
        deliver(svc::reply_recv(self.bits(), info, mrs, reply.bits()))
    }
}

impl cap::Reply {
    /// Answers the caller that this object holds.
    #[inline(always)]
    pub fn send(self, info: MessageInfo) {
        svc::send(self.bits(), info, ipc_buffer().fast_mrs());
    }
}

impl cap::Unspecified {
    /// Sends an empty message.
    #[inline(always)]
    pub fn send(self, info: MessageInfo) {
        svc::send_empty(self.bits(), info);
    }

    /// Sends an empty message if somebody is waiting, then waits for a message from `src`.
    #[inline(always)]
    pub fn nb_send_recv(
        self,
        info: MessageInfo,
        src: cap::Unspecified,
        reply: cap::Reply,
    ) -> (MessageInfo, Badge) {
        let mrs = FastRegisters::default();
        deliver(svc::nb_send_recv(self.bits(), src.bits(), info, mrs, reply.bits()))
    }
}

impl cap::Notification {
    /// Adds the capability's badge to the notification's bits; wakes its waiter.
    #[inline(always)]
    pub fn signal(self) {
        svc::send_empty(self.bits(), MessageInfo::new(0, 0, 0, 0));
    }

    /// Waits until a bit is set, then takes all of them.
    #[inline(always)]
    pub fn wait(self) -> Badge {
        svc::wait(self.bits(), 0).badge
    }

    /// Takes the bits that are set; 0 when there are none.
    #[inline(always)]
    pub fn poll(self) -> Badge {
        svc::nb_wait(self.bits(), 0).badge
    }
}

/// Calls an object with up to four arguments.
#[inline(always)]
fn invoke<T>(
    object: Cap<T>,
    label: Word,
    length: usize,
    mrs: FastRegisters,
) -> Result<FastRegisters> {
    let (info, mrs) = svc::call(object.bits(), MessageInfo::new(label, 0, 0, length), mrs);
    Error::from_label(info.label()).map(|()| mrs)
}

impl cap::IrqHandler {
    /// Unmasks the interrupt after it was handled.
    ///
    /// # Errors
    ///
    /// When the capability is not an interrupt handler.
    #[inline(always)]
    pub fn irq_handler_ack(self) -> Result<()> {
        invoke(self, LABELS.irq_ack_irq, 0, FastRegisters::default()).map(drop)
    }
}

/// Words ahead of the registers in `TCB_WriteRegisters`: flags and count.
const WRITE_REGISTERS_HEADER_WORDS: usize = 2;

impl cap::Tcb {
    /// Stops the thread; what it waits for is cancelled.
    ///
    /// # Errors
    ///
    /// When the capability is not a thread.
    pub fn tcb_suspend(self) -> Result<()> {
        invoke(self, TCB_SUSPEND, 0, FastRegisters::default()).map(drop)
    }

    /// Lets the thread run again from where it stopped.
    ///
    /// # Errors
    ///
    /// When the capability is not a thread.
    pub fn tcb_resume(self) -> Result<()> {
        invoke(self, TCB_RESUME, 0, FastRegisters::default()).map(drop)
    }

    /// Reads all registers, suspending the thread first if asked to.
    ///
    /// # Errors
    ///
    /// `IllegalOperation` for the calling thread itself.
    pub fn tcb_read_all_registers(self, suspend: bool) -> Result<UserContext> {
        let count = UserContext::LENGTH as Word;
        let fast = invoke(self, TCB_READ_REGISTERS, 2, [suspend.into(), count, 0, 0])?;
        let mut words = [0; UserContext::LENGTH];
        ipc_buffer().read(&mut words);
        if let Some(first) = words.first_chunk_mut() {
            *first = fast;
        }
        Ok(UserContext::from_words(words))
    }

    /// Writes the first `count` registers in [`UserContext`]'s order, then resumes the thread if
    /// asked to.
    ///
    /// # Errors
    ///
    /// `IllegalOperation` for the calling thread itself.
    pub fn tcb_write_registers(
        self,
        resume: bool,
        count: usize,
        registers: &mut UserContext,
    ) -> Result<()> {
        let count = count.min(UserContext::LENGTH);
        let words = registers.words();
        let fast = [resume.into(), count as Word, words[0], words[1]];
        let in_buffer = words.get(2..count).unwrap_or_default();
        let buffer = ipc_buffer();
        for (index, &word) in (NUM_FAST_MESSAGE_REGISTERS..).zip(in_buffer) {
            buffer.set_mr(index, word);
        }
        invoke(self, TCB_WRITE_REGISTERS, WRITE_REGISTERS_HEADER_WORDS + count, fast).map(drop)
    }
}

impl cap::SchedContext {
    /// Microseconds consumed since the last time this was asked.
    ///
    /// # Errors
    ///
    /// When the capability is not a scheduling context.
    pub fn sched_context_consumed(self) -> Result<Word> {
        let no_arguments = FastRegisters::default();
        invoke(self, LABELS.sched_context_consumed, 0, no_arguments).map(|[micros, ..]| micros)
    }
}

macro_rules! vspace_invocations {
    ($($(#[$doc:meta])* $name:ident = $label:ident;)*) => {
        impl Cap<cap_type::VSpace> {
            $($(#[$doc])*
            ///
            /// # Errors
            ///
            /// When the range is empty, crosses the user range's end, or is not mapped.
            pub fn $name(self, start: Word, end: Word) -> Result<()> {
                invoke(self, LABELS.$label, 2, [start, end, 0, 0]).map(drop)
            })*
        }
    };
}

vspace_invocations! {
    /// Writes dirty data-cache lines of `start..end` back to memory.
    vspace_clean_data = vspace_clean_data;
    /// Drops data-cache lines of `start..end`.
    vspace_invalidate_data = vspace_invalidate_data;
    /// Writes back, then drops, data-cache lines of `start..end`.
    vspace_clean_invalidate_data = vspace_clean_invalidate_data;
    /// Makes instructions written to `start..end` visible to instruction fetch.
    vspace_unify_instruction = vspace_unify_instruction;
}
