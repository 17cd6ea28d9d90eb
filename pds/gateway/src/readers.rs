//! Proven objects and listings, asked of `integrity` piece by piece.
//!
//! A *reader* reads one object, or the volume's table, for one connection: it owns a place for a
//! path in this PD's region and a window of `integrity`'s. While the connection sends one half of the
//! window, `integrity` fills the other. For a large object it borrows one of a few large windows, if
//! one is free: each question costs much more than the bytes that it brings. An object stays open
//! after its reader is released, and a small one in the window, so that asking for it again costs
//! less.
//!
//! A reader whose connection is gone is not used again before all its questions are answered: a late
//! answer must not write into a window that somebody else trusts.

mod answers;
mod listing;

use protocols::integrity::{Completion, LIST_BYTES_MAX, Op, PATH_BYTES_MAX, RING_SLOTS, Request};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, Span};

use crate::IntegrityLink;
use crate::failure::Failure;
use crate::peer::Peer;
use crate::question::Question;

pub(crate) use answers::Volume;
pub(crate) use listing::Next;

/// Readers: one for each connection, so that nobody waits for who reads slowly.
pub(crate) const READERS: usize = crate::service::PLACES;
/// Halves of a window.
const HALVES: usize = 2;
/// Bytes of half a window: as many as an answer to `List` may have.
const HALF_LEN: u32 = 4096;
/// Bytes of half a large window: as many as `store` reads at once.
const LANE_HALF_LEN: u32 = 64 * 1024;
const _: () = assert!(HALF_LEN as usize >= LIST_BYTES_MAX);
/// Reads end at multiples of this, since a block is proven as a whole.
const BLOCK_BYTES: u32 = 4096;

/// Which reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReaderId(usize);

/// Half of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    /// Nobody's.
    Empty,
    /// Asked for, under this cookie.
    Asked { cookie: u64, len: u32 },
    /// Proven bytes, of which some have been consumed.
    Ready { consumed: u32, len: u32 },
}

/// An object that `integrity` has open for us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    handle: u32,
    /// Bytes.
    pub(crate) size: u64,
    /// Merkle root.
    pub(crate) root: [u8; 32],
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is to be done.
    Idle,
    /// An object is being opened.
    Opening,
    /// The object is read: bytes from `next` to `end` have not been asked for.
    Reading { next: u64, end: u64 },
    /// The table, from the path in `Reader::path` on; `ended` when nothing follows the window.
    Listing { has_ended: bool },
    /// It went wrong.
    Failed(Failure),
}

pub(crate) struct Reader {
    state: State,
    /// What `integrity` has open for this reader, also while nobody uses it.
    object: Option<Object>,
    /// A connection uses it.
    is_held: bool,
    /// When it was last taken, to find the one that nobody misses.
    taken: u64,
    /// The path of the object, or the last one that was listed.
    path: heapless::Vec<u8, PATH_BYTES_MAX>,
    halves: [Half; HALVES],
    /// The half that is consumed next, and the one that is asked for next.
    turn: (usize, usize),
    /// The large window that it has borrowed.
    lane: Option<usize>,
    /// The first half of the window holds the whole object. Nobody writes there before the reader
    /// asks for something else.
    has_whole: bool,
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Idle,
            object: None,
            is_held: false,
            taken: 0,
            path: heapless::Vec::new(),
            halves: [Half::Empty; HALVES],
            turn: (0, 0),
            lane: None,
            has_whole: false,
        }
    }

    fn is_asking(&self) -> bool {
        self.halves.iter().any(|half| matches!(half, Half::Asked { .. }))
    }

    fn is_idle(&self) -> bool {
        !self.is_held && !self.is_asking()
    }

    /// Is it nobody's, and nothing on its way? Then it is ready for another use, with its object open.
    fn settle(&mut self) {
        if self.is_idle() {
            let has_whole = self.has_whole;
            self.rewind(State::Idle);
            self.has_whole = has_whole;
        }
    }

    /// Forgets what was read.
    fn rewind(&mut self, state: State) {
        self.state = state;
        self.halves = [Half::Empty; HALVES];
        self.turn = (0, 0);
        self.lane = None;
        self.has_whole = false;
    }
}

/// What has become of a reader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// `integrity` has not answered.
    Waits,
    /// The object is open.
    Opened(Object),
    /// It went wrong.
    Failed(Failure),
}

/// All readers, and the link to `integrity`.
pub(crate) struct Readers<'a, F: FnMut()> {
    peer: Peer<'a, Request, Completion, RING_SLOTS, F>,
    paths: DataRegion<'a>,
    bytes: DataRegion<'a, ReadOnly>,
    readers: &'a mut [Reader],
    lane_count: usize,
    /// Cookie of the last question.
    cookie: u64,
    volume: Question<Result<Volume, Failure>>,
    /// Answers to `Close` that are still to come.
    closing: usize,
}

/// Marks the cookies of questions to which the answer does not matter.
const CLOSE_COOKIE: u64 = u64::MAX;

