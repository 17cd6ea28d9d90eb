use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use super::*;

type Nodes = BTreeMap<(usize, u64), Block>;

/// A file of `blocks` blocks, each different from all others, the last one filled up.
fn blocks_of(length: u64) -> impl Iterator<Item = Block> {
    let count = length.div_ceil(BLOCK_BYTES as u64);
    (0..count).map(move |index| {
        let mut block = [0; BLOCK_BYTES];
        let end = usize::try_from(length - index * BLOCK_BYTES as u64).unwrap().min(BLOCK_BYTES);
        block[..end].fill(7);
        block[..8.min(end)].copy_from_slice(&index.to_le_bytes()[..8.min(end)]);
        block
    })
}

fn build(length: u64) -> (Digest, Nodes) {
    let mut nodes = Nodes::new();
    let mut builder = Builder::new();
    let mut emit = |level, index, node: &Block| {
        assert!(nodes.insert((level, index), *node).is_none(), "node {level}/{index} twice");
        Ok::<(), ()>(())
    };
    for block in blocks_of(length) {
        builder.push(&block, &mut emit).unwrap();
    }
    let root = builder.finish(length, &mut emit).unwrap().unwrap();
    (root, nodes)
}

/// The definition, level by level, in as much memory as it takes.
fn reference(length: u64) -> (Digest, Nodes) {
    let mut hashes: Vec<Digest> = blocks_of(length)
        .map(|block| {
            Digest(
                *::blake3::keyed_hash(b"cairn merkle leaf v1\0\0\0\0\0\0\0\0\0\0\0\0", &block)
                    .as_bytes(),
            )
        })
        .collect();
    let mut nodes = Nodes::new();
    let mut level = 0;
    while hashes.len() > 1 {
        let mut above = vec![];
        for (index, children) in hashes.chunks(FANOUT).enumerate() {
            let mut node = children.iter().flat_map(|hash| hash.0).collect::<Vec<_>>();
            node.resize(BLOCK_BYTES, 0);
            let node: Block = node.try_into().unwrap();
            nodes.insert((level, index as u64), node);
            let key = b"cairn merkle node v1\0\0\0\0\0\0\0\0\0\0\0\0";
            above.push(Digest(*::blake3::keyed_hash(key, &node).as_bytes()));
        }
        hashes = above;
        level += 1;
    }
    let top = hashes.first().copied().unwrap_or(Digest::ZERO);
    let input = [&length.to_le_bytes()[..], &top.0].concat();
    let key = b"cairn merkle root v1\0\0\0\0\0\0\0\0\0\0\0\0";
    (Digest(*::blake3::keyed_hash(key, &input).as_bytes()), nodes)
}

/// Reads block `index` as a distrustful reader does: from the top down.
fn read(tree: &Tree, nodes: &Nodes, index: u64, block: &Block) -> Result<(), Error> {
    let mut parent: Option<&Block> = None;
    for level in (0..tree.shape().level_count()).rev() {
        let node_index = node_above(index, level);
        let node = &nodes[&(level, node_index)];
        tree.verify_node(level, node_index, node, parent)?;
        parent = Some(node);
    }
    tree.verify_block(index, block, parent)
}

const EDGES: [u64; 9] = [0, 1, 2, 127, 128, 129, 128 * 128 - 1, 128 * 128, 128 * 128 + 1];

fn edge_lengths() -> impl Iterator<Item = u64> {
    // Miri hashes a block in seconds.
    let edges = EDGES.into_iter().filter(|blocks| !cfg!(miri) || *blocks <= 2);
    edges.flat_map(|blocks| {
        let end = blocks * BLOCK_BYTES as u64;
        // Full, one byte short, and one byte into the last block; large files once, hashing is slow.
        let variants = if blocks > 200 || cfg!(miri) { 1 } else { 3 };
        let lengths = [end, end.saturating_sub(1), end.saturating_sub(BLOCK_BYTES as u64 - 1)];
        lengths.into_iter().take(variants)
    })
}

