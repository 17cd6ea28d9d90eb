//! Frames between the card's buffers and smoltcp.

use protocols::nic::{BUFFER_BYTES, FRAME_BYTES_MAX, RING_SLOTS};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{
    BufferGrid, BufferIndex, BufferPool, ClientEnd, DataRegion, Descriptor, LinkError,
};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::service::FrameDevice;

/// The receive or the transmit link to `nic`.
pub type Link<'a, F> = ClientEnd<'a, Descriptor, Descriptor, RING_SLOTS, F>;

/// Words of a pool that holds every buffer.
const POOL_WORDS: usize = RING_SLOTS / 64;

/// What happened at the card since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub received: u64,
    /// Bytes of frames received.
    pub received_bytes: u64,
    /// Frames sent.
    pub transmitted: u64,
    /// Bytes of frames sent.
    pub transmitted_bytes: u64,
    /// Times that `nic` broke the protocol.
    pub violations: u64,
}

/// One direction: the link, and the buffers that `nic` does not have.
struct Lane<'a, F: FnMut()> {
    link: Link<'a, F>,
    pool: BufferPool<POOL_WORDS>,
}

impl<F: FnMut()> Lane<'_, F> {
    /// Takes the next buffer that `nic` hands back. A violation is counted once, and ends the
    /// lane until `nic` starts anew.
    fn next(&mut self, counters: &mut Counters) -> Option<(BufferIndex, u32)> {
        if self.link.is_cut_off() {
            return None;
        }
        let descriptor = match self.link.receive() {
            Ok(descriptor) => descriptor?,
            Err(LinkError::PeerRestarted) => {
                self.pool.own_all();
                return None;
            }
            Err(LinkError::PeerMisbehavior) => {
                counters.violations += 1;
                return None;
            }
        };
        let offset = u32::try_from(descriptor.encoded_addr()).ok();
        let buffer = offset.and_then(|offset| self.pool.give_back(offset).ok());
        if buffer.is_none() {
            counters.violations += 1;
            self.link.blame();
        }
        Some((buffer?, descriptor.len()))
    }

    /// Lends a buffer to `nic`.
    fn lend(&mut self, buffer: BufferIndex, len: u32) {
        let offset = self.pool.grid().offset_of(buffer);
        let descriptor = Descriptor::new(offset as usize, len, buffer.get());
        // The ring has a slot for every buffer, so only a cut-off link refuses; then the buffer
        // comes back when `nic` starts anew.
        let _ = self.link.send(descriptor);
    }
}

/// The card as smoltcp sees it.
pub struct Frames<'a, F: FnMut()> {
    receive: Lane<'a, F>,
    transmit: Lane<'a, F>,
    rx_region: DataRegion<'a, ReadOnly>,
    tx_memory: &'a mut [u8],
    /// Private copy of the frame that is being parsed: the device may change its own at any time.
    frame: [u8; FRAME_BYTES_MAX],
    counters: Counters,
}

