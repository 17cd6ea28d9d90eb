//! From nothing to a proven volume root.

use cairn_pd::Backoff;
use ledger_verify::Digest;
use protocols::Reason;
use protocols::integrity::Status;
use protocols::ledger::{self, Completion, Op, RING_SLOTS, Request};
use protocols::store;
use protocols::system::text;
use sel4_shared_ring_buffer::{ClientEnd, LinkError};
use volume::Error;
use volume::geometry::{BLOCK_BYTES, Block};
use volume::verify::{Expected, VerifiedRoot, Vouched};

use crate::fetch::{Fetcher, Outcome, Part};

/// The link to `ledger`.
pub type LedgerLink<'a, F> = ClientEnd<'a, Request, Completion, RING_SLOTS, F>;

/// What `ledger` says about the volume.
#[derive(Clone, Copy, Debug)]
struct Answer {
    name: [u8; 32],
    chain: Digest,
    minimum_generation: u64,
    vouched: Option<Vouched>,
    reason: Reason,
    /// `ledger` could not read the chain; asking again may help.
    is_unreadable: bool,
    /// The chain is revoked: what is vouched for is what the image pins.
    is_revoked: bool,
}

/// How far the root is.
#[derive(Clone, Copy, Debug)]
enum State {
    /// `ledger` has been asked.
    AskingLedger,
    /// Superblock slot `slot` is being read.
    Reading { answer: Answer, slot: usize },
    /// Proven.
    Proven(VerifiedRoot),
    /// What was read, or what `ledger` says, does not prove the volume.
    Refused(Status, Reason),
    /// The disk could not be read; asking again may help.
    Unreadable(Reason),
}

/// The two superblock slots, as far as they could be read.
pub(crate) struct Slots {
    blocks: [Block; 2],
    read: [bool; 2],
}

impl Slots {
    pub(crate) const EMPTY: Self = Self { blocks: [[0; BLOCK_BYTES]; 2], read: [false; 2] };
}

/// The volume root, on its way to being proven.
pub(crate) struct Root<'a, F: FnMut()> {
    state: State,
    ledger: LedgerLink<'a, F>,
    slots: &'a mut Slots,
    failure: Reason,
    backoff: Backoff,
}

impl<'a, F: FnMut()> Root<'a, F> {
    /// Has asked `ledger`.
    pub(crate) fn new(ledger: LedgerLink<'a, F>, slots: &'a mut Slots) -> Self {
        let state = State::AskingLedger;
        let mut root = Self { state, ledger, slots, failure: Reason::EMPTY, backoff: Backoff::NEW };
        root.ask_ledger();
        root
    }

    /// Is the root still on its way?
    pub(crate) fn is_loading(&self) -> bool {
        matches!(self.state, State::AskingLedger | State::Reading { .. })
    }

    /// The root, or why there is none.
    pub(crate) fn proven(&self) -> Result<&VerifiedRoot, (Status, Reason)> {
        match &self.state {
            State::Proven(root) => Ok(root),
            State::Refused(status, reason) => Err((*status, *reason)),
            State::Unreadable(reason) => Err((Status::Storage, *reason)),
            State::AskingLedger | State::Reading { .. } => {
                Err((Status::Storage, Reason::new("the volume is still being proven")))
            }
        }
    }

    /// Starts over where another look may help: when the disk failed, or, now and then, when what it
    /// read did not prove.
    pub(crate) fn retry(&mut self, now_ns: u64) {
        let is_worth_it = match self.state {
            State::Unreadable(_) => true,
            State::Refused(..) => self.backoff.is_due(now_ns),
            State::AskingLedger | State::Reading { .. } | State::Proven(_) => false,
        };
        if is_worth_it {
            self.state = State::AskingLedger;
            self.ask_ledger();
        }
    }

    fn ask_ledger(&mut self) {
        let request = Request {
            cookie: 0,
            op: Op::Volume.code(),
            name_len: 0,
            reserved: 0,
            name: [0; ledger::NAME_BYTES_MAX],
        };
        // Asked once per attempt, so the ring has room; a link that is cut off answers through
        // `hear_ledger`.
        let _ = self.ledger.send(request);
        self.ledger.flush();
    }

