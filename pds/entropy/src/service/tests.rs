use super::*;
use protocols::timer;
use sel4_shared_ring_buffer::{ClientEnd, RawLink};
use virtio::fake::{FakeBus, FakeDevice, FakeRegisters, Mischief};
use virtio::feature;

type Raw = RawLink<Request, Completion, RING_SLOTS>;
type RawTimer = RawLink<timer::Request, timer::Completion, { timer::RING_SLOTS }>;
type Notify = fn();

struct Bench {
    service: Service<'static, FakeRegisters, Notify, Notify>,
    bus: FakeBus,
    device: FakeDevice,
    crypto: ClientEnd<'static, Request, Completion, RING_SLOTS, Notify>,
    timer: ServerEnd<'static, timer::Request, timer::Completion, { timer::RING_SLOTS }, Notify>,
    now_ns: u64,
}

fn bench() -> Bench {
    let bus = FakeBus::new(4096);
    let device = FakeDevice::new(bus, 4, feature::EVENT_IDX, &[], 1);
    let raw = &*Box::leak(Box::new(Raw::new()));
    let raw_timer = &*Box::leak(Box::new(RawTimer::new()));
    let service = Service::new(Wiring {
        registers: device.registers(),
        memory: bus.place(0),
        memory_address: bus.address(0),
        link: raw.server((|| ()) as Notify),
        timer: raw_timer.client((|| ()) as Notify),
    });
    assert!(service.is_up());
    let crypto = raw.client((|| ()) as Notify);
    let timer = raw_timer.server((|| ()) as Notify);
    Bench { service, bus, device, crypto, timer, now_ns: 0 }
}

impl Bench {
    fn run(&mut self) {
        let now_ns = self.now_ns;
        self.service.run(|| now_ns);
    }

    fn ask(&mut self, cookie: u64, len: u32) {
        self.crypto.send(Request { cookie, len, reserved: 0 }).unwrap();
        self.crypto.flush();
        self.run();
    }

    /// The device answers with these bytes.
    fn give(&mut self, bytes: &[u8]) {
        let chain = self.device.pop(0).unwrap();
        self.bus.write(chain.buffers[0].address, bytes);
        let len = u32::try_from(bytes.len()).unwrap();
        assert!(self.device.complete(0, chain.head, len));
        self.service.acknowledge_interrupt();
        self.run();
    }

    fn answer(&mut self) -> Option<Completion> {
        self.crypto.receive().unwrap()
    }

    fn status(&mut self) -> Option<Status> {
        let completion = self.answer()?;
        assert_eq!((completion.len, completion.bytes), (0, [0; BYTES_MAX]));
        Status::from_code(completion.status)
    }

    fn ring_alarm(&mut self) {
        assert_eq!(self.timer.receive().unwrap().unwrap().deadline_ns, TIMEOUT_NS);
        let status = timer::Status::Expired.code();
        self.timer.send(timer::Completion { cookie: 0, status, reserved: [0; 6] }).unwrap();
        self.timer.flush();
        self.now_ns = TIMEOUT_NS;
        self.run();
    }
}

fn distinct(start: u8, count: usize) -> Vec<u8> {
    (0..count).map(|n| start.wrapping_add(u8::try_from(n * 7 % 256).unwrap())).collect()
}

#[test]
fn hands_out_what_the_device_gave_and_forgets_the_rest() {
    let mut bench = bench();
    bench.ask(1, 32);
    bench.give(&distinct(3, 64));
    let completion = bench.answer().unwrap();
    assert_eq!((completion.cookie, completion.status), (1, Status::Ok.code()));
    assert_eq!((completion.len, &completion.bytes[..32]), (32, &distinct(3, 32)[..]));
    assert_eq!(completion.bytes[32..], [0; 16]);
    bench.ask(2, 32);
    assert_eq!(bench.answer(), None, "the left-over bytes are not used");
    bench.give(&distinct(99, 64));
    assert_eq!(bench.answer().unwrap().bytes[..32], distinct(99, 32));
}

#[test]
fn gathers_short_answers() {
    let mut bench = bench();
    bench.ask(1, 48);
    bench.give(&distinct(1, 20));
    assert_eq!(bench.answer(), None);
    bench.give(&distinct(2, 28));
    let completion = bench.answer().unwrap();
    assert_eq!(completion.bytes[..20], distinct(1, 20));
    assert_eq!(completion.bytes[20..], distinct(2, 28));
}

#[test]
fn serves_waiting_requests_one_by_one() {
    let mut bench = bench();
    for cookie in 0..4 {
        bench.ask(cookie, 8);
    }
    for cookie in 0..4 {
        bench.give(&distinct(5, 64));
        assert_eq!(bench.answer().unwrap().cookie, cookie);
    }
}

#[test]
fn impossible_lengths_are_refused() {
    let mut bench = bench();
    for len in [0, 49, u32::MAX] {
        bench.ask(1, len);
        assert_eq!(bench.status(), Some(Status::BadRequest));
    }
    bench.crypto.send(Request { cookie: 1, len: 8, reserved: 1 }).unwrap();
    bench.crypto.flush();
    bench.run();
    assert_eq!(bench.status(), Some(Status::BadRequest));
    assert!(bench.device.pop(0).is_none());
    assert_eq!(bench.service.counters().errors, 4);
}

#[test]
fn a_device_that_repeats_itself_is_refused() {
    let mut bench = bench();
    bench.ask(1, 48);
    bench.give(&[0; 64]);
    assert_eq!(bench.status(), Some(Status::Unhealthy));
    bench.ask(2, 48);
    bench.give(&distinct(7, 64));
    assert!(bench.answer().is_some_and(|completion| completion.cookie == 2));
}

#[test]
fn a_silent_device_is_reset_and_asked_again() {
    let mut bench = bench();
    bench.ask(1, 48);
    bench.ring_alarm();
    assert_eq!(bench.status(), Some(Status::Device));
    bench.ask(2, 48);
    bench.give(&distinct(7, 64));
    assert!(bench.answer().is_some_and(|completion| completion.status == Status::Ok.code()));
}

#[test]
fn a_device_that_breaks_its_queue_is_reset_and_asked_again() {
    for (id, len) in [(9, 8), (0, 65), (0, 0)] {
        let mut bench = bench();
        bench.ask(1, 48);
        bench.device.complete(0, id, len);
        bench.run();
        assert_eq!(bench.status(), Some(Status::Device));
        bench.ask(2, 48);
        bench.give(&distinct(7, 64));
        assert!(bench.answer().is_some_and(|completion| completion.status == Status::Ok.code()));
    }
}

#[test]
fn without_a_device_the_request_is_answered() {
    let mut bench = bench();
    bench.device.set_mischief(Mischief { never_resets: true, ..Mischief::default() });
    bench.ask(1, 48);
    bench.ring_alarm();
    assert_eq!(bench.status(), Some(Status::Device));
    bench.ask(2, 48);
    assert_eq!(bench.status(), Some(Status::Device));
}
