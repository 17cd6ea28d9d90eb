//! The PD against a fake disk that holds a real volume.

use ledger_verify::Digest;
use protocols::disk;
use protocols::store::{Completion, Op, RING_SLOTS, Request, Status};
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, RawLink, ServerEnd};
use volume::write::{Identity, image_of};

use super::*;

type RawDisk = RawLink<disk::Request, disk::Completion, { disk::RING_SLOTS }>;
type RawStore = RawLink<Request, Completion, RING_SLOTS>;
type ClientLink = ClientEnd<'static, Request, Completion, RING_SLOTS>;

const GROUPS: usize = 8;

fn ignore() {}

struct House {
    store: Store<'static, fn()>,
    disk: ServerEnd<'static, disk::Request, disk::Completion, { disk::RING_SLOTS }>,
    clients: [ClientLink; 2],
    blocks: DataRegion<'static>,
    image: Vec<u8>,
    broken: bool,
}

fn image() -> Vec<u8> {
    let big: Vec<u8> = (0..200 * 4096_u32).map(|at| (at / 7).to_le_bytes()[0]).collect();
    let identity = Identity { name: "demo", generation: 3, chain_id: Digest([1; 32]) };
    let (image, superblock) = image_of(&[("big", &big), ("small", b"hello")], identity).unwrap();
    let mut image = std::io::Cursor::new(image);
    volume::write::embed_chain(&mut image, &superblock, b"not a chain").unwrap();
    image.into_inner()
}

