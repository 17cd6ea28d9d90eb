//! From power-on to a running stack: `net` first needs a station address and an unguessable seed.

use protocols::crypto::{self, Op, Status};
use protocols::nic::Info;
use protocols::timer;
use sel4_externally_shared::ExternallySharedRef;
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion};
use smoltcp::time::Instant;

use crate::backlog::Backlog;
use crate::client::Client;
use crate::frames::Frames;
use crate::service::{CLIENTS_MAX, Net};
use crate::sockets::TcpTable;
use crate::stack::{Addressing, Buffers, Storage};

/// The link to `crypto`.
pub type CryptoLink<'a, F> =
    ClientEnd<'a, crypto::Request, crypto::Completion, { crypto::RING_SLOTS }, F>;
/// The link to `timer`.
pub type TimerLink<'a, F> =
    ClientEnd<'a, timer::Request, timer::Completion, { timer::RING_SLOTS }, F>;

/// Bytes asked of `crypto`: the stack's seed and the first port.
const SEED_BYTES: u32 = 16;
/// The one timeout that `net` uses.
const TIMEOUT_COOKIE: u64 = 1;

/// Large state, to be placed in memory of its own.
pub struct Memory {
    pub(crate) sockets: Storage,
    pub(crate) tcp: TcpTable,
    pub(crate) backlog: Backlog,
}

impl Memory {
    /// Memory of a service that has not been started.
    pub const EMPTY: Self =
        Self { sockets: Storage::EMPTY, tcp: TcpTable::EMPTY, backlog: Backlog::EMPTY };
}

/// What the service is made of.
pub struct Parts<'a, F: FnMut(), D> {
    /// See [`Memory`].
    pub memory: &'static mut Memory,
    /// Memory of the sockets.
    pub buffers: &'static mut Buffers,
    /// The card.
    pub device: D,
    /// The clients.
    pub clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    /// How to get an address.
    pub addressing: Addressing,
}

#[expect(clippy::large_enum_variant, reason = "there is one, in static memory")]
enum State<'a, F: FnMut()> {
    Starting { parts: Option<Parts<'a, F, Frames<'a, F>>>, seed: Option<[u8; SEED_BYTES as usize]> },
    Running(Net<'a, F, Frames<'a, F>>),
}

/// The PD: starts the service and keeps its deadline.
pub struct Program<'a, F: FnMut()> {
    state: State<'a, F>,
    info: ExternallySharedRef<'a, Info, ReadOnly>,
    crypto: CryptoLink<'a, F>,
    random: DataRegion<'a, ReadOnly>,
    timer: TimerLink<'a, F>,
    armed_ns: u64,
}

impl<'a, F: FnMut()> Program<'a, F> {
    /// A program that has asked `crypto` for a seed.
    pub fn new(
        parts: Parts<'a, F, Frames<'a, F>>,
        info: ExternallySharedRef<'a, Info, ReadOnly>,
        mut crypto: CryptoLink<'a, F>,
        random: DataRegion<'a, ReadOnly>,
        timer: TimerLink<'a, F>,
    ) -> Self {
        ask_for_seed(&mut crypto);
        let state = State::Starting { parts: Some(parts), seed: None };
        Self { state, info, crypto, random, timer, armed_ns: u64::MAX }
    }

    /// The service, once it runs.
    pub fn service(&self) -> Option<&Net<'a, F, Frames<'a, F>>> {
        match &self.state {
            State::Starting { .. } => None,
            State::Running(net) => Some(net),
        }
    }

    /// Does what there is to do at `now_ns`.
    pub fn step(&mut self, now_ns: u64) {
        self.hear_crypto();
        self.hear_timer();
        let now = Instant::from_micros(i64::try_from(now_ns / 1000).unwrap_or(i64::MAX));
        self.try_start(now);
        if let State::Running(net) = &mut self.state
            && let Some(deadline) = net.step(now)
        {
            let micros = u64::try_from(deadline.total_micros()).unwrap_or(0);
            self.arm_timeout(micros.saturating_mul(1000).max(now_ns));
        }
    }

    fn hear_crypto(&mut self) {
        loop {
            match self.crypto.receive() {
                Ok(Some(completion)) => self.take_seed(&completion),
                Ok(None) if self.crypto.arm() => return,
                Ok(None) => {}
                // A new life of `crypto` has not heard our question.
                Err(sel4_shared_ring_buffer::LinkError::PeerRestarted) => {
                    if matches!(self.state, State::Starting { seed: None, .. }) {
                        ask_for_seed(&mut self.crypto);
                    }
                }
                Err(sel4_shared_ring_buffer::LinkError::PeerMisbehavior) if self.crypto.arm() => {
                    return;
                }
                Err(sel4_shared_ring_buffer::LinkError::PeerMisbehavior) => {}
            }
        }
    }

    fn take_seed(&mut self, completion: &crypto::Completion) {
        let State::Starting { seed, .. } = &mut self.state else { return };
        if Status::from_code(completion.status) != Some(Status::Ok) || completion.len != SEED_BYTES
        {
            log::error!("no seed from crypto (status {}), no network", completion.status);
            return;
        }
        let mut bytes = [0; SEED_BYTES as usize];
        let span = self.random.span(0, SEED_BYTES);
        if span.and_then(|span| self.random.copy_out(span, &mut bytes).map(|_| ())).is_ok() {
            *seed = Some(bytes);
        }
    }

    fn try_start(&mut self, now: Instant) {
        let State::Starting { parts, seed: Some(seed) } = &mut self.state else { return };
        let info = self.info.as_ptr().read();
        if info.ready != 1 {
            return;
        }
        let [a, b, c, d, e, f, g, h, high, low, ..] = *seed;
        let stack_seed = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let port_seed = u16::from_le_bytes([high, low]);
        let Some(parts) = parts.take() else { return };
        self.state = State::Running(Net::new(parts, info.mac, stack_seed, port_seed, now));
    }

    /// Forgets timeouts that fired: `step` runs after every wake-up anyway.
    fn hear_timer(&mut self) {
        loop {
            match self.timer.receive() {
                Ok(Some(_)) => self.armed_ns = u64::MAX,
                Ok(None) if self.timer.arm() => return,
                Ok(None) => {}
                Err(sel4_shared_ring_buffer::LinkError::PeerRestarted) => self.armed_ns = u64::MAX,
                Err(sel4_shared_ring_buffer::LinkError::PeerMisbehavior) if self.timer.arm() => {
                    return;
                }
                Err(sel4_shared_ring_buffer::LinkError::PeerMisbehavior) => {}
            }
        }
    }

    fn arm_timeout(&mut self, deadline_ns: u64) {
        if deadline_ns >= self.armed_ns {
            // The earlier wake-up comes first and arms anew.
            return;
        }
        let request = timer::Request {
            cookie: TIMEOUT_COOKIE,
            deadline_ns,
            op: timer::Op::Arm.code(),
            reserved: [0; 6],
        };
        // A full ring means that earlier requests are still unread, and each of them wakes us.
        if self.timer.send(request).is_ok() {
            self.armed_ns = deadline_ns;
        }
        self.timer.flush();
    }
}

fn ask_for_seed<F: FnMut()>(crypto: &mut CryptoLink<'_, F>) {
    let request = crypto::Request {
        cookie: 1,
        op: Op::Random.code(),
        algorithm: 0,
        key: 0,
        input_offset: 0,
        input_len: 0,
        second_offset: 0,
        second_len: 0,
        output_offset: 0,
        output_len: SEED_BYTES,
        reserved: 0,
    };
    // The ring of a new session is empty, so there is room.
    let _ = crypto.send(request);
    crypto.flush();
}
