use proptest::prelude::*;

use super::*;
use crate::fake::{FakeBuffer, FakeBus, FakeDevice};
use crate::{DeviceType, Transport, feature};

const SLOTS: usize = 8;
type Queue = VirtQueue<16, SLOTS>;

/// A running device with one queue of 16 descriptors, in slots of two.
fn start(features: u64) -> (FakeDevice, Queue) {
    let bus = FakeBus::new(8192);
    let device = FakeDevice::new(bus, 1, features, &[], 1);
    let started = Transport::start(device.registers(), DeviceType::Net, |transport| {
        let agreed = transport.negotiate(0, feature::EVENT_IDX)?;
        let queue = Queue::new(bus.place(64), agreed & feature::EVENT_IDX != 0);
        transport.add_queue::<16>(0, bus.address(64))?;
        Ok(queue)
    });
    let (_, queue) = started.unwrap();
    (device, queue)
}

fn add(queue: &mut Queue) -> Slot {
    queue.add(&[Buffer::readable(0x1000, 12), Buffer::writable(0x2000, 100)]).unwrap()
}

#[test]
fn the_device_sees_the_chain_as_given() {
    let (device, mut queue) = start(0);
    let slot = add(&mut queue);
    assert_eq!(device.pop(0), None, "not before it is published");
    assert!(queue.publish());
    let chain = device.pop(0).unwrap();
    assert_eq!(
        chain.buffers,
        [
            FakeBuffer { address: 0x1000, len: 12, writable: false },
            FakeBuffer { address: 0x2000, len: 100, writable: true },
        ]
    );
    device.complete(0, chain.head, 77);
    assert_eq!(queue.take(), Ok(Some(Used { slot, len: 77 })));
    assert_eq!(queue.take(), Ok(None));
    assert_eq!(queue.outstanding_count(), 0);
}

#[test]
fn completions_may_come_in_any_order_for_ever() {
    let (device, mut queue) = start(feature::EVENT_IDX);
    for round in 0..20_000u32 {
        let first = add(&mut queue);
        let second = add(&mut queue);
        assert!(queue.publish(), "round {round}: the device emptied the queue, so it sleeps");
        let chains = [device.pop(0).unwrap(), device.pop(0).unwrap()];
        device.complete(0, chains[1].head, 1);
        device.complete(0, chains[0].head, 2);
        assert_eq!(queue.take(), Ok(Some(Used { slot: second, len: 1 })));
        assert_eq!(queue.take(), Ok(Some(Used { slot: first, len: 2 })));
    }
}

#[test]
fn a_full_queue_says_so_and_recovers() {
    let (device, mut queue) = start(0);
    for _ in 0..SLOTS {
        add(&mut queue);
    }
    assert_eq!(queue.add(&[Buffer::readable(0, 1)]), Err(QueueFull));
    assert!(queue.publish());
    let chain = device.pop(0).unwrap();
    device.complete(0, chain.head, 0);
    assert!(queue.take().unwrap().is_some());
    add(&mut queue);
}

#[test]
fn kicks_only_a_device_that_sleeps() {
    let (device, mut queue) = start(feature::EVENT_IDX);
    add(&mut queue);
    assert!(queue.publish(), "the first chain wakes the device");
    add(&mut queue);
    assert!(!queue.publish(), "it has not looked yet");
    assert!(!queue.publish(), "nothing new");
    while device.pop(0).is_some() {}
    add(&mut queue);
    assert!(queue.publish(), "it went back to sleep");
}

#[test]
fn interrupts_only_when_armed() {
    let (device, mut queue) = start(feature::EVENT_IDX);
    for _ in 0..6 {
        add(&mut queue);
    }
    assert!(queue.publish());
    let heads: Vec<u32> = (0..6).map(|_| device.pop(0).unwrap().head).collect();
    assert!(queue.arm(0));
    assert!(device.complete(0, heads[0], 0));
    assert!(!device.complete(0, heads[1], 0), "one interrupt per arm");
    assert!(!queue.arm(0), "two completions are waiting");
    assert!(queue.take().unwrap().is_some());
    assert!(queue.take().unwrap().is_some());
    assert!(queue.arm(2));
    assert!(!device.complete(0, heads[2], 0));
    assert!(!device.complete(0, heads[3], 0));
    assert!(device.complete(0, heads[4], 0), "the third, as asked");
}

