//! Whole volumes, read the way a reader reads them.
#![allow(clippy::cast_possible_truncation, reason = "sizes of test data")]

use core::ops::Range;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use ledger_verify::Digest;
use proptest::prelude::*;

use super::*;
use crate::geometry::{BLOCK_BYTES, Block};
use crate::superblock::{SUPERBLOCK_SLOTS, Superblock};
use crate::toc::{Entry, Node};
use crate::write::{Identity, image_of};
use crate::{Error, locate};

const CHAIN: Digest = Digest([7; 32]);

fn identity() -> Identity<'static> {
    Identity { name: "demo", generation: 3, chain_id: CHAIN }
}

/// Bytes of which no two blocks are equal.
fn bytes_of(len: usize, seed: u8) -> Vec<u8> {
    let word = |i: usize| i as u32 ^ (u32::from(seed) << 24);
    (0..len.div_ceil(4)).flat_map(|i| word(i).to_le_bytes()).take(len).collect()
}

/// An untrusted store over an image in memory, and a reader that trusts `vouched` alone.
struct Reader<'i> {
    image: &'i [u8],
    vouched: Vouched,
    /// What the store goes by: any superblock that parses.
    claim: Option<Superblock>,
    nodes: std::boxed::Box<ProvenNodes<16>>,
    fetched: usize,
}

impl<'i> Reader<'i> {
    fn new(image: &'i [u8], vouched: Vouched) -> Self {
        let nodes = std::boxed::Box::new(ProvenNodes::new());
        let mut reader = Self { image, vouched, claim: None, nodes, fetched: 0 };
        reader.claim = (0..SUPERBLOCK_SLOTS).find_map(|s| Superblock::parse(reader.block(s)?).ok());
        reader
    }

    fn block(&self, index: u64) -> Option<&'i Block> {
        let at = usize::try_from(index).ok()?.checked_mul(BLOCK_BYTES)?;
        self.image.get(at..at + BLOCK_BYTES)?.try_into().ok()
    }

    fn admit(&self) -> Result<VerifiedRoot, Error> {
        let slots = [0, 1].map(|slot| self.block(locate::superblock(slot)?));
        VerifiedRoot::admit(
            slots,
            &Expected {
                name: "demo",
                chain_id: CHAIN,
                minimum_generation: 0,
                vouched: Some(self.vouched),
            },
        )
    }

    /// The store's side: the blocks that the superblock's claims lead to.
    fn fetch(&mut self, place: impl FnOnce(&Superblock, &Self) -> Option<Range<u64>>) -> Vec<u8> {
        self.fetched += 1;
        let blocks = self.claim.and_then(|claim| place(&claim, self)).unwrap_or(0..2);
        let parts: Vec<_> =
            blocks.map(|index| &self.block(index).unwrap_or(&[0; BLOCK_BYTES])[..]).collect();
        parts.concat()
    }

    fn toc_node(&mut self, want: TocWant) -> Result<(), Error> {
        let raw = self.fetch(|claim, _| {
            let block = locate::toc_node(claim, want.index())?;
            Some(block..block + 1)
        });
        want.prove(raw[..BLOCK_BYTES].try_into().unwrap(), &mut self.nodes)
    }

    /// The entry of `object`, as the leaf has it.
    fn entry(&self, claim: &Superblock, object: locate::ObjectId) -> Option<Entry<'i>> {
        let leaf = self.block(locate::toc_node(claim, object.leaf())?)?;
        Node::parse(leaf).ok()?.entry(object.record())
    }

    fn find(&mut self, root: &VerifiedRoot, path: &str) -> Result<Option<VerifiedEntry>, Error> {
        loop {
            match root.find(&mut self.nodes, path) {
                Find::Need(want) => self.toc_node(want)?,
                Find::Found(entry) => return Ok(Some(entry)),
                Find::Absent => return Ok(None),
            }
        }
    }

    fn list(&mut self, root: &VerifiedRoot) -> Result<Vec<String>, Error> {
        let mut paths: Vec<String> = Vec::new();
        loop {
            let after = paths.last().cloned().unwrap_or_default();
            match root.next_after(&mut self.nodes, &after) {
                Next::Need(want) => self.toc_node(want)?,
                Next::Entry(_, path) => paths.push(path.to_string()),
                Next::End => return Ok(paths),
            }
        }
    }

    fn read_block(&mut self, entry: &VerifiedEntry, index: u64) -> Result<Vec<u8>, Error> {
        loop {
            match entry.need(&mut self.nodes, index)? {
                Need::Node(want) => {
                    let raw = self.fetch(|claim, reader| {
                        let entry = reader.entry(claim, want.object())?;
                        locate::tree_node(claim, &entry, want.level(), want.index())
                    });
                    let hashes = raw.get(want.span().bytes()).unwrap_or_default();
                    want.prove(hashes, &mut self.nodes)?;
                }
                Need::Block(want) => {
                    let raw = self.fetch(|claim, reader| {
                        let entry = reader.entry(claim, want.object())?;
                        let block = locate::data(claim, &entry, want.index())?;
                        Some(block..block + 1)
                    });
                    let block = raw[..BLOCK_BYTES].try_into().unwrap();
                    return Ok(want.prove(block)?.bytes().to_vec());
                }
            }
        }
    }

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let root = self.admit()?;
        self.read_from(&root, path)
    }

    fn read_from(&mut self, root: &VerifiedRoot, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(entry) = self.find(root, path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        for index in 0..entry.block_count() {
            bytes.extend(self.read_block(&entry, index)?);
        }
        assert_eq!(bytes.len() as u64, entry.size());
        Ok(Some(bytes))
    }
}

