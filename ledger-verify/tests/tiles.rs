//! The writing side of logs: its trees, files and proofs, by the definitions.
#![cfg(feature = "write")]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../fuzz/src/rfc6962.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzzers, which need more of it")]
mod reference;

use std::collections::BTreeMap;

use ledger_verify::Digest;
use ledger_verify::log::tree::leaf_hash;
use ledger_verify::write::log::{Appender, ENTRY_BYTES_MAX, Error, Tree};

type Files = BTreeMap<String, Vec<u8>>;

fn entry(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}

/// A log of so many entries, with all its files.
fn log_of(size: u64) -> (Appender, Files) {
    let (mut log, mut files) = (Appender::new(), Files::new());
    for index in 0..size {
        files.extend(log.append(&entry(index)).unwrap());
    }
    files.extend(log.partial_files());
    (log, files)
}

fn get(files: &Files) -> impl Fn(&str) -> Result<Vec<u8>, String> {
    |path| files.get(path).cloned().ok_or_else(|| path.to_owned())
}

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|index| leaf_hash(&entry(index))).collect()
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

#[test]
fn trees_and_proofs_are_those_of_the_definitions() {
    for size in (0..=33).chain([255, 256, 257, 511, 512, 513]) {
        let ((log, files), leaves) = (log_of(size), leaves(size));
        let root = reference::root(&leaves);
        assert_eq!(log.root(), root);
        let mut tree = Tree::new(size, get(&files));
        assert_eq!(tree.root(), Ok(root));
        for number in 0..size {
            let expected = reference::path(index(number), &leaves);
            assert_eq!(tree.inclusion(number), Ok(Some(expected)));
        }
        for old in 1..=size {
            let expected = reference::subproof(index(old), &leaves, true);
            assert_eq!(tree.consistency(old), Ok(Some(expected)), "{old} {size}");
        }
        assert_eq!((tree.inclusion(size), tree.consistency(0)), (Ok(None), Ok(None)));
        assert_eq!(tree.consistency(size + 1), Ok(None));
    }
}

#[test]
fn tiles_have_the_standards_paths_and_widths() {
    // The standard's own example: a tree of 70,000 entries.
    let (_, files) = log_of(70_000);
    let count = |start: &str| files.keys().filter(|path| path.starts_with(start)).count();
    assert_eq!((count("tile/0/"), count("tile/1/"), count("tile/2/")), (274, 2, 1));
    assert_eq!((count("tile/entries/"), files.len()), (274, 551));
    let length = |path: &str| files.get(path).map(Vec::len);
    assert_eq!(length("tile/0/000"), Some(8192));
    assert_eq!(length("tile/0/273.p/112"), Some(112 * 32));
    assert_eq!(length("tile/1/000"), Some(8192));
    assert_eq!(length("tile/1/001.p/17"), Some(17 * 32));
    assert_eq!(length("tile/2/000.p/1"), Some(32));
    assert_eq!(length("tile/entries/273.p/112"), Some(112 * 10));
    // The other example: 256 entries.
    let (_, files) = log_of(256);
    let paths: Vec<_> = files.into_keys().collect();
    assert_eq!(paths, ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]);
}

#[test]
fn a_log_goes_on_from_its_files() {
    for (old, new) in [(0, 5), (5, 255), (255, 256), (256, 257), (257, 600), (65_535, 65_537)] {
        let (log, mut files) = log_of(old);
        let mut resumed = Appender::resume(old, get(&files)).unwrap();
        assert_eq!((resumed.root(), resumed.size()), (log.root(), old));
        for number in old..new {
            files.extend(resumed.append(&entry(number)).unwrap());
        }
        files.extend(resumed.partial_files());
        // Old files and new ones together are all files of the new log.
        let (whole, expected) = log_of(new);
        assert_eq!(resumed.root(), whole.root());
        for (path, bytes) in expected {
            assert_eq!(files.get(&path), Some(&bytes), "{path} from {old} to {new}");
        }
    }
}

#[test]
fn files_that_are_not_right_are_named() {
    let (_, files) = log_of(300);
    let resume = |files: &Files| Appender::resume(300, get(files)).map(|log| log.size());
    assert_eq!(resume(&files), Ok(300));
    for path in ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"] {
        let mut bad = files.clone();
        bad.remove(path);
        assert_eq!(resume(&bad), Err(Error::Source(path.to_owned())));
        let mut bad = files.clone();
        bad.get_mut(path).unwrap().pop();
        assert_eq!(resume(&bad), Err(Error::File { path: path.to_owned() }));
    }
    // An entry that is not the one that was hashed.
    let mut bad = files.clone();
    *bad.get_mut("tile/entries/001.p/44").unwrap().last_mut().unwrap() ^= 1;
    assert_eq!(resume(&bad), Err(Error::File { path: "tile/entries/001.p/44".into() }));
    // Proofs read tiles, whose length is checked, and whose content the root will not fit.
    let mut bad = files.clone();
    bad.get_mut("tile/0/000").unwrap().push(0);
    let inclusion = |files: &Files| Tree::new(300, get(files)).inclusion(5);
    assert_eq!(inclusion(&bad), Err(Error::File { path: "tile/0/000".into() }));
    bad.get_mut("tile/0/000").unwrap().truncate(8191);
    assert_eq!(inclusion(&bad), Err(Error::File { path: "tile/0/000".into() }));
    let bundle = |files: &Files, index| Tree::new(300, get(files)).bundle(index);
    assert_eq!(bundle(&files, 1).unwrap()[43], entry(299));
    let mut bad = files.clone();
    bad.insert("tile/entries/000".into(), b"\0\x01a".to_vec());
    assert_eq!(bundle(&bad, 0), Err(Error::File { path: "tile/entries/000".into() }));
}

#[test]
fn entries_have_a_longest_length() {
    let mut log = Appender::new();
    assert_eq!(log.append(&vec![0; ENTRY_BYTES_MAX + 1]), None);
    assert_eq!((log.size(), log.partial_files().len()), (0, 0));
    assert_eq!(log.append(&vec![0; ENTRY_BYTES_MAX]), Some(vec![]));
    assert_eq!(log.size(), 1);
}
