//! Signs Nexus transactions, for tests and demonstrations: what the real wallet does with a password
//! and a network, from one seed and without.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::SecretKey;
use crate::nexus::address::Address;
use crate::nexus::hash;
use crate::nexus::operation::Handover;
use crate::nexus::register::object::{self, Type};
use crate::nexus::register::{Kind, Rule, State};
use crate::nexus::signature::KeyType;
use crate::nexus::transaction::RAW_PREFIX;
use crate::nexus::{Genesis, KeyHash, Number, TransactionId};

/// A contract: three streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    /// Operations.
    pub operations: Vec<u8>,
    /// Conditions.
    pub conditions: Vec<u8>,
    /// Registers.
    pub registers: Vec<u8>,
}

/// A register as its owner remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its type.
    pub kind: Kind,
    /// Whose it is.
    pub owner: Genesis,
    /// When it was created.
    pub created_s: u64,
    /// When it was changed last.
    pub modified_s: u64,
    /// Its data.
    pub data: Vec<u8>,
}

impl Register {
    fn state(&self) -> State<'_> {
        State {
            kind: self.kind,
            owner: self.owner,
            created_s: self.created_s,
            modified_s: self.modified_s,
            data: &self.data,
        }
    }

    /// The register as it is embedded before an operation.
    #[must_use]
    pub fn before(&self) -> Vec<u8> {
        let mut bytes = std::vec![1, 1, self.kind as u8];
        bytes.extend_from_slice(&self.owner.0);
        bytes.extend_from_slice(&self.created_s.to_le_bytes());
        bytes.extend_from_slice(&self.modified_s.to_le_bytes());
        put_bytes(&mut bytes, &self.data);
        bytes.extend_from_slice(&self.state().checksum());
        bytes
    }

    /// The register's checksum as it is embedded after an operation.
    #[must_use]
    pub fn after(&self) -> Vec<u8> {
        let mut bytes = std::vec![2];
        bytes.extend_from_slice(&self.state().checksum());
        bytes
    }
}

/// What goes into a transaction, before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Contracts.
    pub contracts: Vec<Contract>,
    /// Version of the rules.
    pub version: u32,
    /// Number in the chain.
    pub sequence: u32,
    /// Time, in seconds since 1970.
    pub time_s: u64,
    /// Hash of the next key.
    pub next: KeyHash,
    /// Hash of the recovery key.
    pub recovery: KeyHash,
    /// Whose chain.
    pub genesis: Genesis,
    /// Id of the transaction before.
    pub previous: TransactionId,
}

impl Draft {
    /// Everything that the id covers, for a key of this type.
    fn hashed(&self, key_type: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_compact(&mut bytes, self.contracts.len());
        for contract in &self.contracts {
            put_bytes(&mut bytes, &contract.operations);
            put_bytes(&mut bytes, &contract.conditions);
            put_bytes(&mut bytes, &contract.registers);
        }
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.time_s.to_le_bytes());
        bytes.extend_from_slice(&self.next.0);
        bytes.extend_from_slice(&self.recovery.0);
        bytes.extend_from_slice(&self.genesis.0);
        bytes.extend_from_slice(&self.previous.0);
        bytes.extend_from_slice(&[key_type, key_type]);
        bytes
    }

    /// The signed transaction in raw form, and its id.
    #[must_use]
    pub fn sign(&self, key: &SecretKey) -> (Vec<u8>, TransactionId) {
        let hashed = self.hashed(key.key_type().number());
        let mut id = Number(hash::sk512(&hashed));
        if let Some(top) = id.0.last_mut() {
            *top = crate::nexus::transaction::ID_TYPE;
        }
        let mut raw = std::vec![RAW_PREFIX];
        raw.extend_from_slice(&hashed);
        put_bytes(&mut raw, key.public());
        put_bytes(&mut raw, &key.sign(&id.swapped()));
        (raw, id)
    }
}

