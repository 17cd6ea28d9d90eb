#![allow(clippy::unwrap_used, reason = "clippy sees tests only in functions marked as such")]

use std::collections::VecDeque;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::RingBuffers;
use crate::roles::{Provide, Use};
use crate::sync::AtomicU32;

type Raw = RawRingBuffer<u32, 8>;

fn ends(raw: &Raw) -> (RingBuffer<'_, Write, u32, 8>, RingBuffer<'_, Read, u32, 8>) {
    let strategy = InitializationStrategy::ReadState;
    (RingBuffer::new(raw.as_shared(), strategy), RingBuffer::new(raw.as_shared(), strategy))
}

fn set(index: &AtomicU32, value: u32) {
    index.store(value, Ordering::SeqCst);
}

#[test]
fn holds_one_less_than_its_slots() {
    let raw = Raw::new();
    let (mut writer, mut reader) = ends(&raw);
    for value in 0..7 {
        assert_eq!(writer.num_empty_slots(), Ok(7 - value as usize));
        assert_eq!(writer.enqueue_and_commit(value), Ok(Ok(())));
    }
    assert_eq!(writer.enqueue_and_commit(7), Ok(Err(7)));
    assert_eq!((writer.is_full(), reader.is_full()), (Ok(true), Ok(true)));
    for value in 0..7 {
        assert_eq!(reader.dequeue(), Ok(Some(value)));
    }
    assert_eq!((reader.dequeue(), reader.is_empty()), (Ok(None), Ok(true)));
}

#[test]
fn uncommitted_messages_stay_private() {
    let raw = Raw::new();
    let (mut writer, mut reader) = ends(&raw);
    writer.enqueue_without_committing(1).unwrap().unwrap();
    assert_eq!(reader.dequeue(), Ok(None));
    writer.commit();
    assert_eq!(reader.dequeue(), Ok(Some(1)));
}

#[test]
fn a_writer_that_jumps_or_steps_back_is_cut_off() {
    for (filled, lie) in [(0, 8), (0, u32::MAX), (3, 2), (3, 11), (3, 1 << 31), (7, 6)] {
        let raw = Raw::new();
        let (mut writer, mut reader) = ends(&raw);
        for value in 0..filled {
            writer.enqueue_and_commit(value).unwrap().unwrap();
        }
        assert_eq!(reader.num_filled_slots(), Ok(filled as usize));
        set(&raw.write_index, lie);
        assert_eq!(reader.num_filled_slots(), Err(PeerMisbehaviorError(())), "{filled} {lie}");
        set(&raw.write_index, filled);
        assert_eq!(reader.dequeue(), Err(PeerMisbehaviorError(())), "sticky");
    }
}

#[test]
fn a_reader_that_jumps_or_steps_back_is_cut_off() {
    for (filled, read, lie) in [(0, 0, 1), (3, 0, 4), (3, 2, 1), (3, 0, u32::MAX), (7, 0, 8)] {
        let raw = Raw::new();
        let (mut writer, mut reader) = ends(&raw);
        for value in 0..filled {
            writer.enqueue_and_commit(value).unwrap().unwrap();
        }
        for _ in 0..read {
            reader.dequeue().unwrap();
        }
        assert_eq!(writer.num_filled_slots(), Ok((filled - read) as usize));
        set(&raw.read_index, lie);
        assert_eq!(writer.is_full(), Err(PeerMisbehaviorError(())), "{filled} {read} {lie}");
        set(&raw.read_index, read);
        assert_eq!(writer.is_full(), Err(PeerMisbehaviorError(())), "sticky");
        assert_eq!(writer.enqueue_batch(&[1, 2]), Err(PeerMisbehaviorError(())));
    }
}

#[test]
fn garbage_found_at_start_is_misbehavior() {
    let raw = Raw::new();
    set(&raw.write_index, 100);
    let (mut writer, mut reader) = ends(&raw);
    assert_eq!(writer.enqueue_and_commit(1), Err(PeerMisbehaviorError(())));
    assert_eq!(reader.dequeue(), Err(PeerMisbehaviorError(())));
}

#[test]
fn a_state_can_be_given_and_written() {
    let raw = Raw::new();
    let state = InitialState::new(u32::MAX, u32::MAX - 2);
    let strategy = InitializationStrategy::UseAndWriteState(state);
    let mut reader = RingBuffer::<Read, u32, 8>::new(raw.as_shared(), strategy);
    assert_eq!(reader.num_filled_slots(), Ok(2));
    let strategy = InitializationStrategy::UseState(state);
    let mut writer = RingBuffer::<Write, u32, 8>::new(raw.as_shared(), strategy);
    assert_eq!(writer.enqueue_batch(&[1, 2, 3]), Ok(3));
    assert_eq!(raw.write_index.load(Ordering::SeqCst), 2, "indices wrap");
    assert_eq!(reader.num_filled_slots(), Ok(5));
}

