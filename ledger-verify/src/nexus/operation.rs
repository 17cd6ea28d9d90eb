//! What a contract does (`TAO/Operation/include/enum.h`, `execute.cpp`).
//!
//! | operation | code | operation stream | register stream |
//! |---|---|---|---|
//! | VALIDATE | 0x40 | id (64), contract (4), then an operation | that operation's |
//! | CONDITION | 0x41 | TRANSFER or DEBIT | that operation's |
//! | WRITE | 0x01 | address (32), data | pre-state, post-state |
//! | CREATE | 0x02 | address (32), register type (1), data | post-state |
//! | TRANSFER | 0x04 | address (32), recipient (32), 0xfa claim or 0xfb force | both |
//! | CLAIM | 0x05 | id (64), contract (4), address (32) | both |
//! | APPEND | 0x06 | address (32), data | both |
//!
//! Data is a CompactSize and so many bytes. A pre-state is 0x01 and a whole [`State`], a post-state
//! 0x02 and the SK64 of one, which 2^32 work forges: it is compared, and nothing rests on it.
//!
//! All other operations move NXS and tokens, or answer conditions. They are named and carried, and
//! change no register that holds data.

use super::address::Address;
use super::error::Reason;
use super::number::{Genesis, TransactionId};
use super::register::{DATA_BYTES_MAX, Rule, State};
use super::transaction::Contract;
use super::wire::Reader;

const WRITE: u8 = 0x01;
const CREATE: u8 = 0x02;
const TRANSFER: u8 = 0x04;
const CLAIM: u8 = 0x05;
const APPEND: u8 = 0x06;
const VALIDATE: u8 = 0x40;
const CONDITION: u8 = 0x41;

const PRE_STATE: u8 = 0x01;
const POST_STATE: u8 = 0x02;

/// SK64 of a state: compared, never a commitment.
pub type Checksum = [u8; 8];

/// A register before an operation as the signer saw it, and the checksum of it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The whole register before.
    pub before: State<'a>,
    /// Checksum of the register afterwards.
    pub after: Checksum,
}

/// How a transfer hands a register over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// The recipient claims it, in a transaction of their own.
    Claimed,
    /// At once.
    Forced,
}

/// What a contract does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Makes a register.
    Create {
        /// Its address.
        address: Address,
        /// Its type by number: see [`super::register::Kind`].
        kind: u8,
        /// Its first data.
        data: &'a [u8],
        /// Checksum of the new register.
        after: Checksum,
    },
    /// Replaces the data of a RAW register, or fields of an OBJECT.
    Write {
        /// The register.
        address: Address,
        /// The new data, or a list of fields.
        data: &'a [u8],
        /// Before and after.
        change: Change<'a>,
    },
    /// Adds to the data of an APPEND or RAW register.
    Append {
        /// The register.
        address: Address,
        /// What is added.
        data: &'a [u8],
        /// Before and after.
        change: Change<'a>,
    },
    /// Gives a register away.
    Transfer {
        /// The register.
        address: Address,
        /// Who gets it.
        recipient: Genesis,
        /// How.
        handover: Handover,
        /// Whether something must be fulfilled first, which only a full node can judge.
        is_conditional: bool,
        /// Before and after.
        change: Change<'a>,
    },
    /// Takes a register that was transferred.
    Claim {
        /// The transaction that gave it.
        from: TransactionId,
        /// The contract in it, from 0.
        contract: u32,
        /// The register.
        address: Address,
        /// Before and after.
        change: Change<'a>,
    },
    /// An operation on something else than data.
    Other(Other),
}

