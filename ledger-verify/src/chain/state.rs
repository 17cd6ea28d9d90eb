//! The replay of a chain.

use super::error::{Error, Reason};
use super::event::{At, Event, Kind, split_frame};
use crate::algorithm::Algorithm;
use crate::digest::{Digest, Domain};
use crate::registers::{Table, Value};

/// A position in a chain: what an image pins, and what a device remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The chain's id: the digest of its first event.
    pub chain: Digest,
    /// Sequence number of the anchored event.
    pub sequence: u64,
    /// Digest of the anchored event.
    pub digest: Digest,
}

impl Anchor {
    /// The anchor at a chain's first event.
    #[must_use]
    pub const fn first(chain: Digest) -> Self {
        Self { chain, sequence: 0, digest: chain }
    }
}

/// What the next event is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last event.
    pub position: Anchor,
    /// Its time, in seconds since 1970 by the signers' clock.
    pub time_s: u64,
    /// Digest of the keys that sign the next event; `None` once the chain is revoked.
    pub next: Option<Digest>,
    /// Digest of the keys that may sign a recovery.
    pub recovery: Option<Digest>,
    /// The weakest algorithm that a key may have from here on.
    pub weakest: Algorithm,
}

/// A chain under replay, about 6 KiB.
///
/// Events go in one by one, from the first, through [`Chain::apply`], [`Chain::replay`] or
/// [`super::Feed`]. A refused event leaves everything as it was. What was proven is asked through
/// [`Chain::proven`], which answers only once the anchored event was met.
#[derive(Clone, Debug)]
pub struct Chain {
    anchor: Anchor,
    head: Option<Head>,
    table: Table,
    offset: u64,
}

impl Chain {
    /// A chain of which nothing but the anchor is known.
    #[must_use]
    pub const fn new(anchor: Anchor) -> Self {
        Self { anchor, head: None, table: Table::EMPTY, offset: 0 }
    }

    /// The last event accepted. Not proven before the anchor is passed: see [`Chain::proven`].
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    #[cfg(any(test, feature = "write"))]
    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    /// Sequence number of the event that has to come next.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.head.map_or(0, |head| head.position.sequence.saturating_add(1))
    }

    /// What the chain proves.
    ///
    /// # Errors
    /// [`Reason::BeforeAnchor`]: the anchored event did not come yet.
    pub fn proven(&self) -> Result<Proven<'_>, Error> {
        match &self.head {
            Some(head) if head.position.sequence >= self.anchor.sequence => {
                Ok(Proven { head, table: &self.table })
            }
            _ => Err(self.error(0, Reason::BeforeAnchor { anchored: self.anchor.sequence })),
        }
    }

    /// Starts at the anchored event instead of the first one; its digest vouches for `frame`, and it for
    /// the registers in `snapshot`. To be called before anything else, once.
    ///
    /// # Errors
    /// [`Reason::Resumed`], [`Reason::NotAnchored`], [`Reason::State`], [`Reason::Snapshot`], or what
    /// is wrong with the event itself; the chain is then as good as new.
    #[inline(never)]
    pub fn resume(&mut self, frame: &[u8], snapshot: &[u8]) -> Result<(), Error> {
        let anchored = self.anchor.sequence;
        if self.head.is_some() {
            return Err(Error { event: anchored, ..self.error(0, Reason::Resumed) });
        }
        match self.check_resume(frame, snapshot) {
            Ok(head) => {
                self.head = Some(head);
                self.offset = frame.len() as u64;
                Ok(())
            }
            Err((offset, reason)) => {
                self.table = Table::EMPTY;
                Err(Error { event: anchored, ..self.error(offset, reason) })
            }
        }
    }

    fn check_resume(&mut self, frame: &[u8], snapshot: &[u8]) -> Result<Head, At> {
        let event = match split_frame(frame).map_err(|reason| (0, reason))? {
            Some((event, [])) => Event::parse(event)?,
            _ => return Err((0, Reason::Encoding(crate::cbor::Problem::Truncated))),
        };
        let chain = event.chain.unwrap_or(event.digest);
        let position = Anchor { chain, sequence: event.sequence, digest: event.digest };
        if position != self.anchor {
            return Err((event.offsets.sequence, Reason::NotAnchored));
        }
        if Domain::State.digest(snapshot) != event.state {
            return Err((event.offsets.state, Reason::State));
        }
        self.table.read(snapshot).map_err(|_| (event.offsets.state, Reason::Snapshot))?;
        event.verify_signatures()?;
        Ok(self.head_after(&event))
    }

    /// The head once `event` is accepted and its writes are in the table.
    fn head_after(&self, event: &Event<'_>) -> Head {
        let weakest = event.keys.weakest;
        Head {
            position: Anchor {
                chain: self.anchor.chain,
                sequence: event.sequence,
                digest: event.digest,
            },
            time_s: event.time_s,
            next: event.next,
            recovery: event.recovery,
            weakest: self.table.policy().map_or(weakest, |policy| policy.weakest.max(weakest)),
        }
    }

    /// Accepts every event of `bytes`, whole frames back to back.
    ///
    /// # Errors
    /// The first event that is refused, or [`crate::cbor::Problem::Truncated`] when the last one is
    /// not complete; those before it stay accepted.
    pub fn replay(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.take_frame(rest)?.ok_or_else(|| self.truncated())?;
        }
        Ok(())
    }

    /// Accepts one event; `frame` is the event with the head that tells its length, and no more.
    ///
    /// # Errors
    /// The rule that the event breaks.
    pub fn apply(&mut self, frame: &[u8]) -> Result<(), Error> {
        match split_frame(frame).map_err(|reason| self.error(0, reason))? {
            None => Err(self.truncated()),
            Some((event, [])) => self.accept(frame.len(), event),
            Some((_, rest)) => {
                let reason = Reason::Encoding(crate::cbor::Problem::Trailing);
                Err(self.error(frame.len() - rest.len(), reason))
            }
        }
    }

    /// Accepts the first frame of `bytes` and returns what follows it; `None` when it is not
    /// complete.
    pub(super) fn take_frame<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
        let Some((event, rest)) = split_frame(bytes).map_err(|reason| self.error(0, reason))?
        else {
            return Ok(None);
        };
        self.accept(bytes.len() - rest.len(), event)?;
        Ok(Some(rest))
    }

    fn accept(&mut self, frame_bytes: usize, event: &[u8]) -> Result<(), Error> {
        let head_bytes = frame_bytes.saturating_sub(event.len());
        let event = self
            .check(event)
            .map_err(|(offset, reason)| self.error(head_bytes.saturating_add(offset), reason))?;
        self.table.apply(event.writes.clone());
        self.head = Some(self.head_after(&event));
        self.offset = self.offset.saturating_add(frame_bytes as u64);
        Ok(())
    }

    /// Every rule for one event; the cheap ones first, signatures last.
    fn check<'a>(&self, event: &'a [u8]) -> Result<Event<'a>, At> {
        let event = Event::parse(event)?;
        match &self.head {
            None => self.check_first(&event)?,
            Some(head) => check_link(head, &event)?,
        }
        let is_anchored = event.sequence == self.anchor.sequence;
        if is_anchored && event.digest != self.anchor.digest {
            return Err((event.offsets.sequence, Reason::NotAnchored));
        }
        self.table
            .check(event.writes.clone())
            .map_err(|(offset, rule)| (offset, Reason::Register(rule)))?;
        if self.table.digest_after(event.writes.clone()) != event.state {
            return Err((event.offsets.state, Reason::State));
        }
        event.verify_signatures()?;
        Ok(event)
    }

    fn check_first(&self, event: &Event<'_>) -> Result<(), At> {
        if event.sequence != 0 {
            return Err((event.offsets.sequence, Reason::Sequence));
        }
        // The id is the digest of the first event: another first event is another chain.
        if event.digest != self.anchor.chain {
            return Err((event.offsets.chain, Reason::OtherChain));
        }
        Ok(())
    }

    fn truncated(&self) -> Error {
        self.error(0, Reason::Encoding(crate::cbor::Problem::Truncated))
    }

    pub(super) fn error(&self, offset: usize, reason: Reason) -> Error {
        let offset = self.offset.saturating_add(offset as u64);
        Error { event: self.next_sequence(), offset, reason }
    }
}

