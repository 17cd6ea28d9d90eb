//! A user with a register of each type, and what else the tests of chains share.

use std::sync::OnceLock;

use ledger_verify::Digest;
use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::chain::{Chain, Commitment, Pin, Proven};
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::{Kind, Track};
use ledger_verify::nexus::{Error, Genesis, Number, Reason, TransactionId};
use ledger_verify::registers::{HashKind, Name, Platform, Release, Value, Version};
use ledger_verify::write::nexus::{Wallet, record_bytes, record_object};

pub(crate) type Replayed = Chain<8>;

pub(crate) const TIME_S: u64 = 1_700_000_000;
pub(crate) const RAW_BYTES: usize = 128;

pub(crate) fn genesis(id: u8) -> Genesis {
    let mut genesis = Number([id; 32]);
    genesis.0[31] = 0xa1;
    genesis
}

pub(crate) fn address(kind: Kind, id: u8) -> Address {
    let mut number = [id; 32];
    number[31] = 0xd0 + kind as u8;
    Address(Number(number))
}

pub(crate) fn pointer(name: &str, root: u8, generation: u64) -> Record {
    let value = Value::Pointer { root: Digest([root; 32]), generation };
    Record { name: Name::new(name).unwrap(), value }
}

pub(crate) fn release(name: &str, version: [u32; 3], digest: u8) -> Record {
    let release = Release {
        version: Version(version),
        platform: Platform::new("qemu").unwrap(),
        hash: HashKind::Blake3,
        digest: Digest([digest; 32]),
        size_bytes: 70_000,
        capabilities: 5,
    };
    Record { name: Name::new(name).unwrap(), value: Value::Release(release) }
}

/// A wallet whose first transaction is made.
pub(crate) fn wallet(id: u8) -> (Wallet, Vec<Vec<u8>>) {
    let mut wallet = Wallet::new([id; 32], genesis(id), TIME_S);
    let first = wallet.seal();
    (wallet, vec![first])
}

/// As [`build_history`] makes it, once.
pub(crate) fn history(id: u8) -> (Wallet, Vec<Vec<u8>>) {
    static HISTORY: OnceLock<(Wallet, Vec<Vec<u8>>)> = OnceLock::new();
    match id {
        1 => HISTORY.get_or_init(|| build_history(1)).clone(),
        _ => build_history(id),
    }
}

/// The chain of user 1's [`history`], pinned at its first transaction, with one more.
pub(crate) fn continued(raw: &[u8]) -> Result<Replayed, Reason> {
    static REPLAYED: OnceLock<Replayed> = OnceLock::new();
    let replay = || {
        let (wallet, raws) = history(1);
        self::replay(pin_at(&wallet, 0, &raws[0]), &raws).unwrap()
    };
    let mut chain = REPLAYED.get_or_init(replay).clone();
    chain.apply(raw).map_err(|error| error.reason)?;
    Ok(chain)
}

/// A chain of four: account; a register of each type; changes of those that change; one more change.
fn build_history(id: u8) -> (Wallet, Vec<Vec<u8>>) {
    let (mut wallet, mut raws) = wallet(id);
    wallet.create(
        address(Kind::Raw, 1),
        Kind::Raw,
        &record_bytes(&pointer("volume/raw", 1, 1), RAW_BYTES),
    );
    wallet.create(
        address(Kind::ReadOnly, 2),
        Kind::ReadOnly,
        &record_bytes(&release("app", [1, 0, 0], 2), 0),
    );
    wallet.create(
        address(Kind::Object, 3),
        Kind::Object,
        &record_object(&pointer("volume/object", 3, 1)),
    );
    wallet.create(address(Kind::Append, 4), Kind::Append, b"log:");
    raws.push(wallet.seal());
    write_raw(&mut wallet, 11, 2);
    let write = ledger_verify::write::nexus::pointer_write(&pointer("volume/object", 13, 2));
    wallet.write(address(Kind::Object, 3), &write);
    wallet.append(address(Kind::Append, 4), b"one");
    raws.push(wallet.seal());
    write_raw(&mut wallet, 21, 3);
    raws.push(wallet.seal());
    (wallet, raws)
}

pub(crate) fn write_raw(wallet: &mut Wallet, root: u8, generation: u64) {
    let record = pointer("volume/raw", root, generation);
    wallet.write(address(Kind::Raw, 1), &record_bytes(&record, RAW_BYTES));
}

pub(crate) fn id_of(raw: &[u8]) -> TransactionId {
    ledger_verify::nexus::transaction::Transaction::parse_raw(raw).unwrap().id
}

/// The pin at transaction `sequence`, whose raw form is given.
pub(crate) fn pin_at(wallet: &Wallet, sequence: u32, raw: &[u8]) -> Pin {
    Pin::new(wallet.genesis, sequence, Commitment::Transaction(id_of(raw))).unwrap()
}

/// The pin at the last transaction.
pub(crate) fn last_pin(wallet: &Wallet, raws: &[Vec<u8>]) -> Pin {
    pin_at(wallet, wallet.sequence - 1, raws.last().unwrap())
}

pub(crate) fn replay(pin: Pin, raws: &[Vec<u8>]) -> Result<Replayed, Error> {
    let mut chain = Chain::new(pin, Track::All);
    raws.iter().try_for_each(|raw| chain.apply(raw))?;
    chain.proven().map(|_| ())?;
    Ok(chain)
}

/// Why a chain is refused that is pinned at its first transaction.
pub(crate) fn refusal(wallet: &Wallet, raws: &[Vec<u8>]) -> Reason {
    replay(pin_at(wallet, 0, &raws[0]), raws).map(|_| ()).unwrap_err().reason
}

pub(crate) fn root<const N: usize>(proven: &Proven<'_, N>, name: &str) -> Option<(u8, u64)> {
    match proven.value(name).unwrap()? {
        Value::Pointer { root, generation } => Some((root.0[0], generation)),
        other => panic!("{name} is {other:?}"),
    }
}
