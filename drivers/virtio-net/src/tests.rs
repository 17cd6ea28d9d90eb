use super::*;
use virtio::fake::{FakeBus, FakeDevice, FakeRegisters, Mischief};

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const BUFFERS: u64 = 0x9_0000_0000;

fn device() -> (FakeBus, FakeDevice) {
    let bus = FakeBus::new(size_of::<NetMemory>());
    // Every offload is offered, to see that none is taken.
    (bus, FakeDevice::new(bus, 1, 0x03ff_ffff | feature::EVENT_IDX, &MAC, 2))
}

fn start() -> (FakeBus, FakeDevice, VirtioNet<FakeRegisters>) {
    let (bus, device) = device();
    let net = VirtioNet::start(device.registers(), bus.place(0), bus.address(0)).unwrap();
    (bus, device, net)
}

fn start_fails(device: &FakeDevice, bus: FakeBus) -> DeviceFault {
    VirtioNet::start(device.registers(), bus.place(0), bus.address(0)).unwrap_err().fault
}

#[test]
fn takes_the_station_address_and_no_offload() {
    let (_, device, net) = start();
    assert_eq!(net.mac(), MAC);
    assert_eq!(device.features(), feature::VERSION_1 | feature::EVENT_IDX | FEATURE_MAC);
}

#[test]
fn refuses_a_station_address_that_is_none() {
    for mac in [[0; 6], [1, 0, 0, 0, 0, 1], [0xff; 6]] {
        let (bus, device) = device();
        device.set_identity(|identity| identity.config = mac.to_vec());
        assert_eq!(start_fails(&device, bus), DeviceFault::ConfigInvalid);
    }
}

#[test]
fn receives_into_the_buffer_and_keeps_the_header_apart() {
    let (bus, device, mut net) = start();
    let slot = net.give_receive_buffer(BUFFERS, 2048).unwrap();
    net.flush();
    assert_eq!(device.take_notifications(), [0]);
    let chain = device.pop(0).unwrap();
    assert_eq!(chain.buffers.len(), 2);
    assert!(chain.buffers.iter().all(|buffer| buffer.writable));
    bus.write(chain.buffers[0].address, &[0xff; HEADER_BYTES]);
    assert_eq!((chain.buffers[1].address, chain.buffers[1].len), (BUFFERS, 2048));
    assert!(net.arm());
    assert!(device.complete(0, chain.head, HEADER_LEN + 60), "an armed driver is interrupted");
    net.acknowledge_interrupt();
    assert_eq!(net.take_received(), Ok(Some(Received { slot, len: 60 })));
    assert_eq!(net.take_received(), Ok(None));
}

#[test]
fn sends_a_frame_behind_a_zero_header() {
    let (bus, device) = device();
    bus.write(bus.address(0), &vec![0xa5; size_of::<NetMemory>()]);
    let mut net = VirtioNet::start(device.registers(), bus.place(0), bus.address(0)).unwrap();
    let slot = net.send(BUFFERS + 4096, 1514).unwrap();
    net.flush();
    assert_eq!(device.take_notifications(), [1]);
    let chain = device.pop(1).unwrap();
    assert!(chain.buffers.iter().all(|buffer| !buffer.writable));
    assert_eq!(bus.read(chain.buffers[0].address, 12), [0; 12]);
    assert_eq!((chain.buffers[1].address, chain.buffers[1].len), (BUFFERS + 4096, 1514));
    device.complete(1, chain.head, 0);
    assert_eq!(net.take_sent(), Ok(Some(slot)));
}

#[test]
fn one_kick_for_a_batch() {
    let (_, device, mut net) = start();
    for index in 0..FRAMES_MAX as u64 {
        net.send(BUFFERS + 2048 * index, 60).unwrap();
    }
    assert_eq!(net.send(BUFFERS, 60), Err(QueueFull));
    net.flush();
    assert_eq!(device.take_notifications(), [1]);
}

#[test]
fn sent_frames_interrupt_only_when_many_wait() {
    let (_, device, mut net) = start();
    let mut interrupts = 0;
    for count in 1..=FRAMES_MAX {
        net.send(BUFFERS, 60).unwrap();
        net.flush();
        assert!(net.arm());
        if count > usize::from(TRANSMIT_LAZY_MAX) {
            let chain = device.pop(1).unwrap();
            interrupts += usize::from(device.complete(1, chain.head, 0));
        }
    }
    assert_eq!(interrupts, 0, "64 completions are not yet more than half");
    let chain = device.pop(1).unwrap();
    assert!(device.complete(1, chain.head, 0), "now they are");
    assert!(!net.arm());
}

#[test]
fn a_runt_is_the_wires_fault_and_no_header_the_devices() {
    let (_, device, mut net) = start();
    net.give_receive_buffer(BUFFERS, 2048).unwrap();
    net.flush();
    device.complete(0, device.pop(0).unwrap().head, HEADER_LEN + 1);
    assert_eq!(net.take_received().map(|received| received.map(|frame| frame.len)), Ok(Some(1)));
    for len in [0, HEADER_LEN - 1] {
        let (_, device, mut net) = start();
        net.give_receive_buffer(BUFFERS, 2048).unwrap();
        net.flush();
        let head = device.pop(0).unwrap().head;
        device.complete(0, head, len);
        assert_eq!(net.take_received(), Err(DeviceFault::UsedTooShort { len }));
    }
}

#[test]
fn rejects_frames_longer_than_the_buffer() {
    let (_, device, mut net) = start();
    net.give_receive_buffer(BUFFERS, 2048).unwrap();
    net.flush();
    let head = device.pop(0).unwrap().head;
    device.complete(0, head, 2048 + HEADER_LEN + 1);
    let fault = DeviceFault::UsedTooLong { len: 2061, len_max: 2060 };
    assert_eq!(net.take_received(), Err(fault));
}

#[test]
fn rejects_data_written_to_a_frame_being_sent() {
    let (_, device, mut net) = start();
    net.send(BUFFERS, 60).unwrap();
    net.flush();
    let head = device.pop(1).unwrap().head;
    device.complete(1, head, 1);
    assert_eq!(net.take_sent(), Err(DeviceFault::UsedTooLong { len: 1, len_max: 0 }));
}

#[test]
fn a_restart_over_a_faulty_device_works() {
    let (bus, device, mut net) = start();
    net.give_receive_buffer(BUFFERS, 2048).unwrap();
    net.flush();
    device.complete(0, 77, 0);
    assert_eq!(net.take_received(), Err(DeviceFault::UsedId { id: 77 }));
    let registers = net.stop();
    assert!(!device.is_running());
    let mut net = VirtioNet::start(registers, bus.place(0), bus.address(0)).unwrap();
    let slot = net.give_receive_buffer(BUFFERS, 2048).unwrap();
    net.flush();
    let head = device.pop(0).unwrap().head;
    device.complete(0, head, 100);
    assert_eq!(net.take_received(), Ok(Some(Received { slot, len: 88 })));
}

#[test]
fn a_silent_device_is_a_fault_at_start_and_nothing_later() {
    let (bus, device) = device();
    device.set_mischief(Mischief { never_resets: true, ..Mischief::default() });
    assert_eq!(start_fails(&device, bus), DeviceFault::ResetTimeout);
    device.set_mischief(Mischief::default());
    let mut net = VirtioNet::start(device.registers(), bus.place(0), bus.address(0)).unwrap();
    net.give_receive_buffer(BUFFERS, 2048).unwrap();
    net.flush();
    assert_eq!(net.take_received(), Ok(None));
    assert!(net.arm());
}
