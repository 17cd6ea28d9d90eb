//! The targets for the Nexus ledger.

use std::sync::OnceLock;

use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::block::{self, Evidence, Header, descend, merkle_root, verify_inclusion};
use ledger_verify::nexus::bundle::{Feed, Item, items};
use ledger_verify::nexus::chain::{Chain, Commitment, Pin};
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::object::{Field, Object};
use ledger_verify::nexus::register::{Kind, State, Track};
use ledger_verify::nexus::signature::KeyType;
use ledger_verify::nexus::transaction::{MerkleTransaction, RAW_PREFIX, Transaction};
use ledger_verify::nexus::{Genesis, Number, TransactionId};
use ledger_verify::registers::{Name, Value};
use ledger_verify::write::nexus::{
    SecretKey, Wallet, bundle, field, inclusion, record_bytes, record_object, write_fields,
};

/// A genuine chain of three, and the pin at its end.
pub struct NexusWorld {
    /// In raw form.
    pub raws: Vec<Vec<u8>>,
    ids: Vec<TransactionId>,
    pin: Pin,
    /// A public key of each type, and its signature of [`MESSAGE`].
    signatures: [(KeyType, Vec<u8>, Vec<u8>); 2],
}

const MESSAGE: &[u8] = b"message";

fn number(top: u8) -> Genesis {
    let mut number = Number([7; 32]);
    number.0[31] = top;
    number
}

/// A pointer.
pub fn record() -> Record {
    let value = Value::Pointer { root: ledger_verify::Digest([5; 32]), generation: 1 };
    Record { name: Name::new("volume/demo").unwrap(), value }
}

/// The genuine chain.
pub fn nexus_world() -> &'static NexusWorld {
    static WORLD: OnceLock<NexusWorld> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut wallet = Wallet::new([1; 32], number(0xa1), 1_700_000_000);
        let mut raws = vec![wallet.seal()];
        wallet.create(Address(number(0xd4)), Kind::Object, &record_object(&record()));
        raws.push(wallet.seal());
        wallet.create(Address(number(0xd3)), Kind::Raw, &record_bytes(&record(), 128));
        raws.push(wallet.seal());
        let pin = Pin::new(wallet.genesis, 2, Commitment::Transaction(wallet.previous)).unwrap();
        let ids = raws.iter().map(|raw| Transaction::parse_raw(raw).unwrap().id).collect();
        let signatures = [KeyType::Brainpool, KeyType::Falcon].map(|key_type| {
            let key = SecretKey::derive(key_type, &[1; 32], 0);
            (key_type, key.public().to_vec(), key.sign(MESSAGE))
        });
        NexusWorld { raws, ids, pin, signatures }
    })
}

/// A genuine bundle, with an inclusion.
pub fn nexus_genuine_bundle() -> Vec<u8> {
    let inclusion = inclusion(1, 7, &[[9; 64]; 2], &[&[1; 225], &[2; 225]]);
    [bundle(&nexus_world().raws), inclusion].concat()
}

/// A transaction that parses is as long as it is and no longer, in all three forms.
pub fn nexus_transaction(data: &[u8]) {
    let raw = [&[RAW_PREFIX], data].concat();
    let parsed = Transaction::parse(data);
    assert_eq!(parsed.is_ok(), Transaction::parse_raw(&raw).is_ok());
    if let Ok(transaction) = parsed {
        assert!(Transaction::parse(&data[..data.len() - 1]).is_err());
        assert!(Transaction::parse(&[data, &[0]].concat()).is_err());
        let longer = [raw.as_slice(), b"more"].concat();
        let (split, rest) = Transaction::split_raw(&longer).unwrap();
        assert_eq!((split.id, rest), (transaction.id, b"more".as_slice()));
        assert!((1..=100).contains(&transaction.contracts().len()));
        assert_eq!(
            transaction.contracts().filter(|c| c.operation().is_ok()).count(),
            transaction.contracts().len()
        );
        let placed = [data, &[7; 128], &[1], &[8; 64], &[5, 0, 0, 0]].concat();
        assert_eq!(
            MerkleTransaction::parse(&placed).map(|tx| tx.transaction.id),
            Ok(transaction.id)
        );
    }
    let _ = MerkleTransaction::parse(data).is_ok();
}

/// A bundle in pieces, of a length that the first byte says, is the bundle read as a whole; it proves
/// something only if its transactions are the genuine ones.
pub fn nexus_bundle(data: &[u8]) {
    let Some((piece, data)) = data.split_first() else { return };
    let NexusWorld { ids, pin, .. } = nexus_world();
    let mut chain: Chain<4> = Chain::new(*pin, Track::All);
    let mut feed = Feed::new();
    let mut pieces = data.chunks(usize::from(*piece) + 1);
    let fed = pieces.try_for_each(|piece| feed.push(&mut chain, piece));
    let is_whole = fed.and_then(|()| feed.end(&mut chain)).is_ok();
    let listed = items(data).map(|items| items.collect::<Vec<_>>()).unwrap_or_default();
    if is_whole && chain.proven().is_ok() {
        let found = listed.iter().filter_map(|item| match item {
            Ok(Item::Transaction(raw)) => Some(Transaction::parse_raw(raw).unwrap().id),
            Ok(Item::Inclusion(inclusion)) => {
                assert!(inclusion.headers().count() > 0);
                None
            }
            Err(error) => panic!("fed and not listed: {error:?}"),
        });
        let found: Vec<_> = found.collect();
        assert!(found == *ids || found[..] == ids[2..], "{found:?}");
    }
}

