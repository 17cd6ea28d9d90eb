//! The registers of a chain, each with its whole state.

use super::data::Data;
use super::{Kind, Rule, State, object};
use crate::nexus::address::{self, Address};
use crate::nexus::number::{Genesis, Number, TransactionId};
use crate::nexus::operation::{Change, Checksum, Handover, Operation};
use crate::nexus::record::Record;
use crate::registers::{Name, Release, Value};
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
pub(in crate::nexus) struct Caller {
    pub(in crate::nexus) genesis: Genesis,
    pub(in crate::nexus) time_s: u64,
    pub(in crate::nexus) version: u32,
    pub(in crate::nexus) transaction: TransactionId,
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
    kind: Kind,
    owner: Genesis,
    created_s: u64,
    modified_s: u64,
    data: Data,
    pointer: Option<PointerRule>,
}

impl Slot {
    const EMPTY: Self = Self {
        address: Address(Number::ZERO),
        origin: Origin::Created,
        custody: Custody::Held,
        kind: Kind::Raw,
        owner: Number::ZERO,
        created_s: 0,
        modified_s: 0,
        data: Data::EMPTY,
        pointer: None,
    };

    fn state(&self) -> State<'_> {
        State {
            kind: self.kind,
            owner: self.owner,
            created_s: self.created_s,
            modified_s: self.modified_s,
            data: self.data.as_slice(),
        }
    }

    /// The record that the register proves: a release if nothing could change since it was created, a
    /// pointer if its last write kept the rule.
    #[inline(never)]
    fn record(&self) -> Option<Record> {
        let record = Record::of(&self.state()).filter(|_| self.custody == Custody::Held)?;
        let is_proven = match record.value {
            Value::Release(_) => self.origin == Origin::Created,
            _ => self.pointer.is_some_and(|rule| rule.is_kept),
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
        match (&mut self.pointer, pointer) {
            (Some(rule), Some((name, generation))) => {
                rule.is_kept = name == rule.name && generation > rule.generation;
                rule.generation = rule.generation.max(generation);
            }
            (Some(rule), None) => rule.is_kept = false,
            (none, Some((name, generation))) => {
                *none = Some(PointerRule { name, generation, is_kept: true });
            }
            (None, None) => {}
        }
    }

    /// Becomes `state`, of the same data.
    fn store_owner(&mut self, state: &State<'_>) {
        self.kind = state.kind;
        self.owner = state.owner;
        self.created_s = state.created_s;
        self.modified_s = state.modified_s;
    }
}

/// The registers of a chain that are followed, at most `N`, about 1.3 KiB each.
#[derive(Clone, Debug)]
pub struct Table<const N: usize> {
    /// Those in use come first.
    slots: [ZeroOption<Slot>; N],
    track: Track,
}

impl<const N: usize> Table<N> {
    pub(in crate::nexus) const fn new(track: Track) -> Self {
        Self { slots: [const { ZeroOption::None }; N], track }
    }

