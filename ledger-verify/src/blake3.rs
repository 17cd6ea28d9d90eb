//! BLAKE3 with 32 bytes of output: keyed mode for what is ours, plain mode for binaries.
//!
//! Written here because the usual crate links sixteen panic paths into every user; without its C and
//! assembly it is no faster on `aarch64-unknown-none` (70.8 k instructions for a 4 KiB block, here
//! 71.5 k). Tested against that crate at every length where the tree changes its shape.
//!
//! Names are those of the BLAKE3 paper, section 2.

use core::array::from_fn;
use core::slice;

use crate::bytes::copy;
use crate::digest::Digest;

const BLOCK_BYTES: usize = 64;
const CHUNK_BYTES: usize = 1024;
const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const ROOT: u32 = 8;
const KEYED_HASH: u32 = 16;

const IV: Chaining = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Which message word goes where, for each of the seven rounds.
const SCHEDULE: [[usize; 16]; 7] = {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut schedule = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; 7];
    let mut round = 1;
    while round < 7 {
        let mut word = 0;
        while word < 16 {
            schedule[round][word] = schedule[round - 1][PERMUTATION[word]];
            word += 1;
        }
        round += 1;
    }
    schedule
};

/// The chaining value, or the key that stands in its place at the start.
type Chaining = [u32; 8];
type Block = [u8; BLOCK_BYTES];

#[inline(always)]
fn mix(v: &mut [u32; 16], [a, b, c, d]: [usize; 4], x: u32, y: u32) {
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(12);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
    v[d] = (v[d] ^ v[a]).rotate_right(8);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(7);
}

#[inline(always)]
fn round(v: &mut [u32; 16], m: &[u32; 16], s: &[usize; 16]) {
    mix(v, [0, 4, 8, 12], m[s[0]], m[s[1]]);
    mix(v, [1, 5, 9, 13], m[s[2]], m[s[3]]);
    mix(v, [2, 6, 10, 14], m[s[4]], m[s[5]]);
    mix(v, [3, 7, 11, 15], m[s[6]], m[s[7]]);
    mix(v, [0, 5, 10, 15], m[s[8]], m[s[9]]);
    mix(v, [1, 6, 11, 12], m[s[10]], m[s[11]]);
    mix(v, [2, 7, 8, 13], m[s[12]], m[s[13]]);
    mix(v, [3, 4, 9, 14], m[s[14]], m[s[15]]);
}

/// The compression function, in place.
#[inline(always)]
fn compress_block(h: &mut Chaining, block: &Block, length: u32, counter: u64, flags: u32) {
    let (words, _) = block.as_chunks::<4>();
    let m = from_fn(|i| words.get(i).map_or(0, |word| u32::from_le_bytes(*word)));
    let [h0, h1, h2, h3, h4, h5, h6, h7] = *h;
    let [i0, i1, i2, i3, ..] = IV;
    let [t0, t1] = halves(counter);
    let mut v = [h0, h1, h2, h3, h4, h5, h6, h7, i0, i1, i2, i3, t0, t1, length, flags];
    // Written out, so that every index is a constant and the state stays in registers.
    round(&mut v, &m, &SCHEDULE[0]);
    round(&mut v, &m, &SCHEDULE[1]);
    round(&mut v, &m, &SCHEDULE[2]);
    round(&mut v, &m, &SCHEDULE[3]);
    round(&mut v, &m, &SCHEDULE[4]);
    round(&mut v, &m, &SCHEDULE[5]);
    round(&mut v, &m, &SCHEDULE[6]);
    let (low, high) = v.split_at(8);
    for (h, (low, high)) in h.iter_mut().zip(low.iter().zip(high)) {
        *h = low ^ high;
    }
}

/// The same for blocks in a row, of which the first and the last have flags of their own. The one copy
/// of the compression function, which is large: so a chunk is compressed at once, and a block by itself
/// is a row of one.
#[inline(never)]
fn compress(h: &mut Chaining, blocks: &[Block], length: u32, counter: u64, flags: Flags) {
    let Flags { first, all, last } = flags;
    let mut start = first;
    for (block, left) in blocks.iter().zip((0..blocks.len()).rev()) {
        let end = if left == 0 { last } else { 0 };
        compress_block(h, block, length, counter, all | start | end);
        start = 0;
    }
}

#[derive(Clone, Copy)]
struct Flags {
    first: u32,
    all: u32,
    last: u32,
}

impl Flags {
    const fn of_one(all: u32) -> Self {
        Self { first: 0, all, last: 0 }
    }
}

const fn halves(counter: u64) -> [u32; 2] {
    #[allow(clippy::cast_possible_truncation, reason = "the low and the high half")]
    let halves = [counter as u32, (counter >> 32) as u32];
    halves
}

