//! Driver for the virtio block device (virtio 1.2, section 5.2): reads.
//!
//! Data goes by *device address* to memory that the driver never maps. It is driven by
//! interrupts: submit requests, [`VirtioBlk::flush`] once for all, [`VirtioBlk::arm`] before
//! sleeping, [`VirtioBlk::take`] completions after an interrupt. How long to wait for a device
//! that does not answer is the caller's decision; [`VirtioBlk::stop`] resets it, and then it may be
//! started again.
//!
//! **Trust.** The device is hostile: a bad used ring is a [`DeviceFault`]; a request that ends
//! with anything but the status "ok" *and* the full length is [`Outcome::Failed`]. Whether the
//! bytes are the right ones is for their reader to prove.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use virtio::{
    Buffer, DeviceFault, DeviceType, QueueArea, QueueFull, Registers, Slot, StartFailure,
    Transport, VirtQueue, feature,
};

/// Bytes of a sector, the unit of position and capacity whatever the medium.
pub const SECTOR_BYTES: u32 = 512;
/// Most bytes of one request.
pub const REQUEST_BYTES_MAX: u32 = 128 * 1024;
/// Requests that the device holds at once.
pub const REQUESTS_MAX: usize = QUEUE_SIZE / DESCRIPTORS_PER_REQUEST;

const QUEUE_SIZE: usize = 128;
/// Header, data, status; slots are a power of two apart.
const DESCRIPTORS_PER_REQUEST: usize = 4;
const QUEUE: u16 = 0;

const TYPE_READ: u32 = 0;
const HEADER_LEN: u32 = 16;
const STATUS_OK: u8 = 0;
/// No device writes this: it stands for "no answer".
const STATUS_NONE: u8 = 0xff;
/// Largest segment is in configuration space (`VIRTIO_BLK_F_SIZE_MAX`).
const FEATURE_SIZE_MAX: u64 = 1 << 1;
const CONFIG_CAPACITY: usize = 0;
const CONFIG_SIZE_MAX: usize = 8;

/// `struct virtio_blk_req` without data and status.
#[repr(C, align(16))]
#[derive(Debug)]
struct Header {
    kind: AtomicU32,
    reserved: AtomicU32,
    sector: AtomicU64,
}

/// Memory shared with the device; atomics only, so any content is valid.
#[repr(C)]
#[derive(Debug)]
pub struct BlkMemory {
    queue: QueueArea<QUEUE_SIZE>,
    headers: [Header; REQUESTS_MAX],
    statuses: [AtomicU8; REQUESTS_MAX],
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All bytes were read, says the device.
    Done,
    /// The device reported this status (1 I/O error, 2 unsupported, 255 none at all), or too few
    /// bytes with status 0.
    Failed {
        /// The status byte.
        status: u8,
    },
}

/// A request that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What [`VirtioBlk::read`] returned for the request.
    pub slot: Slot,
    /// How it ended.
    pub outcome: Outcome,
}

/// A running block device.
#[derive(Debug)]
pub struct VirtioBlk<R> {
    transport: Transport<R>,
    queue: VirtQueue<QUEUE_SIZE, REQUESTS_MAX>,
    memory: &'static BlkMemory,
    memory_address: u64,
    capacity_sectors: u64,
    /// Bytes asked for, by slot.
    lengths: [u32; REQUESTS_MAX],
}

