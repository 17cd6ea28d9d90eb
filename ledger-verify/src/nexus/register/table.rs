//! The registers of a chain, each with its whole state.

use core::cmp::Ordering;

use super::data::Data;
use super::{Kind, Rule, State, object};
use crate::nexus::address::{self, Address};
use crate::nexus::number::{Genesis, Number, TransactionId};
use crate::nexus::operation::{Change, Checksum, Handover, Operation};
use crate::nexus::record::Record;
use crate::nexus::transaction::Transaction;
use crate::registers::{Name, Value};
use crate::zero_option::ZeroOption;

/// Which registers a table keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// Those that hold a Cairn record from their first transaction on. A release is kept until a newer
    /// one of its name comes.
    Records,
    /// All that hold data.
    All,
}

/// How a register came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By the transaction that created it.
    Created,
    /// The replay began after it was created: its owner signed what it held when it was changed.
    /// Its past, and what was said to be constant in it, is the owner's word.
    Stated,
}

/// Who has a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custody {
    /// The chain's owner.
    Held,
    /// Somebody else, by this transfer. What becomes of it stands in their chain: this one proves
    /// nothing of it any more.
    Left(Transfer),
    /// The chain's owner will have it when they claim this transfer of another chain.
    Arriving(Transfer),
    /// The chain's owner again, after somebody else whose chain is not followed: what became of it
    /// meanwhile is not known, and what it holds is not believed.
    Returned,
}

/// The transfer of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The transaction with the transfer.
    pub transaction: TransactionId,
    /// The contract in it.
    pub contract: u32,
    /// Who may claim it.
    pub recipient: Genesis,
    /// Whether the recipient's claim decides alone. It does not for conditional transfers, forced ones
    /// and those to everybody: what became of such a register, only the whole network knows.
    pub is_plain: bool,
}

/// A register that a proven chain gave away, for the replay of the chain that claims it.
#[derive(Clone, Debug)]
pub struct Departure {
    slot: Slot,
    transfer: Transfer,
}

/// A register of a table.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its address.
    pub address: Address,
    /// Its state after the last transaction.
    pub state: State<'a>,
    /// How it came to be known.
    pub origin: Origin,
    /// Who has it.
    pub custody: Custody,
    /// The record that it proves, if it does.
    pub record: Option<Record>,
}

/// Two registers claim one name with equal right: neither is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

/// In which transaction an operation stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::nexus) struct Caller<'a> {
    pub(in crate::nexus) transaction: &'a Transaction<'a>,
    /// The contract in it.
    pub(in crate::nexus) contract: u32,
    /// Whether a register may turn up that the replay did not see created.
    pub(in crate::nexus) may_be_older: bool,
}

/// The rule that a pointer has to keep in a register that enforces none.
#[derive(Clone, Copy, Debug)]
struct PointerRule {
    name: Name,
    generation: u64,
    /// Whether the last write kept it.
    is_kept: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    address: Address,
    origin: Origin,
    custody: Custody,
    /// Number of its type.
    kind: u8,
    owner: Genesis,
    created_s: u64,
    modified_s: u64,
    data: Data,
    pointer: ZeroOption<PointerRule>,
}

impl Slot {
    /// All zero, see [`crate::zero_option`].
    const EMPTY: Self = Self {
        address: Address(Number::ZERO),
        origin: Origin::Created,
        custody: Custody::Held,
        kind: 0,
        owner: Number::ZERO,
        created_s: 0,
        modified_s: 0,
        data: Data::EMPTY,
        pointer: ZeroOption::None,
    };

