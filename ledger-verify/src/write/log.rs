//! The writing side of transparency logs: a log in memory, its files (c2sp.org/tlog-tiles), its
//! checkpoints, cosignatures and offline proofs.
//!
//! The files are what any static store serves; [`Log::files`] names those that a longer log changes,
//! and [`Log::read`] gets a log back from them.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::SecretKey;
use crate::digest::Digest;
use crate::log::Reason;
use crate::log::checkpoint::{Checkpoint, Message};
use crate::log::note::{Key, KeyType};
use crate::log::tree::{empty_root, leaf_hash, node_hash};

/// Hashes per tile, entries per bundle.
const TILE_WIDTH: usize = 256;

/// All entries of a log. Memory grows with them: 32 bytes and its own for each.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: Vec<Vec<u8>>,
    leaves: Vec<Digest>,
}

impl Log {
    /// A log without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Vec<u8>] {
        &self.entries
    }

    /// Adds an entry and returns its index; `None` for one of more than 65,535 bytes, which no entry
    /// bundle can hold.
    pub fn append(&mut self, entry: Vec<u8>) -> Option<u64> {
        u16::try_from(entry.len()).ok()?;
        self.leaves.push(leaf_hash(&entry));
        self.entries.push(entry);
        Some(self.size() - 1)
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        root(&self.leaves)
    }

    /// Proof that entry `index` is in the tree, from the leaf's sibling up; `None` for an index that
    /// is not there.
    #[must_use]
    pub fn inclusion(&self, index: u64) -> Option<Vec<Digest>> {
        let index = usize::try_from(index).ok().filter(|index| *index < self.leaves.len())?;
        let mut proof = Vec::new();
        inclusion(index, &self.leaves, &mut proof);
        Some(proof)
    }

    /// Proof that the tree starts with its own first `old_size` entries; `None` when it has fewer, or
    /// `old_size` is 0.
    #[must_use]
    pub fn consistency(&self, old_size: u64) -> Option<Vec<Digest>> {
        let old = usize::try_from(old_size).ok()?;
        let in_tree = (1..=self.leaves.len()).contains(&old);
        let mut proof = Vec::new();
        if in_tree {
            consistency(old, &self.leaves, true, &mut proof);
        }
        in_tree.then_some(proof)
    }

    /// The files of this log that one of `old_size` entries did not have, with their paths: tiles of
    /// every level, then entry bundles. The checkpoint, to be written last, is not among them.
    #[must_use]
    pub fn files(&self, old_size: u64) -> Vec<(String, Vec<u8>)> {
        let old_size = usize::try_from(old_size).unwrap_or(usize::MAX);
        let mut files = Vec::new();
        let mut hashes = self.leaves.clone();
        let mut old = old_size;
        for level in 0.. {
            for (index, tile) in tiles_from(&hashes, old) {
                let bytes = tile.iter().flat_map(|hash| hash.0).collect();
                files.push((tile_path(&format!("{level}"), index, tile.len()), bytes));
            }
            // Only full tiles are hashed into the level above.
            hashes = hashes.chunks_exact(TILE_WIDTH).map(root).collect();
            old /= TILE_WIDTH;
            if hashes.is_empty() {
                break;
            }
        }
        for (index, bundle) in tiles_from(&self.entries, old_size) {
            let mut bytes = Vec::new();
            for entry in bundle {
                // `append` took no longer ones.
                let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
                bytes.extend(length.to_be_bytes());
                bytes.extend(entry);
            }
            files.push((tile_path("entries", index, bundle.len()), bytes));
        }
        files
    }

    /// Reads a log of `size` entries from its entry bundles; `fetch` gets the file at a path.
    ///
    /// # Errors
    /// What `fetch` answers; `None` in it for a bundle that is none. The caller compares the root with
    /// the checkpoint's.
    pub fn read<E>(
        size: u64,
        mut fetch: impl FnMut(&str) -> Result<Vec<u8>, E>,
    ) -> Result<Self, Option<E>> {
        let mut log = Self::new();
        while log.size() < size {
            let index = log.leaves.len() / TILE_WIDTH;
            let left = usize::try_from(size - log.size()).unwrap_or(usize::MAX);
            let width = left.min(TILE_WIDTH);
            let bundle = fetch(&tile_path("entries", index, width)).map_err(Some)?;
            let mut rest = &bundle[..];
            for _ in 0..width {
                let (length, after) = rest.split_first_chunk().ok_or(None)?;
                let length = usize::from(u16::from_be_bytes(*length));
                let (entry, after) = after.split_at_checked(length).ok_or(None)?;
                log.append(entry.to_vec()).ok_or(None)?;
                rest = after;
            }
            if !rest.is_empty() {
                return Err(None);
            }
        }
        Ok(log)
    }

    /// The text of this log's checkpoint.
    #[must_use]
    pub fn checkpoint(&self, origin: &str) -> String {
        format!("{origin}\n{}\n{}\n", self.size(), base64(&self.root().0))
    }

    /// An offline proof of entry `index` for a signed checkpoint of this log; `None` for an index that
    /// is not there.
    #[must_use]
    pub fn proof(&self, index: u64, note: &str) -> Option<String> {
        let hashes = self.inclusion(index)?;
        let hashes: String = hashes.iter().map(|hash| base64(&hash.0) + "\n").collect();
        Some(format!("c2sp.org/tlog-proof@v1\nindex {index}\n{hashes}\n{note}"))
    }
}

