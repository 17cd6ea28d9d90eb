//! Skein 1.1 (2008): Threefish in UBI chaining, as the paper of that year has it.
//!
//! Later versions, and with them every published crate, have other rotations and another parity.
//! Source: LLL-TAO `LLC/hash/SK/skein.h`. Names are those of the Skein paper, sections 3.3 to 3.5.

/// What the key's words add up to (⊕) with the last word of the extended key.
const PARITY: u64 = 0x5555_5555_5555_5555;

const FIRST: u64 = 1 << 62;
const FINAL: u64 = 1 << 63;

/// Kind of block: a field of the tweak.
const CONFIG: u64 = 4 << 56;
const MESSAGE: u64 = 48 << 56;
const OUTPUT: u64 = 63 << 56;

/// "SHA3", then the version of the format, 1.
const SCHEMA: u64 = 0x0000_0001_3341_4853;

/// Skein with `WORDS` words of state: 4, 8 or 16.
#[derive(Clone)]
pub(super) struct Skein<const WORDS: usize> {
    chaining: [u64; WORDS],
    /// Input that waits: the last block is hashed differently.
    block: [u64; WORDS],
    block_bytes: usize,
    bytes_done: u64,
    /// `FIRST` until a block was hashed.
    first: u64,
}

impl<const WORDS: usize> Skein<WORDS> {
    const ROUNDS: usize = if WORDS == 16 { 80 } else { 72 };

    const ROTATIONS: &'static [[u32; 8]; 8] = match WORDS {
        4 => &[
            [5, 56, 0, 0, 0, 0, 0, 0],
            [36, 28, 0, 0, 0, 0, 0, 0],
            [13, 46, 0, 0, 0, 0, 0, 0],
            [58, 44, 0, 0, 0, 0, 0, 0],
            [26, 20, 0, 0, 0, 0, 0, 0],
            [53, 35, 0, 0, 0, 0, 0, 0],
            [11, 42, 0, 0, 0, 0, 0, 0],
            [59, 50, 0, 0, 0, 0, 0, 0],
        ],
        8 => &[
            [38, 30, 50, 53, 0, 0, 0, 0],
            [48, 20, 43, 31, 0, 0, 0, 0],
            [34, 14, 15, 27, 0, 0, 0, 0],
            [26, 12, 58, 7, 0, 0, 0, 0],
            [33, 49, 8, 42, 0, 0, 0, 0],
            [39, 27, 41, 14, 0, 0, 0, 0],
            [29, 26, 11, 9, 0, 0, 0, 0],
            [33, 51, 39, 35, 0, 0, 0, 0],
        ],
        _ => &[
            [55, 43, 37, 40, 16, 22, 38, 12],
            [25, 25, 46, 13, 14, 13, 52, 57],
            [33, 8, 18, 57, 21, 12, 32, 54],
            [34, 43, 25, 60, 44, 9, 59, 34],
            [28, 7, 47, 48, 51, 9, 35, 41],
            [17, 6, 18, 25, 43, 42, 40, 15],
            [58, 7, 32, 45, 19, 18, 2, 56],
            [47, 49, 27, 58, 37, 48, 53, 56],
        ],
    };

    /// Which word goes where after each round.
    const PERMUTATION: &'static [usize; 16] = match WORDS {
        4 => &[0, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        8 => &[2, 1, 4, 7, 6, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0],
        _ => &[0, 9, 2, 13, 6, 11, 4, 15, 10, 7, 12, 3, 14, 5, 8, 1],
    };

    /// For `output_bits` of output.
    #[inline(never)]
    pub(super) fn new(output_bits: u64) -> Self {
        let mut skein = Self {
            chaining: [0; WORDS],
            block: [0; WORDS],
            block_bytes: 0,
            bytes_done: 0,
            first: FIRST,
        };
        // Two words, and two of zeros.
        for (place, word) in skein.block.iter_mut().zip([SCHEMA, output_bits]) {
            *place = word;
        }
        skein.block_bytes = 32;
        skein.end(CONFIG);
        skein
    }

    #[inline(never)]
    pub(super) fn update(&mut self, input: &[u8]) {
        for byte in input {
            if self.block_bytes == WORDS * 8 {
                self.compress(MESSAGE);
            }
            if let Some(word) = self.block.get_mut(self.block_bytes / 8) {
                *word |= u64::from(*byte) << (self.block_bytes % 8 * 8);
            }
            self.block_bytes += 1;
        }
    }

    /// Ends the message; `output` is at most as long as the state.
    #[inline(never)]
    pub(super) fn finish(mut self, output: &mut [u8]) {
        self.end(MESSAGE);
        // The number of the block of output: there is one only.
        self.update(&[0; 8]);
        self.end(OUTPUT);
        for (index, byte) in output.iter_mut().enumerate() {
            let word = self.chaining.get(index / 8).map_or(0, |word| word >> (index % 8 * 8));
            [*byte, ..] = word.to_le_bytes();
        }
    }

    /// Ends one UBI and starts the next.
    #[inline(never)]
    fn end(&mut self, kind: u64) {
        self.compress(kind | FINAL);
        self.bytes_done = 0;
        self.first = FIRST;
    }

    /// One step of UBI.
    #[inline(never)]
    fn compress(&mut self, kind: u64) {
        self.bytes_done += self.block_bytes as u64;
        let message = self.block;
        self.encrypt([self.bytes_done, kind | self.first]);
        for (word, message) in self.chaining.iter_mut().zip(message) {
            *word ^= message;
        }
        self.block = [0; WORDS];
        self.block_bytes = 0;
        self.first = 0;
    }

    /// Threefish, from `block` under the key `chaining` into `chaining`.
    #[inline(never)]
    fn encrypt(&mut self, [t0, t1]: [u64; 2]) {
        let key = self.chaining;
        let parity = key.iter().fold(PARITY, |parity, word| parity ^ word);
        let tweak = [t0, t1, t0 ^ t1];
        let mut state = self.block;
        for (round, rotations) in (0..Self::ROUNDS).zip(Self::ROTATIONS.iter().cycle()) {
            if round % 4 == 0 {
                add_subkey(&mut state, &key, parity, tweak, round / 4);
            }
            for (pair, rotation) in state.as_chunks_mut::<2>().0.iter_mut().zip(rotations) {
                let [a, b] = pair;
                *a = a.wrapping_add(*b);
                *b = b.rotate_left(*rotation) ^ *a;
            }
            let mixed = state;
            for (word, from) in state.iter_mut().zip(Self::PERMUTATION) {
                *word = mixed.get(*from).copied().unwrap_or(0);
            }
        }
        add_subkey(&mut state, &key, parity, tweak, Self::ROUNDS / 4);
        self.chaining = state;
    }
}

