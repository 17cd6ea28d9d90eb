//! The fixed-size records as they lie on disk. `docs/volume-format.md` is their specification.
//!
//! All integers are little-endian and unaligned. A record says nothing until it has been checked:
//! the checks stand beside their users in `superblock`, `toc` and `chain`.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::path::NAME_BYTES_MAX;

/// First bytes of a superblock.
pub const SUPERBLOCK_MAGIC: [u8; 8] = *b"CAIRNVOL";
/// First bytes of a node of the table of contents.
pub const TOC_MAGIC: [u8; 4] = *b"CTOC";
/// First bytes of the chain area.
pub const CHAIN_MAGIC: [u8; 8] = *b"CAIRNCHN";
/// The version of everything here.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes of a superblock that the volume root covers.
pub const SUPERBLOCK_BODY_BYTES: usize = 4096 - 32;
/// Extents of a table entry at most.
pub const EXTENTS_MAX: usize = 4;
/// [`EntryHead::kind`] of a file, the only kind of version 1.
pub const KIND_FILE: u8 = 1;

/// The start of a superblock. Zeros follow up to offset 4064, then the volume root.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SuperblockHead {
    /// [`SUPERBLOCK_MAGIC`].
    pub magic: [u8; 8],
    /// [`FORMAT_VERSION`].
    pub version: U32,
    /// 4096.
    pub block_bytes: U32,
    /// Features that a reader must know, else it refuses.
    pub features_required: U64,
    /// Features that a reader may ignore and a writer must know.
    pub features_writer: U64,
    /// Counts the states of the volume; the ledger's register holds the same number.
    pub generation: U64,
    /// Blocks of the whole volume.
    pub block_count: U64,
    /// Id of the chain that vouches for the volume.
    pub chain_id: [u8; 32],
    /// Block of node 0 of the table of contents.
    pub toc_block: U64,
    /// Nodes of the table of contents.
    pub toc_node_count: U64,
    /// Index of the root node.
    pub toc_root_index: U64,
    /// Digest of the root node.
    pub toc_root: [u8; 32],
    /// Entries in the table of contents.
    pub entry_count: U64,
    /// Sum of all file sizes, in bytes.
    pub data_bytes: U64,
    /// First block of the chain area.
    pub chain_block: U64,
    /// Blocks of the chain area.
    pub chain_block_count: U32,
    /// Levels of the table of contents: 1 when the root is a leaf.
    pub toc_level_count: u8,
    /// Bytes of `name` in use.
    pub name_len: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// Name of the volume, zero-padded.
    pub name: [u8; NAME_BYTES_MAX],
}

/// The start of a node of the table of contents; `count` record offsets (`u16`) follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct NodeHead {
    /// [`TOC_MAGIC`].
    pub magic: [u8; 4],
    /// 0 for a leaf.
    pub level: u8,
    /// Zero.
    pub reserved: u8,
    /// Records in the node.
    pub count: U16,
    /// Offset of the first byte behind the last record; zeros from there on.
    pub end: U16,
    /// Zero.
    pub reserved2: [u8; 6],
}

/// A record of an inner node; `key_len` bytes of key follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ChildHead {
    /// Bytes of the key: every path under the child is at or after it.
    pub key_len: U16,
    /// Zero.
    pub reserved: [u8; 6],
    /// Index of the child node.
    pub index: U64,
    /// Digest of the child node.
    pub hash: [u8; 32],
}

/// A record of a leaf; `extent_count` extents and `path_len` bytes of path follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EntryHead {
    /// Bytes of the path.
    pub path_len: U16,
    /// [`KIND_FILE`].
    pub kind: u8,
    /// Extents that hold the data, in order; 0 only for an empty file.
    pub extent_count: u8,
    /// Zero.
    pub reserved: U32,
    /// Bytes of the file.
    pub size: U64,
    /// Merkle root of the file, which covers its size.
    pub root: [u8; 32],
    /// First slot of the file's tree, from the start of the volume; 0 when there is no tree.
    pub tree_slot: U64,
}

/// A run of data blocks.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Extent {
    /// First block.
    pub block: U64,
    /// Blocks, at least 1.
    pub count: U64,
}

/// The start of the chain area; the events follow, see [`crate::chain`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ChainHead {
    /// [`CHAIN_MAGIC`].
    pub magic: [u8; 8],
    /// [`FORMAT_VERSION`].
    pub version: U32,
    /// Bytes of all events, frames back to back.
    pub event_bytes: U32,
    /// Zero.
    pub reserved: [u8; 8],
}

const _: () = {
    assert!(size_of::<SuperblockHead>() == 200);
    assert!(size_of::<NodeHead>() == 16);
    assert!(size_of::<ChildHead>() == 48);
    assert!(size_of::<EntryHead>() == 56);
    assert!(size_of::<Extent>() == 16);
    assert!(size_of::<ChainHead>() == 24);
};
