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

/// Words of state, of the largest Skein.
const WORDS_MAX: usize = 16;

type Words = [u64; WORDS_MAX];

/// What tells one Threefish from another.
struct Cipher {
    words: usize,
    /// Between them are four rounds each.
    last_subkey: u64,
    /// Four rounds, and the four after them: see [`mixes`].
    mixes: [&'static [u32]; 2],
}

const CIPHER_256: Cipher = {
    const MIXES: [[[u32; 2]; 4]; 2] = mixes(
        [[5, 56], [36, 28], [13, 46], [58, 44], [26, 20], [53, 35], [11, 42], [59, 50]],
        [[0, 3], [2, 1]],
    );
    Cipher { words: 4, last_subkey: 18, mixes: [MIXES[0].as_flattened(), MIXES[1].as_flattened()] }
};

const CIPHER_512: Cipher = {
    const MIXES: [[[u32; 4]; 4]; 2] = mixes(
        [
            [38, 30, 50, 53],
            [48, 20, 43, 31],
            [34, 14, 15, 27],
            [26, 12, 58, 7],
            [33, 49, 8, 42],
            [39, 27, 41, 14],
            [29, 26, 11, 9],
            [33, 51, 39, 35],
        ],
        [[2, 1], [4, 7], [6, 5], [0, 3]],
    );
    Cipher { words: 8, last_subkey: 18, mixes: [MIXES[0].as_flattened(), MIXES[1].as_flattened()] }
};

const CIPHER_1024: Cipher = {
    const MIXES: [[[u32; 8]; 4]; 2] = mixes(
        [
            [55, 43, 37, 40, 16, 22, 38, 12],
            [25, 25, 46, 13, 14, 13, 52, 57],
            [33, 8, 18, 57, 21, 12, 32, 54],
            [34, 43, 25, 60, 44, 9, 59, 34],
            [28, 7, 47, 48, 51, 9, 35, 41],
            [17, 6, 18, 25, 43, 42, 40, 15],
            [58, 7, 32, 45, 19, 18, 2, 56],
            [47, 49, 27, 58, 37, 48, 53, 56],
        ],
        [[0, 9], [2, 13], [6, 11], [4, 15], [10, 7], [12, 3], [14, 5], [8, 1]],
    );
    Cipher { words: 16, last_subkey: 20, mixes: [MIXES[0].as_flattened(), MIXES[1].as_flattened()] }
};

/// What eight rounds do: each mix its two words, and how far it rotates the second, all in one number.
/// No word moves: `from` says which words of a round make the pairs of the next, and after four rounds
/// all are in their first places again.
const fn mixes<const PAIRS: usize>(
    rotations: [[u8; PAIRS]; 8],
    from: [[usize; 2]; PAIRS],
) -> [[[u32; PAIRS]; 4]; 2] {
    let mut mixes = [[[0; PAIRS]; 4]; 2];
    let mut round = 0;
    while round < 8 {
        let half = &mut mixes[round / 4];
        let mut pair = 0;
        while pair < PAIRS {
            let [a, b] = match round % 4 {
                0 => [2 * pair, 2 * pair + 1],
                next => {
                    let [a, b] = from[pair];
                    let before = &half[next - 1];
                    [words(before[a / 2])[a % 2], words(before[b / 2])[b % 2]]
                }
            };
            #[allow(clippy::cast_possible_truncation, reason = "below 16")]
            let mix = [64 - rotations[round][pair], a as u8, b as u8, 0];
            half[round % 4][pair] = u32::from_le_bytes(mix);
            pair += 1;
        }
        round += 1;
    }
    mixes
}

/// The two words of a mix.
const fn words(mix: u32) -> [usize; 2] {
    let [_, a, b, _] = mix.to_le_bytes();
    [a as usize % WORDS_MAX, b as usize % WORDS_MAX]
}

/// Skein of any width: one code for all, whose loops are as long as the width says.
#[derive(Clone)]
pub(super) struct Skein {
    cipher: &'static Cipher,
    chaining: Words,
    /// Input that waits: the last block is hashed differently.
    block: Words,
    block_bytes: usize,
    bytes_done: u64,
    /// `FIRST` until a block was hashed.
    first: u64,
}

impl Skein {
    /// With 4, 8 or 16 words of state, for `output_bits` of output.
    #[inline(never)]
    pub(super) fn new(words: usize, output_bits: u64) -> Self {
        let cipher = match words {
            4 => &CIPHER_256,
            8 => &CIPHER_512,
            _ => &CIPHER_1024,
        };
        let mut block = [0; WORDS_MAX];
        [block[0], block[1]] = [SCHEMA, output_bits];
        let chaining = [0; WORDS_MAX];
        // Two words, and two of zeros.
        let mut skein =
            Self { cipher, chaining, block, block_bytes: 32, bytes_done: 0, first: FIRST };
        skein.end(CONFIG);
        skein
    }

