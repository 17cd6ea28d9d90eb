//! One direction between `net` and the device: a link, and who has which buffer.

use protocols::nic::{BUFFER_BYTES, BUFFERS, RING_SLOTS};
use sel4_shared_ring_buffer::{BufferGrid, BufferPool, Descriptor, LinkError, ServerEnd};
use virtio::Slot;
use virtio_net::FRAMES_MAX;

/// The receive or the transmit link to `net`.
pub type Link<'a, F> = ServerEnd<'a, Descriptor, Descriptor, RING_SLOTS, F>;

/// Descriptors taken from a link at once.
const BATCH: usize = 16;
const POOL_WORDS: usize = BUFFERS / 64;

/// A buffer handed in by `net`, checked: it starts a buffer of the region, and `net` had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Bytes from the start of the region.
    pub(crate) offset: u32,
    /// Bytes, as `net` says.
    pub(crate) len: u32,
    cookie: usize,
}

/// What a look at the link found besides frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// `net` started anew: what it handed in before is void.
    Restarted,
    /// `net` broke the link and is cut off.
    Broke,
}

pub(crate) struct Lane<'a, F: FnMut()> {
    link: Link<'a, F>,
    /// The buffers that `net` has handed in.
    pool: BufferPool<POOL_WORDS>,
    /// Those of them that the device has.
    with_device: [Option<Frame>; FRAMES_MAX],
    /// Descriptors just taken.
    batch: [Descriptor; BATCH],
    violations: u64,
}

impl<'a, F: FnMut()> Lane<'a, F> {
    pub(crate) const fn new(link: Link<'a, F>) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "1536")]
        let Some(grid) = BufferGrid::new(BUFFERS * BUFFER_BYTES, BUFFER_BYTES as u32) else {
            panic!("the protocol's buffers fill a region")
        };
        let pool = BufferPool::empty(grid);
        Self {
            link,
            pool,
            with_device: [None; FRAMES_MAX],
            batch: [Descriptor::new(0, 0, 0); BATCH],
            violations: 0,
        }
    }

    /// Takes up to `room` buffers from the link and gives each to `accept`. A bad descriptor is
    /// counted and skipped: it names nothing that could be given back.
    pub(crate) fn take(
        &mut self,
        mut room: usize,
        mut accept: impl FnMut(&mut Self, Frame),
    ) -> Result<(), Event> {
        while room > 0 && !self.link.is_cut_off() {
            let wanted = room.min(BATCH);
            let count = match self.link.receive_batch(&mut self.batch[..wanted]) {
                Ok(count) => count,
                Err(LinkError::PeerRestarted) => return Err(Event::Restarted),
                Err(LinkError::PeerMisbehavior) => {
                    self.violations += 1;
                    return Err(Event::Broke);
                }
            };
            for index in 0..count {
                let Some(descriptor) = self.batch.get(index).copied() else { break };
                match self.check(&descriptor) {
                    Some(frame) => accept(self, frame),
                    None => {
                        self.violations += 1;
                        self.link.blame();
                    }
                }
            }
            if count < wanted {
                break;
            }
            room -= count;
        }
        Ok(())
    }

    fn check(&mut self, descriptor: &Descriptor) -> Option<Frame> {
        let offset = u32::try_from(descriptor.encoded_addr()).ok()?;
        self.pool.give_back(offset).ok()?;
        Some(Frame { offset, len: descriptor.len(), cookie: descriptor.cookie() })
    }

    /// Remembers that the device has a frame.
    pub(crate) fn lend(&mut self, slot: Slot, frame: Frame) {
        if let Some(place) = self.with_device.get_mut(slot.index()) {
            *place = Some(frame);
        }
    }

    /// The frame that the device has given back.
    pub(crate) fn regain(&mut self, slot: Slot) -> Option<Frame> {
        self.with_device.get_mut(slot.index())?.take()
    }

    /// Hands back, empty, every buffer that the device had: it has been reset.
    pub(crate) fn return_all(&mut self) {
        for index in 0..FRAMES_MAX {
            if let Some(frame) = self.with_device[index].take() {
                self.complete(frame, 0);
            }
        }
    }

    /// Whether the device has any buffer.
    pub(crate) fn is_with_device(&self) -> bool {
        self.with_device.iter().any(Option::is_some)
    }

    /// Hands a buffer back to `net`, holding `len` bytes.
    pub(crate) fn complete(&mut self, frame: Frame, len: u32) {
        if let Ok(buffer) = self.pool.grid().at(frame.offset) {
            self.pool.release(buffer);
        }
        // There is a slot for every buffer, so only an end that is cut off refuses.
        let _ = self.link.send(Descriptor::new(frame.offset as usize, len, frame.cookie));
    }

    /// `net` started anew, and the device was reset if it had anything: we hold no buffer.
    pub(crate) fn forget(&mut self) {
        self.pool.own_none();
        self.with_device.fill(None);
    }

    pub(crate) fn flush(&mut self) {
        self.link.flush();
    }

    /// Is `net` cut off for what it wrote here?
    pub(crate) fn is_cut_off(&self) -> bool {
        self.link.is_cut_off()
    }

    pub(crate) fn arm(&mut self) -> bool {
        self.link.arm()
    }

    pub(crate) const fn violations(&self) -> u64 {
        self.violations
    }
}
