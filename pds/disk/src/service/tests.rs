use std::cell::Cell;
use std::rc::Rc;

use super::*;
use protocols::disk::{BUFFERS_BYTES, Op};
use protocols::timer;
use sel4_shared_ring_buffer::{ClientEnd, RawLink};
use virtio::fake::{FakeBus, FakeChain, FakeDevice, FakeRegisters, Mischief};
use virtio::feature;

type Raw = RawLink<Request, Completion, RING_SLOTS>;
type RawTimer = RawLink<timer::Request, timer::Completion, { timer::RING_SLOTS }>;
type Notify = Box<dyn FnMut()>;
type StoreEnd = ClientEnd<'static, Request, Completion, RING_SLOTS, Notify>;
type TimerEnd = sel4_shared_ring_buffer::ServerEnd<
    'static,
    timer::Request,
    timer::Completion,
    { timer::RING_SLOTS },
    Notify,
>;

const BUFFERS: u64 = 0x7_0000_0000;
const CAPACITY_BLOCKS: u64 = 1000;

struct Bench {
    service: Service<'static, FakeRegisters, Notify, Notify>,
    bus: FakeBus,
    device: FakeDevice,
    store: StoreEnd,
    timer: TimerEnd,
    raw: &'static Raw,
    now_ns: u64,
    woken: Rc<Cell<usize>>,
}

fn bench_with(mischief: Mischief) -> Bench {
    let bus = FakeBus::new(size_of::<BlkMemory>());
    // Seven sectors more than a whole number of blocks.
    let config = (CAPACITY_BLOCKS * 8 + 7).to_le_bytes();
    let device = FakeDevice::new(bus, 2, feature::EVENT_IDX, &config, 1);
    device.set_mischief(mischief);
    let raw = &*Box::leak(Box::new(Raw::new()));
    let raw_timer = &*Box::leak(Box::new(RawTimer::new()));
    let woken = Rc::new(Cell::new(0));
    let woken_too = woken.clone();
    let service = Service::new(Wiring {
        registers: device.registers(),
        memory: bus.place(0),
        memory_address: bus.address(0),
        buffers_address: BUFFERS,
        link: raw.server(Box::new(move || woken_too.set(woken_too.get() + 1)) as Notify),
        timer: raw_timer.client(Box::new(|| ()) as Notify),
    });
    let store = raw.client(Box::new(|| ()) as Notify);
    let timer = raw_timer.server(Box::new(|| ()) as Notify);
    let mut bench = Bench { service, bus, device, store, timer, raw, now_ns: 1, woken };
    bench.run();
    bench
}

fn bench() -> Bench {
    bench_with(Mischief::default())
}

fn read(cookie: u64, block: u64, buffer: u32, count: u16) -> Request {
    Request { cookie, block, offset: buffer * BLOCK_LEN, op: Op::Read.code(), count, reserved: 0 }
}

impl Bench {
    fn run(&mut self) {
        let now_ns = self.now_ns;
        self.service.run(|| now_ns);
    }

    fn ask(&mut self, request: Request) {
        self.store.send(request).unwrap();
        self.store.flush();
        self.run();
    }

    fn answers(&mut self) -> Vec<(u64, Option<Status>)> {
        let store = &mut self.store;
        let all = core::iter::from_fn(|| store.receive().unwrap())
            .map(|completion| (completion.cookie, Status::from_code(completion.status)))
            .collect();
        while !store.arm() {}
        all
    }

    fn answer(&mut self, request: Request) -> Vec<(u64, Option<Status>)> {
        self.ask(request);
        self.answers()
    }

    /// The device ends a request with this status, as it should.
    fn end(&mut self, chain: &FakeChain, status: u8) {
        self.bus.write(chain.buffers[2].address, &[status]);
        let len = chain.buffers[1].len + 1;
        assert!(self.device.complete(0, chain.head, len));
        self.service.acknowledge_interrupt();
        self.run();
    }

    /// What `timer` was asked for.
    fn alarms(&mut self) -> Vec<u64> {
        let timer = &mut self.timer;
        core::iter::from_fn(|| timer.receive().unwrap()).map(|alarm| alarm.deadline_ns).collect()
    }

    fn ring_alarm(&mut self) {
        let status = timer::Status::Expired.code();
        self.timer.send(timer::Completion { cookie: 0, status, reserved: [0; 6] }).unwrap();
        self.timer.flush();
        self.run();
    }
}

const OK: Option<Status> = Some(Status::Ok);

