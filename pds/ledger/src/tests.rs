//! The PD against a scripted `store`: good chains, broken chains, broken stores, odd questions.

use ledger_verify::Digest;
use ledger_verify::chain::{Anchor, Kind};
use ledger_verify::registers::{Name, Write, WriteValue};
use ledger_verify::write;
use protocols::ledger::{Completion, NAME_BYTES_MAX, Op, Request, Status};
use protocols::store;
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, RawLink, ServerEnd};

use super::*;

type RawStore = RawLink<store::Request, store::Completion, { store::RING_SLOTS }>;
type RawLedger = RawLink<Request, Completion, { protocols::ledger::RING_SLOTS }>;
const RING: usize = protocols::ledger::RING_SLOTS;

fn ignore() {}

fn pinned(anchor: Anchor, minimum_generation: u64) -> Pinned {
    let mut volume = [0; 32];
    volume[..4].copy_from_slice(b"demo");
    Pinned { position: Position::Event(anchor), minimum_generation, volume }
}

/// Everything around the PD, with the chain area as `store` will serve it.
struct House {
    ledger: Ledger<'static, fn()>,
    store: ServerEnd<'static, store::Request, store::Completion, { store::RING_SLOTS }>,
    client: ClientEnd<'static, Request, Completion, RING>,
    blocks: DataRegion<'static>,
    area: Vec<u8>,
    held: usize,
    /// Signs of life in turns of [`House::run`].
    beats: u64,
    now_ns: u64,
    reads: usize,
}

fn root(generation: u64) -> Digest {
    Digest([u8::try_from(generation % 251).unwrap(); 32])
}

fn key(index: u64) -> write::SecretKey {
    write::SecretKey::derive(&[3; 32], index)
}

fn draft(index: u64) -> write::Draft {
    write::Draft {
        kind: Kind::Ordinary,
        time_s: 1_000 + index,
        keys: write::KeySet::single(key(index).public()),
        next: Some(write::KeySet::single(key(index + 1).public()).digest()),
        recovery: None,
        writes: vec![Write {
            name: Name::new("volume/demo").unwrap(),
            value: WriteValue::Pointer { root: root(index + 1), generation: index + 1 },
        }],
    }
}

/// A chain of `events` events that move `volume/demo` to generations 1, 2, ...
fn chain(events: u64) -> (Vec<u8>, Vec<Anchor>) {
    let (mut bytes, first) = write::first(&draft(0), &[key(0)]).unwrap();
    let mut anchors = vec![first];
    let mut chain = ledger_verify::chain::Chain::new(first);
    chain.replay(&bytes).unwrap();
    for index in 1..events {
        bytes.extend(write::append(&mut chain, &draft(index), &[key(index)]).unwrap());
        anchors.push(chain.proven().unwrap().anchor());
    }
    (bytes, anchors)
}

/// The same, and then revoked: a last event that writes nothing.
fn revoked_chain(events: u64) -> (Vec<u8>, Vec<Anchor>) {
    let (mut bytes, mut anchors) = chain(events);
    let mut chain = ledger_verify::chain::Chain::new(anchors[0]);
    chain.replay(&bytes).unwrap();
    let revocation =
        write::Draft { kind: Kind::Revocation, next: None, writes: vec![], ..draft(events) };
    bytes.extend(write::append(&mut chain, &revocation, &[key(events)]).unwrap());
    anchors.push(chain.proven().unwrap().anchor());
    (bytes, anchors)
}

impl House {
    fn new(pinned: Pinned, area: Vec<u8>) -> Self {
        let raw_store: &'static RawStore = Box::leak(Box::new(RawStore::new()));
        let raw_ledger: &'static RawLedger = Box::leak(Box::new(RawLedger::new()));
        let bytes: &'static mut [u8] = Box::leak(vec![0; 8 * 4096].into_boxed_slice());
        let blocks = DataRegion::new(ExternallySharedRef::from_mut_ref(bytes));
        let memory = Box::leak(Box::new(Memory::EMPTY));
        let link = raw_store.client(ignore as fn());
        let replay = Replay::new(&pinned, memory, link, blocks.read_only());
        let client = Client { link: raw_ledger.server(ignore as fn()), is_cut_off: false };
        Self {
            ledger: Ledger::new(pinned, replay, [client].into_iter().collect()),
            store: raw_store.server(ignore as fn()),
            client: raw_ledger.client(ignore as fn()),
            blocks,
            area,
            held: 0,
            beats: 0,
            now_ns: 0,
            reads: 0,
        }
    }

