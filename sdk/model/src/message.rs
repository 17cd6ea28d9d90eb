//! Messages: the tag, message registers in x2 to x5 and in the IPC buffer, and their transfer.

use crate::cspace::{Cap, LookupFailure};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{EndpointId, ThreadId};
use crate::registers::{MESSAGE_REGISTER_COUNT, Registers};

/// Message registers in all.
pub(crate) const MESSAGE_WORDS_MAX: usize = 120;
/// Capabilities that a message can name.
pub(crate) const EXTRA_CAPS_MAX: usize = 3;
/// Word of the IPC buffer that holds the first capability address or unwrapped badge.
const EXTRA_CAPS_WORD: usize = 122;

/// A message tag: length (7 bits), extra caps (2), unwrapped caps (3), label (52).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageInfo(pub(crate) u64);

impl MessageInfo {
    /// A tag without capabilities.
    #[must_use]
    pub(crate) fn new(label: u64, length: usize) -> Self {
        Self((label << 12) | length as u64)
    }

    /// The tag of the message that a thread sends.
    #[must_use]
    pub(crate) fn of(registers: &Registers) -> Self {
        Self(registers.x[1])
    }

    /// Words in the message, at most 120.
    #[must_use]
    pub(crate) fn length(self) -> usize {
        ((self.0 & 0x7f) as usize).min(MESSAGE_WORDS_MAX)
    }

    /// Capabilities that the sender names.
    #[must_use]
    pub(crate) fn extra_caps(self) -> usize {
        ((self.0 >> 7) & 3) as usize
    }

    /// The label.
    #[must_use]
    pub(crate) fn label(self) -> u64 {
        self.0 >> 12
    }

    /// The tag as a receiver sees it, with this many capabilities, those of `unwrapped` as badges.
    fn received(self, extra_caps: usize, unwrapped: u64) -> Self {
        let label_and_length = (self.label() << 12) | self.length() as u64;
        Self(label_and_length | ((extra_caps as u64) << 7) | (unwrapped << 9))
    }
}

/// Capabilities that a message names.
pub(crate) type ExtraCaps = [Option<Cap>; EXTRA_CAPS_MAX];

/// No capabilities.
pub(crate) const NO_CAPS: ExtraCaps = [None; EXTRA_CAPS_MAX];

/// Fills message registers of a thread one after the other.
pub(crate) struct MessageWriter {
    thread: ThreadId,
    count: usize,
}

impl MessageWriter {
    /// Starts at the first message register of `thread`.
    #[must_use]
    pub(crate) fn new(thread: ThreadId) -> Self {
        Self { thread, count: 0 }
    }

    /// Words written so far.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Writes the next word.
    pub(crate) fn push<M: Machine>(&mut self, kernel: &mut Kernel<M>, word: u64) {
        if self.count < MESSAGE_REGISTER_COUNT {
            kernel.threads[self.thread].registers.set_message(self.count, word);
        } else {
            kernel.machine.write_buffer(self.thread, self.count + 1, word);
        }
        self.count += 1;
    }
}

impl<M: Machine> Kernel<M> {
    /// Reads message register `index` of a thread that sends or invokes.
    pub(crate) fn message_word(&self, thread: ThreadId, index: usize) -> u64 {
        if index < MESSAGE_REGISTER_COUNT {
            self.threads[thread].registers.message(index)
        } else {
            self.machine.read_buffer(thread, index + 1)
        }
    }

    /// Sets what a receiving system call returns in registers.
    pub(crate) fn deliver(&mut self, receiver: ThreadId, badge: u64, info: MessageInfo) {
        let registers = &mut self.threads[receiver].registers;
        registers.x[0] = badge;
        registers.x[1] = info.0;
    }

    /// Finds the capabilities that the message of `thread` names and puts them into `caps`.
    ///
    /// # Errors
    /// The first address that leads nowhere, and why.
    pub(crate) fn lookup_extra_caps(
        &self,
        thread: ThreadId,
        info: MessageInfo,
        caps: &mut ExtraCaps,
    ) -> Result<(), (u64, LookupFailure)> {
        for (index, cap) in caps.iter_mut().enumerate().take(info.extra_caps()) {
            let address = self.machine.read_buffer(thread, EXTRA_CAPS_WORD + index);
            let found = self.lookup_cap(thread, address).map_err(|failure| (address, failure))?;
            *cap = Some(found);
        }
        Ok(())
    }

    /// Transfers a message, or the message about a fault, from `sender` to `receiver`.
    pub(crate) fn transfer(
        &mut self,
        sender: ThreadId,
        endpoint: Option<EndpointId>,
        badge: u64,
        can_grant: bool,
        receiver: ThreadId,
    ) {
        if let Some(fault) = self.threads[sender].fault {
            self.transfer_fault(sender, fault, badge, receiver);
            return;
        }
        let info = MessageInfo::of(&self.threads[sender].registers);
        let length = info.length();
        for index in 0..length.min(MESSAGE_REGISTER_COUNT) {
            let word = self.threads[sender].registers.message(index);
            self.threads[receiver].registers.set_message(index, word);
        }
        for word in MESSAGE_REGISTER_COUNT + 1..=length {
            let value = self.machine.read_buffer(sender, word);
            self.machine.write_buffer(receiver, word, value);
        }
        let (extra_caps, unwrapped) = if can_grant && info.extra_caps() > 0 {
            self.unwrap_caps(sender, info, endpoint, receiver)
        } else {
            (0, 0)
        };
        self.deliver(receiver, badge, info.received(extra_caps, unwrapped));
    }

    /// Delivers the badges of capabilities to the endpoint that the message travels through.
    ///
    /// No PD has a slot to receive others into, so the transfer ends at the first one.
    fn unwrap_caps(
        &mut self,
        sender: ThreadId,
        info: MessageInfo,
        through: Option<EndpointId>,
        receiver: ThreadId,
    ) -> (usize, u64) {
        let mut caps = NO_CAPS;
        if self.lookup_extra_caps(sender, info, &mut caps).is_err() {
            return (0, 0);
        }
        let mut count = 0;
        for cap in caps {
            let Some(Cap::Endpoint { endpoint, badge, .. }) = cap else { break };
            if Some(endpoint) != through {
                break;
            }
            self.machine.write_buffer(receiver, EXTRA_CAPS_WORD + count, badge);
            count += 1;
        }
        (count, (1 << count) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_fields_do_not_overlap() {
        let info = MessageInfo((0xf_ffff_ffff_ffff << 12) | (2 << 7) | 127);
        assert_eq!(info.length(), MESSAGE_WORDS_MAX);
        assert_eq!(info.extra_caps(), 2);
        assert_eq!(info.label(), (1 << 52) - 1);
        assert_eq!(info.received(1, 1).0 & 0xfff, 120 | (1 << 7) | (1 << 9));
    }
}