fn make(files: &[(&str, &[u8])]) -> (Vec<u8>, Vouched) {
    let (image, superblock) = image_of(files, identity()).unwrap();
    assert_eq!(image.len() as u64, superblock.block_count() * BLOCK_BYTES as u64);
    (image, Vouched { generation: superblock.generation(), root: superblock.root() })
}

#[test]
fn files_of_edge_sizes_read_back() {
    const B: usize = BLOCK_BYTES;
    let sizes = [0, 1, B - 1, B, B + 1, 2 * B, 100 * B, 128 * B, 128 * B + 1, 300 * B + 5];
    let contents: Vec<_> = sizes.iter().map(|&size| bytes_of(size, 1)).collect();
    let paths: Vec<_> = sizes.iter().map(|size| format!("dir/{size}")).collect();
    let files: Vec<_> =
        paths.iter().zip(&contents).map(|(p, c)| (p.as_str(), c.as_slice())).collect();
    let (image, vouched) = make(&files);
    let mut reader = Reader::new(&image, vouched);
    for (path, content) in files {
        assert_eq!(reader.read(path).unwrap().as_deref(), Some(content), "{path}");
    }
    assert_eq!(reader.read("dir/2").unwrap(), None);
}

#[test]
fn a_tree_of_three_levels_verifies() {
    let content = bytes_of((128 * 128 + 3) * BLOCK_BYTES + 9, 5);
    let (image, vouched) = make(&[("big", &content)]);
    let overhead = image.len() - content.len().next_multiple_of(BLOCK_BYTES);
    assert!((overhead as f64) < content.len() as f64 * 0.01);
    let mut reader = Reader::new(&image, vouched);
    let root = reader.admit().unwrap();
    let entry = reader.find(&root, "big").unwrap().unwrap();
    for index in [0, 127, 128, 128 * 128 - 1, 128 * 128, 128 * 128 + 3] {
        let at = index as usize * BLOCK_BYTES;
        let expected = &content[at..content.len().min(at + BLOCK_BYTES)];
        assert_eq!(reader.read_block(&entry, index).unwrap(), expected);
    }
    let beyond = entry.block_count();
    assert_eq!(reader.read_block(&entry, beyond), Err(Error::NoSuchBlock { index: beyond }));
}

#[test]
fn nodes_are_fetched_once_in_a_sequential_read() {
    let content = bytes_of(1000 * BLOCK_BYTES, 5);
    let (image, vouched) = make(&[("a", &content)]);
    let mut reader = Reader::new(&image, vouched);
    reader.read("a").unwrap();
    // One toc node, one top node, eight level-0 nodes, a thousand blocks.
    assert_eq!(reader.fetched, 1 + 1 + 8 + 1000);
}

#[test]
fn an_empty_volume_proves_that_it_is_empty() {
    let (image, vouched) = make(&[]);
    let mut reader = Reader::new(&image, vouched);
    assert_eq!(reader.read("a").unwrap(), None);
    let root = reader.admit().unwrap();
    assert!(reader.list(&root).unwrap().is_empty());
}

#[test]
fn a_table_of_several_levels_finds_and_lists_everything() {
    // Long paths, so that few fit a node.
    let stem = vec!["x".repeat(200); 4].join("/");
    let mut paths: Vec<_> = (0..600).map(|i| format!("{stem}/{:03}", i * 7 % 600)).collect();
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), path.as_bytes())).collect();
    let (image, vouched) = make(&files);
    let mut reader = Reader::new(&image, vouched);
    let root = reader.admit().unwrap();
    assert!(root.superblock().head().toc_level_count >= 4);
    for path in &paths {
        assert_eq!(reader.read(path).unwrap().as_deref(), Some(path.as_bytes()));
    }
    for absent in ["", "a", "x", "zzz", &format!("{stem}/0000"), &format!("{stem}/600")] {
        assert!(reader.find(&root, absent).unwrap().is_none(), "{absent}");
    }
    let listed = reader.list(&root).unwrap();
    paths.sort();
    assert_eq!(listed, paths);
}

