//! Placing trees and writing the table of contents.

use std::string::String;
use std::vec::Vec;

use ledger_verify::Digest;

use super::Error;
use crate::geometry::{BLOCK_BYTES, Block, SLOTS_PER_BLOCK, blocks_for};
use crate::toc::{Child, Entry, Extents, NodeWriter};
use crate::wire::Extent;

/// A file whose data is written.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) root: Digest,
    pub(super) tree: Vec<u8>,
    pub(super) first_block: u64,
}

/// A file whose place is known.
#[derive(Debug)]
pub(super) struct Listed<'f> {
    file: &'f File,
    tree_slot: u64,
}

/// The table of contents, its root node last.
pub(super) struct Table {
    pub(super) nodes: Vec<Block>,
    pub(super) root: Digest,
    pub(super) levels: u8,
}

/// Lays all trees out without gaps from block `first_block` on, and fills the last block up.
pub(super) fn place_trees(files: &mut [File], first_block: u64) -> (Vec<u8>, Vec<Listed<'_>>) {
    let mut area = Vec::new();
    let mut starts = Vec::with_capacity(files.len());
    for file in &mut *files {
        let tree = core::mem::take(&mut file.tree);
        let start = first_block * SLOTS_PER_BLOCK + (area.len() / Digest::BYTES) as u64;
        starts.push(if tree.is_empty() { 0 } else { start });
        area.extend(tree);
    }
    area.resize(area.len().next_multiple_of(BLOCK_BYTES), 0);
    let listed = files.iter().zip(starts).map(|(file, tree_slot)| Listed { file, tree_slot });
    (area, listed.collect())
}

/// Sorts the files and writes the nodes, level by level from the leaves.
pub(super) fn table(mut listed: Vec<Listed<'_>>) -> Result<Table, Error> {
    listed.sort_by(|a, b| a.file.path.as_bytes().cmp(b.file.path.as_bytes()));
    for pair in listed.windows(2) {
        if pair[0].file.path == pair[1].file.path {
            return Err(Error::Duplicate(pair[0].file.path.clone()));
        }
    }
    let mut table = Table { nodes: Vec::new(), root: Digest::ZERO, levels: 1 };
    let mut below = leaves(&listed, &mut table.nodes);
    while below.len() > 1 {
        below = parents(&below, table.levels, &mut table.nodes);
        table.levels += 1;
    }
    if let [root] = below.as_slice() {
        table.root = root.hash;
    }
    Ok(table)
}

/// A node already written, and the key that separates it from the one before.
struct Written {
    key: Vec<u8>,
    index: u64,
    hash: Digest,
}

fn leaves(listed: &[Listed<'_>], nodes: &mut Vec<Block>) -> Vec<Written> {
    let mut written = Vec::new();
    let mut node = NodeWriter::new(0);
    let (mut key, mut last) = (Vec::new(), "");
    for Listed { file, tree_slot } in listed {
        let run = Extent { block: file.first_block.into(), count: blocks_for(file.size).into() };
        let runs = if file.size == 0 { &[][..] } else { core::slice::from_ref(&run) };
        let entry = Entry {
            path: &file.path,
            size: file.size,
            root: file.root,
            tree_slot: *tree_slot,
            extents: Extents::new(runs).unwrap_or_default(),
        };
        if !node.push_entry(&entry) {
            close(&mut node, 0, &mut key, nodes, &mut written);
            key = separator(last, entry.path);
            // An empty node holds the largest entry three times over.
            let _fits = node.push_entry(&entry);
        }
        last = entry.path;
    }
    close(&mut node, 0, &mut key, nodes, &mut written);
    written
}

fn parents(below: &[Written], level: u8, nodes: &mut Vec<Block>) -> Vec<Written> {
    let mut written = Vec::new();
    let mut node = NodeWriter::new(level);
    let mut key = Vec::new();
    for child in below {
        // The first child of a node needs no key: the node's own stands one level up.
        let record = |key| Child { key, index: child.index, hash: child.hash };
        let fits = node.push_child(&record(if node.is_empty() { &[] } else { &child.key }));
        if !fits {
            close(&mut node, level, &mut key, nodes, &mut written);
            key.clone_from(&child.key);
            let _fits = node.push_child(&record(&[]));
        }
    }
    close(&mut node, level, &mut key, nodes, &mut written);
    written
}

/// Finishes `node` and starts another.
fn close(
    node: &mut NodeWriter,
    level: u8,
    key: &mut Vec<u8>,
    nodes: &mut Vec<Block>,
    written: &mut Vec<Written>,
) {
    let (block, hash) = node.finish();
    *node = NodeWriter::new(level);
    written.push(Written { key: core::mem::take(key), index: nodes.len() as u64, hash });
    nodes.push(block);
}

/// The shortest key after `left` and not after `right`, which comes after `left`.
fn separator(left: &str, right: &str) -> Vec<u8> {
    let same = left.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
    right.as_bytes()[..=same].to_vec()
}
