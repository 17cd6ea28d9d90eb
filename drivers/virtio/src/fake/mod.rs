//! A virtio device for host tests: it follows the registers and rings as the specification says,
//! from the device's side, and breaks their rules where a test tells it to.
//!
//! It finds everything through device addresses, as a real device does, so a driver that
//! programs a wrong address or layout fails its tests.

use std::{cell::RefCell, rc::Rc, vec, vec::Vec};

use crate::{
    Registers,
    transport::{register, status},
};

#[allow(unsafe_code, reason = "one allocation is handed to driver and device")]
mod bus;

pub use bus::FakeBus;

/// One descriptor as the device reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FakeBuffer {
    /// Device address.
    pub address: u64,
    /// Length in bytes.
    pub len: u32,
    /// Whether the device may write it.
    pub writable: bool,
}

/// One chain as the device takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeChain {
    /// Index of its first descriptor.
    pub head: u32,
    /// Its buffers in order.
    pub buffers: Vec<FakeBuffer>,
}

/// Rules the device breaks; everything else it does right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mischief {
    /// Status never reads 0.
    pub never_resets: bool,
    /// `FEATURES_OK` does not stick.
    pub refuses_features: bool,
    /// The configuration generation changes at every read.
    pub config_unstable: bool,
    /// Queues read as ready before they are set up.
    pub queues_in_use: bool,
    /// Status reads `DEVICE_NEEDS_RESET`.
    pub needs_reset: bool,
}

/// Registers with a fixed value, for a test to change.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The magic register.
    pub magic: u32,
    /// The version register.
    pub version: u32,
    /// The device type register.
    pub device_type: u32,
    /// Features offered.
    pub features: u64,
    /// The configuration space.
    pub config: Vec<u8>,
    /// Most descriptors, per queue.
    pub queue_size_max: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct FakeQueue {
    size: u32,
    ready: bool,
    descriptors: u64,
    available: u64,
    used: u64,
    available_index: u16,
    used_index: u16,
}

#[derive(Debug)]
struct State {
    bus: FakeBus,
    identity: Identity,
    mischief: Mischief,
    queues: Vec<FakeQueue>,
    selected: usize,
    feature_select: u32,
    features: u64,
    status: u32,
    resets: usize,
    interrupts_acknowledged: usize,
    notified: Vec<u32>,
    generation: u32,
}

/// A handle on the device; clones share it.
#[derive(Clone, Debug)]
pub struct FakeDevice(Rc<RefCell<State>>);

/// The same device as the driver's registers.
#[derive(Debug)]
pub struct FakeRegisters(Rc<RefCell<State>>);

impl FakeDevice {
    /// A device of type `device_type` with `features` besides `VERSION_1`.
    pub fn new(
        bus: FakeBus,
        device_type: u32,
        features: u64,
        config: &[u8],
        queues: usize,
    ) -> Self {
        let identity = Identity {
            magic: u32::from_le_bytes(*b"virt"),
            version: 2,
            device_type,
            features: features | crate::feature::VERSION_1,
            config: config.to_vec(),
            queue_size_max: vec![1024; queues],
        };
        Self(Rc::new(RefCell::new(State {
            bus,
            identity,
            mischief: Mischief::default(),
            queues: vec![FakeQueue::default(); queues],
            selected: 0,
            feature_select: 0,
            features: 0,
            status: 0,
            resets: 0,
            interrupts_acknowledged: 0,
            notified: Vec::new(),
            generation: 0,
        })))
    }

    /// The driver's end.
    pub fn registers(&self) -> FakeRegisters {
        FakeRegisters(self.0.clone())
    }

    /// Changes what the device claims to be.
    pub fn set_identity(&self, change: impl FnOnce(&mut Identity)) {
        change(&mut self.0.borrow_mut().identity);
    }

    /// Sets which rules the device breaks.
    pub fn set_mischief(&self, mischief: Mischief) {
        self.0.borrow_mut().mischief = mischief;
    }

    /// Whether the driver let the device run.
    pub fn is_running(&self) -> bool {
        self.0.borrow().status & status::DRIVER_OK != 0
    }

    /// Features the driver chose.
    pub fn features(&self) -> u64 {
        self.0.borrow().features
    }

    /// How often the device was reset.
    pub fn reset_count(&self) -> usize {
        self.0.borrow().resets
    }

    /// How often an interrupt was acknowledged.
    pub fn interrupts_acknowledged(&self) -> usize {
        self.0.borrow().interrupts_acknowledged
    }

    /// Queue numbers kicked since the last call.
    pub fn take_notifications(&self) -> Vec<u32> {
        core::mem::take(&mut self.0.borrow_mut().notified)
    }

