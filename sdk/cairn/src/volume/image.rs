//! Reading an image the way a device does: through the untrusted side for places, through the
//! verifying side for belief.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use volume::geometry::{BLOCK_BYTES, Block};
use volume::locate::{self, ObjectId};
use volume::toc::{Entry, Node};
use volume::verify::{
    Expected, Need, Next, ProvenNodes, TocWant, VerifiedEntry, VerifiedRoot, Vouched,
};
use volume::{Superblock, SuperblockFault, chain};

use super::voucher::Voucher;
use crate::Error;

/// What reading and proving something came to: the inner error is about the image's content.
pub(super) type Proof<T> = Result<Result<T, volume::Error>, Error>;

/// An image file; nothing in it is believed.
pub(super) struct Image {
    path: PathBuf,
    file: File,
    /// Whole blocks in the file.
    pub(super) block_count: u64,
}

impl Image {
    /// Opens a file in which there is a superblock, be it a damaged one.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let mut end = &file;
        // A block device has no length in its metadata.
        let bytes = io::Seek::seek(&mut end, io::SeekFrom::End(0)).map_err(Error::io(path))?;
        let block_count = bytes / BLOCK_BYTES as u64;
        let image = Self { path: path.to_owned(), file, block_count };
        let is_nothing =
            |slot| matches!(slot, Err(SuperblockFault::Magic | SuperblockFault::Unreadable));
        if image.superblocks()?.into_iter().all(is_nothing) {
            let what = "no volume: no superblock stands where one should";
            return Err(Error::Refused(format!("{}: {what}", path.display())));
        }
        Ok(image)
    }

    /// A block; zeros behind the end of the file, which prove nothing.
    pub(super) fn block(&self, index: u64) -> Result<Block, Error> {
        let mut block = [0; BLOCK_BYTES];
        if index < self.block_count {
            self.read(index * BLOCK_BYTES as u64, &mut block)?;
        }
        Ok(block)
    }

    /// Fills `bytes` from byte `at` on, which the file has.
    pub(super) fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact_at(bytes, at).map_err(Error::io(&self.path))
    }

    /// Both superblock slots.
    pub(super) fn superblocks(&self) -> Result<[Result<Superblock, SuperblockFault>; 2], Error> {
        let slot = |slot| match locate::superblock(slot).filter(|&slot| slot < self.block_count) {
            Some(index) => Ok(Superblock::parse(&self.block(index)?)),
            None => Ok(Err(SuperblockFault::Unreadable)),
        };
        Ok([slot(0)?, slot(1)?])
    }

    /// The superblock that the untrusted side goes by: the newest that parses.
    pub(super) fn claim(&self) -> Result<Result<Superblock, SuperblockFault>, Error> {
        Ok(match self.superblocks()? {
            [Ok(first), Ok(second)] if second.generation() > first.generation() => Ok(second),
            [Ok(first), _] => Ok(first),
            [Err(_), Ok(second)] => Ok(second),
            [Err(fault), Err(_)] => Err(fault),
        })
    }

    /// Admits the volume if the chain vouches for it and its generation is the latest.
    pub(super) fn admit(&self, voucher: &Voucher) -> Result<VerifiedRoot, Error> {
        let proof = match self.claim()? {
            Ok(claim) => self.admit_claim(&claim, voucher)?,
            Err(fault) => Err(volume::Error::Superblock(fault)),
        };
        proof.map_err(|error| Error::Refused(format!("{}: {error}", self.path.display())))
    }

    /// As [`Image::admit`], for the volume of the name that `claim` has.
    pub(super) fn admit_claim(&self, claim: &Superblock, voucher: &Voucher) -> Proof<VerifiedRoot> {
        let vouched =
            voucher.volume(claim.name())?.map(|(generation, root)| Vouched { generation, root });
        let expected = Expected {
            name: claim.name(),
            chain_id: voucher.chain_id()?,
            minimum_generation: vouched.map_or(0, |vouched| vouched.generation),
            vouched,
        };
        let slot = |slot| match slot < self.block_count {
            true => self.block(slot).map(Some),
            false => Ok(None),
        };
        let (first, second) = (slot(0)?, slot(1)?);
        Ok(VerifiedRoot::admit([first.as_ref(), second.as_ref()], &expected))
    }

    /// The embedded events, or what is wrong with the chain area.
    pub(super) fn events(
        &self,
        claim: &Superblock,
    ) -> Result<Result<Vec<u8>, chain::ChainFault>, Error> {
        let head = claim.head();
        let (start, count) = (head.chain_block.get(), head.chain_block_count.get());
        let length = match chain::parse_head(&self.block(start)?, count) {
            Ok(length) => length,
            Err(fault) => return Ok(Err(fault)),
        };
        let at = start * BLOCK_BYTES as u64 + chain::HEAD_BYTES as u64;
        if at + length as u64 > self.block_count * BLOCK_BYTES as u64 {
            return Ok(Err(chain::ChainFault::Length));
        }
        let mut events = vec![0; length];
        self.read(at, &mut events)?;
        Ok(Ok(events))
    }
}

