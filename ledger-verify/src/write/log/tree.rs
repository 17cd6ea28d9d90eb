//! Proofs from a log's tiles: only those on the way are read.

use core::fmt;
use std::collections::HashMap;
use std::string::String;
use std::vec::Vec;

use super::tiles::{
    TILE_HEIGHT, TILE_WIDTH, bundle_path, entries, perfect_root, tile_path, tile_width,
};
use crate::digest::Digest;
use crate::log::tree::{empty_root, node_hash};

/// Why a tree could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// What the files come from failed.
    Source(E),
    /// A tile or bundle is not of the content that its name says.
    File {
        /// Its path.
        path: String,
    },
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::File { path } => write!(f, "{path}: not what a tile of this name holds"),
        }
    }
}

/// A tree of `size` entries; `get` answers the file at a path. Nothing it says is proven: what it
/// answers is to be checked against a signed root.
#[derive(Debug)]
pub struct Tree<F> {
    size: u64,
    get: F,
    tiles: HashMap<(u32, u64), Vec<Digest>>,
}

impl<E, F: FnMut(&str) -> Result<Vec<u8>, E>> Tree<F> {
    /// The tree of this size.
    pub fn new(size: u64, get: F) -> Self {
        Self { size, get, tiles: HashMap::new() }
    }

    /// Root of the tree.
    ///
    /// # Errors
    /// [`Error`].
    pub fn root(&mut self) -> Result<Digest, Error<E>> {
        if self.size == 0 { Ok(empty_root()) } else { self.range(0, self.size) }
    }

    /// Proof that entry `index` is in the tree, from the leaf's sibling up; `None` for an index that
    /// is not there. RFC 6962, section 2.1.1.
    ///
    /// # Errors
    /// [`Error`].
    pub fn inclusion(&mut self, index: u64) -> Result<Option<Vec<Digest>>, Error<E>> {
        if index >= self.size {
            return Ok(None);
        }
        let (mut start, mut end) = (0, self.size);
        let mut proof = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                proof.push(self.range(middle, end)?);
                end = middle;
            } else {
                proof.push(self.range(start, middle)?);
                start = middle;
            }
        }
        proof.reverse();
        Ok(Some(proof))
    }

    /// Proof that the tree starts with its own first `old_size` entries; `None` when it has fewer, or
    /// `old_size` is 0. RFC 6962, section 2.1.2.
    ///
    /// # Errors
    /// [`Error`].
    pub fn consistency(&mut self, old_size: u64) -> Result<Option<Vec<Digest>>, Error<E>> {
        if old_size == 0 || old_size > self.size {
            return Ok(None);
        }
        let (mut start, mut end) = (0, self.size);
        let mut proof = Vec::new();
        while old_size != end {
            let middle = start + split(end - start);
            if old_size <= middle {
                proof.push(self.range(middle, end)?);
                end = middle;
            } else {
                proof.push(self.range(start, middle)?);
                start = middle;
            }
        }
        // The whole old tree is what the verifier knows already.
        if start > 0 {
            proof.push(self.range(start, end)?);
        }
        proof.reverse();
        Ok(Some(proof))
    }

    /// The entries of bundle `index`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn bundle(&mut self, index: u64) -> Result<Vec<Vec<u8>>, Error<E>> {
        let width = tile_width(self.size, 0, index);
        let path = bundle_path(index, width);
        let bytes = (self.get)(&path).map_err(Error::Source)?;
        match entries(&bytes) {
            Some(entries) if entries.len() as u64 == width => {
                Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
            }
            _ => Err(Error::File { path }),
        }
    }

    /// Root over entries `start..end`; `start` is a multiple of a power of two that is not less than
    /// their number.
    fn range(&mut self, start: u64, end: u64) -> Result<Digest, Error<E>> {
        let length = end - start;
        if length.is_power_of_two() {
            return self.node(length.trailing_zeros(), start);
        }
        let middle = start + split(length);
        let (left, right) = (self.range(start, middle)?, self.range(middle, end)?);
        Ok(node_hash(&left, &right))
    }

    /// Root over the 2^`height` entries from `start`.
    fn node(&mut self, height: u32, start: u64) -> Result<Digest, Error<E>> {
        let level = height / TILE_HEIGHT;
        let first = start >> (TILE_HEIGHT * level);
        let index = first / TILE_WIDTH;
        if !self.tiles.contains_key(&(level, index)) {
            let width = tile_width(self.size, level, index);
            let hashes = tile_hashes(tile_path(level, index, width), width, &mut self.get)?;
            self.tiles.insert((level, index), hashes);
        }
        let hashes = self.tiles.get(&(level, index)).map_or(&[][..], Vec::as_slice);
        let place = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
        let count = 1 << (height % TILE_HEIGHT);
        match hashes.get(place..).and_then(|hashes| hashes.get(..count)) {
            Some(hashes) => Ok(perfect_root(hashes)),
            None => Err(Error::File { path: tile_path(level, index, hashes.len() as u64) }),
        }
    }
}

/// The largest power of two below `size`, which is at least 2.
const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Reads the tile at `path`, of so many hashes.
pub(super) fn tile_hashes<E>(
    path: String,
    width: u64,
    get: &mut impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Vec<Digest>, Error<E>> {
    let bytes = get(&path).map_err(Error::Source)?;
    let (hashes, rest) = bytes.as_chunks::<{ Digest::BYTES }>();
    if hashes.len() as u64 != width || !rest.is_empty() {
        return Err(Error::File { path });
    }
    Ok(hashes.iter().copied().map(Digest).collect())
}