#[test]
fn without_event_index_the_flags_do() {
    let (device, mut queue) = start(0);
    add(&mut queue);
    add(&mut queue);
    assert!(queue.publish());
    let heads = [device.pop(0).unwrap().head, device.pop(0).unwrap().head];
    queue.disarm();
    assert!(!device.complete(0, heads[0], 0));
    assert!(queue.take().unwrap().is_some());
    assert!(queue.arm(0));
    assert!(device.complete(0, heads[1], 0));
}

#[test]
fn rejects_used_ids_that_head_no_chain() {
    for id in [1, 3, 16, 17, 0x1_0000, 0x1_0002, u32::MAX] {
        let (device, mut queue) = start(0);
        add(&mut queue);
        assert!(queue.publish());
        device.complete(0, id, 0);
        assert_eq!(queue.take(), Err(DeviceFault::UsedId { id }));
        assert_eq!(queue.take(), Err(DeviceFault::UsedId { id }), "it stays at the element");
    }
}

#[test]
fn rejects_a_chain_given_back_twice() {
    let (device, mut queue) = start(0);
    add(&mut queue);
    add(&mut queue);
    assert!(queue.publish());
    let head = device.pop(0).unwrap().head;
    device.complete(0, head, 0);
    device.complete(0, head, 0);
    assert!(queue.take().unwrap().is_some());
    assert_eq!(queue.take(), Err(DeviceFault::NotOutstanding { id: head }));
}

#[test]
fn rejects_lengths_beyond_the_buffer() {
    for len in [101, u32::MAX] {
        let (device, mut queue) = start(0);
        add(&mut queue);
        assert!(queue.publish());
        let head = device.pop(0).unwrap().head;
        device.complete(0, head, len);
        assert_eq!(queue.take(), Err(DeviceFault::UsedTooLong { len, len_max: 100 }));
    }
}

#[test]
fn rejects_used_index_jumps() {
    for distance in [2, 9, 16, 0x8000, u16::MAX] {
        let (device, mut queue) = start(0);
        add(&mut queue);
        assert!(queue.publish());
        device.set_used_index(0, distance);
        assert_eq!(queue.take(), Err(DeviceFault::UsedIndex { distance }));
    }
}

#[test]
fn starts_clean_over_stale_memory() {
    let bus = FakeBus::new(8192);
    bus.write(bus.address(0), &[0xa5; 8192]);
    let mut queue = Queue::new(bus.place(0), true);
    assert_eq!(queue.take(), Ok(None));
    assert_eq!(queue.outstanding_count(), 0);
}

/// What a driver and a hostile device may do, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add,
    Publish,
    Take,
    Arm(u16),
    Complete { id: u32, len: u32 },
    MoveUsedIndex(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let likely_id = prop_oneof![(0u32..8).prop_map(|slot| 2 * slot), 0u32..20, any::<u32>()];
    let likely_len = prop_oneof![0u32..=100, any::<u32>()];
    prop_oneof![
        3 => Just(Step::Add),
        2 => Just(Step::Publish),
        4 => Just(Step::Take),
        1 => (0u16..8).prop_map(Step::Arm),
        4 => (likely_id, likely_len).prop_map(|(id, len)| Step::Complete { id, len }),
        1 => (0u16..40).prop_map(Step::MoveUsedIndex),
    ]
}

proptest! {
    /// Whatever the device does, a chain comes back at most once, only if it was out, with a
    /// length that fits, and the queue goes on or stays at a fault.
    #[test]
    fn no_device_makes_the_queue_lie_or_panic(
        event_index: bool,
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let (device, mut queue) = start(if event_index { feature::EVENT_IDX } else { 0 });
        let mut out = std::collections::HashSet::new();
        for step in steps {
            match step {
                Step::Add => match queue.add(&[Buffer::writable(0x2000, 100)]) {
                    Ok(slot) => prop_assert!(out.insert(slot.index()), "{slot:?} given twice"),
                    Err(QueueFull) => prop_assert_eq!(out.len(), SLOTS),
                },
                Step::Publish => {
                    let _ = queue.publish();
                }
                Step::Arm(skip) => {
                    let _ = queue.arm(skip);
                }
                Step::Take => match queue.take() {
                    Ok(Some(used)) => {
                        prop_assert!(out.remove(&used.slot.index()));
                        prop_assert!(used.len <= 100);
                    }
                    Ok(None) => {}
                    Err(fault) => prop_assert_eq!(queue.take(), Err(fault)),
                },
                Step::Complete { id, len } => {
                    device.complete(0, id, len);
                }
                Step::MoveUsedIndex(index) => device.set_used_index(0, index),
            }
            prop_assert_eq!(queue.outstanding_count(), out.len());
        }
    }
}
