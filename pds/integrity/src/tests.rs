//! The PD against a lying `store` and a scripted `ledger`, over real volumes.

use std::cell::Cell;

use ledger_verify::Digest;
use protocols::integrity::{Completion, ListEntry, Op, RING_SLOTS, Request, Status};
use protocols::{Reason, ledger, store};
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, RawLink, ServerEnd};
use volume::Superblock;
use volume::locate::{self, ObjectId};
use volume::toc::Node;
use volume::write::{Identity, image_of};
use zerocopy::FromBytes;

use super::*;

type RawStore = RawLink<store::Request, store::Completion, { store::RING_SLOTS }>;
type RawLedger = RawLink<ledger::Request, ledger::Completion, { ledger::RING_SLOTS }>;
type RawOwn = RawLink<Request, Completion, RING_SLOTS>;

const REGION_BYTES: usize = 256 * 1024;
const GROUP_BYTES: usize = 16 * 4096;
const CHAIN: Digest = Digest([1; 32]);

fn ignore() {}

thread_local! {
    /// The blocks that `store` overwrites whenever it is notified.
    static OVERWRITTEN: Cell<Option<DataRegion<'static>>> = const { Cell::new(None) };
}

fn overwrite() {
    if let Some(blocks) = OVERWRITTEN.get() {
        let len = u32::try_from(4 * GROUP_BYTES).unwrap();
        blocks.copy_in(blocks.span(0, len).unwrap(), &vec![0xee; 4 * GROUP_BYTES]).unwrap();
    }
}

fn region(bytes: usize) -> DataRegion<'static> {
    let bytes: &'static mut [u8] = Box::leak(vec![0; bytes].into_boxed_slice());
    DataRegion::new(ExternallySharedRef::from_mut_ref(bytes))
}

/// A file of many blocks, each different from all others.
fn big() -> Vec<u8> {
    (0..300 * 4096 + 17_u32)
        .map(|at| (at ^ (at >> 12).wrapping_mul(37) ^ (at >> 16)).to_le_bytes()[0])
        .collect()
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("a/b".to_string(), big()), ("empty".to_string(), Vec::new())];
    files.extend((0..200).map(|n| (format!("many/{n:04}"), format!("file {n}").into_bytes())));
    files.push(("small".to_string(), b"hello".to_vec()));
    files
}

fn image(generation: u64) -> (Vec<u8>, Superblock) {
    let files = files();
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])).collect();
    image_of(&files, Identity { name: "demo", generation, chain_id: CHAIN }).unwrap()
}

struct House {
    integrity: Integrity<'static, fn()>,
    store: ServerEnd<'static, store::Request, store::Completion, { store::RING_SLOTS }>,
    ledger: ServerEnd<'static, ledger::Request, ledger::Completion, { ledger::RING_SLOTS }>,
    client: ClientEnd<'static, Request, Completion, RING_SLOTS>,
    blocks: DataRegion<'static>,
    paths: DataRegion<'static>,
    output: DataRegion<'static>,
    image: Vec<u8>,
    superblock: Superblock,
    answer: ledger::Completion,
    is_broken: bool,
    held: i32,
    reads: usize,
    now_ns: u64,
}

impl House {
    fn new() -> Self {
        let (image, superblock) = image(5);
        Self::with(image, superblock, vouching(&superblock))
    }

    fn with(image: Vec<u8>, superblock: Superblock, answer: ledger::Completion) -> Self {
        let raw_store: &'static RawStore = Box::leak(Box::new(RawStore::new()));
        let raw_ledger: &'static RawLedger = Box::leak(Box::new(RawLedger::new()));
        let raw: &'static RawOwn = Box::leak(Box::new(RawOwn::new()));
        let (blocks, paths, output) = (region(4 * GROUP_BYTES), region(8192), region(REGION_BYTES));
        let client = Client::new(raw.server(ignore as fn()), paths.read_only(), output);
        let fetcher = Fetcher::new(raw_store.client(overwrite as fn()), blocks.read_only());
        let integrity = Integrity::new(
            Box::leak(Box::new(Memory::EMPTY)),
            ProvenBlocks::new(Box::leak(Box::new([[0; 4096]; crate::blocks::BLOCKS]))),
            raw_ledger.client(ignore as fn()),
            fetcher,
            [client].into_iter().collect(),
        );
        Self {
            integrity,
            store: raw_store.server(ignore as fn()),
            ledger: raw_ledger.server(ignore as fn()),
            client: raw.client(ignore as fn()),
            blocks,
            paths,
            output,
            image,
            superblock,
            answer,
            is_broken: false,
            held: 0,
            reads: 0,
            now_ns: 0,
        }
    }