#[test]
fn blocks_go_by_reference_and_wake_store_once() {
    let mut bench = bench();
    assert_eq!(bench.answers(), []);
    bench.ask(read(1, 5, 0, 1));
    bench.ask(read(2, 10, 32, 32));
    let chains = [bench.device.pop(0).unwrap(), bench.device.pop(0).unwrap()];
    let header = bench.bus.read(chains[1].buffers[0].address, 16);
    assert_eq!(header[8..], 80u64.to_le_bytes());
    let data = chains[1].buffers[1];
    assert_eq!((data.address, data.len, data.writable), (BUFFERS + 32 * 4096, 32 * 4096, true));
    let woken = bench.woken.get();
    bench.end(&chains[1], 0);
    bench.end(&chains[0], 0);
    assert_eq!(bench.woken.get(), woken + 1);
    assert_eq!(bench.answers(), [(2, OK), (1, OK)]);
    assert_eq!(bench.service.counters().blocks, 33);
}

#[test]
fn tells_the_capacity_in_whole_blocks() {
    let mut bench = bench();
    bench.ask(Request { op: Op::Capacity.code(), ..read(9, 0, 0, 0) });
    let completion = bench.store.receive().unwrap().unwrap();
    assert_eq!((completion.cookie, completion.capacity_blocks), (9, CAPACITY_BLOCKS));
}

#[test]
fn requests_that_make_no_sense_never_reach_the_device() {
    let mut bench = bench();
    let blocks = u32::try_from(BUFFERS_BYTES / BLOCK_BYTES).unwrap();
    let bad = Some(Status::BadRequest);
    assert_eq!(bench.answer(read(1, 0, blocks, 1)), [(1, bad)]);
    assert_eq!(bench.answer(read(2, 0, blocks - 1, 2)), [(2, bad)]);
    assert_eq!(bench.answer(Request { offset: 512, ..read(3, 0, 0, 1) }), [(3, bad)]);
    assert_eq!(bench.answer(read(4, 0, 0, 33)), [(4, bad)]);
    let out = Some(Status::OutOfRange);
    assert_eq!(bench.answer(read(5, CAPACITY_BLOCKS, 0, 1)), [(5, out)]);
    assert_eq!(bench.answer(read(6, CAPACITY_BLOCKS - 1, 0, 2)), [(6, out)]);
    assert_eq!(bench.answer(read(7, u64::MAX, 0, 1)), [(7, out)]);
    assert!(bench.device.pop(0).is_none());
    assert_eq!(bench.service.counters().errors, 7);
}

#[test]
fn buffers_that_the_device_still_writes_are_refused() {
    let mut bench = bench();
    bench.ask(read(1, 0, 4, 4));
    assert_eq!(bench.answer(read(2, 9, 7, 1)), [(2, Some(Status::BadRequest))]);
    let chain = bench.device.pop(0).unwrap();
    bench.end(&chain, 0);
    assert_eq!(bench.answers(), [(1, OK)]);
    bench.ask(read(3, 9, 7, 1));
    assert!(bench.device.pop(0).is_some());
}

#[test]
fn a_device_error_is_answered_and_the_next_request_works() {
    let mut bench = bench();
    for status in [1, 2, 0xff] {
        bench.ask(read(1, 0, 0, 1));
        let chain = bench.device.pop(0).unwrap();
        bench.end(&chain, status);
        assert_eq!(bench.answers(), [(1, Some(Status::Device))]);
    }
    bench.ask(read(2, 0, 0, 1));
    let chain = bench.device.pop(0).unwrap();
    bench.end(&chain, 0);
    assert_eq!(bench.answers(), [(2, OK)]);
}

#[test]
fn more_requests_than_the_device_takes_wait_their_turn() {
    let mut bench = bench();
    for (cookie, buffer) in (0..64).zip(0..64) {
        bench.store.send(read(cookie, cookie, buffer, 1)).unwrap();
    }
    bench.store.flush();
    bench.run();
    let mut answered = Vec::new();
    while let Some(chain) = bench.device.pop(0) {
        bench.end(&chain, 0);
        answered.extend(bench.answers());
    }
    assert_eq!(answered.len(), 64);
    assert!(answered.iter().all(|(_, status)| *status == OK));
}