/// A user: keys from a seed, one for each transaction, and the registers they own.
#[derive(Clone)]
pub struct Wallet {
    seed: [u8; 32],
    /// Type of the keys.
    pub key_type: KeyType,
    /// Whose chain this is.
    pub genesis: Genesis,
    /// Version of the rules that transactions are made under.
    pub version: u32,
    /// Number of the transaction to come.
    pub sequence: u32,
    /// Id of the last one.
    pub previous: TransactionId,
    /// Time of the transaction to come.
    pub time_s: u64,
    /// Hash of the recovery key.
    pub recovery: KeyHash,
    /// Registers after the contracts drafted so far.
    pub registers: BTreeMap<Address, Register>,
    contracts: Vec<Contract>,
}

impl Wallet {
    /// A user without a transaction; their chain begins with their account.
    #[must_use]
    pub fn new(seed: [u8; 32], genesis: Genesis, time_s: u64) -> Self {
        let mut wallet = Self {
            seed,
            key_type: KeyType::Brainpool,
            genesis,
            version: 4,
            sequence: 0,
            previous: Number::ZERO,
            time_s,
            recovery: Number::ZERO,
            registers: BTreeMap::new(),
            contracts: Vec::new(),
        };
        let account = [
            field("balance", true, Type::U64, &[0; 8]),
            field("token", false, Type::U256, &[0; 32]),
        ];
        let mut address = hash::Sk256::digest(&[b"account", &genesis.0]);
        address[31] = 0xd6;
        wallet.create(Address(Number(address)), Kind::Object, &account.concat());
        wallet
    }

    /// The key that signs transaction `sequence`.
    #[must_use]
    pub fn key(&self, sequence: u32) -> SecretKey {
        SecretKey::derive(self.key_type, &self.seed, sequence.into())
    }

    /// The key that recovers.
    #[must_use]
    pub fn recovery_key(&self) -> SecretKey {
        SecretKey::derive(self.key_type, &self.seed, u64::MAX)
    }

    /// Drafts a register.
    pub fn create(&mut self, address: Address, kind: Kind, data: &[u8]) {
        let mut operations = std::vec![0x02];
        operations.extend_from_slice(&address.0.0);
        operations.push(kind as u8);
        put_bytes(&mut operations, data);
        let (owner, now_s) = (self.genesis, self.time_s);
        let data = data.to_vec();
        let register = Register { kind, owner, created_s: now_s, modified_s: now_s, data };
        self.push(operations, register.after());
        self.registers.insert(address, register);
    }

    /// Drafts a write to a register of the wallet's: new data, or writes to fields.
    ///
    /// # Panics
    /// If the wallet has no such register.
    pub fn write(&mut self, address: Address, data: &[u8]) {
        self.change(0x01, address, data, |register| match register.kind {
            // A write that breaks a rule is signed as it is: the verifier will say which.
            Kind::Object => _ = write_fields(&mut register.data, data),
            _ => register.data = data.to_vec(),
        });
    }

    /// Drafts an addition to a register of the wallet's.
    ///
    /// # Panics
    /// If the wallet has no such register.
    pub fn append(&mut self, address: Address, data: &[u8]) {
        self.change(0x06, address, data, |register| register.data.extend_from_slice(data));
    }

    fn change(
        &mut self,
        code: u8,
        address: Address,
        data: &[u8],
        edit: impl FnOnce(&mut Register),
    ) {
        let mut operations = std::vec![code];
        operations.extend_from_slice(&address.0.0);
        put_bytes(&mut operations, data);
        let registers = self.edit(address, edit);
        self.push(operations, registers);
    }

    /// Drafts a transfer.
    ///
    /// # Panics
    /// If the wallet has no such register.
    pub fn transfer(&mut self, address: Address, recipient: Genesis, handover: Handover) {
        let mut operations = std::vec![0x04];
        operations.extend_from_slice(&address.0.0);
        operations.extend_from_slice(&recipient.0);
        let (code, owner) = match handover {
            Handover::Claimed if self.version == 1 => (0xfa, Number::ZERO),
            Handover::Claimed => {
                let mut owner = self.genesis;
                owner.0[31] = 0;
                (0xfa, owner)
            }
            Handover::Forced => (0xfb, recipient),
        };
        operations.push(code);
        let registers = self.edit(address, |register| register.owner = owner);
        self.push(operations, registers);
    }

