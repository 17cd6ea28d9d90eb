//! The chain area: the signature chain that vouches for the volume, carried by the volume itself.
//!
//! Its head says how many bytes of events follow; the events are a chain file as `ledger-verify`
//! replays it. Nothing here is proven or even covered by the volume root, which stands *in* the
//! chain's last event: a lie here is found by the replay.

use core::fmt;

use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::geometry::BLOCK_BYTES;
use crate::wire::{CHAIN_MAGIC, ChainHead, FORMAT_VERSION};

/// Bytes of the head, hence offset of the first event in the area.
pub const HEAD_BYTES: usize = size_of::<ChainHead>();
/// Blocks of the largest chain area, 1 MiB: a reader replays no more than this.
pub const CHAIN_BLOCKS_MAX: u32 = 256;

/// Why the chain area cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainFault {
    /// It does not start with the magic.
    Magic,
    /// It has another format version.
    Version(u32),
    /// Its head claims more bytes than the area has.
    Length,
    /// Reserved bytes of the head are not zero.
    Reserved,
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("chain area: no magic"),
            Self::Version(version) => {
                write!(f, "chain area: format version {version} is not supported")
            }
            Self::Length => f.write_str("chain area: longer than its blocks"),
            Self::Reserved => f.write_str("chain area: reserved bytes are not zero"),
        }
    }
}

impl core::error::Error for ChainFault {}

/// Reads the head at the start of an area of `block_count` blocks: the number of bytes of events that
/// follow it.
///
/// # Errors
/// Every [`ChainFault`].
pub fn parse_head(bytes: &[u8], block_count: u32) -> Result<usize, ChainFault> {
    let (head, _) = ChainHead::ref_from_prefix(bytes).map_err(|_| ChainFault::Magic)?;
    if head.magic != CHAIN_MAGIC {
        return Err(ChainFault::Magic);
    }
    if head.version != FORMAT_VERSION {
        return Err(ChainFault::Version(head.version.get()));
    }
    if head.reserved != [0; 8] {
        return Err(ChainFault::Reserved);
    }
    let room = capacity_bytes(block_count.min(CHAIN_BLOCKS_MAX));
    match usize::try_from(head.event_bytes.get()) {
        Ok(bytes) if bytes <= room => Ok(bytes),
        _ => Err(ChainFault::Length),
    }
}

/// The head of an area that holds `event_bytes` bytes of events; `None` beyond [`CHAIN_BLOCKS_MAX`].
#[must_use]
pub fn head(event_bytes: usize) -> Option<[u8; HEAD_BYTES]> {
    if event_bytes > capacity_bytes(CHAIN_BLOCKS_MAX) {
        return None;
    }
    let mut head = ChainHead::new_zeroed();
    head.magic = CHAIN_MAGIC;
    head.version = FORMAT_VERSION.into();
    head.event_bytes = u32::try_from(event_bytes).ok()?.into();
    head.as_bytes().try_into().ok()
}

/// Bytes of events that an area of `block_count` blocks can hold.
#[must_use]
pub fn capacity_bytes(block_count: u32) -> usize {
    (block_count as usize * BLOCK_BYTES).saturating_sub(HEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn fault(at: usize, byte: u8) -> ChainFault {
        let mut bytes = head(100).unwrap();
        bytes[at] = byte;
        parse_head(&bytes, 1).unwrap_err()
    }

    #[test]
    fn reads_back_its_length() {
        for length in [0, 1, capacity_bytes(1)] {
            assert_eq!(parse_head(&head(length).unwrap(), 1), Ok(length));
        }
        assert_eq!(head(capacity_bytes(CHAIN_BLOCKS_MAX) + 1), None);
    }

    #[test]
    fn each_fault_is_found() {
        assert_eq!(fault(0, b'X'), ChainFault::Magic);
        assert_eq!(parse_head(b"CAIRNCHN", 1), Err(ChainFault::Magic));
        assert_eq!(fault(8, 2), ChainFault::Version(2));
        assert_eq!(fault(20, 2), ChainFault::Reserved);
        assert_eq!(fault(14, 1), ChainFault::Length);
        let two_blocks = head(capacity_bytes(1) + 1).unwrap();
        assert_eq!(parse_head(&two_blocks, 1), Err(ChainFault::Length));
        assert_eq!(parse_head(&two_blocks, 0), Err(ChainFault::Length));
        let most = head(capacity_bytes(CHAIN_BLOCKS_MAX)).unwrap();
        assert!(parse_head(&most, u32::MAX).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_bounded_length_or_a_fault(bytes: Vec<u8>, blocks: u32) {
            let mut claim = CHAIN_MAGIC.to_vec();
            claim.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
            claim.extend(&bytes);
            if let Ok(length) = parse_head(&claim, blocks) {
                prop_assert!(length <= capacity_bytes(blocks.min(CHAIN_BLOCKS_MAX)));
            }
        }
    }
}
