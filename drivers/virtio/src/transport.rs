//! The register interface: initialisation, features, queues, interrupts, configuration space.

use crate::{DeviceFault, QueueArea, mmio::device_barrier};

/// Access to a device's registers; offsets are bytes from the first one.
pub trait Registers {
    /// Reads a 32-bit register; `offset` is a multiple of 4.
    fn read(&self, offset: usize) -> u32;
    /// Reads one byte of the configuration space.
    fn read_byte(&self, offset: usize) -> u8;
    /// Writes a 32-bit register; `offset` is a multiple of 4.
    fn write(&mut self, offset: usize, value: u32);
}

/// What kind of device a driver is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum DeviceType {
    /// Network card.
    Net = 1,
    /// Block device.
    Block = 2,
    /// Entropy source.
    Entropy = 4,
}

/// Feature bits that belong to no device type.
pub mod feature {
    /// `used_event`/`avail_event` say when to interrupt and to kick.
    pub const EVENT_IDX: u64 = 1 << 29;
    /// The device follows version 1 of the specification or later.
    pub const VERSION_1: u64 = 1 << 32;
}

pub(crate) mod register {
    pub(crate) const MAGIC: usize = 0x000;
    pub(crate) const VERSION: usize = 0x004;
    pub(crate) const DEVICE_TYPE: usize = 0x008;
    pub(crate) const DEVICE_FEATURES: usize = 0x010;
    pub(crate) const DEVICE_FEATURES_SELECT: usize = 0x014;
    pub(crate) const DRIVER_FEATURES: usize = 0x020;
    pub(crate) const DRIVER_FEATURES_SELECT: usize = 0x024;
    pub(crate) const QUEUE_SELECT: usize = 0x030;
    pub(crate) const QUEUE_SIZE_MAX: usize = 0x034;
    pub(crate) const QUEUE_SIZE: usize = 0x038;
    pub(crate) const QUEUE_READY: usize = 0x044;
    pub(crate) const QUEUE_NOTIFY: usize = 0x050;
    pub(crate) const INTERRUPT_ACK: usize = 0x064;
    pub(crate) const STATUS: usize = 0x070;
    pub(crate) const QUEUE_DESCRIPTORS: usize = 0x080;
    pub(crate) const QUEUE_AVAILABLE: usize = 0x090;
    pub(crate) const QUEUE_USED: usize = 0x0a0;
    pub(crate) const CONFIG_GENERATION: usize = 0x0fc;
    pub(crate) const CONFIG: usize = 0x100;
}

pub(crate) mod status {
    pub(crate) const ACKNOWLEDGE: u32 = 1;
    pub(crate) const DRIVER: u32 = 2;
    pub(crate) const DRIVER_OK: u32 = 4;
    pub(crate) const FEATURES_OK: u32 = 8;
    pub(crate) const NEEDS_RESET: u32 = 64;
}

const MAGIC: u32 = u32::from_le_bytes(*b"virt");
const VERSION: u32 = 2;
/// Both interrupt causes: used buffers (1) and configuration change (2).
const INTERRUPT_ALL: u32 = 3;
/// A device resets within microseconds; a register read takes 0.1 to 1 of them.
const RESET_READS_MAX: usize = 100_000;
/// The configuration space changes rarely; twice in a row is already suspicious.
const CONFIG_READS_MAX: usize = 16;

/// A device that did not start; its registers, for another try.
#[derive(Debug)]
pub struct StartFailure<R> {
    /// The device's registers.
    pub registers: R,
    /// What went wrong.
    pub fault: DeviceFault,
}

/// One device's register interface.
///
/// [`Transport::start`] does what section 3.1 prescribes: reset, negotiate, let the driver
/// [add its queues](Transport::add_queue), run. The reset comes first, so that no chain given to
/// the device by a former life of this program is still written to.
#[derive(Debug)]
pub struct Transport<R> {
    registers: R,
    /// What we last wrote to the status register; reading it back would trust the device.
    status: u32,
}

