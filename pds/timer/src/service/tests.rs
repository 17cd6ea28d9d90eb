use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::*;
use protocols::timer::{Completion, Op, RING_SLOTS, Request, Status, TIMEOUTS_PER_CLIENT};
use sel4_shared_ring_buffer::{ClientEnd, RawLink};

type Raw = RawLink<Request, Completion, RING_SLOTS>;
type Notify = Box<dyn FnMut()>;
type ClientLink = ClientEnd<'static, Request, Completion, RING_SLOTS, Notify>;

/// One tick is one nanosecond.
#[derive(Clone, Debug, Default)]
struct FakeTimer {
    count: Rc<Cell<u64>>,
    compare: Rc<Cell<Option<u64>>>,
}

impl Registers for FakeTimer {
    fn frequency_hz(&self) -> u64 {
        1_000_000_000
    }

    fn count(&self) -> u64 {
        self.count.get()
    }

    fn set_compare(&mut self, count: u64) {
        self.compare.set(Some(count));
    }

    fn set_control(&mut self, control: u64) {
        if control == 0 {
            self.compare.set(None);
        }
    }
}

struct Bench {
    timer: FakeTimer,
    service: Service<'static, FakeTimer, Notify>,
    clients: Vec<ClientLink>,
    raws: Vec<&'static Raw>,
    /// Notifications to each client.
    woken: Vec<Rc<RefCell<usize>>>,
}

fn bench(count: usize) -> Bench {
    let timer = FakeTimer::default();
    let raws: Vec<&'static Raw> = (0..count).map(|_| &*Box::leak(Box::new(Raw::new()))).collect();
    let woken: Vec<Rc<RefCell<usize>>> = (0..count).map(|_| Rc::default()).collect();
    let links = raws.iter().zip(&woken).map(|(raw, woken)| {
        let woken = woken.clone();
        raw.server(Box::new(move || *woken.borrow_mut() += 1) as Notify)
    });
    let mut service = Service::new(GenericTimer::start(timer.clone()).unwrap(), links);
    let clients = raws.iter().map(|raw| raw.client(Box::new(|| ()) as Notify)).collect();
    service.run();
    Bench { timer, service, clients, raws, woken }
}

impl Bench {
    fn request(&mut self, client: usize, request: Request) {
        self.clients[client].send(request).unwrap();
        self.clients[client].flush();
        self.service.run();
    }

    fn arm(&mut self, client: usize, cookie: u64, deadline_ns: u64) {
        self.request(client, arm(cookie, deadline_ns));
    }

    fn at(&mut self, time: u64) {
        self.timer.count.set(time);
        self.service.run();
    }

    fn completions(&mut self, client: usize) -> Vec<(u64, Option<Status>)> {
        let mut all = Vec::new();
        while let Some(completion) = self.clients[client].receive().unwrap() {
            all.push((completion.cookie, Status::from_code(completion.status)));
        }
        assert!(self.clients[client].arm());
        all
    }
}

fn arm(cookie: u64, deadline_ns: u64) -> Request {
    Request { cookie, deadline_ns, op: Op::Arm.code(), reserved: [0; 6] }
}

fn cancel(cookie: u64) -> Request {
    Request { cookie, deadline_ns: 0, op: Op::Cancel.code(), reserved: [0; 6] }
}

const EXPIRED: Option<Status> = Some(Status::Expired);

#[test]
fn each_client_hears_of_its_own_timeouts_in_time() {
    let mut bench = bench(3);
    for client in 0..3 {
        assert_eq!(bench.completions(client), []);
    }
    bench.arm(0, 7, 300);
    bench.arm(2, 7, 100);
    bench.arm(2, 8, 200);
    assert_eq!(bench.timer.compare.get(), Some(100));
    bench.at(99);
    assert_eq!(bench.completions(2), []);
    bench.at(100);
    assert_eq!(bench.timer.compare.get(), Some(200));
    assert_eq!(bench.completions(2), [(7, EXPIRED)]);
    assert_eq!(*bench.woken[2].borrow(), 1);
    bench.at(1000);
    assert_eq!(bench.completions(0), [(7, EXPIRED)]);
    assert_eq!(bench.completions(1), []);
    assert_eq!(bench.completions(2), [(8, EXPIRED)]);
    assert_eq!(bench.timer.compare.get(), None);
    assert_eq!(bench.service.counters().requests, 3);
}