    fn run(&mut self) {
        for _ in 0..100_000 {
            self.integrity.step(|| self.now_ns);
            if let Ok(Some(request)) = self.ledger.receive() {
                self.ledger
                    .send(ledger::Completion { cookie: request.cookie, ..self.answer })
                    .unwrap();
                self.ledger.flush();
                continue;
            }
            let Ok(Some(request)) = self.store.receive() else { return };
            if request.op == store::Op::Release.code() {
                self.held -= 1;
                continue;
            }
            let completion = self.serve(&request);
            self.held += i32::from(completion.status == store::Status::Ok.code());
            self.store.send(completion).unwrap();
            self.store.flush();
            // Wants to be notified of whatever comes next, a release above all.
            self.store.arm();
        }
        panic!("integrity never stops asking");
    }

    /// What an honest store does with whatever is in `image`.
    fn serve(&mut self, request: &store::Request) -> store::Completion {
        self.reads += 1;
        let found = if self.is_broken { None } else { self.find(request) };
        let (status, count, offset) = match found {
            None if self.is_broken => (store::Status::Disk, 0, 0),
            None => (store::Status::NotFound, 0, 0),
            Some((block, count)) => {
                let start = usize::try_from(block).unwrap() * 4096;
                let bytes = &self.image[start..start + usize::from(count) * 4096];
                let offset = u32::try_from(self.reads % 4 * GROUP_BYTES).unwrap();
                let len = u32::try_from(bytes.len()).unwrap();
                self.blocks.copy_in(self.blocks.span(offset, len).unwrap(), bytes).unwrap();
                (store::Status::Ok, count, offset)
            }
        };
        store::Completion {
            cookie: request.cookie,
            offset,
            status: status.code(),
            count,
            reserved: 0,
        }
    }

    fn find(&self, request: &store::Request) -> Option<(u64, u16)> {
        let one = |block| Some((block, 1));
        let superblock = &self.superblock;
        match store::Op::from_code(request.op).unwrap() {
            store::Op::Superblock => one(locate::superblock(request.index)?),
            store::Op::TocNode => one(locate::toc_node(superblock, request.index)?),
            store::Op::TreeNode | store::Op::Data => {
                let object = ObjectId::from_number(request.object);
                let leaf = usize::try_from(locate::toc_node(superblock, object.leaf())?).unwrap();
                let leaf = self.image[leaf * 4096..][..4096].try_into().unwrap();
                let node = Node::parse(leaf).ok()?;
                let entry = node.entry(object.record())?;
                if request.op == store::Op::Data.code() {
                    let left = (entry.size.div_ceil(4096)).max(1) - request.index;
                    let count = u64::from(request.count).min(left);
                    return Some((
                        locate::data(superblock, &entry, request.index)?,
                        u16::try_from(count).unwrap(),
                    ));
                }
                let level = usize::from(request.level);
                let blocks = locate::tree_node(superblock, &entry, level, request.index)?;
                Some((blocks.start, u16::try_from(blocks.end - blocks.start).unwrap()))
            }
            other => panic!("integrity asked for {other:?}"),
        }
    }

    fn ask(&mut self, request: Request) -> Completion {
        self.client.send(request).unwrap();
        self.client.flush();
        self.run();
        assert!(self.held <= 0 || self.held == 0, "buffers are kept: {}", self.held);
        self.client.receive().unwrap().unwrap()
    }

