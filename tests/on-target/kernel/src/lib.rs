//! Five PDs, `caller_0` to `caller_4`, hold each other's endpoints, notifications, threads,
//! scheduling contexts and address spaces, and make random system calls with them. A digest of
//! everything the kernel answers must be the one that seL4 gives. Budgets are so long that no thread
//! is preempted, so what happens depends on the kernel's decisions only, never on its speed. When all
//! callers are blocked or done, `referee`, which has the lowest priority, starts one again or ends
//! the round.
//!
//! What differs between builds (addresses of code and stack, labels above 15, the mask of SErrors) is
//! left out of the digest.

#![no_std]

#[cfg(feature = "pd")]
pub mod shared;

/// Number of callers.
pub const CALLER_COUNT: u64 = 5;
/// Threads of the callers are in these root CNode slots.
pub const TCB_SLOT: u64 = 1;
/// Scheduling contexts of the callers.
pub const CONTEXT_SLOT: u64 = 11;
/// Address spaces of the callers.
pub const VSPACE_SLOT: u64 = 21;

/// Word that holds the state of the random numbers.
pub const RANDOM: usize = 0;
/// Word that counts actions.
pub const ACTIONS: usize = 1;
/// Word with the count at which a round ends.
pub const LIMIT: usize = 2;
/// Word with the digest.
pub const DIGEST: usize = 3;

/// Address of a root CNode slot.
#[must_use]
pub const fn root(slot: u64) -> u64 {
    slot << 58
}

/// Advances the state of the random numbers (xorshift), which must not be zero.
#[must_use]
pub const fn advance(state: u64) -> u64 {
    let state = state ^ (state << 13);
    let state = state ^ (state >> 7);
    state ^ (state << 17)
}

/// Adds a word to a digest.
#[must_use]
pub const fn absorb(digest: u64, word: u64) -> u64 {
    (digest ^ mask(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// Replaces what may be an address of code or of the stack, or a processor state, of which one bit
/// depends on the configuration.
const fn mask(word: u64) -> u64 {
    match word {
        0x20_0000..0x40_0000 => 1,
        0xff_ff00_0000..0xff_ffff_f000 => 2,
        0x40 | 0x140 => 3,
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_depends_on_every_word_but_not_on_addresses() {
        assert_ne!(absorb(absorb(0, 5), 6), absorb(absorb(0, 6), 5));
        assert_eq!(absorb(0, 0x20_1234), absorb(0, 0x23_0000));
        assert_eq!(absorb(0, 0xff_ffff_df70), absorb(0, 0xff_ffff_d000));
    }
}
