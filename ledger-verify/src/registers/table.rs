//! All registers of a chain, sorted by name.

use super::wire::{WireError, put_register, read_register};
use super::{HashKind, Name, POLICY, Platform, Policy, REGISTER_BYTES_MAX, REGISTERS_MAX};
use super::{Release, Rule, Value};
use super::{Version, Write, WriteValue, Writes};
use crate::blake3::SHORT_BYTES_MAX;
use crate::cbor::{Reader, array};
use crate::digest::{Digest, Domain};

#[derive(Clone, Copy, Debug)]
struct Slot {
    name: Name,
    value: Value,
}

impl Slot {
    /// All zero, see [`crate::zero_option`].
    const UNUSED: Self = {
        let release = Release {
            version: Version([0; 3]),
            platform: Platform::EMPTY,
            hash: HashKind::Blake3,
            digest: Digest::ZERO,
            size_bytes: 0,
            capabilities: 0,
        };
        Self { name: Name::EMPTY, value: Value::Release(release) }
    };
}

/// The registers of a chain as far as it was replayed, about 5 KiB.
#[derive(Clone, Debug)]
pub struct Table {
    slots: [Slot; REGISTERS_MAX],
    count: usize,
}

impl Table {
    pub(crate) const EMPTY: Self = Self { slots: [Slot::UNUSED; REGISTERS_MAX], count: 0 };

    pub(crate) const fn clear(&mut self) {
        self.count = 0;
    }

    /// The value of register `name`.
    #[must_use]
    #[inline(never)]
    pub fn get(&self, name: &str) -> Option<Value> {
        let place = self.place(&Name::new(name)?).ok()?;
        self.slots().get(place).map(|slot| slot.value)
    }

    /// All registers, by ascending name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.slots().iter().map(|slot| (slot.name.as_str(), &slot.value))
    }

    /// The chain's policy, if it has one.
    #[must_use]
    pub fn policy(&self) -> Option<Policy> {
        match self.get(POLICY) {
            Some(Value::Policy(policy)) => Some(policy),
            _ => None,
        }
    }

    /// Takes the next register of a snapshot; what vouches for it is the digest, not this.
    #[inline(never)]
    pub(crate) fn push(&mut self, register: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader::new(register);
        let (name, value) = read_register(&mut reader)?;
        reader.end()?;
        if self.slots().last().is_some_and(|last| last.name >= name) {
            return Err(WireError::Rule { offset: 0, rule: Rule::Order });
        }
        if self.count == REGISTERS_MAX {
            return Err(WireError::Rule { offset: 0, rule: Rule::TableFull });
        }
        self.insert(self.count, Slot { name, value });
        Ok(())
    }

    #[cfg(any(test, feature = "write"))]
    pub(crate) fn named(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.slots().iter().map(|slot| (&slot.name, &slot.value))
    }

    fn slots(&self) -> &[Slot] {
        self.slots.get(..self.count).unwrap_or(&[])
    }

    fn place(&self, name: &Name) -> Result<usize, usize> {
        self.slots().binary_search_by_key(name, |slot| slot.name)
    }

    fn old(&self, name: &Name) -> Option<&Value> {
        self.slots().get(self.place(name).ok()?).map(|slot| &slot.value)
    }

    /// Checks every write against its register; the error tells the offset of the write.
    #[inline(never)]
    pub(crate) fn check(&self, mut writes: Writes<'_>) -> Result<(), (usize, Rule)> {
        let mut count = self.count;
        let mut offset = writes.offset();
        while let Some(write) = writes.next() {
            let old = self.old(&write.name);
            next_value(old, &write.value).map_err(|rule| (offset, rule))?;
            count += usize::from(old.is_none());
            if count > REGISTERS_MAX {
                return Err((offset, Rule::TableFull));
            }
            offset = writes.offset();
        }
        Ok(())
    }

    /// Digest of all registers.
    pub(crate) fn digest(&self) -> Digest {
        self.digest_after(Writes::none())
    }

    /// Digest of all registers as they will be after `writes`, which [`Table::check`] accepted and
    /// whose names ascend.
    #[inline(never)]
    pub(crate) fn digest_after(&self, writes: impl Iterator<Item = Write> + Clone) -> Digest {
        let added = writes.clone().filter(|write| self.old(&write.name).is_none()).count();
        const { assert!(3 + REGISTERS_MAX * REGISTER_BYTES_MAX <= SHORT_BYTES_MAX) }
        let mut hasher = Domain::State.hasher();
        array(&mut hasher, self.count + added);
        let mut slots = self.slots().iter().peekable();
        for write in writes {
            while let Some(slot) = slots.next_if(|slot| slot.name < write.name) {
                put_register(&mut hasher, &slot.name, &slot.value);
            }
            let old = slots.next_if(|slot| slot.name == write.name).map(|slot| &slot.value);
            if let Ok(value) = next_value(old, &write.value) {
                put_register(&mut hasher, &write.name, &value);
            }
        }
        for slot in slots {
            put_register(&mut hasher, &slot.name, &slot.value);
        }
        hasher.finish()
    }

    /// Performs `writes`, which [`Table::check`] accepted.
    #[inline(never)]
    pub(crate) fn apply(&mut self, writes: Writes<'_>) {
        for write in writes {
            let Ok(value) = next_value(self.old(&write.name), &write.value) else { continue };
            match self.place(&write.name) {
                Ok(place) => {
                    if let Some(slot) = self.slots.get_mut(place) {
                        slot.value = value;
                    }
                }
                Err(place) => self.insert(place, Slot { name: write.name, value }),
            }
        }
    }

    fn insert(&mut self, place: usize, slot: Slot) {
        let Some(tail) = self.slots.get_mut(place..=self.count) else { return };
        // Each makes room for the one before.
        tail.iter_mut().fold(slot, |moved, place| core::mem::replace(place, moved));
        self.count += 1;
    }
}

