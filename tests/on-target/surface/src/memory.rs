//! The memory routines against one byte at a time.

use core::hint::black_box;

unsafe extern "C" {
    fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8;
    fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8;
    fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8;
}

const BYTES: usize = 448;
/// Lengths on either side of every branch: 16, 32, 64 and 256 bytes and their multiples.
const LEN_MAX: usize = 330;

fn pattern() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let mut value = 1_u8;
    for byte in &mut bytes {
        *byte = value;
        value = value.wrapping_mul(5).wrapping_add(3);
    }
    bytes
}

/// Asserts equality; not with `==`, which may be one of the routines.
fn check(bytes: &[u8; BYTES], expected: impl Fn(usize) -> u8, case: (usize, usize, usize)) {
    for (index, byte) in bytes.iter().enumerate() {
        assert!(*black_box(byte) == expected(index), "{case:?} at {index}");
    }
}

pub(crate) fn memcpy_copies_what_it_should_and_nothing_else() {
    let from = pattern();
    for len in 0..=LEN_MAX {
        for (to_at, from_at) in (0..9).flat_map(|to| (0..9).map(move |from| (to, from))) {
            let mut to = [0x55; BYTES];
            // SAFETY: both are longer than the offset and the length together.
            let target = unsafe { to.as_mut_ptr().add(to_at) };
            // SAFETY: likewise.
            let source = unsafe { from.as_ptr().add(from_at) };
            // SAFETY: likewise, and they do not overlap.
            let result = unsafe { memcpy(target, source, len) };
            assert_eq!(result, target);
            let is_inside = |index| (to_at..to_at + len).contains(&index);
            let expected =
                |index| if is_inside(index) { from[index - to_at + from_at] } else { 0x55 };
            check(&to, expected, (len, to_at, from_at));
        }
    }
}

pub(crate) fn memmove_copies_what_overlaps() {
    let original = pattern();
    for len in (0..=LEN_MAX).step_by(3) {
        for to_at in (0..100).step_by(7) {
            let from_at = 50;
            let mut bytes = original;
            // SAFETY: the array is longer than the offset and the length together.
            let source = unsafe { bytes.as_ptr().add(from_at) };
            // SAFETY: likewise.
            let target = unsafe { bytes.as_mut_ptr().add(to_at) };
            // SAFETY: likewise.
            let result = unsafe { memmove(target, source, len) };
            assert_eq!(result, target);
            let is_inside = |index| (to_at..to_at + len).contains(&index);
            let expected = |index| {
                if is_inside(index) { original[index - to_at + from_at] } else { original[index] }
            };
            check(&bytes, expected, (len, to_at, from_at));
        }
    }
}

pub(crate) fn memset_fills_what_it_should_and_nothing_else() {
    for (len, at) in (0..=LEN_MAX).flat_map(|len| (0..9).map(move |at| (len, at))) {
        let mut bytes = [0x55; BYTES];
        // SAFETY: the array is longer than the offset and the length together.
        let target = unsafe { bytes.as_mut_ptr().add(at) };
        // SAFETY: likewise. Only the byte's lowest eight bits count.
        let result = unsafe { memset(target, 0x7a3, len) };
        assert_eq!(result, target);
        let is_inside = |index| (at..at + len).contains(&index);
        check(&bytes, |index| if is_inside(index) { 0xa3 } else { 0x55 }, (len, at, 0));
    }
}
