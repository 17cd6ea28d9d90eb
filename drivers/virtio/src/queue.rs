//! Split virtqueues (section 2.7).
//!
//! The `N` descriptors are divided into `SLOTS` slots of `N / SLOTS` neighbours; a chain takes one
//! slot and always starts at its first descriptor. So there is no free list in shared memory to
//! corrupt, and a used id is either the start of a slot that the device holds or a fault.

use core::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::{DeviceFault, QueueFull, mmio::device_barrier};

const DESCRIPTOR_NEXT: u16 = 1;
const DESCRIPTOR_WRITE: u16 = 2;
const AVAILABLE_NO_INTERRUPT: u16 = 1;
const USED_NO_NOTIFY: u16 = 1;

#[repr(C)]
#[derive(Debug)]
struct Descriptor {
    address: AtomicU64,
    len: AtomicU32,
    flags: AtomicU16,
    next: AtomicU16,
}

#[repr(C)]
#[derive(Debug)]
struct Available<const N: usize> {
    flags: AtomicU16,
    index: AtomicU16,
    ring: [AtomicU16; N],
    used_event: AtomicU16,
}

#[repr(C)]
#[derive(Debug)]
struct UsedElement {
    id: AtomicU32,
    len: AtomicU32,
}

#[repr(C, align(4))]
#[derive(Debug)]
struct UsedRing<const N: usize> {
    flags: AtomicU16,
    index: AtomicU16,
    ring: [UsedElement; N],
    available_event: AtomicU16,
}

/// The memory that driver and device share for one queue of `N` descriptors.
///
/// It consists of atomics only: every bit pattern is valid, and the device may write at any time.
/// `N` is a power of two up to 32,768.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct QueueArea<const N: usize> {
    descriptors: [Descriptor; N],
    available: Available<N>,
    used: UsedRing<N>,
}

impl<const N: usize> QueueArea<N> {
    /// `N` as the registers and rings count it.
    #[allow(clippy::cast_possible_truncation, reason = "asserted in the same expression")]
    pub(crate) const SIZE: u16 = {
        assert!(N.is_power_of_two() && N <= 1 << 15);
        N as u16
    };

    /// Device addresses of the descriptor table, available ring and used ring.
    pub(crate) const fn part_addresses(base: u64) -> [u64; 3] {
        [
            base,
            base + core::mem::offset_of!(Self, available) as u64,
            base + core::mem::offset_of!(Self, used) as u64,
        ]
    }
}

/// A piece of memory for the device, by the address at which the device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    address: u64,
    len: u32,
    writable: bool,
}

impl Buffer {
    /// `len` bytes that the device reads.
    pub const fn readable(address: u64, len: u32) -> Self {
        Self { address, len, writable: false }
    }

    /// `len` bytes that the device writes.
    pub const fn writable(address: u64, len: u32) -> Self {
        Self { address, len, writable: true }
    }
}

/// A place for one chain, below `SLOTS`; the driver keeps what belongs to the chain under this
/// number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u16);

impl Slot {
    /// The number, as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A chain that the device has given back. The slot was outstanding and is free again; `len` is
/// what the device claims to have written, at most what the chain had room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Where the chain was.
    pub slot: Slot,
    /// Bytes written to the chain's writable buffers.
    pub len: u32,
}

/// What the driver knows about a slot: bytes that the device may write, or this.
const FREE: u32 = u32::MAX;

/// The driver's side of one queue: `N` descriptors in `SLOTS` chains of up to `N / SLOTS`.
#[derive(Debug)]
pub struct VirtQueue<const N: usize, const SLOTS: usize> {
    area: &'static QueueArea<N>,
    event_index: bool,
    /// Bytes that the device may write to the chain in each slot, or [`FREE`].
    writable_bytes: [u32; SLOTS],
    /// A stack of free slots, the first `free_count` entries.
    free: [u16; SLOTS],
    free_count: usize,
    /// Our own indices; the copies in shared memory are written, never read back.
    available_index: u16,
    published_index: u16,
    used_index: u16,
}

