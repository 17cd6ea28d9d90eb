//! Making volumes, for host programs and tests.
//!
//! Layout of the result: superblock slots, chain area, data of the files in the order they were
//! added, trees, table of contents. The same files in the same order, with the same name, generation
//! and chain, give the same bytes.

mod contents;
mod trees;

use core::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::string::{String, ToString};
use std::vec::Vec;

use ledger_verify::Digest;

use crate::chain;
use crate::error::SuperblockFault;
use crate::geometry::{BLOCK_BYTES, Block};
use crate::path::{PathFault, check_path};
use crate::superblock::{SUPERBLOCK_SLOTS, Superblock, empty_head};
use contents::File;
use trees::TreeWriter;

/// Why a volume cannot be made.
#[derive(Debug)]
pub enum Error {
    /// A source could not be read or the image not be written.
    Io(io::Error),
    /// A path is none.
    Path(String, PathFault),
    /// Two files have the same path.
    Duplicate(String),
    /// A file is larger than the format allows.
    FileTooLarge(String),
    /// The chain does not fit its area.
    ChainTooLong,
    /// The name is none, the generation 0, or the volume too large.
    Superblock(SuperblockFault),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Path(path, fault) => write!(f, "{}: {fault}", path.escape_debug()),
            Self::Duplicate(path) => write!(f, "{path}: two files of this path"),
            Self::FileTooLarge(path) => write!(f, "{path}: larger than 1 TiB"),
            Self::ChainTooLong => f.write_str("chain is too long for the volume's chain area"),
            Self::Superblock(fault) => write!(f, "volume: {fault}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What identifies a volume.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its generation, from 1.
    pub generation: u64,
    /// The chain that will vouch for it.
    pub chain_id: Digest,
}

/// Blocks of the chain area for a chain of `event_bytes` bytes: at least twice of what it needs, so
/// that later events can be embedded without making the volume anew.
///
/// # Errors
/// [`Error::ChainTooLong`].
pub fn chain_blocks(event_bytes: usize) -> Result<u32, Error> {
    const BLOCKS_MIN: usize = 16;
    let needed = (event_bytes + chain::HEAD_BYTES).div_ceil(BLOCK_BYTES);
    let roomy = (2 * needed).next_power_of_two().max(BLOCKS_MIN);
    match u32::try_from(roomy) {
        Ok(blocks) if blocks <= chain::CHAIN_BLOCKS_MAX => Ok(blocks),
        _ if needed <= chain::CHAIN_BLOCKS_MAX as usize => Ok(chain::CHAIN_BLOCKS_MAX),
        _ => Err(Error::ChainTooLong),
    }
}

/// A volume under construction. Data goes straight to `out`; trees and table are kept in memory, under
/// 1 % of the data.
#[derive(Debug)]
pub struct Builder<W> {
    out: W,
    chain_blocks: u32,
    /// The next free block.
    block: u64,
    data_bytes: u64,
    files: Vec<File>,
}

impl<W: Write + Seek> Builder<W> {
    /// Starts a volume at the beginning of `out`, which is empty.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(mut out: W, chain_blocks: u32) -> Result<Self, Error> {
        let block = SUPERBLOCK_SLOTS + u64::from(chain_blocks);
        out.seek(SeekFrom::Start(block * BLOCK_BYTES as u64))?;
        Ok(Self { out, chain_blocks, block, data_bytes: 0, files: Vec::new() })
    }

    /// Adds the file that `source` gives, to its end; `seen` hears of each piece of bytes read.
    ///
    /// # Errors
    /// [`Error::Path`], [`Error::FileTooLarge`], [`Error::Io`].
    pub fn add(
        &mut self,
        path: &str,
        mut source: impl Read,
        mut seen: impl FnMut(u64),
    ) -> Result<(), Error> {
        check_path(path.as_bytes()).map_err(|fault| Error::Path(path.to_string(), fault))?;
        let mut tree = TreeWriter::new();
        let first_block = self.block;
        let mut size: u64 = 0;
        loop {
            let mut block: Block = [0; BLOCK_BYTES];
            let len = read_block(&mut source, &mut block)?;
            if len > 0 {
                self.out.write_all(&block)?;
                tree.push(&block);
                self.block += 1;
                size += len as u64;
                seen(len as u64);
            }
            if len < BLOCK_BYTES {
                break;
            }
        }
        let (root, tree) =
            tree.finish(size).ok_or_else(|| Error::FileTooLarge(path.to_string()))?;
        self.data_bytes += size;
        self.files.push(File { path: path.to_string(), size, root, tree, first_block });
        Ok(())
    }

