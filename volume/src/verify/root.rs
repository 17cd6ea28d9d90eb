//! Admitting a volume.

use ledger_verify::Digest;

use super::toc::TocWant;
use crate::error::{Error, SuperblockFault};
use crate::geometry::Block;
use crate::superblock::Superblock;

/// What the ledger's register `volume/<name>` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouched {
    /// Generation of the volume.
    pub generation: u64,
    /// Its root.
    pub root: Digest,
}

/// What a volume must agree with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The name whose register was asked for.
    pub name: &'a str,
    /// The chain that this reader trusts.
    pub chain_id: Digest,
    /// The lowest generation that the reader's anchor admits; 0 admits all.
    pub minimum_generation: u64,
    /// The proven value of the register; `None` when the ledger could not prove any.
    pub vouched: Option<Vouched>,
}

/// A superblock that the ledger vouches for.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedRoot {
    superblock: Superblock,
}

impl VerifiedRoot {
    /// Admits the volume if one of its superblock slots is the one that the ledger vouches for. A
    /// slot is `None` when it could not be read.
    ///
    /// # Errors
    /// [`Error::Superblock`] if neither slot holds a superblock. Else what is wrong with the slot of
    /// the higher generation, first rule first: [`Error::OtherChain`], [`Error::OtherName`],
    /// [`Error::TooOld`], [`Error::NotVouched`].
    pub fn admit(slots: [Option<&Block>; 2], expected: &Expected<'_>) -> Result<Self, Error> {
        let [first, second] = slots.map(|slot| match slot {
            Some(block) => Superblock::parse(block),
            None => Err(SuperblockFault::Unreadable),
        });
        let (newer, older) = match (first, second) {
            (Ok(first), Ok(second)) if second.generation() > first.generation() => {
                (second, Some(first))
            }
            (Ok(first), second) => (first, second.ok()),
            (Err(_), Ok(second)) => (second, None),
            (Err(fault), Err(_)) => return Err(Error::Superblock(fault)),
        };
        match (check(&newer, expected), older) {
            (Ok(()), _) => Ok(Self { superblock: newer }),
            (Err(_), Some(older)) if check(&older, expected).is_ok() => {
                Ok(Self { superblock: older })
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The superblock, now believed.
    #[must_use]
    pub fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// The root node of the table of contents.
    pub(super) fn toc_root(&self) -> TocWant {
        let head = self.superblock.head();
        TocWant::root(head.toc_root_index.get(), head.toc_level_count - 1, Digest(head.toc_root))
    }
}

fn check(superblock: &Superblock, expected: &Expected<'_>) -> Result<(), Error> {
    let found = superblock.generation();
    if superblock.chain_id() != expected.chain_id {
        return Err(Error::OtherChain { found: superblock.chain_id() });
    }
    if superblock.name() != expected.name {
        return Err(Error::OtherName);
    }
    if found < expected.minimum_generation {
        return Err(Error::TooOld { found, anchored: expected.minimum_generation });
    }
    let own = Vouched { generation: found, root: superblock.root() };
    if expected.vouched != Some(own) {
        let vouched = expected.vouched.map(|vouched| vouched.generation);
        return Err(Error::NotVouched { found, vouched });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::superblock::tests::good_head;

    fn slot(generation: u64) -> (Block, Vouched) {
        let mut head = good_head();
        head.generation = generation.into();
        let block = Superblock::seal(&head);
        let root = Superblock::parse(&block).unwrap().root();
        (block, Vouched { generation, root })
    }

    fn expected(vouched: Vouched) -> Expected<'static> {
        let chain_id = Digest::ZERO;
        Expected { name: "demo", chain_id, minimum_generation: 5, vouched: Some(vouched) }
    }

    fn refused(expected: &Expected<'_>) -> Error {
        VerifiedRoot::admit([Some(&slot(7).0), None], expected).unwrap_err()
    }

    #[test]
    fn either_slot_is_enough() {
        let (block, vouched) = slot(7);
        let mut damaged = block;
        damaged[100] ^= 1;
        for slots in [
            [Some(&block), None],
            [None, Some(&block)],
            [Some(&damaged), Some(&block)],
            [Some(&slot(8).0), Some(&block)],
            [Some(&block), Some(&slot(6).0)],
        ] {
            let root = VerifiedRoot::admit(slots, &expected(vouched)).unwrap();
            assert_eq!(root.superblock().root(), vouched.root);
        }
    }

    #[test]
    fn each_reason_for_refusal_is_named() {
        let (_, vouched) = slot(7);
        let good = expected(vouched);
        let other = Digest([1; 32]);
        assert_eq!(
            refused(&Expected { chain_id: other, ..good }),
            Error::OtherChain { found: Digest::ZERO }
        );
        assert_eq!(refused(&Expected { name: "x", ..good }), Error::OtherName);
        assert_eq!(
            refused(&Expected { minimum_generation: 8, ..good }),
            Error::TooOld { found: 7, anchored: 8 }
        );
        assert_eq!(
            refused(&Expected { vouched: None, ..good }),
            Error::NotVouched { found: 7, vouched: None }
        );
        assert_eq!(refused(&expected(slot(9).1)), Error::NotVouched { found: 7, vouched: Some(9) });
        let same_generation = Vouched { generation: 7, root: other };
        assert_eq!(
            refused(&expected(same_generation)),
            Error::NotVouched { found: 7, vouched: Some(7) }
        );
    }

    #[test]
    fn names_the_fault_when_both_slots_are_bad() {
        let expected = expected(slot(7).1);
        let admit = |slots| VerifiedRoot::admit(slots, &expected).unwrap_err();
        assert_eq!(admit([None, None]), Error::Superblock(SuperblockFault::Unreadable));
        assert_eq!(admit([Some(&[0; 4096]), None]), Error::Superblock(SuperblockFault::Magic));
    }
}
