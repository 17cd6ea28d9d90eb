//! Reading the chain through `store`, block by block, and replaying it.

use ledger_verify::chain::{self, Anchor, Chain, Feed};
use protocols::store::{Completion, Op, RING_SLOTS, Request, Status};
use protocols::{Reason, disk::BLOCK_BYTES};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, LinkError};
use volume::chain::{CHAIN_BLOCKS_MAX, HEAD_BYTES, parse_head};

use crate::anchor::Pinned;

/// The link to `store`.
pub type StoreLink<'a, F> = ClientEnd<'a, Request, Completion, RING_SLOTS, F>;

/// Memory of a replay, to be placed statically: about 17 KiB.
pub struct Memory {
    feed: Feed,
    block: [u8; BLOCK_BYTES],
}

impl Memory {
    /// Memory of a replay that has not begun.
    pub const NEW: Self = Self { feed: Feed::new(), block: [0; BLOCK_BYTES] };
}

/// How far the replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting for block `block` of the chain area; `left` bytes of events are still to come, unknown
    /// before the first block.
    Reading { block: u64, left: Option<usize> },
    /// Every event was replayed, up to the anchor or beyond; of a revoked chain up to the anchor.
    Proven,
    /// The chain does not prove.
    Refused(Reason),
    /// The chain could not be read.
    Unreadable(Reason),
}

/// The replay, and the chain it builds.
pub struct Replay<'a, F: FnMut()> {
    anchor: Anchor,
    chain: Chain,
    /// The event that revokes the chain, once it was seen behind the anchor: from then on the replay
    /// ends at the anchor, because what came after it may be a thief's word.
    revoked_by: Option<u64>,
    state: State,
    memory: &'a mut Memory,
    store: StoreLink<'a, F>,
    blocks: DataRegion<'a, ReadOnly>,
}

impl<'a, F: FnMut()> Replay<'a, F> {
    /// A replay that has asked for the first block.
    pub fn new(
        pinned: &Pinned,
        memory: &'a mut Memory,
        store: StoreLink<'a, F>,
        blocks: DataRegion<'a, ReadOnly>,
    ) -> Self {
        let state = State::Reading { block: 0, left: None };
        let anchor = pinned.anchor;
        let chain = Chain::new(anchor);
        let mut replay = Self { anchor, chain, revoked_by: None, state, memory, store, blocks };
        replay.ask(Op::Chain, 0);
        replay
    }

    /// Starts over if it was the disk that failed.
    pub fn retry(&mut self) {
        if matches!(self.state, State::Unreadable(_)) {
            self.state = self.start_over();
            self.ask(Op::Chain, 0);
        }
    }

    /// Forgets all that was replayed, but not that the chain is revoked.
    fn start_over(&mut self) -> State {
        self.chain = match self.revoked_by {
            None => Chain::new(self.anchor),
            Some(_) => Chain::up_to(self.anchor),
        };
        self.memory.feed = Feed::new();
        State::Reading { block: 0, left: None }
    }

    /// Why nothing newer than what the image pins is believed, if that is so.
    #[must_use]
    pub fn revoked(&self) -> Option<Reason> {
        let revoked_by = self.revoked_by?;
        Some(Reason::new(format_args!(
            "chain is revoked by event {revoked_by}: nothing after event {} is believed",
            self.anchor.sequence
        )))
    }

