//! The two superblock slots.

use ledger_verify::Digest;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::error::SuperblockFault;
use crate::geometry::{BLOCK_BYTES, Block, VOLUME_BLOCKS_MAX};
use crate::hash::volume_root_hash;
use crate::path::is_volume_name;
use crate::wire::{FORMAT_VERSION, SUPERBLOCK_BODY_BYTES, SUPERBLOCK_MAGIC, SuperblockHead};

/// Superblock slots: blocks 0 and 1 of the volume.
pub const SUPERBLOCK_SLOTS: u64 = 2;
/// Levels of the table of contents at most.
pub const TOC_LEVELS_MAX: u8 = 8;

/// The block size as it stands in a superblock.
const BLOCK_BYTES_FIELD: u32 = 4096;
const _: () = assert!(BLOCK_BYTES_FIELD as usize == BLOCK_BYTES);

/// A well-formed superblock. It is a *claim*: anyone can make one. Its root is what a ledger must
/// vouch for, see [`crate::verify::VerifiedRoot`].
#[derive(Debug, Clone, Copy)]
pub struct Superblock {
    head: SuperblockHead,
    root: Digest,
}

impl Superblock {
    /// Reads slot `block`.
    ///
    /// # Errors
    /// Every [`SuperblockFault`] except `Unreadable`.
    pub fn parse(block: &Block) -> Result<Self, SuperblockFault> {
        let (body, root) = block.split_at(SUPERBLOCK_BODY_BYTES);
        let (head, rest) =
            SuperblockHead::read_from_prefix(body).map_err(|_| SuperblockFault::Magic)?;
        if head.magic != SUPERBLOCK_MAGIC {
            return Err(SuperblockFault::Magic);
        }
        if head.version != FORMAT_VERSION {
            return Err(SuperblockFault::Version(head.version.get()));
        }
        let computed = volume_root_hash(body);
        if computed.0 != root {
            return Err(SuperblockFault::Digest);
        }
        if head.features_required != 0 {
            return Err(SuperblockFault::Features(head.features_required.get()));
        }
        check_fields(&head, rest).map_err(SuperblockFault::Field)?;
        Ok(Self { head, root: computed })
    }

    /// Completes `head` to a block: magic, version, block size, zeros and the root. The caller's
    /// values are written as they are; [`Superblock::parse`] tells whether they make sense.
    #[must_use]
    pub fn seal(head: &SuperblockHead) -> Block {
        let mut head = *head;
        head.magic = SUPERBLOCK_MAGIC;
        head.version = FORMAT_VERSION.into();
        head.block_bytes = BLOCK_BYTES_FIELD.into();
        let mut block = [0; BLOCK_BYTES];
        let (body, root) = block.split_at_mut(SUPERBLOCK_BODY_BYTES);
        body[..size_of::<SuperblockHead>()].copy_from_slice(head.as_bytes());
        root.copy_from_slice(&volume_root_hash(body).0);
        block
    }

    /// The volume root: digest of everything that the superblock says.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The fields as they lie on disk.
    #[must_use]
    pub fn head(&self) -> &SuperblockHead {
        &self.head
    }

    /// Name of the volume.
    #[must_use]
    pub fn name(&self) -> &str {
        let bytes = self.head.name.get(..usize::from(self.head.name_len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Generation of the volume.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.head.generation.get()
    }

    /// Id of the chain that is said to vouch for the volume.
    #[must_use]
    pub fn chain_id(&self) -> Digest {
        Digest(self.head.chain_id)
    }

    /// Blocks of the whole volume.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.head.block_count.get()
    }

    /// Entries in the table of contents.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.head.entry_count.get()
    }
}

/// A head with every field zero, to be filled in.
#[must_use]
pub fn empty_head() -> SuperblockHead {
    SuperblockHead::new_zeroed()
}