    /// Serves what `ledger` asks of `store`, until it asks no more.
    fn run(&mut self, status_of_block: impl Fn(u64) -> store::Status) {
        for _ in 0..10_000 {
            self.ledger.step(self.now_ns, || self.beats += 1);
            let Ok(Some(request)) = self.store.receive() else { return };
            match store::Op::from_code(request.op) {
                Some(store::Op::Release) => self.held -= 1,
                Some(store::Op::Chain) => self.serve(&request, status_of_block(request.index)),
                other => panic!("ledger asked for {other:?}"),
            }
        }
        panic!("ledger never stops asking");
    }

    fn serve(&mut self, request: &store::Request, status: store::Status) {
        self.reads += 1;
        let index = usize::try_from(request.index).unwrap();
        let mut block = [0; 4096];
        let from = self.area.get(index * 4096..).unwrap_or_default();
        let len = from.len().min(4096);
        block[..len].copy_from_slice(&from[..len]);
        let offset = u32::try_from(index % 8 * 4096).unwrap();
        self.blocks.copy_in(self.blocks.span(offset, 4096).unwrap(), &block).unwrap();
        self.held += usize::from(status == store::Status::Ok);
        let completion = store::Completion {
            cookie: request.cookie,
            offset,
            status: status.code(),
            count: 1,
            reserved: 0,
        };
        self.store.send(completion).unwrap();
        self.store.flush();
    }

    fn ask(&mut self, request: Request) -> Completion {
        self.client.send(request).unwrap();
        self.client.flush();
        self.ledger.step(self.now_ns, || ());
        self.client.receive().unwrap().unwrap()
    }

    fn pointer(&mut self, name: &str) -> Completion {
        self.ask(question(Op::Pointer, name))
    }
}

/// A chain area that holds `events`.
fn area(events: &[u8]) -> Vec<u8> {
    [&volume::chain::head(events.len()).unwrap()[..], events].concat()
}

fn question(op: Op, name: &str) -> Request {
    let mut padded = [0; NAME_BYTES_MAX];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    let name_len = u16::try_from(name.len()).unwrap();
    Request { cookie: 7, op: op.code(), name_len, reserved: 0, name: padded }
}

fn fine(_: u64) -> store::Status {
    store::Status::Ok
}

fn status(completion: &Completion) -> Option<Status> {
    Status::from_code(completion.status)
}

#[test]
fn proves_the_value_that_the_chain_wrote_last() {
    // Long enough for several blocks.
    let (bytes, anchors) = chain(60);
    assert!(bytes.len() > 3 * 4096);
    let pinned = pinned(anchors[10], 11);
    let mut house = House::new(pinned, area(&bytes));
    house.run(fine);
    let answer = house.pointer("volume/demo");
    assert_eq!(status(&answer), Some(Status::Ok), "{}", answer.reason);
    assert_eq!((answer.generation, answer.root), (60, root(60).0));
    assert_eq!((answer.sequence, answer.head), (59, anchors[59].digest.0));
    assert_eq!(answer.minimum_generation, 11);
    assert_eq!(house.held, 0, "every buffer was given back");
    let pieces = u64::try_from(bytes.len() / 512).unwrap();
    assert!(house.beats > pieces, "a sign of life for each piece: {}", house.beats);
}

#[test]
fn answers_for_the_volume_that_the_image_pins() {
    let (bytes, anchors) = chain(3);
    let mut house = House::new(pinned(anchors[1], 2), area(&bytes));
    house.run(fine);
    let answer = house.ask(question(Op::Volume, ""));
    assert_eq!(status(&answer), Some(Status::Ok), "{}", answer.reason);
    assert_eq!((answer.generation, &answer.volume[..5]), (3, &b"demo\0"[..]));
    let mut house =
        House::new(Pinned { volume: [b'x'; 32], ..pinned(anchors[1], 2) }, area(&bytes));
    house.run(fine);
    assert_eq!(status(&house.ask(question(Op::Volume, ""))), Some(Status::NotFound));
}

#[test]
fn questions_wait_for_the_replay() {
    let (bytes, anchors) = chain(2);
    let pinned = pinned(anchors[0], 1);
    let mut house = House::new(pinned, area(&bytes));
    house.client.send(question(Op::Head, "")).unwrap();
    house.client.flush();
    house.ledger.step(0, || ());
    assert_eq!(house.client.receive().unwrap(), None);
    house.run(fine);
    assert_eq!(house.client.receive().unwrap().unwrap().sequence, 1);
}