    /// Is there still something to come?
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Reading { .. })
    }

    /// The chain, if it proves.
    ///
    /// # Errors
    /// Whether it was refused or could not be read, and the line that names why.
    pub fn proven(&self) -> Result<&Chain, (protocols::ledger::Status, Reason)> {
        use protocols::ledger::Status;
        match self.state {
            State::Proven => Ok(&self.chain),
            State::Refused(reason) => Err((Status::NotProven, reason)),
            State::Unreadable(reason) => Err((Status::Storage, reason)),
            State::Reading { .. } => Err((Status::Storage, Reason::new("chain still being read"))),
        }
    }

    /// Why the chain is not believed, or nothing newer than what the image pins; once the replay ended.
    #[must_use]
    pub fn trouble(&self) -> Option<Reason> {
        self.proven().map_or_else(|(_, reason)| Some(reason), |_| self.revoked())
    }

    /// Sequence of the last event that was accepted.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.chain.next_sequence().saturating_sub(1)
    }

    /// Handles what `store` has sent and prepares the link for sleep.
    pub fn step(&mut self) {
        loop {
            match self.store.receive() {
                Ok(Some(completion)) => self.take(&completion),
                Ok(None) if self.store.arm() => return,
                Ok(None) => {}
                Err(LinkError::PeerRestarted) => {
                    if let State::Reading { block, .. } = self.state {
                        self.ask(Op::Chain, block);
                    }
                }
                Err(LinkError::PeerMisbehavior) => {
                    if self.is_running() {
                        self.state = State::Unreadable(Reason::new("store broke its link"));
                    }
                    if self.store.arm() {
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, completion: &Completion) {
        let State::Reading { block, left } = self.state else { return };
        if completion.cookie != block {
            return;
        }
        match Status::from_code(completion.status) {
            Some(Status::Ok) => {
                let result = self.take_block(completion.offset, block, left);
                self.ask(Op::Release, completion.offset.into());
                self.state = result.unwrap_or_else(State::Refused);
            }
            Some(Status::NoVolume) => self.unreadable("there is no volume that can be read"),
            Some(Status::NotFound) => self.unreadable("the volume has no chain"),
            Some(Status::Disk) => self.unreadable("the disk failed while the chain was read"),
            _ => self.unreadable("store refused to read the chain"),
        }
        if let State::Reading { block, .. } = self.state {
            self.ask(Op::Chain, block);
        }
    }

    fn unreadable(&mut self, reason: &str) {
        self.state = State::Unreadable(Reason::new(reason));
    }

    /// Copies a block out of the shared region, once, and replays the events in it.
    fn take_block(
        &mut self,
        offset: u32,
        block: u64,
        left: Option<usize>,
    ) -> Result<State, Reason> {
        let Memory { feed, block: copy } = &mut *self.memory;
        let length = u32::try_from(BLOCK_BYTES).unwrap_or(0);
        let span = self.blocks.span(offset, length);
        let copied = span.and_then(|span| self.blocks.copy_out(span, copy).map(|_| ()));
        copied.map_err(|_| Reason::new("store named a block outside the region"))?;
        let (left, start) = match left {
            Some(left) => (left, 0),
            None => (parse_head(copy, CHAIN_BLOCKS_MAX).map_err(Reason::new)?, HEAD_BYTES),
        };
        let here = left.min(BLOCK_BYTES - start);
        let events = copy.get(start..start + here).unwrap_or_default();
        match feed.push(&mut self.chain, events) {
            Err(error) if error.reason == chain::Reason::AfterAnchor => return Ok(State::Proven),
            pushed => pushed.map_err(Reason::new)?,
        }
        if here < left {
            return Ok(State::Reading { block: block + 1, left: Some(left - here) });
        }
        feed.end(&self.chain).map_err(Reason::new)?;
        let proven = self.chain.proven().map_err(Reason::new)?;
        let head = proven.anchor().sequence;
        if !proven.is_revoked() {
            return Ok(State::Proven);
        }
        if head == self.anchor.sequence {
            return Err(Reason::new("the image pins a chain that is revoked"));
        }
        self.revoked_by = Some(head);
        Ok(self.start_over())
    }

    fn ask(&mut self, op: Op, index: u64) {
        let request = Request {
            cookie: index,
            object: 0,
            index,
            op: op.code(),
            level: 0,
            count: u16::from(op == Op::Chain),
            reserved: [0; 10],
        };
        // One block is on its way at a time, and its release: the ring cannot be full unless
        // `store` does not read, and then nothing will come anyway.
        let _ = self.store.send(request);
        self.store.flush();
    }
}