    fn named(&mut self, op: Op, path: &str) -> Completion {
        let len = u32::try_from(path.len()).unwrap();
        self.paths.copy_in(self.paths.span(0, len).unwrap(), path.as_bytes()).unwrap();
        self.ask(Request { len, ..request(op) })
    }

    fn open(&mut self, path: &str) -> Completion {
        self.named(Op::Open, path)
    }

    fn read(&mut self, object: u32, position: u64, len: u32) -> Result<Vec<u8>, Box<Completion>> {
        let completion = self.ask(Request { object, position, len, ..request(Op::Read) });
        if status(&completion) != Some(Status::Ok) {
            return Err(Box::new(completion));
        }
        let mut bytes = vec![0; completion.len as usize];
        let span = self.output.span(0, completion.len).unwrap();
        self.output.copy_out(span, &mut bytes).unwrap();
        Ok(bytes)
    }

    /// The whole file, or the reason why not.
    fn contents(&mut self, path: &str) -> Result<Vec<u8>, (Option<Status>, String)> {
        let failed = |it: Completion| (status(&it), it.reason.as_str().to_string());
        let opened = self.open(path);
        if status(&opened) != Some(Status::Ok) {
            return Err(failed(opened));
        }
        let mut all = Vec::new();
        while (all.len() as u64) < opened.size {
            let piece = self.read(opened.object, all.len() as u64, 60_000);
            match piece {
                Ok(piece) => all.extend(piece),
                Err(completion) => {
                    self.ask(Request { object: opened.object, ..request(Op::Close) });
                    return Err(failed(*completion));
                }
            }
        }
        self.ask(Request { object: opened.object, ..request(Op::Close) });
        Ok(all)
    }
}

fn vouching(superblock: &Superblock) -> ledger::Completion {
    let mut volume = [0; 32];
    volume[..4].copy_from_slice(b"demo");
    ledger::Completion {
        cookie: 0,
        sequence: 9,
        generation: superblock.generation(),
        minimum_generation: 1,
        status: ledger::Status::Ok.code(),
        reserved: [0; 6],
        chain: CHAIN.0,
        head: [2; 32],
        root: superblock.root().0,
        volume,
        reason: Reason::EMPTY,
    }
}

fn request(op: Op) -> Request {
    Request {
        cookie: 3,
        position: 0,
        op: op.code(),
        reserved: 0,
        object: 0,
        offset: 0,
        len: 0,
        reserved2: 0,
    }
}

fn status(completion: &Completion) -> Option<Status> {
    Status::from_code(completion.status)
}

#[test]
fn serves_every_file_byte_for_byte() {
    let mut house = House::new();
    for (path, bytes) in files() {
        assert!(house.contents(&path) == Ok(bytes), "{path}");
    }
    assert_eq!(house.held, 0);
    assert_eq!(house.integrity.not_proven, 0);
}

/// Time of check, time of use: what is proven is a copy of what `store` gave.
#[test]
fn a_block_that_changes_once_it_was_read_is_served_as_it_was_proven() {
    let mut house = House::new();
    OVERWRITTEN.set(Some(house.blocks));
    for (path, content) in files() {
        let is_small = content.len() <= 4096;
        match house.contents(&path) {
            Ok(read) => assert!(read == content, "{path}"),
            // A batch of blocks that is overwritten before it was read is refused.
            refused => assert!(!is_small, "{path}: {refused:?}"),
        }
    }
}

#[test]
fn reads_any_range() {
    let mut house = House::new();
    let (all, object) = (big(), house.open("a/b").object);
    for (position, len) in
        [(0, 1), (4095, 2), (4096 * 127 + 5, 9000), (1_228_810, 100), (5, 65_536)]
    {
        let end = (position + len).min(all.len());
        let read = house.read(object, position as u64, u32::try_from(len).unwrap()).unwrap();
        assert_eq!(read, all[position..end], "{position}+{len}");
    }
    assert_eq!(house.read(object, all.len() as u64, 10).unwrap(), []);
    assert_eq!(house.read(object, u64::MAX, 10).unwrap(), []);
}

