//! The whole gateway over real links, with peers that are played here.

mod chaos;
mod connections;
mod corpus;
mod crowd;
mod fake_integrity;
mod fake_net;
mod objects;
mod pages;
mod peers;
mod response;

use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::string::String;
use std::vec;
use std::vec::Vec;

use protocols::lifecycle::{Counter, Peer, State};
use protocols::system::{BuildInfo, PeerStatus, Status};
use protocols::{Reason, crypto, ledger, timer};
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::{DataRegion, RawLink, ServerEnd};
use zerocopy::{FromZeros, IntoBytes};

use crate::{Gateway, Memory, Parts, Sources};
use fake_integrity::FakeIntegrity;
use fake_net::FakeNet;
use response::Response;

pub(crate) type Notify = Box<dyn FnMut()>;
type Server<Req, Comp, const N: usize> = ServerEnd<'static, Req, Comp, N, Notify>;

const SECOND: u64 = 1_000_000_000;

fn silent() -> Notify {
    Box::new(|| ())
}

/// A link in memory that lives as long as the test process.
pub(crate) fn link<Req, Comp, const N: usize>() -> &'static RawLink<Req, Comp, N>
where
    Req: sel4_shared_ring_buffer::Message,
    Comp: sel4_shared_ring_buffer::Message,
{
    Box::leak(Box::new(RawLink::new()))
}

/// A data region, as its writer sees it.
pub(crate) fn region(bytes: usize) -> DataRegion<'static> {
    let bytes: &'static mut [u8] = vec![0; bytes].leak();
    DataRegion::new(ExternallySharedRef::from_mut_ref(bytes))
}

std::thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Collects the lines of the test's own thread.
struct Console;

impl log::Log for Console {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(std::format!("{}", record.args())));
    }

    fn flush(&self) {}
}

/// What the gateway has said on the console.
fn console() -> Vec<String> {
    LINES.take()
}

