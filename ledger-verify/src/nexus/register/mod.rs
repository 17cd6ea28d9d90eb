//! Registers: 1024 bytes of an owner's data, with rules for changing them.
//!
//! | type | number | address | may be |
//! |---|---|---|---|
//! | READONLY | 1 | 0xd1 | transferred |
//! | APPEND | 2 | 0xd2 | appended to, transferred |
//! | RAW | 3 | 0xd3 | replaced by as many bytes, appended to, transferred |
//! | OBJECT | 4 | 0xd4 | changed in its mutable fields, transferred |
//!
//! Objects at other addresses (accounts, tokens, names, ...) hold money or names, and are not
//! followed here.
//!
//! Full nodes compare the register that a transaction starts from by a checksum of 64 bits, and then
//! continue with what the *transaction* says was in it. An owner who finds two states of one checksum
//! can so exchange what "never changes". [`Table`] keeps whole states and wants every byte equal.

mod data;
pub mod object;
mod state;
mod table;

pub use data::DATA_BYTES_MAX;
pub use state::{Kind, State};
pub(super) use table::Caller;
pub use table::{Conflict, Custody, Departure, Found, Origin, Table, Track};

use core::fmt;

/// A rule of registers that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A register stream without its marker of pre-state or post-state.
    Marker,
    /// A version of registers that does not exist.
    Version,
    /// A type of register that does not exist, or cannot be created.
    Kind,
    /// The address is not one of this type of register.
    Address,
    /// A transfer that is neither to be claimed nor forced.
    Handover,
    /// A register's checksum is not that of its bytes.
    Checksum,
    /// There is a register at this address already.
    Exists,
    /// The register is another user's.
    Owner,
    /// The register is not what it was left as.
    BeforeDiffers,
    /// The operation does not lead to the checksum that the signer saw.
    AfterDiffers,
    /// The operation is not one for this type of register.
    NotForKind,
    /// Data longer than a register, or not as long as what it replaces.
    Length,
    /// An object that is not a list of fields.
    Object,
    /// Two fields of one name, or two writes to one field.
    FieldTwice,
    /// A write to a field that the object does not have.
    FieldUnknown,
    /// A write to a field that never changes, or that belongs to the ledger.
    FieldConstant,
    /// A write of another type or length than the field has.
    FieldType,
    /// The register was given away by this chain.
    Left,
    /// A claim to what was not transferred, or not to the claimant, or not there.
    NotTransferred,
    /// The verifier's table is full.
    TableFull,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marker => "register stream without its marker",
            Self::Version => "unknown version of register",
            Self::Kind => "unknown type of register",
            Self::Address => "address of another type of register",
            Self::Handover => "transfer neither claimed nor forced",
            Self::Checksum => "register checksum mismatch",
            Self::Exists => "register exists already",
            Self::Owner => "register of another user",
            Self::BeforeDiffers => "pre-state differs",
            Self::AfterDiffers => "post-state differs",
            Self::NotForKind => "operation not for this type of register",
            Self::Length => "data of the wrong length",
            Self::Object => "object is no list of fields",
            Self::FieldTwice => "field named twice",
            Self::FieldUnknown => "no such field",
            Self::FieldConstant => "field may not change",
            Self::FieldType => "value of another type than its field",
            Self::Left => "register was given away",
            Self::NotTransferred => "claim to what was not transferred",
            Self::TableFull => "too many registers",
        })
    }
}