impl<'a, F: FnMut()> Frames<'a, F> {
    /// A card with its two regions. Nobody but this program writes `tx_memory`.
    ///
    /// Returns `None` when a region is too small for a single buffer.
    pub fn new(
        receive: Link<'a, F>,
        transmit: Link<'a, F>,
        rx_region: DataRegion<'a, ReadOnly>,
        tx_memory: &'a mut [u8],
    ) -> Option<Self> {
        let buffer_bytes = u32::try_from(BUFFER_BYTES).ok()?;
        let rx_grid = BufferGrid::new(rx_region.len(), buffer_bytes)?;
        let tx_grid = BufferGrid::new(tx_memory.len(), buffer_bytes)?;
        let mut frames = Self {
            receive: Lane { link: receive, pool: BufferPool::full(rx_grid) },
            transmit: Lane { link: transmit, pool: BufferPool::full(tx_grid) },
            rx_region,
            tx_memory,
            frame: [0; FRAME_BYTES_MAX],
            counters: Counters::default(),
        };
        frames.refill();
        Some(frames)
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Lends every receive buffer that we hold to the card.
    fn refill(&mut self) {
        while let Some(buffer) = self.receive.pool.take() {
            self.receive.lend(buffer, 0);
        }
    }

    /// Copies the next frame into `self.frame`; answers its length.
    fn next_frame(&mut self) -> Option<usize> {
        // A refused descriptor is skipped, and there are at most so many in the ring.
        for _ in 0..RING_SLOTS {
            let (buffer, len) = self.receive.next(&mut self.counters)?;
            let offset = self.receive.pool.grid().offset_of(buffer);
            let copied = match self.rx_region.span(offset, len) {
                Ok(span) if len as usize <= FRAME_BYTES_MAX => {
                    self.rx_region.copy_out(span, &mut self.frame).is_ok()
                }
                _ => false,
            };
            self.refill();
            if copied {
                self.counters.received += 1;
                self.counters.received_bytes += u64::from(len);
                return Some(len as usize);
            }
            self.counters.violations += 1;
            self.receive.link.blame();
        }
        None
    }

    /// Collects what the card has sent; whether there is a buffer for another frame.
    fn can_transmit(&mut self) -> bool {
        while self.transmit.pool.held_count() < self.transmit.pool.grid().count() {
            if self.transmit.next(&mut self.counters).is_none() {
                break;
            }
        }
        self.transmit.pool.held_count() > 0
    }

    /// The first `len` bytes of `self.frame`, and the answer to it.
    fn tokens(&mut self, len: usize) -> (Received<'_>, Outgoing<'_, 'a, F>) {
        let Self { transmit: lane, tx_memory: memory, frame, counters, .. } = self;
        (Received(frame.get(..len).unwrap_or_default()), Outgoing { lane, memory, counters })
    }
}

impl<F: FnMut()> FrameDevice for Frames<'_, F> {
    fn receive_again(&mut self, frame: &[u8]) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.frame.get_mut(..frame.len())?.copy_from_slice(frame);
        self.can_transmit().then(|| self.tokens(frame.len()))
    }

    fn flush(&mut self) {
        self.refill();
        self.receive.link.flush();
        self.transmit.link.flush();
    }

    fn arm(&mut self) -> bool {
        // Sent buffers are collected when one is needed, so they need not wake us while some are
        // left; a wake-up for the transmit link is only asked for when all are with the card.
        let transmit_idle = self.transmit.pool.held_count() > 0 || self.transmit.link.arm();
        self.receive.link.arm() && transmit_idle
    }
}

impl<'a, F: FnMut()> Device for Frames<'a, F> {
    type RxToken<'t>
        = Received<'t>
    where
        Self: 't;
    type TxToken<'t>
        = Outgoing<'t, 'a, F>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if !self.can_transmit() {
            return None;
        }
        let len = self.next_frame()?;
        Some(self.tokens(len))
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        self.can_transmit().then(|| self.tokens(0).1)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}

/// A received frame, in private memory.
pub struct Received<'t>(&'t [u8]);

impl RxToken for Received<'_> {
    fn consume<R, G: FnOnce(&[u8]) -> R>(self, parse: G) -> R {
        parse(self.0)
    }
}

/// A frame to be sent. There is a buffer for it, which nobody else takes as long as this lives.
pub struct Outgoing<'t, 'a, F: FnMut()> {
    lane: &'t mut Lane<'a, F>,
    memory: &'t mut [u8],
    counters: &'t mut Counters,
}

impl<F: FnMut()> TxToken for Outgoing<'_, '_, F> {
    fn consume<R, G: FnOnce(&mut [u8]) -> R>(self, len: usize, emit: G) -> R {
        let frame = self.lane.pool.take().and_then(|buffer| {
            let start = self.lane.pool.grid().offset_of(buffer) as usize;
            let bytes = u32::try_from(len).ok()?;
            Some((buffer, bytes, self.memory.get_mut(start..start + len)?))
        });
        // smoltcp asks for no more than the MTU that `capabilities` told it, and a token is
        // consumed once: both are this program's own doing.
        let Some((buffer, bytes, room)) = frame else { panic!("frame of {len} bytes") };
        let result = emit(room);
        self.lane.lend(buffer, bytes);
        self.counters.transmitted += 1;
        self.counters.transmitted_bytes += u64::from(bytes);
        result
    }
}
