//! What `/status` tells beside the volume: the PDs as `supervisor` sees them, the ledger's chain, and
//! the random id of this boot.

use core::mem::offset_of;
use core::sync::atomic::{Ordering, fence};

use protocols::system::{BuildInfo, Status};
use protocols::{Reason, crypto, ledger};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::DataRegion;
use zerocopy::IntoBytes;

use crate::failure::{Failure, Kind};
use crate::peer::{News, Peer};
use crate::question::{Question, Ticket};
use crate::{CryptoLink, LedgerLink};

/// How often a page is read again because `supervisor` was writing.
const PAGE_READS_MAX: usize = 16;
/// How long until `crypto`, without entropy so far, is asked again.
const RETRY_NS: u64 = 100_000_000;
/// Bytes of the boot id.
const BOOT_ID_BYTES: u32 = 16;

/// What the answers are made of.
pub struct Sources<'a, F: FnMut()> {
    /// Which image this is.
    pub build: BuildInfo,
    /// The status page, a [`Status`].
    pub page: DataRegion<'a, ReadOnly>,
    /// Asks `supervisor` to refresh the page.
    pub refresh: F,
    /// The link to `ledger`.
    pub ledger: LedgerLink<'a, F>,
    /// The link to `crypto`.
    pub crypto: CryptoLink<'a, F>,
    /// Where `crypto` puts random bytes.
    pub random: DataRegion<'a, ReadOnly>,
}

/// The chain as `ledger` proved it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    /// Identity.
    pub(crate) id: [u8; 32],
    /// Sequence of the head.
    pub(crate) sequence: u64,
    /// Digest of the head.
    pub(crate) head: [u8; 32],
    /// The lowest generation of the volume that the image admits.
    pub(crate) minimum_generation: u64,
    /// Why nothing newer is believed, if the chain is revoked.
    pub(crate) revoked: Option<Reason>,
}

/// Asked for together, answered when all have answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tickets {
    page: Ticket,
    chain: Ticket,
}

type Crypto<'a, F> = Peer<'a, crypto::Request, crypto::Completion, { crypto::RING_SLOTS }, F>;
type Ledger<'a, F> = Peer<'a, ledger::Request, ledger::Completion, { ledger::RING_SLOTS }, F>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BootId {
    /// To be asked for, not before this time.
    Wanted(u64),
    Asked,
    Known([u8; BOOT_ID_BYTES as usize]),
}

/// The state of the system, as far as it has been asked for.
pub(crate) struct Facts<'a, F: FnMut()> {
    build: BuildInfo,
    page: DataRegion<'a, ReadOnly>,
    /// A copy of the page.
    status: &'a mut Status,
    refresh: F,
    refreshed: Question<()>,
    ledger: Ledger<'a, F>,
    chain: Question<Result<Chain, Failure>>,
    crypto: Crypto<'a, F>,
    random: DataRegion<'a, ReadOnly>,
    boot_id: BootId,
}

impl<'a, F: FnMut()> Facts<'a, F> {
    pub(crate) fn new(sources: Sources<'a, F>, status: &'a mut Status) -> Self {
        let Sources { build, page, refresh, ledger, crypto, random } = sources;
        Self {
            build,
            page,
            status,
            refresh,
            refreshed: Question::new(),
            ledger: Peer::new("ledger", ledger),
            chain: Question::new(),
            crypto: Peer::new("crypto", crypto),
            random,
            boot_id: BootId::Wanted(0),
        }
    }

    /// Asks everybody for the present state.
    pub(crate) fn ask(&mut self) -> Tickets {
        let tickets = Tickets { page: self.refreshed.ask(), chain: self.chain.ask() };
        if self.refreshed.pending().is_some() {
            (self.refresh)();
            self.refreshed.sent();
        }
        self.ask_pending(0);
        tickets
    }

    /// Has everybody answered?
    pub(crate) fn is_complete(&self, tickets: Tickets) -> bool {
        self.refreshed.answer(tickets.page).is_some() && self.chain.answer(tickets.chain).is_some()
    }

    /// `supervisor` has refreshed the page.
    pub(crate) fn refreshed(&mut self) {
        self.copy_page();
        if self.refreshed.is_sent_as(|_| true) {
            self.refreshed.take(());
        }
    }

    /// Copies the page, unless `supervisor` is writing it. A copy that it interrupted is made again; when
    /// that happens too often, the parts of the last one are of different times.
    pub(crate) fn copy_page(&mut self) {
        for _ in 0..PAGE_READS_MAX {
            let Some(before) = self.sequence() else { return };
            fence(Ordering::Acquire);
            if before % 2 != 0 || copy(self.page, 0, self.status.as_mut_bytes()).is_none() {
                return;
            }
            fence(Ordering::Acquire);
            if self.sequence() == Some(before) {
                return;
            }
        }
    }

    fn sequence(&self) -> Option<u64> {
        let mut bytes = [0; size_of::<u64>()];
        copy(self.page, offset_of!(Status, sequence), &mut bytes)?;
        Some(u64::from_le_bytes(bytes))
    }

