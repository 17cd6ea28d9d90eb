use super::*;
use virtio::fake::{FakeBus, FakeChain, FakeDevice, FakeRegisters, Mischief};

const DATA: usize = 0x4000;

fn device(features: u64, config: &[u8]) -> (FakeBus, FakeDevice) {
    let bus = FakeBus::new(0x10000);
    (bus, FakeDevice::new(bus, 2, features, config, 1))
}

fn start() -> (FakeBus, FakeDevice, VirtioBlk<FakeRegisters>) {
    let (bus, device) = device(feature::EVENT_IDX, &1000u64.to_le_bytes());
    let blk = VirtioBlk::start(device.registers(), bus.place(0), bus.address(0)).unwrap();
    (bus, device, blk)
}

/// Reads one page at sector 8 and lets `answer` say what the device does with it.
fn read_page(
    answer: impl FnOnce(&FakeBus, &FakeDevice, &FakeChain),
) -> Result<Option<Outcome>, DeviceFault> {
    let (bus, device, mut blk) = start();
    let slot = blk.read(8, bus.address(DATA), 4096).unwrap();
    blk.flush();
    assert_eq!(device.take_notifications(), [0]);
    let chain = device.pop(0).unwrap();
    answer(&bus, &device, &chain);
    let completion = blk.take()?;
    assert!(completion.is_none_or(|completion| completion.slot == slot));
    Ok(completion.map(|completion| completion.outcome))
}

#[test]
fn the_device_sees_the_request_and_its_answer_counts() {
    let outcome = read_page(|bus, device, chain| {
        let [header, data, status] = chain.buffers[..] else { panic!("three buffers") };
        let mut expected = [0; 16];
        expected[8] = 8;
        assert_eq!(bus.read(header.address, 16), expected);
        assert_eq!((data.address, data.len), (bus.address(DATA), 4096));
        assert_eq!((header.writable, data.writable, status.writable), (false, true, true));
        bus.write(data.address, &[7; 4096]);
        bus.write(status.address, &[STATUS_OK]);
        device.complete(0, chain.head, 4097);
    });
    assert_eq!(outcome, Ok(Some(Outcome::Done)));
}

#[test]
fn an_error_status_is_a_failure() {
    for status in [1, 2, 3, 0x80, 0xfe] {
        let outcome = read_page(|bus, device, chain| {
            bus.write(chain.buffers[2].address, &[status]);
            device.complete(0, chain.head, 4097);
        });
        assert_eq!(outcome, Ok(Some(Outcome::Failed { status })));
    }
}

#[test]
fn a_completion_without_status_is_a_failure() {
    let outcome = read_page(|_, device, chain| {
        device.complete(0, chain.head, 4097);
    });
    assert_eq!(outcome, Ok(Some(Outcome::Failed { status: STATUS_NONE })));
}

#[test]
fn ok_with_too_few_bytes_is_a_failure() {
    for len in [0, 1, 4096] {
        let outcome = read_page(|bus, device, chain| {
            bus.write(chain.buffers[2].address, &[STATUS_OK]);
            device.complete(0, chain.head, len);
        });
        assert_eq!(outcome, Ok(Some(Outcome::Failed { status: STATUS_OK })));
    }
}

#[test]
fn more_bytes_than_asked_for_is_a_fault() {
    let outcome = read_page(|_, device, chain| {
        device.complete(0, chain.head, 4098);
    });
    assert_eq!(outcome, Err(DeviceFault::UsedTooLong { len: 4098, len_max: 4097 }));
}

#[test]
fn a_bad_id_is_a_fault() {
    let outcome = read_page(|_, device, _| {
        device.complete(0, 5, 1);
    });
    assert_eq!(outcome, Err(DeviceFault::UsedId { id: 5 }));
}

#[test]
fn a_silent_device_leaves_the_request_outstanding_until_a_restart() {
    let (bus, device, mut blk) = start();
    blk.read(0, bus.address(DATA), 512).unwrap();
    blk.flush();
    assert!(blk.arm());
    assert_eq!(blk.take(), Ok(None));
    assert_eq!(blk.outstanding_count(), 1);
    let registers = blk.stop();
    assert!(!device.is_running());
    let blk = VirtioBlk::start(registers, bus.place(0), bus.address(0)).unwrap();
    assert_eq!(blk.outstanding_count(), 0);
    device.set_mischief(Mischief { never_resets: true, ..Mischief::default() });
    let again = VirtioBlk::start(device.registers(), bus.place(0), bus.address(0));
    assert_eq!(again.unwrap_err().fault, DeviceFault::ResetTimeout);
}

#[test]
fn many_requests_one_kick_and_any_order() {
    let (bus, device, mut blk) = start();
    let slots: Vec<Slot> =
        (0..REQUESTS_MAX as u64).map(|n| blk.read(n, bus.address(DATA), 512).unwrap()).collect();
    assert_eq!(blk.read(0, bus.address(DATA), 512), Err(QueueFull));
    blk.flush();
    assert_eq!(device.take_notifications(), [0]);
    let chains: Vec<FakeChain> = slots.iter().map(|_| device.pop(0).unwrap()).collect();
    for chain in chains.iter().rev() {
        bus.write(chain.buffers[2].address, &[STATUS_OK]);
        device.complete(0, chain.head, 513);
    }
    for slot in slots.iter().rev() {
        let expected = Completion { slot: *slot, outcome: Outcome::Done };
        assert_eq!(blk.take(), Ok(Some(expected)));
    }
}

#[test]
fn reads_the_capacity() {
    assert_eq!(start().2.capacity_sectors(), 1000);
}

#[test]
fn refuses_a_segment_limit_below_a_request() {
    for (limit, is_fine) in
        [(0u32, false), (REQUEST_BYTES_MAX - 1, false), (REQUEST_BYTES_MAX, true)]
    {
        let mut config = [0xff; 12];
        config[8..].copy_from_slice(&limit.to_le_bytes());
        let (bus, device) = device(FEATURE_SIZE_MAX, &config);
        let blk = VirtioBlk::start(device.registers(), bus.place(0), bus.address(0));
        assert_eq!(blk.is_ok(), is_fine);
        let fault = blk.err().map(|failure| failure.fault);
        assert!(fault.is_none_or(|fault| fault == DeviceFault::ConfigInvalid));
    }
}
