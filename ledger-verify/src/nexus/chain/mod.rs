//! Replay of a Nexus signature chain (`TAO/Ledger/transaction.cpp`, `Connect` and `Check`).
//!
//! A chain is a user's transactions. Each names the one before by id, is signed by the key that the
//! one before committed to, or by the recovery key, and commits to the next. A verifier starts from a
//! [`Pin`] and needs no block: from there on keys prove everything. What no replay gives is news: a
//! device remembers the newest transaction it has proven ([`Proven::pin`]) and accepts nothing that
//! ends before it or stands in its place.
//!
//! Rules and limits: `docs/nexus.md`.

mod fork;
mod pin;
mod start;

pub use fork::{Fork, fork};
pub use pin::{Commitment, Pin, PinError};

use super::address::Address;
use super::error::{At, Error, Reason};
use super::number::{KeyHash, TransactionId};
use super::register::{Caller, Conflict, Departure, Rule, Table, Track};
use super::transaction::Transaction;
use super::wire::Reader;
use crate::registers::Value;
use crate::zero_option::ZeroOption;

/// What the next transaction is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Sequence number of the last transaction.
    pub sequence: u32,
    /// Its id.
    pub id: TransactionId,
    /// Its time, in seconds since 1970 by the signer's clock.
    pub time_s: u64,
    /// Hash of the key that signs the next one.
    pub next: KeyHash,
    /// Hash of the key that may recover; zero for none.
    pub recovery: KeyHash,
}

/// A chain under replay, with at most `N` registers, about 1.3 KiB each.
///
/// Transactions go in one by one through [`Chain::apply`], [`Chain::replay`] or
/// [`super::bundle::Feed`]: from the first, or from the one that the pin authenticates. A refused
/// transaction ends the replay: every later call answers the same error, and nothing is proven.
#[derive(Clone, Debug)]
pub struct Chain<const N: usize> {
    pin: Pin,
    head: ZeroOption<Head>,
    /// Sequence number of the first transaction.
    first: u32,
    table: Table<N>,
    offset: u64,
    failed: ZeroOption<Error>,
}

impl<const N: usize> Chain<N> {
    /// A chain of which nothing but the pin is known.
    #[must_use]
    pub const fn new(pin: Pin, track: Track) -> Self {
        let table = Table::new(track);
        let (head, failed) = (ZeroOption::None, ZeroOption::None);
        Self { pin, head, first: 0, table, offset: 0, failed }
    }

    /// A chain that proves nothing until it has a pin: see [`Chain::restart`].
    #[must_use]
    pub const fn unpinned(track: Track) -> Self {
        Self::new(Pin::NONE, track)
    }

    /// Begins again with another pin, in place: a chain is too large for most stacks.
    pub fn restart(&mut self, pin: Pin) {
        self.pin = pin;
        self.head = ZeroOption::None;
        self.first = 0;
        self.table.clear();
        self.offset = 0;
        self.failed = ZeroOption::None;
    }

    /// The pin.
    #[must_use]
    pub const fn pin(&self) -> &Pin {
        &self.pin
    }

    /// The last transaction accepted. Not proven before the pin is passed: see [`Chain::proven`].
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Sequence number of the transaction that has to come next; of the first one, what it says.
    fn next_sequence(&self) -> u32 {
        self.head().map_or(self.first, |head| head.sequence.saturating_add(1))
    }

    /// Prepares for the claim of a register that another chain gave away.
    ///
    /// # Errors
    /// [`Rule::NotTransferred`]: it was given to somebody else. [`Rule::Exists`], [`Rule::TableFull`].
    pub fn expect(&mut self, departure: &Departure) -> Result<(), Rule> {
        self.table.expect(&self.pin.genesis(), departure)
    }