/// What each byte of an image may break: flips every byte and reads every file.
#[test]
fn no_flipped_byte_is_ever_served() {
    let block = BLOCK_BYTES;
    let contents = [bytes_of(5, 1), bytes_of(block, 2), bytes_of(3 * block + 7, 3)];
    let names = ["a", "d/b", "d/c"];
    let files: Vec<_> = names.iter().copied().zip(contents.iter().map(Vec::as_slice)).collect();
    let (mut image, vouched) = make(&files);
    let superblock = *Reader::new(&image, vouched).admit().unwrap().superblock();
    let head = *superblock.head();
    let data =
        usize::try_from(head.chain_block.get()).unwrap() + head.chain_block_count.get() as usize;
    let (tree, toc) = (data + 6, usize::try_from(head.toc_block.get()).unwrap());
    assert_eq!((toc, image.len() / block), (tree + 1, tree + 2), "one block of trees, one node");

    for at in 0..image.len() {
        // The chain area holds nothing here; its bytes are the ledger's to refuse.
        let in_chain = (2 * block..data * block).contains(&at);
        if in_chain && at % 97 != 0 {
            continue;
        }
        image[at] ^= 1 << (at % 8);
        let mut reader = Reader::new(&image, vouched);
        let root = reader.admit().unwrap();
        let results = names.map(|name| reader.read_from(&root, name));
        for (result, content) in results.iter().zip(&contents) {
            if let Ok(bytes) = result {
                assert_eq!(bytes.as_deref(), Some(content.as_slice()), "byte {at}");
            }
        }
        let broken = results.iter().filter(|result| result.is_err()).count();
        let expected = match at / block {
            b if b < data => 0,
            b if b < tree => 1,
            b if b < toc => usize::from(at - tree * block < 4 * 32),
            _ => 3,
        };
        assert_eq!(broken, expected, "byte {at}");
        image[at] ^= 1 << (at % 8);
    }
}

#[test]
fn errors_name_the_part() {
    let content = bytes_of(200 * BLOCK_BYTES, 1);
    let (image, vouched) = make(&[("d/c", &content)]);
    let broken = |block: usize| {
        let mut image = image.clone();
        image[block * BLOCK_BYTES + 1] ^= 1;
        Reader::new(&image, vouched).read("d/c").unwrap_err().of("d/c").to_string()
    };
    let data = 2 + 16;
    assert_eq!(broken(data + 17), "block 17 of /d/c: hash mismatch");
    assert_eq!(broken(data + 200), "tree node 0/0 of /d/c: hash mismatch");
    assert_eq!(broken(data + 202), "toc node 0: hash mismatch");
}

#[test]
fn another_volume_is_not_vouched_for() {
    let (image, _) = make(&[("a", b"1")]);
    let (_, vouched) = make(&[("a", b"2")]);
    let error = Reader::new(&image, vouched).read("a").unwrap_err();
    assert_eq!(error, Error::NotVouched { found: 3, vouched: Some(3) });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_set_of_files_reads_back(
        files in proptest::collection::btree_map("[a-z]{1,3}(/[a-zA-Z0-9é .]{1,40}x){0,3}", 0usize..40_000, 0..60),
    ) {
        let contents: Vec<_> = files.values().map(|&size| bytes_of(size, 9)).collect();
        let list: Vec<_> =
            files.keys().map(String::as_str).zip(contents.iter().map(Vec::as_slice)).collect();
        let (image, vouched) = make(&list);
        let mut reader = Reader::new(&image, vouched);
        for (path, content) in &list {
            let read = reader.read(path).unwrap();
            prop_assert_eq!(read.as_deref(), Some(*content));
        }
        let root = reader.admit().unwrap();
        prop_assert!(reader.list(&root).unwrap().iter().eq(files.keys()));
    }

    #[test]
    fn any_damage_to_a_volume_is_refused_or_harmless(
        damage in proptest::collection::vec((0usize..30 * 4096, any::<u8>()), 1..20),
    ) {
        let content = bytes_of(5 * BLOCK_BYTES, 3);
        let (mut image, vouched) = make(&[("a", &content), ("b", b"b")]);
        for (at, byte) in damage {
            let len = image.len();
            image[at % len] = byte;
        }
        let mut reader = Reader::new(&image, vouched);
        if let Ok(bytes) = reader.read("a") {
            prop_assert_eq!(bytes.unwrap(), content);
        }
        if let Ok(bytes) = reader.read("b") {
            prop_assert_eq!(bytes.unwrap(), b"b");
        }
    }
}
