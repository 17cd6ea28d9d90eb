//! Capability pointers.

use core::fmt;
use core::marker::PhantomData;

use crate::Word;

/// Raw form of a capability pointer.
pub type CPtrBits = Word;

/// Address of a slot in the protection domain's capability space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CPtr(CPtrBits);

impl CPtr {
    /// Wraps raw bits.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        Self(bits)
    }

    /// The raw bits.
    pub const fn bits(self) -> CPtrBits {
        self.0
    }

    /// Claims that the slot holds a capability of type `T`. A wrong claim is answered by the kernel.
    pub const fn cast<T>(self) -> Cap<T> {
        Cap { cptr: self, phantom: PhantomData }
    }
}

/// Where a `<cspace>` slot (1–63) of the system description is found: Microkit 2.3 gives the root
/// CNode 64 slots and looks up with 64-bit depth.
pub const fn cspace_root_slot_to_cptr(slot: usize) -> CPtr {
    CPtr((slot as Word) << 58)
}

/// A capability pointer with the type of the object it is believed to name.
pub struct Cap<T> {
    cptr: CPtr,
    phantom: PhantomData<fn() -> T>,
}

impl<T> Cap<T> {
    /// Wraps raw bits.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        CPtr(bits).cast()
    }

    /// The raw bits.
    pub const fn bits(self) -> CPtrBits {
        self.cptr.bits()
    }

    /// The untyped pointer.
    pub const fn cptr(self) -> CPtr {
        self.cptr
    }

    /// Claims another type.
    pub const fn cast<U>(self) -> Cap<U> {
        self.cptr.cast()
    }
}

impl<T> Clone for Cap<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Cap<T> {}

impl<T> PartialEq for Cap<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cptr == other.cptr
    }
}

impl<T> Eq for Cap<T> {}

impl<T> fmt::Debug for Cap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cap({:#x})", self.bits())
    }
}

/// Object types, as markers.
pub mod cap_type {
    macro_rules! markers {
        ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
            $($(#[$doc])* #[derive(Debug, Clone, Copy, PartialEq, Eq)] pub enum $name {})*
        };
    }

    markers! {
        /// A rendezvous for messages.
        Endpoint,
        /// A word of signal bits.
        Notification,
        /// Holds the caller that waits for a reply.
        Reply,
        /// A thread.
        Tcb,
        /// The right to acknowledge one interrupt.
        IrqHandler,
        /// Processor time.
        SchedContext,
        /// An address space.
        VSpace,
        /// Anything.
        Unspecified,
    }
}

/// Typed capability pointers.
pub mod cap {
    use super::{Cap, cap_type};

    /// Pointer to an endpoint.
    pub type Endpoint = Cap<cap_type::Endpoint>;
    /// Pointer to a notification.
    pub type Notification = Cap<cap_type::Notification>;
    /// Pointer to a reply object.
    pub type Reply = Cap<cap_type::Reply>;
    /// Pointer to a thread.
    pub type Tcb = Cap<cap_type::Tcb>;
    /// Pointer to an interrupt handler.
    pub type IrqHandler = Cap<cap_type::IrqHandler>;
    /// Pointer to a scheduling context.
    pub type SchedContext = Cap<cap_type::SchedContext>;
    /// Pointer to an address space.
    pub type VSpace = Cap<cap_type::VSpace>;
    /// Pointer to an object of any type.
    pub type Unspecified = Cap<cap_type::Unspecified>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_slots_sit_in_the_top_six_bits() {
        assert_eq!(cspace_root_slot_to_cptr(1).bits(), 1 << 58);
        assert_eq!(cspace_root_slot_to_cptr(63).bits(), 63 << 58);
    }

    #[test]
    fn casting_keeps_the_bits() {
        let tcb: cap::Tcb = Cap::from_bits(202);
        assert_eq!(tcb.cast::<cap_type::Unspecified>().bits(), 202);
    }
}