    fn ask_pending(&mut self, now_ns: u64) {
        if let Some(cookie) = self.chain.pending()
            && self.ledger.send(head_of_chain(cookie))
        {
            self.chain.sent();
        }
        if let BootId::Wanted(at) = self.boot_id
            && at <= now_ns
            && self.crypto.send(random_bytes())
        {
            self.boot_id = BootId::Asked;
        }
    }

    /// Takes what `ledger` and `crypto` answer; `false` when there is nothing.
    pub(crate) fn hear(&mut self, now_ns: u64) -> bool {
        self.ask_pending(now_ns);
        let from_ledger = self.ledger.receive(now_ns);
        let from_crypto = self.crypto.receive(now_ns);
        let has_heard = from_ledger.is_some() || from_crypto.is_some();
        match from_ledger {
            Some(News::Message(completion)) => self.take_chain(&completion),
            Some(News::Lost) => self.chain.ask_again(),
            None => {}
        }
        match from_crypto {
            Some(News::Message(completion)) => self.take_boot_id(&completion, now_ns),
            Some(News::Lost) if self.boot_id == BootId::Asked => {
                self.boot_id = BootId::Wanted(now_ns);
            }
            Some(News::Lost) | None => {}
        }
        has_heard
    }

    fn take_chain(&mut self, completion: &ledger::Completion) {
        if !self.chain.is_sent_as(|serial| serial == completion.cookie) {
            self.ledger.blame("answered what was not asked");
            return;
        }
        let status = ledger::Status::from_code(completion.status);
        let revoked = status == Some(ledger::Status::Revoked);
        self.chain.take(match status {
            Some(ledger::Status::Ok | ledger::Status::Revoked) => Ok(Chain {
                id: completion.chain,
                sequence: completion.sequence,
                head: completion.head,
                minimum_generation: completion.minimum_generation,
                revoked: revoked.then_some(completion.reason),
            }),
            Some(ledger::Status::Storage) | None => {
                Err(Failure { kind: Kind::Storage, reason: completion.reason })
            }
            Some(_) => Err(Failure { kind: Kind::NotProven, reason: completion.reason }),
        });
    }

    fn take_boot_id(&mut self, completion: &crypto::Completion, now_ns: u64) {
        if self.boot_id != BootId::Asked {
            self.crypto.blame("answered what was not asked");
            return;
        }
        let is_good = crypto::Status::from_code(completion.status) == Some(crypto::Status::Ok)
            && completion.len == BOOT_ID_BYTES;
        let mut id = [0; BOOT_ID_BYTES as usize];
        let span = self.random.span(0, BOOT_ID_BYTES);
        let copied = span.and_then(|span| self.random.copy_out(span, &mut id).map(|_| ()));
        self.boot_id = match copied {
            Ok(()) if is_good => BootId::Known(id),
            _ => BootId::Wanted(now_ns.saturating_add(RETRY_NS)),
        };
    }

    /// When to call [`Facts::hear`] even if nobody notifies.
    pub(crate) fn deadline_ns(&self) -> u64 {
        let boot_id = match self.boot_id {
            BootId::Wanted(at) => at,
            BootId::Asked | BootId::Known(_) => u64::MAX,
        };
        boot_id.min(self.ledger.deadline_ns()).min(self.crypto.deadline_ns())
    }

    /// Prepares for sleep; `false` when there is something to hear.
    pub(crate) fn arm(&mut self) -> bool {
        let is_idle = self.ledger.arm();
        self.crypto.arm() && is_idle
    }

    /// Times that `ledger` or `crypto` broke its protocol.
    pub(crate) fn violations(&self) -> u64 {
        self.ledger.violations() + self.crypto.violations()
    }

    /// Which image this is.
    pub(crate) const fn build(&self) -> &BuildInfo {
        &self.build
    }

    /// The PDs and the boot time, as of the last refresh.
    pub(crate) const fn status(&self) -> &Status {
        self.status
    }

    /// What `ledger` answered; `None` when it did not.
    pub(crate) fn chain(&self, tickets: Tickets) -> Option<Result<Chain, Failure>> {
        self.chain.answer(tickets.chain)
    }

    /// The id of this boot, once `crypto` has given it.
    pub(crate) const fn boot_id(&self) -> Option<[u8; BOOT_ID_BYTES as usize]> {
        match self.boot_id {
            BootId::Known(id) => Some(id),
            BootId::Wanted(_) | BootId::Asked => None,
        }
    }
}

fn copy(page: DataRegion<'_, ReadOnly>, offset: usize, into: &mut [u8]) -> Option<()> {
    let (offset, len) = (u32::try_from(offset).ok()?, u32::try_from(into.len()).ok()?);
    page.copy_out(page.span(offset, len).ok()?, into).ok().map(drop)
}

const fn head_of_chain(cookie: u64) -> ledger::Request {
    ledger::Request {
        cookie,
        op: ledger::Op::Head.code(),
        name_len: 0,
        reserved: 0,
        name: [0; ledger::NAME_BYTES_MAX],
    }
}

const fn random_bytes() -> crypto::Request {
    crypto::Request {
        cookie: 0,
        op: crypto::Op::Random.code(),
        algorithm: 0,
        key: 0,
        input_offset: 0,
        input_len: 0,
        second_offset: 0,
        second_len: 0,
        output_offset: 0,
        output_len: BOOT_ID_BYTES,
        reserved: 0,
    }
}