/// The input of a parent: both children's chaining values.
fn parent(left: &Chaining, right: &Chaining) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let (places, _) = block.as_chunks_mut::<4>();
    for (place, word) in places.iter_mut().zip(left.iter().chain(right)) {
        *place = word.to_le_bytes();
    }
    block
}

/// Levels of a tree over any input: 2^64 bytes are 2^54 chunks.
pub(crate) const LEVELS_ANY: usize = 54;
/// Levels of a tree over [`SHORT_BYTES_MAX`] bytes.
pub(crate) const LEVELS_SHORT: usize = 3;
/// What a chain's events and a tree's nodes never exceed.
pub(crate) const SHORT_BYTES_MAX: usize = CHUNK_BYTES << LEVELS_SHORT;

/// A hash of input that comes in pieces, of 2^`LEVELS` chunks at most: 264 bytes for short input, 1.9 KB
/// for any.
#[derive(Clone, Debug)]
pub(crate) struct Hasher<const LEVELS: usize> {
    progress: Progress,
    left: [Chaining; LEVELS],
}

impl<const LEVELS: usize> Hasher<LEVELS> {
    /// One that nobody asks.
    pub(crate) const NOTHING: Self = Self::new([0; 8], 0);

    /// In keyed mode.
    pub(crate) fn keyed(key: &[u8; 32]) -> Self {
        Self::new(key_words(key), KEYED_HASH)
    }

    /// In plain mode.
    pub(crate) const fn plain() -> Self {
        Self::new(IV, 0)
    }

    const fn new(key: Chaining, mode: u32) -> Self {
        Self { progress: Progress::new(key, mode), left: [[0; 8]; LEVELS] }
    }

    pub(crate) fn update(&mut self, input: &[u8]) {
        self.progress.update(&mut self.left, input);
    }

    pub(crate) fn finish(&self) -> Digest {
        self.progress.finish(&self.left)
    }
}

/// A hasher but for the finished subtrees to the left, the largest first, that wait for their right
/// half: all calls are to have the same.
#[derive(Clone, Debug)]
struct Progress {
    key: Chaining,
    /// `KEYED_HASH` or nothing: goes into every compression.
    mode: u32,
    /// Chaining value within the chunk.
    chunk: Chaining,
    /// Input not compressed yet, zero behind.
    block: [u8; BLOCK_BYTES],
    block_bytes: usize,
    blocks_done: usize,
    chunks_done: u64,
    left_count: usize,
}

impl Progress {
    const fn new(key: Chaining, mode: u32) -> Self {
        Self {
            key,
            mode,
            chunk: key,
            block: [0; BLOCK_BYTES],
            block_bytes: 0,
            blocks_done: 0,
            chunks_done: 0,
            left_count: 0,
        }
    }

    #[inline(never)]
    fn update(&mut self, left: &mut [Chaining], mut input: &[u8]) {
        // The last block is kept until more comes or the input ends: it is hashed differently.
        while !input.is_empty() {
            if self.block_bytes == BLOCK_BYTES {
                let block = core::mem::replace(&mut self.block, [0; BLOCK_BYTES]);
                self.block_bytes = 0;
                self.end_block(left, &block);
            }
            let is_chunk_start = self.blocks_done == 0 && self.block_bytes == 0;
            input = match (input.split_first_chunk::<CHUNK_BYTES>(), input.split_first_chunk()) {
                (Some((chunk, rest)), _) if is_chunk_start && !rest.is_empty() => {
                    let flags = Flags { first: CHUNK_START, all: self.mode, last: CHUNK_END };
                    let (blocks, _) = chunk.as_chunks();
                    compress(&mut self.chunk, blocks, 64, self.chunks_done, flags);
                    self.end_chunk(left);
                    rest
                }
                (_, Some((block, rest))) if self.block_bytes == 0 && !rest.is_empty() => {
                    self.end_block(left, block);
                    rest
                }
                _ => self.fill(input),
            };
        }
    }

