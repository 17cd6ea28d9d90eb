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
use super::error::{Error, Reason};
use super::number::{KeyHash, Number, TransactionId};
use super::operation::Operation;
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

impl Head {
    /// Before the first transaction; all zero, see [`crate::zero_option`].
    const NONE: Self = Self {
        sequence: 0,
        id: Number::ZERO,
        time_s: 0,
        next: Number::ZERO,
        recovery: Number::ZERO,
    };
}

/// A chain under replay, with at most `N` registers, about 1.3 KiB each.
///
/// Transactions go in one by one through [`Chain::apply`], [`Chain::replay`] or
/// [`super::bundle::Feed`]: from the first, or from the one that the pin authenticates. A refused
/// transaction ends the replay: every later call answers the same error, and nothing is proven.
#[derive(Clone, Debug)]
pub struct Chain<const N: usize> {
    pin: Pin,
    head: Head,
    /// Whether there is a head: a transaction was accepted.
    has_begun: bool,
    /// Sequence number of the first transaction.
    first: u32,
    table: Table<N>,
    offset: u64,
    /// The contract that is executed.
    contract: Option<u32>,
    failed: ZeroOption<Error>,
}

impl<const N: usize> Chain<N> {
    /// A chain of which nothing but the pin is known.
    #[must_use]
    pub const fn new(pin: Pin, track: Track) -> Self {
        Self {
            pin,
            head: Head::NONE,
            has_begun: false,
            first: 0,
            table: Table::new(track),
            offset: 0,
            contract: None,
            failed: ZeroOption::None,
        }
    }

    /// A chain that proves nothing until it has a pin: see [`Chain::restart`].
    #[must_use]
    pub const fn unpinned(track: Track) -> Self {
        Self::new(Pin::NONE, track)
    }

    /// Begins again with another pin, in place: a chain is too large for most stacks.
    pub fn restart(&mut self, pin: Pin) {
        self.pin = pin;
        self.has_begun = false;
        self.first = 0;
        self.table.clear();
        self.offset = 0;
        self.contract = None;
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
        if self.has_begun { Some(&self.head) } else { None }
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
    #[inline(never)]
    pub fn proven(&self) -> Result<Proven<'_, N>, Error> {
        self.check_running()?;
        let pinned = self.pin.authenticated();
        match self.head() {
            Some(head) if head.sequence >= pinned => {
                Ok(Proven { pin: &self.pin, head, table: &self.table })
            }
            _ => Err(Error { transaction: pinned, ..self.error(0, Reason::BeforePin) }),
        }
    }

    /// Accepts every transaction of `bytes`, raw forms back to back.
    ///
    /// # Errors
    /// The first transaction that is refused.
    pub fn replay(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check_running()?;
        self.take_all(bytes).map_err(|Refused| self.refusal())
    }

    fn take_all(&mut self, mut rest: &[u8]) -> Result<(), Refused> {
        while !rest.is_empty() {
            let mut reader = Reader::new(rest);
            let transaction = Transaction::read_raw(&mut reader);
            rest = reader.rest();
            self.accept(&transaction, &reader)?;
        }
        Ok(())
    }

    /// Accepts one transaction in raw form.
    ///
    /// # Errors
    /// The rule that it breaks; or the error that ended the replay before.
    pub fn apply(&mut self, raw: &[u8]) -> Result<(), Error> {
        self.check_running()?;
        self.take(raw).map_err(|Refused| self.refusal())
    }

    pub(super) fn take(&mut self, raw: &[u8]) -> Result<(), Refused> {
        let mut reader = Reader::new(raw);
        let transaction = Transaction::read_raw(&mut reader);
        reader.end();
        self.accept(&transaction, &reader)
    }

    /// Accepts what `reader` has read from its start on.
    #[inline(never)]
    fn accept(
        &mut self,
        transaction: &Transaction<'_>,
        reader: &Reader<'_>,
    ) -> Result<(), Refused> {
        reader.finish(()).map_err(|(offset, reason)| self.refuse(offset, reason))?;
        self.check(transaction)?;
        self.execute(transaction)?;
        let head = &mut self.head;
        head.sequence = transaction.sequence;
        head.id = transaction.id;
        head.time_s = transaction.time_s;
        head.next = transaction.next;
        head.recovery = transaction.recovery;
        self.has_begun = true;
        self.skip(reader.offset());
        Ok(())
    }

    pub(super) fn check_running(&self) -> Result<(), Error> {
        if self.failed.as_ref().is_none() { Ok(()) } else { Err(self.refusal()) }
    }