#[test]
fn every_flipped_byte_of_the_chain_is_refused_or_harmless() {
    let (bytes, anchors) = chain(3);
    let good = area(&bytes);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let pinned = pinned(anchors[2], 3);
        let mut house = House::new(pinned, bad);
        house.run(fine);
        let answer = house.pointer("volume/demo");
        assert_eq!(status(&answer), Some(Status::NotProven), "byte {at}: {}", answer.reason);
        assert!(!answer.reason.as_str().is_empty());
    }
}

#[test]
fn a_chain_that_ends_before_the_anchor_proves_nothing() {
    let (bytes, _) = chain(2);
    let (_, anchors) = chain(5);
    let pinned = pinned(anchors[4], 5);
    let mut house = House::new(pinned, area(&bytes));
    house.run(fine);
    let answer = house.pointer("volume/demo");
    assert_eq!(status(&answer), Some(Status::NotProven));
    assert_eq!(answer.minimum_generation, 5);
    assert!(answer.reason.as_str().contains("anchored is 4"), "{}", answer.reason);
}

#[test]
fn of_a_revoked_chain_nothing_newer_than_the_pinned_is_believed() {
    // Over several blocks, so that the replay ends inside one.
    let (bytes, anchors) = revoked_chain(60);
    let mut house = House::new(pinned(anchors[10], 11), area(&bytes));
    house.run(fine);
    let answer = house.ask(question(Op::Volume, ""));
    assert_eq!(status(&answer), Some(Status::Revoked), "{}", answer.reason);
    assert_eq!((answer.generation, answer.root), (11, root(11).0));
    assert_eq!((answer.sequence, answer.head), (10, anchors[10].digest.0));
    let reason = "chain is revoked by event 60: nothing after event 10 is believed";
    assert_eq!(answer.reason.as_str(), reason);
    assert_eq!(status(&house.ask(question(Op::Head, ""))), Some(Status::Revoked));
    assert_eq!(status(&house.pointer("volume/other")), Some(Status::NotFound));
    assert_eq!((house.held, house.ledger.errors), (0, 1));
}

#[test]
fn a_revocation_is_not_forgotten_when_the_disk_fails() {
    use std::cell::Cell;
    let (bytes, anchors) = revoked_chain(60);
    let mut house = House::new(pinned(anchors[10], 11), area(&bytes));
    // The second reading fails once, after the revocation was seen.
    let (readings, failures) = (Cell::new(0), Cell::new(1));
    house.run(|block| {
        readings.set(readings.get() + u32::from(block == 0));
        let fails = readings.get() == 2 && failures.replace(0) == 1;
        if fails { store::Status::Disk } else { store::Status::Ok }
    });
    assert_eq!(status(&house.pointer("volume/demo")), Some(Status::Storage));
    house.run(fine);
    let answer = house.pointer("volume/demo");
    assert_eq!((status(&answer), answer.generation), (Some(Status::Revoked), 11));
}

#[test]
fn an_image_that_pins_a_revoked_chain_proves_nothing() {
    let (bytes, anchors) = revoked_chain(2);
    let mut house = House::new(pinned(anchors[2], 2), area(&bytes));
    house.run(fine);
    let answer = house.pointer("volume/demo");
    assert_eq!(status(&answer), Some(Status::NotProven));
    assert_eq!(answer.reason.as_str(), "the image pins a chain that is revoked");
}

#[test]
fn a_disk_error_is_not_a_broken_proof() {
    let (bytes, anchors) = chain(60);
    let pinned = pinned(anchors[0], 1);
    let mut house = House::new(pinned, area(&bytes));
    house.run(|block| if block == 2 { store::Status::Disk } else { store::Status::Ok });
    assert_eq!(status(&house.pointer("volume/demo")), Some(Status::Storage));
    assert_eq!(house.held, 0);
}

#[test]
fn a_disk_that_comes_back_is_read_again() {
    let (bytes, anchors) = chain(60);
    let pinned = pinned(anchors[59], 1);
    let mut house = House::new(pinned, area(&bytes));
    for _ in 0..2 {
        house.run(|block| if block == 1 { store::Status::Disk } else { store::Status::Ok });
        assert_eq!(status(&house.pointer("volume/demo")), Some(Status::Storage));
    }
    house.run(fine);
    assert_eq!(house.pointer("volume/demo").generation, 60);
    assert_eq!(house.held, 0);
}

