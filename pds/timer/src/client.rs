//! One client: its link and its timeouts.

use generic_timer::Nanos;
use protocols::timer::{Completion, Op, RING_SLOTS, Request, Status, TIMEOUTS_PER_CLIENT};
use sel4_shared_ring_buffer::{LinkError, ServerEnd};

/// The rings between `timer` and one client.
pub type Link<'a, F> = ServerEnd<'a, Request, Completion, RING_SLOTS, F>;

#[derive(Clone, Copy, Debug)]
struct Timeout {
    cookie: u64,
    deadline: Nanos,
}

/// What a request asks for, once its fields are checked.
enum Command {
    Arm(Timeout),
    Cancel,
}

fn parse(request: &Request) -> Option<Command> {
    if request.reserved != [0; 6] {
        return None;
    }
    match Op::from_code(request.op)? {
        Op::Arm => Some(Command::Arm(Timeout {
            cookie: request.cookie,
            deadline: Nanos(request.deadline_ns),
        })),
        Op::Cancel => (request.deadline_ns == 0).then_some(Command::Cancel),
    }
}

/// A client and its timeouts.
pub(crate) struct Client<'a, F: FnMut()> {
    link: Link<'a, F>,
    timeouts: [Option<Timeout>; TIMEOUTS_PER_CLIENT],
}

/// What happened while a client was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// The client broke its link just now.
    pub(crate) broke_link: bool,
}

impl<'a, F: FnMut()> Client<'a, F> {
    pub(crate) const fn new(link: Link<'a, F>) -> Self {
        Self { link, timeouts: [None; TIMEOUTS_PER_CLIENT] }
    }

    /// Takes requests and reports due timeouts, as far as the client has room for completions.
    pub(crate) fn serve(&mut self, now: Nanos) -> Outcome {
        let mut outcome = Outcome::default();
        if self.link.is_cut_off() {
            return outcome;
        }
        while self.link.room() > 0 {
            match self.link.receive() {
                Ok(None) => break,
                Ok(Some(request)) => {
                    outcome.requests += 1;
                    outcome.errors += u64::from(!self.accept(&request));
                }
                Err(LinkError::PeerRestarted) => self.timeouts = [None; TIMEOUTS_PER_CLIENT],
                Err(LinkError::PeerMisbehavior) => {
                    self.timeouts = [None; TIMEOUTS_PER_CLIENT];
                    outcome.broke_link = true;
                    return outcome;
                }
            }
        }
        self.expire(now);
        outcome
    }

    /// When the client next wants to hear something; `None` too while it has no room to hear it.
    pub(crate) fn next_deadline(&mut self) -> Option<Nanos> {
        let next = self.timeouts.iter().flatten().map(|timeout| timeout.deadline).min();
        if next.is_some() && self.link.room() > 0 { next } else { None }
    }

    /// Prepares for sleep; `false` when the client has sent more meanwhile.
    pub(crate) fn arm(&mut self) -> bool {
        self.link.arm()
    }

    /// Obeys a request; `false` if it was refused. There is room for the refusal.
    fn accept(&mut self, request: &Request) -> bool {
        let cookie = request.cookie;
        match parse(request) {
            None => self.complete(cookie, Status::BadRequest),
            Some(Command::Cancel) => {
                if let Some(slot) = self.slot_of(cookie) {
                    *slot = None;
                }
                return true;
            }
            Some(Command::Arm(timeout)) => match self.slot_for(cookie) {
                Some(slot) => {
                    *slot = Some(timeout);
                    return true;
                }
                None => self.complete(cookie, Status::TooMany),
            },
        }
        false
    }

    fn slot_of(&mut self, cookie: u64) -> Option<&mut Option<Timeout>> {
        self.timeouts.iter_mut().find(|slot| slot.is_some_and(|timeout| timeout.cookie == cookie))
    }

    /// The slot of this timeout, else a free one.
    fn slot_for(&mut self, cookie: u64) -> Option<&mut Option<Timeout>> {
        let is_own = |slot: &Option<Timeout>| slot.is_some_and(|known| known.cookie == cookie);
        let index = self.timeouts.iter().position(is_own);
        let index = index.or_else(|| self.timeouts.iter().position(Option::is_none))?;
        self.timeouts.get_mut(index)
    }

    fn expire(&mut self, now: Nanos) {
        for index in 0..TIMEOUTS_PER_CLIENT {
            let due = self.timeouts[index].filter(|timeout| timeout.deadline <= now);
            if let Some(timeout) = due {
                if self.link.room() == 0 {
                    return;
                }
                self.timeouts[index] = None;
                self.complete(timeout.cookie, Status::Expired);
            }
        }
    }

    fn complete(&mut self, cookie: u64, status: Status) {
        // The callers made sure of room, and a cut-off client is owed nothing.
        let _ = self.link.send(Completion { cookie, status: status.code(), reserved: [0; 6] });
    }
}
