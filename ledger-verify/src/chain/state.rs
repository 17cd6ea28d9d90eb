//! The replay of a chain.

use core::fmt;

use super::error::{Error, Reason};
use super::event::{At, Event, KeySet, Kind, split};
use super::feed::{Feed, Judge};
use crate::algorithm::Algorithm;
use crate::cbor::{Problem, Reader};
use crate::digest::Digest;
use crate::registers::{Release, Table, Value, Writes};
use crate::zero_option::ZeroOption;

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

/// What stays of a body that was checked, until its signatures are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    /// The head after this event, but for the policy in its writes.
    pub(super) head: Head,
    pub(super) threshold: usize,
    keys_at: usize,
    key_count: usize,
    writes_at: usize,
    /// The chain's turn at which this was checked.
    pub(super) turn: u32,
}

impl Checked {
    pub(super) const NOTHING: Self = Self {
        head: Head {
            position: Anchor::first(Digest::ZERO),
            time_s: 0,
            next: None,
            recovery: None,
            weakest: Algorithm::Ed25519,
        },
        threshold: 0,
        keys_at: 0,
        key_count: 0,
        writes_at: 0,
        turn: 0,
    };

    pub(super) fn of(event: &Event<'_>) -> Self {
        Self {
            head: Head {
                position: event.position(),
                time_s: event.time_s,
                next: event.next,
                recovery: event.recovery,
                weakest: event.keys.weakest,
            },
            threshold: event.keys.threshold,
            keys_at: event.keys.offset(),
            key_count: event.keys.count,
            writes_at: event.offsets.writes,
            turn: 0,
        }
    }

    fn writes<'a>(&self, body: &'a [u8]) -> Reader<'a> {
        Reader::at(body, self.writes_at)
    }

    /// Algorithm and id of key number `index`.
    pub(super) fn key(&self, body: &[u8], index: usize) -> Option<(Algorithm, Digest)> {
        KeySet::keys_at(Reader::at(body, self.keys_at), self.key_count).nth(index)
    }
}

/// Where a replay begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// From the first event on.
    All,
    /// From the first event to the anchored one.
    ToAnchor,
    /// From the anchored event on; the registers after it are in the table.
    FromAnchor,
}

/// A chain under replay, about 5 KiB.
///
/// Events go in through a [`Feed`], or on hosts all at once through [`Chain::replay`]. A refused event
/// leaves everything as it was. What was proven is asked through [`Chain::proven`], which answers only
/// once the anchored event was met.
#[derive(Clone, Debug)]
pub struct Chain {
    anchor: Anchor,
    span: Span,
    head: ZeroOption<Head>,
    table: Table,
    offset: u64,
    /// Counts changes: what was checked before one holds no longer after it.
    turn: u32,
}

impl Chain {
    /// A chain of which nothing but the anchor is known.
    #[must_use]
    pub const fn new(anchor: Anchor) -> Self {
        let (span, head, table) = (Span::All, ZeroOption::None, Table::EMPTY);
        Self { anchor, span, head, table, offset: 0, turn: 0 }
    }

    /// The same, and nothing behind the anchored event is accepted: for chains whose later events are
    /// not to be believed, because one of them revokes the chain.
    #[must_use]
    pub const fn up_to(anchor: Anchor) -> Self {
        Self { span: Span::ToAnchor, ..Self::new(anchor) }
    }

    /// Begins again with another anchor, in place: a chain is larger than a page of stack.
    pub const fn restart(&mut self, anchor: Anchor) {
        self.anchor = anchor;
        self.span = Span::All;
        self.head = ZeroOption::None;
        self.table.clear();
        self.offset = 0;
        self.turn = self.turn.wrapping_add(1);
    }

    /// Begins again as [`Chain::up_to`] does, in place.
    pub const fn restart_up_to(&mut self, anchor: Anchor) {
        self.restart(anchor);
        self.span = Span::ToAnchor;
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
        match (self.head(), self.span) {
            (Some(head), _) => head.position.sequence.saturating_add(1),
            (None, Span::FromAnchor) => self.anchor.sequence,
            (None, Span::All | Span::ToAnchor) => 0,
        }
    }