impl<R: Registers> Transport<R> {
    /// Starts a device of the given type. `set_up`, called before the device runs, agrees on
    /// features, reads configuration and adds queues.
    ///
    /// # Errors
    ///
    /// [`DeviceFault::NotVirtio`], [`DeviceFault::Version`], [`DeviceFault::DeviceType`],
    /// [`DeviceFault::ResetTimeout`], or what `set_up` found; the device is then reset again.
    pub fn start<T>(
        registers: R,
        device_type: DeviceType,
        set_up: impl FnOnce(&mut Self) -> Result<T, DeviceFault>,
    ) -> Result<(Self, T), StartFailure<R>> {
        let mut transport = Self { registers, status: 0 };
        let result = transport.identify(device_type).and_then(|()| set_up(&mut transport));
        match result {
            Ok(parts) => {
                device_barrier();
                transport.add_status(status::DRIVER_OK);
                Ok((transport, parts))
            }
            Err(fault) => Err(StartFailure { registers: transport.stop(), fault }),
        }
    }

    /// Resets the device, as far as it obeys, and gives its registers back.
    pub fn stop(mut self) -> R {
        // A device that does not obey will say so again at the next start.
        let _ = self.reset();
        self.registers
    }

    fn identify(&mut self, device_type: DeviceType) -> Result<(), DeviceFault> {
        let magic = self.registers.read(register::MAGIC);
        if magic != MAGIC {
            return Err(DeviceFault::NotVirtio { magic });
        }
        let version = self.registers.read(register::VERSION);
        if version != VERSION {
            return Err(DeviceFault::Version { version });
        }
        let found = self.registers.read(register::DEVICE_TYPE);
        if found != device_type as u32 {
            return Err(DeviceFault::DeviceType { device_type: found });
        }
        self.reset()
    }

    /// Resets the device and waits until it has: from then on it uses no memory of ours. On
    /// [`DeviceFault::ResetTimeout`] it may still.
    fn reset(&mut self) -> Result<(), DeviceFault> {
        self.status = 0;
        self.registers.write(register::STATUS, 0);
        for _ in 0..RESET_READS_MAX {
            if self.registers.read(register::STATUS) == 0 {
                return Ok(());
            }
        }
        Err(DeviceFault::ResetTimeout)
    }

    /// Agrees on features: all of `required` and what the device offers of `wanted`.
    ///
    /// [`feature::VERSION_1`] is always required. Returns the features agreed on.
    ///
    /// # Errors
    ///
    /// [`DeviceFault::FeatureMissing`], [`DeviceFault::FeaturesRefused`].
    pub fn negotiate(&mut self, required: u64, wanted: u64) -> Result<u64, DeviceFault> {
        self.add_status(status::ACKNOWLEDGE);
        self.add_status(status::DRIVER);
        let required = required | feature::VERSION_1;
        let offered = self.offered_features();
        let missing = required & !offered;
        if missing != 0 {
            return Err(DeviceFault::FeatureMissing { bits: missing });
        }
        let agreed = offered & (required | wanted);
        let [low, high] = halves(agreed);
        self.registers.write(register::DRIVER_FEATURES_SELECT, 0);
        self.registers.write(register::DRIVER_FEATURES, low);
        self.registers.write(register::DRIVER_FEATURES_SELECT, 1);
        self.registers.write(register::DRIVER_FEATURES, high);
        self.add_status(status::FEATURES_OK);
        if self.registers.read(register::STATUS) & status::FEATURES_OK == 0 {
            return Err(DeviceFault::FeaturesRefused);
        }
        Ok(agreed)
    }

    /// Tells the device where queue number `queue` lies: `area` as the device sees it.
    ///
    /// # Errors
    ///
    /// [`DeviceFault::QueueInUse`], [`DeviceFault::QueueTooSmall`].
    pub fn add_queue<const N: usize>(
        &mut self,
        queue: u16,
        area_address: u64,
    ) -> Result<(), DeviceFault> {
        self.registers.write(register::QUEUE_SELECT, u32::from(queue));
        if self.registers.read(register::QUEUE_READY) != 0 {
            return Err(DeviceFault::QueueInUse { queue });
        }
        let size = u32::from(QueueArea::<N>::SIZE);
        let size_max = self.registers.read(register::QUEUE_SIZE_MAX);
        if size_max < size {
            return Err(DeviceFault::QueueTooSmall { queue, size_max });
        }
        self.registers.write(register::QUEUE_SIZE, size);
        let [descriptors, available, used] = QueueArea::<N>::part_addresses(area_address);
        self.write_address(register::QUEUE_DESCRIPTORS, descriptors);
        self.write_address(register::QUEUE_AVAILABLE, available);
        self.write_address(register::QUEUE_USED, used);
        self.registers.write(register::QUEUE_READY, 1);
        Ok(())
    }

