//! What the tests and their peer agree on.
//!
//! The peer is a PD of higher priority: it obeys the command in the shared words before the call
//! that notifies it returns. Commands and their two arguments:
//!
//! | command | does | result |
//! |---|---|---|
//! | [`START`] | begins a new life of the client end | |
//! | [`SEND`] n, first | sends n descriptors with cookies from `first`, flushing each | accepted |
//! | [`SEND_ONE`] offset, length | sends one descriptor | accepted |
//! | [`RECEIVE`] | takes all completions; [`LAST`] is the last cookie | count, [`RESTARTS`] |
//! | [`ARM`] | prepares for sleep | 1: may sleep |
//! | [`POKE`] word, value | overwrites a 32-bit word of the link | |
//! | [`RANDOM`] seed, n | overwrites n words of the link at random | |
//! | [`FLOOD`] n | notifies n times | |
//! | [`FILL`] seed, n | writes n pseudo-random bytes to the data region | |
//! | [`DIGEST`] offset, n | reads n bytes of the data region | their [`digest`] |

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "pd")]
pub mod command;

use sel4_shared_ring_buffer::{Descriptor, RawLink};

/// Messages each way.
pub const SLOTS: usize = 16;
/// The link under test.
pub type Link = RawLink<Descriptor, Descriptor, SLOTS>;
/// Size of the data region.
pub const DATA_BYTES: usize = 0x4000;
/// 32-bit words of the link.
pub const LINK_WORDS: usize = size_of::<Link>() / 4;

/// Words of the link that lies concern, by index.
pub mod word {
    /// Generation that the client acknowledges.
    pub const CLIENT_ACKNOWLEDGED: u64 = 0;
    /// Client's generation.
    pub const CLIENT_GENERATION: u64 = 1;
    /// Client's sleep word.
    pub const CLIENT_SLEEP: u64 = 2;
    /// Generation that the server acknowledges.
    pub const SERVER_ACKNOWLEDGED: u64 = 16;
    /// Server's sleep word.
    pub const SERVER_SLEEP: u64 = 18;
    /// Write index of the requests, the client's.
    pub const REQUESTS_WRITTEN: u64 = 32;
    /// Read index of the requests, the server's.
    pub const REQUESTS_READ: u64 = 33;
    /// First slot of the requests.
    pub const REQUESTS: u64 = 34;
    /// Write index of the completions, the server's.
    pub const COMPLETIONS_WRITTEN: u64 = 130;
    /// Read index of the completions, the client's.
    pub const COMPLETIONS_READ: u64 = 131;
}

/// Index of the command; 0 once it is done.
pub const COMMAND: usize = 0;
/// Index of the arguments.
pub const ARGUMENTS: usize = 1;
/// Index of the result.
pub const RESULT: usize = 3;
/// Index of the last cookie received.
pub const LAST: usize = 4;
/// Index of the restarts reported to the peer since it started.
pub const RESTARTS: usize = 5;
/// Index of the scribbler's switch: 0 stops it.
pub const SCRIBBLE: usize = 6;
/// Index of the words that the scribbler has written.
pub const SCRIBBLED: usize = 7;

/// See the table.
pub const START: u64 = 1;
/// See the table.
pub const SEND: u64 = 2;
/// See the table.
pub const SEND_ONE: u64 = 3;
/// See the table.
pub const RECEIVE: u64 = 4;
/// See the table.
pub const ARM: u64 = 5;
/// See the table.
pub const POKE: u64 = 6;
/// See the table.
pub const RANDOM: u64 = 7;
/// See the table.
pub const FLOOD: u64 = 8;
/// See the table.
pub const FILL: u64 = 9;
/// See the table.
pub const DIGEST: u64 = 10;

/// Numbers that look random, the same for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number (xorshift64).
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A word of the link and a value for it: epochs, indices and small numbers more often than not.
    pub fn lie(&mut self) -> (usize, u32) {
        let [index, kind, low, ..] = self.next().to_le_bytes();
        let control = [0, 1, 2, 16, 17, 18, 32, 33, 130, 131];
        let word = match control.get(usize::from(index)) {
            Some(word) => *word,
            None if index < 128 => control[usize::from(index) % control.len()],
            None => usize::try_from(self.next()).unwrap_or(0) % LINK_WORDS,
        };
        let value = match kind % 4 {
            0 => u32::from(low),
            1 => u32::from(low % 20),
            2 => u32::MAX - u32::from(low % 20),
            _ => (self.next() >> 32).try_into().unwrap_or(0),
        };
        (word, value)
    }
}

/// Bytes that look random.
pub fn fill(seed: u64, bytes: &mut [u8]) {
    let mut random = Random::new(seed);
    bytes.iter_mut().for_each(|byte| *byte = random.next().to_le_bytes()[3]);
}

/// A number that differs when bytes differ or move.
pub fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_stay_within_the_link_and_reach_all_of_it() {
        let mut random = Random::new(7);
        let mut seen = [false; LINK_WORDS];
        (0..50_000).for_each(|_| seen[random.lie().0] = true);
        assert!(seen.iter().all(|&seen| seen));
    }

    #[test]
    fn a_digest_sees_order() {
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
        assert_ne!(digest(&[0]), digest(&[0, 0]));
    }

    #[test]
    fn the_words_are_where_the_link_has_them() {
        // SLOTS descriptors of 24 bytes behind two indices.
        let ring = 2 + SLOTS as u64 * 6;
        assert_eq!(word::COMPLETIONS_WRITTEN, word::REQUESTS_WRITTEN + ring);
        assert_eq!(LINK_WORDS as u64, (word::COMPLETIONS_WRITTEN + ring).next_multiple_of(16));
    }
}
