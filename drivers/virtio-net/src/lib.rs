//! Driver for the virtio network card (virtio 1.2, section 5.1).
//!
//! It gives frame buffers to the device by *device address* and never maps them: the header that
//! the device puts before a frame goes to memory of the driver's own, chained in front of the
//! buffer. No offload is agreed on, so received headers carry nothing and sent ones are zero.
//!
//! It is driven by interrupts: [`VirtioNet::acknowledge_interrupt`], take what is done, give new
//! buffers, [`VirtioNet::flush`] once for all of them, [`VirtioNet::arm`] before sleeping.
//!
//! **Trust.** The device is hostile: a bad used ring is a [`DeviceFault`], after which the driver
//! is to be [stopped](VirtioNet::stop), which resets the device, and may be started again. Frame contents are not its
//! concern.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU8, Ordering};

use virtio::{
    Buffer, DeviceFault, DeviceType, QueueArea, QueueFull, Registers, Slot, StartFailure,
    Transport, VirtQueue, feature,
};

/// Descriptors of each queue; QEMU's default limit.
pub const QUEUE_SIZE: usize = 256;
/// Frames that each queue holds: two descriptors each, header and buffer.
pub const FRAMES_MAX: usize = QUEUE_SIZE / 2;

const RECEIVE_QUEUE: u16 = 0;
const TRANSMIT_QUEUE: u16 = 1;
/// Bytes before each frame (`struct virtio_net_hdr`, version 1).
const HEADER_BYTES: usize = 12;
const HEADER_LEN: u32 = 12;
/// The device has a station address (`VIRTIO_NET_F_MAC`).
const FEATURE_MAC: u64 = 1 << 5;
/// Completed transmissions that may wait for the next occasion: their buffers are only missed
/// when many of them are.
const TRANSMIT_LAZY_MAX: u16 = 64;
const _: () = assert!(TRANSMIT_LAZY_MAX as usize == FRAMES_MAX / 2);

/// Memory shared with the device; atomics only, so any content is valid.
#[repr(C)]
#[derive(Debug)]
pub struct NetMemory {
    receive: QueueArea<QUEUE_SIZE>,
    transmit: QueueArea<QUEUE_SIZE>,
    /// The device writes here before each received frame; nobody reads it.
    receive_header: [AtomicU8; HEADER_BYTES],
    /// Zero: no offload is wanted for any sent frame.
    transmit_header: [AtomicU8; HEADER_BYTES],
}

/// A frame that was received into the buffer of `slot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// What [`VirtioNet::give_receive_buffer`] returned for the buffer.
    pub slot: Slot,
    /// Bytes of the frame, up to the buffer's length. The wire may carry fewer than a frame has.
    pub len: u32,
}

/// A running network card.
#[derive(Debug)]
pub struct VirtioNet<R> {
    transport: Transport<R>,
    receive: VirtQueue<QUEUE_SIZE, FRAMES_MAX>,
    transmit: VirtQueue<QUEUE_SIZE, FRAMES_MAX>,
    receive_header: Buffer,
    transmit_header: Buffer,
    mac: [u8; 6],
}

impl<R: Registers> VirtioNet<R> {
    /// Resets and starts the device; `memory_address` is `memory` as the device sees it.
    ///
    /// # Errors
    ///
    /// Any [`DeviceFault`] of the start; [`DeviceFault::ConfigInvalid`] for a station address
    /// that is a group address or zero.
    pub fn start(
        registers: R,
        memory: &'static NetMemory,
        memory_address: u64,
    ) -> Result<Self, StartFailure<R>> {
        let address = |offset: usize| memory_address + offset as u64;
        let (transport, (receive, transmit, mac)) =
            Transport::start(registers, DeviceType::Net, |transport| {
                let features = transport.negotiate(FEATURE_MAC, feature::EVENT_IDX)?;
                let event_index = features & feature::EVENT_IDX != 0;
                let mac = station_address(transport)?;
                for byte in &memory.transmit_header {
                    byte.store(0, Ordering::Relaxed);
                }
                let receive = VirtQueue::new(&memory.receive, event_index);
                let transmit = VirtQueue::new(&memory.transmit, event_index);
                let receive_address = address(core::mem::offset_of!(NetMemory, receive));
                let transmit_address = address(core::mem::offset_of!(NetMemory, transmit));
                transport.add_queue::<QUEUE_SIZE>(RECEIVE_QUEUE, receive_address)?;
                transport.add_queue::<QUEUE_SIZE>(TRANSMIT_QUEUE, transmit_address)?;
                Ok((receive, transmit, mac))
            })?;
        let receive_header = address(core::mem::offset_of!(NetMemory, receive_header));
        let transmit_header = address(core::mem::offset_of!(NetMemory, transmit_header));
        Ok(Self {
            transport,
            receive,
            transmit,
            receive_header: Buffer::writable(receive_header, HEADER_LEN),
            transmit_header: Buffer::readable(transmit_header, HEADER_LEN),
            mac,
        })
    }

