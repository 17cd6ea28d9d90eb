//! Registers: what their rules refuse, and what a claimer inherits.

use ledger_verify::nexus::address::Address;
use ledger_verify::nexus::chain::Chain;
use ledger_verify::nexus::operation::Handover;
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::object::{Object, Type};
use ledger_verify::nexus::register::{Conflict, Custody, Kind, Origin, Rule, Track};
use ledger_verify::nexus::{Error, Number, Reason};
use ledger_verify::registers::{Platform, Value};
use ledger_verify::write::nexus::{
    Draft, RecordField, Register, Wallet, asset, field, field_write, pointer_write, record_bytes,
    record_object, record_text,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::chains::{
    RAW_BYTES, Replayed, address, continued, genesis, history, last_pin, pin_at, pointer, refusal,
    release, replay, root, wallet, write_raw,
};

/// What a chain of four says to one more transaction.
fn verdict(draft: impl FnOnce(&mut Wallet)) -> Result<(), Reason> {
    let (mut wallet, _) = history(1);
    draft(&mut wallet);
    continued(&wallet.seal()).map(|_| ())
}

fn refused(rule: Rule) -> Result<(), Reason> {
    Err(Reason::Register(rule))
}

const RAW: u8 = 1;
const READ_ONLY: u8 = 2;
const OBJECT: u8 = 3;
const APPEND: u8 = 4;

#[test]
fn each_type_of_register_keeps_its_rule() {
    let raw = address(Kind::Raw, RAW);
    let read_only = address(Kind::ReadOnly, READ_ONLY);
    let object = address(Kind::Object, OBJECT);
    let append = address(Kind::Append, APPEND);
    assert_eq!(verdict(|w| w.write(raw, &[7; RAW_BYTES])), Ok(()));
    assert_eq!(verdict(|w| w.write(raw, &[7; RAW_BYTES - 1])), refused(Rule::Length));
    assert_eq!(verdict(|w| w.write(raw, &[7; RAW_BYTES + 1])), refused(Rule::Length));
    assert_eq!(verdict(|w| w.append(raw, &[7; 1024 - RAW_BYTES])), Ok(()));
    assert_eq!(verdict(|w| w.append(append, b"two")), Ok(()));
    assert_eq!(verdict(|w| w.append(append, &[7; 1018])), refused(Rule::Length));
    assert_eq!(verdict(|w| w.write(append, b"log:one")), refused(Rule::NotForKind));
    assert_eq!(verdict(|w| w.append(read_only, b"x")), refused(Rule::NotForKind));
    let same = record_bytes(&release("app", [1, 0, 0], 2), 0);
    assert_eq!(verdict(|w| w.write(read_only, &same)), refused(Rule::NotForKind));
    assert_eq!(verdict(|w| w.append(object, b"x")), refused(Rule::NotForKind));
    let too_long = verdict(|w| w.create(address(Kind::Raw, 9), Kind::Raw, &[0; 1025]));
    assert_eq!(too_long, Err(Reason::Encoding(ledger_verify::cbor::Problem::OutOfRange)));
    assert_eq!(verdict(|w| w.create(address(Kind::Raw, 9), Kind::Raw, &[0; 1024])), Ok(()));
}

#[test]
fn an_address_fits_its_type_and_is_used_once() {
    assert_eq!(
        verdict(|w| w.create(address(Kind::Raw, RAW), Kind::Raw, b"x")),
        refused(Rule::Exists)
    );
    for (at, kind) in [
        (Kind::Raw, Kind::ReadOnly),
        (Kind::ReadOnly, Kind::Raw),
        (Kind::Append, Kind::Raw),
        (Kind::Object, Kind::Append),
        (Kind::Raw, Kind::Object),
    ] {
        assert_eq!(verdict(|w| w.create(address(at, 9), kind, b"")), refused(Rule::Address));
    }
    let name = Address::name("a", &genesis(1));
    assert_eq!(verdict(|w| w.create(name, Kind::Raw, b"")), refused(Rule::Address));
    assert_eq!(verdict(|w| w.create(name, Kind::Object, b"")), Ok(()));
    let nowhere = Address(Number([0x11; 32]));
    assert_eq!(verdict(|w| w.create(nowhere, Kind::Raw, b"")), refused(Rule::Address));
}

fn object_verdict(writes: &[Vec<u8>]) -> Result<(), Reason> {
    verdict(|wallet| wallet.write(address(Kind::Object, OBJECT), &writes.concat()))
}

#[test]
fn only_mutable_fields_change_and_keep_type_and_length() {
    let root = |value: u8| field_write("root", Type::U256, &[value; 32]);
    assert_eq!(object_verdict(&[root(9)]), Ok(()));
    assert_eq!(object_verdict(&[]), Ok(()));
    assert_eq!(object_verdict(&[root(9), root(9)]), refused(Rule::FieldTwice));
    let other_type = field_write("root", Type::U512, &[9; 64]);
    assert_eq!(object_verdict(&[other_type]), refused(Rule::FieldType));
    let constant = field_write("cairn", Type::String, b"pointer/1");
    assert_eq!(object_verdict(&[constant]), refused(Rule::FieldConstant));
    let unknown = field_write("roots", Type::U256, &[9; 32]);
    assert_eq!(object_verdict(&[unknown]), refused(Rule::FieldUnknown));
    for cut in 1..root(9).len() {
        assert_eq!(object_verdict(&[root(9)[..cut].to_vec()]), refused(Rule::Object), "{cut}");
    }
    let mut bad_code = root(9);
    bad_code[5] = 0x79;
    assert_eq!(object_verdict(&[bad_code]), refused(Rule::Object));
}

#[test]
fn fields_of_the_ledger_are_not_written_and_texts_keep_their_length() {
    let data = [
        field("trust", true, Type::U64, &[0; 8]),
        field("note", true, Type::String, b"abc"),
        field("blob", true, Type::Bytes, b"abc"),
    ];
    let at = address(Kind::Object, 9);
    let verdict = |write: Vec<u8>| {
        verdict(|wallet| {
            wallet.create(at, Kind::Object, &data.concat());
            wallet.write(at, &write);
        })
    };
    assert_eq!(verdict(field_write("trust", Type::U64, &[1; 8])), refused(Rule::FieldConstant));
    for (name, kind, other) in
        [("note", Type::String, Type::Bytes), ("blob", Type::Bytes, Type::String)]
    {
        assert_eq!(verdict(field_write(name, kind, b"xyz")), Ok(()));
        assert_eq!(verdict(field_write(name, kind, b"xy")), refused(Rule::FieldType));
        assert_eq!(verdict(field_write(name, kind, b"wxyz")), refused(Rule::FieldType));
        assert_eq!(verdict(field_write(name, other, b"xyz")), refused(Rule::FieldType));
    }
}

#[test]
fn an_object_that_names_a_field_twice_is_refused() {
    let one = field("root", true, Type::U256, &[1; 32]);
    let other = field("root", false, Type::U64, &[2; 8]);
    let between = field("x", false, Type::U8, &[1]);
    let create =
        |data: &[u8]| verdict(|wallet| wallet.create(address(Kind::Object, 9), Kind::Object, data));
    assert_eq!(create(&[one.clone(), between.clone()].concat()), Ok(()));
    for twice in [
        [one.clone(), one.clone()].concat(),
        [one.clone(), other.clone()].concat(),
        [one.clone(), between.clone(), other.clone()].concat(),
    ] {
        assert_eq!(Object::parse(&twice), Err(Rule::FieldTwice));
        assert_eq!(create(&twice), refused(Rule::FieldTwice));
    }
    let cut = &one[..one.len() - 1];
    assert_eq!(create(cut), refused(Rule::Object));
    assert_eq!(create(&[&between, cut].concat()), refused(Rule::Object));
}

#[test]
fn a_register_is_written_by_its_owner() {
    let strangers = verdict(|wallet| {
        wallet.registers.get_mut(&address(Kind::Raw, RAW)).unwrap().owner = genesis(2);
        write_raw(wallet, 31, 4);
    });
    assert_eq!(strangers, refused(Rule::Owner));
}

/// Two states of a register with one checksum cannot be made in a test (2^32 work), so the embedded
/// state differs and its checksum is its own: what a full node compares, 8 bytes, the test exchanges.
#[test]
fn another_pre_state_is_refused_whatever_its_checksum_says() {
    let tamper = |edit: &dyn Fn(&mut Register)| {
        verdict(|wallet| {
            edit(wallet.registers.get_mut(&address(Kind::Raw, RAW)).unwrap());
            write_raw(wallet, 31, 4);
        })
    };
    assert_eq!(tamper(&|_| {}), Ok(()));
    assert_eq!(tamper(&|register| register.data[20] ^= 1), refused(Rule::BeforeDiffers));
    assert_eq!(tamper(&|register| register.created_s -= 1), refused(Rule::BeforeDiffers));
    assert_eq!(tamper(&|register| register.modified_s += 1), refused(Rule::BeforeDiffers));
    assert_eq!(tamper(&|register| register.kind = Kind::Append), refused(Rule::BeforeDiffers));
    // A register that never changes, exchanged on its way to somebody else.
    let read_only = address(Kind::ReadOnly, READ_ONLY);
    let swapped = verdict(|wallet| {
        wallet.registers.get_mut(&read_only).unwrap().data[9] ^= 1;
        wallet.transfer(read_only, genesis(2), Handover::Claimed);
    });
    assert_eq!(swapped, refused(Rule::BeforeDiffers));
    // And a constant field of an object.
    let object = address(Kind::Object, OBJECT);
    let swapped = verdict(|wallet| {
        let data = &mut wallet.registers.get_mut(&object).unwrap().data;
        let at = data.windows(6).position(|w| w == b"object").unwrap();
        data[at] = b'O';
        wallet.write(object, &pointer_write(&pointer("volume/object", 9, 9)));
    });
    assert_eq!(swapped, refused(Rule::BeforeDiffers));
}

#[test]
fn checksums_are_compared_too() {
    let (mut wallet, _) = history(1);
    write_raw(&mut wallet, 31, 4);
    let draft = wallet.draft();
    let verdict = |draft: &Draft| continued(&draft.sign(&wallet.key(4)).0).map(|_| ());
    let registers = draft.contracts[0].registers.len();
    // The pre-state's checksum, then its marker and the post-state's.
    for (at, expected) in [
        (0, Rule::Marker),
        (1, Rule::Version),
        (2, Rule::Kind),
        (registers - 17, Rule::Checksum),
        (registers - 9, Rule::Marker),
        (registers - 8, Rule::AfterDiffers),
        (registers - 1, Rule::AfterDiffers),
    ] {
        let mut draft = draft.clone();
        draft.contracts[0].registers[at] ^= 0x40;
        assert_eq!(verdict(&draft), refused(expected), "byte {at}");
    }
    for cut in 0..registers {
        let mut draft = draft.clone();
        draft.contracts[0].registers.truncate(cut);
        assert!(matches!(verdict(&draft), Err(Reason::Encoding(_))), "cut at {cut}");
    }
    let mut longer = draft;
    longer.contracts[0].registers.push(0);
    let trailing = Reason::Encoding(ledger_verify::cbor::Problem::Trailing);
    assert_eq!(verdict(&longer), Err(trailing));
}

#[test]
fn conditions_stand_where_they_may() {
    let (wallet, _) = history(1);
    for operation in 0..2 {
        let mut wallet = wallet.clone();
        let at = address(Kind::Append, APPEND);
        match operation {
            0 => wallet.append(at, b"x"),
            _ => wallet.transfer(at, genesis(2), Handover::Claimed),
        }
        let mut draft = wallet.draft();
        draft.contracts[0].conditions = vec![1];
        let verdict = continued(&draft.sign(&wallet.key(4)).0).map(|_| ());
        let expected = if operation == 0 { Err(Reason::Condition) } else { Ok(()) };
        assert_eq!(verdict, expected);
    }
    for (code, expected) in [
        (0x10, Ok(())),
        (0x01, Err(Reason::Condition)),
        (0x41, Err(Reason::Operation(0x41))),
        (0x99, Err(Reason::Operation(0x99))),
    ] {
        assert_eq!(verdict(|wallet| wallet.push(vec![0x41, code], vec![])), expected);
    }
}

/// Gives a register from one chain to another: the giver's chain, and the taker's with a claim.
struct Gift {
    giver: (Wallet, Vec<Vec<u8>>),
    taker: (Wallet, Vec<Vec<u8>>),
    at: Address,
}

fn gift(recipient: u8, handover: Handover, conditions: &[u8]) -> Gift {
    let (mut giver, mut raws) = history(1);
    let at = address(Kind::Raw, RAW);
    giver.transfer(at, genesis(recipient), handover);
    let mut draft = giver.draft();
    draft.contracts[0].conditions = conditions.to_vec();
    let (raw, id) = draft.sign(&giver.key(giver.sequence));
    raws.push(raw);
    (giver.previous, giver.sequence, giver.time_s) = (id, giver.sequence + 1, giver.time_s + 600);
    let (mut taker, mut taken) = wallet(2);
    taker.time_s = giver.time_s + 1000;
    taker.claim(id, 0, at, giver.registers[&at].clone());
    taken.push(taker.seal());
    let record = pointer("volume/raw", 77, 4);
    taker.write(at, &record_bytes(&record, RAW_BYTES));
    taken.push(taker.seal());
    Gift { giver: (giver, raws), taker: (taker, taken), at }
}

impl Gift {
    fn given(&self) -> Replayed {
        replay(last_pin(&self.giver.0, &self.giver.1), &self.giver.1).unwrap()
    }

    /// What the taker's chain says, if it follows the giver's.
    fn followed(&self) -> Result<Replayed, Error> {
        let (wallet, raws) = &self.taker;
        let departure = self.given().proven()?.departure(&self.at).unwrap();
        let mut chain = Chain::new(last_pin(wallet, raws), Track::All);
        chain.expect(&departure).unwrap();
        raws.iter().try_for_each(|raw| chain.apply(raw))?;
        Ok(chain)
    }
}

#[test]
fn a_register_that_was_given_away_proves_nothing_any_more() {
    let gift = gift(2, Handover::Claimed, &[]);
    let given = gift.given();
    let proven = given.proven().unwrap();
    assert_eq!(root(&proven, "volume/raw"), None);
    let found = proven.registers().register(&gift.at).unwrap();
    assert!(matches!(found.custody, Custody::Left(transfer) if transfer.is_plain));
    let (mut wallet, mut raws) = gift.giver;
    wallet.registers.get_mut(&gift.at).unwrap().owner = wallet.genesis;
    write_raw(&mut wallet, 31, 4);
    raws.push(wallet.seal());
    assert_eq!(refusal(&wallet, &raws), Reason::Register(Rule::Left));
}

#[test]
fn a_followed_claim_inherits_the_register() {
    let gift = gift(2, Handover::Claimed, &[]);
    let followed = gift.followed().unwrap();
    let proven = followed.proven().unwrap();
    assert_eq!(root(&proven, "volume/raw"), Some((77, 4)));
    let found = proven.registers().register(&gift.at).unwrap();
    assert_eq!((found.custody, found.origin), (Custody::Held, Origin::Created));
    // Who does not follow it learns nothing of it.
    let (wallet, raws) = &gift.taker;
    let alone = replay(last_pin(wallet, raws), raws).unwrap();
    assert_eq!(root(&alone.proven().unwrap(), "volume/raw"), None);
}

#[test]
fn a_stranger_cannot_claim() {
    // Given to somebody else.
    let gift = gift(3, Handover::Claimed, &[]);
    let departure = gift.given().proven().unwrap().departure(&gift.at).unwrap();
    let (wallet, raws) = &gift.taker;
    let mut chain: Replayed = Chain::new(last_pin(wallet, raws), Track::All);
    assert_eq!(chain.expect(&departure), Err(Rule::NotTransferred));
    // Without the giver's chain the claim proves nothing, and spoils nothing.
    let alone = replay(last_pin(wallet, raws), raws).unwrap();
    assert_eq!(root(&alone.proven().unwrap(), "volume/raw"), None);
    // What only the network could judge is not followed: forced, to everybody, on a condition.
    for (recipient, handover, conditions) in
        [(2, Handover::Forced, &[][..]), (2, Handover::Claimed, &[1])]
    {
        let gift = self::gift(recipient, handover, conditions);
        assert!(gift.given().proven().unwrap().departure(&gift.at).is_none());
    }
    let (mut giver, mut raws) = history(1);
    giver.transfer(address(Kind::Raw, RAW), Number([0xff; 32]), Handover::Claimed);
    raws.push(giver.seal());
    let chain = replay(last_pin(&giver, &raws), &raws).unwrap();
    assert!(chain.proven().unwrap().departure(&address(Kind::Raw, RAW)).is_none());
    // A register that nobody gave away.
    let (owner, raws) = history(1);
    let chain = replay(last_pin(&owner, &raws), &raws).unwrap();
    assert!(chain.proven().unwrap().departure(&address(Kind::Raw, RAW)).is_none());
}

#[test]
fn a_register_changes_hands_under_all_versions() {
    for version in 1..=4 {
        let (mut giver, mut raws) = wallet(1);
        giver.version = version;
        let at = address(Kind::Raw, RAW);
        let record = pointer("volume/raw", 1, 1);
        giver.create(at, Kind::Raw, &record_bytes(&record, RAW_BYTES));
        giver.transfer(at, genesis(2), Handover::Claimed);
        raws.push(giver.seal());
        let given = replay(last_pin(&giver, &raws), &raws).unwrap();
        let departure = given.proven().unwrap().departure(&at).unwrap();
        let (mut taker, mut taken) = wallet(2);
        taker.claim(giver.previous, 1, at, giver.registers[&at].clone());
        taken.push(taker.seal());
        let mut chain: Replayed = Chain::new(last_pin(&taker, &taken), Track::All);
        chain.expect(&departure).unwrap();
        taken.iter().for_each(|raw| chain.apply(raw).unwrap());
        assert_eq!(root(&chain.proven().unwrap(), "volume/raw"), Some((1, 1)));
    }
}

#[test]
fn a_claim_names_its_transfer_exactly() {
    let base = gift(2, Handover::Claimed, &[]);
    let registers = &base.giver.0.registers;
    let claim = |edit: &dyn Fn(&mut (Number<64>, u32, Register))| {
        let mut gift = gift(2, Handover::Claimed, &[]);
        let (mut taker, mut raws) = wallet(2);
        taker.time_s += 90_000;
        let mut claimed = (base.giver.0.previous, 0, registers[&base.at].clone());
        edit(&mut claimed);
        let (from, contract, register) = claimed;
        taker.claim(from, contract, base.at, register);
        raws.push(taker.seal());
        gift.taker = (taker, raws);
        gift.followed().map(|_| ()).map_err(|error| error.reason)
    };
    assert_eq!(claim(&|_| {}), Ok(()));
    assert_eq!(claim(&|claim| claim.0.0[5] ^= 1), refused(Rule::NotTransferred));
    assert_eq!(claim(&|claim| claim.1 = 1), refused(Rule::NotTransferred));
    assert_eq!(claim(&|claim| claim.2.data[20] ^= 1), refused(Rule::BeforeDiffers));
    assert_eq!(claim(&|claim| claim.2.owner = genesis(1)), refused(Rule::NotTransferred));
    // A register that its owner holds cannot be claimed, not even by them.
    let own = verdict(|owner| {
        let mut register = owner.registers[&base.at].clone();
        register.owner.0[31] = 0;
        owner.claim(Number([5; 64]), 0, base.at, register);
    });
    assert_eq!(own, refused(Rule::NotTransferred));
}

#[test]
fn what_nobody_claimed_can_be_taken_back() {
    let gift = gift(3, Handover::Claimed, &[]);
    let (mut wallet, mut raws) = gift.giver;
    wallet.claim(wallet.previous, 0, gift.at, wallet.registers[&gift.at].clone());
    raws.push(wallet.seal());
    let chain = replay(last_pin(&wallet, &raws), &raws).unwrap();
    assert_eq!(root(&chain.proven().unwrap(), "volume/raw"), Some((21, 3)));
}

#[test]
fn what_comes_back_from_another_chain_is_not_believed_and_spoils_nothing() {
    let gift = gift(2, Handover::Claimed, &[]);
    let ((mut giver, mut raws), (mut taker, _)) = (gift.giver, gift.taker);
    taker.transfer(gift.at, giver.genesis, Handover::Claimed);
    taker.seal();
    giver.time_s = taker.time_s;
    giver.claim(taker.previous, 0, gift.at, taker.registers[&gift.at].clone());
    write_raw(&mut giver, 88, 88);
    giver.transfer(gift.at, genesis(3), Handover::Claimed);
    let mut register = giver.registers[&gift.at].clone();
    register.owner.0[31] = 0;
    giver.claim(Number([5; 64]), 0, gift.at, register);
    write_raw(&mut giver, 99, 99);
    raws.push(giver.seal());
    let chain = replay(last_pin(&giver, &raws), &raws).unwrap();
    let proven = chain.proven().unwrap();
    assert_eq!(root(&proven, "volume/raw"), None);
    assert_eq!(proven.registers().register(&gift.at).unwrap().custody, Custody::Returned);
    assert!(proven.departure(&gift.at).is_none());
    assert_eq!(root(&proven, "volume/object"), Some((13, 2)));
}

#[test]
fn the_table_is_bounded() {
    let (mut wallet, mut raws) = history(1);
    for id in 10..15 {
        wallet.create(address(Kind::Raw, id), Kind::Raw, b"x");
    }
    raws.push(wallet.seal());
    assert_eq!(refusal(&wallet, &raws), Reason::Register(Rule::TableFull));
    // Who follows records only has room.
    let mut chain: Replayed = Chain::new(last_pin(&wallet, &raws), Track::Records);
    raws.iter().for_each(|raw| chain.apply(raw).unwrap());
    assert_eq!(chain.proven().unwrap().registers().iter().count(), 3);
}

#[test]
fn releases_give_way_to_newer_ones() {
    let (mut wallet, mut raws) = wallet(1);
    for minor in 0..20 {
        let record = record_bytes(&release("app", [1, minor, 0], 9), 0);
        let id = u8::try_from(minor).unwrap();
        wallet.create(address(Kind::ReadOnly, id), Kind::ReadOnly, &record);
    }
    // An older one again: it is kept beside, and not believed.
    let old = record_bytes(&release("app", [1, 3, 0], 66), 0);
    wallet.create(address(Kind::ReadOnly, 99), Kind::ReadOnly, &old);
    raws.push(wallet.seal());
    let mut chain: Replayed = Chain::new(last_pin(&wallet, &raws), Track::Records);
    raws.iter().for_each(|raw| chain.apply(raw).unwrap());
    let proven = chain.proven().unwrap();
    assert_eq!(proven.registers().iter().count(), 2);
    assert_eq!(proven.value("app"), Ok(Some(release("app", [1, 19, 0], 9).value)));
    // Who follows all registers keeps them, as far as there is room.
    assert_eq!(refusal(&wallet, &raws), Reason::Register(Rule::TableFull));
}

#[test]
fn pointers_do_not_give_way() {
    let (mut wallet, mut raws) = wallet(1);
    for id in 1..4 {
        let record = record_bytes(&pointer("volume/raw", 9, id.into()), 0);
        wallet.create(address(Kind::Raw, id), Kind::Raw, &record);
    }
    raws.push(wallet.seal());
    let mut chain: Replayed = Chain::new(last_pin(&wallet, &raws), Track::Records);
    raws.iter().for_each(|raw| chain.apply(raw).unwrap());
    let proven = chain.proven().unwrap();
    assert_eq!(proven.registers().iter().count(), 3);
    assert_eq!(root(&proven, "volume/raw"), Some((9, 3)));
}

#[test]
fn two_registers_of_one_name_are_not_believed_unless_one_is_newer() {
    let second = |record: Record| {
        let (mut wallet, _) = history(1);
        let data = record_bytes(&record, 0);
        let kind = match record.value {
            Value::Pointer { .. } => Kind::Raw,
            _ => Kind::ReadOnly,
        };
        wallet.create(address(kind, 9), kind, &data);
        let chain = continued(&wallet.seal()).unwrap();
        chain.proven().unwrap().value(record.name.as_str())
    };
    let first = pointer("volume/raw", 21, 3);
    assert_eq!(second(pointer("volume/raw", 9, 4)), Ok(Some(pointer("x", 9, 4).value)));
    assert_eq!(second(pointer("volume/raw", 9, 2)), Ok(Some(first.value)));
    assert_eq!(second(first), Ok(Some(first.value)));
    assert_eq!(second(pointer("volume/raw", 9, 3)), Err(Conflict));
    // A newer one settles a quarrel.
    let (mut wallet, _) = history(1);
    for (id, record) in (9..).zip([pointer("volume/raw", 9, 3), pointer("volume/raw", 8, 4)]) {
        wallet.create(address(Kind::Raw, id), Kind::Raw, &record_bytes(&record, 0));
    }
    let chain = continued(&wallet.seal()).unwrap();
    assert_eq!(root(&chain.proven().unwrap(), "volume/raw"), Some((8, 4)));
    // An older one does not, nor one that agrees with one side.
    for third in [pointer("volume/raw", 9, 2), first] {
        let (mut wallet, _) = history(1);
        for (id, record) in (9..).zip([pointer("volume/raw", 9, 3), third]) {
            wallet.create(address(Kind::Raw, id), Kind::Raw, &record_bytes(&record, 0));
        }
        let chain = continued(&wallet.seal()).unwrap();
        assert_eq!(chain.proven().unwrap().value("volume/raw"), Err(Conflict));
    }
    assert_eq!(second(release("volume/raw", [1, 0, 0], 9)), Err(Conflict));
    assert_eq!(second(release("app", [1, 0, 0], 9)), Err(Conflict));
    assert_eq!(second(release("app", [1, 0, 1], 9)), Ok(Some(release("x", [1, 0, 1], 9).value)));
    let mut elsewhere = release("app", [2, 0, 0], 9);
    if let Value::Release(release) = &mut elsewhere.value {
        release.platform = Platform::new("board").unwrap();
    }
    assert_eq!(second(elsewhere), Err(Conflict));
}

#[test]
fn a_pointer_goes_forward_or_is_not_believed() {
    let write = |generations: &[u64]| {
        let (mut wallet, _) = history(1);
        for generation in generations {
            write_raw(&mut wallet, 50, *generation);
        }
        let chain = continued(&wallet.seal()).unwrap();
        root(&chain.proven().unwrap(), "volume/raw")
    };
    assert_eq!(write(&[4]), Some((50, 4)));
    assert_eq!(write(&[3]), None);
    assert_eq!(write(&[2]), None);
    assert_eq!(write(&[9, 8]), None);
    assert_eq!(write(&[2, 3]), None);
    assert_eq!(write(&[2, 4]), Some((50, 4)));
    // Nor when it changes its name, or stops being a record for a while.
    let (mut wallet, mut raws) = history(1);
    let at = address(Kind::Raw, RAW);
    let other = record_bytes(&pointer("volume/x", 9, 9), RAW_BYTES);
    wallet.write(at, &other);
    raws.push(wallet.seal());
    let chain = replay(last_pin(&wallet, &raws), &raws).unwrap();
    assert_eq!(root(&chain.proven().unwrap(), "volume/x"), None);
    wallet.write(at, &[0; RAW_BYTES]);
    write_raw(&mut wallet, 5, 9);
    raws.push(wallet.seal());
    let chain = replay(last_pin(&wallet, &raws), &raws).unwrap();
    assert_eq!(root(&chain.proven().unwrap(), "volume/raw"), None);
    write_raw(&mut wallet, 5, 10);
    raws.push(wallet.seal());
    let chain = replay(last_pin(&wallet, &raws), &raws).unwrap();
    assert_eq!(root(&chain.proven().unwrap(), "volume/raw"), Some((5, 10)));
}

/// What a new register proves under its record's name.
fn proves(kind: Kind, data: &[u8], name: &str) -> Option<Value> {
    let (mut wallet, mut raws) = wallet(1);
    wallet.create(address(kind, 9), kind, data);
    raws.push(wallet.seal());
    let chain = replay(last_pin(&wallet, &raws), &raws).unwrap();
    chain.proven().unwrap().value(name).unwrap()
}

#[test]
fn records_have_three_forms() {
    let (release, pointer) = (release("app", [1, 20, 3], 7), pointer("volume/demo", 9, 300));
    for (record, kind) in [(release, Kind::ReadOnly), (pointer, Kind::Raw)] {
        let name = record.name.as_str();
        let good = Some(record.value);
        let text = record_text(&record);
        for data in [
            record_bytes(&record, 0),
            record_bytes(&record, 400),
            asset(&text, 0),
            asset(&text, 384),
            asset(&text.to_uppercase().replace("CAIRN", "cairn"), 0),
        ] {
            assert_eq!(proves(kind, &data, name), good);
            assert_eq!(proves(Kind::Append, &data, name), None);
            // Not behind, not before, not twice.
            for bad in [
                [data.as_slice(), b"x"].concat(),
                [b"x", data.as_slice()].concat(),
                [data.as_slice(), &data].concat(),
                data[..40].to_vec(),
            ] {
                assert_eq!(proves(kind, &bad, name), None);
            }
        }
        assert_eq!(proves(Kind::Object, &record_object(&record), name), good);
    }
    // Neither a release with the length of a pointer, nor the other way round.
    for (record, kind, length) in [(release, Kind::ReadOnly, 0x84), (pointer, Kind::Raw, 0x88)] {
        let mut data = record_bytes(&record, 0);
        data[6] = length;
        assert_eq!(proves(kind, &data, record.name.as_str()), None);
    }
    // The name of what is no record.
    let policy = self::pointer("policy", 9, 300);
    assert_eq!(proves(Kind::Raw, &record_bytes(&policy, 0), "policy"), None);
    assert_eq!(proves(Kind::Object, &record_object(&policy), "policy"), None);
    // A release where it may change, a pointer where it cannot.
    assert_eq!(proves(Kind::Raw, &record_bytes(&release, 0), "app"), None);
    assert_eq!(proves(Kind::ReadOnly, &record_bytes(&pointer, 0), "volume/demo"), None);
}

#[test]
fn records_in_objects_are_read_strictly() {
    let good = release("app", [1, 20, 3], 7);
    let fields = ledger_verify::write::nexus::record_fields(&good);
    let proves = |fields: &[RecordField]| {
        let data: Vec<_> =
            fields.iter().map(|f| field(f.name, f.is_mutable, f.kind, &f.value)).collect();
        proves(Kind::Object, &data.concat(), "app")
    };
    assert_eq!(proves(&fields), Some(good.value));
    let mut more = fields.clone();
    let extra = |name, kind, value: &[u8]| RecordField {
        name,
        is_mutable: true,
        kind,
        value: value.to_vec(),
    };
    more.push(extra("_usertype", Type::U16, &[3, 0]));
    more.push(extra("note", Type::String, b"anything"));
    more.reverse();
    assert_eq!(proves(&more), Some(good.value));
    for at in 0..fields.len() {
        let change = |edit: &dyn Fn(&mut RecordField)| {
            let mut fields = fields.clone();
            edit(&mut fields[at]);
            proves(&fields)
        };
        // A release never changes, so none of its fields may.
        assert_eq!(change(&|field| field.is_mutable = true), None);
        assert_eq!(change(&|field| field.name = "other"), None);
        assert_eq!(change(&|field| field.kind = Type::Bytes), None);
        let mut without = fields.clone();
        without.remove(at);
        assert_eq!(proves(&without), None);
    }
    for version in ["1.2", "1.2.3.4", "1..3", "01.2.3", "1.2.+3", "1.2.4294967296", "", "a.b.c"] {
        let mut fields = fields.clone();
        fields[2].value = version.as_bytes().to_vec();
        assert_eq!(proves(&fields), None, "{version}");
    }
}

#[test]
fn what_began_before_the_replay_is_the_owners_word() {
    let (mut wallet, mut raws) = history(1);
    let at = address(Kind::Raw, RAW);
    // A release hides in a register that the replay never saw created, and in one of objects.
    let object = address(Kind::Object, OBJECT);
    wallet.write(object, &pointer_write(&pointer("volume/object", 14, 3)));
    raws.push(wallet.seal());
    let chain = replay(pin_at(&wallet, 3, &raws[3]), &raws[3..]).unwrap();
    let proven = chain.proven().unwrap();
    let found = proven.registers().register(&at).unwrap();
    assert_eq!(found.origin, Origin::Stated);
    assert_eq!(root(&proven, "volume/raw"), Some((21, 3)));
    assert_eq!(root(&proven, "volume/object"), Some((14, 3)));
    assert_eq!(proven.value("app"), Ok(None));
    // What holds no data is followed by nobody.
    let name = Address::name("a", &wallet.genesis);
    wallet.create(name, Kind::Object, &field("note", true, Type::U8, &[1]));
    raws.push(wallet.seal());
    wallet.write(name, &field_write("note", Type::U8, &[2]));
    raws.push(wallet.seal());
    let chain = replay(last_pin(&wallet, &raws), &raws[6..]).unwrap();
    assert_eq!(chain.proven().unwrap().registers().iter().count(), 0);
    // From the first transaction on, nothing turns up from nowhere.
    let (mut wallet, mut raws) = self::wallet(1);
    let data = record_bytes(&pointer("volume/raw", 1, 1), RAW_BYTES);
    wallet.create(at, Kind::Raw, &data);
    let _never_sealed = wallet.draft();
    write_raw(&mut wallet, 2, 2);
    raws.push(wallet.seal());
    let chain = replay(last_pin(&wallet, &raws), &raws).unwrap();
    assert_eq!(root(&chain.proven().unwrap(), "volume/raw"), None);
}

#[test]
fn a_release_object_of_the_owners_word_is_no_release() {
    // Its fields say they never change, but the replay did not see them made.
    let (mut wallet, mut raws) = wallet(1);
    let at = address(Kind::Object, 9);
    let note = field("note", true, Type::U8, &[1]);
    let data = [record_object(&release("app", [1, 0, 0], 7)), note].concat();
    wallet.create(at, Kind::Object, &data);
    raws.push(wallet.seal());
    wallet.write(at, &field_write("note", Type::U8, &[2]));
    raws.push(wallet.seal());
    let whole = replay(last_pin(&wallet, &raws), &raws).unwrap();
    assert!(whole.proven().unwrap().value("app").unwrap().is_some());
    let late = replay(pin_at(&wallet, 2, &raws[2]), &raws[2..]).unwrap();
    assert_eq!(late.proven().unwrap().registers().iter().count(), 1);
    assert_eq!(late.proven().unwrap().value("app"), Ok(None));
}

proptest! {
    #[test]
    fn arbitrary_objects_and_records_are_read_or_refused(data in vec(any::<u8>(), 0..200)) {
        use ledger_verify::nexus::register::State;
        if let Ok(object) = Object::parse(&data) {
            // Fields cover the object, and none is there twice.
            for field in object.fields() {
                let name = core::str::from_utf8(field.name).unwrap_or_default();
                prop_assert!(name.is_empty() || object.field(name) == Some(field));
            }
        }
        for kind in [Kind::ReadOnly, Kind::Append, Kind::Raw, Kind::Object] {
            for data in [data.clone(), [b"cairn1", data.as_slice()].concat()] {
                let owner = genesis(1);
                let state = State { kind, owner, created_s: 0, modified_s: 0, data: &data };
                let _ = Record::of(&state);
            }
        }
    }
}
