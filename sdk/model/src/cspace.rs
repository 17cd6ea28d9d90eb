//! Capabilities and how addresses find them.
//!
//! A root CNode of 64 slots (6 address bits) whose slot 0 leads to a CNode of 512 slots (a 49-bit
//! zero guard and 9 address bits). No PD can change a CSpace, so it is a table of numbers into one
//! pool of capabilities.

use crate::object::{ContextId, EndpointId, NotificationId, ReplyId, ThreadId};

/// Capabilities in the whole system.
pub(crate) const CAP_COUNT_MAX: usize = model_spec::layout::CAP_COUNT_MAX;
/// Slots of the Microkit CNode.
const INNER_SLOTS: usize = model_spec::slots::MICROKIT_SLOTS as usize;
/// Slots of the root CNode.
const ROOT_SLOTS: usize = model_spec::slots::ROOT_SLOTS as usize;
/// Address bits that the root CNode leaves.
const INNER_BITS: u32 = 58;
/// Guard bits of the Microkit CNode.
const GUARD_BITS: u32 = 49;

/// What an endpoint or notification capability allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights(pub(crate) u8);

impl Rights {
    /// May receive or wait.
    #[must_use]
    pub(crate) fn can_read(self) -> bool {
        self.0 & model_spec::rights::READ != 0
    }

    /// May send or signal.
    #[must_use]
    pub(crate) fn can_write(self) -> bool {
        self.0 & model_spec::rights::WRITE != 0
    }

    /// May send capabilities.
    #[must_use]
    pub(crate) fn can_grant(self) -> bool {
        self.0 & model_spec::rights::GRANT != 0
    }

    /// May be replied to.
    #[must_use]
    pub(crate) fn can_reply(self) -> bool {
        self.0 & (model_spec::rights::GRANT | model_spec::rights::GRANT_REPLY) != 0
    }
}

/// A capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cap {
    /// None.
    Null,
    /// To send to or receive from an endpoint.
    Endpoint {
        /// The endpoint.
        endpoint: EndpointId,
        /// Delivered with each message.
        badge: u64,
        /// What is allowed.
        rights: Rights,
    },
    /// To signal or wait for a notification.
    Notification {
        /// The notification.
        notification: NotificationId,
        /// Delivered with each signal.
        badge: u64,
        /// What is allowed.
        rights: Rights,
    },
    /// To receive calls with and reply to them.
    Reply(ReplyId),
    /// The address space of a thread.
    VSpace(ThreadId),
    /// A thread.
    Thread(ThreadId),
    /// A scheduling context.
    Context(ContextId),
    /// An interrupt, by INTID.
    Irq(u8),
}

impl Cap {
    /// Type number as the debug call that identifies capabilities returns it.
    #[must_use]
    pub(crate) fn type_number(&self) -> u64 {
        match self {
            Self::Null => 0,
            Self::Endpoint { .. } => 4,
            Self::Notification { .. } => 6,
            Self::Reply(_) => 8,
            Self::VSpace(_) => 9,
            Self::Thread(_) => 12,
            Self::Irq(_) => 16,
            Self::Context(_) => 22,
        }
    }
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupFailure {
    /// The slot does not hold what is needed.
    MissingCapability,
    /// The address does not match the guard of the Microkit CNode.
    GuardMismatch,
}

impl LookupFailure {
    /// Words of this failure in a message: type, then its fields.
    #[must_use]
    pub(crate) fn words(self) -> ([u64; 4], usize) {
        match self {
            Self::MissingCapability => ([2, 0, 0, 0], 2),
            Self::GuardMismatch => ([4, u64::from(INNER_BITS), 0, u64::from(GUARD_BITS)], 4),
        }
    }
}

/// The slots of one PD: zero for empty, else one more than a position in the pool.
#[derive(Clone, Copy)]
pub(crate) struct CSpace {
    inner: [u16; INNER_SLOTS],
    root: [u16; ROOT_SLOTS],
}

impl CSpace {
    /// No capability.
    pub(crate) const EMPTY: Self = Self { inner: [0; INNER_SLOTS], root: [0; ROOT_SLOTS] };

    /// Puts pool entry `position` into a slot of the root or the Microkit CNode.
    pub(crate) fn insert(&mut self, in_root: bool, slot: u16, position: u16) {
        let slots: &mut [u16] = if in_root { &mut self.root } else { &mut self.inner };
        if let Some(entry) = slots.get_mut(usize::from(slot)) {
            *entry = position + 1;
        }
    }

    /// Resolves a 64-bit address.
    ///
    /// As on seL4, a root slot is found whatever the low 58 bits are.
    ///
    /// # Errors
    /// [`LookupFailure::GuardMismatch`] when the address leads into the Microkit CNode but has bits
    /// set above its 512 slots.
    pub(crate) fn lookup(
        &self,
        pool: &[Cap; CAP_COUNT_MAX],
        address: u64,
    ) -> Result<Cap, LookupFailure> {
        let root_slot = (address >> INNER_BITS) as usize;
        let entry = if root_slot != 0 {
            self.root[root_slot % ROOT_SLOTS]
        } else if let Some(entry) = usize::try_from(address).ok().and_then(|a| self.inner.get(a)) {
            *entry
        } else {
            return Err(LookupFailure::GuardMismatch);
        };
        Ok(match entry {
            0 => Cap::Null,
            position => pool[usize::from(position - 1) % CAP_COUNT_MAX],
        })
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use super::*;

    #[test]
    fn resolves_both_levels() {
        let mut pool = Box::new([Cap::Null; CAP_COUNT_MAX]);
        pool[5] = Cap::Reply(ReplyId(1));
        pool[6] = Cap::Thread(ThreadId(2));
        let mut cspace = CSpace::EMPTY;
        cspace.insert(false, 4, 5);
        cspace.insert(true, 63, 6);
        assert_eq!(cspace.lookup(&pool, 4), Ok(Cap::Reply(ReplyId(1))));
        assert_eq!(cspace.lookup(&pool, 63 << 58), Ok(Cap::Thread(ThreadId(2))));
        assert_eq!(cspace.lookup(&pool, (63 << 58) | 99), Ok(Cap::Thread(ThreadId(2))));
        assert_eq!(cspace.lookup(&pool, 511), Ok(Cap::Null));
        assert_eq!(cspace.lookup(&pool, 62 << 58), Ok(Cap::Null));
        assert_eq!(cspace.lookup(&pool, 512), Err(LookupFailure::GuardMismatch));
        assert_eq!(cspace.lookup(&pool, (1 << 58) - 1), Err(LookupFailure::GuardMismatch));
    }

    #[test]
    fn guard_mismatch_reports_58_bits_left() {
        assert_eq!(LookupFailure::GuardMismatch.words(), ([4, 58, 0, 49], 4));
    }
}