    /// Resets the device, which then uses no memory of ours any more, and gives its registers
    /// back.
    pub fn stop(self) -> R {
        self.transport.stop()
    }

    /// The station address.
    pub const fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Receive buffers that the device can still take.
    pub const fn receive_room(&self) -> usize {
        FRAMES_MAX - self.receive.outstanding_count()
    }

    /// Frames that the device can still take.
    pub const fn transmit_room(&self) -> usize {
        FRAMES_MAX - self.transmit.outstanding_count()
    }

    /// Lends the device `len` bytes at `address` for one frame to come.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] when it has [`FRAMES_MAX`].
    #[inline]
    pub fn give_receive_buffer(&mut self, address: u64, len: u32) -> Result<Slot, QueueFull> {
        self.receive.add(&[self.receive_header, Buffer::writable(address, len)])
    }

    /// The next received frame.
    ///
    /// # Errors
    ///
    /// A [`DeviceFault`] of the used ring, or [`DeviceFault::UsedTooShort`].
    #[inline]
    pub fn take_received(&mut self) -> Result<Option<Received>, DeviceFault> {
        let Some(used) = self.receive.take()? else { return Ok(None) };
        match used.len.checked_sub(HEADER_LEN) {
            Some(len) => Ok(Some(Received { slot: used.slot, len })),
            None => Err(DeviceFault::UsedTooShort { len: used.len }),
        }
    }

    /// Hands the device the frame of `len` bytes at `address`.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] when it has [`FRAMES_MAX`].
    #[inline]
    pub fn send(&mut self, address: u64, len: u32) -> Result<Slot, QueueFull> {
        self.transmit.add(&[self.transmit_header, Buffer::readable(address, len)])
    }

    /// The next frame that the device is done sending.
    ///
    /// # Errors
    ///
    /// A [`DeviceFault`] of the used ring.
    #[inline]
    pub fn take_sent(&mut self) -> Result<Option<Slot>, DeviceFault> {
        Ok(self.transmit.take()?.map(|used| used.slot))
    }

    /// Shows the device everything given since the last call, with at most one kick per queue.
    #[inline]
    pub fn flush(&mut self) {
        if self.receive.publish() {
            self.transport.notify(RECEIVE_QUEUE);
        }
        if self.transmit.publish() {
            self.transport.notify(TRANSMIT_QUEUE);
        }
    }

    /// Withdraws the device's interrupt; what it announced is to be taken afterwards.
    pub fn acknowledge_interrupt(&mut self) {
        self.transport.acknowledge_interrupt();
    }

    /// Asks for an interrupt at the next frame received, and when more than half of the transmit
    /// queue can be taken back. `true` if there is nothing to take now: the caller may sleep.
    #[inline]
    #[must_use = "false means that there is work now and perhaps no interrupt"]
    pub fn arm(&mut self) -> bool {
        let transmit_idle = self.transmit.outstanding_count() <= usize::from(TRANSMIT_LAZY_MAX)
            || self.transmit.arm(TRANSMIT_LAZY_MAX);
        self.receive.arm(0) && transmit_idle
    }
}

fn station_address<R: Registers>(transport: &Transport<R>) -> Result<[u8; 6], DeviceFault> {
    let mac: [u8; 6] = transport.config_bytes()?;
    let is_group_address = mac[0] & 1 != 0;
    if is_group_address || mac == [0; 6] { Err(DeviceFault::ConfigInvalid) } else { Ok(mac) }
}

#[cfg(test)]
mod tests;
