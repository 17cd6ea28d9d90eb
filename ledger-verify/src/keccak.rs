//! Sponges over Keccak-f[1600] (FIPS 202), told apart by rate and suffix.

/// Bytes per block of SHAKE128.
#[cfg(any(test, feature = "ml-dsa"))]
pub(crate) const RATE_SHAKE_128: usize = 168;
/// Bytes per block of SHAKE256.
pub(crate) const RATE_SHAKE_256: usize = 136;
/// What SHAKE adds to its input, with the first bit of the padding behind it.
pub(crate) const SUFFIX_SHAKE: u8 = 0x1f;

/// A sponge: absorb, finish, squeeze.
#[derive(Clone, Debug)]
pub(crate) struct Sponge {
    lanes: [u64; 25],
    /// Bytes per block, at most 200.
    rate: usize,
    offset: usize,
}

impl Sponge {
    pub(crate) const fn new(rate: usize) -> Self {
        Self { lanes: [0; 25], rate, offset: 0 }
    }

    #[inline(never)]
    pub(crate) fn absorb(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.permute_at_block_end();
            self.add(self.offset, *byte);
            self.offset += 1;
        }
    }

    /// Ends the input; `suffix` holds the bits of domain separation and the padding's first.
    pub(crate) fn finish(&mut self, suffix: u8) {
        self.absorb(&[suffix]);
        self.add(self.rate - 1, 0x80);
        self.offset = self.rate;
    }

    #[inline(never)]
    pub(crate) fn squeeze(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.byte();
        }
    }

    /// The next byte of output.
    pub(crate) fn byte(&mut self) -> u8 {
        self.permute_at_block_end();
        let lane = self.lanes.get(self.offset / 8).map_or(0, |lane| lane >> (self.offset % 8 * 8));
        self.offset += 1;
        let [byte, ..] = lane.to_le_bytes();
        byte
    }

    fn add(&mut self, offset: usize, byte: u8) {
        if let Some(lane) = self.lanes.get_mut(offset / 8) {
            *lane ^= u64::from(byte) << (offset % 8 * 8);
        }
    }

    fn permute_at_block_end(&mut self) {
        if self.offset == self.rate {
            keccak_f(&mut self.lanes);
            self.offset = 0;
        }
    }
}

/// Round constants (FIPS 202, 3.2.5).
const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// The walk of ρ and π over the lanes but the first: where to, rotated by how much.
const WALK: [(usize, u32); 24] = {
    let mut walk = [(0, 0); 24];
    let (mut x, mut y, mut step) = (1, 0, 0_u32);
    let mut rotation = 0;
    while step < 24 {
        rotation = (rotation + step + 1) % 64;
        (x, y) = (y, (2 * x + 3 * y) % 5);
        walk[step as usize] = (x + 5 * y, rotation);
        step += 1;
    }
    walk
};

/// Keccak-f[1600].
#[inline(never)]
fn keccak_f(lanes: &mut [u64; 25]) {
    for round in ROUNDS {
        // θ
        let mut parity = [0; 5];
        for row in lanes.as_chunks::<5>().0 {
            for (parity, lane) in parity.iter_mut().zip(row) {
                *parity ^= lane;
            }
        }
        let [a, b, c, d, e] = parity;
        let mix = |left: u64, right: u64| left ^ right.rotate_left(1);
        let theta = [mix(e, b), mix(a, c), mix(b, d), mix(c, e), mix(d, a)];
        for row in lanes.as_chunks_mut::<5>().0 {
            for (lane, theta) in row.iter_mut().zip(theta) {
                *lane ^= theta;
            }
        }
        // ρ and π
        let mut carry = lanes[1];
        for (to, rotation) in WALK {
            if let Some(lane) = lanes.get_mut(to) {
                carry = core::mem::replace(lane, carry.rotate_left(rotation));
            }
        }
        // χ
        for row in lanes.as_chunks_mut::<5>().0 {
            let [a, b, c, d, e] = *row;
            *row = [a ^ (!b & c), b ^ (!c & d), c ^ (!d & e), d ^ (!e & a), e ^ (!a & b)];
        }
        // ι
        lanes[0] ^= round;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    /// FIPS 202 example values for the empty message, first 32 bytes.
    #[test]
    fn empty_messages_have_the_published_digests() {
        let mut digest = Digest::ZERO;
        let mut shake = Sponge::new(RATE_SHAKE_128);
        shake.finish(SUFFIX_SHAKE);
        shake.squeeze(&mut digest.0);
        let expected = "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26";
        assert_eq!(Some(digest), Digest::from_hex(expected));
        let mut shake = Sponge::new(RATE_SHAKE_256);
        shake.finish(SUFFIX_SHAKE);
        shake.squeeze(&mut digest.0);
        let expected = "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f";
        assert_eq!(Some(digest), Digest::from_hex(expected));
    }
}
