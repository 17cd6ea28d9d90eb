//! The health check of NIST SP 800-90B, section 4.4, for a source that claims 8 bits per byte.

/// Equal bytes in a row that a healthy source does not give: 1 + 40 / 8, a false alarm in 2^40.
const REPETITIONS_MAX: u32 = 6;
/// Bytes over which one value is counted.
const WINDOW_BYTES: u32 = 512;
/// Times in a window that a healthy source does not give one value: a false alarm in 2^43 windows
/// (binomial, 512 trials of 1/256).
const PROPORTION_MAX: u32 = 20;

/// The state of both tests: repetition count (4.4.1) and adaptive proportion (4.4.2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HealthCheck {
    last: Option<u8>,
    repetitions: u32,
    counted: u8,
    count: u32,
    window_position: u32,
}

impl HealthCheck {
    /// Looks at further bytes of the source; `false` if they are not fit for use.
    pub(crate) fn accept(&mut self, bytes: &[u8]) -> bool {
        // Every byte counts, also after the first failure.
        let mut is_healthy = true;
        for byte in bytes {
            is_healthy &= self.accept_byte(*byte);
        }
        is_healthy
    }

    fn accept_byte(&mut self, byte: u8) -> bool {
        self.repetitions = if self.last == Some(byte) { self.repetitions + 1 } else { 1 };
        self.last = Some(byte);
        if self.window_position == 0 {
            (self.counted, self.count) = (byte, 0);
        }
        self.window_position = (self.window_position + 1) % WINDOW_BYTES;
        self.count += u32::from(self.counted == byte);
        self.repetitions < REPETITIONS_MAX && self.count < PROPORTION_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator that is good enough to look random (xorshift64*).
    fn noise() -> impl Iterator<Item = u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        core::iter::repeat_with(move || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
        })
    }

    #[test]
    fn noise_passes() {
        let mut health = HealthCheck::default();
        let bytes: Vec<u8> = noise().take(1 << 20).collect();
        assert!(bytes.chunks(64).all(|chunk| health.accept(chunk)));
    }

    #[test]
    fn a_stuck_source_fails_at_the_sixth_byte() {
        for value in [0, 0x55, 0xff] {
            let mut health = HealthCheck::default();
            assert!(health.accept(&[value; 5]));
            assert!(!health.accept(&[value; 1]));
            assert!(!HealthCheck::default().accept(&[value; 64]));
        }
    }

    #[test]
    fn a_source_that_prefers_a_value_fails() {
        let mut health = HealthCheck::default();
        let every_fourth = noise().enumerate().map(|(n, byte)| if n % 4 == 0 { 7 } else { byte });
        assert!(!health.accept(&every_fourth.take(512).collect::<Vec<_>>()));
    }

    #[test]
    fn a_source_that_recovers_passes_again() {
        let mut health = HealthCheck::default();
        assert!(!health.accept(&[0; 64]));
        let bytes: Vec<u8> = noise().take(2048).collect();
        assert!(!health.accept(&bytes[..8]), "the window still remembers");
        health.accept(&bytes[8..1024]);
        assert!(health.accept(&bytes[1024..]));
    }
}
