//! Why a Nexus transaction or chain was refused.

use core::fmt;

use super::register::Rule;
use crate::cbor::{self, Problem};

/// Why a chain was refused, and where.
///
/// Displays as one line, for example `nexus transaction 4, contract 0: pre-state differs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Sequence number of the refused transaction; that of the one to come, if it has none; of
    /// [`Reason::BeforePin`] that of the missing one.
    pub transaction: u32,
    /// The refused contract in it, from 0.
    pub contract: Option<u32>,
    /// Offset of the refused item, in bytes from the start of what was given.
    pub offset: u64,
    /// The rule that was broken.
    pub reason: Reason,
}

/// Byte offset, and the rule broken there.
pub(super) type At = (usize, Reason);

pub(super) fn at(error: cbor::Error) -> At {
    (error.offset, Reason::Encoding(error.problem))
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not the encoding that `docs/nexus.md` prescribes.
    Encoding(Problem),
    /// Longer than [`super::transaction::TRANSACTION_BYTES_MAX`].
    TooLong,
    /// Not a transaction of this kind: the raw form starts with 0x03.
    RawPrefix,
    /// A version that this verifier does not know.
    Version,
    /// No such type of key, or one that Nexus never accepts.
    KeyType,
    /// A key of another length than its type has.
    KeyLength,
    /// An operation code that Nexus does not have.
    Operation(u8),
    /// A condition where the operation allows none.
    Condition,
    /// A first transaction does nothing but create registers, five at most, and few of each kind.
    FirstContracts,
    /// The transaction is of another user.
    OtherGenesis,
    /// The first transaction given is neither number 0 nor the pinned one.
    Start,
    /// The sequence number is not the next one.
    Sequence,
    /// The id of the transaction before is another one.
    Previous,
    /// Older than the transaction before.
    Time,
    /// The key is not the one that the transaction before committed to.
    KeyNotCommitted,
    /// The recovery key changed without a recovery.
    RecoveryChanged,
    /// The signature does not verify.
    BadSignature,
    /// A register operation breaks a rule.
    Register(Rule),
    /// Another transaction than the pinned one, or another key, stands at the pin.
    NotPinned,
    /// The chain ends before the transaction that the pin authenticates.
    BeforePin,
    /// A bundle without its magic.
    Magic,
    /// A bundle's transactions come before everything else.
    Order,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nexus transaction {}", self.transaction)?;
        if let Some(contract) = self.contract {
            write!(f, ", contract {contract}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding(problem) => return problem.fmt(f),
            Self::Register(rule) => return rule.fmt(f),
            Self::Operation(code) => return write!(f, "unknown operation {code:#04x}"),
            Self::TooLong => "too long",
            Self::RawPrefix => "not a raw transaction",
            Self::Version => "unknown version",
            Self::KeyType => "unknown type of key",
            Self::KeyLength => "key of the wrong length",
            Self::Condition => "condition where none may be",
            Self::FirstContracts => "not what a first transaction may do",
            Self::OtherGenesis => "of another user",
            Self::Start => "neither the first nor the pinned transaction",
            Self::Sequence => "wrong sequence number",
            Self::Previous => "does not follow the transaction before",
            Self::Time => "older than the transaction before",
            Self::KeyNotCommitted => "key not committed to",
            Self::RecoveryChanged => "recovery key changed",
            Self::BadSignature => "bad signature",
            Self::NotPinned => "not what is pinned",
            Self::BeforePin => "pinned, but missing",
            Self::Magic => "not a nexus bundle",
            Self::Order => "transaction behind an inclusion",
        })
    }
}
