//! One transaction, taken apart (`TAO/Ledger/types/transaction.h`, versions 1 to 4).
//!
//! | field | bytes | limits |
//! |---|---|---|
//! | contracts | CompactSize, then each: operations, conditions, registers, all CompactSize + bytes | 1 to 100 |
//! | version | 4 | 1 to 4 |
//! | sequence | 4 | |
//! | time | 8 | seconds since 1970 |
//! | next | 32 | SK256 of the next public key |
//! | recovery | 32 | SK256 of the recovery key, zeros for none |
//! | genesis | 32 | |
//! | previous | 64 | id of the transaction before |
//! | key type, next key's type | 1 + 1 | |
//! | public key, signature | CompactSize + bytes | as the key type says; not part of the id |
//!
//! All four versions have this layout. A CompactSize is in its shortest form.

use super::error::{At, Reason};
use super::hash;
use super::number::{Genesis, KeyHash, Number, TransactionId};
use super::operation::Operation;
use super::signature::KeyType;
use super::wire::Reader;
use crate::cbor::Problem;

/// Longest transaction, in bytes: room for 100 debits. Nexus itself knows longer ones.
pub const TRANSACTION_BYTES_MAX: usize = 32 * 1024;
/// Most contracts in a transaction.
pub const CONTRACTS_MAX: usize = 100;
/// The newest version there is.
pub const VERSION_MAX: u32 = 4;
/// Top byte of a transaction's id.
pub const ID_TYPE: u8 = 0x01;
/// What the raw form puts before a transaction (`MSG_TX_TRITIUM`).
pub const RAW_PREFIX: u8 = 0x03;
/// Most hashes in the Merkle branch of a [`MerkleTransaction`]: a block has no 2^24 transactions.
pub const BRANCH_MAX: usize = 24;

/// One contract: what is done, on which condition, and what it does to registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract<'a> {
    /// Operation stream.
    pub operations: &'a [u8],
    /// Condition stream, mostly empty.
    pub conditions: &'a [u8],
    /// Register stream.
    pub registers: &'a [u8],
    pub(super) operations_offset: usize,
    pub(super) registers_offset: usize,
}

impl<'a> Contract<'a> {
    #[inline(never)]
    fn read(reader: &mut Reader<'a>) -> Self {
        let mut stream = || {
            let bytes = reader.bytes(TRANSACTION_BYTES_MAX);
            (bytes, reader.offset() - bytes.len())
        };
        let (operations, operations_offset) = stream();
        let (conditions, _) = stream();
        let (registers, registers_offset) = stream();
        Self { operations, conditions, registers, operations_offset, registers_offset }
    }

    /// What the contract does.
    ///
    /// # Errors
    /// Byte offset in the transaction, and the rule broken there; none after
    /// [`Transaction::parse`], which has asked already.
    pub fn operation(&self) -> Result<Operation<'a>, At> {
        Operation::parse(self)
    }
}

/// A parsed transaction. Its encoding is canonical; nothing it says is proven.
#[derive(Clone, Debug)]
pub struct Transaction<'a> {
    /// Version of the rules it was made under, 1 to 4.
    pub version: u32,
    /// Number in its chain, from 0.
    pub sequence: u32,
    /// When it was made, by the signer's clock, in seconds since 1970.
    pub time_s: u64,
    /// SK256 of the key that signs the next transaction.
    pub next: KeyHash,
    /// SK256 of the key that may take over instead; zero for none.
    pub recovery: KeyHash,
    /// Whose chain it belongs to.
    pub genesis: Genesis,
    /// Id of the transaction before; anything in the first.
    pub previous: TransactionId,
    /// Type of the key that signs.
    pub key_type: KeyType,
    /// What the signer says that the next key's type will be; nobody holds them to it.
    pub next_type: u8,
    /// The key that signs.
    pub public_key: &'a [u8],
    /// The signature over the id.
    pub signature: &'a [u8],
    /// Id of the transaction, computed from its bytes.
    pub id: TransactionId,
    contracts: Reader<'a>,
    contract_count: usize,
    pub(super) offsets: Offsets,
}

/// Where the fields stand that a later check may refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offsets {
    pub(super) sequence: usize,
    pub(super) time: usize,
    pub(super) next: usize,
    pub(super) recovery: usize,
    pub(super) genesis: usize,
    pub(super) previous: usize,
    pub(super) public_key: usize,
    pub(super) signature: usize,
}

