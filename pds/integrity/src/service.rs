//! The state machine: requests in, one job at a time, completions out.

use protocols::Reason;
use protocols::integrity::{Completion, Op, RING_SLOTS, Request, Status};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, LinkError, ServerEnd};
use volume::geometry::BLOCK_BYTES;
use volume::verify::{ProvenNodes, VerifiedRoot};

use crate::blocks::ProvenBlocks;
use crate::fetch::{Fetcher, Outcome};
use crate::job::{Failure, Job, Path, Progress, Read, Scratch, Tools, Want};
use crate::object::Objects;
use crate::root::{LedgerLink, Root, Slots};

/// Clients at most.
pub const CLIENTS_MAX: usize = 4;
/// Proven nodes kept.
const NODES: usize = 16;

pub(crate) type Nodes = ProvenNodes<NODES>;
/// The rings between `integrity` and one client.
pub type Link<'a, F> = ServerEnd<'a, Request, Completion, RING_SLOTS, F>;

/// A client and what is shared with it.
pub struct Client<'a, F: FnMut()> {
    link: Link<'a, F>,
    paths: DataRegion<'a, ReadOnly>,
    output: DataRegion<'a>,
    is_cut_off: bool,
}

impl<'a, F: FnMut()> Client<'a, F> {
    /// A client that has asked nothing yet.
    pub fn new(link: Link<'a, F>, paths: DataRegion<'a, ReadOnly>, output: DataRegion<'a>) -> Self {
        Self { link, paths, output, is_cut_off: false }
    }
}

/// Caches and scratch, to be placed in static memory: about 130 KiB.
pub struct Memory {
    nodes: Nodes,
    scratch: Scratch,
    slots: Slots,
    objects: [Objects; CLIENTS_MAX],
}

impl Memory {
    /// Memory of a service that has not been started.
    pub const EMPTY: Self = Self {
        nodes: Nodes::new(),
        scratch: Scratch { raw: [0; 2 * BLOCK_BYTES] },
        slots: Slots::EMPTY,
        objects: [const { Objects::NONE }; CLIENTS_MAX],
    };
}

/// The request that is being executed.
struct Current {
    client: usize,
    request: Request,
    job: Job,
    want: Option<Want>,
}

/// The PD's whole state.
pub struct Integrity<'a, F: FnMut()> {
    root: Root<'a, F>,
    fetcher: Fetcher<'a, F>,
    nodes: &'a mut Nodes,
    blocks: ProvenBlocks<'a>,
    scratch: &'a mut Scratch,
    clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    /// What each client has open.
    objects: &'a mut [Objects; CLIENTS_MAX],
    current: Option<Current>,
    turn: usize,
    /// Requests answered.
    pub requests: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// Requests that failed because something did not prove.
    pub not_proven: u64,
    /// Times that a peer broke its link.
    pub violations: u64,
}

impl<'a, F: FnMut()> Integrity<'a, F> {
    /// A service that has asked `ledger` for the volume's root.
    pub fn new(
        memory: &'a mut Memory,
        blocks: ProvenBlocks<'a>,
        ledger: LedgerLink<'a, F>,
        fetcher: Fetcher<'a, F>,
        clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    ) -> Self {
        let Memory { nodes, scratch, slots, objects } = memory;
        Self {
            root: Root::new(ledger, slots),
            fetcher,
            nodes,
            blocks,
            scratch,
            clients,
            objects,
            current: None,
            turn: 0,
            requests: 0,
            errors: 0,
            not_proven: 0,
            violations: 0,
        }
    }

    /// The proven root, or why there is none.
    ///
    /// # Errors
    /// One line for people.
    pub fn root(&self) -> Result<&VerifiedRoot, Reason> {
        self.root.proven().map_err(|(_, reason)| reason)
    }