impl House {
    fn new(image: Vec<u8>) -> Self {
        let raw_disk: &'static RawDisk = Box::leak(Box::new(RawDisk::new()));
        let raw: [&'static RawStore; 2] =
            std::array::from_fn(|_| &*Box::leak(Box::new(RawStore::new())));
        let bytes: &'static mut [u8] =
            Box::leak(vec![0; GROUPS * GROUP_BYTES as usize].into_boxed_slice());
        let blocks = DataRegion::new(ExternallySharedRef::from_mut_ref(bytes));
        let clients = raw.map(|raw| Client::new(raw.server(ignore as fn())));
        let store = Store::new(
            Box::leak(Box::new(Leaves::EMPTY)),
            raw_disk.client(ignore as fn()),
            blocks.read_only(),
            clients.into_iter().collect(),
        );
        Self {
            store: store.unwrap(),
            disk: raw_disk.server(ignore as fn()),
            clients: raw.map(|raw| raw.client(ignore as fn())),
            blocks,
            image,
            broken: false,
        }
    }

    /// Serves disk requests until there are none.
    fn run(&mut self) {
        for _ in 0..1000 {
            self.store.step();
            let Ok(Some(request)) = self.disk.receive() else { return };
            let status = self.serve(&request);
            let completion = disk::Completion {
                cookie: request.cookie,
                capacity_blocks: 0,
                status: status.code(),
                reserved: [0; 6],
            };
            self.disk.send(completion).unwrap();
            self.disk.flush();
        }
        panic!("store never stops asking");
    }

    fn serve(&self, request: &disk::Request) -> disk::Status {
        assert!(usize::from(request.count) * 4096 <= GROUP_BYTES as usize);
        let start = usize::try_from(request.block).unwrap() * 4096;
        let end = start + usize::from(request.count) * 4096;
        let Some(bytes) = self.image.get(start..end) else { return disk::Status::OutOfRange };
        if self.broken {
            return disk::Status::Device;
        }
        let span = self.blocks.span(request.offset, u32::try_from(bytes.len()).unwrap()).unwrap();
        self.blocks.copy_in(span, bytes).unwrap();
        disk::Status::Ok
    }

    fn send(&mut self, client: usize, request: Request) {
        self.clients[client].send(request).unwrap();
        self.clients[client].flush();
    }

    fn ask(&mut self, client: usize, request: Request) -> Completion {
        self.send(client, request);
        self.run();
        self.clients[client].receive().unwrap().unwrap()
    }

    fn bytes(&mut self, client: usize, request: Request) -> Vec<u8> {
        let completion = self.ask(client, request);
        assert_eq!(status(&completion), Some(Status::Ok), "{request:?}");
        let len = u32::from(completion.count) * 4096;
        let mut bytes = vec![0; len as usize];
        self.blocks
            .copy_out(self.blocks.span(completion.offset, len).unwrap(), &mut bytes)
            .unwrap();
        self.send(client, release(completion.offset));
        self.run();
        bytes
    }
}

fn status(completion: &Completion) -> Option<Status> {
    Status::from_code(completion.status)
}

fn request(op: Op, object: u64, index: u64, count: u16) -> Request {
    Request { cookie: 9, object, index, op: op.code(), level: 0, count, reserved: [0; 10] }
}

fn release(offset: u32) -> Request {
    request(Op::Release, 0, offset.into(), 0)
}

#[test]
fn finds_every_part() {
    let mut house = House::new(image());
    house.run();
    assert!(house.store.has_volume());
    let image = house.image.clone();
    assert_eq!(house.bytes(0, request(Op::Superblock, 0, 1, 1)), image[4096..8192]);
    assert_eq!(&house.bytes(1, request(Op::Chain, 0, 0, 1))[..8], b"CAIRNCHN");
    let small = house.bytes(0, request(Op::Data, 1, 0, 16));
    assert_eq!((small.len(), &small[..5]), (4096, &b"hello"[..]));
    let big: Vec<u8> =
        (0..13).flat_map(|batch| house.bytes(0, request(Op::Data, 0, batch * 16, 16))).collect();
    assert_eq!(big.len(), 200 * 4096);
    assert!((0..200 * 4096_u32).all(|at| big[at as usize] == (at / 7).to_le_bytes()[0]));
    assert!(!house.bytes(0, request(Op::TreeNode, 0, 1, 1)).is_empty());
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mut house = House::new(image());
    house.run();
    for missing in [
        request(Op::Superblock, 0, 2, 1),
        request(Op::TocNode, 0, 99, 1),
        request(Op::Data, 0, 200, 1),
        request(Op::Data, 7, 0, 1),
        request(Op::Data, u64::MAX, 0, 1),
        request(Op::Data, 0, u64::MAX, 16),
        request(Op::Chain, 0, 1 << 40, 1),
        Request { level: 9, ..request(Op::TreeNode, 0, 0, 1) },
    ] {
        assert_eq!(status(&house.ask(0, missing)), Some(Status::NotFound), "{missing:?}");
    }
}

#[test]
fn malformed_requests_are_refused() {
    let mut house = House::new(image());
    house.run();
    for bad in [
        request(Op::Data, 0, 0, 0),
        request(Op::Data, 0, 0, 17),
        Request { op: 0, ..request(Op::Data, 0, 0, 1) },
        Request { reserved: [1; 10], ..request(Op::Data, 0, 0, 1) },
        release(0),
        release(5),
        release(u32::MAX),
        request(Op::Release, 0, u64::MAX, 0),
    ] {
        assert_eq!(status(&house.ask(0, bad)), Some(Status::BadRequest), "{bad:?}");
    }
}

#[test]
fn a_greedy_client_takes_only_its_share() {
    let mut house = House::new(image());
    house.run();
    let granted = (0..GROUPS)
        .filter(|_| status(&house.ask(0, request(Op::Data, 0, 0, 1))) == Some(Status::Ok))
        .count();
    assert_eq!(granted, (GROUPS - 1) / 2);
    assert_eq!(status(&house.ask(1, request(Op::Chain, 0, 0, 1))), Some(Status::Ok));
}

#[test]
fn nobody_releases_what_another_holds_or_releases_twice() {
    let mut house = House::new(image());
    house.run();
    let held = house.ask(0, request(Op::Data, 0, 0, 1));
    assert_eq!(status(&house.ask(1, release(held.offset))), Some(Status::BadRequest));
    house.send(0, release(held.offset));
    assert_eq!(status(&house.ask(0, release(held.offset))), Some(Status::BadRequest));
}

#[test]
fn a_failing_disk_is_said_and_survived() {
    let mut house = House::new(image());
    house.run();
    house.broken = true;
    for _ in 0..2 * GROUPS {
        assert_eq!(status(&house.ask(0, request(Op::Data, 0, 0, 4))), Some(Status::Disk));
    }
    house.broken = false;
    assert_eq!(status(&house.ask(0, request(Op::Data, 0, 0, 4))), Some(Status::Ok));
}

#[test]
fn a_volume_that_comes_later_is_found() {
    let mut house = House::new(image());
    house.broken = true;
    house.run();
    assert!(!house.store.has_volume());
    house.broken = false;
    assert_eq!(status(&house.ask(0, request(Op::Chain, 0, 0, 1))), Some(Status::NoVolume));
    assert_eq!(status(&house.ask(0, request(Op::Chain, 0, 0, 1))), Some(Status::Ok));
}

#[test]
fn one_damaged_superblock_is_enough_to_go_on() {
    for slot in 0..2 {
        let mut image = image();
        image[slot * 4096 + 40] ^= 1;
        let mut house = House::new(image);
        assert_eq!(status(&house.ask(0, request(Op::Data, 1, 0, 1))), Some(Status::Ok));
    }
}

#[test]
fn garbage_on_disk_never_leads_outside_it() {
    for seed in 0..64_u64 {
        let mut image = image();
        let mut state = seed;
        let toc = image.len() - 4096;
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(state >> 33).unwrap() % 4096;
            image[toc + at] ^= 0x41;
        }
        let mut house = House::new(image);
        for index in [0, 1, 100, 199] {
            let completion = house.ask(0, request(Op::Data, 0, index, 16));
            if status(&completion) == Some(Status::Ok) {
                house.send(0, release(completion.offset));
            }
        }
    }
}

#[test]
fn a_client_that_starts_anew_holds_nothing() {
    let mut house = House::new(image());
    house.run();
    for _ in 0..3 {
        house.ask(0, request(Op::Data, 0, 0, 1));
    }
    house.clients[0].reset();
    house.run();
    for _ in 0..3 {
        assert_eq!(status(&house.ask(0, request(Op::Data, 0, 0, 1))), Some(Status::Ok));
    }
}

#[test]
fn a_disk_that_starts_anew_is_asked_again() {
    let mut house = House::new(image());
    house.run();
    house.send(0, request(Op::Data, 0, 0, 1));
    house.store.step();
    house.disk.reset();
    house.run();
    assert_eq!(status(&house.clients[0].receive().unwrap().unwrap()), Some(Status::Ok));
    assert_eq!(house.clients[0].receive(), Ok(None), "answered once");
    assert_eq!(status(&house.ask(0, request(Op::Data, 0, 0, 1))), Some(Status::Ok));
}
