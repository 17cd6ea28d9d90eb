//! A register as it is stored and embedded (`TAO/Register/types/state.h`).
//!
//! | field | bytes |
//! |---|---|
//! | version | 1, always 1 |
//! | type | 1 |
//! | owner | 32; a transferred register has 0 as the owner's top byte until it is claimed |
//! | created, modified | 8 + 8, seconds since 1970 |
//! | data | CompactSize + at most 1024 |
//! | checksum | 8, SK64 of all above |

use super::{DATA_BYTES_MAX, Rule};
use crate::nexus::error::Reason;
use crate::nexus::hash::Sk64;
use crate::nexus::number::Genesis;
use crate::nexus::operation::Checksum;
use crate::nexus::wire::{Reader, compact};

const VERSION: u8 = 1;

/// Type of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Never changes.
    ReadOnly = 1,
    /// Only grows.
    Append = 2,
    /// Bytes.
    Raw = 3,
    /// Named fields.
    Object = 4,
}

impl Kind {
    /// The type of this number. SYSTEM registers, number 5, are not made by users.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::ReadOnly),
            2 => Some(Self::Append),
            3 => Some(Self::Raw),
            4 => Some(Self::Object),
            _ => None,
        }
    }
}

/// A register's whole state. Two states are equal exactly when their bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// Its type.
    pub kind: Kind,
    /// Whose it is.
    pub owner: Genesis,
    /// Time of the transaction that created it, in seconds since 1970.
    pub created_s: u64,
    /// Time of the transaction that changed it last, in seconds since 1970.
    pub modified_s: u64,
    /// Its data, at most 1024 bytes.
    pub data: &'a [u8],
}

impl<'a> State<'a> {
    /// Reads a state and compares its checksum, which tells damage, not forgery.
    #[inline(never)]
    pub(in crate::nexus) fn read(reader: &mut Reader<'a>) -> Self {
        let fail = |reader: &mut Reader<'_>, offset, rule| {
            reader.fail(offset, Reason::Register(rule));
        };
        let offset = reader.offset();
        if reader.byte() != VERSION {
            fail(reader, offset, Rule::Version);
        }
        let offset = reader.offset();
        let kind = Kind::from_number(reader.byte()).unwrap_or_else(|| {
            fail(reader, offset, Rule::Kind);
            Kind::ReadOnly
        });
        let state = Self {
            kind,
            owner: reader.number(),
            created_s: reader.integer(8),
            modified_s: reader.integer(8),
            data: reader.bytes(DATA_BYTES_MAX),
        };
        let offset = reader.offset();
        if reader.integer(8).to_le_bytes() != state.checksum() {
            fail(reader, offset, Rule::Checksum);
        }
        state
    }

    /// SK64 of the state's bytes.
    #[must_use]
    #[inline(never)]
    pub fn checksum(&self) -> Checksum {
        let (length, used) = compact(self.data.len());
        Sk64::digest(&[
            &[VERSION, self.kind as u8],
            &self.owner.0,
            &self.created_s.to_le_bytes(),
            &self.modified_s.to_le_bytes(),
            length.get(..used).unwrap_or(&[]),
            self.data,
        ])
    }
}