    /// Takes as much of `input` as the block has room for and returns the rest.
    fn fill<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let room = self.block.get_mut(self.block_bytes..).unwrap_or(&mut []);
        let count = copy(room, input);
        self.block_bytes += count;
        input.get(count..).unwrap_or(&[])
    }

    const fn chunk_flags(&self) -> u32 {
        let is_last = self.blocks_done + 1 == CHUNK_BYTES / BLOCK_BYTES;
        let start = if self.blocks_done == 0 { CHUNK_START } else { 0 };
        self.mode | start | if is_last { CHUNK_END } else { 0 }
    }

    #[inline(never)]
    fn end_block(&mut self, left: &mut [Chaining], block: &[u8; BLOCK_BYTES]) {
        let flags = self.chunk_flags();
        compress(
            &mut self.chunk,
            slice::from_ref(block),
            64,
            self.chunks_done,
            Flags::of_one(flags),
        );
        self.blocks_done += 1;
        if flags & CHUNK_END != 0 {
            self.end_chunk(left);
        }
    }

    /// Joins the finished chunk with every finished subtree of its own size.
    fn end_chunk(&mut self, left: &mut [Chaining]) {
        let mut node = core::mem::replace(&mut self.chunk, self.key);
        self.blocks_done = 0;
        self.chunks_done += 1;
        let mut size = self.chunks_done;
        while size & 1 == 0 {
            let Some(sibling) = self.pop(left) else { break };
            let block = parent(sibling, &node);
            node = self.key;
            compress(&mut node, &[block], 64, 0, Flags::of_one(self.mode | PARENT));
            size >>= 1;
        }
        if let Some(place) = left.get_mut(self.left_count) {
            *place = node;
            self.left_count += 1;
        }
    }

    fn pop<'a>(&mut self, left: &'a [Chaining]) -> Option<&'a Chaining> {
        self.left_count = self.left_count.checked_sub(1)?;
        left.get(self.left_count)
    }

    fn finish(&self, left: &[Chaining]) -> Digest {
        let (mut h, mut block) = (self.chunk, self.block);
        // Input blocks are at most 64 bytes.
        let mut length = u32::try_from(self.block_bytes).unwrap_or(64);
        let (mut counter, mut flags) = (self.chunks_done, self.chunk_flags() | CHUNK_END);
        let left = left.get(..self.left_count).unwrap_or(&[]);
        for left in left.iter().rev() {
            compress(&mut h, &[block], length, counter, Flags::of_one(flags));
            (h, block) = (self.key, parent(left, &h));
            (length, counter, flags) = (64, 0, self.mode | PARENT);
        }
        // The root counts blocks of output; this is the first.
        compress(&mut h, &[block], length, 0, Flags::of_one(flags | ROOT));
        digest(&h)
    }
}

fn key_words(key: &[u8; 32]) -> Chaining {
    let (words, _) = key.as_chunks::<4>();
    from_fn(|i| words.get(i).map_or(0, |word| u32::from_le_bytes(*word)))
}

fn digest(chaining: &Chaining) -> Digest {
    let mut digest = Digest::ZERO;
    let (places, _) = digest.0.as_chunks_mut::<4>();
    for (place, word) in places.iter_mut().zip(chaining) {
        *place = word.to_le_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const KEY: &[u8; 32] = b"a key of thirty-two ASCII bytes.";

    fn input(length: usize) -> Vec<u8> {
        (0..=250).cycle().take(length).collect()
    }

    fn ours(pieces: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Hasher::<LEVELS_ANY>::keyed(KEY);
        let mut short = Hasher::<LEVELS_SHORT>::keyed(KEY);
        for piece in pieces {
            hasher.update(piece);
            short.update(piece);
        }
        if pieces.iter().map(|piece| piece.len()).sum::<usize>() <= SHORT_BYTES_MAX {
            assert_eq!(short.finish(), hasher.finish());
        }
        hasher.finish().0
    }

    #[test]
    #[cfg_attr(miri, ignore = "hashes megabytes")]
    fn agrees_with_the_blake3_crate_at_every_edge() {
        let edges = (0..=34).chain([0, 1, 2, 15, 16, 17].map(|chunks| chunks + 32));
        let lengths = edges.flat_map(|chunks: usize| {
            let length = chunks * CHUNK_BYTES;
            [length.saturating_sub(1), length, length + 1, length + 63, length + 64, length + 65]
        });
        for length in (0..300).chain(lengths) {
            let input = input(length);
            let expected = *::blake3::keyed_hash(KEY, &input).as_bytes();
            assert_eq!(ours(&[&input]), expected, "length {length}");
            let mut plain = Hasher::<LEVELS_ANY>::plain();
            plain.update(&input);
            assert_eq!(plain.finish().0, *::blake3::hash(&input).as_bytes(), "length {length}");
        }
    }

    #[test]
    fn counters_have_64_bits() {
        // Input that reaches the upper half is too long for a test.
        assert_eq!(halves(0x0123_4567_89ab_cdef), [0x89ab_cdef, 0x0123_4567]);
    }

    #[test]
    fn pieces_do_not_matter() {
        // Miri hashes a KiB in seconds.
        let input = input(if cfg!(miri) { 2100 } else { 5000 });
        let expected = *::blake3::keyed_hash(KEY, &input).as_bytes();
        for size in [1, 3, 63, 64, 65, 1000, 1023, 1024, 1025, 4999] {
            assert_eq!(ours(&input.chunks(size).collect::<Vec<_>>()), expected, "{size}");
        }
        assert_eq!(ours(&[&[], &input[..1], &[], &input[1..], &[]]), expected);
    }
}
