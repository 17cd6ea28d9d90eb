//! Whether a binary is the one that a release names.

use sha2::{Digest as _, Sha256};

use super::{HashKind, Release};
use crate::blake3::{Hasher, LEVELS_ANY};
use crate::digest::Digest;

#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "no heap to put the larger one on")]
enum AnyHasher {
    Blake3(Hasher<LEVELS_ANY>),
    Sha256(Sha256),
}

/// Measures a binary that comes in pieces, in about 2 KB.
#[derive(Clone)]
pub struct BinaryCheck {
    release: Release,
    hasher: AnyHasher,
    size_bytes: u64,
}

impl BinaryCheck {
    /// A check against `release`, before the first byte.
    #[must_use]
    pub fn new(release: Release) -> Self {
        let hasher = match release.hash {
            HashKind::Blake3 => AnyHasher::Blake3(Hasher::plain()),
            HashKind::Sha256 => AnyHasher::Sha256(Sha256::new()),
        };
        Self { release, hasher, size_bytes: 0 }
    }

    /// Takes the next bytes. Answers false as soon as there are more than the release has: the rest
    /// need not be read.
    #[must_use]
    pub fn update(&mut self, bytes: &[u8]) -> bool {
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
        if self.size_bytes > self.release.size_bytes {
            return false;
        }
        match &mut self.hasher {
            AnyHasher::Blake3(hasher) => hasher.update(bytes),
            AnyHasher::Sha256(hasher) => hasher.update(bytes),
        }
        true
    }

    /// Whether the bytes taken are the release's binary, no less and no more.
    #[must_use]
    pub fn finish(&self) -> bool {
        let digest = match &self.hasher {
            AnyHasher::Blake3(hasher) => hasher.finish(),
            AnyHasher::Sha256(hasher) => Digest(hasher.clone().finalize().into()),
        };
        self.size_bytes == self.release.size_bytes && digest == self.release.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::{Platform, Version};
    use std::vec;

    fn release(hash: HashKind, binary: &[u8]) -> Release {
        let digest = match hash {
            HashKind::Blake3 => Digest(*::blake3::hash(binary).as_bytes()),
            HashKind::Sha256 => Digest(Sha256::digest(binary).into()),
        };
        Release {
            version: Version([1, 0, 0]),
            platform: Platform::new("qemu").unwrap(),
            hash,
            digest,
            size_bytes: binary.len() as u64,
            capabilities: 0,
        }
    }

    fn accepts(release: Release, pieces: &[&[u8]]) -> bool {
        let mut check = BinaryCheck::new(release);
        pieces.iter().all(|piece| check.update(piece)) && check.finish()
    }

    #[test]
    fn accepts_the_binary_and_nothing_else() {
        let size_bytes = if cfg!(miri) { 700 } else { 70_000 };
        let binary = vec![7; size_bytes];
        for (hash, other) in
            [(HashKind::Blake3, HashKind::Sha256), (HashKind::Sha256, HashKind::Blake3)]
        {
            let release = release(hash, &binary);
            assert!(accepts(release, &[&binary]));
            assert!(accepts(release, &[&binary[..1], &[], &binary[1..]]));
            assert!(!accepts(release, &[&binary[1..]]));
            assert!(!accepts(release, &[&binary, &[7]]));
            let mut bad = binary.clone();
            bad[size_bytes - 1] ^= 1;
            assert!(!accepts(release, &[&bad]));
            assert!(!accepts(Release { hash: other, ..release }, &[&binary]));
            // The digest alone does not do: size is checked by itself.
            for other in [release.size_bytes - 1, release.size_bytes + 1] {
                assert!(!accepts(Release { size_bytes: other, ..release }, &[&binary]));
            }
        }
    }

    #[test]
    fn endless_binaries_are_refused_at_their_size() {
        let mut check = BinaryCheck::new(release(HashKind::Blake3, &[7; 10]));
        assert!(check.update(&[7; 10]));
        assert!(!check.update(&[7]));
        assert!(!check.update(&[]));
        assert!(!check.finish());
    }
}