#[test]
fn builder_agrees_with_the_reference_at_every_edge() {
    for length in edge_lengths() {
        let (root, nodes) = build(length);
        let (expected_root, expected_nodes) = reference(length);
        assert_eq!(root, expected_root, "length {length}");
        assert!(nodes == expected_nodes, "length {length}");
    }
}

#[test]
fn shape_counts_the_nodes_there_are() {
    for length in edge_lengths() {
        let shape = Shape::new(length).unwrap();
        let (_, nodes) = build(length);
        assert_eq!(shape.node_count_total(), nodes.len() as u64);
        for level in 0..=LEVELS_MAX {
            let count = nodes.keys().filter(|(l, _)| *l == level).count();
            assert_eq!(shape.node_count(level), count as u64, "length {length} level {level}");
        }
    }
}

#[test]
fn every_block_verifies_from_the_top_down() {
    for length in edge_lengths() {
        let (root, nodes) = build(length);
        let tree = Tree::new(length, root).unwrap();
        let count = tree.shape().block_count();
        for (index, block) in (0..).zip(blocks_of(length)) {
            if index < 130 || index + 130 > count {
                assert_eq!(read(&tree, &nodes, index, &block), Ok(()), "{length} {index}");
            }
        }
    }
}

#[test]
fn overhead_of_a_large_tree_is_at_most_0_8_percent() {
    let shape = Shape::new(1 << 40).unwrap();
    assert!(shape.node_count_total() * 1000 <= shape.block_count() * 8);
}

#[test]
fn longest_file_has_seven_levels_and_longer_ones_are_refused() {
    assert_eq!(Shape::new(LENGTH_MAX).unwrap().level_count(), LEVELS_MAX);
    assert_eq!(Shape::new(LENGTH_MAX + 1), None);
    assert_eq!(Tree::new(u64::MAX, Digest::ZERO), Err(Error::TooLong));
}

