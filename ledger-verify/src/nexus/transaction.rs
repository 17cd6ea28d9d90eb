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
        let mut reader = self.reader();
        let operation = Operation::read(self, &mut reader);
        reader.finish(operation)
    }

    /// A reader of the operation stream.
    pub(super) const fn reader(&self) -> Reader<'a> {
        Reader::at(self.operations_offset, self.operations)
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
    /// All that follows the number of contracts.
    contracts: &'a [u8],
    contracts_offset: usize,
    contract_count: usize,
    pub(super) offsets: Offsets,
}

/// Where the fields stand that a later check may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offsets {
    /// Of the version; up to the public key all fields have fixed lengths.
    pub(super) version: usize,
    pub(super) signature: usize,
}

impl Offsets {
    pub(super) const fn sequence(&self) -> usize {
        self.version + 4
    }

    pub(super) const fn time(&self) -> usize {
        self.sequence() + 4
    }

    pub(super) const fn next(&self) -> usize {
        self.time() + 8
    }

    pub(super) const fn recovery(&self) -> usize {
        self.next() + 32
    }

    pub(super) const fn genesis(&self) -> usize {
        self.recovery() + 32
    }

    pub(super) const fn previous(&self) -> usize {
        self.genesis() + 32
    }

    const fn key_type(&self) -> usize {
        self.previous() + 64
    }

    pub(super) const fn public_key(&self) -> usize {
        self.key_type() + 2
    }
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
        let (contracts, contracts_offset) = (reader.rest(), reader.offset());
        for _ in 0..contract_count {
            let contract = Contract::read(reader);
            let mut inner = contract.reader();
            Operation::read(&contract, &mut inner);
            if let Err((offset, reason)) = inner.finish(()) {
                reader.fail(offset, reason);
            }
        }
        let mut offsets = Offsets { version: reader.offset(), signature: 0 };
        let version = reader.u32();
        if !(1..=VERSION_MAX).contains(&version) {
            reader.fail(offsets.version, Reason::Version);
        }
        let sequence = reader.u32();
        let time_s = reader.integer(8);
        let next = reader.number();
        if next.is_zero() {
            reader.fail(offsets.next(), Reason::Encoding(Problem::OutOfRange));
        }
        let recovery = reader.number();
        let genesis = reader.number();
        let previous = reader.number();
        let key_type = KeyType::from_number(reader.byte()).unwrap_or_else(|| {
            reader.fail(offsets.key_type(), Reason::KeyType);
            KeyType::Falcon
        });
        let next_type = reader.byte();
        let hashed = whole.get(..reader.offset() - start).unwrap_or(&[]);
        if hashed.len() > TRANSACTION_BYTES_MAX {
            reader.fail(start + TRANSACTION_BYTES_MAX, Reason::TooLong);
        }
        let id = if reader.is_sound() { hash::sk512(hashed) } else { [0; 64] };
        let id = Number(id).with_top(ID_TYPE);
        let public_key = reader.bytes(KeyType::Falcon.public_bytes());
        if public_key.len() != key_type.public_bytes() {
            reader.fail(offsets.public_key(), Reason::KeyLength);
        }
        offsets.signature = reader.offset();
        let signature = reader.bytes(KeyType::Falcon.signature_bytes());
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
            contracts_offset,
            contract_count,
            offsets,
        }
    }

    /// The contracts, in order.
    pub fn contracts(&self) -> impl ExactSizeIterator<Item = Contract<'a>> + use<'a> {
        let reader = Reader::at(self.contracts_offset, self.contracts);
        Contracts { reader, left: self.contract_count }
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

struct Contracts<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for Contracts<'a> {
    type Item = Contract<'a>;

    #[inline(never)]
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
