//! Driver for the virtio entropy source (virtio 1.2, section 5.4).
//!
//! One request at a time: [`VirtioRng::request`], then after an interrupt [`VirtioRng::take`].
//!
//! **Trust.** The device is hostile: bytes it claims beyond what was asked are a
//! [`DeviceFault`]. Whether its bytes are random nobody can check from here.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU8, Ordering};

use virtio::{
    Buffer, DeviceFault, DeviceType, QueueArea, Registers, StartFailure, Transport, VirtQueue,
    feature,
};

/// Most bytes of one request.
pub const BYTES_MAX: usize = 64;
const BYTES_LEN: u32 = 64;

const QUEUE: u16 = 0;
const QUEUE_SIZE: usize = 2;

/// Memory shared with the device; atomics only, so any content is valid.
#[repr(C)]
#[derive(Debug)]
pub struct RngMemory {
    queue: QueueArea<QUEUE_SIZE>,
    bytes: [AtomicU8; BYTES_MAX],
}

/// Bytes the device gave: the first `len` of `bytes`, the rest is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random {
    /// The bytes.
    pub bytes: [u8; BYTES_MAX],
    /// How many of them, at least 1.
    pub len: usize,
}

/// A running entropy source.
#[derive(Debug)]
pub struct VirtioRng<R> {
    transport: Transport<R>,
    queue: VirtQueue<QUEUE_SIZE, QUEUE_SIZE>,
    memory: &'static RngMemory,
    bytes_address: u64,
}

impl<R: Registers> VirtioRng<R> {
    /// Resets and starts the device; `memory_address` is `memory` as the device sees it.
    ///
    /// # Errors
    ///
    /// Any [`DeviceFault`] of the start.
    pub fn start(
        registers: R,
        memory: &'static RngMemory,
        memory_address: u64,
    ) -> Result<Self, StartFailure<R>> {
        let queue_address = memory_address + core::mem::offset_of!(RngMemory, queue) as u64;
        let (transport, queue) = Transport::start(registers, DeviceType::Entropy, |transport| {
            let features = transport.negotiate(0, feature::EVENT_IDX)?;
            let queue = VirtQueue::new(&memory.queue, features & feature::EVENT_IDX != 0);
            transport.add_queue::<QUEUE_SIZE>(QUEUE, queue_address)?;
            Ok(queue)
        })?;
        let bytes_address = memory_address + core::mem::offset_of!(RngMemory, bytes) as u64;
        Ok(Self { transport, queue, memory, bytes_address })
    }

    /// Resets the device, which then uses no memory of ours any more, and gives its registers
    /// back.
    pub fn stop(self) -> R {
        self.transport.stop()
    }

    /// Whether a request is under way.
    pub const fn is_busy(&self) -> bool {
        self.queue.outstanding_count() != 0
    }

    /// Asks for up to [`BYTES_MAX`] bytes, unless a request is under way.
    pub fn request(&mut self) {
        if self.is_busy() {
            return;
        }
        // Whatever the device does not write must not pass for random.
        for byte in &self.memory.bytes {
            byte.store(0, Ordering::Relaxed);
        }
        let buffer = Buffer::writable(self.bytes_address, BYTES_LEN);
        // The queue has room: it is empty.
        if self.queue.add(&[buffer]).is_ok() && self.queue.publish() {
            self.transport.notify(QUEUE);
        }
    }

    /// The answer to the request, once there is one.
    ///
    /// # Errors
    ///
    /// A [`DeviceFault`] of the used ring, or [`DeviceFault::UsedTooShort`] for no bytes at all.
    pub fn take(&mut self) -> Result<Option<Random>, DeviceFault> {
        let Some(used) = self.queue.take()? else { return Ok(None) };
        if used.len == 0 {
            return Err(DeviceFault::UsedTooShort { len: 0 });
        }
        let len = used.len as usize;
        let mut bytes = [0; BYTES_MAX];
        for (target, source) in bytes.iter_mut().zip(&self.memory.bytes).take(len) {
            *target = source.load(Ordering::Relaxed);
            source.store(0, Ordering::Relaxed);
        }
        Ok(Some(Random { bytes, len }))
    }

    /// Withdraws the device's interrupt; what it announced is to be taken afterwards.
    pub fn acknowledge_interrupt(&mut self) {
        self.transport.acknowledge_interrupt();
    }

    /// Asks for an interrupt at the next answer. `true` if there is none to take now: the caller
    /// may sleep.
    #[must_use = "false means that there is work now and perhaps no interrupt"]
    pub fn arm(&mut self) -> bool {
        self.queue.arm(0)
    }
}

#[cfg(test)]
mod tests;
