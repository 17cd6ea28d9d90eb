use super::*;
use crate::fake::{FakeBus, FakeDevice, Mischief};

fn device() -> FakeDevice {
    FakeDevice::new(
        FakeBus::new(4096),
        1,
        feature::EVENT_IDX | 1 << 5,
        &[1, 2, 3, 4, 5, 6, 7, 8],
        2,
    )
}

fn start(device: &FakeDevice) -> Result<u64, DeviceFault> {
    let started = Transport::start(device.registers(), DeviceType::Net, |transport| {
        let features = transport.negotiate(1 << 5, feature::EVENT_IDX)?;
        transport.add_queue::<16>(0, 0x4_0000_0000)?;
        Ok(features)
    });
    started.map(|(_, features)| features).map_err(|failure| failure.fault)
}

fn running(device: &FakeDevice) -> Transport<crate::fake::FakeRegisters> {
    Transport::start(device.registers(), DeviceType::Net, |_| Ok(())).unwrap().0
}

#[test]
fn starts_a_device_and_resets_it_first() {
    let device = device();
    assert_eq!(start(&device), Ok(feature::VERSION_1 | feature::EVENT_IDX | 1 << 5));
    assert_eq!(device.features(), feature::VERSION_1 | feature::EVENT_IDX | 1 << 5);
    assert!(device.is_running());
    assert!(device.reset_count() >= 1);
}

#[test]
fn resets_a_device_that_fails_to_start_and_one_that_is_stopped() {
    let device = device();
    device.set_identity(|identity| identity.queue_size_max = vec![]);
    assert!(start(&device).is_err());
    assert!(!device.is_running());
    let resets = device.reset_count();
    let registers = running(&device).stop();
    assert!(!device.is_running());
    assert_eq!(device.reset_count(), resets + 2, "one at the start, one at the stop");
    assert!(Transport::start(registers, DeviceType::Net, |_| Ok(())).is_ok());
}

#[test]
fn does_not_accept_features_it_did_not_ask_for() {
    let device = device();
    device.set_identity(|identity| identity.features = u64::MAX);
    assert_eq!(start(&device), Ok(feature::VERSION_1 | feature::EVENT_IDX | 1 << 5));
}

#[test]
fn refuses_something_else_at_the_address() {
    let device = device();
    device.set_identity(|identity| identity.magic = 0);
    assert_eq!(start(&device), Err(DeviceFault::NotVirtio { magic: 0 }));
    device.set_identity(|identity| identity.magic = MAGIC);
    device.set_identity(|identity| identity.version = 1);
    assert_eq!(start(&device), Err(DeviceFault::Version { version: 1 }));
    device.set_identity(|identity| identity.version = 2);
    device.set_identity(|identity| identity.device_type = 0);
    assert_eq!(start(&device), Err(DeviceFault::DeviceType { device_type: 0 }));
}

#[test]
fn gives_up_on_a_device_that_does_not_reset() {
    let device = device();
    device.set_mischief(Mischief { never_resets: true, ..Mischief::default() });
    assert_eq!(start(&device), Err(DeviceFault::ResetTimeout));
}

#[test]
fn names_the_missing_feature() {
    let device = device();
    device.set_identity(|identity| identity.features = feature::VERSION_1);
    assert_eq!(start(&device), Err(DeviceFault::FeatureMissing { bits: 1 << 5 }));
    device.set_identity(|identity| identity.features = 1 << 5);
    assert_eq!(start(&device), Err(DeviceFault::FeatureMissing { bits: feature::VERSION_1 }));
}

#[test]
fn notices_refused_features() {
    let device = device();
    device.set_mischief(Mischief { refuses_features: true, ..Mischief::default() });
    assert_eq!(start(&device), Err(DeviceFault::FeaturesRefused));
}

#[test]
fn refuses_absent_small_and_busy_queues() {
    let device = device();
    device.set_identity(|identity| identity.queue_size_max = vec![8]);
    assert_eq!(start(&device), Err(DeviceFault::QueueTooSmall { queue: 0, size_max: 8 }));
    device.set_identity(|identity| identity.queue_size_max = vec![]);
    assert_eq!(start(&device), Err(DeviceFault::QueueTooSmall { queue: 0, size_max: 0 }));
    device.set_mischief(Mischief { queues_in_use: true, ..Mischief::default() });
    assert_eq!(start(&device), Err(DeviceFault::QueueInUse { queue: 0 }));
}

#[test]
fn reads_configuration_space_and_gives_up_on_an_unstable_one() {
    let device = device();
    let transport = running(&device);
    assert_eq!(transport.config_bytes(), Ok([1, 2, 3, 4, 5, 6]));
    assert_eq!(transport.config_u32(4), Ok(0x0807_0605));
    assert_eq!(transport.config_u64(0), Ok(0x0807_0605_0403_0201));
    device.set_mischief(Mischief { config_unstable: true, ..Mischief::default() });
    assert_eq!(transport.config_u64(0), Err(DeviceFault::ConfigUnstable));
}

#[test]
fn sees_a_device_that_asks_for_a_reset() {
    let device = device();
    let transport = running(&device);
    assert_eq!(transport.check_status(), Ok(()));
    device.set_mischief(Mischief { needs_reset: true, ..Mischief::default() });
    assert_eq!(transport.check_status(), Err(DeviceFault::NeedsReset));
}