/// An object that parses consists of its fields; what a record says, written again, is a record.
pub fn nexus_object(data: &[u8]) {
    if let Ok(object) = Object::parse(data) {
        let write =
            |f: Field<'_>| field(&String::from_utf8_lossy(f.name), f.is_mutable, f.kind, f.value);
        let written: Vec<u8> = object.fields().flat_map(write).collect();
        let is_text = object.fields().all(|field| core::str::from_utf8(field.name).is_ok());
        assert!(!is_text || written == data);
    }
    for kind in [Kind::ReadOnly, Kind::Append, Kind::Raw, Kind::Object] {
        let state = State { kind, owner: Number::ZERO, created_s: 0, modified_s: 0, data };
        if let Some(record) = Record::of(&state) {
            let again = match kind {
                Kind::Object => record_object(&record),
                _ => record_bytes(&record, 0),
            };
            assert_eq!(Record::of(&State { data: &again, ..state }), Some(record));
        }
    }
}

/// Writes to an object, whose length the first byte says, change values and nothing else.
pub fn nexus_write(data: &[u8]) {
    let Some((length, data)) = data.split_first() else { return };
    let (writes, object) = data.split_at(data.len().min(usize::from(*length)));
    let mut written = object.to_vec();
    let is_object = Object::parse(object).is_ok();
    let answer = write_fields(&mut written, writes);
    assert!(is_object || answer.is_err() && written == object);
    if let (Ok(before), Ok(after)) = (Object::parse(object), Object::parse(&written)) {
        assert_eq!(before.fields().count(), after.fields().count());
        for (before, after) in before.fields().zip(after.fields()) {
            let shape = |f: &Field<'_>| (f.name.to_vec(), f.is_mutable, f.kind, f.value.len());
            assert_eq!(shape(&before), shape(&after));
            assert!(before.is_mutable || before.value == after.value);
        }
    } else {
        assert!(!is_object);
    }
}

/// Headers are as long as they are; one whose hash is pinned is believed, and leads to no other that is
/// not the one it names.
pub fn nexus_block(data: &[u8]) {
    let mut headers = Vec::new();
    let mut rest = data;
    while let Ok((header, after)) = Header::split(rest) {
        assert_eq!(Header::parse(header.bytes()), Ok(header));
        assert_eq!(header.bytes().len() + after.len(), rest.len());
        headers.push(header);
        rest = after;
    }
    let Some(first) = headers.first() else { return };
    let pinned = first.hash();
    let Ok(linked) = descend(&pinned, [first.bytes()]) else {
        assert!(matches!(first.evidence(), Err(block::Reason::Target | block::Reason::Work)));
        return;
    };
    assert_eq!(linked.header, *first);
    assert_eq!(linked.blocks_with_work, u64::from(first.evidence() == Ok(Evidence::Work)));
    let (branch, _) = rest.as_chunks();
    for (id, branch) in [(first.merkle_root, &[][..]), (&[7; 64], branch)] {
        let is_included = verify_inclusion(&pinned, [first.bytes()], id, 0, branch).is_ok();
        assert_eq!(is_included, merkle_root(id, 0, branch) == Ok(*first.merkle_root));
    }
    let all = headers.iter().map(Header::bytes);
    assert!(headers.len() == 1 || descend(&pinned, all).is_err());
}

/// Spoiled keys and signatures of the type that the first byte chooses: none verifies, except that of
/// Falcon a key next to the signer's may.
pub fn nexus_signature(data: &[u8]) {
    let Some((number, data)) = data.split_first() else { return };
    let (key_type, mut public, mut signature) =
        nexus_world().signatures[usize::from(number % 2)].clone();
    let data = data.get(..signature.len() + public.len()).unwrap_or(data);
    let (over_signature, over_key) = data.split_at(data.len().min(signature.len()));
    for (bytes, added) in [(&mut signature, over_signature), (&mut public, over_key)] {
        bytes.iter_mut().rev().zip(added).for_each(|(byte, add)| *byte = byte.wrapping_add(*add));
    }
    let is_kept = |added: &[u8]| added.iter().all(|byte| *byte == 0);
    let verifies = key_type.verify(&public, MESSAGE, &signature).is_ok();
    let may_verify = is_kept(over_key) || key_type == KeyType::Falcon;
    assert!(!verifies || may_verify && is_kept(over_signature));
    assert!(verifies || !is_kept(data));
}

/// Addresses and pins that are read print as they are read.
pub fn nexus_text(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Some(address) = Address::from_text(text) {
        assert_eq!(address.to_string(), text);
    }
    if let Ok(pin) = Pin::from_text(text) {
        assert_eq!(Pin::from_text(&pin.to_string()), Ok(pin));
        assert!(pin.authenticated() - pin.sequence() <= 1);
    }
}