#[test]
fn buffers_go_there_and_back() {
    let (free, used) = (RawRingBuffer::<Descriptor, 8>::new(), RawRingBuffer::new());
    set(&free.write_index, 77);
    let mut provider =
        RingBuffers::<Provide, _, _, 8>::from_ptrs_using_default_initialization_strategy_for_role(
            free.as_shared(),
            used.as_shared(),
            || 1,
        );
    let mut user =
        RingBuffers::<Use, _, _, 8>::from_ptrs_using_default_initialization_strategy_for_role(
            free.as_shared(),
            used.as_shared(),
            || 2,
        );
    let mut descriptor = Descriptor::from_encoded_addr_range(4096..6144, 9);
    provider.free_mut().enqueue_and_commit(descriptor).unwrap().unwrap();
    assert_eq!(user.free_mut().dequeue(), Ok(Some(descriptor)));
    descriptor.set_len(60);
    user.used_mut().enqueue_and_commit(descriptor).unwrap().unwrap();
    let back = provider.used_mut().dequeue().unwrap().unwrap();
    assert_eq!((back.encoded_addr_range(), back.cookie()), (4096..4156, 9));
    assert_eq!((provider.notify(), user.notify_mut()), (1, 2));
}

#[test]
fn a_descriptor_at_the_end_of_the_address_space_does_not_wrap() {
    let descriptor = Descriptor::new(usize::MAX - 1, 10, 0);
    assert_eq!(descriptor.encoded_addr_range(), usize::MAX - 1..usize::MAX);
}

#[test]
fn slots_of_every_size_arrive_whole() {
    fn check<const BYTES: usize>() {
        let raw = RawRingBuffer::<[u8; BYTES], 2>::new();
        let strategy = InitializationStrategy::ReadState;
        let mut writer = RingBuffer::<Write, _, 2>::new(raw.as_shared(), strategy);
        let mut reader = RingBuffer::<Read, _, 2>::new(raw.as_shared(), strategy);
        for round in 0..4_u8 {
            let message = core::array::from_fn(|index| u8::try_from(index).unwrap() ^ round);
            writer.enqueue_and_commit(message).unwrap().unwrap();
            assert_eq!(reader.dequeue(), Ok(Some(message)));
        }
    }
    check::<0>();
    check::<1>();
    check::<2>();
    check::<3>();
    check::<4>();
    check::<6>();
    check::<7>();
    check::<8>();
    check::<12>();
    check::<24>();
    check::<30>();
    check::<100>();
}

proptest! {
    #[test]
    fn ends_recover_from_any_indices(
        write_index in prop_oneof![0..16_u32, any::<u32>()],
        read_index in prop_oneof![0..16_u32, any::<u32>()],
    ) {
        let raw = Raw::new();
        let (mut writer, mut reader) = ends(&raw);
        prop_assert_eq!(writer.enqueue_batch(&[0; 3]), Ok(3));
        prop_assert_eq!(reader.dequeue(), Ok(Some(0)));
        set(&raw.write_index, write_index);
        set(&raw.read_index, read_index);
        let mut arrives = |message| {
            if writer.enqueue_and_commit(message).is_err() {
                writer.recover();
            }
            let received = (0..9).map_while(|_| match reader.dequeue() {
                Ok(received) => received,
                Err(_) => {
                    reader.recover();
                    None
                }
            });
            received.last() == Some(message)
        };
        // Each may have to follow the other.
        let lost = (1..20).take_while(|message| !arrives(*message)).count();
        prop_assert!(lost < 10, "{lost} lost");
        prop_assert!((20..40).all(arrives), "and goes on");
    }

    #[test]
    fn behaves_as_a_queue(steps in proptest::collection::vec((any::<bool>(), 0..10_usize), 0..100)) {
        let raw = Raw::new();
        let start = InitialState::new(u32::MAX - 20, u32::MAX - 20);
        let strategy = InitializationStrategy::UseAndWriteState(start);
        let mut writer = RingBuffer::<Write, u32, 8>::new(raw.as_shared(), strategy);
        let mut reader = RingBuffer::<Read, u32, 8>::new(raw.as_shared(), strategy);
        let (mut queue, mut next) = (VecDeque::new(), 0..);
        for (write, count) in steps {
            if write {
                let batch: Vec<u32> = next.by_ref().take(count).collect();
                let fit = batch.len().min(7 - queue.len());
                prop_assert_eq!(writer.enqueue_batch(&batch), Ok(fit));
                queue.extend(&batch[..fit]);
            } else {
                let mut batch = [0; 10];
                let taken = reader.dequeue_batch(&mut batch[..count]).unwrap();
                prop_assert_eq!(taken, count.min(queue.len()));
                let expected: Vec<u32> = queue.drain(..taken).collect();
                prop_assert_eq!(&batch[..taken], expected);
            }
        }
    }
}
