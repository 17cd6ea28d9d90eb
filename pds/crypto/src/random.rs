//! Random bytes with fast key erasure.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use zeroize::Zeroize;

/// Bytes of hardware entropy per seeding.
pub const SEED_BYTES: usize = 48;

/// Separates this use of BLAKE3 from all others.
const CONTEXT: &str = "cairn crypto 2026 random generator seed";

/// A generator that has been seeded.
pub struct Random {
    generator: ChaCha20Rng,
}

impl Random {
    /// A generator seeded with hardware entropy.
    #[must_use]
    pub fn new(entropy: &[u8; SEED_BYTES]) -> Self {
        Self { generator: seeded(&[0; 32], entropy) }
    }

    /// Mixes fresh entropy in; the state never becomes less random than it was.
    pub fn reseed(&mut self, entropy: &[u8; SEED_BYTES]) {
        let mut own = [0; 32];
        self.fill(&mut own);
        self.generator = seeded(&own, entropy);
        own.zeroize();
    }

    /// Fills `bytes`, then forgets how.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.generator.fill_bytes(bytes);
        let mut key = [0; 32];
        self.generator.fill_bytes(&mut key);
        self.generator = ChaCha20Rng::from_seed(key);
        key.zeroize();
    }

    /// An array of random bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

fn seeded(own: &[u8; 32], entropy: &[u8; SEED_BYTES]) -> ChaCha20Rng {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(own);
    hasher.update(entropy);
    ChaCha20Rng::from_seed(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differs_with_the_seed_and_within_a_life() {
        let mut one = Random::new(&[1; SEED_BYTES]);
        let mut other = Random::new(&[2; SEED_BYTES]);
        let first: [u8; 32] = one.array();
        assert_ne!(first, other.array());
        assert_ne!(first, one.array());
    }

    #[test]
    fn reseeding_changes_the_stream() {
        let mut one = Random::new(&[1; SEED_BYTES]);
        let mut other = Random::new(&[1; SEED_BYTES]);
        other.reseed(&[1; SEED_BYTES]);
        assert_ne!(one.array::<16>(), other.array::<16>());
    }

    #[test]
    fn fills_any_length() {
        let mut random = Random::new(&[3; SEED_BYTES]);
        for len in [0, 1, 31, 32, 33, 1000] {
            let mut bytes = vec![0; len];
            random.fill(&mut bytes);
            assert!(len < 16 || bytes.iter().any(|&byte| byte != 0));
        }
    }
}