fn check_fields(head: &SuperblockHead, rest: &[u8]) -> Result<(), &'static str> {
    let rule = |holds, rule| if holds { Ok(()) } else { Err(rule) };
    let blocks = head.block_count.get();
    let within = |start: u64, count: u64| {
        start >= SUPERBLOCK_SLOTS && start.checked_add(count).is_some_and(|end| end <= blocks)
    };
    rule(head.block_bytes == BLOCK_BYTES_FIELD, "block size is not 4096")?;
    rule(head.generation != 0, "generation is zero")?;
    rule(blocks <= VOLUME_BLOCKS_MAX, "too many blocks")?;
    rule(
        within(head.toc_block.get(), head.toc_node_count.get()),
        "table of contents lies outside the volume",
    )?;
    rule(head.toc_root_index < head.toc_node_count, "toc root is no node")?;
    rule((1..=TOC_LEVELS_MAX).contains(&head.toc_level_count), "bad number of toc levels")?;
    rule(
        within(head.chain_block.get(), head.chain_block_count.get().into())
            && head.chain_block_count != 0,
        "chain area lies outside the volume",
    )?;
    let name = head.name.split_at_checked(usize::from(head.name_len));
    rule(
        name.is_some_and(|(name, pad)| is_volume_name(name) && is_zero(pad)),
        "name is not a volume name",
    )?;
    rule(head.reserved == [0; 2] && is_zero(rest), "reserved bytes are not zero")
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn good_head() -> SuperblockHead {
        let mut head = empty_head();
        head.generation = 7.into();
        head.block_count = 10.into();
        head.toc_block = 9.into();
        head.toc_node_count = 1.into();
        head.toc_level_count = 1;
        head.chain_block = 2.into();
        head.chain_block_count = 3.into();
        head.name[..4].copy_from_slice(b"demo");
        head.name_len = 4;
        head
    }

    fn fault(change: impl FnOnce(&mut SuperblockHead)) -> SuperblockFault {
        let mut head = good_head();
        change(&mut head);
        Superblock::parse(&Superblock::seal(&head)).unwrap_err()
    }

    #[test]
    fn reads_back_what_was_sealed() {
        let parsed = Superblock::parse(&Superblock::seal(&good_head())).unwrap();
        assert_eq!((parsed.name(), parsed.generation(), parsed.block_count()), ("demo", 7, 10));
    }

    #[test]
    fn refuses_each_broken_field() {
        type Change = fn(&mut SuperblockHead);
        let cases: [(Change, &str); 12] = [
            (|h| h.generation = 0.into(), "generation is zero"),
            (|h| h.block_count = u64::MAX.into(), "too many blocks"),
            (|h| h.toc_block = 10.into(), "table of contents lies outside the volume"),
            (|h| h.toc_block = 1.into(), "table of contents lies outside the volume"),
            (|h| h.toc_node_count = u64::MAX.into(), "table of contents lies outside the volume"),
            (|h| h.toc_root_index = 1.into(), "toc root is no node"),
            (|h| h.toc_level_count = 0, "bad number of toc levels"),
            (|h| h.toc_level_count = 9, "bad number of toc levels"),
            (|h| h.chain_block_count = 9.into(), "chain area lies outside the volume"),
            (|h| h.name_len = 33, "name is not a volume name"),
            (|h| h.name[5] = b'x', "name is not a volume name"),
            (|h| h.reserved = [1, 0], "reserved bytes are not zero"),
        ];
        for (change, rule) in cases {
            assert_eq!(fault(change), SuperblockFault::Field(rule));
        }
        assert_eq!(fault(|h| h.features_required = 4.into()), SuperblockFault::Features(4));
    }

    #[test]
    fn ignores_features_that_only_writers_must_know() {
        let mut head = good_head();
        head.features_writer = u64::MAX.into();
        assert!(Superblock::parse(&Superblock::seal(&head)).is_ok());
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let sealed = Superblock::seal(&good_head());
        for at in 0..BLOCK_BYTES {
            let mut block = sealed;
            block[at] ^= 1 << (at % 8);
            let fault = Superblock::parse(&block).unwrap_err();
            match at {
                0..8 => assert_eq!(fault, SuperblockFault::Magic),
                8..12 => assert!(matches!(fault, SuperblockFault::Version(_))),
                _ => assert_eq!(fault, SuperblockFault::Digest),
            }
        }
    }

    proptest! {
        #[test]
        fn any_sealed_head_is_parsed_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), size_of::<SuperblockHead>()),
        ) {
            let head = SuperblockHead::read_from_bytes(&bytes).unwrap();
            let _ = Superblock::parse(&Superblock::seal(&head));
        }

        /// Nearly all of the heads above fail at their first field, so these are wrong in a few.
        #[test]
        fn a_damaged_head_is_refused_or_leads_into_the_volume(
            edits in proptest::collection::vec(
                (0..size_of::<SuperblockHead>(), prop_oneof![0u8..12, any::<u8>()]), 1..5),
            index in prop_oneof![0u64..12, any::<u64>()],
        ) {
            let mut head = good_head();
            for (at, byte) in edits {
                head.as_mut_bytes()[at] = byte;
            }
            if let Ok(parsed) = Superblock::parse(&Superblock::seal(&head)) {
                prop_assert!(!parsed.name().is_empty() && parsed.generation() > 0);
                let places = [
                    crate::locate::toc_node(&parsed, index),
                    crate::locate::chain(&parsed, index),
                ];
                for block in places.into_iter().flatten() {
                    prop_assert!((SUPERBLOCK_SLOTS..parsed.block_count()).contains(&block));
                }
            }
        }
    }
}