#[test]
fn a_store_that_does_not_read_gets_no_more_than_it_has_room_for() {
    let mut bench = bench();
    for cookie in 0..3 * RING_SLOTS as u64 {
        let _ = bench.store.send(read(cookie, u64::MAX, 0, 1));
        bench.store.flush();
        bench.run();
    }
    let first = bench.answers().len();
    assert_eq!(first, RING_SLOTS);
    bench.run();
    assert_eq!(bench.answers().len(), RING_SLOTS, "the rest follows once there is room");
}

#[test]
fn a_store_that_does_not_read_does_not_keep_us_awake() {
    let mut bench = bench();
    bench.ask(read(0, 0, 0, 1));
    // One place is kept for the request above, so 63 refusals fit and the rest must wait for it.
    for cookie in 0..80 {
        let _ = bench.store.send(read(cookie, u64::MAX, 0, 1));
        bench.store.flush();
        bench.run();
    }
    assert_eq!(bench.answers().len(), RING_SLOTS - 1);
    let chain = bench.device.pop(0).unwrap();
    bench.end(&chain, 0);
    assert_eq!(bench.answers().len(), 1 + 80 - (RING_SLOTS - 1));
}

#[test]
fn a_silent_device_is_reset_after_the_timeout() {
    let mut bench = bench();
    bench.ask(read(1, 0, 0, 1));
    bench.now_ns += 1_000_000;
    bench.ask(read(2, 1, 1, 1));
    assert_eq!(bench.alarms(), [1 + TIMEOUT_NS], "one alarm for all");
    let first = bench.device.pop(0).unwrap();
    bench.end(&first, 0);
    assert_eq!(bench.answers(), [(1, OK)]);
    bench.now_ns = 1 + TIMEOUT_NS;
    bench.ring_alarm();
    assert_eq!(bench.answers(), [], "the second has a millisecond left");
    assert_eq!(bench.alarms(), [1_000_001 + TIMEOUT_NS]);
    let resets = bench.device.reset_count();
    bench.now_ns = 1_000_001 + TIMEOUT_NS;
    bench.ring_alarm();
    assert_eq!(bench.answers(), [(2, Some(Status::Timeout))]);
    assert!(bench.device.reset_count() > resets);
    bench.ask(read(3, 0, 1, 1));
    let chain = bench.device.pop(0).unwrap();
    bench.end(&chain, 0);
    assert_eq!(bench.answers(), [(3, OK)]);
}

#[test]
fn a_device_that_breaks_its_queue_is_reset_and_used_again() {
    for (id, len) in [(77, 1), (0, 1 << 20)] {
        let mut bench = bench();
        bench.ask(read(1, 0, 0, 1));
        bench.ask(read(2, 1, 1, 1));
        bench.device.complete(0, id, len);
        bench.run();
        let mut answers = bench.answers();
        answers.sort_by_key(|answer| answer.0);
        assert_eq!(answers, [(1, Some(Status::Device)), (2, Some(Status::Device))]);
        bench.ask(read(3, 0, 0, 1));
        let chain = bench.device.pop(0).unwrap();
        bench.end(&chain, 0);
        assert_eq!(bench.answers(), [(3, OK)]);
    }
}

#[test]
fn without_a_device_every_request_is_answered_until_there_is_one() {
    let mut bench = bench_with(Mischief { never_resets: true, ..Mischief::default() });
    assert!(!bench.service.is_up());
    assert_eq!(bench.answer(read(1, 0, 0, 1)), [(1, Some(Status::NoDevice))]);
    assert_eq!(bench.service.counters().faults, 1, "not tried again at once");
    bench.device.set_mischief(Mischief::default());
    bench.now_ns += 1_000_000_000;
    bench.ask(read(2, 0, 0, 1));
    let chain = bench.device.pop(0).unwrap();
    bench.end(&chain, 0);
    assert_eq!(bench.answers(), [(2, OK)]);
    assert!(bench.service.is_up());
}

#[test]
fn when_store_starts_anew_the_device_writes_none_of_its_old_buffers() {
    let mut bench = bench();
    bench.ask(read(1, 0, 0, 32));
    let resets = bench.device.reset_count();
    bench.store = bench.raw.client(Box::new(|| ()));
    bench.run();
    assert!(bench.device.reset_count() > resets);
    bench.ask(read(2, 0, 31, 1));
    let chain = bench.device.pop(0).unwrap();
    assert_eq!(chain.buffers[1].address, BUFFERS + 31 * 4096);
    bench.end(&chain, 0);
    let completion = bench.store.receive().unwrap().unwrap();
    assert_eq!((completion.cookie, completion.status), (2, Status::Ok.code()));
}
