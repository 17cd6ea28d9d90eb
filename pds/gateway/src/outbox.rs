//! What waits for `net` to send it: a ring of bytes in this PD's data region, one per connection.

use protocols::net::{Op, Request};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, Span};

use crate::NetPeer;

/// `Send` requests of one socket that `net` takes before the first is done.
const SENDS_MAX: usize = 4;
/// Bytes copied at a time between two regions, through the stack.
const BOUNCE_BYTES: u32 = 2048;

/// Bytes on their way out. Positions count from when the ring was last empty, and never wrap.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Where the ring lies in the region.
    offset: u32,
    size: u32,
    written: u64,
    sent: u64,
    freed: u64,
    /// Lengths of what `net` has not yet taken over, oldest first.
    in_flight: heapless::Deque<u32, SENDS_MAX>,
}

/// `net` confirmed something that was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSent;

impl Outbox {
    /// An empty ring in `size` bytes at `offset`.
    pub(crate) const fn new(offset: u32, size: u32) -> Self {
        let in_flight = heapless::Deque::new();
        Self { offset, size, written: 0, sent: 0, freed: 0, in_flight }
    }

    /// Forgets everything: a new connection begins.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.offset, self.size);
    }

    /// Bytes that fit.
    pub(crate) fn room(&self) -> u32 {
        // `written` is never more than `size` ahead.
        self.size - u32::try_from(self.written - self.freed).unwrap_or(self.size)
    }

    /// Has `net` taken everything over?
    pub(crate) const fn is_empty(&self) -> bool {
        self.written == self.freed
    }

    /// Has everything been given to `net`?
    pub(crate) const fn is_flushed(&self) -> bool {
        self.written == self.sent
    }

    /// Where the ring is at a position, and how many bytes there are up to its end.
    fn place(&self, position: u64) -> (u32, u32) {
        let at = u32::try_from(position % u64::from(self.size.max(1))).unwrap_or(0);
        (self.offset + at, self.size - at)
    }

    /// Appends bytes; the caller has looked for room.
    pub(crate) fn write(&mut self, region: DataRegion<'_>, mut bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.room() as usize);
        while !bytes.is_empty() && self.room() > 0 {
            let (at, to_end) = self.place(self.written);
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(to_end).min(self.room());
            let (now, later) = bytes.split_at(len as usize);
            // The ring lies within the region.
            let _ = region.span(at, len).and_then(|span| region.copy_in(span, now));
            self.written += u64::from(len);
            bytes = later;
        }
    }

    /// Appends the front of a span of another region, as much as fits; answers how many bytes.
    pub(crate) fn copy(
        &mut self,
        region: DataRegion<'_>,
        from: DataRegion<'_, ReadOnly>,
        span: Span,
    ) -> u32 {
        let mut bounce = [0; BOUNCE_BYTES as usize];
        let len = span.len().min(self.room());
        let mut done = 0;
        while done < len {
            let step = (len - done).min(BOUNCE_BYTES);
            let part = span.part(done, step);
            let Ok(bytes) = part.and_then(|part| from.copy_out(part, &mut bounce)) else { break };
            self.write(region, bytes);
            done += step;
        }
        done
    }

    /// Hands over to `net` what has been written; answers whether that was anything. What finds no
    /// room there stays for the next time.
    pub(crate) fn flush<F: FnMut()>(&mut self, socket: u16, net: &mut NetPeer<'_, F>) -> bool {
        let before = self.sent;
        while self.sent < self.written && !self.in_flight.is_full() {
            let (at, to_end) = self.place(self.sent);
            let len = u32::try_from(self.written - self.sent).unwrap_or(u32::MAX).min(to_end);
            let send = Request { offset: at, len, ..crate::request(Op::Send, socket) };
            if !net.send(send) {
                break;
            }
            // There is room, as just seen.
            let _ = self.in_flight.push_back(len);
            self.sent += u64::from(len);
        }
        self.sent > before
    }

    /// `net` has taken over the oldest of what was sent.
    ///
    /// # Errors
    /// Nothing was sent.
    pub(crate) fn taken_over(&mut self) -> Result<(), NotSent> {
        self.freed += u64::from(self.in_flight.pop_front().ok_or(NotSent)?);
        if self.is_empty() {
            // From the start again, so that the next response lies in one piece.
            self.clear();
        }
        Ok(())
    }
}