    /// Is the root still on its way?
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.root.is_loading()
    }

    /// Does what there is to do and prepares the links for sleep. Asks for the time before each request:
    /// clients that go on asking keep it in one turn.
    pub fn step(&mut self, mut now_ns: impl FnMut() -> u64) {
        loop {
            let now_ns = now_ns();
            self.root.hear_ledger(&mut self.fetcher);
            while let Some(outcome) = self.fetcher.hear() {
                self.take(outcome);
            }
            if self.root.is_loading() || self.fetcher.is_busy() {
                // Requests wait: the next completion of `ledger` or `store` wakes this PD.
                return;
            }
            if !self.begin_next(now_ns) && self.is_idle() {
                return;
            }
        }
    }

    fn is_idle(&mut self) -> bool {
        let mut is_idle = true;
        for client in &mut self.clients {
            is_idle &= client.link.arm();
        }
        is_idle
    }

    /// Takes up a request of the client whose turn it is; `false` when there is none.
    fn begin_next(&mut self, now_ns: u64) -> bool {
        for _ in 0..self.clients.len() {
            let index = self.turn;
            self.turn = (self.turn + 1) % self.clients.len().max(1);
            let Some(client) = self.clients.get_mut(index) else { continue };
            let Some(objects) = self.objects.get_mut(index) else { continue };
            if client.link.room() == 0 {
                continue;
            }
            match client.link.receive() {
                Ok(Some(request)) => {
                    self.begin(index, request, now_ns);
                    return true;
                }
                Ok(None) => {}
                Err(LinkError::PeerRestarted) => {
                    client.is_cut_off = false;
                    objects.clear();
                    return true;
                }
                Err(LinkError::PeerMisbehavior) => {
                    if !client.is_cut_off {
                        client.is_cut_off = true;
                        objects.clear();
                        self.violations += 1;
                    }
                }
            }
        }
        false
    }

    fn begin(&mut self, client: usize, request: Request, now_ns: u64) {
        match self.prepare(client, &request, now_ns) {
            Ok(Some(job)) => {
                self.current = Some(Current { client, request, job, want: None });
                self.go_on();
            }
            Ok(None) => {
                let completion = self.describe(&request);
                self.answer(client, &request, Ok(completion));
            }
            Err(failure) => self.answer(client, &request, Err(failure)),
        }
    }

    /// Checks a request; `None` for what is answered at once.
    fn prepare(
        &mut self,
        index: usize,
        request: &Request,
        now_ns: u64,
    ) -> Result<Option<Job>, Failure> {
        let bad = |reason| (Status::BadRequest, Reason::new(reason));
        let op = Op::from_code(request.op).ok_or(bad("unknown operation"))?;
        if request.reserved != 0 || request.reserved2 != 0 {
            return Err(bad("reserved bytes are not zero"));
        }
        let client = self.clients.get(index).ok_or(bad("no such client"))?;
        let objects = self.objects.get_mut(index).ok_or(bad("no such client"))?;
        if op == Op::Close {
            objects.close(request.object).ok_or(bad("no such object is open"))?;
            return Ok(None);
        }
        if let Err(failure) = self.root.proven() {
            // The next request finds out whether another look helped.
            self.root.retry(now_ns);
            return Err(failure);
        }
        Ok(Some(match op {
            Op::Volume | Op::Close => return Ok(None),
            Op::Open => Job::Open(path(client, request)?),
            Op::List => {
                Job::List { cursor: path(client, request)?, target: request.position, written: 0 }
            }
            Op::Read => {
                let object = objects.get(request.object);
                let object = object.ok_or(bad("no such object is open"))?.clone();
                let left = object.entry.size().saturating_sub(request.position);
                let len = u64::from(request.len).min(left);
                let len = u32::try_from(len).map_err(|_| bad("length out of range"))?;
                let target = client.output.span(request.offset, len);
                let target = target.map_err(|_| bad("target outside the region"))?;
                let (entry, path) = (object.entry, object.path);
                let position = request.position;
                Job::Read(Read { entry, path, position, target, done: 0, batch: None })
            }
        }))
    }

    /// Lets the current job go on until it waits or ends.
    fn go_on(&mut self) {
        let Some(mut current) = self.current.take() else { return };
        let result = match self.tools(current.client) {
            Ok(mut tools) => current.job.advance(&mut tools),
            Err(failure) => Err(failure),
        };
        if let Ok(Progress::Waits(want)) = result {
            current.want = Some(want);
            self.current = Some(current);
            return;
        }
        current.job.end(&mut self.fetcher);
        let answer = result.and_then(|progress| self.completion(&current, progress));
        self.answer(current.client, &current.request, answer);
    }

    fn take(&mut self, outcome: Outcome) {
        if self.root.is_loading() {
            self.root.take_slot(outcome, &mut self.fetcher);
            return;
        }
        let Some(mut current) = self.current.take() else {
            if let Ok(fetched) = outcome {
                self.fetcher.release(fetched);
            }
            return;
        };
        let want = current.want.take();
        let taken = match (outcome, want) {
            (Ok(fetched), Some(want)) => match self.tools(current.client) {
                Ok(mut tools) => current.job.take(want, fetched, &mut tools),
                Err(failure) => Err(failure),
            },
            (Ok(_), None) => Ok(()),
            (Err(reason), _) => Err((Status::Storage, reason)),
        };
        match taken {
            Ok(()) => {
                self.current = Some(current);
                self.go_on();
            }
            Err(failure) => {
                current.job.end(&mut self.fetcher);
                self.answer(current.client, &current.request, Err(failure));
            }
        }
    }

    fn tools(&mut self, client: usize) -> Result<Tools<'_, 'a, F>, Failure> {
        let gone = (Status::BadRequest, Reason::new("no such client"));
        let output = self.clients.get(client).ok_or(gone)?.output;
        Ok(Tools {
            root: self.root.proven()?,
            nodes: self.nodes,
            blocks: &mut self.blocks,
            scratch: self.scratch,
            fetcher: &mut self.fetcher,
            output,
        })
    }

    fn completion(&mut self, current: &Current, progress: Progress) -> Result<Completion, Failure> {
        let mut completion = self.describe(&current.request);
        match progress {
            Progress::Waits(_) => {}
            Progress::Written(len) => completion.len = len,
            Progress::Opened(entry) => {
                let Job::Open(path) = &current.job else { return Ok(completion) };
                let objects = self.objects.get_mut(current.client);
                let objects = objects.ok_or((Status::BadRequest, Reason::EMPTY))?;
                let opened = objects.open(entry, path);
                let too_many = |status| (status, Reason::new("too many objects are open"));
                completion.object = opened.map_err(too_many)?;
                completion.size = entry.size();
                completion.root = entry.root().0;
            }
        }
        Ok(completion)
    }

    /// A completion that describes the volume, as far as it is proven.
    fn describe(&self, request: &Request) -> Completion {
        let mut completion = empty(request.cookie);
        if let Ok(root) = self.root.proven() {
            let superblock = root.superblock();
            completion.generation = superblock.generation();
            completion.size = superblock.entry_count();
            completion.root = superblock.root().0;
            for (to, from) in completion.name.iter_mut().zip(superblock.name().bytes()) {
                *to = from;
            }
        }
        completion
    }

    fn answer(&mut self, client: usize, request: &Request, answer: Result<Completion, Failure>) {
        self.requests += 1;
        let completion = answer.unwrap_or_else(|(status, reason)| {
            self.errors += 1;
            if matches!(status, Status::NotProven | Status::Revoked) {
                self.not_proven += 1;
                log::error!("{reason}");
            }
            Completion { status: status.code(), reason, ..empty(request.cookie) }
        });
        if let Some(client) = self.clients.get_mut(client) {
            // Room was seen before the request was taken, and requests are executed one at a time.
            let _ = client.link.send(completion);
            client.link.flush();
        }
    }
}

fn empty(cookie: u64) -> Completion {
    Completion {
        cookie,
        size: 0,
        generation: 0,
        status: Status::Ok.code(),
        reserved: 0,
        object: 0,
        len: 0,
        reserved2: 0,
        root: [0; 32],
        name: [0; 32],
        reason: Reason::EMPTY,
    }
}

/// Copies the path of a request out of the client's region, once.
fn path<F: FnMut()>(client: &Client<'_, F>, request: &Request) -> Result<Path, Failure> {
    let bad = |reason| (Status::BadRequest, Reason::new(reason));
    let mut bytes = [0; protocols::integrity::PATH_BYTES_MAX];
    let span = client.paths.span(request.offset, request.len);
    let span = span.map_err(|_| bad("path outside the region"))?;
    let bytes = client.paths.copy_out(span, &mut bytes).map_err(|_| bad("path is too long"))?;
    let text = core::str::from_utf8(bytes).map_err(|_| bad("path is not UTF-8"))?;
    Path::try_from(text).map_err(|_| bad("path is too long"))
}
