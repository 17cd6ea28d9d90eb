use std::cell::Cell;
use std::rc::Rc;

use super::*;
use protocols::nic::{BUFFER_BYTES, BUFFERS, RING_SLOTS};
use protocols::timer;
use sel4_shared_ring_buffer::{ClientEnd, Descriptor, RawLink, ServerEnd};
use virtio::fake::{FakeBus, FakeChain, FakeDevice, FakeRegisters, Mischief};
use virtio::feature;

type Raw = RawLink<Descriptor, Descriptor, RING_SLOTS>;
type RawTimer = RawLink<timer::Request, timer::Completion, { timer::RING_SLOTS }>;
type TimerEnd = ServerEnd<'static, timer::Request, timer::Completion, { timer::RING_SLOTS }, fn()>;
type Notify = Box<dyn FnMut()>;
type NetEnd = ClientEnd<'static, Descriptor, Descriptor, RING_SLOTS, Notify>;

const MAC: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];
const RX: u64 = 0x5_0000_0000;
const TX: u64 = 0x6_0000_0000;
/// The device puts this many bytes before each frame.
const HEADER: u32 = 12;

struct Bench {
    card: Card<'static, FakeRegisters, Notify, fn()>,
    timer: TimerEnd,
    device: FakeDevice,
    receive: NetEnd,
    transmit: NetEnd,
    raws: [&'static Raw; 2],
    now_ns: u64,
    /// Notifications to `net`.
    woken: Rc<Cell<usize>>,
}

fn bench_with(mischief: Mischief) -> Bench {
    let bus = FakeBus::new(size_of::<NetMemory>());
    let device = FakeDevice::new(bus, 1, feature::EVENT_IDX | 1 << 5, &MAC, 2);
    device.set_mischief(mischief);
    let raws: [&'static Raw; 2] = [(); 2].map(|()| &*Box::leak(Box::new(Raw::new())));
    let woken = Rc::new(Cell::new(0));
    let notify = || {
        let woken = woken.clone();
        Box::new(move || woken.set(woken.get() + 1)) as Notify
    };
    let timer: &'static RawTimer = Box::leak(Box::new(RawTimer::new()));
    let nobody: fn() = || ();
    let page = Box::leak(Box::new(Info { mac: [0; 6], link_up: 0, ready: 0 }));
    let card = Card::new(Wiring {
        registers: device.registers(),
        memory: bus.place(0),
        memory_address: bus.address(0),
        receive_address: RX,
        transmit_address: TX,
        receive: raws[0].server(notify()),
        transmit: raws[1].server(notify()),
        info: ExternallySharedRef::from_mut_ref(page),
        timer: timer.client(nobody),
    });
    let [receive, transmit] = raws.map(|raw| raw.client(Box::new(|| ()) as Notify));
    let timer = timer.server(nobody);
    let mut bench = Bench { card, timer, device, receive, transmit, raws, now_ns: 0, woken };
    bench.run();
    bench
}

fn bench() -> Bench {
    bench_with(Mischief::default())
}

impl Bench {
    fn run(&mut self) {
        let now_ns = self.now_ns;
        self.card.run(|| now_ns);
    }

    fn give(&mut self, buffers: impl IntoIterator<Item = usize>) {
        for buffer in buffers {
            self.receive.send(Descriptor::new(buffer * BUFFER_BYTES, 0, buffer)).unwrap();
        }
        self.receive.flush();
        self.run();
    }

    fn send(&mut self, buffer: usize, len: u32) {
        self.transmit.send(Descriptor::new(buffer * BUFFER_BYTES, len, buffer)).unwrap();
        self.transmit.flush();
        self.run();
    }

    /// The device's interrupt: `run` only if it wants one.
    fn complete(&mut self, queue: usize, chain: &FakeChain, len: u32) {
        if self.device.complete(queue, chain.head, len) {
            self.card.acknowledge_interrupt();
            self.run();
        }
    }

    /// `timer` says that the time has come which `nic` asked for.
    fn ring(&mut self) {
        let request = self.timer.receive().unwrap().unwrap();
        assert_eq!(request.deadline_ns, self.now_ns);
        expire(&mut self.timer, request.cookie);
        self.run();
    }

    fn received(&mut self) -> Vec<Descriptor> {
        drain(&mut self.receive)
    }

    fn sent(&mut self) -> Vec<Descriptor> {
        drain(&mut self.transmit)
    }

    fn info(&self) -> Info {
        self.card.info.as_ptr().read()
    }
}

fn expire(timer: &mut TimerEnd, cookie: u64) {
    let status = timer::Status::Expired.code();
    timer.send(timer::Completion { cookie, status, reserved: [0; 6] }).unwrap();
    timer.flush();
}

fn drain(end: &mut NetEnd) -> Vec<Descriptor> {
    let all = core::iter::from_fn(|| end.receive().unwrap()).collect();
    assert!(end.arm());
    all
}

fn at(buffer: usize, len: u32) -> Descriptor {
    Descriptor::new(buffer * BUFFER_BYTES, len, buffer)
}

#[test]
fn tells_the_station_address() {
    assert_eq!(bench().info(), Info { mac: MAC, link_up: 1, ready: 1 });
}

#[test]
fn a_received_frame_goes_by_reference_and_wakes_net_once() {
    let mut bench = bench();
    assert_eq!(bench.received(), []);
    bench.give([3, 9]);
    let chains = [bench.device.pop(0).unwrap(), bench.device.pop(0).unwrap()];
    assert_eq!(chains[0].buffers[1].address, RX + 3 * BUFFER_BYTES as u64);
    assert_eq!(chains[0].buffers[1].len, 1514);
    let woken = bench.woken.get();
    bench.complete(0, &chains[1], HEADER + 60);
    bench.complete(0, &chains[0], HEADER + 1514);
    assert_eq!(bench.woken.get(), woken + 1, "net had not gone back to sleep");
    assert_eq!(bench.received(), [at(9, 60), at(3, 1514)]);
    let counters = bench.card.counters();
    assert_eq!((counters.received, counters.received_bytes), (2, 1574));
}

#[test]
fn a_frame_to_send_goes_by_reference_and_comes_back() {
    let mut bench = bench();
    assert_eq!(bench.sent(), []);
    bench.send(5, 342);
    let chain = bench.device.pop(1).unwrap();
    assert_eq!(chain.buffers[1].address, TX + 5 * BUFFER_BYTES as u64);
    assert_eq!(chain.buffers[1].len, 342);
    bench.complete(1, &chain, 0);
    bench.run();
    assert_eq!(bench.sent(), [at(5, 0)]);
    assert_eq!(bench.card.counters().transmitted_bytes, 342);
}

#[test]
fn the_device_takes_every_buffer_there_is() {
    let mut bench = bench();
    bench.give(0..BUFFERS);
    let chains: Vec<FakeChain> = core::iter::from_fn(|| bench.device.pop(0)).collect();
    assert_eq!(chains.len(), BUFFERS);
    for chain in &chains {
        bench.complete(0, chain, HEADER + 100);
        bench.run();
    }
    assert_eq!(bench.received().len(), BUFFERS);
    for buffer in 0..BUFFERS {
        bench.transmit.send(at(buffer, 60)).unwrap();
    }
    bench.transmit.flush();
    bench.run();
    let mut sent = 0;
    while let Some(chain) = bench.device.pop(1) {
        bench.complete(1, &chain, 0);
        sent += 1;
    }
    assert_eq!(sent, BUFFERS, "interrupts alone keep a full queue moving");
}

#[test]
fn a_buffer_handed_in_twice_is_refused() {
    let mut bench = bench();
    bench.give([4, 4]);
    assert!(bench.device.pop(0).is_some());
    assert!(bench.device.pop(0).is_none());
    bench.send(4, 60);
    bench.send(4, 60);
    assert!(bench.device.pop(1).is_some());
    assert!(bench.device.pop(1).is_none());
    assert_eq!(bench.card.counters().violations, 2);
}

#[test]
fn descriptors_outside_the_region_are_refused() {
    let mut bench = bench();
    for offset in [
        1,
        BUFFER_BYTES - 1,
        BUFFERS * BUFFER_BYTES,
        1 << 32,
        usize::MAX,
        usize::MAX - BUFFER_BYTES,
    ] {
        bench.receive.send(Descriptor::new(offset, 0, 0)).unwrap();
        bench.transmit.send(Descriptor::new(offset, 60, 0)).unwrap();
    }
    bench.receive.flush();
    bench.transmit.flush();
    bench.run();
    assert!(bench.device.pop(0).is_none());
    assert!(bench.device.pop(1).is_none());
    assert_eq!(bench.card.counters().violations, 12);
}

#[test]
fn frames_of_impossible_length_come_back_unsent() {
    let mut bench = bench();
    for len in [0, 13, 1515, 2048, u32::MAX] {
        bench.send(1, len);
        assert!(bench.device.pop(1).is_none());
        assert_eq!(bench.sent(), [at(1, 0)]);
    }
    assert_eq!(bench.card.counters().dropped, 5);
}

#[test]
fn a_device_that_breaks_its_queue_is_reset_and_used_again() {
    for (id, len) in [(77, 100), (0, 5000), (0, 3)] {
        let mut bench = bench();
        bench.give([0, 1]);
        bench.send(7, 60);
        let resets = bench.device.reset_count();
        bench.device.complete(0, id, len);
        bench.run();
        assert!(bench.device.reset_count() > resets);
        assert!(!bench.card.is_up());
        assert_eq!(bench.card.counters().faults, 1);
        let mut returned = bench.received();
        returned.sort();
        assert_eq!(returned, [at(0, 0), at(1, 0)], "nothing is lost");
        assert_eq!(bench.sent(), [at(7, 0)]);
        bench.send(7, 60);
        assert_eq!(bench.sent(), [at(7, 0)], "dropped while there is no device");
        bench.give([0]);
        bench.now_ns += 100_000_000;
        bench.ring();
        assert!(bench.card.is_up(), "by the alarm alone");
        let chain = bench.device.pop(0).unwrap();
        bench.complete(0, &chain, HEADER + 64);
        assert_eq!(bench.received(), [at(0, 64)]);
    }
}

#[test]
fn an_alarm_of_an_earlier_failure_does_not_stand_in_for_the_next() {
    let mut bench = bench();
    bench.device.complete(0, 77, 100);
    bench.run();
    let request = bench.timer.receive().unwrap().unwrap();
    // What `net` sends makes the device start before the alarm rings.
    bench.now_ns += 100_000_000;
    bench.send(7, 60);
    assert!(bench.card.is_up());
    bench.device.complete(0, 77, 100);
    // It rings just when the device has failed again.
    let timer = Cell::new(Some(&mut bench.timer));
    let now_ns = bench.now_ns;
    bench.card.run(|| {
        if let Some(timer) = timer.take() {
            expire(timer, request.cookie);
        }
        now_ns
    });
    bench.now_ns += 100_000_000;
    bench.ring();
    assert!(bench.card.is_up());
}

#[test]
fn a_device_that_does_not_start_is_tried_again_later() {
    let mut bench = bench_with(Mischief { never_resets: true, ..Mischief::default() });
    assert_eq!(bench.info(), Info { mac: [0; 6], link_up: 0, ready: 1 });
    bench.send(0, 60);
    bench.send(1, 60);
    assert_eq!((bench.card.counters().faults, bench.card.counters().dropped), (1, 2));
    bench.device.set_mischief(Mischief::default());
    bench.now_ns += 100_000_000;
    bench.send(2, 60);
    assert_eq!(bench.info().mac, MAC);
    assert!(bench.device.pop(1).is_some());
}

#[test]
fn when_net_starts_anew_the_device_has_none_of_its_old_buffers() {
    let mut bench = bench();
    bench.give([0, 1, 2]);
    bench.send(3, 60);
    let resets = bench.device.reset_count();
    bench.receive = bench.raws[0].client(Box::new(|| ()));
    bench.transmit = bench.raws[1].client(Box::new(|| ()));
    bench.run();
    assert!(bench.device.reset_count() > resets);
    assert!(bench.card.is_up());
    assert!(bench.device.pop(0).is_none());
    assert!(bench.device.pop(1).is_none());
    bench.give([2]);
    let chain = bench.device.pop(0).unwrap();
    bench.complete(0, &chain, HEADER + 64);
    let frames = core::iter::from_fn(|| bench.receive.receive().ok().flatten());
    assert_eq!(frames.collect::<Vec<_>>(), [at(2, 64)]);
}

#[test]
fn net_breaking_a_link_is_cut_off() {
    let mut bench = bench();
    // Two ends on one link: the older one's index goes backwards for the server.
    let mut older = core::mem::replace(&mut bench.transmit, bench.raws[1].client(Box::new(|| ())));
    bench.run();
    bench.send(0, 60);
    bench.send(1, 60);
    older.send(at(2, 60)).unwrap();
    older.flush();
    bench.run();
    assert_eq!(bench.card.counters().violations, 1);
    bench.run();
    assert_eq!(bench.card.counters().violations, 1, "counted once");
}