    /// Kicks the device: queue number `queue` has new chains.
    pub fn notify(&mut self, queue: u16) {
        self.registers.write(register::QUEUE_NOTIFY, u32::from(queue));
    }

    /// Withdraws the interrupt, whatever its cause. Taking completions comes after this, so that
    /// one which arrives meanwhile raises the interrupt again.
    pub fn acknowledge_interrupt(&mut self) {
        self.registers.write(register::INTERRUPT_ACK, INTERRUPT_ALL);
    }

    /// Whether the device still says it works.
    ///
    /// # Errors
    ///
    /// [`DeviceFault::NeedsReset`].
    pub fn check_status(&self) -> Result<(), DeviceFault> {
        if self.registers.read(register::STATUS) & status::NEEDS_RESET == 0 {
            Ok(())
        } else {
            Err(DeviceFault::NeedsReset)
        }
    }

    /// Reads the first `N` bytes of the configuration space, as one consistent state.
    ///
    /// Read byte by byte, which the specification asks for byte fields only; fields that are
    /// wider are read with [`Transport::config_u32`] and [`Transport::config_u64`].
    ///
    /// # Errors
    ///
    /// [`DeviceFault::ConfigUnstable`].
    pub fn config_bytes<const N: usize>(&self) -> Result<[u8; N], DeviceFault> {
        self.config_read(|registers| {
            core::array::from_fn(|index| registers.read_byte(register::CONFIG + index))
        })
    }

    /// Reads a 32-bit field of the configuration space.
    ///
    /// # Errors
    ///
    /// [`DeviceFault::ConfigUnstable`].
    pub fn config_u32(&self, offset: usize) -> Result<u32, DeviceFault> {
        self.config_read(|registers| registers.read(register::CONFIG + offset))
    }

    /// Reads a 64-bit field of the configuration space.
    ///
    /// # Errors
    ///
    /// [`DeviceFault::ConfigUnstable`].
    pub fn config_u64(&self, offset: usize) -> Result<u64, DeviceFault> {
        self.config_read(|registers| {
            let low = registers.read(register::CONFIG + offset);
            let high = registers.read(register::CONFIG + offset + 4);
            u64::from(low) | u64::from(high) << 32
        })
    }

    fn config_read<T>(&self, read: impl Fn(&R) -> T) -> Result<T, DeviceFault> {
        for _ in 0..CONFIG_READS_MAX {
            let before = self.registers.read(register::CONFIG_GENERATION);
            let value = read(&self.registers);
            if self.registers.read(register::CONFIG_GENERATION) == before {
                return Ok(value);
            }
        }
        Err(DeviceFault::ConfigUnstable)
    }

    fn offered_features(&mut self) -> u64 {
        self.registers.write(register::DEVICE_FEATURES_SELECT, 0);
        let low = self.registers.read(register::DEVICE_FEATURES);
        self.registers.write(register::DEVICE_FEATURES_SELECT, 1);
        let high = self.registers.read(register::DEVICE_FEATURES);
        u64::from(low) | u64::from(high) << 32
    }

    fn add_status(&mut self, bit: u32) {
        self.status |= bit;
        self.registers.write(register::STATUS, self.status);
    }

    fn write_address(&mut self, offset: usize, address: u64) {
        let [low, high] = halves(address);
        self.registers.write(offset, low);
        self.registers.write(offset + 4, high);
    }
}

/// Low and high half of a 64-bit value.
#[allow(clippy::cast_possible_truncation, reason = "the halves are what is asked for")]
const fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[cfg(test)]
mod tests;
