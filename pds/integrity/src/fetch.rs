//! Getting unproven blocks from `store`.

use protocols::Reason;
use protocols::store::{Completion, Op, RING_SLOTS, Request, Status};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{ClientEnd, DataRegion, LinkError};
use volume::geometry::BLOCK_BYTES;

/// The link to `store`.
pub type StoreLink<'a, F> = ClientEnd<'a, Request, Completion, RING_SLOTS, F>;

/// Which blocks are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) op: Op,
    pub(crate) object: u64,
    pub(crate) level: u16,
    pub(crate) index: u64,
    pub(crate) count: u16,
}

/// Blocks in the shared region, held until they are released. Nothing about them is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    offset: u32,
    /// Blocks given, at least one.
    pub(crate) count: u16,
}

/// What came of a request.
pub(crate) type Outcome = Result<Fetched, Reason>;

/// Asks for one part at a time.
pub struct Fetcher<'a, F: FnMut()> {
    link: StoreLink<'a, F>,
    region: DataRegion<'a, ReadOnly>,
    /// The part under way, and its number.
    pending: Option<Part>,
    number: u64,
}

impl<'a, F: FnMut()> Fetcher<'a, F> {
    /// Nothing has been asked for.
    pub fn new(link: StoreLink<'a, F>, region: DataRegion<'a, ReadOnly>) -> Self {
        Self { link, region, pending: None, number: 0 }
    }

    /// Is a part under way?
    pub(crate) fn is_busy(&self) -> bool {
        self.pending.is_some()
    }

    /// Asks for a part; nothing else is under way.
    pub(crate) fn ask(&mut self, part: Part) {
        self.number = self.number.wrapping_add(1);
        self.pending = Some(part);
        self.send(part);
    }

    fn send(&mut self, part: Part) {
        let request = Request {
            cookie: self.number,
            object: part.object,
            index: part.index,
            op: part.op.code(),
            level: part.level,
            count: part.count,
            reserved: [0; 10],
        };
        // One part is under way at a time, so the ring has room; a link that is cut off answers
        // through `hear`.
        let _ = self.link.send(request);
        self.link.flush();
    }

    /// The outcome of what was asked for; `None` when it has not come and the link is prepared for
    /// sleep.
    pub(crate) fn hear(&mut self) -> Option<Outcome> {
        loop {
            match self.link.receive() {
                Ok(Some(completion)) => {
                    if let Some(outcome) = self.take(&completion) {
                        return Some(outcome);
                    }
                }
                Ok(None) if self.link.arm() => return None,
                Ok(None) => {}
                Err(LinkError::PeerRestarted) => {
                    if let Some(part) = self.pending {
                        self.send(part);
                    }
                }
                Err(LinkError::PeerMisbehavior) => {
                    // Nothing is asked for: another turn of the cut-off is over.
                    if self.pending.take().is_none() {
                        if self.link.arm() {
                            return None;
                        }
                        continue;
                    }
                    return Some(Err(Reason::new("store broke its link")));
                }
            }
        }
    }

    fn take(&mut self, completion: &Completion) -> Option<Outcome> {
        let part = self.pending?;
        if completion.cookie != self.number {
            return None;
        }
        self.pending = None;
        Some(match Status::from_code(completion.status) {
            Some(Status::Ok) if (1..=part.count.max(2)).contains(&completion.count) => {
                Ok(Fetched { offset: completion.offset, count: completion.count })
            }
            Some(Status::Disk) => Err(Reason::new("the disk failed")),
            Some(Status::NoVolume) => Err(Reason::new("there is no volume that can be read")),
            Some(Status::NotFound) => Err(Reason::new("store cannot find a part of the volume")),
            _ => Err(Reason::new("store refused a request")),
        })
    }

    /// Copies `into.len()` bytes from byte `start` of fetched blocks on into private memory; `false`
    /// when `store` named memory outside the region.
    pub(crate) fn copy(&self, fetched: Fetched, start: usize, into: &mut [u8]) -> bool {
        let (Ok(start), Ok(len)) = (u32::try_from(start), u32::try_from(into.len())) else {
            return false;
        };
        let end = start.checked_add(len);
        let held = u32::from(fetched.count) * u32::try_from(BLOCK_BYTES).unwrap_or(0);
        let offset = fetched.offset.checked_add(start);
        match (end, offset) {
            (Some(end), Some(offset)) if end <= held => {
                let span = self.region.span(offset, len);
                span.and_then(|span| self.region.copy_out(span, into).map(|_| ())).is_ok()
            }
            _ => false,
        }
    }

    /// Gives fetched blocks back.
    pub(crate) fn release(&mut self, fetched: Fetched) {
        let request = Request {
            cookie: 0,
            object: 0,
            index: fetched.offset.into(),
            op: Op::Release.code(),
            level: 0,
            count: 0,
            reserved: [0; 10],
        };
        // As in `send`.
        let _ = self.link.send(request);
        self.link.flush();
    }
}