/// Full and partial tiles of `all`, without those that were full or the same at `old` items.
fn tiles_from<T>(all: &[T], old: usize) -> impl Iterator<Item = (usize, &[T])> {
    let first = if old >= all.len() { usize::MAX } else { old / TILE_WIDTH };
    all.chunks(TILE_WIDTH).enumerate().skip(first)
}

fn tile_path(level: &str, index: usize, width: usize) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
    format!("tile/{level}/{path}{partial}")
}

/// The largest power of two below `size`.
const fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

fn inclusion(index: usize, leaves: &[Digest], proof: &mut Vec<Digest>) {
    if leaves.len() < 2 {
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        inclusion(index, left, proof);
        proof.push(root(right));
    } else {
        inclusion(index - left.len(), right, proof);
        proof.push(root(left));
    }
}

fn consistency(old: usize, leaves: &[Digest], is_whole: bool, proof: &mut Vec<Digest>) {
    if old == leaves.len() {
        if !is_whole {
            proof.push(root(leaves));
        }
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if old <= left.len() {
        consistency(old, left, is_whole, proof);
        proof.push(root(right));
    } else {
        consistency(old - left.len(), right, false, proof);
        proof.push(root(left));
    }
}

/// A key that signs notes.
#[derive(Clone)]
pub struct NoteSigner {
    name: String,
    key_type: KeyType,
    secret: SecretKey,
    public: Vec<u8>,
}

impl NoteSigner {
    /// A signer; its secret has to be of the type's algorithm.
    ///
    /// # Errors
    /// [`Reason::KeyName`], [`Reason::VerifierKey`].
    pub fn new(name: &str, key_type: KeyType, secret: SecretKey) -> Result<Self, Reason> {
        let public = secret.public().bytes;
        Key::new(name, key_type, &public)?;
        Ok(Self { name: name.into(), key_type, secret, public })
    }

    /// The public half.
    ///
    /// # Errors
    /// None that [`NoteSigner::new`] let through.
    pub fn key(&self) -> Result<Key<'_>, Reason> {
        Key::new(&self.name, self.key_type, &self.public)
    }

    /// The verifier key, `name+id+base64`, for policies.
    ///
    /// # Errors
    /// As [`NoteSigner::key`].
    pub fn verifier_key(&self) -> Result<String, Reason> {
        let id = u32::from_be_bytes(self.key()?.id());
        let key = [&[self.key_type as u8], &self.public[..]].concat();
        Ok(format!("{}+{id:08x}+{}", self.name, base64(&key)))
    }

    /// The signature line for a note's text; `time_s` is what a cosigner's signature carries.
    ///
    /// # Errors
    /// Those of [`Checkpoint::parse`] for a cosigner, which signs nothing but checkpoints, or
    /// [`Reason::TooLong`].
    pub fn sign(&self, text: &str, time_s: u64) -> Result<String, Reason> {
        let mut signature = self.key()?.id().to_vec();
        if self.key_type == KeyType::Note {
            signature.extend(self.secret.sign(text.as_bytes()));
        } else {
            let checkpoint = Checkpoint::parse(text).map_err(|error| error.reason)?;
            let message = Message::of(self.key_type, &self.name, time_s, text, &checkpoint);
            signature.extend(time_s.to_be_bytes());
            signature.extend(self.secret.sign(message.ok_or(Reason::TooLong)?.bytes()));
        }
        Ok(format!("\u{2014} {} {}\n", self.name, base64(&signature)))
    }
}

/// Base64 (RFC 4648, section 4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | u32::from(*group.get(i).unwrap_or(&0)));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= group.len() { DIGITS[index] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        assert_eq!(tile_path("0", 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path("entries", 999, 1), "tile/entries/999.p/1");
        assert_eq!(tile_path("1", 1000, 256), "tile/1/x001/000");
    }
}
