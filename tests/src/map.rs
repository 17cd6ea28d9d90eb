//! Where the parts of a volume lie in its image.

use std::collections::BTreeMap;
use std::ops::Range;

use volume::geometry::{BLOCK_BYTES, Block};
use volume::toc::Node;
use volume::{Superblock, chain, locate};

/// A part that a test may want to hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'m> {
    /// A superblock slot.
    Superblock,
    /// The area with the chain's events.
    Chain,
    /// A node of the table of contents.
    Toc,
    /// Data of the file.
    Data(&'m str),
    /// Trees of files.
    Trees,
}

/// Where a file lies, in blocks of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its data.
    pub data: Vec<u64>,
    /// First byte of its tree, the hash of its first block, if it has one.
    pub tree: Option<usize>,
    /// The leaf of the table of contents that describes it, and that leaf's index.
    pub leaf: (u64, u64),
}

/// The whole volume.
#[derive(Clone, Debug)]
pub struct Map {
    superblock: Superblock,
    /// Bytes of the image that hold events.
    pub events: Range<usize>,
    /// By path.
    pub places: BTreeMap<String, Place>,
    owners: BTreeMap<u64, String>,
}

impl Map {
    /// The map of an undamaged image.
    ///
    /// # Panics
    /// If it is damaged.
    #[must_use]
    pub fn new(image: &[u8]) -> Self {
        let block = |number: u64| -> &Block {
            let start = usize::try_from(number).unwrap() * BLOCK_BYTES;
            image[start..start + BLOCK_BYTES].try_into().unwrap()
        };
        let superblock = Superblock::parse(block(0)).unwrap();
        let area = locate::chain(&superblock, 0).unwrap();
        let start = usize::try_from(area).unwrap() * BLOCK_BYTES + chain::HEAD_BYTES;
        let len = chain::parse_head(block(area), chain::CHAIN_BLOCKS_MAX).unwrap();
        let mut map = Self {
            superblock,
            events: start..start + len,
            places: BTreeMap::new(),
            owners: BTreeMap::new(),
        };
        for index in 0..superblock.head().toc_node_count.get() {
            let at = locate::toc_node(&superblock, index).unwrap();
            let node = Node::parse(block(at)).unwrap();
            for entry in (0..node.count()).filter_map(|record| node.entry(record)) {
                let data: Vec<_> = (0..).map_while(|index| entry.extents.block(index)).collect();
                let tree = entry.tree_node(0, 0).map(|node| {
                    usize::try_from(node.block()).unwrap() * BLOCK_BYTES + node.bytes().start
                });
                map.owners.extend(data.iter().map(|&block| (block, entry.path.to_owned())));
                let place = Place { data, tree, leaf: (index, at) };
                map.places.insert(entry.path.to_owned(), place);
            }
        }
        map
    }

    /// What a block of the image is part of.
    #[must_use]
    pub fn part(&self, block: u64) -> Part<'_> {
        let head = self.superblock.head();
        let chain = head.chain_block.get()
            ..head.chain_block.get() + u64::from(head.chain_block_count.get());
        let toc = head.toc_block.get()..head.toc_block.get() + head.toc_node_count.get();
        match self.owners.get(&block) {
            Some(path) => Part::Data(path),
            None if block < volume::SUPERBLOCK_SLOTS => Part::Superblock,
            None if chain.contains(&block) => Part::Chain,
            None if toc.contains(&block) => Part::Toc,
            None => Part::Trees,
        }
    }

    /// Block of the root node of the table of contents, and its index.
    #[must_use]
    pub fn toc_root(&self) -> (u64, u64) {
        let index = self.superblock.head().toc_root_index.get();
        (locate::toc_node(&self.superblock, index).unwrap(), index)
    }
}
