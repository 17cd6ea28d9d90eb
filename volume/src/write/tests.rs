use std::io::Cursor;
use std::vec;

use super::*;
use crate::superblock::Superblock;

fn identity() -> Identity<'static> {
    Identity { name: "demo", generation: 1, chain_id: Digest([1; 32]) }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let files: [(&str, &[u8]); 2] = [("a", b"1"), ("b", &[7; 9000])];
    assert_eq!(image_of(&files, identity()).unwrap().0, image_of(&files, identity()).unwrap().0);
}

#[test]
fn each_bad_input_is_refused() {
    let refused = |files: &[(&str, &[u8])], identity| image_of(files, identity).unwrap_err();
    assert!(matches!(
        refused(&[("/a", b"")], identity()),
        Error::Path(_, PathFault::EmptyComponent)
    ));
    let twice: [(&str, &[u8]); 2] = [("a", b""), ("a", b"")];
    assert!(matches!(refused(&twice, identity()), Error::Duplicate(path) if path == "a"));
    let long = "a".repeat(33);
    for name in ["", "A", long.as_str()] {
        let bad = refused(&[], Identity { name, ..identity() });
        assert!(matches!(bad, Error::Superblock(_)), "{name}: {bad}");
    }
    let zero = refused(&[], Identity { generation: 0, ..identity() });
    assert_eq!(zero.to_string(), "volume: generation is zero");
}

#[test]
fn a_source_that_fails_is_an_io_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    let mut builder = Builder::new(Cursor::new(Vec::new()), 16).unwrap();
    assert!(matches!(builder.add("a", Broken, |_| ()), Err(Error::Io(_))));
}

#[test]
fn the_chain_is_embedded_and_replaced() {
    let (image, superblock) = image_of(&[("a", b"1")], identity()).unwrap();
    let mut out = Cursor::new(image.clone());
    embed_chain(&mut out, &superblock, &[9; 5000]).unwrap();
    embed_chain(&mut out, &superblock, &[8; 10]).unwrap();
    let area = &out.get_ref()[2 * BLOCK_BYTES..18 * BLOCK_BYTES];
    assert_eq!(chain::parse_head(area, 16), Ok(10));
    assert_eq!(&area[chain::HEAD_BYTES..][..10], [8; 10]);
    assert!(area[chain::HEAD_BYTES + 10..].iter().all(|&byte| byte == 0));
    assert_eq!(out.get_ref()[18 * BLOCK_BYTES..], image[18 * BLOCK_BYTES..]);
    let long = vec![0; 16 * BLOCK_BYTES];
    let refused = embed_chain(&mut out, &superblock, &long);
    assert!(matches!(refused, Err(Error::ChainTooLong)));
}

#[test]
fn a_chain_area_has_room_to_grow_up_to_its_limit() {
    assert_eq!(chain_blocks(0).unwrap(), 16);
    assert_eq!(chain_blocks(9 * BLOCK_BYTES).unwrap(), 32);
    assert_eq!(chain_blocks(200 * BLOCK_BYTES).unwrap(), chain::CHAIN_BLOCKS_MAX);
    assert!(matches!(chain_blocks(256 * BLOCK_BYTES), Err(Error::ChainTooLong)));
}

#[test]
fn small_trees_share_blocks() {
    let content = vec![1; 2 * BLOCK_BYTES];
    let paths: Vec<_> = (0..64).map(|i| std::format!("{i:02}")).collect();
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), content.as_slice())).collect();
    let (image, superblock) = image_of(&files, identity()).unwrap();
    let data_end = 2 + 16 + 2 * 64;
    assert_eq!(superblock.head().toc_block.get(), data_end + 1, "64 trees of 2 slots: 1 block");
    assert!(Superblock::parse(image[..BLOCK_BYTES].try_into().unwrap()).is_ok());
}

#[test]
fn large_volumes_cost_at_most_eight_per_mille() {
    let mut builder = Builder::new(Cursor::new(Vec::new()), 16).unwrap();
    let content = vec![1; 700 * BLOCK_BYTES];
    for i in 0..40 {
        builder.add(&std::format!("{i}"), content.as_slice(), |_| ()).unwrap();
    }
    let (_, superblock) = builder.finish(identity()).unwrap();
    let data = 40 * 700;
    let fixed = 2 + 16 + superblock.head().toc_node_count.get();
    let trees = superblock.block_count() - fixed - data;
    assert!(trees * 1000 <= data * 8, "{trees} blocks of trees for {data} of data");
}

/// The example of `docs/volume-format.md`.
#[test]
fn the_documented_example_is_what_is_written() {
    let (image, superblock) = image_of(&[("hello", b"hello\n")], identity()).unwrap();
    let leaf = crate::toc::Node::parse(image[19 * BLOCK_BYTES..].try_into().unwrap()).unwrap();
    let entry = leaf.entry(0).unwrap();
    let document = include_str!("../../../docs/volume-format.md");
    let hex = |bytes: &[u8]| -> Vec<_> { bytes.iter().map(|b| std::format!("{b:02x}")).collect() };
    let said = std::format!(
        "file root    {}\ntoc root     {}\nvolume root  {}\n",
        entry.root,
        Digest(superblock.head().toc_root),
        superblock.root(),
    );
    assert!(document.contains(&said), "{said}");
    let leaf = &image[19 * BLOCK_BYTES..19 * BLOCK_BYTES + 18 + 56 + 16 + 5];
    let lines: Vec<_> = leaf.chunks(16).map(|line| hex(line).join(" ")).collect();
    let said = lines.join("\n");
    assert!(document.contains(&said), "{said}");
    assert_eq!(image.len(), 20 * BLOCK_BYTES);
}