#[test]
fn a_past_deadline_fires_at_once() {
    let mut bench = bench(1);
    bench.at(50);
    bench.arm(0, 1, 10);
    assert_eq!(bench.completions(0), [(1, EXPIRED)]);
}

#[test]
fn arming_again_moves_and_cancelling_forgets() {
    let mut bench = bench(1);
    bench.arm(0, 1, 100);
    bench.arm(0, 1, 500);
    assert_eq!(bench.timer.compare.get(), Some(500));
    bench.arm(0, 2, 400);
    bench.request(0, cancel(2));
    bench.request(0, cancel(3));
    bench.at(450);
    assert_eq!(bench.completions(0), []);
    bench.at(500);
    assert_eq!(bench.completions(0), [(1, EXPIRED)]);
}

#[test]
fn one_timeout_too_many_is_refused() {
    let mut bench = bench(2);
    for cookie in 0..=TIMEOUTS_PER_CLIENT as u64 {
        bench.arm(0, cookie, 1000);
    }
    bench.arm(1, 0, 900);
    assert_eq!(bench.completions(0), [(8, Some(Status::TooMany))]);
    bench.at(1000);
    assert_eq!(bench.completions(0).len(), TIMEOUTS_PER_CLIENT);
    assert_eq!(bench.completions(1), [(0, EXPIRED)]);
    assert_eq!(bench.service.counters().errors, 1);
}

#[test]
fn malformed_requests_are_answered() {
    let mut bench = bench(1);
    let bad = Some(Status::BadRequest);
    for op in [0, 3, u16::MAX] {
        bench.request(0, Request { op, ..arm(9, 100) });
        assert_eq!(bench.completions(0), [(9, bad)]);
    }
    bench.request(0, Request { reserved: [0, 0, 0, 0, 0, 1], ..arm(9, 100) });
    assert_eq!(bench.completions(0), [(9, bad)]);
    bench.request(0, Request { deadline_ns: 1, ..cancel(9) });
    assert_eq!(bench.completions(0), [(9, bad)]);
    assert_eq!(bench.timer.compare.get(), None);
}

#[test]
fn a_client_that_does_not_read_is_owed_its_timeouts_and_delays_nobody() {
    let mut bench = bench(2);
    for _ in 0..3 {
        for cookie in 0..TIMEOUTS_PER_CLIENT as u64 {
            bench.arm(0, cookie, 10);
        }
        bench.at(10);
    }
    assert_eq!(bench.timer.compare.get(), None, "no interrupt for what cannot be delivered");
    bench.arm(1, 1, 20);
    assert_eq!(bench.timer.compare.get(), Some(20));
    bench.at(20);
    assert_eq!(bench.completions(1), [(1, EXPIRED)]);
    let owed = bench.completions(0).len();
    bench.service.run();
    assert_eq!(owed + bench.completions(0).len(), 3 * TIMEOUTS_PER_CLIENT);
}

#[test]
fn a_restarted_client_has_no_timeouts() {
    let mut bench = bench(1);
    bench.arm(0, 1, 100);
    bench.clients[0] = bench.raws[0].client(Box::new(|| ()));
    bench.service.run();
    assert_eq!(bench.timer.compare.get(), None);
    bench.arm(0, 2, 100);
    bench.at(100);
    let first = bench.clients[0].receive();
    assert_eq!(first.unwrap().unwrap().cookie, 2);
}

#[test]
fn a_client_that_breaks_its_link_loses_its_timeouts_and_delays_nobody() {
    let mut bench = bench(2);
    // Two ends on one link: the older one's index goes backwards for the server.
    let mut older =
        core::mem::replace(&mut bench.clients[0], bench.raws[0].client(Box::new(|| ())));
    bench.arm(0, 1, 100);
    bench.arm(0, 2, 100);
    older.send(arm(3, 50)).unwrap();
    older.flush();
    bench.service.run();
    assert_eq!(bench.service.counters().violations, 1);
    assert_eq!(bench.timer.compare.get(), None);
    bench.arm(1, 1, 70);
    bench.at(100);
    assert_eq!(bench.completions(1), [(1, EXPIRED)]);
    assert_eq!(bench.service.counters().violations, 1, "counted once");
}
