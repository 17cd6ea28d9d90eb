//! What `integrity` answers, and what that changes.

use protocols::integrity::{Completion, Op};
use protocols::{Reason, system};

use super::{CLOSE_COOKIE, HALVES, Half, Object, READERS, Readers, State, request};
use crate::failure::{Failure, Kind};
use crate::peer::News;
use crate::question::Ticket;

/// What `integrity` says of the volume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    name: [u8; 32],
    /// Generation.
    pub(crate) generation: u64,
    /// Volume root.
    pub(crate) root: [u8; 32],
    /// Entries in the table.
    pub(crate) entries: u64,
}

impl Volume {
    /// Name; empty when it is no text.
    pub(crate) fn name(&self) -> &str {
        system::text(&self.name)
    }
}

impl<F: FnMut()> Readers<'_, F> {
    /// Asks for a description of the volume.
    pub(crate) fn ask_volume(&mut self) -> Ticket {
        let ticket = self.volume.ask();
        self.ask_pending();
        ticket
    }

    fn ask_pending(&mut self) {
        if let Some(cookie) = self.volume.pending()
            && self.peer.send(request(Op::Volume, volume_cookie(cookie)))
        {
            self.volume.sent();
        }
    }

    /// The answer to [`Readers::ask_volume`], or a newer one.
    pub(crate) fn volume(&self, ticket: Ticket) -> Option<Result<Volume, Failure>> {
        self.volume.answer(ticket)
    }

    /// Takes one answer of `integrity`; `false` when there is none.
    pub(crate) fn hear(&mut self, now_ns: u64) -> bool {
        self.ask_pending();
        match self.peer.receive(now_ns) {
            Some(News::Message(completion)) => self.take(&completion),
            Some(News::Lost) => self.lose(),
            None => return false,
        }
        true
    }

    /// `integrity` started anew, or is not to be trusted: nothing is open any more.
    fn lose(&mut self) {
        let lost = Failure { kind: Kind::Lost, reason: Reason::new("integrity started anew") };
        for reader in self.readers.iter_mut() {
            reader.object = None;
            let has_asked = reader.is_asking() || !matches!(reader.state, State::Opening);
            match reader.is_held {
                true if has_asked => reader.rewind(State::Failed(lost)),
                true => {}
                false => reader.rewind(State::Idle),
            }
        }
        self.closing = 0;
        self.volume.ask_again();
    }

    fn take(&mut self, completion: &Completion) {
        if completion.cookie == CLOSE_COOKIE && self.closing > 0 {
            self.closing -= 1;
            return;
        }
        if self.volume.is_sent_as(|serial| volume_cookie(serial) == completion.cookie) {
            self.volume.take(volume_in(completion));
            return;
        }
        let place = completion.cookie % (READERS * HALVES) as u64;
        let place = usize::try_from(place).unwrap_or(0);
        let (index, half) = (place / HALVES, place % HALVES);
        let asked = self.readers.get(index).and_then(|reader| reader.halves.get(half));
        match asked {
            Some(&Half::Asked { cookie, len }) if cookie == completion.cookie => {
                self.take_answer(index, half, len, completion);
            }
            _ => self.peer.blame("answered what was not asked"),
        }
    }

    fn take_answer(&mut self, index: usize, half: usize, asked: u32, completion: &Completion) {
        let Some(reader) = self.readers.get_mut(index) else { return };
        let mut slot = Half::Empty;
        let mut is_wrong = false;
        match (Failure::of(completion), reader.state) {
            (Some(failure), State::Opening) if failure.kind == Kind::NoRoom => {
                reader.rewind(State::Opening);
                return self.reopen(index, failure);
            }
            (Some(failure), _) => reader.state = State::Failed(failure),
            (None, State::Opening) => {
                let Completion { object: handle, size, root, .. } = *completion;
                reader.object = Some(Object { handle, size, root });
                reader.state = State::Reading { next: 0, end: 0 };
            }
            (None, State::Reading { .. }) => {
                slot = Half::Ready { consumed: 0, len: asked };
                is_wrong = completion.len != asked;
                let size = reader.object.map(|object| object.size);
                let is_small = half == 0 && reader.lane.is_none();
                reader.has_whole = is_small && !is_wrong && size == Some(u64::from(asked));
            }
            (None, State::Listing { .. }) => {
                is_wrong = completion.len > asked;
                if completion.len == 0 {
                    reader.state = State::Listing { has_ended: true };
                } else {
                    slot = Half::Ready { consumed: 0, len: completion.len };
                }
            }
            (None, State::Idle | State::Failed(_)) => {}
        }
        if let Some(place) = reader.halves.get_mut(half) {
            *place = slot;
        }
        reader.settle();
        if is_wrong {
            self.disbelieve(index);
        }
    }

    /// `integrity` keeps fewer objects open than there are readers: gives one back and asks again.
    fn reopen(&mut self, index: usize, failure: Failure) {
        let idle = self.readers.iter().enumerate();
        let idle = idle.filter(|(_, reader)| reader.object.is_some() && reader.is_idle());
        let oldest = idle.min_by_key(|(_, reader)| reader.taken).map(|(oldest, _)| oldest);
        if oldest.is_some_and(|oldest| self.close(oldest)) {
            self.ask_to_open(index);
        } else if let Some(reader) = self.readers.get_mut(index) {
            reader.state = State::Failed(failure);
        }
    }

    /// The reader ends: `integrity` answered something impossible.
    pub(super) fn disbelieve(&mut self, index: usize) -> Failure {
        self.peer.blame("sent an impossible answer");
        let reason = Reason::new("integrity sent an impossible answer");
        let failure = Failure { kind: Kind::Lost, reason };
        if let Some(reader) = self.readers.get_mut(index) {
            reader.state = State::Failed(failure);
        }
        failure
    }
}

/// Questions about the volume have cookies of their own, that no reader's question has.
const fn volume_cookie(serial: u64) -> u64 {
    1 << 63 | serial
}

fn volume_in(completion: &Completion) -> Result<Volume, Failure> {
    match Failure::of(completion) {
        Some(failure) => Err(failure),
        None => Ok(Volume {
            name: completion.name,
            generation: completion.generation,
            root: completion.root,
            entries: completion.size,
        }),
    }
}