/// Adds subkey `number`.
fn add_subkey<const WORDS: usize>(
    state: &mut [u64; WORDS],
    key: &[u64; WORDS],
    parity: u64,
    tweak: [u64; 3],
    number: usize,
) {
    for (index, word) in state.iter_mut().enumerate() {
        // The parity is the key's last word.
        let key = key.get((number + index) % (WORDS + 1)).copied().unwrap_or(parity);
        *word = word.wrapping_add(key);
    }
    if let [.., a, b, c] = state.as_mut_slice() {
        *a = a.wrapping_add(tweak[number % 3]);
        *b = b.wrapping_add(tweak[(number + 1) % 3]);
        *c = c.wrapping_add(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn chaining_starts_from_the_published_value() {
        let expected = [
            0x3885_1268_0e66_0046,
            0x4b72_d5de_c5a8_ff01,
            0x281a_9298_ca5e_b3a5,
            0x54ca_5249_f460_70c4,
        ];
        assert_eq!(Skein::<4>::new(256).chaining, expected);
    }

    /// Skein alone, as hexadecimal digits.
    fn skein<const WORDS: usize>(message: &[u8]) -> String {
        let mut skein = Skein::<WORDS>::new(WORDS as u64 * 64);
        skein.update(message);
        let mut digest = std::vec![0; WORDS * 8];
        skein.finish(&mut digest);
        digest.iter().map(|byte| std::format!("{byte:02x}")).collect()
    }

    #[test]
    fn agrees_with_the_ledgers_skein() {
        let file = include_str!("../../../tests/vectors/nexus.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let all_bytes: std::vec::Vec<u8> = (0..=255).collect();
        let messages = [b"", b"abc".as_slice(), b"hello world", &all_bytes];
        for (vector, message) in file["sk"].as_array().unwrap().iter().zip(messages) {
            assert_eq!(vector["skein11_256"], skein::<4>(message));
            assert_eq!(vector["skein11_512"], skein::<8>(message));
        }
    }
}
