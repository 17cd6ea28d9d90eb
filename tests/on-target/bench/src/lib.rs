//! What `bench_client` and its peers agree on, and the arithmetic of the results.

#![no_std]
#![forbid(unsafe_code)]

pub mod data;
pub mod nexus_data;
pub mod nexus_vectors;

/// Rounds per measurement: one tick of the counter is 16 ns, so the error is below 0.01 ns a round.
pub const ROUNDS: u64 = 10_000;

/// Rounds ahead of a measurement, to touch caches and translations.
pub const WARM_UP_ROUNDS: u64 = 100;

/// Nanoseconds per round, rounded to nearest. With `-icount shift=0` a nanosecond is an instruction.
pub const fn nanos_per_round(ticks: u64, ticks_per_second: u64) -> u64 {
    (ticks * (1_000_000_000 / ROUNDS) + ticks_per_second / 2) / ticks_per_second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_at_62_5_mhz_is_16_ns() {
        assert_eq!(nanos_per_round(ROUNDS, 62_500_000), 16);
        assert_eq!(nanos_per_round(736 * ROUNDS / 16, 62_500_000), 736);
    }
}
