//! Host tests over heap memory.

use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use std::vec;
use std::vec::Vec;

use zerocopy::{FromBytes, IntoBytes};

use crate::{ExternallySharedPtr, ExternallySharedRef, OutOfBounds, SharedMemoryRef, map_field};

#[derive(FromBytes, IntoBytes, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
struct Message {
    cookie: u64,
    offset: u32,
    kind: u16,
    flags: u16,
    inner: Inner,
}

#[derive(FromBytes, IntoBytes, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
struct Inner {
    low: u32,
    high: u32,
}

const MESSAGE: Message =
    Message { cookie: 1, offset: 2, kind: 3, flags: 4, inner: Inner { low: 5, high: 6 } };

#[test]
fn reads_what_was_written() {
    let mut memory = Message { cookie: 0, ..MESSAGE };
    let pointer = ExternallySharedRef::from_mut_ref(&mut memory).into_ptr();
    assert_eq!(pointer.read().cookie, 0);
    pointer.write(MESSAGE);
    assert_eq!(pointer.read(), MESSAGE);
    pointer.update(|message| Message { kind: 9, ..message });
    assert_eq!(pointer.read().kind, 9);
}

#[test]
fn fields_are_reached_by_name() {
    let mut memory = MESSAGE;
    let pointer = ExternallySharedRef::from_mut_ref(&mut memory).into_ptr();
    assert_eq!(map_field!(pointer.offset).read(), 2);
    map_field!(pointer.inner.high).write(77);
    assert_eq!(pointer.read(), Message { inner: Inner { low: 5, high: 77 }, ..MESSAGE });
}

/// Each alignment, below and above the size where whole values go by the copy loop.
#[test]
fn values_of_every_alignment_and_size_survive() {
    fn round_trip<T: FromBytes + IntoBytes + Copy + PartialEq + core::fmt::Debug>(
        mut from: T,
        to: T,
    ) {
        let pointer = ExternallySharedRef::from_mut_ref(&mut from).into_ptr();
        pointer.write(to);
        assert_eq!(pointer.read(), to);
    }
    round_trip([0_u8; 3], [1, 2, 3]);
    round_trip([0_u16; 5], [1, 2, 3, 4, 0xffff]);
    round_trip([0_u32; 7], [1, 2, 3, 4, 5, 6, u32::MAX]);
    round_trip([0_u64; 16], core::array::from_fn(|index| index as u64));
    round_trip([0_u64; 17], core::array::from_fn(|index| !(index as u64)));
    round_trip([0_u8; 4096], core::array::from_fn(|index| index.to_le_bytes()[0]));
    round_trip(0_u128, u128::MAX / 3);
    round_trip([0_u8; 0], []);
}

#[test]
fn bulk_copies_move_every_length_and_alignment() {
    let pattern: Vec<u8> = (0..=255).collect();
    for length in 0..=150 {
        for offset in 0..9 {
            let mut memory = vec![0_u8; 256];
            let shared = ExternallySharedRef::from_mut_ref(memory.as_mut_slice()).into_ptr();
            let window = shared.index(offset..offset + length);
            window.copy_from_slice(&pattern[..length]);
            let mut copy = vec![0; length];
            window.copy_into_slice(&mut copy);
            assert_eq!(copy, pattern[..length]);
            assert_eq!(memory[offset..offset + length], pattern[..length]);
            assert!(
                memory[..offset].iter().chain(&memory[offset + length..]).all(|&byte| byte == 0)
            );
        }
    }
}

#[test]
fn lengths_must_agree() {
    let mut memory = [0_u8; 8];
    let shared = ExternallySharedRef::from_mut_ref(memory.as_mut_slice()).into_ptr();
    assert_eq!(shared.try_copy_from_slice(&[0; 7]), Err(OutOfBounds));
    assert_eq!(shared.try_copy_into_slice(&mut [0; 9]), Err(OutOfBounds));
    assert_eq!(shared.try_copy_from_slice(&[3; 8]), Ok(()));
}

#[test]
#[should_panic(expected = "outside the shared memory")]
fn the_upstream_named_copy_panics_on_another_length() {
    let mut memory = [0_u8; 8];
    ExternallySharedRef::from_mut_ref(memory.as_mut_slice()).into_ptr().copy_from_slice(&[0; 7]);
}

#[test]
#[should_panic(expected = "outside the shared memory")]
fn the_upstream_named_index_panics_outside() {
    let memory = [0_u8; 8];
    let _ = ExternallySharedRef::from_ref(memory.as_slice()).into_ptr().index(8);
}

#[test]
fn no_range_reaches_outside() {
    let memory = [0_u32; 4];
    let shared = ExternallySharedRef::from_ref(memory.as_slice()).into_ptr();
    assert_eq!(shared.get(..).map(|all| all.len()), Some(4));
    assert_eq!(shared.get(4..).map(|none| none.is_empty()), Some(true));
    assert_eq!(shared.get(1..=3).map(|some| some.len()), Some(3));
    assert!(shared.get(4).is_none());
    assert!(shared.get(5..).is_none());
    assert!(shared.get(0..5).is_none());
    assert!(shared.get(..=4).is_none());
    assert!(shared.get(..=usize::MAX).is_none());
    assert!(shared.get(usize::MAX..usize::MAX).is_none());
    #[expect(clippy::reversed_empty_ranges, reason = "the point of the test")]
    let reversed = shared.get(3..2);
    assert!(reversed.is_none());
}

