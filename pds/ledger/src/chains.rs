//! The chain under replay, of the kind that the anchor pins: what `replay` reads the bytes for.

use core::fmt;

use ledger_verify::Digest;
use ledger_verify::chain::{self, Anchor, Chain, Feed};
use ledger_verify::nexus::register::Track;
use ledger_verify::nexus::{self, bundle};
use ledger_verify::registers::Value;
use protocols::Reason;
use protocols::ledger::Status;

use crate::anchor::Position;

/// Records that a Nexus chain may hold for this device.
const NEXUS_RECORDS_MAX: usize = 16;

/// What a reader of the chain has to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read on.
    More,
    /// Read it all again.
    Again,
    /// The chain is proven.
    Nothing,
}

/// Both kinds of chain and what collects their bytes, about 66 KiB: to be placed statically.
pub(crate) struct Chains {
    position: Position,
    /// The event that revokes the chain, once it was seen behind the anchor: from then on the replay
    /// ends at the anchor, because what came after it may be a thief's word.
    revoked_by: Option<u64>,
    feed: Feed,
    chain: Chain,
    nexus_feed: bundle::Feed,
    nexus_chain: nexus::chain::Chain<NEXUS_RECORDS_MAX>,
}

impl Chains {
    /// All zero, so that it is nowhere in the image.
    pub(crate) const EMPTY: Self = Self {
        position: Position::Event(Anchor::first(Digest::ZERO)),
        revoked_by: None,
        feed: Feed::new(),
        chain: Chain::new(Anchor::first(Digest::ZERO)),
        nexus_feed: bundle::Feed::new(),
        nexus_chain: nexus::chain::Chain::unpinned(Track::Records),
    };

    /// Begins with the chain at `position`.
    pub(crate) fn start(&mut self, position: Position) {
        self.position = position;
        self.revoked_by = None;
        self.restart();
    }

    /// Forgets all that was replayed, but not that the chain is revoked.
    pub(crate) fn restart(&mut self) {
        match self.position {
            Position::Event(anchor) => {
                self.feed.restart();
                match self.revoked_by {
                    None => self.chain.restart(anchor),
                    Some(_) => self.chain.restart_up_to(anchor),
                }
            }
            Position::Nexus(pin) => {
                self.nexus_feed.restart();
                self.nexus_chain.restart(pin);
            }
        }
    }

    /// Replays the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Next, Reason> {
        if self.is_nexus() {
            let pushed = self.nexus_feed.push(&mut self.nexus_chain, bytes);
            return pushed.map(|()| Next::More).map_err(Reason::new);
        }
        match self.feed.push(&mut self.chain, bytes) {
            Err(error) if error.reason == chain::Reason::AfterAnchor => Ok(Next::Nothing),
            pushed => pushed.map(|()| Next::More).map_err(Reason::new),
        }
    }

    /// The bytes end here: they prove what is pinned, or nothing.
    pub(crate) fn end(&mut self) -> Result<Next, Reason> {
        let Position::Event(anchor) = self.position else {
            self.nexus_feed.end(&mut self.nexus_chain).map_err(Reason::new)?;
            return self.head().map(|_| Next::Nothing);
        };
        self.feed.end(&self.chain).map_err(Reason::new)?;
        let proven = self.chain.proven().map_err(Reason::new)?;
        let head = proven.anchor().sequence;
        if !proven.is_revoked() {
            return Ok(Next::Nothing);
        }
        if head == anchor.sequence {
            return Err(Reason::new("the image pins a chain that is revoked"));
        }
        self.revoked_by = Some(head);
        self.restart();
        Ok(Next::Again)
    }

    /// Why nothing newer than what the image pins is believed, if that is so.
    pub(crate) fn revoked(&self) -> Option<Reason> {
        let (Some(revoked_by), Position::Event(anchor)) = (self.revoked_by, self.position) else {
            return None;
        };
        Some(Reason::new(format_args!(
            "chain is revoked by event {revoked_by}: nothing after event {} is believed",
            anchor.sequence
        )))
    }

    const fn is_nexus(&self) -> bool {
        matches!(self.position, Position::Nexus(_))
    }

    /// Sequence number of the last event or transaction, and its digest; of a transaction's id the
    /// first half.
    pub(crate) fn head(&self) -> Result<(u64, [u8; 32]), Reason> {
        if self.is_nexus() {
            let proven = self.nexus_chain.proven().map_err(Reason::new)?;
            let head = proven.head();
            let id = head.id.0.first_chunk().copied().unwrap_or_default();
            return Ok((head.sequence.into(), id));
        }
        let position = self.chain.proven().map_err(Reason::new)?.anchor();
        Ok((position.sequence, position.digest.0))
    }

    /// Value of the pointer register `name`: digest and generation.
    pub(crate) fn pointer(&self, name: &str) -> Result<([u8; 32], u64), (Status, Reason)> {
        let not_proven = |reason| (Status::NotProven, reason);
        let value = if self.is_nexus() {
            let proven = self.nexus_chain.proven().map_err(Reason::new).map_err(not_proven)?;
            let value = proven.value(name);
            value.map_err(|_| missing(format_args!("several registers claim to be {name}")))?
        } else {
            self.chain.proven().map_err(Reason::new).map_err(not_proven)?.register(name)
        };
        match value {
            Some(Value::Pointer { root, generation }) => Ok((root.0, generation)),
            Some(_) => Err(missing(format_args!("{name} is no pointer"))),
            None => Err(missing(format_args!("no register {name}"))),
        }
    }
}

fn missing(what: fmt::Arguments<'_>) -> (Status, Reason) {
    (Status::NotFound, Reason::new(what))
}