impl<R: Registers> VirtioBlk<R> {
    /// Resets and starts the device; `memory_address` is `memory` as the device sees it.
    ///
    /// # Errors
    ///
    /// Any [`DeviceFault`] of the start; [`DeviceFault::ConfigInvalid`] when the device takes no
    /// segment of [`REQUEST_BYTES_MAX`].
    pub fn start(
        registers: R,
        memory: &'static BlkMemory,
        memory_address: u64,
    ) -> Result<Self, StartFailure<R>> {
        let queue_address = memory_address + core::mem::offset_of!(BlkMemory, queue) as u64;
        let (transport, (queue, capacity_sectors)) =
            Transport::start(registers, DeviceType::Block, |transport| {
                let features = transport.negotiate(0, feature::EVENT_IDX | FEATURE_SIZE_MAX)?;
                let capacity_sectors = transport.config_u64(CONFIG_CAPACITY)?;
                let is_limited = features & FEATURE_SIZE_MAX != 0;
                if is_limited && transport.config_u32(CONFIG_SIZE_MAX)? < REQUEST_BYTES_MAX {
                    return Err(DeviceFault::ConfigInvalid);
                }
                let queue = VirtQueue::new(&memory.queue, features & feature::EVENT_IDX != 0);
                transport.add_queue::<QUEUE_SIZE>(QUEUE, queue_address)?;
                Ok((queue, capacity_sectors))
            })?;
        let lengths = [0; REQUESTS_MAX];
        Ok(Self { transport, queue, memory, memory_address, capacity_sectors, lengths })
    }

    /// Resets the device, which then uses no memory of ours any more, and gives its registers
    /// back. Outstanding requests are forgotten.
    pub fn stop(self) -> R {
        self.transport.stop()
    }

    /// Sectors the device claims to have.
    pub const fn capacity_sectors(&self) -> u64 {
        self.capacity_sectors
    }

    /// Requests the device has not answered.
    pub const fn outstanding_count(&self) -> usize {
        self.queue.outstanding_count()
    }

    /// Asks for `len` bytes from `sector` on to `address`; the device sees it after
    /// [`VirtioBlk::flush`]. A range behind the end is the device's to refuse.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] when it has [`REQUESTS_MAX`].
    ///
    /// # Panics
    ///
    /// If `len` is not a multiple of [`SECTOR_BYTES`] between that and [`REQUEST_BYTES_MAX`].
    pub fn read(&mut self, sector: u64, address: u64, len: u32) -> Result<Slot, QueueFull> {
        assert!((SECTOR_BYTES..=REQUEST_BYTES_MAX).contains(&len));
        assert!(len.is_multiple_of(SECTOR_BYTES));
        let next = self.queue.next_slot().ok_or(QueueFull)?.index();
        let header = &self.memory.headers[next];
        header.kind.store(TYPE_READ, Ordering::Relaxed);
        header.reserved.store(0, Ordering::Relaxed);
        header.sector.store(sector, Ordering::Relaxed);
        self.memory.statuses[next].store(STATUS_NONE, Ordering::Relaxed);
        self.lengths[next] = len;
        let header_offset = core::mem::offset_of!(BlkMemory, headers) + next * size_of::<Header>();
        let status_offset = core::mem::offset_of!(BlkMemory, statuses) + next;
        self.queue.add(&[
            Buffer::readable(self.memory_address + header_offset as u64, HEADER_LEN),
            Buffer::writable(address, len),
            Buffer::writable(self.memory_address + status_offset as u64, 1),
        ])
    }

    /// The next request that ended.
    ///
    /// # Errors
    ///
    /// A [`DeviceFault`] of the used ring.
    pub fn take(&mut self) -> Result<Option<Completion>, DeviceFault> {
        let Some(used) = self.queue.take()? else { return Ok(None) };
        let index = used.slot.index();
        let status = self.memory.statuses[index].load(Ordering::Relaxed);
        let complete = used.len == self.lengths[index] + 1;
        let outcome = match status {
            STATUS_OK if complete => Outcome::Done,
            status => Outcome::Failed { status },
        };
        Ok(Some(Completion { slot: used.slot, outcome }))
    }

    /// Shows the device all requests since the last call, with at most one kick.
    pub fn flush(&mut self) {
        if self.queue.publish() {
            self.transport.notify(QUEUE);
        }
    }

    /// Withdraws the device's interrupt; what it announced is to be taken afterwards.
    pub fn acknowledge_interrupt(&mut self) {
        self.transport.acknowledge_interrupt();
    }

    /// Asks for an interrupt at the next completion. `true` if there is none to take now: the
    /// caller may sleep.
    #[must_use = "false means that there is work now and perhaps no interrupt"]
    pub fn arm(&mut self) -> bool {
        self.queue.arm(0)
    }
}

#[cfg(test)]
mod tests;