    /// What the chain proves.
    ///
    /// # Errors
    /// [`Reason::BeforeAnchor`]: the anchored event did not come yet.
    pub fn proven(&self) -> Result<Proven<'_>, Error> {
        match self.head() {
            Some(head) if head.position.sequence >= self.anchor.sequence => {
                Ok(Proven { head, table: &self.table })
            }
            _ => Err(self.error(0, Reason::BeforeAnchor { anchored: self.anchor.sequence })),
        }
    }

    /// Takes one register of those after the anchored event, `docs/ledger.md`, rule `register`. The
    /// replay then starts at that event, whose digest vouches for them. To be called for each register
    /// in ascending order before any event; [`Chain::without_registers`] when there is none.
    ///
    /// # Errors
    /// [`Reason::Resumed`], [`Reason::Snapshot`]; the chain is then good for nothing.
    #[inline(never)]
    pub fn take_register(&mut self, register: &[u8]) -> Result<(), Error> {
        self.without_registers()?;
        self.table.push(register).map_err(|_| self.resume_error(Reason::Snapshot))
    }

    /// The replay starts at the anchored event.
    ///
    /// # Errors
    /// [`Reason::Resumed`].
    pub fn without_registers(&mut self) -> Result<(), Error> {
        if self.head().is_some() || self.span == Span::ToAnchor {
            return Err(self.resume_error(Reason::Resumed));
        }
        self.span = Span::FromAnchor;
        self.turn = self.turn.wrapping_add(1);
        Ok(())
    }

    fn resume_error(&self, reason: Reason) -> Error {
        Error { event: self.anchor.sequence, offset: self.offset, reason }
    }

    /// Accepts every event of `bytes`, back to back. Keeps a [`Feed`] on the stack, 5 or 6 KiB.
    ///
    /// # Errors
    /// The first event that is refused, or [`Problem::Truncated`] when the last one is not complete;
    /// those before it stay accepted.
    pub fn replay(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut feed = Feed::new();
        feed.push(self, bytes)?;
        feed.end(self)
    }

    /// Accepts one event and no more, as [`Chain::replay`].
    ///
    /// # Errors
    /// The rule that the event breaks.
    pub fn apply(&mut self, event: &[u8]) -> Result<(), Error> {
        let (offset, reason) = match split(event) {
            Ok((_, [])) => return self.replay(event),
            Ok((first, _)) => (first.event.len(), Reason::Encoding(Problem::Trailing)),
            Err(refused) => refused,
        };
        Err(self.error(offset as u64, reason))
    }

    /// Every rule for an event that resumes the replay.
    fn check_resumed(&self, event: &Event<'_>) -> Result<(), At> {
        if event.position() != self.anchor {
            return Err((event.offsets.sequence, Reason::NotAnchored));
        }
        if self.table.digest() != event.state {
            return Err((event.offsets.state, Reason::State));
        }
        Ok(())
    }

    /// Every rule for any other event, but for its signatures.
    fn check_next(&self, event: &Event<'_>) -> Result<(), At> {
        match self.head() {
            None => self.check_first(event)?,
            Some(head) => self.check_link(head, event)?,
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
        Ok(())
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

    /// Checks `event` against the event before it.
    fn check_link(&self, head: &Head, event: &Event<'_>) -> Result<(), At> {
        let offsets = &event.offsets;
        if self.span == Span::ToAnchor && head.position.sequence >= self.anchor.sequence {
            return Err((offsets.sequence, Reason::AfterAnchor));
        }
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
        // A thief's time may be far ahead.
        if event.time_s < head.time_s && event.kind != Kind::Recovery {
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
        // Nor by raising the algorithm: only recovery keys change the recovery keys.
        let recovers = Some(keys) == head.recovery;
        if event.keys.weakest < head.weakest && !recovers {
            return Err((offsets.keys, Reason::AlgorithmWeaker));
        }
        Ok(())
    }
}

impl Judge for Chain {
    #[inline(never)]
    fn check(&self, body: &[u8]) -> Result<Checked, At> {
        // By reference: a copy is half a KiB.
        let parsed = Event::parse(body);
        let event = parsed.as_ref().map_err(|at| *at)?;
        match (self.span, self.head()) {
            (Span::FromAnchor, None) => self.check_resumed(event)?,
            _ => self.check_next(event)?,
        }
        Ok(Checked { turn: self.turn, ..Checked::of(event) })
    }

    fn turn(&self) -> u32 {
        self.turn
    }

    #[inline(never)]
    fn accept(&mut self, body: &[u8], checked: &Checked, event_bytes: u64) {
        let is_resumed = self.span == Span::FromAnchor && self.head().is_none();
        // They were read before, and are in the table already when the replay starts here.
        if let (false, Ok(writes)) = (is_resumed, Writes::parse(&mut checked.writes(body))) {
            self.table.apply(writes);
        }
        let policy = self.table.policy().map(|policy| policy.weakest);
        let weakest =
            policy.map_or(checked.head.weakest, |policy| policy.max(checked.head.weakest));
        self.head = ZeroOption::Some(Head { weakest, ..checked.head });
        self.offset = self.offset.saturating_add(event_bytes);
        self.turn = self.turn.wrapping_add(1);
    }

    fn error(&self, offset: u64, reason: Reason) -> Error {
        let offset = self.offset.saturating_add(offset);
        Error { event: self.next_sequence(), offset, reason }
    }
}

/// A chain that was replayed up to its anchor or beyond: every event verified, none skipped from where it
/// began, the first event or the anchored one.
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

    /// The release `name`, which may run on `platform`.
    ///
    /// # Errors
    /// Every [`Denied`].
    pub fn release(&self, name: &str, platform: &str) -> Result<Release, Denied> {
        match self.current(name)? {
            Value::Release(release) if release.platform.as_str() == platform => Ok(release),
            Value::Release(_) => Err(Denied::OtherPlatform),
            _ => Err(Denied::OtherKind),
        }
    }

    /// What pointer `name` points to, and the generation of that.
    ///
    /// # Errors
    /// [`Denied::Revoked`], [`Denied::Unknown`], [`Denied::OtherKind`].
    pub fn pointer(&self, name: &str) -> Result<(Digest, u64), Denied> {
        match self.current(name)? {
            Value::Pointer { root, generation } => Ok((root, generation)),
            _ => Err(Denied::OtherKind),
        }
    }

    fn current(&self, name: &str) -> Result<Value, Denied> {
        if self.is_revoked() {
            return Err(Denied::Revoked);
        }
        self.register(name).ok_or(Denied::Unknown)
    }

    /// Whether the last event is as young as the chain's policy wants, at `now_s` seconds since 1970
    /// by a clock that the caller trusts. An event from the future is as fresh as can be.
    ///
    /// # Errors
    /// [`Stale`].
    pub fn fresh(&self, now_s: u64) -> Result<(), Stale> {
        let age_s = now_s.saturating_sub(self.head.time_s);
        let age_max_s = self.table.policy().map_or(0, |policy| policy.age_max_s);
        if age_max_s == 0 || age_s <= age_max_s { Ok(()) } else { Err(Stale { age_s, age_max_s }) }
    }

    /// All registers.
    #[must_use]
    pub const fn registers(&self) -> &'a Table {
        self.table
    }
}

/// Why a proven chain does not vouch for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The chain is revoked: what it said last may be a thief's word.
    Revoked,
    /// The chain never wrote this register.
    Unknown,
    /// The register is of another kind.
    OtherKind,
    /// The release is for another platform.
    OtherPlatform,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "the chain is revoked",
            Self::Unknown => "no such register",
            Self::OtherKind => "register of another kind",
            Self::OtherPlatform => "release for another platform",
        })
    }
}

impl core::error::Error for Denied {}

/// The chain's last event is older than its policy allows: news may be withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Age of the last event, in seconds.
    pub age_s: u64,
    /// The oldest that the policy allows, in seconds.
    pub age_max_s: u64,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "last event is {} s old, at most {} s allowed", self.age_s, self.age_max_s)
    }
}

impl core::error::Error for Stale {}
