//! What callers and referee do alike.

use test_harness::words;

use crate::{DIGEST, RANDOM, absorb, advance};

/// Initial stack pointer of every PD of this board.
pub const STACK_TOP: u64 = 0xff_ffff_e000;
/// The IPC buffer of every PD of this board.
const IPC_BUFFER: *mut u64 = 0xff_ffff_f000 as *mut u64;
/// Words in it.
const IPC_BUFFER_WORDS: usize = 128;
/// Word of the IPC buffer with the first capability address.
pub const EXTRA_CAPS: usize = 122;
/// How much invocation labels above 15 are higher on this kernel.
pub const SHIFT: u64 = if sel4::config::CONFIG.hardware_debug_api() { 4 } else { 0 };

/// A number below `bound`.
pub fn random(bound: u64) -> u64 {
    let state = advance(words().get(RANDOM));
    words().set(RANDOM, state);
    (state >> 11) % bound
}

/// Adds a word to the digest.
pub fn note(word: u64) {
    words().set(DIGEST, absorb(words().get(DIGEST), word));
}

/// Reads a word of the IPC buffer.
pub fn read_buffer(word: usize) -> u64 {
    let word = IPC_BUFFER.wrapping_add(word % IPC_BUFFER_WORDS);
    // SAFETY: inside the IPC buffer, which is mapped for the life of the PD.
    unsafe { word.read_volatile() }
}

/// Writes a word of the IPC buffer.
pub fn write_buffer(word: usize, value: u64) {
    let word = IPC_BUFFER.wrapping_add(word % IPC_BUFFER_WORDS);
    // SAFETY: inside the IPC buffer, which is mapped for the life of the PD.
    unsafe { word.write_volatile(value) };
}
