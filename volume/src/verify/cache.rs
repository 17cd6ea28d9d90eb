//! Proven nodes, by digest.

use ledger_verify::Digest;

use crate::geometry::{BLOCK_BYTES, Block};
use crate::superblock::TOC_LEVELS_MAX;

/// A cache of `N` proven nodes of 4 KiB: of tables of contents and of file trees alike, each under
/// the digest that proves it. The least recently used one gives way.
#[derive(Debug)]
pub struct ProvenNodes<const N: usize> {
    keys: [Digest; N],
    used_at: [u64; N],
    now: u64,
    nodes: [Block; N],
}

impl<const N: usize> ProvenNodes<N> {
    /// A walk must fit, or it would evict its own steps for ever. The longest goes down to a leaf
    /// and, having found nothing behind the last path there, down again to the leaf on its right.
    const ENOUGH: () = assert!(N >= Self::WALK_MAX);
    const WALK_MAX: usize = 2 * TOC_LEVELS_MAX as usize;

    /// An empty cache.
    #[must_use]
    pub const fn new() -> Self {
        let () = Self::ENOUGH;
        let (keys, used_at) = ([Digest::ZERO; N], [0; N]);
        Self { keys, used_at, now: 0, nodes: [[0; BLOCK_BYTES]; N] }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.used_at = [0; N];
        self.now = 0;
    }

    /// Place of the node with digest `key`, which now counts as used.
    pub(super) fn find(&mut self, key: &Digest) -> Option<usize> {
        let held = |&(held, used): &(&Digest, &u64)| held == key && *used != 0;
        let place = self.keys.iter().zip(&self.used_at).position(|slot| held(&slot))?;
        self.touch(place);
        Some(place)
    }

    /// The node at a place that [`Self::find`] gave.
    pub(super) fn node(&self, place: usize) -> &Block {
        const NONE: &Block = &[0; BLOCK_BYTES];
        self.nodes.get(place).unwrap_or(NONE)
    }

    /// Lets `fill` write a node straight into the cache; kept only if `fill` says that the node has
    /// the digest `key`.
    pub(super) fn insert(&mut self, key: Digest, fill: impl FnOnce(&mut Block) -> bool) -> bool {
        let oldest = (0..N).min_by_key(|&place| self.used_at.get(place).copied());
        let Some(place) = oldest else { return false };
        if let Some(used) = self.used_at.get_mut(place) {
            *used = 0;
        }
        if !self.nodes.get_mut(place).is_some_and(fill) {
            return false;
        }
        if let Some(held) = self.keys.get_mut(place) {
            *held = key;
        }
        self.touch(place);
        true
    }

    fn touch(&mut self, place: usize) {
        self.now += 1;
        if let Some(used) = self.used_at.get_mut(place) {
            *used = self.now;
        }
    }
}

impl<const N: usize> Default for ProvenNodes<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    fn insert(cache: &mut ProvenNodes<16>, byte: u8) {
        assert!(cache.insert(key(byte), |node| {
            *node = [byte; BLOCK_BYTES];
            true
        }));
    }

    #[test]
    fn the_least_recently_used_node_gives_way() {
        let mut cache = ProvenNodes::<16>::new();
        (1..=16).for_each(|byte| insert(&mut cache, byte));
        assert!(cache.find(&key(1)).is_some());
        insert(&mut cache, 17);
        assert_eq!(cache.find(&key(2)), None);
        let place = cache.find(&key(1)).unwrap();
        assert_eq!(cache.node(place)[0], 1);
    }

    #[test]
    fn an_unproven_node_is_not_kept_under_any_key() {
        let mut cache = ProvenNodes::<16>::new();
        (1..=16).for_each(|byte| insert(&mut cache, byte));
        assert!(!cache.insert(key(17), |node| {
            *node = [17; BLOCK_BYTES];
            false
        }));
        // The slot's former owner must not be found either: its bytes are gone.
        assert_eq!((cache.find(&key(1)), cache.find(&key(17))), (None, None));
        assert_eq!(cache.find(&Digest::ZERO), None);
    }

    #[test]
    fn clear_forgets() {
        let mut cache = ProvenNodes::<16>::new();
        insert(&mut cache, 1);
        cache.clear();
        assert_eq!(cache.find(&key(1)), None);
    }
}