    #[inline(never)]
    pub(super) fn update(&mut self, input: &[u8]) {
        for byte in input {
            if self.block_bytes == self.cipher.words * 8 {
                self.compress(MESSAGE);
            }
            if let Some(word) = self.block.get_mut(self.block_bytes / 8) {
                *word |= u64::from(*byte) << (self.block_bytes % 8 * 8);
            }
            self.block_bytes += 1;
        }
    }

    /// Ends the message; `output` is at most as long as the state. What is left is of no use.
    #[inline(never)]
    pub(super) fn finish(&mut self, output: &mut [u8]) {
        self.end(MESSAGE);
        // The number of the block of output: there is one only.
        self.block_bytes = 8;
        self.end(OUTPUT);
        for (index, byte) in output.iter_mut().enumerate() {
            let word = self.chaining.get(index / 8).map_or(0, |word| word >> (index % 8 * 8));
            [*byte, ..] = word.to_le_bytes();
        }
    }

    /// Ends one UBI and starts the next.
    fn end(&mut self, kind: u64) {
        self.compress(kind | FINAL);
        self.bytes_done = 0;
        self.first = FIRST;
    }

    /// One step of UBI.
    #[inline(never)]
    fn compress(&mut self, kind: u64) {
        self.bytes_done += self.block_bytes as u64;
        let mut state = self.block;
        encrypt(self.cipher, &mut state, &self.chaining, [self.bytes_done, kind | self.first]);
        for ((chaining, word), message) in self.chaining.iter_mut().zip(state).zip(self.block) {
            *chaining = word ^ message;
        }
        self.block = [0; WORDS_MAX];
        self.block_bytes = 0;
        self.first = 0;
    }
}

/// Threefish: `state` under `key`.
fn encrypt(cipher: &Cipher, state: &mut Words, key: &Words, [t0, t1]: [u64; 2]) {
    let mut tweak = [t0, t1, t0 ^ t1];
    // One word more: the parity of all.
    let mut extended = [0; 2 * WORDS_MAX];
    extended[..WORDS_MAX].copy_from_slice(key);
    extended[cipher.words % (2 * WORDS_MAX)] =
        key.iter().fold(PARITY, |parity, word| parity ^ word);
    let next = |word| if word == cipher.words { 0 } else { word + 1 };
    let mut first = 0;
    let [mut now, mut then] = cipher.mixes;
    for number in 0.. {
        // A subkey is the extended key from its word `number` on, round and round.
        let mut from = first;
        let used = state.get_mut(..cipher.words).unwrap_or_default();
        for word in used.iter_mut() {
            *word = word.wrapping_add(extended[from % (2 * WORDS_MAX)]);
            from = next(from);
        }
        first = next(first);
        if let [.., a, b, c] = used {
            *a = a.wrapping_add(tweak[0]);
            *b = b.wrapping_add(tweak[1]);
            *c = c.wrapping_add(number);
        }
        tweak.rotate_left(1);
        if number == cipher.last_subkey {
            return;
        }
        for mix in now {
            let [a, b] = words(*mix);
            let sum = state[a].wrapping_add(state[b]);
            // To the right: of a number of turns its lowest bits count.
            let turned = state[b].rotate_right(*mix);
            (state[a], state[b]) = (sum, turned ^ sum);
        }
        (now, then) = (then, now);
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
        assert_eq!(Skein::new(4, 256).chaining[..4], expected);
    }

    /// Skein alone, as hexadecimal digits.
    fn skein(words: usize, message: &[u8]) -> String {
        let mut skein = Skein::new(words, words as u64 * 64);
        skein.update(message);
        let mut digest = std::vec![0; words * 8];
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
            assert_eq!(vector["skein11_256"], skein(4, message));
            assert_eq!(vector["skein11_512"], skein(8, message));
        }
    }
}
