use std::string::String;
use std::vec::Vec;

use ledger_verify::Digest;
use proptest::prelude::*;

use super::*;
use crate::geometry::BLOCK_BYTES;
use crate::path::PathFault;
use crate::wire::Extent;

fn entry(path: &str) -> Entry<'_> {
    let run = Extent { block: 50.into(), count: 2.into() };
    Entry {
        path,
        size: 5000,
        root: Digest([3; 32]),
        tree_slot: 100,
        extents: Extents::new(&[run]).unwrap(),
    }
}

fn leaf(entries: &[Entry<'_>]) -> Block {
    let mut writer = NodeWriter::new(0);
    assert!(entries.iter().all(|entry| writer.push_entry(entry)));
    writer.finish().0
}

fn inner(keys: &[&[u8]]) -> Block {
    let mut writer = NodeWriter::new(1);
    for (index, key) in (0..).zip(keys) {
        assert!(writer.push_child(&Child { key, index, hash: Digest([1; 32]) }));
    }
    writer.finish().0
}

fn fault(block: &Block) -> NodeFault {
    Node::parse(block).unwrap_err()
}

/// The fault of a leaf with the entry `a`, changed by `change`.
fn entry_fault(change: impl FnOnce(&mut Entry<'_>)) -> NodeFault {
    let mut changed = entry("a");
    change(&mut changed);
    fault(&leaf(&[changed]))
}

#[test]
fn reads_back_what_was_written() {
    let block = leaf(&[entry("a"), entry("b/c")]);
    let node = Node::parse(&block).unwrap();
    assert_eq!((node.level(), node.count()), (0, 2));
    let second = node.entry(1).unwrap();
    assert_eq!((second.path, second.size, second.tree_slot), ("b/c", 5000, 100));
    assert_eq!(second.extents.block(1), Some(51));
    assert!(node.entry(2).is_none() && node.child(0).is_none());

    let block = inner(&[b"", b"m"]);
    let node = Node::parse(&block).unwrap();
    assert_eq!(node.child(1).unwrap().key, b"m");
    assert!(node.entry(0).is_none());
}

#[test]
fn rank_counts_the_keys_at_or_before() {
    let block = leaf(&[entry("b"), entry("d"), entry("f")]);
    let node = Node::parse(&block).unwrap();
    for (key, rank) in [("", 0), ("a", 0), ("b", 1), ("c", 1), ("f", 3), ("z", 3)] {
        assert_eq!(node.rank(key.as_bytes()), rank, "{key}");
    }
}

#[test]
fn a_node_holds_at_least_three_of_the_longest_paths() {
    let long = [&"a".repeat(255)[..]; 4].join("/");
    let mut writer = NodeWriter::new(0);
    let paths: Vec<String> = (0..4).map(|i| std::format!("{i}{}", &long[1..])).collect();
    let pushed: Vec<_> = paths.iter().map(|path| writer.push_entry(&entry(path))).collect();
    assert_eq!(pushed, [true, true, true, false]);
    assert!(Node::parse(&writer.finish().0).is_ok());
}

#[test]
fn refuses_each_broken_entry() {
    let field = NodeFault::Field;
    assert_eq!(entry_fault(|e| e.path = "/a"), NodeFault::Path(PathFault::EmptyComponent));
    assert_eq!(entry_fault(|e| e.size = u64::MAX), field("file too large"));
    assert_eq!(entry_fault(|e| e.size = 4096), field("extents do not hold the file"));
    assert_eq!(
        entry_fault(|e| e.extents = Extents::default()),
        field("extents do not hold the file")
    );
    for run in [(50, 0), (u64::MAX, 2), (0, u64::MAX)] {
        let run = Extent { block: run.0.into(), count: run.1.into() };
        let extents = Extents::new(&[run]).unwrap();
        assert_eq!(entry_fault(|e| e.extents = extents), field("extents do not hold the file"));
    }
    assert_eq!(entry_fault(|e| e.tree_slot = u64::MAX), field("misplaced tree"));
    assert!(Extents::new(&[Extent::default(); 5]).is_none());
}

#[test]
fn refuses_each_broken_node() {
    let field = NodeFault::Field;
    let good = leaf(&[entry("a"), entry("b")]);
    let changed = |at: usize, byte: u8| {
        let mut block = good;
        block[at] = byte;
        fault(&block)
    };
    for (at, byte) in [(0, 0), (4, 8), (5, 1), (10, 1), (8, 1), (9, 0xff)] {
        assert_eq!(changed(at, byte), field("not a toc node"), "byte {at}");
    }
    assert_eq!(changed(16, 0), field("records are not back to back"));
    assert_eq!(changed(20 + 2, 2), field("unknown kind of entry"));
    assert_eq!(changed(20 + 3, 5), field("too many extents"));
    assert_eq!(changed(20 + 1, 0xff), field("record is cut off"));
    assert_eq!(changed(4095, 1), field("bytes behind the last record"));
    assert_eq!(fault(&leaf(&[entry("b"), entry("a")])), field("records are not in order"));
    assert_eq!(fault(&leaf(&[entry("a"), entry("a")])), field("records are not in order"));
    assert_eq!(fault(&inner(&[])), field("inner node without children"));
    assert_eq!(fault(&inner(&[b"a"])), field("only the first child has no key"));
    assert_eq!(fault(&inner(&[b"", b""])), field("only the first child has no key"));
    assert_eq!(fault(&inner(&[b"", &[b'a'; 1025]])), field("malformed child"));
}

#[test]
fn a_flipped_byte_never_panics_and_never_hides_a_record() {
    let good = leaf(&[entry("a"), entry("bb"), entry("cc/dd")]);
    for at in 0..BLOCK_BYTES {
        let mut block = good;
        block[at] ^= 0x81;
        if let Ok(node) = Node::parse(&block) {
            assert!((0..node.count()).all(|index| node.entry(index).is_some()));
        }
    }
}

proptest! {
    #[test]
    fn any_block_is_parsed_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), BLOCK_BYTES),
        level in 0u8..9,
        count in 0u16..200,
        end: u16,
    ) {
        let mut block: Block = bytes.try_into().unwrap();
        block[..4].copy_from_slice(&TOC_MAGIC);
        block[4..6].copy_from_slice(&[level, 0]);
        block[6..8].copy_from_slice(&count.to_le_bytes());
        block[8..10].copy_from_slice(&end.to_le_bytes());
        block[10..16].fill(0);
        for node in [Node::parse(&block).ok(), Some(Node::accepted(&block))].into_iter().flatten() {
            let _ = (node.rank(b"m"), node.entry(0), node.child(0), node.entry(usize::MAX));
        }
    }

    #[test]
    fn a_damaged_node_is_parsed_or_refused(damage in proptest::collection::vec((0usize..200, any::<u8>()), 1..6)) {
        for mut block in [leaf(&[entry("a"), entry("bb")]), inner(&[b"", b"k", b"m"])] {
            for (at, byte) in &damage {
                block[*at] = *byte;
            }
            if let Ok(node) = Node::parse(&block) {
                for index in 0..node.count() {
                    prop_assert!(node.entry(index).is_some() != node.child(index).is_some());
                }
            }
        }
    }
}