#[test]
fn a_small_file_is_read_from_disk_once() {
    let mut house = House::new();
    house.contents("small").unwrap();
    let reads = house.reads;
    house.contents("small").unwrap();
    assert_eq!(house.reads, reads);
}

#[test]
fn what_is_not_there_is_proven_not_to_be() {
    let mut house = House::new();
    for path in ["nothing", "a", "zzz", "many/9999", "A/b"] {
        assert_eq!(house.contents(path).unwrap_err().0, Some(Status::NotFound), "{path}");
    }
}

#[test]
fn lists_everything_in_order() {
    let mut house = House::new();
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let completion = house.named(Op::List, &cursor);
        assert_eq!(status(&completion), Some(Status::Ok));
        if completion.len == 0 {
            break;
        }
        let mut bytes = vec![0; completion.len as usize];
        house.output.copy_out(house.output.span(0, completion.len).unwrap(), &mut bytes).unwrap();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (head, tail) = ListEntry::read_from_prefix(rest).unwrap();
            let len = usize::from(head.path_len);
            cursor = String::from_utf8(tail[..len].to_vec()).unwrap();
            found.push((cursor.clone(), head.size));
            rest = &rest[(size_of::<ListEntry>() + len).next_multiple_of(8)..];
        }
    }
    let expected: Vec<_> = files().into_iter().map(|(path, b)| (path, b.len() as u64)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_damaged_block_is_named_and_harms_nothing_else() {
    let mut house = House::new();
    let all = big();
    let block = &all[17 * 4096..][..4096];
    let at = house.image.chunks(4096).position(|chunk| chunk == block).unwrap() * 4096;
    house.image[at + 1000] ^= 1;
    let (failed, reason) = house.contents("a/b").unwrap_err();
    assert_eq!(
        (failed, reason.as_str()),
        (Some(Status::NotProven), "block 17 of /a/b: hash mismatch")
    );
    assert_eq!(house.contents("small").unwrap(), b"hello");
    assert_eq!(house.integrity.not_proven, 1);
    house.image[at + 1000] ^= 1;
    assert_eq!(house.contents("a/b").unwrap(), big());
}

#[test]
fn no_flipped_byte_anywhere_leads_to_a_wrong_one() {
    let (image, superblock) = image(5);
    let files = files();
    for at in (0..image.len()).step_by(80_021) {
        let mut bad = image.clone();
        bad[at] ^= 0x20;
        let mut house = House::with(bad, superblock, vouching(&superblock));
        for (path, bytes) in files.iter().step_by(5).chain(&files[..2]) {
            if let Ok(read) = house.contents(path) {
                assert!(read == *bytes, "byte {at} of {path}");
            }
        }
        assert_eq!(house.held, 0);
    }
}

#[test]
fn an_old_volume_is_refused_with_both_numbers() {
    let (image, superblock) = image(3);
    let answer = ledger::Completion {
        minimum_generation: 5,
        status: ledger::Status::NotProven.code(),
        reason: Reason::new("chain ends before event 3, anchored is 5"),
        ..vouching(&superblock)
    };
    let mut house = House::with(image, superblock, answer);
    let (failed, reason) = house.contents("small").unwrap_err();
    assert_eq!(failed, Some(Status::NotProven));
    assert_eq!(reason, "volume generation 3 is older than the anchored 5");
}

#[test]
fn a_volume_of_another_chain_or_name_is_refused() {
    for (name, chain_id) in [("demo", Digest([7; 32])), ("other", CHAIN)] {
        let (image, superblock) =
            image_of(&[("small", b"x")], Identity { name, generation: 5, chain_id }).unwrap();
        let mut house = House::with(image, superblock, vouching(&superblock));
        assert_eq!(house.contents("small").unwrap_err().0, Some(Status::NotProven), "{name}");
    }
}

#[test]
fn the_reason_of_the_ledger_reaches_the_client() {
    let (image, superblock) = image(5);
    let answer = ledger::Completion {
        status: ledger::Status::NotProven.code(),
        reason: Reason::new("chain event 4: bad signature"),
        ..vouching(&superblock)
    };
    let mut house = House::with(image, superblock, answer);
    assert_eq!(house.contents("small").unwrap_err().1, "chain event 4: bad signature");
    let described = house.ask(request(Op::Volume));
    assert_eq!(status(&described), Some(Status::NotProven));
}

#[test]
fn of_a_revoked_chain_the_pinned_volume_is_read_and_no_newer_one() {
    let (image, superblock) = image(5);
    let reason = "chain is revoked by event 9: nothing after event 4 is believed";
    let pinned = ledger::Completion {
        status: ledger::Status::Revoked.code(),
        reason: Reason::new(reason),
        ..vouching(&superblock)
    };
    let mut house = House::with(image.clone(), superblock, pinned);
    assert!(house.contents("small").is_ok());
    let newer = ledger::Completion { generation: 4, root: [7; 32], ..pinned };
    let mut house = House::with(image, superblock, newer);
    assert_eq!(house.contents("small").unwrap_err(), (Some(Status::Revoked), reason.into()));
}

#[test]
fn broken_superblocks_are_named_whatever_the_ledger_says() {
    let (mut image, superblock) = image(5);
    image[100] ^= 1;
    image[4096 + 100] ^= 1;
    let answer = ledger::Completion {
        status: ledger::Status::Storage.code(),
        reason: Reason::new("there is no volume that can be read"),
        ..vouching(&superblock)
    };
    let mut house = House::with(image, superblock, answer);
    let (failed, reason) = house.contents("small").unwrap_err();
    assert_eq!((failed, &*reason), (Some(Status::NotProven), "superblock: hash mismatch"));
}

#[test]
fn a_chain_that_was_not_read_may_be_read_later() {
    let mut house = House::new();
    let good = house.answer;
    house.answer.status = ledger::Status::Storage.code();
    house.answer.reason = Reason::new("the disk failed while the chain was read");
    let (failed, reason) = house.contents("small").unwrap_err();
    assert_eq!(failed, Some(Status::Storage));
    assert_eq!(reason, "the disk failed while the chain was read");
    house.answer = good;
    let _ = house.contents("small");
    assert_eq!(house.contents("small").unwrap(), b"hello");
}

#[test]
fn a_bad_read_at_the_start_is_read_again() {
    let (good, superblock) = image(5);
    let mut bad = good.clone();
    bad[..2 * volume::geometry::BLOCK_BYTES].fill(0);
    let mut house = House::with(bad, superblock, vouching(&superblock));
    // At once, but it is still bad.
    assert_eq!(house.contents("small").unwrap_err().0, Some(Status::NotProven));
    house.image = good;
    assert_eq!(house.contents("small").unwrap_err().0, Some(Status::NotProven));
    house.now_ns = 999_999_999;
    assert_eq!(house.contents("small").unwrap_err().0, Some(Status::NotProven), "not yet");
    house.now_ns = 1_000_000_000;
    let _ = house.contents("small");
    assert_eq!(house.contents("small").unwrap(), b"hello");
}

#[test]
fn what_the_ledger_proves_later_is_served() {
    let mut house = House::new();
    let good = house.answer;
    house.answer.status = ledger::Status::NotProven.code();
    house.answer.reason = Reason::new("chain event 4: bad signature");
    let (status, reason) = house.contents("small").unwrap_err();
    assert_eq!((status, &*reason), (Some(Status::NotProven), "chain event 4: bad signature"));
    house.answer = good;
    house.now_ns = 1_000_000_000;
    let _ = house.contents("small");
    assert_eq!(house.contents("small").unwrap(), b"hello");
}

#[test]
fn a_root_that_the_ledger_does_not_hold_is_refused() {
    let (image, superblock) = image(5);
    let answer = ledger::Completion { root: [0; 32], ..vouching(&superblock) };
    let mut house = House::with(image, superblock, answer);
    let reason = house.contents("small").unwrap_err().1;
    assert!(reason.starts_with("volume root not vouched for by the ledger"), "{reason}");
}

#[test]
fn a_disk_that_comes_back_is_served_again() {
    let mut house = House::new();
    house.is_broken = true;
    assert_eq!(house.contents("small").unwrap_err().0, Some(Status::Storage));
    house.is_broken = false;
    let _ = house.contents("small");
    assert_eq!(house.contents("small").unwrap(), b"hello");
    house.is_broken = true;
    assert_eq!(house.contents("a/b").unwrap_err().0, Some(Status::Storage));
    assert_eq!(house.contents("small").unwrap(), b"hello", "proven before, and kept");
}

#[test]
fn odd_requests_are_refused() {
    let mut house = House::new();
    let object = house.open("small").object;
    let read = Request { object, len: 5, ..request(Op::Read) };
    let past = u32::try_from(REGION_BYTES).unwrap() - 4;
    for bad in [
        Request { op: 0, ..read },
        Request { reserved: 1, ..read },
        Request { reserved2: 1, ..read },
        Request { object: 0, ..read },
        Request { object: 65, ..read },
        Request { object: u32::MAX, ..read },
        Request { offset: past, ..read },
        Request { offset: u32::MAX, ..read },
        Request { len: 1025, ..request(Op::Open) },
        Request { offset: 8192, len: 1, ..request(Op::Open) },
        Request { object: object + 1, ..request(Op::Close) },
        Request { position: u64::MAX, ..request(Op::List) },
    ] {
        assert_eq!(status(&house.ask(bad)), Some(Status::BadRequest), "{bad:?}");
    }
    assert_eq!(house.read(object, 0, 5).unwrap(), b"hello");
}

#[test]
fn open_objects_are_bounded_and_closed_ones_come_back() {
    let mut house = House::new();
    for _ in 0..protocols::integrity::OBJECTS_PER_CLIENT {
        assert_eq!(status(&house.open("small")), Some(Status::Ok));
    }
    assert_eq!(status(&house.open("small")), Some(Status::NoRoom));
    house.ask(Request { object: 7, ..request(Op::Close) });
    assert_eq!(house.open("small").object, 7);
}

#[test]
fn a_store_that_names_foreign_memory_is_refused() {
    let mut house = House::new();
    house.open("small");
    house.integrity.step(|| 0);
    house.client.send(Request { object: 1, len: 5, ..request(Op::Read) }).unwrap();
    house.client.flush();
    house.integrity.step(|| 0);
    let request = house.store.receive().unwrap().unwrap();
    let lie = store::Completion {
        cookie: request.cookie,
        offset: u32::MAX - 4096,
        status: store::Status::Ok.code(),
        count: 1,
        reserved: 0,
    };
    house.store.send(lie).unwrap();
    house.store.flush();
    house.integrity.step(|| 0);
    let completion = house.client.receive().unwrap().unwrap();
    assert_eq!(status(&completion), Some(Status::Storage));
}

#[test]
fn goes_on_refusing_longer_than_a_ring_is() {
    let (image, superblock) = image(5);
    let answer = ledger::Completion { volume: [b'x'; 32], ..vouching(&superblock) };
    let mut house = House::with(image, superblock, answer);
    for _ in 0..3 * RING_SLOTS {
        assert_eq!(house.contents("small").unwrap_err().1, "volume has another name");
    }
}

/// Each look at the clock is a sign of life: a turn that serves many must not look like a hang.
#[test]
fn a_turn_gives_a_sign_of_life_for_each_request() {
    let mut house = House::new();
    assert_eq!(house.contents("small").unwrap(), b"hello");
    for _ in 0..8 {
        house.client.send(request(Op::Volume)).unwrap();
    }
    house.client.flush();
    let mut looks = 0;
    house.integrity.step(|| {
        looks += 1;
        0
    });
    assert!(looks > 8, "{looks}");
}