/// Declares the operations that are carried, with their codes and names.
macro_rules! others {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        /// Operations that change no register that holds data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Other {
            $(#[doc = $text] $name = $code,)*
        }

        impl Other {
            const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name, as Nexus prints it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

others! {
    Authorize = 0x03, "AUTHORIZE";
    Debit = 0x10, "DEBIT";
    Credit = 0x11, "CREDIT";
    Coinbase = 0x12, "COINBASE";
    Genesis = 0x13, "GENESIS";
    Trust = 0x14, "TRUST";
    Fee = 0x17, "FEE";
    Ack = 0x30, "ACK";
    Nack = 0x31, "NACK";
    Legacy = 0x50, "LEGACY";
    Migrate = 0x51, "MIGRATE";
}

impl Operation<'_> {
    /// Its name, as Nexus prints it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "CREATE",
            Self::Write { .. } => "WRITE",
            Self::Append { .. } => "APPEND",
            Self::Transfer { .. } => "TRANSFER",
            Self::Claim { .. } => "CLAIM",
            Self::Other(other) => other.name(),
        }
    }
}

impl<'a> Operation<'a> {
    /// Reads what `contract` does; `reader` is that of the contract.
    #[inline(never)]
    pub(super) fn read(contract: &Contract<'a>, reader: &mut Reader<'a>) -> Self {
        let mut offset = reader.offset();
        let mut code = reader.byte();
        let has_mark = code == CONDITION;
        if code == VALIDATE {
            reader.take(64 + 4);
        }
        if has_mark || code == VALIDATE {
            offset = reader.offset();
            code = reader.byte();
        }
        let is_conditional = has_mark || !contract.conditions.is_empty();
        if is_conditional && matches!(code, CREATE | WRITE | APPEND | CLAIM) {
            reader.fail(offset, Reason::Condition);
        }
        match code {
            CREATE => {
                let (address, kind) = (Address(reader.number()), reader.byte());
                let data = reader.bytes(DATA_BYTES_MAX);
                reader.go_on(contract.registers_offset, contract.registers);
                Self::Create { address, kind, data, after: read_after(reader) }
            }
            WRITE | APPEND => {
                let address = Address(reader.number());
                let data = reader.bytes(DATA_BYTES_MAX);
                let change = read_change(reader, contract);
                match code {
                    WRITE => Self::Write { address, data, change },
                    _ => Self::Append { address, data, change },
                }
            }
            TRANSFER => Self::Transfer {
                address: Address(reader.number()),
                recipient: reader.number(),
                handover: read_handover(reader),
                is_conditional,
                change: read_change(reader, contract),
            },
            CLAIM => Self::Claim {
                from: reader.number(),
                contract: reader.u32(),
                address: Address(reader.number()),
                change: read_change(reader, contract),
            },
            // What follows is not looked at: it is part of the id, and moves nothing that counts here.
            _ => {
                let other = Other::from_code(code).unwrap_or_else(|| {
                    reader.fail(offset, Reason::Operation(code));
                    Other::Authorize
                });
                Self::Other(other)
            }
        }
    }
}

fn read_handover(reader: &mut Reader<'_>) -> Handover {
    let offset = reader.offset();
    match reader.byte() {
        0xfa => Handover::Claimed,
        0xfb => Handover::Forced,
        _ => {
            reader.fail(offset, Reason::Register(Rule::Handover));
            Handover::Forced
        }
    }
}

/// The end of an operation stream, and the whole register stream.
#[inline(never)]
fn read_change<'a>(reader: &mut Reader<'a>, contract: &Contract<'a>) -> Change<'a> {
    reader.go_on(contract.registers_offset, contract.registers);
    read_marker(reader, PRE_STATE);
    Change { before: State::read(reader), after: read_after(reader) }
}

/// The end of every register stream.
#[inline(never)]
fn read_after(reader: &mut Reader<'_>) -> Checksum {
    read_marker(reader, POST_STATE);
    let after = reader.integer(8).to_le_bytes();
    reader.end();
    after
}

fn read_marker(reader: &mut Reader<'_>, marker: u8) {
    let offset = reader.offset();
    if reader.byte() != marker {
        reader.fail(offset, Reason::Register(Rule::Marker));
    }
}