#[test]
fn a_bad_read_is_read_again_at_once_and_then_now_and_then() {
    let (bytes, anchors) = chain(60);
    let good = area(&bytes);
    let mut bad = good.clone();
    bad[5000] ^= 1;
    let mut house = House::new(pinned(anchors[59], 1), bad);
    let mut refused_s = Vec::new();
    for second in 0..9 {
        house.now_ns = second * 1_000_000_000;
        house.run(fine);
        let reads = house.reads;
        for _ in 0..2 {
            // While it is read again, too: that may take long.
            assert_eq!(status(&house.pointer("volume/demo")), Some(Status::NotProven));
        }
        house.run(fine);
        if house.reads > reads {
            refused_s.push(second);
        }
    }
    assert_eq!(refused_s, [0, 1, 3, 7]);
    house.area = good;
    house.now_ns = 15_000_000_000;
    assert_eq!(status(&house.pointer("volume/demo")), Some(Status::NotProven));
    house.run(fine);
    assert_eq!(house.pointer("volume/demo").generation, 60);
    assert_eq!(house.held, 0);
}

#[test]
fn a_store_that_names_foreign_memory_is_refused() {
    let (bytes, anchors) = chain(1);
    let pinned = pinned(anchors[0], 1);
    let mut house = House::new(pinned, area(&bytes));
    house.ledger.step(0, || ());
    let request = house.store.receive().unwrap().unwrap();
    let completion = store::Completion {
        cookie: request.cookie,
        offset: u32::MAX - 100,
        status: store::Status::Ok.code(),
        count: 1,
        reserved: 0,
    };
    house.store.send(completion).unwrap();
    house.store.flush();
    house.ledger.step(0, || ());
    assert_eq!(status(&house.pointer("volume/demo")), Some(Status::NotProven));
}

#[test]
fn odd_questions_are_answered() {
    let (bytes, anchors) = chain(1);
    let pinned = pinned(anchors[0], 1);
    let mut house = House::new(pinned, area(&bytes));
    house.run(fine);
    assert_eq!(status(&house.pointer("volume/other")), Some(Status::NotFound));
    let good = question(Op::Pointer, "volume/demo");
    for odd in [
        Request { op: 99, ..good },
        Request { reserved: 1, ..good },
        Request { name_len: 65, ..good },
        Request { name_len: 3, ..good },
        Request { name: [0xff; 64], name_len: 64, ..good },
    ] {
        assert_eq!(status(&house.ask(odd)), Some(Status::BadRequest), "{odd:?}");
    }
    assert_eq!(status(&house.ask(good)), Some(Status::Ok));
}

/// A Nexus bundle of a chain that moves `volume/demo` to generations 1, 2, ..., and its last pin.
fn nexus(transactions: u8) -> (Vec<u8>, Pinned) {
    use ledger_verify::nexus::address::Address;
    use ledger_verify::nexus::chain::{Chain, Commitment, Pin};
    use ledger_verify::nexus::record::Record;
    use ledger_verify::nexus::register::{Kind, Track};
    use ledger_verify::nexus::{Genesis, Number};
    use ledger_verify::write::nexus::{Wallet, bundle, record_bytes};

    let number = |top| {
        let mut number: Genesis = Number([7; 32]);
        number.0[31] = top;
        number
    };
    let mut wallet = Wallet::new([1; 32], number(0xa1), 1_700_000_000);
    let mut raws = vec![wallet.seal()];
    let at = Address(number(0xd3));
    for generation in 1..=transactions.into() {
        let value = ledger_verify::registers::Value::Pointer { root: root(generation), generation };
        let record = Record { name: Name::new("volume/demo").unwrap(), value };
        match generation {
            1 => wallet.create(at, Kind::Raw, &record_bytes(&record, 128)),
            _ => wallet.write(at, &record_bytes(&record, 128)),
        }
        raws.push(wallet.seal());
    }
    let commitment = Commitment::Transaction(wallet.previous);
    let pin = Pin::new(wallet.genesis, transactions.into(), commitment).unwrap();
    let mut chain: Chain<4> = Chain::new(pin, Track::Records);
    raws.iter().for_each(|raw| chain.apply(raw).unwrap());
    chain.proven().unwrap();
    let generation = transactions.into();
    let pinned = pinned(Anchor::first(Digest::ZERO), generation);
    (bundle(&raws), Pinned { position: Position::Nexus(pin), ..pinned })
}