    /// The next chain the driver made available, if any. Asks for a kick at the one after it.
    pub fn pop(&self, queue: usize) -> Option<FakeChain> {
        let mut state = self.0.borrow_mut();
        let bus = state.bus;
        let queue = &mut state.queues[queue];
        assert!(queue.ready, "queue not set up");
        if read_u16(&bus, queue.available + 2) == queue.available_index {
            return None;
        }
        let entry = u64::from(queue.available_index) % u64::from(queue.size);
        let head = read_u16(&bus, queue.available + 4 + 2 * entry);
        queue.available_index = queue.available_index.wrapping_add(1);
        let event = queue.used + 4 + 8 * u64::from(queue.size);
        bus.write(event, &queue.available_index.to_le_bytes());
        let mut buffers = Vec::new();
        let mut index = head;
        loop {
            let at = queue.descriptors + 16 * u64::from(index);
            let flags = read_u16(&bus, at + 12);
            buffers.push(FakeBuffer {
                address: u64::from_le_bytes(bus.read(at, 8).try_into().unwrap()),
                len: u32::from_le_bytes(bus.read(at + 8, 4).try_into().unwrap()),
                writable: flags & 2 != 0,
            });
            if flags & 1 == 0 {
                break;
            }
            index = read_u16(&bus, at + 14);
        }
        Some(FakeChain { head: u32::from(head), buffers })
    }

    /// Gives a chain back, whatever `id` and `len` say. `true` if the driver wants an interrupt.
    pub fn complete(&self, queue: usize, id: u32, len: u32) -> bool {
        let mut state = self.0.borrow_mut();
        let bus = state.bus;
        let event_index = state.features & crate::feature::EVENT_IDX != 0;
        let queue = &mut state.queues[queue];
        let entry = queue.used + 4 + 8 * (u64::from(queue.used_index) % u64::from(queue.size));
        bus.write(entry, &id.to_le_bytes());
        bus.write(entry + 4, &len.to_le_bytes());
        let old = queue.used_index;
        queue.used_index = old.wrapping_add(1);
        bus.write(queue.used + 2, &queue.used_index.to_le_bytes());
        if event_index {
            read_u16(&bus, queue.available + 4 + 2 * u64::from(queue.size)) == old
        } else {
            read_u16(&bus, queue.available) & 1 == 0
        }
    }

    /// Moves the used index to anywhere.
    pub fn set_used_index(&self, queue: usize, index: u16) {
        let state = self.0.borrow();
        state.bus.write(state.queues[queue].used + 2, &index.to_le_bytes());
    }
}

fn read_u16(bus: &FakeBus, address: u64) -> u16 {
    u16::from_le_bytes(bus.read(address, 2).try_into().unwrap())
}

impl Registers for FakeRegisters {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.0.borrow_mut();
        let mischief = state.mischief;
        match offset {
            register::MAGIC => state.identity.magic,
            register::VERSION => state.identity.version,
            register::DEVICE_TYPE => state.identity.device_type,
            register::DEVICE_FEATURES => half(state.identity.features, state.feature_select),
            register::QUEUE_SIZE_MAX => {
                state.identity.queue_size_max.get(state.selected).copied().unwrap_or(0)
            }
            register::QUEUE_READY => u32::from(mischief.queues_in_use),
            register::STATUS => {
                let mut status = state.status;
                if mischief.never_resets {
                    status |= status::ACKNOWLEDGE;
                }
                if mischief.refuses_features {
                    status &= !status::FEATURES_OK;
                }
                if mischief.needs_reset {
                    status |= status::NEEDS_RESET;
                }
                status
            }
            register::CONFIG_GENERATION => {
                state.generation += u32::from(mischief.config_unstable);
                state.generation
            }
            register::CONFIG.. => {
                let start = offset - register::CONFIG;
                let byte = |index: usize| state.identity.config.get(start + index).copied();
                u32::from_le_bytes(core::array::from_fn(|index| byte(index).unwrap_or(0)))
            }
            _ => panic!("read of register {offset:#x}"),
        }
    }

    fn read_byte(&self, offset: usize) -> u8 {
        let config = &self.0.borrow().identity.config;
        config.get(offset - register::CONFIG).copied().unwrap_or(0)
    }

    fn write(&mut self, offset: usize, value: u32) {
        let mut state = self.0.borrow_mut();
        let select = state.feature_select;
        let selected = state.selected;
        match offset {
            register::DEVICE_FEATURES_SELECT | register::DRIVER_FEATURES_SELECT => {
                state.feature_select = value;
            }
            register::DRIVER_FEATURES => set_half(&mut state.features, select, value),
            register::QUEUE_SELECT => state.selected = value as usize,
            register::QUEUE_NOTIFY => state.notified.push(value),
            register::INTERRUPT_ACK => state.interrupts_acknowledged += 1,
            register::STATUS => {
                state.status = value;
                if value == 0 {
                    state.resets += 1;
                    state.queues.fill(FakeQueue::default());
                }
            }
            register::QUEUE_SIZE => state.queues[selected].size = value,
            register::QUEUE_READY => state.queues[selected].ready = value == 1,
            register::QUEUE_DESCRIPTORS.. => {
                let (base, part) = (offset & !7, u32::from(offset & 4 != 0));
                let queue = &mut state.queues[selected];
                let field = match base & !0xf {
                    register::QUEUE_DESCRIPTORS => &mut queue.descriptors,
                    register::QUEUE_AVAILABLE => &mut queue.available,
                    register::QUEUE_USED => &mut queue.used,
                    _ => panic!("write to register {offset:#x}"),
                };
                set_half(field, part, value);
            }
            _ => panic!("write to register {offset:#x}"),
        }
    }
}

fn half(value: u64, select: u32) -> u32 {
    u32::try_from(value >> (32 * select) & 0xffff_ffff).unwrap()
}

fn set_half(field: &mut u64, select: u32, value: u32) {
    let shift = 32 * select;
    *field = *field & !(0xffff_ffff << shift) | u64::from(value) << shift;
}