    pub(in crate::nexus) fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| *slot = ZeroOption::None);
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
        let mut newest = None;
        for value in self.slots().filter_map(|slot| slot.value(&name)) {
            if newest.is_none_or(|newest| is_newer(&value, &newest)) {
                newest = Some(value);
            }
        }
        let Some(newest) = newest else { return Ok(None) };
        let mut others = self.slots().filter_map(|slot| slot.value(&name));
        let is_newest = others.all(|other| other == newest || is_newer(&newest, &other));
        if is_newest { Ok(Some(newest)) } else { Err(Conflict) }
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
        *self.free()? = ZeroOption::Some(Slot { custody, ..slot.clone() });
        Ok(())
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> + Clone {
        self.slots.iter().map_while(ZeroOption::as_ref)
    }

    fn slot(&self, address: &Address) -> Option<&Slot> {
        self.slots().find(|slot| slot.address == *address)
    }

    fn slot_mut(&mut self, address: &Address) -> Option<&mut Slot> {
        let mut slots = self.slots.iter_mut().map_while(ZeroOption::as_mut);
        slots.find(|slot| slot.address == *address)
    }

    fn free(&mut self) -> Result<&mut ZeroOption<Slot>, Rule> {
        self.slots.iter_mut().find(|slot| slot.as_ref().is_none()).ok_or(Rule::TableFull)
    }

    /// Does what `operation` says, if it may.
    #[inline(never)]
    pub(in crate::nexus) fn apply(
        &mut self,
        operation: &Operation<'_>,
        caller: &Caller,
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
                let everybody = Number([0xff; 32]);
                let transfer = Transfer {
                    transaction: caller.transaction,
                    contract: caller.contract,
                    recipient: *recipient,
                    is_plain: *handover == Handover::Claimed
                        && !is_conditional
                        && *recipient != everybody,
                };
                self.transfer(address, transfer, *handover, change, caller)
            }
            Operation::Claim { from, contract, address, change } => {
                self.claim(address, (*from, *contract), change, caller)
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
        caller: &Caller,
    ) -> Result<(), Rule> {
        let kind = Kind::from_number(kind).ok_or(Rule::Kind)?;
        let (owner, now_s) = (caller.genesis, caller.time_s);
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
        caller: &Caller,
    ) -> Result<(), Rule> {
        let before = &change.before;
        let mut data = Data::EMPTY;
        // A state's data fits.
        let _ = data.replace(before.data);
        self.check_held(address, before, caller)?;
        edit.apply(before.kind, &mut data)?;
        let state = State { data: data.as_slice(), modified_s: caller.time_s, ..*before };
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
        transfer: Transfer,
        handover: Handover,
        change: &Change<'_>,
        caller: &Caller,
    ) -> Result<(), Rule> {
        let before = &change.before;
        self.check_held(address, before, caller)?;
        let owner = match handover {
            Handover::Forced => transfer.recipient,
            Handover::Claimed if caller.version == 1 => Number::ZERO,
            Handover::Claimed => caller.genesis.with_top(0),
        };
        let state = State { owner, modified_s: caller.time_s, ..*before };
        check(&state, &change.after)?;
        if let Some(slot) = self.slot_mut(address).filter(|slot| slot.custody == Custody::Held) {
            slot.store_owner(&state);
            slot.custody = Custody::Left(transfer);
        }
        Ok(())
    }

    fn claim(
        &mut self,
        address: &Address,
        from: (TransactionId, u32),
        change: &Change<'_>,
        caller: &Caller,
    ) -> Result<(), Rule> {
        let before = &change.before;
        if before.owner.top() != 0 {
            return Err(Rule::NotTransferred);
        }
        let state = State { owner: caller.genesis, modified_s: caller.time_s, ..*before };
        check(&state, &change.after)?;
        // What no followed chain gave away comes from nowhere, and proves nothing.
        let Some(slot) = self.slot_mut(address) else { return Ok(()) };
        match slot.custody {
            // The giver may take back what the recipient did not take.
            Custody::Left(transfer) | Custody::Arriving(transfer)
                if (transfer.transaction, transfer.contract) == from => {}
            // The recipient took it, and gave it back.
            Custody::Left(_) | Custody::Returned => {
                slot.custody = Custody::Returned;
                return Ok(());
            }
            Custody::Arriving(_) | Custody::Held => return Err(Rule::NotTransferred),
        }
        if slot.state() != *before {
            return Err(Rule::BeforeDiffers);
        }
        slot.store_owner(&state);
        slot.custody = Custody::Held;
        Ok(())
    }

    /// Checks that the caller has the register, and that it is what it was left as.
    fn check_held(
        &self,
        address: &Address,
        before: &State<'_>,
        caller: &Caller,
    ) -> Result<(), Rule> {
        if before.owner != caller.genesis {
            return Err(Rule::Owner);
        }
        match self.slot(address) {
            None => Ok(()),
            Some(slot) if slot.custody == Custody::Returned => Ok(()),
            Some(slot) if slot.custody != Custody::Held => Err(Rule::Left),
            Some(slot) if slot.state() != *before => Err(Rule::BeforeDiffers),
            Some(_) => Ok(()),
        }
    }

    /// Takes a register that is not in the table into it, if it is one to follow.
    fn keep(&mut self, address: &Address, state: &State<'_>, origin: Origin) -> Result<(), Rule> {
        let superseded = match (self.track, Record::of(state)) {
            (Track::All, _) => None,
            (Track::Records, None) => return Ok(()),
            (Track::Records, Some(Record { name, value: Value::Release(release) })) => {
                self.superseded(&name, &release)
            }
            (Track::Records, Some(_)) => None,
        };
        let place = match superseded.and_then(|position| self.slots.get_mut(position)) {
            Some(place) => place,
            None => self.free()?,
        };
        // In place: a slot is a third of a page of stack.
        *place = ZeroOption::Some(Slot::EMPTY);
        if let Some(slot) = place.as_mut() {
            (slot.address, slot.origin) = (*address, origin);
            slot.store(state);
        }
        Ok(())
    }

    /// An older release of the same name and platform.
    fn superseded(&self, name: &Name, release: &Release) -> Option<usize> {
        self.slots().position(|slot| match slot.record() {
            Some(Record { name: other, value: Value::Release(old) }) => {
                other == *name && is_newer(&Value::Release(*release), &Value::Release(old))
            }
            _ => false,
        })
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

/// Whether `address` holds data that is followed.
fn is_data(address: &Address, kind: Kind) -> Result<bool, Rule> {
    use address::Kind as At;
    match (kind, address.kind().ok_or(Rule::Address)?) {
        (Kind::ReadOnly, At::ReadOnly)
        | (Kind::Append, At::Append)
        | (Kind::Raw, At::Raw)
        | (Kind::Object, At::Object) => Ok(true),
        (_, At::ReadOnly | At::Append | At::Raw | At::Object) => Err(Rule::Address),
        (Kind::Object, _) => Ok(false),
        _ => Err(Rule::Address),
    }
}

#[inline(never)]
fn check(state: &State<'_>, after: &Checksum) -> Result<(), Rule> {
    if state.checksum() == *after { Ok(()) } else { Err(Rule::AfterDiffers) }
}

/// Whether `new` may take the place of `old`.
#[inline(never)]
fn is_newer(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Pointer { generation: new, .. }, Value::Pointer { generation: old, .. }) => {
            new > old
        }
        (Value::Release(new), Value::Release(old)) => {
            new.platform == old.platform && new.version > old.version
        }
        _ => false,
    }
}
