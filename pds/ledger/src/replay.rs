//! Reading the chain through `store`, block by block, and replaying it.

use cairn_pd::Backoff;
use protocols::store::{Completion, Op, RING_SLOTS, Request, Status};
use protocols::{Reason, disk::BLOCK_BYTES};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, LinkError};
use volume::chain::{CHAIN_BLOCKS_MAX, HEAD_BYTES, parse_head};

use crate::anchor::Pinned;
use crate::chains::{Chains, Next};

/// The link to `store`.
pub type StoreLink<'a, F> = ClientEnd<'a, Request, Completion, RING_SLOTS, F>;

/// Memory of a replay, to be placed statically: about 79 KiB.
pub struct Memory {
    chains: Chains,
    block: [u8; BLOCK_BYTES],
}

impl Memory {
    /// Memory of a replay that has not begun.
    pub const EMPTY: Self = Self { chains: Chains::EMPTY, block: [0; BLOCK_BYTES] };
}

/// Bytes replayed between two signs of life. No more than two transactions end in so many, and the
/// slowest, of Nexus, takes 13 million instructions.
const PIECE_BYTES: usize = 512;

/// How far the replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting for block `block` of the chain area; `left` bytes of events are still to come, unknown
    /// before the first block.
    Reading { block: u64, left: Option<usize> },
    /// Every event was replayed, up to the anchor or beyond; of a revoked chain up to the anchor.
    Proven,
    /// The chain, as it was read, does not prove.
    Refused(Reason),
    /// The chain could not be read.
    Unreadable(Reason),
}

/// The replay, and the chain it builds.
pub struct Replay<'a, F: FnMut()> {
    state: State,
    memory: &'a mut Memory,
    store: StoreLink<'a, F>,
    blocks: DataRegion<'a, ReadOnly>,
    backoff: Backoff,
    /// Why the chain was refused when it was read last: that is the answer while it is read again.
    refused: Option<Reason>,
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
        memory.chains.start(pinned.position);
        let mut replay =
            Self { state, memory, store, blocks, backoff: Backoff::NEW, refused: None };
        replay.ask(Op::Chain, 0);
        replay
    }

    /// Starts over where another look may help: when the disk failed, or, now and then, when what it
    /// read did not prove.
    pub fn retry(&mut self, now_ns: u64) {
        let is_worth_it = match self.state {
            State::Unreadable(_) => true,
            State::Refused(_) => self.backoff.is_due(now_ns),
            State::Reading { .. } | State::Proven => false,
        };
        if is_worth_it {
            self.refused =
                if let State::Refused(reason) = self.state { Some(reason) } else { None };
            self.memory.chains.restart();
            self.state = State::Reading { block: 0, left: None };
            self.ask(Op::Chain, 0);
        }
    }

    /// Why nothing newer than what the image pins is believed, if that is so.
    #[must_use]
    pub fn revoked(&self) -> Option<Reason> {
        self.memory.chains.revoked()
    }

    /// Is there still an answer to come? What is read again was answered before.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_reading() && self.refused.is_none()
    }

    fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading { .. })
    }

    /// Sequence number and digest of the chain's last event, if the chain proves.
    ///
    /// # Errors
    /// Whether it was refused or could not be read, and the line that names why.
    pub fn head(&self) -> Result<(u64, [u8; 32]), (protocols::ledger::Status, Reason)> {
        let not_proven = |reason| (protocols::ledger::Status::NotProven, reason);
        self.proven()?.head().map_err(not_proven)
    }

    /// The chain, if it proves.
    ///
    /// # Errors
    /// Whether it was refused or could not be read, and the line that names why.
    pub(crate) fn proven(&self) -> Result<&Chains, (protocols::ledger::Status, Reason)> {
        use protocols::ledger::Status;
        match self.state {
            State::Proven => Ok(&self.memory.chains),
            State::Refused(reason) => Err((Status::NotProven, reason)),
            State::Unreadable(reason) => Err((Status::Storage, reason)),
            State::Reading { .. } => match self.refused {
                Some(reason) => Err((Status::NotProven, reason)),
                None => Err((Status::Storage, Reason::new("chain still being read"))),
            },
        }
    }

    /// Sequence number of the chain's last event, once the replay ended.
    ///
    /// # Errors
    /// Why the chain is not believed, or nothing newer than what the image pins.
    pub fn trusted(&self) -> Result<u64, Reason> {
        let (sequence, _) = self.head().map_err(|(_, reason)| reason)?;
        self.revoked().map_or(Ok(sequence), Err)
    }

    /// Handles what `store` has sent and prepares the link for sleep; calls `beat` all the while.
    pub fn step(&mut self, mut beat: impl FnMut()) {
        loop {
            match self.store.receive() {
                Ok(Some(completion)) => {
                    self.take(&completion, &mut beat);
                }
                Ok(None) if self.store.arm() => return,
                Ok(None) => {}
                Err(LinkError::PeerRestarted) => {
                    if let State::Reading { block, .. } = self.state {
                        self.ask(Op::Chain, block);
                    }
                }
                Err(LinkError::PeerMisbehavior) => {
                    if self.is_reading() {
                        self.state = State::Unreadable(Reason::new("store broke its link"));
                    }
                    if self.store.arm() {
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, completion: &Completion, beat: impl FnMut()) {
        let State::Reading { block, left } = self.state else { return };
        if completion.cookie != block {
            return;
        }
        match Status::from_code(completion.status) {
            Some(Status::Ok) => {
                let result = self.take_block(completion.offset, block, left, beat);
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
        mut beat: impl FnMut(),
    ) -> Result<State, Reason> {
        let Memory { chains, block: copy } = &mut *self.memory;
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
        for piece in events.chunks(PIECE_BYTES) {
            if chains.push(piece)? == Next::Nothing {
                return Ok(State::Proven);
            }
            beat();
        }
        if here < left {
            return Ok(State::Reading { block: block + 1, left: Some(left - here) });
        }
        Ok(match chains.end()? {
            Next::Again => State::Reading { block: 0, left: None },
            Next::More | Next::Nothing => State::Proven,
        })
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