impl<const N: usize, const SLOTS: usize> VirtQueue<N, SLOTS> {
    /// Descriptors of a slot, the most of a chain.
    #[allow(clippy::cast_possible_truncation, reason = "at most N, at most 32,768")]
    const CHAIN: u16 = {
        assert!(SLOTS >= 1 && SLOTS <= N);
        (N / SLOTS) as u16
    };

    /// Takes over `area` and brings it to its initial state; the device must be reset.
    /// `event_index` says whether [`crate::feature::EVENT_IDX`] was agreed on.
    pub fn new(area: &'static QueueArea<N>, event_index: bool) -> Self {
        area.available.flags.store(0, Ordering::Relaxed);
        area.available.index.store(0, Ordering::Relaxed);
        area.available.used_event.store(0, Ordering::Relaxed);
        area.used.flags.store(0, Ordering::Relaxed);
        area.used.index.store(0, Ordering::Relaxed);
        area.used.available_event.store(0, Ordering::Relaxed);
        let mut free = [0; SLOTS];
        for (slot, entry) in (0..).zip(&mut free) {
            *entry = slot;
        }
        Self {
            area,
            event_index,
            writable_bytes: [FREE; SLOTS],
            free,
            free_count: SLOTS,
            available_index: 0,
            published_index: 0,
            used_index: 0,
        }
    }

    /// Chains the device holds, or will once they are published.
    pub const fn outstanding_count(&self) -> usize {
        SLOTS - self.free_count
    }

    /// The slot that the next [`VirtQueue::add`] will use; `None` when the queue is full.
    pub fn next_slot(&self) -> Option<Slot> {
        self.free[..self.free_count].last().copied().map(Slot)
    }

    /// Adds a chain of 1 to `N / SLOTS` buffers, readable ones first. The device sees it after
    /// [`VirtQueue::publish`].
    ///
    /// # Errors
    ///
    /// [`QueueFull`].
    ///
    /// # Panics
    ///
    /// If `chain` is empty or too long, or takes 4 GiB: the caller's mistake, not the device's.
    #[inline]
    pub fn add(&mut self, chain: &[Buffer]) -> Result<Slot, QueueFull> {
        assert!(!chain.is_empty() && chain.len() <= usize::from(Self::CHAIN));
        let slot = self.next_slot().ok_or(QueueFull)?;
        let head = slot.0 * Self::CHAIN;
        let mut writable_bytes = 0u32;
        for (position, buffer) in (0u16..).zip(chain) {
            let last = usize::from(position) + 1 == chain.len();
            let next = if last { 0 } else { DESCRIPTOR_NEXT };
            let write = if buffer.writable { DESCRIPTOR_WRITE } else { 0 };
            let index = head + position;
            let descriptor = &self.area.descriptors[usize::from(index) & (N - 1)];
            descriptor.address.store(buffer.address, Ordering::Relaxed);
            descriptor.len.store(buffer.len, Ordering::Relaxed);
            descriptor.flags.store(next | write, Ordering::Relaxed);
            descriptor.next.store(index.wrapping_add(1), Ordering::Relaxed);
            if buffer.writable {
                writable_bytes = writable_bytes.saturating_add(buffer.len);
            }
        }
        assert!(writable_bytes != FREE);
        self.writable_bytes[slot.index()] = writable_bytes;
        self.free_count -= 1;
        let entry = &self.area.available.ring[usize::from(self.available_index) & (N - 1)];
        entry.store(head, Ordering::Relaxed);
        self.available_index = self.available_index.wrapping_add(1);
        Ok(slot)
    }