    /// Counts bytes that were read.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(bytes as u64);
    }

    /// Ends the replay, which has not ended before.
    #[inline(never)]
    pub(super) fn refuse(&mut self, offset: usize, reason: Reason) -> Refused {
        self.failed = ZeroOption::Some(self.error(offset, reason));
        Refused
    }

    /// Why the replay ended.
    #[inline(never)]
    pub(super) fn refusal(&self) -> Error {
        self.failed.as_ref().copied().unwrap_or(self.error(0, Reason::BeforePin))
    }

    fn error(&self, offset: usize, reason: Reason) -> Error {
        let offset = self.offset.saturating_add(offset as u64);
        Error { transaction: self.next_sequence(), contract: self.contract, offset, reason }
    }

    /// Refuses unless `is_so`.
    pub(super) fn demand(
        &mut self,
        is_so: bool,
        offset: usize,
        reason: Reason,
    ) -> Result<(), Refused> {
        if is_so { Ok(()) } else { Err(self.refuse(offset, reason)) }
    }

    /// Every rule for one transaction but those of registers; the cheap ones first.
    fn check(&mut self, transaction: &Transaction<'_>) -> Result<(), Refused> {
        let offsets = &transaction.offsets;
        let is_own = transaction.genesis == self.pin.genesis;
        self.demand(is_own, offsets.genesis(), Reason::OtherGenesis)?;
        if self.has_begun {
            self.check_link(transaction)?;
        } else {
            self.first = transaction.sequence;
            self.check_start(transaction)?;
        }
        self.check_pin(transaction)?;
        self.check_first(transaction)?;
        let is_signed = transaction.verify_signature().is_ok();
        self.demand(is_signed, offsets.signature, Reason::BadSignature)
    }

    /// Checks `transaction` against the one before it. The type of the key is not compared with what the
    /// one before announced: Nexus does not either, and a key's hash says which key it is.
    fn check_link(&mut self, transaction: &Transaction<'_>) -> Result<(), Refused> {
        let offsets = &transaction.offsets;
        let is_next = Some(transaction.sequence) == self.head.sequence.checked_add(1);
        self.demand(is_next, offsets.sequence(), Reason::Sequence)?;
        let follows = transaction.previous == self.head.id;
        self.demand(follows, offsets.previous(), Reason::Previous)?;
        self.demand(transaction.time_s >= self.head.time_s, offsets.time(), Reason::Time)?;
        let key = transaction.key_hash();
        let has_recovery = !self.head.recovery.is_zero();
        let is_recovery = key != self.head.next;
        let is_committed = !is_recovery || has_recovery && key == self.head.recovery;
        self.demand(is_committed, offsets.public_key(), Reason::KeyNotCommitted)?;
        // Whoever steals the next key must not be able to lock the recovery key out.
        let is_kept = !has_recovery || transaction.recovery == self.head.recovery;
        self.demand(is_recovery || is_kept, offsets.recovery(), Reason::RecoveryChanged)
    }

    fn execute(&mut self, transaction: &Transaction<'_>) -> Result<(), Refused> {
        let may_be_older = self.first != 0;
        for (contract, number) in transaction.contracts().zip(0..) {
            self.contract = Some(number);
            let caller = Caller { transaction, contract: number, may_be_older };
            let mut reader = contract.reader();
            let operation = Operation::read(&contract, &mut reader);
            // Nothing is refused here: the transaction was parsed.
            reader.finish(()).map_err(|(offset, reason)| self.refuse(offset, reason))?;
            if let Err(rule) = self.table.apply(&operation, &caller) {
                return Err(self.refuse(contract.operations_offset, Reason::Register(rule)));
            }
        }
        self.contract = None;
        Ok(())
    }
}

/// A chain was refused; why, it knows itself: see [`Chain::refusal`].
pub(super) struct Refused;

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

/// What a replay does but for keys and signatures, which take Miri hours.
#[cfg(feature = "write")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::nexus::register::{Kind, object::Type};
    use crate::write::nexus::{Wallet, field, field_write};

    fn address(kind: Kind) -> Address {
        Address(Number([7; 32]).with_top(0xd0 + kind as u8))
    }

    /// Whether the contracts of `raw` are executed, and what the registers are then.
    fn executed(raw: &[u8], check: impl FnOnce(&Table<4>)) -> Result<(), Error> {
        let mut reader = Reader::new(raw);
        let transaction = Transaction::read_raw(&mut reader);
        reader.end();
        reader.finish(()).unwrap();
        let mut chain = Chain::new(Pin::NONE.moved(0, transaction.id), Track::All);
        chain.execute(&transaction).map_err(|Refused| chain.refusal())?;
        check(&chain.table);
        Ok(())
    }

    #[test]
    fn contracts_change_registers() {
        let mut wallet = Wallet::new([1; 32], Number([7; 32]).with_top(0xa1), 1000);
        wallet.create(address(Kind::Raw), Kind::Raw, b"before");
        wallet.write(address(Kind::Raw), b"behind");
        let object = field("root", true, Type::U64, &[1; 8]);
        wallet.create(address(Kind::Object), Kind::Object, &object);
        let write = field_write("root", Type::U64, &[2; 8]);
        wallet.write(address(Kind::Object), &write);
        let raw = wallet.unsigned();
        let check = |table: &Table<4>| {
            let data = |kind| table.register(&address(kind)).unwrap().state.data;
            assert_eq!(data(Kind::Raw), b"behind");
            assert_eq!(data(Kind::Object), field("root", true, Type::U64, &[2; 8]));
        };
        assert_eq!(executed(&raw, check), Ok(()));
        // The value that the last contract writes.
        let place = raw.windows(8).rposition(|bytes| bytes == [2; 8]).unwrap();
        let mut spoiled = raw;
        spoiled[place] = 3;
        let refused = executed(&spoiled, |_| ()).unwrap_err();
        assert_eq!(refused.contract, Some(4));
        assert_eq!(refused.reason, Reason::Register(Rule::AfterDiffers));
    }
}
