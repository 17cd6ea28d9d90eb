//! Names and contents of a log's files (c2sp.org/tlog-tiles): tiles of hashes, bundles of entries.

use std::format;
use std::string::String;
use std::vec::Vec;

use crate::digest::Digest;
use crate::log::tree::node_hash;

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree that a tile spans.
pub(super) const TILE_HEIGHT: u32 = 8;
/// Longest entry: its length is two bytes.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// A file of a log: its path below the log's prefix, and its content. Once written it never changes.
pub type File = (String, Vec<u8>);

/// Path of tile `index` of a level, of which so many hashes are there.
#[must_use]
pub fn tile_path(level: u32, index: u64, width: u64) -> String {
    path(&format!("{level}"), index, width)
}

/// Path of entry bundle `index`, of which so many entries are there.
#[must_use]
pub fn bundle_path(index: u64, width: u64) -> String {
    path("entries", index, width)
}

fn path(level: &str, index: u64, width: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
    format!("tile/{level}/{path}{partial}")
}

/// How many hashes (or entries, at level 0) tile `index` of a level has in a tree of `size` entries.
#[must_use]
pub fn tile_width(size: u64, level: u32, index: u64) -> u64 {
    let hashes = size.checked_shr(TILE_HEIGHT * level).unwrap_or(0);
    hashes.saturating_sub(index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH)
}

/// Appends an entry to the bytes of a bundle; `None` for one that is too long.
pub(super) fn put_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    Some(())
}

/// The entries of a bundle; `None` when its bytes are not exactly whole entries.
#[must_use]
pub fn entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}

pub(super) fn tile_bytes(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Root over hashes whose number is a power of two.
pub(super) fn perfect_root(hashes: &[Digest]) -> Digest {
    match hashes {
        [] => Digest::ZERO,
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&perfect_root(left), &perfect_root(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(bundle_path(999, 1), "tile/entries/999.p/1");
        assert_eq!(tile_path(1, 1000, 256), "tile/1/x001/000");
    }

    #[test]
    fn widths_are_those_of_the_standards_example() {
        let widths = |level, indices: [u64; 3]| indices.map(|i| tile_width(70_000, level, i));
        assert_eq!(widths(0, [0, 273, 274]), [256, 112, 0]);
        assert_eq!(widths(1, [0, 1, 2]), [256, 17, 0]);
        assert_eq!(widths(2, [0, 1, 2]), [1, 0, 0]);
        assert_eq!(widths(8, [0, 1, u64::MAX]), [0, 0, 0]);
    }

    #[test]
    fn bundles_are_whole_entries() {
        let mut bundle = Vec::new();
        for entry in [&b"one"[..], b"", b"three"] {
            put_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(bundle, b"\0\x03one\0\0\0\x05three");
        assert_eq!(entries(&bundle), Some(std::vec![&b"one"[..], b"", b"three"]));
        for length in 1..bundle.len() {
            let whole = entries(&bundle[..length]).is_some();
            assert_eq!(whole, [5, 7].contains(&length), "{length}");
        }
        assert_eq!(put_entry(&mut bundle, &[0; ENTRY_BYTES_MAX + 1]), None);
    }
}