    fn state(&self) -> State<'_> {
        State {
            // A slot in use has one.
            kind: Kind::from_number(self.kind).unwrap_or(Kind::Append),
            owner: self.owner,
            created_s: self.created_s,
            modified_s: self.modified_s,
            data: self.data.as_slice(),
        }
    }

    /// Whether it is what it was left as.
    #[inline(never)]
    fn check(&self, before: &State<'_>) -> Result<(), Rule> {
        if self.state() == *before { Ok(()) } else { Err(Rule::BeforeDiffers) }
    }

    /// The record that the register proves: a release if nothing could change since it was created, a
    /// pointer if its last write kept the rule.
    #[inline(never)]
    fn record(&self) -> Option<Record> {
        let record = Record::of(&self.state()).filter(|_| self.custody == Custody::Held)?;
        let is_proven = match record.value {
            Value::Release(_) => self.origin == Origin::Created,
            _ => self.pointer.as_ref().is_some_and(|rule| rule.is_kept),
        };
        is_proven.then_some(record)
    }

    /// The value of the record that the register proves, if it has this name.
    #[inline(never)]
    fn value(&self, name: &Name) -> Option<Value> {
        self.record().filter(|record| record.name == *name).map(|record| record.value)
    }

    /// Becomes `state`, of new data.
    fn store(&mut self, state: &State<'_>) {
        self.store_owner(state);
        // A state's data fits.
        let _ = self.data.replace(state.data);
        let pointer = match Record::of(state) {
            Some(Record { name, value: Value::Pointer { generation, .. } }) => {
                Some((name, generation))
            }
            _ => None,
        };
        match (self.pointer.as_mut(), pointer) {
            (Some(rule), Some((name, generation))) => {
                rule.is_kept = name == rule.name && generation > rule.generation;
                rule.generation = rule.generation.max(generation);
            }
            (Some(rule), None) => rule.is_kept = false,
            (None, Some((name, generation))) => {
                let rule = PointerRule { name, generation, is_kept: true };
                self.pointer = ZeroOption::Some(rule);
            }
            (None, None) => {}
        }
    }

    /// Becomes `state`, of the same data.
    fn store_owner(&mut self, state: &State<'_>) {
        self.kind = state.kind as u8;
        self.owner = state.owner;
        self.created_s = state.created_s;
        self.modified_s = state.modified_s;
    }
}

/// The registers of a chain that are followed, at most `N`, about 1.3 KiB each.
#[derive(Clone, Debug)]
pub struct Table<const N: usize> {
    slots: [Slot; N],
    /// How many slots are in use; they come first.
    count: usize,
    track: Track,
}

impl<const N: usize> Table<N> {
    pub(in crate::nexus) const fn new(track: Track) -> Self {
        Self { slots: [const { Slot::EMPTY }; N], count: 0, track }
    }

    pub(in crate::nexus) fn clear(&mut self) {
        self.count = 0;
    }