    /// What the chain proves.
    ///
    /// # Errors
    /// The refusal that ended the replay; [`Reason::BeforePin`]: what the pin authenticates did not
    /// come yet.
    pub fn proven(&self) -> Result<Proven<'_, N>, Error> {
        self.check_running()?;
        let pinned = self.pin.authenticated();
        match self.head() {
            Some(head) if head.sequence >= pinned => {
                Ok(Proven { pin: &self.pin, head, table: &self.table })
            }
            _ => Err(self.error(None, 0, Reason::BeforePin { pinned })),
        }
    }

    /// Accepts every transaction of `bytes`, raw forms back to back.
    ///
    /// # Errors
    /// The first transaction that is refused.
    pub fn replay(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.check_running()?;
            let (transaction, after) = Transaction::split_raw(rest).map_err(|at| self.fail(at))?;
            self.accept(&transaction, rest.len() - after.len())?;
            rest = after;
        }
        Ok(())
    }

    /// Accepts one transaction in raw form.
    ///
    /// # Errors
    /// The rule that it breaks; or the error that ended the replay before.
    pub fn apply(&mut self, raw: &[u8]) -> Result<(), Error> {
        self.check_running()?;
        let mut reader = Reader::new(raw);
        let transaction = Transaction::read_raw(&mut reader);
        reader.end();
        reader.finish(()).map_err(|at| self.fail(at))?;
        self.accept(&transaction, raw.len())
    }

    fn accept(&mut self, transaction: &Transaction<'_>, bytes: usize) -> Result<(), Error> {
        self.check(transaction).map_err(|at| self.fail(at))?;
        self.execute(transaction)?;
        self.head = ZeroOption::Some(Head {
            sequence: transaction.sequence,
            id: transaction.id,
            time_s: transaction.time_s,
            next: transaction.next,
            recovery: transaction.recovery,
        });
        self.skip(bytes);
        Ok(())
    }

    pub(super) fn check_running(&self) -> Result<(), Error> {
        self.failed.as_ref().copied().map_or(Ok(()), Err)
    }

    /// Counts bytes that were read and are none of a transaction.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(bytes as u64);
    }

    /// Ends the replay.
    #[inline(never)]
    pub(super) fn fail(&mut self, (offset, reason): At) -> Error {
        if let Err(error) = self.check_running() {
            return error;
        }
        let error = self.error(None, offset, reason);
        self.failed = ZeroOption::Some(error);
        error
    }

    pub(super) fn error(&self, contract: Option<u32>, offset: usize, reason: Reason) -> Error {
        let offset = self.offset.saturating_add(offset as u64);
        Error { transaction: self.next_sequence(), contract, offset, reason }
    }

    /// Every rule for one transaction but those of registers; the cheap ones first.
    fn check(&mut self, transaction: &Transaction<'_>) -> Result<(), At> {
        let offsets = &transaction.offsets;
        if transaction.genesis != self.pin.genesis() {
            return Err((offsets.genesis, Reason::OtherGenesis));
        }
        match self.head() {
            None => {
                self.first = transaction.sequence;
                start::check_start(&self.pin, transaction)?;
            }
            Some(head) => check_link(head, transaction)?,
        }
        start::check_pin(&self.pin, transaction)?;
        if transaction.sequence == 0 {
            start::check_first(transaction)?;
        }
        transaction.verify_signature()
    }

    fn execute(&mut self, transaction: &Transaction<'_>) -> Result<(), Error> {
        for (contract, number) in transaction.contracts().zip(0..) {
            let caller = Caller {
                genesis: transaction.genesis,
                time_s: transaction.time_s,
                version: transaction.version,
                transaction: transaction.id,
                contract: number,
                may_be_older: self.first != 0,
            };
            let applied = match contract.operation() {
                Ok(operation) => self.table.apply(&operation, &caller),
                Err(at) => return Err(self.fail(at)),
            };
            if let Err(rule) = applied {
                let offset = contract.operations_offset;
                let error = self.error(Some(number), offset, Reason::Register(rule));
                self.failed = ZeroOption::Some(error);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Checks `transaction` against the one before it. The type of the key is not compared with what the
/// one before announced: Nexus does not either, and a key's hash says which key it is.
fn check_link(head: &Head, transaction: &Transaction<'_>) -> Result<(), At> {
    let offsets = &transaction.offsets;
    if Some(transaction.sequence) != head.sequence.checked_add(1) {
        return Err((offsets.sequence, Reason::Sequence));
    }
    if transaction.previous != head.id {
        return Err((offsets.previous, Reason::Previous));
    }
    if transaction.time_s < head.time_s {
        return Err((offsets.time, Reason::Time));
    }
    let key = transaction.key_hash();
    let is_recovery = key != head.next;
    if is_recovery && (head.recovery.is_zero() || key != head.recovery) {
        return Err((offsets.public_key, Reason::KeyNotCommitted));
    }
    // Whoever steals the next key must not be able to lock the recovery key out.
    let is_kept = head.recovery.is_zero() || transaction.recovery == head.recovery;
    if is_recovery || is_kept { Ok(()) } else { Err((offsets.recovery, Reason::RecoveryChanged)) }
}

/// A chain that was replayed up to what its pin authenticates or beyond: every transaction verified,
/// none skipped.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'a, const N: usize> {
    pin: &'a Pin,
    head: &'a Head,
    table: &'a Table<N>,
}

impl<'a, const N: usize> Proven<'a, N> {
    /// The last transaction.
    #[must_use]
    pub const fn head(&self) -> &'a Head {
        self.head
    }

    /// The pin to remember, so that nothing older is believed again.
    #[must_use]
    pub fn pin(&self) -> Pin {
        // An id is not zero: its top byte is 1.
        self.pin.moved(self.head.sequence, self.head.id)
    }

    /// Value of Cairn's register `name`; `None` when the chain proves none.
    ///
    /// # Errors
    /// [`Conflict`].
    pub fn value(&self, name: &str) -> Result<Option<Value>, Conflict> {
        self.table.value(name)
    }

    /// The register at `address`, for the replay of the chain that claims it.
    #[must_use]
    pub fn departure(&self, address: &Address) -> Option<Departure> {
        self.table.departure(address)
    }

    /// All registers that are followed.
    #[must_use]
    pub const fn registers(&self) -> &'a Table<N> {
        self.table
    }
}