    /// Writes trees, table of contents and both superblock slots. The chain area stays empty until
    /// [`embed_chain`].
    ///
    /// # Errors
    /// [`Error::Duplicate`], [`Error::Superblock`], [`Error::Io`].
    pub fn finish(mut self, identity: Identity<'_>) -> Result<(W, Superblock), Error> {
        let (trees, listed) = contents::place_trees(&mut self.files, self.block);
        self.out.write_all(&trees)?;
        self.block += (trees.len() / BLOCK_BYTES) as u64;
        let toc = contents::table(listed)?;
        let mut head = empty_head();
        for node in &toc.nodes {
            self.out.write_all(node)?;
        }
        head.generation = identity.generation.into();
        head.chain_id = identity.chain_id.0;
        head.toc_block = self.block.into();
        head.toc_node_count = (toc.nodes.len() as u64).into();
        head.toc_root_index = (toc.nodes.len() as u64 - 1).into();
        head.toc_root = toc.root.0;
        head.toc_level_count = toc.levels;
        head.entry_count = (self.files.len() as u64).into();
        head.data_bytes = self.data_bytes.into();
        head.block_count = (self.block + toc.nodes.len() as u64).into();
        head.chain_block = SUPERBLOCK_SLOTS.into();
        head.chain_block_count = self.chain_blocks.into();
        let bad_name = Error::Superblock(SuperblockFault::Field("name is not a volume name"));
        match (head.name.get_mut(..identity.name.len()), u8::try_from(identity.name.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(identity.name.as_bytes());
                head.name_len = len;
            }
            _ => return Err(bad_name),
        }
        let sealed = Superblock::seal(&head);
        let superblock = Superblock::parse(&sealed).map_err(Error::Superblock)?;
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&sealed)?;
        self.out.write_all(&sealed)?;
        Ok((self.out, superblock))
    }
}

/// Writes `events`, a whole chain file, into the chain area of the volume `out`.
///
/// # Errors
/// [`Error::ChainTooLong`], [`Error::Io`].
pub fn embed_chain(
    mut out: impl Write + Seek,
    superblock: &Superblock,
    events: &[u8],
) -> Result<(), Error> {
    let fields = superblock.head();
    let room = chain::capacity_bytes(fields.chain_block_count.get());
    let head = chain::head(events.len()).ok_or(Error::ChainTooLong)?;
    let rest = room.checked_sub(events.len()).ok_or(Error::ChainTooLong)?;
    out.seek(SeekFrom::Start(fields.chain_block.get() * BLOCK_BYTES as u64))?;
    out.write_all(&head)?;
    out.write_all(events)?;
    io::copy(&mut io::repeat(0).take(rest as u64), &mut out)?;
    out.flush()?;
    Ok(())
}

/// Adds the files that a test wants to an image in memory, in the order given.
///
/// # Errors
/// As [`Builder`].
pub fn image_of(
    files: &[(&str, &[u8])],
    identity: Identity<'_>,
) -> Result<(Vec<u8>, Superblock), Error> {
    let mut builder = Builder::new(io::Cursor::new(Vec::new()), chain_blocks(0)?)?;
    for (path, bytes) in files {
        builder.add(path, *bytes, |_| ())?;
    }
    let (out, superblock) = builder.finish(identity)?;
    Ok((out.into_inner(), superblock))
}

/// Fills `block` as far as `source` reaches.
fn read_block(source: &mut impl Read, block: &mut Block) -> io::Result<usize> {
    let mut len = 0;
    while len < block.len() {
        match source.read(&mut block[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests;