#[test]
fn copies_within_like_a_slice() {
    let cases = [(0..5, 3), (3..8, 0), (2..2, 8), (0..8, 0), (4..8, 4), (0..4, 5), (7..9, 0)];
    for (range, dest) in cases {
        let mut expected = *b"abcdefgh";
        let mut memory = expected;
        let shared = ExternallySharedRef::from_mut_ref(memory.as_mut_slice()).into_ptr();
        let outcome = shared.try_copy_within(range.clone(), dest);
        let fits = range.end <= 8 && dest + range.len() <= 8;
        assert_eq!(outcome.is_ok(), fits, "{range:?} to {dest}");
        if fits {
            expected.copy_within(range, dest);
        }
        assert_eq!(memory, expected);
    }
}

#[test]
fn splits_and_chunks() {
    let mut memory = *b"abcdefg";
    let shared = ExternallySharedRef::from_mut_ref(&mut memory).into_ptr().as_slice();
    let (chunks, rest) = shared.as_chunks::<3>();
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks.index(1).read(), *b"def");
    assert_eq!(rest.index(0).read(), b'g');
    assert!(shared.try_split_at(8).is_none());
    let (left, right) = shared.split_at(7);
    assert_eq!((left.len(), right.len()), (7, 0));
    assert_eq!(shared.iter().map(ExternallySharedPtr::read).collect::<Vec<_>>(), b"abcdefg");
}

#[test]
fn byte_slices_hold_values_at_any_offset() {
    let mut memory = [0xee_u8; 24];
    let shared = ExternallySharedRef::from_mut_ref(memory.as_mut_slice()).into_ptr();
    assert_eq!(shared.write_at(3, &0x0102_0304_u32), Some(()));
    assert_eq!(shared.read_at::<u32>(3), Some(0x0102_0304));
    assert_eq!(shared.read_at::<u64>(17), None);
    assert_eq!(shared.read_at::<u64>(usize::MAX), None);
    assert_eq!(shared.write_at(21, &0_u32), None);
    shared.index(20..).fill(0x11);
    assert_eq!(shared.read_at::<u64>(16), Some(0x1111_1111_eeee_eeee));
}

#[test]
fn atomics_do_what_their_names_say() {
    let mut memory = [8_u32, 0];
    let shared = ExternallySharedRef::from_mut_ref(&mut memory).into_ptr().as_slice().index(0);
    shared.atomic_store(10, Ordering::Release);
    assert_eq!(shared.atomic_fetch_add(5, Ordering::AcqRel), 10);
    assert_eq!(shared.atomic_fetch_sub(3, Ordering::AcqRel), 15);
    assert_eq!(shared.atomic_fetch_and(6, Ordering::AcqRel), 12);
    assert_eq!(shared.atomic_fetch_or(3, Ordering::AcqRel), 4);
    assert_eq!(shared.atomic_fetch_xor(1, Ordering::AcqRel), 7);
    assert_eq!(shared.atomic_fetch_nand(2, Ordering::AcqRel), 6);
    assert_eq!(shared.atomic_fetch_min(9, Ordering::AcqRel), !2);
    assert_eq!(shared.atomic_fetch_max(11, Ordering::AcqRel), 9);
    assert_eq!(shared.atomic_swap(1, Ordering::AcqRel), 11);
    let (strong, weak) = (Ordering::AcqRel, Ordering::Acquire);
    assert_eq!(shared.atomic_compare_exchange(2, 3, strong, weak), Err(1));
    assert_eq!(shared.atomic_compare_exchange(1, 3, strong, weak), Ok(1));
    let doubled = shared.atomic_fetch_update(strong, weak, |value| value.checked_mul(2));
    assert_eq!(doubled, Ok(3));
    assert_eq!(shared.atomic_fetch_update(strong, weak, |_| None), Err(6));
    assert_eq!(shared.atomic_load(Ordering::Acquire), 6);
}

/// A peer that keeps writing one of two values: every read sees one of them, never a mixture.
#[test]
fn an_atomic_is_never_torn() {
    const ROUNDS: u64 = if cfg!(miri) { 100 } else { 100_000 };
    let mut memory = 0_u64;
    let pointer = NonNull::from(&mut memory);
    // SAFETY: outlives both threads below; only accessed through shared references.
    let mut peer: SharedMemoryRef<'_, u64> = unsafe { SharedMemoryRef::new(pointer) };
    // SAFETY: as above.
    let own: SharedMemoryRef<'_, u64> = unsafe { SharedMemoryRef::new(pointer) };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..ROUNDS {
                let value = if round % 2 == 0 { u64::MAX } else { 0 };
                peer.as_mut_ptr().atomic_store(value, Ordering::Release);
            }
        });
        for _ in 0..ROUNDS {
            let value = own.as_ptr().atomic_load(Ordering::Acquire);
            assert!(value == 0 || value == u64::MAX);
        }
    });
}