/// The gateway and everybody it talks to.
pub(crate) struct World {
    gateway: Gateway<'static, Notify>,
    net: FakeNet,
    integrity: FakeIntegrity,
    ledger: Server<ledger::Request, ledger::Completion, { ledger::RING_SLOTS }>,
    crypto: Server<crypto::Request, crypto::Completion, { crypto::RING_SLOTS }>,
    timer: Server<timer::Request, timer::Completion, { timer::RING_SLOTS }>,
    random: DataRegion<'static>,
    page: DataRegion<'static>,
    status: Box<Status>,
    refreshes: Rc<Cell<usize>>,
    /// Does `supervisor` answer?
    supervises: bool,
    /// Why the chain is refused; empty when it is not.
    chain_refusal: &'static str,
    /// Is the chain revoked? The refusal is then the reason.
    is_revoked: bool,
    /// Does `ledger` answer?
    has_ledger: bool,
    /// Answers of `crypto` until it has entropy.
    crypto_refusals: usize,
    alarm_ns: u64,
    now_ns: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        if log::set_logger(&Console).is_ok() {
            log::set_max_level(log::LevelFilter::Info);
        }
        let refreshes = Rc::new(Cell::new(0));
        let refreshes_too = refreshes.clone();
        let (net_link, integrity_link) = (link(), link());
        let (ledger_link, crypto_link, timer_link) = (link(), link(), link());
        let (output, input) = (region(0x43000), region(0x20000));
        let (paths, proven) = (region(0x5000), region(0x42000));
        let (random, page) = (region(0x1000), region(size_of::<Status>()));
        let gateway = Gateway::new(Parts {
            memory: Box::leak(Box::new(Memory::EMPTY)),
            net: net_link.client(silent()),
            output,
            input: input.read_only(),
            integrity: integrity_link.client(silent()),
            paths,
            proven: proven.read_only(),
            timer: timer_link.client(silent()),
            sources: Sources {
                build: build(),
                page: page.read_only(),
                refresh: Box::new(move || refreshes_too.set(refreshes_too.get() + 1)),
                ledger: ledger_link.client(silent()),
                crypto: crypto_link.client(silent()),
                random: random.read_only(),
            },
        });
        let mut world = Self {
            gateway,
            net: FakeNet::new(net_link, output.read_only(), input),
            integrity: FakeIntegrity::new(integrity_link, paths.read_only(), proven),
            ledger: ledger_link.server(silent()),
            crypto: crypto_link.server(silent()),
            timer: timer_link.server(silent()),
            random,
            page,
            status: Box::new(status()),
            refreshes,
            supervises: true,
            chain_refusal: "",
            is_revoked: false,
            has_ledger: true,
            crypto_refusals: 0,
            alarm_ns: u64::MAX,
            now_ns: SECOND,
        };
        console();
        world.run();
        world
    }

    /// Lets everybody do what there is to do now.
    pub(crate) fn run(&mut self) {
        for _ in 0..20_000 {
            self.gateway.step(|| self.now_ns);
            let mut is_busy = self.net.step();
            is_busy |= self.integrity.step();
            is_busy |= self.play_ledger();
            is_busy |= self.play_crypto();
            is_busy |= self.play_timer();
            is_busy |= self.play_supervisor();
            if !is_busy {
                return;
            }
        }
        panic!("the system never comes to rest");
    }

    /// Lets time pass; everything that is due happens.
    pub(crate) fn pass(&mut self, ns: u64) {
        let until = self.now_ns + ns;
        self.run();
        while self.alarm_ns <= until {
            self.now_ns = self.now_ns.max(self.alarm_ns);
            self.run();
        }
        self.now_ns = until;
        self.run();
    }

    fn play_ledger(&mut self) -> bool {
        if !self.has_ledger {
            return false;
        }
        let Ok(Some(request)) = self.ledger.receive() else { return !self.ledger.arm() };
        let status = match (self.is_revoked, self.chain_refusal) {
            (true, _) => ledger::Status::Revoked,
            (false, "") => ledger::Status::Ok,
            (false, _) => ledger::Status::NotProven,
        };
        let mut completion = ledger::Completion::new_zeroed();
        completion.cookie = request.cookie;
        completion.status = status.code();
        completion.sequence = 6;
        completion.chain = [0xc1; 32];
        completion.head = [0xed; 32];
        completion.minimum_generation = 2;
        completion.reason = Reason::new(self.chain_refusal);
        self.ledger.send(completion).unwrap();
        self.ledger.flush();
        true
    }

    fn play_crypto(&mut self) -> bool {
        let Ok(Some(request)) = self.crypto.receive() else { return !self.crypto.arm() };
        assert_eq!(request.op, crypto::Op::Random.code());
        let mut completion = crypto::Completion::new_zeroed();
        completion.status = crypto::Status::NoEntropy.code();
        if self.crypto_refusals == 0 {
            let span = self.random.span(request.output_offset, request.output_len).unwrap();
            self.random.copy_in(span, &vec![0xb0; request.output_len as usize]).unwrap();
            completion.status = crypto::Status::Ok.code();
            completion.len = request.output_len;
        }
        self.crypto_refusals = self.crypto_refusals.saturating_sub(1);
        self.crypto.send(completion).unwrap();
        self.crypto.flush();
        true
    }

    fn play_timer(&mut self) -> bool {
        let mut is_busy = false;
        while let Ok(Some(request)) = self.timer.receive() {
            self.alarm_ns = request.deadline_ns;
            is_busy = true;
        }
        if self.alarm_ns <= self.now_ns {
            self.alarm_ns = u64::MAX;
            let status = timer::Status::Expired.code();
            let expired = timer::Completion { cookie: 1, status, reserved: [0; 6] };
            self.timer.send(expired).unwrap();
            self.timer.flush();
            is_busy = true;
        }
        is_busy | !self.timer.arm()
    }

    fn play_supervisor(&mut self) -> bool {
        if self.refreshes.get() == 0 || !self.supervises {
            return false;
        }
        self.refreshes.set(0);
        self.status.sequence += 2;
        self.write_page();
        self.gateway.refreshed();
        true
    }

    fn write_page(&self) {
        let span = self.page.span(0, u32::try_from(size_of::<Status>()).unwrap()).unwrap();
        self.page.copy_in(span, self.status.as_bytes()).unwrap();
    }

    /// A new connection on which the client has sent these bytes.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> u16 {
        self.try_say(bytes).expect("the gateway listens")
    }

    /// The same; `None` when there is no place.
    pub(crate) fn try_say(&mut self, bytes: impl AsRef<[u8]>) -> Option<u16> {
        let socket = self.net.connect()?;
        self.net.send(socket, bytes.as_ref());
        self.run();
        Some(socket)
    }

    /// The answer to one request on a connection of its own, which the gateway then ends.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        let request = request.as_ref();
        let socket = self.say(request);
        let is_head = request.starts_with(b"HEAD");
        let bytes = self.net.take_output(socket);
        let Some((response, rest)) = Response::parse(&bytes, is_head) else {
            panic!("only {} bytes came", bytes.len());
        };
        assert!(rest.is_empty(), "{} bytes more", rest.len());
        self.net.shut(socket);
        self.run();
        response
    }

    /// The answer to a plain `GET`.
    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.get_with(target, "")
    }

    /// The answer to a `GET` with more header fields.
    pub(crate) fn get_with(&mut self, target: &str, fields: &str) -> Response {
        self.ask(std::format!("GET {target} HTTP/1.1\r\nHost: cairn\r\n{fields}\r\n"))
    }
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut padded = [0; N];
    padded[..text.len()].copy_from_slice(text.as_bytes());
    padded
}

fn build() -> BuildInfo {
    BuildInfo {
        kernel: padded("sel4 16.0.0"),
        config: padded("release"),
        platform: padded("qemu_virt_aarch64"),
        version: padded("0.1.0"),
        revision: padded("abc\"def"),
    }
}

fn status() -> Status {
    let mut status = Status::new_zeroed();
    status.boot_us = 41_234;
    status.pd_count = 3;
    for (pd, name) in status.pds.iter_mut().zip(["supervisor", "nic", "net"]) {
        pd.name = padded(name);
        pd.state = State::Running.code();
        pd.ready_ns = 5_000_000;
        pd.counters[usize::from(Counter::Received.code())] = 77;
    }
    status.pds[2].state = State::Degraded.code();
    status.pds[2].text = padded("no <address>");
    status.pds[2].text_len = 12;
    // Whom `net` sees, and somebody whom nobody counts.
    status.peer_count = 1;
    let seen = Peer { capacity: 128, waiting: 3, most: 9, violations: 2 };
    status.peers[0] = PeerStatus { pd: 2, peer: 1, reserved: [0; 2], seen };
    status.peers[1] = status.peers[0];
    status
}