impl<'a> Transaction<'a> {
    /// Takes `bytes` apart, which are one transaction and no more, and checks all that can be checked
    /// without the chain and without a signature.
    ///
    /// # Errors
    /// Byte offset, and the rule broken there.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, At> {
        let mut reader = Reader::new(bytes);
        let transaction = Self::read(&mut reader);
        reader.end();
        reader.finish(transaction)
    }

    /// As [`Transaction::parse`], for the form that is submitted and kept in files: the transaction
    /// behind [`RAW_PREFIX`].
    ///
    /// # Errors
    /// [`Reason::RawPrefix`], or as [`Transaction::parse`] with offsets counted from the prefix.
    pub fn parse_raw(bytes: &'a [u8]) -> Result<Self, At> {
        let mut reader = Reader::new(bytes);
        let transaction = Self::read_raw(&mut reader);
        reader.end();
        reader.finish(transaction)
    }

    /// Takes apart the transaction in raw form that `bytes` start with; also the bytes after it.
    ///
    /// # Errors
    /// As [`Transaction::parse_raw`].
    pub fn split_raw(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), At> {
        let mut reader = Reader::new(bytes);
        let transaction = Self::read_raw(&mut reader);
        reader.finish((transaction, reader.rest()))
    }

    pub(super) fn read_raw(reader: &mut Reader<'a>) -> Self {
        let mut prefix = reader.clone();
        if prefix.byte() != RAW_PREFIX {
            reader.fail(reader.offset(), Reason::RawPrefix);
        }
        reader.take(1);
        Self::read(reader)
    }

    #[inline(never)]
    fn read(reader: &mut Reader<'a>) -> Self {
        let whole = reader.rest();
        let start = reader.offset();
        let contract_count = reader.compact(1, CONTRACTS_MAX);
        let contracts = reader.clone();
        for _ in 0..contract_count {
            if let Err((offset, reason)) = Contract::read(reader).operation() {
                reader.fail(offset, reason);
            }
        }
        let mut offsets = Offsets::default();
        let version_offset = reader.offset();
        let version = reader.u32();
        if !(1..=VERSION_MAX).contains(&version) {
            reader.fail(version_offset, Reason::Version);
        }
        let sequence = field(reader, &mut offsets.sequence).u32();
        let time_s = field(reader, &mut offsets.time).integer(8);
        let next = field(reader, &mut offsets.next).number();
        if next.is_zero() {
            reader.fail(offsets.next, Reason::Encoding(Problem::OutOfRange));
        }
        let recovery = field(reader, &mut offsets.recovery).number();
        let genesis = field(reader, &mut offsets.genesis).number();
        let previous = field(reader, &mut offsets.previous).number();
        let type_offset = reader.offset();
        let key_type = KeyType::from_number(reader.byte()).unwrap_or_else(|| {
            reader.fail(type_offset, Reason::KeyType);
            KeyType::Falcon
        });
        let next_type = reader.byte();
        let hashed = whole.get(..reader.offset() - start).unwrap_or(&[]);
        if hashed.len() > TRANSACTION_BYTES_MAX {
            reader.fail(start + TRANSACTION_BYTES_MAX, Reason::TooLong);
        }
        let id = if reader.is_sound() { hash::sk512(hashed) } else { [0; 64] };
        let id = Number(id).with_top(ID_TYPE);
        let public_key =
            field(reader, &mut offsets.public_key).bytes(KeyType::Falcon.public_bytes());
        if public_key.len() != key_type.public_bytes() {
            reader.fail(offsets.public_key, Reason::KeyLength);
        }
        let signature =
            field(reader, &mut offsets.signature).bytes(KeyType::Falcon.signature_bytes());
        Self {
            version,
            sequence,
            time_s,
            next,
            recovery,
            genesis,
            previous,
            key_type,
            next_type,
            public_key,
            signature,
            id,
            contracts,
            contract_count,
            offsets,
        }
    }

    /// The contracts, in order.
    pub fn contracts(&self) -> impl ExactSizeIterator<Item = Contract<'a>> + use<'a> {
        Contracts { reader: self.contracts.clone(), left: self.contract_count }
    }

    /// SK256 of the key that signs: what the transaction before has committed to.
    #[must_use]
    #[inline(never)]
    pub fn key_hash(&self) -> KeyHash {
        Number(hash::sk256(self.public_key))
    }

    /// The 64 bytes that are signed: `GetBytes` of the id.
    #[must_use]
    pub fn signed_bytes(&self) -> [u8; 64] {
        self.id.swapped()
    }

    /// Checks the signature with the key that the transaction brings along. Whether that key may sign
    /// is the chain's to say.
    ///
    /// # Errors
    /// [`Reason::BadSignature`] at the signature.
    pub fn verify_signature(&self) -> Result<(), At> {
        self.key_type
            .verify(self.public_key, &self.signed_bytes(), self.signature)
            .map_err(|_| (self.offsets.signature, Reason::BadSignature))
    }
}

/// The reader, after its place was written down.
fn field<'r, 'a>(reader: &'r mut Reader<'a>, offset: &mut usize) -> &'r mut Reader<'a> {
    *offset = reader.offset();
    reader
}

struct Contracts<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for Contracts<'a> {
    type Item = Contract<'a>;

    fn next(&mut self) -> Option<Contract<'a>> {
        self.left = self.left.checked_sub(1)?;
        Some(Contract::read(&mut self.reader))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Contracts<'_> {}

/// A transaction with its place in a block, as a node hands it to light clients: transaction, block
/// hash (128), CompactSize and so many hashes (64 each) of the Merkle branch, index (4).
#[derive(Clone, Debug)]
pub struct MerkleTransaction<'a> {
    /// The transaction.
    pub transaction: Transaction<'a>,
    /// Hash of the block that it claims to be in.
    pub block: Number<128>,
    /// Hashes from the leaf's sibling upwards, 64 bytes each.
    pub branch: &'a [[u8; 64]],
    /// Number of the transaction in its block.
    pub index: u32,
}

impl<'a> MerkleTransaction<'a> {
    /// Takes `bytes` apart. What they say of the block is a claim: see [`super::block`].
    ///
    /// # Errors
    /// Byte offset, and the rule broken there.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, At> {
        let mut reader = Reader::new(bytes);
        let transaction = Transaction::read(&mut reader);
        let block = reader.number();
        let length = reader.compact(0, BRANCH_MAX);
        let (branch, _) = reader.take(length * 64).as_chunks();
        let index = reader.u32();
        reader.end();
        reader.finish(Self { transaction, block, branch, index })
    }
}
