//! Questions in, answers out.

use core::fmt::Write as _;

use protocols::Reason;
use protocols::ledger::{Completion, NAME_BYTES_MAX, Op, RING_SLOTS, Request, Status};
use protocols::system::text;
use sel4_shared_ring_buffer::{LinkError, ServerEnd};

use crate::anchor::Pinned;
use crate::replay::Replay;

/// Clients at most.
pub const CLIENTS_MAX: usize = 4;

/// The rings between `ledger` and one client.
pub type Link<'a, F> = ServerEnd<'a, Request, Completion, RING_SLOTS, F>;

type Name = heapless::String<NAME_BYTES_MAX>;

/// A client.
pub struct Client<'a, F: FnMut()> {
    /// Its rings.
    pub link: Link<'a, F>,
    /// It broke its link and has been counted.
    pub is_cut_off: bool,
}

/// The PD's whole state.
pub struct Ledger<'a, F: FnMut()> {
    pinned: Pinned,
    replay: Replay<'a, F>,
    clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    /// Questions answered.
    pub requests: u64,
    /// Questions answered with an error.
    pub errors: u64,
    /// Times that a client broke its link.
    pub violations: u64,
}

impl<'a, F: FnMut()> Ledger<'a, F> {
    /// A service that answers from `replay`.
    pub fn new(
        pinned: Pinned,
        replay: Replay<'a, F>,
        clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    ) -> Self {
        Self { pinned, replay, clients, requests: 0, errors: 0, violations: 0 }
    }

    /// The replay, to see how far it is.
    pub fn replay(&self) -> &Replay<'a, F> {
        &self.replay
    }

    /// Replays what has come, answers what was asked, and prepares the links for sleep. Calls `beat`
    /// all the while: a long chain comes in one long turn.
    pub fn step(&mut self, now_ns: u64, mut beat: impl FnMut()) {
        loop {
            self.replay.step(&mut beat);
            if self.replay.is_running() {
                // Questions wait; the end of the replay wakes this PD through `store`.
                return;
            }
            let mut is_idle = true;
            for index in 0..self.clients.len() {
                if self.serve(index) {
                    // The next question finds out whether another look helped.
                    self.replay.retry(now_ns);
                    is_idle = false;
                }
                is_idle &= self.clients.get_mut(index).is_none_or(|client| client.link.arm());
            }
            if is_idle {
                return;
            }
        }
    }

    /// Answers a client; `true` when it asked for what could not be read or proven.
    fn serve(&mut self, index: usize) -> bool {
        let Self { pinned, replay, clients, .. } = self;
        let Some(client) = clients.get_mut(index) else { return false };
        let mut has_failed = false;
        let failed = [Status::Storage, Status::NotProven].map(Status::code);
        for _ in 0..RING_SLOTS {
            if client.link.room() == 0 {
                break;
            }
            match client.link.receive() {
                Ok(Some(request)) => {
                    let answer = answer(pinned, replay, &request);
                    self.requests += 1;
                    let is_good = [Status::Ok, Status::Revoked].map(Status::code);
                    self.errors += u64::from(!is_good.contains(&answer.status));
                    has_failed |= failed.contains(&answer.status);
                    // Room was seen above.
                    let _ = client.link.send(answer);
                }
                Ok(None) => break,
                Err(LinkError::PeerRestarted) => client.is_cut_off = false,
                Err(LinkError::PeerMisbehavior) => {
                    self.violations += u64::from(!client.is_cut_off);
                    client.is_cut_off = true;
                    break;
                }
            }
        }
        has_failed
    }
}

fn answer<F: FnMut()>(pinned: &Pinned, replay: &Replay<'_, F>, request: &Request) -> Completion {
    let mut completion = Completion {
        cookie: request.cookie,
        sequence: 0,
        generation: 0,
        minimum_generation: pinned.minimum_generation,
        status: Status::Ok.code(),
        reserved: [0; 6],
        chain: pinned.position.chain(),
        head: [0; 32],
        root: [0; 32],
        volume: pinned.volume,
        reason: Reason::EMPTY,
    };
    match (fill(&mut completion, pinned, replay, request), replay.revoked()) {
        (Err((status, reason)), _) => {
            completion.status = status.code();
            completion.reason = reason;
        }
        (Ok(()), Some(reason)) => {
            completion.status = Status::Revoked.code();
            completion.reason = reason;
        }
        (Ok(()), None) => {}
    }
    completion
}

fn fill<F: FnMut()>(
    completion: &mut Completion,
    pinned: &Pinned,
    replay: &Replay<'_, F>,
    request: &Request,
) -> Result<(), (Status, Reason)> {
    let bad = |reason| (Status::BadRequest, Reason::new(reason));
    let op = Op::from_code(request.op).ok_or(bad("unknown operation"))?;
    if request.reserved != 0 {
        return Err(bad("reserved bytes are not zero"));
    }
    let chains = replay.proven()?;
    (completion.sequence, completion.head) = replay.head()?;
    let mut volume_register = Name::default();
    let name = match op {
        Op::Head => return Ok(()),
        Op::Volume => {
            // A volume's name has at most 32 bytes, so prefix and name fit.
            let _ = write!(volume_register, "volume/{}", text(&pinned.volume));
            volume_register.as_str()
        }
        Op::Pointer => name(request).ok_or(bad("the name is not a register's"))?,
    };
    (completion.root, completion.generation) = chains.pointer(name)?;
    Ok(())
}

fn name(request: &Request) -> Option<&str> {
    let len = usize::from(request.name_len);
    let (name, rest) = request.name.split_at_checked(len.min(NAME_BYTES_MAX))?;
    let is_padded = len <= NAME_BYTES_MAX && rest.iter().all(|&byte| byte == 0);
    core::str::from_utf8(name).ok().filter(|_| is_padded)
}
