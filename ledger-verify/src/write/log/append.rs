//! Makes a log longer, in memory that does not grow with it.

use std::vec::Vec;

use super::tiles::{
    File, TILE_HEIGHT, TILE_WIDTH, bundle_path, entries, perfect_root, put_entry, tile_bytes,
    tile_path, tile_width,
};
use super::tree::{Error, tile_hashes};
use crate::digest::Digest;
use crate::log::tree::{empty_root, leaf_hash, node_hash};

/// The right edge of a tree: what is needed to append to it, at most 256 hashes per eight levels
/// and the entries of one bundle.
#[derive(Clone, Debug, Default)]
pub struct Appender {
    size: u64,
    /// Hashes of the partial tile of each level.
    levels: Vec<Vec<Digest>>,
    /// Bytes of the partial entry bundle.
    bundle: Vec<u8>,
}

impl Appender {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Continues a log of `size` entries; `get` answers the file at a path. Whether the files are the
    /// right ones is for the caller to check: [`Appender::root`] is what they lead to.
    ///
    /// # Errors
    /// [`Error`].
    pub fn resume<E>(
        size: u64,
        mut get: impl FnMut(&str) -> Result<Vec<u8>, E>,
    ) -> Result<Self, Error<E>> {
        let mut new = Self { size, ..Self::default() };
        for level in 0.. {
            let hashes = size.checked_shr(TILE_HEIGHT * level).unwrap_or(0);
            if hashes == 0 {
                break;
            }
            let width = hashes % TILE_WIDTH;
            let path = tile_path(level, hashes / TILE_WIDTH, width);
            let tile = if width == 0 { Vec::new() } else { tile_hashes(path, width, &mut get)? };
            new.levels.push(tile);
        }
        let width = size % TILE_WIDTH;
        if width > 0 {
            let path = bundle_path(size / TILE_WIDTH, width);
            new.bundle = get(&path).map_err(Error::Source)?;
            let leaves = entries(&new.bundle).unwrap_or_default();
            // Level 0 vouches for the entries, as the root will for level 0.
            let leaves = leaves.into_iter().map(leaf_hash);
            if !leaves.eq(new.levels.first().into_iter().flatten().copied()) {
                return Err(Error::File { path });
            }
        }
        Ok(new)
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut root = None;
        // From the smallest perfect subtree, at the right, to the largest.
        for level in &self.levels {
            let mut rest = &level[..];
            while !rest.is_empty() {
                let lowest_bit = 1 << rest.len().trailing_zeros();
                let (left, subtree) = rest.split_at(rest.len() - lowest_bit);
                let subtree = perfect_root(subtree);
                root = Some(root.map_or(subtree, |right| node_hash(&subtree, &right)));
                rest = left;
            }
        }
        root.unwrap_or_else(empty_root)
    }

    /// Adds an entry; answers the tiles and bundles that it completes, mostly none, or `None` for an
    /// entry of more than [`super::ENTRY_BYTES_MAX`] bytes.
    pub fn append(&mut self, entry: &[u8]) -> Option<Vec<File>> {
        put_entry(&mut self.bundle, entry)?;
        let index = self.size / TILE_WIDTH;
        self.size += 1;
        let mut full = Vec::new();
        let mut hash = leaf_hash(entry);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let tile = self.levels.get_mut(level)?;
            tile.push(hash);
            if (tile.len() as u64) < TILE_WIDTH {
                break;
            }
            let level = u32::try_from(level).ok()?;
            let tile_index = (self.size >> (TILE_HEIGHT * level)) / TILE_WIDTH - 1;
            full.push((tile_path(level, tile_index, TILE_WIDTH), tile_bytes(tile)));
            hash = perfect_root(tile);
            tile.clear();
        }
        if self.size.is_multiple_of(TILE_WIDTH) {
            full.push((bundle_path(index, TILE_WIDTH), std::mem::take(&mut self.bundle)));
        }
        Some(full)
    }

    /// The partial tiles and the partial bundle of the tree as it is.
    #[must_use]
    pub fn partial_files(&self) -> Vec<File> {
        let mut files = Vec::new();
        for (level, tile) in (0..).zip(&self.levels) {
            let index = (self.size >> (TILE_HEIGHT * level)) / TILE_WIDTH;
            if !tile.is_empty() {
                files.push((tile_path(level, index, tile.len() as u64), tile_bytes(tile)));
            }
        }
        if !self.bundle.is_empty() {
            let index = self.size / TILE_WIDTH;
            let path = bundle_path(index, tile_width(self.size, 0, index));
            files.push((path, self.bundle.clone()));
        }
        files
    }
}