    /// Handles what `ledger` has sent and prepares the link for sleep.
    pub(crate) fn hear_ledger(&mut self, fetcher: &mut Fetcher<'_, F>) {
        loop {
            match self.ledger.receive() {
                Ok(Some(completion)) => {
                    if matches!(self.state, State::AskingLedger) {
                        self.take_answer(&completion, fetcher);
                    }
                }
                Ok(None) if self.ledger.arm() => return,
                Ok(None) => {}
                Err(LinkError::PeerRestarted) => {
                    if matches!(self.state, State::AskingLedger) {
                        self.ask_ledger();
                    }
                }
                Err(LinkError::PeerMisbehavior) => {
                    if matches!(self.state, State::AskingLedger) {
                        self.state = State::Unreadable(Reason::new("ledger broke its link"));
                    }
                    if self.ledger.arm() {
                        return;
                    }
                }
            }
        }
    }

    fn take_answer(&mut self, completion: &Completion, fetcher: &mut Fetcher<'_, F>) {
        let status = ledger::Status::from_code(completion.status);
        let is_revoked = status == Some(ledger::Status::Revoked);
        let is_proven = is_revoked || status == Some(ledger::Status::Ok);
        let vouched = Vouched { generation: completion.generation, root: Digest(completion.root) };
        let answer = Answer {
            name: completion.volume,
            chain: Digest(completion.chain),
            minimum_generation: completion.minimum_generation,
            vouched: is_proven.then_some(vouched),
            reason: completion.reason,
            is_unreadable: status == Some(ledger::Status::Storage),
            is_revoked,
        };
        self.slots.read = [false; 2];
        self.state = State::Reading { answer, slot: 0 };
        fetcher.ask(slot_part(0));
    }

    /// Takes the outcome of reading a slot.
    pub(crate) fn take_slot(&mut self, outcome: Outcome, fetcher: &mut Fetcher<'_, F>) {
        let State::Reading { answer, slot } = self.state else { return };
        match outcome {
            Ok(fetched) => {
                let block = self.slots.blocks.get_mut(slot);
                let copied = block.is_some_and(|block| fetcher.copy(fetched, 0, block));
                fetcher.release(fetched);
                if let Some(read) = self.slots.read.get_mut(slot) {
                    *read = copied;
                }
            }
            Err(reason) => self.failure = reason,
        }
        if slot == 0 {
            self.state = State::Reading { answer, slot: 1 };
            fetcher.ask(slot_part(1));
        } else {
            self.state = self.admit(&answer);
        }
    }

    fn admit(&self, answer: &Answer) -> State {
        let [first, second] = &self.slots.blocks;
        let [first_read, second_read] = self.slots.read;
        if !first_read && !second_read {
            return State::Unreadable(self.failure);
        }
        let slots = [first_read.then_some(first), second_read.then_some(second)];
        let expected = Expected {
            name: text(&answer.name),
            chain_id: answer.chain,
            minimum_generation: answer.minimum_generation,
            vouched: answer.vouched,
        };
        match VerifiedRoot::admit(slots, &expected) {
            Ok(root) => State::Proven(root),
            Err(Error::NotVouched { .. }) if answer.is_unreadable => {
                State::Unreadable(answer.reason)
            }
            // The slot that could not be read may be a good one.
            Err(Error::Superblock(_)) if !(first_read && second_read) => {
                State::Unreadable(self.failure)
            }
            // Why the ledger vouches for nothing, or for nothing newer, says more than that it does not.
            Err(Error::NotVouched { .. }) if answer.vouched.is_none() => {
                State::Refused(Status::NotProven, answer.reason)
            }
            Err(Error::NotVouched { .. }) if answer.is_revoked => {
                State::Refused(Status::Revoked, answer.reason)
            }
            Err(error) => State::Refused(Status::NotProven, Reason::new(error)),
        }
    }
}

fn slot_part(slot: u64) -> Part {
    Part { op: store::Op::Superblock, object: 0, level: 0, index: slot, count: 1 }
}
