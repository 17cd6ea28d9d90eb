//! Channels to peers, and child PDs.

use core::fmt;

use crate::{
    message::MessageInfo,
    symbols::{pd_irqs, pd_notifications, pd_pps},
};

/// Channel and interrupt ids of a PD are below this.
const MAX_CHANNELS: usize = 62;

/// Where Microkit puts a PD's capabilities.
mod slot {
    pub(super) const VSPACE: u64 = 3;
    pub(super) const OUTPUT_NOTIFICATION: u64 = 10;
    pub(super) const ENDPOINT: u64 = 74;
    pub(super) const IRQ: u64 = 138;
    pub(super) const CHILD_TCB: u64 = 202;
}

/// One end of a channel, or an interrupt: what the PD's `<end id>` and `<irq id>` name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    index: usize,
}

impl Channel {
    /// The channel with this id.
    ///
    /// # Panics
    ///
    /// From 62 on.
    #[inline]
    pub const fn new(index: usize) -> Self {
        assert!(index < MAX_CHANNELS, "channel ids are below 62");
        Self { index }
    }

    /// From a badge or bit mask that the kernel vouches for.
    #[inline]
    pub(crate) const fn from_kernel(index: usize) -> Self {
        Self { index }
    }

    /// The channel's id.
    #[inline]
    pub const fn index(&self) -> usize {
        self.index
    }
}

impl Channel {
    /// The capability of one of the channel's uses, if the system description grants that use.
    #[inline(always)]
    fn cap<T>(self, granted: u64, base: u64, operation: &str) -> sel4::Cap<T> {
        if granted >> self.index & 1 == 0 {
            not_granted(self, operation);
        }
        sel4::Cap::from_bits(base + self.index as u64)
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn notification(&self) -> sel4::cap::Notification {
        self.cap(pd_notifications(), slot::OUTPUT_NOTIFICATION, "notify")
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn irq_handler(&self) -> sel4::cap::IrqHandler {
        self.cap(pd_irqs(), slot::IRQ, "irq_ack")
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn endpoint(&self) -> sel4::cap::Endpoint {
        self.cap(pd_pps(), slot::ENDPOINT, "pp_call")
    }

    /// Notifies the peer. Notifications that it has not yet taken merge.
    ///
    /// # Panics
    ///
    /// When the channel does not let this end notify.
    #[inline(always)]
    pub fn notify(&self) {
        self.notification().signal();
    }

    /// Unmasks the interrupt after it was handled.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    ///
    /// # Panics
    ///
    /// When this is not an interrupt.
    #[inline(always)]
    pub fn irq_ack(&self) -> Result<(), IrqAckError> {
        self.irq_handler().irq_handler_ack().map_err(IrqAckError)
    }

    /// Calls the peer and waits for its answer, whose message registers replace the call's.
    ///
    /// # Panics
    ///
    /// When the channel does not let this end call.
    #[inline(always)]
    pub fn pp_call(&self, msg_info: MessageInfo) -> MessageInfo {
        MessageInfo::from_inner(self.endpoint().call(msg_info.into_inner()))
    }
}

#[cold]
#[inline(never)]
fn not_granted(channel: Channel, operation: &str) -> ! {
    panic!("{operation}: not valid for channel {}", channel.index)
}

/// The kernel refused to acknowledge an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IrqAckError(sel4::Error);

impl fmt::Display for IrqAckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "irq ack: {}", self.0)
    }
}

impl core::error::Error for IrqAckError {}

/// A child PD: one whose faults this PD receives and whose thread it controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Child {
    index: usize,
}

impl Child {
    /// The child with this `id` in the system description.
    #[inline]
    pub const fn new(index: usize) -> Self {
        Self { index }
    }

    /// The child's id.
    #[inline]
    pub const fn index(&self) -> usize {
        self.index
    }
}

/// Thread control. Each call fails only if this PD has no child with the id; the kernel then answers
/// `InvalidCapability`.
impl Child {
    /// The child's thread.
    #[inline]
    pub const fn tcb(&self) -> sel4::cap::Tcb {
        sel4::Cap::from_bits(slot::CHILD_TCB + self.index as u64)
    }

    /// Starts the child afresh at `entry_pc`: every register zero, the stack pointer at the top of
    /// the stack that the image tool mapped. A child that uses this crate re-initialises its memory.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn restart(&self, entry_pc: u64) -> sel4::Result<()> {
        let mut registers = sel4::UserContext::new();
        *registers.pc_mut() = entry_pc;
        *registers.sp_mut() = crate::entry::initial_stack_top() as u64;
        self.write_registers(true, &registers)
    }

    /// Stops the child until [`Child::resume`] or [`Child::restart`].
    ///
    /// # Errors
    ///
    /// See above.
    pub fn stop(&self) -> sel4::Result<()> {
        self.tcb().tcb_suspend()
    }

    /// The same as [`Child::stop`], by the kernel's name.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn suspend(&self) -> sel4::Result<()> {
        self.stop()
    }

    /// Lets a stopped child run on. A system call that it was blocked in starts over.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn resume(&self) -> sel4::Result<()> {
        self.tcb().tcb_resume()
    }

    /// Reads all registers, stopping the child first if asked to. Message registers from 4 on are
    /// overwritten.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn read_registers(&self, suspend: bool) -> sel4::Result<sel4::UserContext> {
        self.tcb().tcb_read_all_registers(suspend)
    }

    /// Writes all registers, letting the child run if asked to. Message registers from 4 on are
    /// overwritten.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn write_registers(&self, resume: bool, registers: &sel4::UserContext) -> sel4::Result<()> {
        let mut registers = *registers;
        self.tcb().tcb_write_registers(resume, sel4::UserContext::LENGTH, &mut registers)
    }
}

/// The scheduling context in slot `slot` of the root CNode, which `<cspace>` fills: 1 to 63.
pub const fn sched_context(slot: u8) -> sel4::cap::SchedContext {
    sel4::Cap::from_bits(sel4::cspace_root_slot_to_cptr(slot as usize).bits())
}

/// The PD's own address space, for cache maintenance.
pub const fn vspace() -> sel4::cap::VSpace {
    sel4::Cap::from_bits(slot::VSPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_last_id() {
        assert_eq!(Channel::new(61).index(), 61);
    }

    #[test]
    #[should_panic(expected = "channel ids are below 62")]
    fn refuses_the_first_id_past_the_end() {
        let _ = Channel::new(62);
    }
}
