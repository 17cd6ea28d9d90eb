use super::*;
use virtio::fake::{FakeBus, FakeDevice, FakeRegisters, Mischief};

fn start() -> (FakeBus, FakeDevice, VirtioRng<FakeRegisters>) {
    let bus = FakeBus::new(4096);
    let device = FakeDevice::new(bus, 4, feature::EVENT_IDX, &[], 1);
    let rng = VirtioRng::start(device.registers(), bus.place(0), bus.address(0)).unwrap();
    (bus, device, rng)
}

#[test]
fn answers_what_the_device_wrote_and_no_more() {
    let (bus, device, mut rng) = start();
    for round in 1..=100u8 {
        rng.request();
        assert_eq!(device.take_notifications(), [0]);
        let chain = device.pop(0).unwrap();
        assert_eq!((chain.buffers[0].len, chain.buffers[0].writable), (64, true));
        bus.write(chain.buffers[0].address, &[round; 64]);
        assert!(rng.arm());
        assert!(device.complete(0, chain.head, 40));
        rng.acknowledge_interrupt();
        let random = rng.take().unwrap().unwrap();
        assert_eq!(random.len, 40);
        assert_eq!(random.bytes[..40], [round; 40]);
        assert_eq!(random.bytes[40..], [0; 24]);
    }
}

#[test]
fn one_request_at_a_time() {
    let (_, device, mut rng) = start();
    rng.request();
    rng.request();
    assert!(rng.is_busy());
    assert!(device.pop(0).is_some());
    assert!(device.pop(0).is_none());
}

#[test]
fn more_bytes_than_asked_for_is_a_fault() {
    let (_, device, mut rng) = start();
    rng.request();
    let head = device.pop(0).unwrap().head;
    device.complete(0, head, 65);
    assert_eq!(rng.take(), Err(DeviceFault::UsedTooLong { len: 65, len_max: 64 }));
}

#[test]
fn an_empty_answer_is_a_fault() {
    let (_, device, mut rng) = start();
    rng.request();
    let head = device.pop(0).unwrap().head;
    device.complete(0, head, 0);
    assert_eq!(rng.take(), Err(DeviceFault::UsedTooShort { len: 0 }));
}

#[test]
fn an_unasked_answer_is_a_fault() {
    let (_, device, mut rng) = start();
    device.complete(0, 0, 8);
    assert_eq!(rng.take(), Err(DeviceFault::UsedIndex { distance: 1 }));
}

#[test]
fn a_silent_device_is_a_fault_at_start_and_no_answer_later() {
    let (bus, device, mut rng) = start();
    rng.request();
    assert_eq!(rng.take(), Ok(None));
    device.set_mischief(Mischief { never_resets: true, ..Mischief::default() });
    let again = VirtioRng::start(rng.stop(), bus.place(0), bus.address(0));
    assert_eq!(again.unwrap_err().fault, DeviceFault::ResetTimeout);
}
