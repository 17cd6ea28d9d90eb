//! The rules a device can break.

use core::fmt;

/// What the device did wrong. After any of these it must be reset before it is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFault {
    /// The magic register does not read "virt": nothing, or something else, is mapped there.
    NotVirtio {
        /// What the register read.
        magic: u32,
    },
    /// A register layout other than version 2 (a "legacy" device).
    Version {
        /// What the register read.
        version: u32,
    },
    /// Another type of device than the driver is for; 0 is an empty slot.
    DeviceType {
        /// What the register read.
        device_type: u32,
    },
    /// The device did not finish its reset.
    ResetTimeout,
    /// A feature the driver cannot do without is not offered.
    FeatureMissing {
        /// The bits that are missing.
        bits: u64,
    },
    /// The device withdrew `FEATURES_OK`.
    FeaturesRefused,
    /// A queue is in use although the device was reset.
    QueueInUse {
        /// Its index.
        queue: u16,
    },
    /// A queue is absent (0) or smaller than the driver needs.
    QueueTooSmall {
        /// Its index.
        queue: u16,
        /// The most descriptors the device allows.
        size_max: u32,
    },
    /// The configuration space kept changing while it was read.
    ConfigUnstable,
    /// A field of the configuration space has a value the specification excludes.
    ConfigInvalid,
    /// The device raised `DEVICE_NEEDS_RESET`.
    NeedsReset,
    /// The used index moved back, or further than there are chains outstanding.
    UsedIndex {
        /// How far it moved, modulo 2^16.
        distance: u16,
    },
    /// A used element names a descriptor that heads no chain.
    UsedId {
        /// The id.
        id: u32,
    },
    /// A used element names a chain that the device does not hold.
    NotOutstanding {
        /// The id.
        id: u32,
    },
    /// The device claims to have written more than it was given room for.
    UsedTooLong {
        /// Bytes claimed.
        len: u32,
        /// Bytes the chain had room for.
        len_max: u32,
    },
    /// The device claims to have written less than any valid answer takes.
    UsedTooShort {
        /// Bytes claimed.
        len: u32,
    },
}

impl fmt::Display for DeviceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVirtio { magic } => write!(f, "no virtio device: magic {magic:#x}"),
            Self::Version { version } => write!(f, "register layout version {version}, not 2"),
            Self::DeviceType { device_type } => write!(f, "unexpected device type {device_type}"),
            Self::ResetTimeout => write!(f, "reset did not finish"),
            Self::FeatureMissing { bits } => write!(f, "feature bits {bits:#x} not offered"),
            Self::FeaturesRefused => write!(f, "feature selection refused"),
            Self::QueueInUse { queue } => write!(f, "queue {queue} in use after reset"),
            Self::QueueTooSmall { queue, size_max } => {
                write!(f, "queue {queue} allows only {size_max} descriptors")
            }
            Self::ConfigUnstable => write!(f, "configuration space keeps changing"),
            Self::ConfigInvalid => write!(f, "configuration space holds an invalid value"),
            Self::NeedsReset => write!(f, "device asks for a reset"),
            Self::UsedIndex { distance } => write!(f, "used index moved by {distance}"),
            Self::UsedId { id } => write!(f, "used id {id} heads no chain"),
            Self::NotOutstanding { id } => write!(f, "used id {id} is not outstanding"),
            Self::UsedTooLong { len, len_max } => {
                write!(f, "{len} bytes written into {len_max}")
            }
            Self::UsedTooShort { len } => write!(f, "answer of only {len} bytes"),
        }
    }
}

/// Every chain is outstanding; take completions first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;