#[test]
#[cfg_attr(miri, ignore = "hashes a hundred blocks")]
fn rejects_a_changed_bit_in_block_or_node() {
    let length = 129 * BLOCK_BYTES as u64;
    let (root, nodes) = build(length);
    let tree = Tree::new(length, root).unwrap();
    let block = blocks_of(length).nth(5).unwrap();
    for byte in 0..BLOCK_BYTES {
        let mut bad = block;
        bad[byte] ^= 1 << (byte % 8);
        assert_eq!(read(&tree, &nodes, 5, &bad), Err(Error::BlockMismatch { block: 5 }));
        for (level, index) in [(0, 0), (1, 0)] {
            let mut bad = nodes.clone();
            bad.get_mut(&(level, index)).unwrap()[byte] ^= 1 << (byte % 8);
            assert_eq!(
                read(&tree, &bad, 5, &block),
                Err(Error::NodeMismatch { level, index }),
                "byte {byte}"
            );
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "hashes hundreds of blocks")]
fn rejects_a_block_in_anothers_place() {
    let length = 300 * BLOCK_BYTES as u64;
    let (root, nodes) = build(length);
    let tree = Tree::new(length, root).unwrap();
    let block = blocks_of(length).nth(131).unwrap();
    assert_eq!(read(&tree, &nodes, 131, &block), Ok(()));
    for wrong in [3, 130, 132, 259] {
        let error = Error::BlockMismatch { block: wrong };
        assert_eq!(read(&tree, &nodes, wrong, &block), Err(error));
    }
}

#[test]
fn rejects_another_length_for_the_same_content() {
    let length = 5 * BLOCK_BYTES as u64;
    let (root, nodes) = build(length);
    let block = blocks_of(length).next().unwrap();
    for wrong in [length - 1, length + 1, length + BLOCK_BYTES as u64] {
        let tree = Tree::new(wrong, root).unwrap();
        let error = Error::NodeMismatch { level: 0, index: 0 };
        assert_eq!(read(&tree, &nodes, 0, &block), Err(error));
    }
    let (root, _) = build(0);
    assert_eq!(
        Tree::new(1, root).unwrap().verify_block(0, &[0; BLOCK_BYTES], None),
        Err(Error::BlockMismatch { block: 0 })
    );
    let (root, _) = build(1);
    assert_eq!(Tree::new(0, root), Err(Error::RootMismatch));
}

#[test]
fn rejects_a_node_as_a_block_and_a_block_as_a_node() {
    // A file whose content is a tree node must not be taken for the tree, nor the other way round.
    let (_, nodes) = build(2 * BLOCK_BYTES as u64);
    let node = nodes[&(0, 0)];
    assert_ne!(leaf_hash(&node), node_hash(&node));
    let mut builder = Builder::new();
    builder.push(&node, |_, _, _| Ok::<(), ()>(())).unwrap();
    let root = builder.finish(BLOCK_BYTES as u64, |_, _, _| Ok::<(), ()>(())).unwrap().unwrap();
    let tree = Tree::new(2 * BLOCK_BYTES as u64, root).unwrap();
    let error = Error::NodeMismatch { level: 0, index: 0 };
    assert_eq!(tree.verify_node(0, 0, &node, None), Err(error));
}

#[test]
fn reports_what_is_not_there_and_wrong_parents() {
    let length = 2 * BLOCK_BYTES as u64;
    let (root, nodes) = build(length);
    let tree = Tree::new(length, root).unwrap();
    let node = &nodes[&(0, 0)];
    let block = blocks_of(length).next().unwrap();
    assert_eq!(tree.verify_block(2, &block, Some(node)), Err(Error::NoSuchBlock { block: 2 }));
    let error = Error::NoSuchNode { level: 1, index: 0 };
    assert_eq!(tree.verify_node(1, 0, node, None), Err(error));
    assert_eq!(tree.verify_node(0, 0, node, Some(node)), Err(Error::WrongParent));
    assert_eq!(tree.verify_block(0, &block, None), Err(Error::WrongParent));
    let max = Error::NoSuchNode { level: usize::MAX, index: u64::MAX };
    assert_eq!(tree.verify_node(usize::MAX, u64::MAX, node, None), Err(max));
}

#[test]
fn builder_refuses_a_length_that_does_not_fit_its_blocks() {
    let mut builder = Builder::new();
    builder.push(&[1; BLOCK_BYTES], |_, _, _| Ok::<(), ()>(())).unwrap();
    for wrong in [0, BLOCK_BYTES as u64 + 1, u64::MAX] {
        assert_eq!(builder.clone().finish(wrong, |_, _, _| Ok::<(), ()>(())), Ok(None));
    }
}

#[test]
#[cfg_attr(miri, ignore = "hashes a hundred blocks")]
fn builder_passes_on_the_sinks_error() {
    let mut builder = Builder::new();
    for _ in 0..127 {
        builder.push(&[1; BLOCK_BYTES], |_, _, _| Err("early")).unwrap();
    }
    assert_eq!(builder.clone().finish(127 << 12, |_, _, _| Err("end")), Err("end"));
    assert_eq!(builder.push(&[1; BLOCK_BYTES], |_, _, _| Err("full")), Err("full"));
}

#[test]
fn every_error_says_something_of_its_own() {
    use std::string::ToString;
    let errors = [
        Error::TooLong,
        Error::RootMismatch,
        Error::NoSuchBlock { block: 17 },
        Error::NoSuchNode { level: 1, index: 2 },
        Error::WrongParent,
        Error::BlockMismatch { block: 17 },
        Error::NodeMismatch { level: 1, index: 2 },
    ];
    let texts: std::collections::BTreeSet<_> = errors.map(|error| error.to_string()).into();
    assert_eq!(texts.len(), errors.len());
    assert!(texts.contains("block 17: hash mismatch"));
    assert!(texts.contains("tree node 1/2: hash mismatch"));
}
