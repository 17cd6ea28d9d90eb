//! Cases for comparisons with other implementations.

/// How many cases to try: `CASES`, or `few`.
pub(crate) fn cases(few: u64) -> u64 {
    std::env::var("CASES").map_or(few, |cases| cases.parse().unwrap())
}

/// A generator good enough to choose test cases, and the same on every run.
pub(crate) struct Random(blake3::OutputReader);

impl Random {
    pub(crate) fn new(name: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(name).finalize_xof())
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes(self.bytes())) % end
    }

    /// Flips one bit, or leaves all as it is, every fourth time.
    pub(crate) fn spoil(&mut self, bytes: &mut [u8]) {
        let [choice] = self.bytes();
        if choice % 4 != 0 {
            let place = self.below(bytes.len());
            bytes[place] ^= 1 << (choice / 4 % 8);
        }
    }
}