/// The register's value after the write, if its kind's rule allows it.
fn next_value(old: Option<&Value>, write: &WriteValue) -> Result<Value, Rule> {
    match (*write, old) {
        (WriteValue::Release(new), Some(Value::Release(old))) => {
            if new.platform != old.platform {
                return Err(Rule::Platform);
            }
            if new.version <= old.version {
                return Err(Rule::VersionNotHigher);
            }
            Ok(Value::Release(new))
        }
        (WriteValue::Release(new), None) => Ok(Value::Release(new)),
        (WriteValue::Pointer { generation, .. }, Some(Value::Pointer { generation: old, .. }))
            if generation <= *old =>
        {
            Err(Rule::GenerationNotHigher)
        }
        (WriteValue::Pointer { root, generation }, Some(Value::Pointer { .. }) | None) => {
            Ok(Value::Pointer { root, generation })
        }
        (WriteValue::Append(item), Some(Value::List { count, digest })) => {
            Ok(Value::List { count: count.saturating_add(1), digest: list_digest(digest, &item) })
        }
        (WriteValue::Policy(new), Some(Value::Policy(old))) if new.weakest < old.weakest => {
            Err(Rule::PolicyWeaker)
        }
        (WriteValue::Policy(new), Some(Value::Policy(_)) | None) => Ok(Value::Policy(new)),
        (WriteValue::Append(item), None) => {
            Ok(Value::List { count: 1, digest: list_digest(&Digest::ZERO, &item) })
        }
        _ => Err(Rule::KindChanged),
    }
}

fn list_digest(before: &Digest, item: &Digest) -> Digest {
    let mut input = [0; 2 * Digest::BYTES];
    let (left, right) = input.split_at_mut(Digest::BYTES);
    left.copy_from_slice(&before.0);
    right.copy_from_slice(&item.0);
    Domain::List.digest(&input)
}