/// Checks `event` against the event before it.
fn check_link(head: &Head, event: &Event<'_>) -> Result<(), At> {
    let offsets = &event.offsets;
    if event.chain != Some(head.position.chain) {
        return Err((offsets.chain, Reason::OtherChain));
    }
    let Some(next) = head.next else {
        return Err((offsets.sequence, Reason::Revoked));
    };
    if Some(event.sequence) != head.position.sequence.checked_add(1) {
        return Err((offsets.sequence, Reason::Sequence));
    }
    if event.previous != Some(head.position.digest) {
        return Err((offsets.previous, Reason::Previous));
    }
    if event.time_s < head.time_s {
        return Err((offsets.time, Reason::Time));
    }
    let keys = event.keys.digest;
    let committed = match (event.kind, head.recovery) {
        (Kind::Ordinary, _) => keys == next,
        (Kind::Recovery, None) => return Err((offsets.keys, Reason::NoRecovery)),
        (Kind::Recovery, Some(recovery)) => keys == recovery,
        (Kind::Revocation, recovery) => keys == next || Some(keys) == recovery,
    };
    if !committed {
        return Err((offsets.keys, Reason::KeysNotCommitted));
    }
    // Whoever steals the next keys must not be able to lock the recovery keys out.
    let recovery_kept = head.recovery.is_none() || event.recovery == head.recovery;
    if event.kind == Kind::Ordinary && !recovery_kept {
        return Err((offsets.recovery, Reason::RecoveryChanged));
    }
    if event.keys.weakest < head.weakest {
        return Err((offsets.keys, Reason::AlgorithmWeaker));
    }
    Ok(())
}

/// A chain that was replayed up to its anchor or beyond: every event verified, none skipped.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'a> {
    head: &'a Head,
    table: &'a Table,
}

impl<'a> Proven<'a> {
    /// The last event.
    #[must_use]
    pub const fn head(&self) -> &'a Head {
        self.head
    }

    /// Position of the last event: the anchor to remember, so that nothing older is believed again.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        self.head.position
    }

    /// Whether the owner, or a thief of the keys, ended the chain. Its registers are what they were;
    /// whether to act on them still is for the reader to decide, and the cautious do not.
    #[must_use]
    pub const fn is_revoked(&self) -> bool {
        self.head.next.is_none()
    }

    /// Value of register `name`; `None` when the chain never wrote it.
    #[must_use]
    pub fn register(&self, name: &str) -> Option<Value> {
        self.table.get(name)
    }

    /// Whether the last event is as young as the chain's policy wants, at `now_s` seconds since 1970
    /// by a clock that the caller trusts. An event from the future is as fresh as can be.
    #[must_use]
    pub fn is_fresh(&self, now_s: u64) -> bool {
        let age_s = now_s.saturating_sub(self.head.time_s);
        let age_max_s = self.table.policy().map_or(0, |policy| policy.age_max_s);
        age_max_s == 0 || age_s <= age_max_s
    }

    /// All registers.
    #[must_use]
    pub const fn registers(&self) -> &'a Table {
        self.table
    }
}