impl<'a, F: FnMut()> Readers<'a, F> {
    /// Readers that have not been used.
    ///
    /// # Panics
    /// If the composition made a region too small for all of them.
    pub(crate) fn new(
        readers: &'a mut [Reader; READERS],
        link: IntegrityLink<'a, F>,
        paths: DataRegion<'a>,
        bytes: DataRegion<'a, ReadOnly>,
    ) -> Self {
        assert!(paths.len() >= READERS * PATH_BYTES_MAX, "no room for {READERS} paths");
        let rest = bytes.len().checked_sub(READERS * HALVES * HALF_LEN as usize);
        let Some(rest) = rest else { panic!("no room for {READERS} windows of integrity") };
        Self {
            peer: Peer::new("integrity", link),
            paths,
            bytes,
            readers,
            lane_count: rest / (HALVES * LANE_HALF_LEN as usize),
            cookie: 0,
            volume: Question::new(),
            closing: 0,
        }
    }

    pub(crate) const fn peer(&mut self) -> &mut Peer<'a, Request, Completion, RING_SLOTS, F> {
        &mut self.peer
    }

    /// Starts to open the object at `path`; `None` when no reader, or no room in the link, is free
    /// now.
    pub(crate) fn open(&mut self, path: &[u8]) -> Option<ReaderId> {
        let opened = self
            .readers
            .iter()
            .position(|reader| reader.object.is_some() && reader.is_idle() && reader.path == path);
        if let Some(index) = opened {
            self.readers.get_mut(index)?.state = State::Reading { next: 0, end: 0 };
            return self.hold(index);
        }
        let index = self.vacate()?;
        let reader = self.readers.get_mut(index)?;
        reader.path = heapless::Vec::from_slice(path).ok()?;
        reader.rewind(State::Opening);
        self.ask_to_open(index);
        self.hold(index)
    }

    fn hold(&mut self, index: usize) -> Option<ReaderId> {
        self.cookie += 1;
        let reader = self.readers.get_mut(index)?;
        reader.is_held = true;
        reader.taken = self.cookie;
        Some(ReaderId(index))
    }

    /// An idle reader without an open object. Closes the object that was used longest ago where
    /// there is no other way.
    fn vacate(&mut self) -> Option<usize> {
        let idle = self.readers.iter().enumerate().filter(|(_, reader)| reader.is_idle());
        let (index, _) =
            idle.min_by_key(|(_, reader)| reader.object.map_or(0, |_| reader.taken))?;
        self.close(index).then_some(index)
    }

    /// Closes the object of a reader, if it has one; `false` when there is no room to say so.
    fn close(&mut self, index: usize) -> bool {
        let Some(reader) = self.readers.get_mut(index) else { return false };
        if let Some(object) = reader.object {
            let close = Request { object: object.handle, ..request(Op::Close, CLOSE_COOKIE) };
            if !self.peer.send(close) {
                return false;
            }
            self.closing += 1;
            reader.object = None;
        }
        reader.rewind(State::Idle);
        true
    }

    /// The next cookie: says which half of which reader the answer belongs to.
    fn next_cookie(&mut self, index: usize, half: usize) -> u64 {
        self.cookie += 1;
        (self.cookie * READERS as u64 + index as u64) * HALVES as u64 + half as u64
    }

    /// Asks for the object of a reader; where there is no room, [`Readers::pump`] does it later.
    fn ask_to_open(&mut self, index: usize) {
        let cookie = self.next_cookie(index, 0);
        let Some(reader) = self.readers.get_mut(index) else { return };
        let Some(half) = reader.halves.first_mut() else { return };
        let Some(place) = path_place(self.paths, index, &reader.path) else { return };
        let open =
            Request { offset: place.offset(), len: place.len(), ..request(Op::Open, cookie) };
        if self.peer.send(open) {
            *half = Half::Asked { cookie, len: 0 };
        }
    }

    /// Where a half of a reader's window lies, and how long it is.
    fn window(&self, index: usize, half: usize) -> (u32, u32) {
        let lane = self.readers.get(index).and_then(|reader| reader.lane);
        let number = |window: usize| u32::try_from(window * HALVES + half).unwrap_or(0);
        let small = HALVES * self.readers.len();
        match lane {
            None => (number(index) * HALF_LEN, HALF_LEN),
            Some(lane) => {
                let start = u32::try_from(small).unwrap_or(0) * HALF_LEN;
                (start + number(lane) * LANE_HALF_LEN, LANE_HALF_LEN)
            }
        }
    }

    /// Borrows a large window, if one is free.
    fn borrow_lane(&mut self, index: usize) {
        let is_free = |lane: &usize| self.readers.iter().all(|reader| reader.lane != Some(*lane));
        let lane = (0..self.lane_count).find(is_free);
        if let Some(reader) = self.readers.get_mut(index) {
            reader.lane = lane;
        }
    }

    /// What has become of an open.
    pub(crate) fn outcome(&self, id: ReaderId) -> Outcome {
        match self.readers.get(id.0).map(|reader| (reader.state, reader.object)) {
            Some((State::Reading { .. }, Some(object))) => Outcome::Opened(object),
            Some((State::Failed(failure), _)) => Outcome::Failed(failure),
            _ => Outcome::Waits,
        }
    }

    /// Chooses the bytes of an open object that are to be read.
    pub(crate) fn read(&mut self, id: ReaderId, start: u64, stop: u64) {
        let Some(reader) = self.readers.get_mut(id.0) else { return };
        let State::Reading { next, end } = &mut reader.state else { return };
        (*next, *end) = (start, stop);
        let span = u32::try_from(start).ok().zip(u32::try_from(stop).ok());
        if let (true, Some((start, stop)), [first, _]) =
            (reader.has_whole, span, &mut reader.halves)
        {
            // Proven before, and still there.
            *first = Half::Ready { consumed: start, len: stop };
            *next = *end;
        }
        self.pump_reader(id.0);
    }

    /// Asks for what the readers still need, as far as windows and link have room.
    pub(crate) fn pump(&mut self) {
        for index in 0..self.readers.len() {
            let Some(reader) = self.readers.get(index).filter(|reader| reader.is_held) else {
                continue;
            };
            if matches!(reader.state, State::Opening) && !reader.is_asking() {
                self.ask_to_open(index);
            }
            self.pump_reader(index);
        }
    }

    fn pump_reader(&mut self, index: usize) {
        for _ in 0..HALVES {
            let Some(reader) = self.readers.get(index) else { return };
            let turn = reader.turn.1;
            let (State::Reading { next, end }, Some(object)) = (reader.state, reader.object) else {
                return;
            };
            let is_empty = reader.halves.get(turn) == Some(&Half::Empty);
            if !reader.is_held || !is_empty || next >= end || self.peer.room() == 0 {
                return;
            }
            let is_unused = reader.halves == [Half::Empty; HALVES];
            if is_unused && reader.lane.is_none() && end - next > u64::from(HALF_LEN) {
                self.borrow_lane(index);
            }
            let (offset, half_len) = self.window(index, turn);
            // The first read ends at a block's end, so that no block is proven twice.
            let within = u32::try_from(next % u64::from(BLOCK_BYTES)).unwrap_or(0);
            let left = u32::try_from(end - next).unwrap_or(u32::MAX);
            let len = left.min(half_len - within);
            let cookie = self.next_cookie(index, turn);
            let read = Request {
                position: next,
                object: object.handle,
                offset,
                len,
                ..request(Op::Read, cookie)
            };
            let is_sent = self.peer.send(read);
            let Some(reader) = self.readers.get_mut(index).filter(|_| is_sent) else { return };
            if let Some(half) = reader.halves.get_mut(turn) {
                *half = Half::Asked { cookie, len };
            }
            reader.has_whole = false;
            reader.turn.1 = (turn + 1) % HALVES;
            reader.state = State::Reading { next: next + u64::from(len), end };
        }
    }

    /// The next proven bytes, in [`Readers::region`].
    pub(crate) fn ready(&self, id: ReaderId) -> Option<Span> {
        let reader = self.readers.get(id.0)?;
        let Half::Ready { consumed, len } = *reader.halves.get(reader.turn.0)? else { return None };
        let offset = self.window(id.0, reader.turn.0).0 + consumed;
        self.bytes.span(offset, len - consumed).ok()
    }

    /// Where [`Readers::ready`] bytes lie.
    pub(crate) const fn region(&self) -> DataRegion<'a, ReadOnly> {
        self.bytes
    }

    /// `count` of the ready bytes are no longer needed.
    pub(crate) fn consume(&mut self, id: ReaderId, count: u32) {
        let Some(reader) = self.readers.get_mut(id.0) else { return };
        let turn = reader.turn.0;
        let Some(half) = reader.halves.get_mut(turn) else { return };
        if let Half::Ready { consumed, len } = half {
            *consumed += count.min(*len - *consumed);
            if consumed == len {
                *half = Half::Empty;
                reader.turn.0 = (turn + 1) % HALVES;
            }
        }
    }

    /// The failure of a reader, once there is one.
    pub(crate) fn failure(&self, id: ReaderId) -> Option<Failure> {
        match self.readers.get(id.0)?.state {
            State::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// The connection does not need the reader any more.
    pub(crate) fn release(&mut self, id: ReaderId) {
        let Some(reader) = self.readers.get_mut(id.0) else { return };
        reader.is_held = false;
        reader.settle();
    }
}

/// Puts a path where `integrity` finds it.
fn path_place(paths: DataRegion<'_>, index: usize, path: &[u8]) -> Option<Span> {
    let offset = u32::try_from(index * PATH_BYTES_MAX).ok()?;
    let place = paths.span(offset, u32::try_from(path.len()).ok()?).ok()?;
    paths.copy_in(place, path).ok()?;
    Some(place)
}

const fn request(op: Op, cookie: u64) -> Request {
    Request {
        cookie,
        position: 0,
        op: op.code(),
        reserved: 0,
        object: 0,
        offset: 0,
        len: 0,
        reserved2: 0,
    }
}