    /// Drafts the claim of a register as the transfer has left it.
    pub fn claim(
        &mut self,
        from: TransactionId,
        contract: u32,
        address: Address,
        register: Register,
    ) {
        let mut operations = std::vec![0x05];
        operations.extend_from_slice(&from.0);
        operations.extend_from_slice(&contract.to_le_bytes());
        operations.extend_from_slice(&address.0.0);
        self.registers.insert(address, register);
        let owner = self.genesis;
        let registers = self.edit(address, |register| register.owner = owner);
        self.push(operations, registers);
    }

    #[allow(clippy::expect_used, reason = "the caller's mistake, in a test")]
    fn edit(&mut self, address: Address, edit: impl FnOnce(&mut Register)) -> Vec<u8> {
        let register = self.registers.get_mut(&address).expect("a register of the wallet");
        let mut stream = register.before();
        edit(register);
        register.modified_s = self.time_s;
        stream.extend_from_slice(&register.after());
        stream
    }

    /// Drafts a contract as it is.
    pub fn push(&mut self, operations: Vec<u8>, registers: Vec<u8>) {
        self.contracts.push(Contract { operations, conditions: Vec::new(), registers });
    }

    /// The next transaction with all that was drafted.
    pub fn draft(&mut self) -> Draft {
        let next = Number(hash::sk256(self.key(self.sequence + 1).public()));
        self.draft_before(next)
    }

    /// The same before a key with this hash.
    fn draft_before(&mut self, next: KeyHash) -> Draft {
        Draft {
            contracts: core::mem::take(&mut self.contracts),
            version: self.version,
            sequence: self.sequence,
            time_s: self.time_s,
            next,
            recovery: self.recovery,
            genesis: self.genesis,
            previous: self.previous,
        }
    }

    /// All that was drafted as the next transaction, in raw form, signed by nobody.
    #[cfg(test)]
    pub(crate) fn unsigned(&mut self) -> Vec<u8> {
        // Whose hash it is does not matter, and to make a key takes Miri hours.
        let draft = self.draft_before(Number([1; 32]));
        let mut raw = std::vec![RAW_PREFIX];
        raw.extend(draft.hashed(self.key_type.number()));
        put_bytes(&mut raw, &std::vec![0; self.key_type.public_bytes()]);
        put_bytes(&mut raw, &[]);
        raw
    }

    /// Signs all that was drafted as the next transaction, in raw form. The one after it is ten minutes
    /// later.
    pub fn seal(&mut self) -> Vec<u8> {
        let key = self.key(self.sequence);
        self.seal_with(&key)
    }

    /// As [`Wallet::seal`], with another key.
    pub fn seal_with(&mut self, key: &SecretKey) -> Vec<u8> {
        let (raw, id) = self.draft().sign(key);
        self.previous = id;
        self.sequence += 1;
        self.time_s += 600;
        raw
    }
}

/// Applies a list of writes to an object as the verifier does.
///
/// # Errors
/// The rule that a write breaks; some may have been applied by then.
pub fn write_fields(object: &mut [u8], writes: &[u8]) -> Result<(), Rule> {
    object::write(object, writes)
}

/// A field of an object.
#[must_use]
pub fn field(name: &str, is_mutable: bool, kind: Type, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, name.as_bytes());
    if is_mutable {
        bytes.push(0xff);
    }
    bytes.push(kind as u8);
    put_value(&mut bytes, kind, value);
    bytes
}

/// A write to a field of an object.
#[must_use]
pub fn field_write(name: &str, kind: Type, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, name.as_bytes());
    bytes.push(0x6f + kind as u8);
    put_value(&mut bytes, kind, value);
    bytes
}

fn put_value(bytes: &mut Vec<u8>, kind: Type, value: &[u8]) {
    match kind {
        Type::String | Type::Bytes => put_bytes(bytes, value),
        _ => bytes.extend_from_slice(value),
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_compact(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_compact(out: &mut Vec<u8>, length: usize) {
    let (bytes, used) = crate::nexus::compact(length);
    out.extend_from_slice(bytes.get(..used).unwrap_or(&[]));
}