#[test]
fn a_nexus_bundle_proves_a_volume_like_a_chain_of_ours() {
    let (bytes, pinned) = nexus(7);
    assert!(bytes.len() > 4096);
    let mut house = House::new(pinned, area(&bytes));
    house.run(|block| if block == 1 { store::Status::Disk } else { store::Status::Ok });
    assert_eq!(status(&house.pointer("volume/demo")), Some(Status::Storage));
    house.run(fine);
    let answer = house.ask(question(Op::Volume, ""));
    assert_eq!(status(&answer), Some(Status::Ok), "{}", answer.reason);
    assert_eq!((answer.generation, answer.root), (7, root(7).0));
    assert_eq!((answer.sequence, answer.chain), (7, pinned.position.chain()));
    assert_eq!(status(&house.pointer("volume/other")), Some(Status::NotFound));
}

#[test]
fn a_tampered_nexus_bundle_is_refused_by_the_name_of_its_transaction() {
    let (bytes, pinned) = nexus(2);
    let flip = |at: usize| {
        let mut bad = area(&bytes);
        bad[at] ^= 0x10;
        let mut house = House::new(pinned, bad);
        house.run(fine);
        let answer = house.pointer("volume/demo");
        assert_eq!(status(&answer), Some(Status::NotProven), "byte {at}");
        answer.reason.as_str().to_owned()
    };
    let end = area(&bytes).len();
    (0..end).step_by(29).for_each(|at| assert!(!flip(at).is_empty()));
    assert_eq!(flip(end - 1), "nexus transaction 2: bad signature");
    // A chain of ours under a Nexus pin, and the other way round.
    let (ours, anchors) = chain(2);
    let mut house = House::new(pinned, area(&ours));
    house.run(fine);
    assert_eq!(
        house.pointer("volume/demo").reason.as_str(),
        "nexus transaction 0: not a nexus bundle"
    );
    let mut house = House::new(self::pinned(anchors[1], 1), area(&bytes));
    house.run(fine);
    assert_eq!(status(&house.pointer("volume/demo")), Some(Status::NotProven));
}

#[test]
fn an_anchor_pins_something_or_is_refused() {
    use ledger_verify::nexus::chain::PinError;
    use protocols::ledger::{ANCHOR_MAGIC, ANCHOR_VERSION, AnchorBlob, AnchorKind};
    let mut chain = [7; 32];
    chain[31] = 0xa1;
    let good = AnchorBlob {
        magic: ANCHOR_MAGIC,
        version: ANCHOR_VERSION,
        kind: AnchorKind::NexusTransaction.code(),
        reserved: 0,
        chain,
        sequence: 5,
        digest: [8; 32],
        minimum_generation: 3,
        volume: [0; 32],
        digest_rest: [9; 32],
    };
    let Position::Nexus(pin) = Pinned::try_from(&good).unwrap().position else { panic!() };
    assert_eq!((pin.genesis().0, pin.authenticated()), (chain, 5));
    let key = AnchorBlob { kind: AnchorKind::NexusKey.code(), digest_rest: [0; 32], ..good };
    let Position::Nexus(pin) = Pinned::try_from(&key).unwrap().position else { panic!() };
    assert_eq!(pin.authenticated(), 6);
    let event = AnchorBlob { kind: AnchorKind::Event.code(), digest_rest: [0; 32], ..good };
    assert!(matches!(Pinned::try_from(&event).unwrap().position, Position::Event(_)));
    let genesis_only = AnchorBlob { digest: [0; 32], digest_rest: [0; 32], ..good };
    for (bad, expected) in [
        (AnchorBlob { magic: [0; 8], ..good }, AnchorError::Magic),
        (AnchorBlob { version: 1, ..good }, AnchorError::Version(1)),
        (AnchorBlob { kind: 4, ..good }, AnchorError::Kind(4)),
        (AnchorBlob { reserved: 1, ..good }, AnchorError::Reserved),
        (AnchorBlob { digest_rest: [1; 32], ..event }, AnchorError::Reserved),
        (AnchorBlob { digest_rest: [1; 32], ..key }, AnchorError::Reserved),
        (genesis_only, AnchorError::Nexus(PinError::GenesisOnly)),
        (AnchorBlob { digest: [0; 32], ..key }, AnchorError::Nexus(PinError::GenesisOnly)),
        (AnchorBlob { chain: [7; 32], ..good }, AnchorError::Nexus(PinError::Genesis)),
        (AnchorBlob { sequence: 1 << 32, ..good }, AnchorError::Nexus(PinError::Sequence)),
    ] {
        assert_eq!(Pinned::try_from(&bad), Err(expected));
    }
}
