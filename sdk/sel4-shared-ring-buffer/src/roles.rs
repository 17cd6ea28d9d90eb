//! Who writes which ring, as types.

use crate::{InitialState, InitializationStrategy};

/// The end that hands out buffers: writes the `free` ring, reads the `used` ring.
#[derive(Debug)]
pub enum Provide {}

/// The end that fills buffers: reads the `free` ring, writes the `used` ring.
#[derive(Debug)]
pub enum Use {}

/// Which of a ring's two ends this is.
#[derive(Debug)]
pub enum Write {}

/// Which of a ring's two ends this is.
#[derive(Debug)]
pub enum Read {}

/// [`Provide`] or [`Use`].
pub trait RingBuffersRole: sealed::Pair {
    /// The end held of the `free` ring.
    type FreeRole: RingBufferRole;
    /// The end held of the `used` ring.
    type UsedRole: RingBufferRole;
    /// The role as a value.
    const ROLE: RingBuffersRoleValue;

    /// [`Provide`] zeroes both rings; [`Use`] takes the state it finds.
    fn default_initialization_strategy() -> InitializationStrategy;
}

impl RingBuffersRole for Provide {
    type FreeRole = Write;
    type UsedRole = Read;
    const ROLE: RingBuffersRoleValue = RingBuffersRoleValue::Provide;

    fn default_initialization_strategy() -> InitializationStrategy {
        InitializationStrategy::UseAndWriteState(InitialState::default())
    }
}

impl RingBuffersRole for Use {
    type FreeRole = Read;
    type UsedRole = Write;
    const ROLE: RingBuffersRoleValue = RingBuffersRoleValue::Use;

    fn default_initialization_strategy() -> InitializationStrategy {
        InitializationStrategy::ReadState
    }
}

/// A [`RingBuffersRole`] as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RingBuffersRoleValue {
    /// [`Provide`].
    Provide,
    /// [`Use`].
    Use,
}

impl RingBuffersRoleValue {
    /// Is this [`Provide`]?
    #[must_use]
    pub fn is_provide(self) -> bool {
        self == Self::Provide
    }

    /// Is this [`Use`]?
    #[must_use]
    pub fn is_use(self) -> bool {
        self == Self::Use
    }
}

/// [`Write`] or [`Read`].
pub trait RingBufferRole: sealed::Single {
    /// The role as a value.
    const ROLE: RingBufferRoleValue;
}

impl RingBufferRole for Write {
    const ROLE: RingBufferRoleValue = RingBufferRoleValue::Write;
}

impl RingBufferRole for Read {
    const ROLE: RingBufferRoleValue = RingBufferRoleValue::Read;
}

/// A [`RingBufferRole`] as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RingBufferRoleValue {
    /// [`Write`].
    Write,
    /// [`Read`].
    Read,
}

impl RingBufferRoleValue {
    /// Is this [`Write`]?
    #[must_use]
    pub fn is_write(self) -> bool {
        self == Self::Write
    }

    /// Is this [`Read`]?
    #[must_use]
    pub fn is_read(self) -> bool {
        self == Self::Read
    }
}

mod sealed {
    pub trait Pair {}
    pub trait Single {}

    impl Pair for super::Provide {}
    impl Pair for super::Use {}
    impl Single for super::Write {}
    impl Single for super::Read {}
}