    /// Shows the device all chains added since the last call. `true` if it wants a kick for them.
    #[inline]
    #[must_use = "the device may wait for a kick"]
    pub fn publish(&mut self) -> bool {
        let (old, new) = (self.published_index, self.available_index);
        if old == new {
            return false;
        }
        self.published_index = new;
        self.area.available.index.store(new, Ordering::Release);
        // The index must be visible before we look whether the device sleeps, else both sides
        // could conclude that the other will act (section 2.7.13.4.1).
        device_barrier();
        if self.event_index {
            let event = self.area.used.available_event.load(Ordering::Relaxed);
            new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
        } else {
            self.area.used.flags.load(Ordering::Relaxed) & USED_NO_NOTIFY == 0
        }
    }

    /// Takes back the next chain that the device is done with.
    ///
    /// # Errors
    ///
    /// [`DeviceFault::UsedIndex`], [`DeviceFault::UsedId`], [`DeviceFault::NotOutstanding`],
    /// [`DeviceFault::UsedTooLong`]. The queue stays at the offending element.
    #[inline]
    pub fn take(&mut self) -> Result<Option<Used>, DeviceFault> {
        let distance = self.pending();
        if distance == 0 {
            return Ok(None);
        }
        if usize::from(distance) > self.outstanding_count() {
            return Err(DeviceFault::UsedIndex { distance });
        }
        let element = &self.area.used.ring[usize::from(self.used_index) & (N - 1)];
        let id = element.id.load(Ordering::Relaxed);
        let len = element.len.load(Ordering::Relaxed);
        let slot = Self::slot_of(id)?;
        let len_max = core::mem::replace(&mut self.writable_bytes[slot.index()], FREE);
        if len_max == FREE {
            return Err(DeviceFault::NotOutstanding { id });
        }
        if len > len_max {
            self.writable_bytes[slot.index()] = len_max;
            return Err(DeviceFault::UsedTooLong { len, len_max });
        }
        // Not more slots are freed than there are: this one was outstanding.
        self.free[self.free_count] = slot.0;
        self.free_count += 1;
        self.used_index = self.used_index.wrapping_add(1);
        Ok(Some(Used { slot, len }))
    }

    /// Asks for an interrupt once more than `skip` further chains are done. `true` if that is
    /// not yet so: then the interrupt will come, and the caller may sleep.
    ///
    /// A device without [`crate::feature::EVENT_IDX`] interrupts at every completion.
    #[inline]
    #[must_use = "false means that there is work now and perhaps no interrupt"]
    pub fn arm(&mut self, skip: u16) -> bool {
        if self.event_index {
            let event = self.used_index.wrapping_add(skip);
            self.area.available.used_event.store(event, Ordering::Relaxed);
        } else {
            self.area.available.flags.store(0, Ordering::Relaxed);
        }
        // The wish must be visible before we look for completions: one that the device adds
        // before it sees the wish raises no interrupt, so we must see it here.
        device_barrier();
        self.pending() <= skip
    }

    /// Asks for no interrupts; a hint to a device without [`crate::feature::EVENT_IDX`], while
    /// one with it interrupts once per [`VirtQueue::arm`] anyway.
    #[inline]
    pub fn disarm(&mut self) {
        if !self.event_index {
            self.area.available.flags.store(AVAILABLE_NO_INTERRUPT, Ordering::Relaxed);
        }
    }

    /// How far the used index, unchecked, is ahead of ours.
    fn pending(&self) -> u16 {
        self.area.used.index.load(Ordering::Acquire).wrapping_sub(self.used_index)
    }

    /// The slot whose chain starts at descriptor `id`.
    fn slot_of(id: u32) -> Result<Slot, DeviceFault> {
        let chain = u32::from(Self::CHAIN);
        match u16::try_from(id / chain) {
            Ok(slot) if id.is_multiple_of(chain) && usize::from(slot) < SLOTS => Ok(Slot(slot)),
            _ => Err(DeviceFault::UsedId { id }),
        }
    }
}

#[cfg(test)]
mod tests;