/// A volume that was admitted, with the nodes proven so far.
pub(super) struct Reader<'i> {
    image: &'i Image,
    root: VerifiedRoot,
    nodes: Box<ProvenNodes<16>>,
}

/// A file that a volume proves.
pub(super) struct Listed {
    pub(super) path: String,
    pub(super) entry: VerifiedEntry,
}

/// Where a file's blocks lie, as the untrusted side has it.
pub(super) struct Place {
    leaf: Block,
    object: ObjectId,
}

impl Place {
    pub(super) fn entry(&self) -> Option<Entry<'_>> {
        Node::parse(&self.leaf).ok()?.entry(self.object.record())
    }
}

impl<'i> Reader<'i> {
    pub(super) fn new(image: &'i Image, root: VerifiedRoot) -> Self {
        Self { image, root, nodes: Box::new(ProvenNodes::new()) }
    }

    pub(super) fn superblock(&self) -> &Superblock {
        self.root.superblock()
    }

    /// The file after `path`; `None` at the end.
    pub(super) fn next_after(&mut self, path: &str) -> Proof<Option<Listed>> {
        loop {
            let want = match self.root.next_after(&mut self.nodes, path) {
                Next::Entry(entry, path) => {
                    return Ok(Ok(Some(Listed { path: path.to_owned(), entry })));
                }
                Next::End => return Ok(Ok(None)),
                Next::Need(want) => want,
            };
            if let Err(error) = self.prove(&want)? {
                return Ok(Err(error));
            }
        }
    }

    fn prove(&mut self, want: &TocWant) -> Proof<()> {
        let index = locate::toc_node(self.root.superblock(), want.index());
        let raw = self.image.block(index.unwrap_or(u64::MAX))?;
        Ok(want.prove(&raw, &mut self.nodes))
    }

    /// Where the untrusted side finds the blocks of `object`.
    pub(super) fn place(&self, object: ObjectId) -> Result<Place, Error> {
        let index = locate::toc_node(self.superblock(), object.leaf());
        Ok(Place { leaf: self.image.block(index.unwrap_or(u64::MAX))?, object })
    }

    /// Proves data block `index` of `listed`.
    pub(super) fn check_block(
        &mut self,
        entry: &VerifiedEntry,
        place: &Place,
        index: u64,
    ) -> Proof<()> {
        let superblock = *self.superblock();
        let claimed = place.entry();
        loop {
            match entry.need(&mut self.nodes, index) {
                Err(error) => return Ok(Err(error)),
                Ok(Need::Node(want)) => {
                    let blocks = claimed.as_ref().and_then(|claimed| {
                        locate::tree_node(&superblock, claimed, want.level(), want.index())
                    });
                    let raw = self.blocks(blocks)?;
                    let hashes = raw.get(want.span().bytes()).unwrap_or_default();
                    if let Err(error) = want.prove(hashes, &mut self.nodes) {
                        return Ok(Err(error));
                    }
                }
                Ok(Need::Block(want)) => {
                    let at = claimed.as_ref().and_then(|c| locate::data(&superblock, c, index));
                    let raw = self.image.block(at.unwrap_or(u64::MAX))?;
                    return Ok(want.prove(&raw).map(|_bytes| ()));
                }
            }
        }
    }

    fn blocks(&self, blocks: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for index in blocks.into_iter().flatten() {
            bytes.extend_from_slice(&self.image.block(index)?);
        }
        Ok(bytes)
    }
}