    /// The register at `address`.
    #[must_use]
    pub fn register(&self, address: &Address) -> Option<Found<'_>> {
        self.iter().find(|found| found.address == *address)
    }

    /// All registers.
    pub fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        self.slots().map(|slot| Found {
            address: slot.address,
            state: slot.state(),
            origin: slot.origin,
            custody: slot.custody,
            record: slot.record(),
        })
    }

    /// The value of Cairn's register `name`: the pointer of the highest generation, or the release of
    /// the highest version.
    ///
    /// # Errors
    /// [`Conflict`].
    pub fn value(&self, name: &str) -> Result<Option<Value>, Conflict> {
        let Some(name) = Name::new(name) else { return Ok(None) };
        let (mut newest, mut is_clear) = (None, true);
        for value in self.slots().filter_map(|slot| slot.value(&name)) {
            let order = newest.as_ref().map_or(Some(Ordering::Greater), |other| age(&value, other));
            match order.ok_or(Conflict)? {
                Ordering::Greater => (newest, is_clear) = (Some(value), true),
                Ordering::Equal => is_clear &= newest.as_ref() == Some(&value),
                Ordering::Less => {}
            }
        }
        if is_clear { Ok(newest) } else { Err(Conflict) }
    }

    /// The register at `address` for the replay of the chain that claims it; `None` unless this chain
    /// gave it away, to one recipient and without a condition.
    #[must_use]
    pub fn departure(&self, address: &Address) -> Option<Departure> {
        let slot = self.slot(address)?;
        match slot.custody {
            Custody::Left(transfer) if transfer.is_plain => {
                Some(Departure { slot: slot.clone(), transfer })
            }
            _ => None,
        }
    }

    pub(in crate::nexus) fn expect(
        &mut self,
        claimant: &Genesis,
        departure: &Departure,
    ) -> Result<(), Rule> {
        let Departure { slot, transfer } = departure;
        if transfer.recipient != *claimant {
            return Err(Rule::NotTransferred);
        }
        if self.slot(&slot.address).is_some() {
            return Err(Rule::Exists);
        }
        let custody = Custody::Arriving(*transfer);
        *self.place(self.count)? = Slot { custody, ..slot.clone() };
        Ok(())
    }

    fn slots(&self) -> core::slice::Iter<'_, Slot> {
        self.slots.get(..self.count).unwrap_or(&[]).iter()
    }

    #[inline(never)]
    fn slot(&self, address: &Address) -> Option<&Slot> {
        self.slots().find(|slot| slot.address == *address)
    }

    #[inline(never)]
    fn slot_mut(&mut self, address: &Address) -> Option<&mut Slot> {
        let slots = self.slots.get_mut(..self.count).unwrap_or(&mut []);
        slots.iter_mut().find(|slot| slot.address == *address)
    }

    /// The slot at `position`, which is in use or the first that is not.
    fn place(&mut self, position: usize) -> Result<&mut Slot, Rule> {
        let slot = self.slots.get_mut(position).ok_or(Rule::TableFull)?;
        self.count = self.count.max(position + 1);
        Ok(slot)
    }

    /// Does what `operation` says, if it may.
    #[inline(never)]
    pub(in crate::nexus) fn apply(
        &mut self,
        operation: &Operation<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Rule> {
        match operation {
            Operation::Create { address, kind, data, after } => {
                self.create(address, *kind, data, after, caller)
            }
            Operation::Write { address, data, change } => {
                self.change(address, Edit::Write(data), change, caller)
            }
            Operation::Append { address, data, change } => {
                self.change(address, Edit::Append(data), change, caller)
            }
            Operation::Transfer { address, recipient, handover, is_conditional, change } => {
                self.transfer(address, recipient, *handover, *is_conditional, change, caller)
            }
            Operation::Claim { from, contract, address, change } => {
                self.claim(address, (from, *contract), change, caller)
            }
            Operation::Other(_) => Ok(()),
        }
    }

    fn create(
        &mut self,
        address: &Address,
        kind: u8,
        data: &[u8],
        after: &Checksum,
        caller: &Caller<'_>,
    ) -> Result<(), Rule> {
        let kind = Kind::from_number(kind).ok_or(Rule::Kind)?;
        let (owner, now_s) = (caller.transaction.genesis, caller.transaction.time_s);
        let state = State { kind, owner, created_s: now_s, modified_s: now_s, data };
        let is_data = is_data(address, kind)?;
        if kind == Kind::Object {
            object::Object::parse(data)?;
        }
        if self.slot(address).is_some() {
            return Err(Rule::Exists);
        }
        check(&state, after)?;
        if is_data { self.keep(address, &state, Origin::Created) } else { Ok(()) }
    }

    fn change(
        &mut self,
        address: &Address,
        edit: Edit<'_>,
        change: &Change<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Rule> {
        let before = &change.before;
        let mut data = Data::EMPTY;
        // A state's data fits.
        let _ = data.replace(before.data);
        self.check_held(address, before, caller)?;
        edit.apply(before.kind, &mut data)?;
        let state =
            State { data: data.as_slice(), modified_s: caller.transaction.time_s, ..*before };
        check(&state, &change.after)?;
        match self.slot_mut(address) {
            Some(slot) => slot.store(&state),
            None if caller.may_be_older && is_data(address, state.kind)? => {
                return self.keep(address, &state, Origin::Stated);
            }
            None => {}
        }
        Ok(())
    }

    fn transfer(
        &mut self,
        address: &Address,
        recipient: &Genesis,
        handover: Handover,
        is_conditional: bool,
        change: &Change<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Rule> {
        let before = &change.before;
        self.check_held(address, before, caller)?;
        let Transaction { id, genesis, version, time_s, .. } = caller.transaction;
        let owner = match handover {
            Handover::Forced => *recipient,
            Handover::Claimed if *version == 1 => Number::ZERO,
            Handover::Claimed => genesis.with_top(0),
        };
        let state = State { owner, modified_s: *time_s, ..*before };
        check(&state, &change.after)?;
        if let Some(slot) = self.slot_mut(address).filter(|slot| slot.custody == Custody::Held) {
            slot.store_owner(&state);
            let everybody = Number([0xff; 32]);
            slot.custody = Custody::Left(Transfer {
                transaction: *id,
                contract: caller.contract,
                recipient: *recipient,
                is_plain: handover == Handover::Claimed
                    && !is_conditional
                    && *recipient != everybody,
            });
        }
        Ok(())
    }

    fn claim(
        &mut self,
        address: &Address,
        from: (&TransactionId, u32),
        change: &Change<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Rule> {
        let before = &change.before;
        if before.owner.top() != 0 {
            return Err(Rule::NotTransferred);
        }
        let state = State {
            owner: caller.transaction.genesis,
            modified_s: caller.transaction.time_s,
            ..*before
        };
        check(&state, &change.after)?;
        // What no followed chain gave away comes from nowhere, and proves nothing.
        let Some(slot) = self.slot_mut(address) else { return Ok(()) };
        match &slot.custody {
            // The giver may take back what the recipient did not take.
            Custody::Left(transfer) | Custody::Arriving(transfer)
                if (&transfer.transaction, transfer.contract) == from => {}
            // The recipient took it, and gave it back.
            Custody::Left(_) | Custody::Returned => {
                slot.custody = Custody::Returned;
                return Ok(());
            }
            Custody::Arriving(_) | Custody::Held => return Err(Rule::NotTransferred),
        }
        slot.check(before)?;
        slot.store_owner(&state);
        slot.custody = Custody::Held;
        Ok(())
    }

    /// Checks that the caller has the register, and that it is what it was left as.
    #[inline(never)]
    fn check_held(
        &self,
        address: &Address,
        before: &State<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Rule> {
        if before.owner != caller.transaction.genesis {
            return Err(Rule::Owner);
        }
        match self.slot(address) {
            None => Ok(()),
            Some(slot) if slot.custody == Custody::Returned => Ok(()),
            Some(slot) if slot.custody != Custody::Held => Err(Rule::Left),
            Some(slot) => slot.check(before),
        }
    }

    /// Takes a register that is not in the table into it, if it is one to follow.
    fn keep(&mut self, address: &Address, state: &State<'_>, origin: Origin) -> Result<(), Rule> {
        let record = Record::of(state);
        if record.is_none() && self.track == Track::Records {
            return Ok(());
        }
        let older = record.and_then(|record| self.superseded(&record));
        let slot = self.place(older.unwrap_or(self.count))?;
        slot.address = *address;
        slot.origin = origin;
        slot.custody = Custody::Held;
        slot.pointer = ZeroOption::None;
        slot.store(state);
        Ok(())
    }

    /// An older release of the same name and platform.
    fn superseded(&self, new: &Record) -> Option<usize> {
        if self.track == Track::All || !matches!(new.value, Value::Release(_)) {
            return None;
        }
        let is_older = |old: Value| age(&old, &new.value) == Some(Ordering::Less);
        self.slots().position(|slot| slot.value(&new.name).is_some_and(is_older))
    }
}

/// What happens to the data of a register.
enum Edit<'a> {
    Write(&'a [u8]),
    Append(&'a [u8]),
}

impl Edit<'_> {
    fn apply(&self, kind: Kind, data: &mut Data) -> Result<(), Rule> {
        let fits = match (self, kind) {
            (Self::Write(writes), Kind::Object) => {
                return object::write(data.as_mut_slice(), writes);
            }
            (Self::Write(new), Kind::Raw) => {
                new.len() == data.as_slice().len() && data.replace(new)
            }
            (Self::Append(more), Kind::Raw | Kind::Append) => data.append(more),
            _ => return Err(Rule::NotForKind),
        };
        if fits { Ok(()) } else { Err(Rule::Length) }
    }
}

/// Whether `address` holds data that is followed: its first four types are those of registers.
#[inline(never)]
fn is_data(address: &Address, kind: Kind) -> Result<bool, Rule> {
    let number = address.kind().ok_or(Rule::Address)? as u8 - (address::Kind::ReadOnly as u8 - 1);
    let is_other = kind == Kind::Object && number > Kind::Object as u8;
    if number == kind as u8 || is_other { Ok(!is_other) } else { Err(Rule::Address) }
}

#[inline(never)]
fn check(state: &State<'_>, after: &Checksum) -> Result<(), Rule> {
    if state.checksum() == *after { Ok(()) } else { Err(Rule::AfterDiffers) }
}

/// Whether `value` is newer than `other`, older, or as new; `None` where that is no question.
#[inline(never)]
fn age(value: &Value, other: &Value) -> Option<Ordering> {
    match (value, other) {
        (Value::Pointer { generation, .. }, Value::Pointer { generation: other, .. }) => {
            Some(generation.cmp(other))
        }
        (Value::Release(value), Value::Release(other)) if value.platform == other.platform => {
            Some(value.version.cmp(&other.version))
        }
        _ => None,
    }
}
