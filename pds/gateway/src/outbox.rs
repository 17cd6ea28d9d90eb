//! What waits for `net` to send it: a ring of bytes in this PD's data region, one per connection. For
//! large objects a connection borrows one of a few large rings, if one is free: fewer and larger
//! pieces let `net` fill its own buffer and wake the card less often.

use protocols::net::{Op, Request};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, Span, SpanError};

use crate::NetPeer;

/// `Send` requests of one socket that `net` takes before the first is done.
const SENDS_MAX: usize = 4;

/// Bytes of a large ring: as many as `net` buffers of a connection.
const LANE_BYTES: u32 = 32 * 1024;

/// The large rings.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// Where the first one lies.
    start: u32,
    /// Those that nobody has, one bit each.
    free: u32,
}

/// A large ring that was borrowed.
#[derive(Debug)]
struct Lane(u32);

impl Lanes {
    /// As many as fit into the region behind `start`.
    pub(crate) fn new(start: u32, region_bytes: usize) -> Self {
        let region_bytes = u32::try_from(region_bytes).unwrap_or(0);
        let count = (region_bytes.saturating_sub(start) / LANE_BYTES).min(u32::BITS - 1);
        Self { start, free: (1 << count) - 1 }
    }

    fn take(&mut self) -> Option<Lane> {
        let number = self.free.trailing_zeros();
        self.free &= self.free.wrapping_sub(1);
        (number < u32::BITS).then_some(Lane(number))
    }

    fn give_back(&mut self, lane: &Lane) {
        self.free |= 1 << lane.0;
    }

    const fn offset(&self, lane: &Lane) -> u32 {
        self.start + lane.0 * LANE_BYTES
    }
}

/// Bytes on their way out. Positions count from when the ring was last empty, and never wrap.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The connection's own ring: where it lies in the region, and its size.
    own: (u32, u32),
    /// The ring in use.
    ring: (u32, u32),
    lane: Option<Lane>,
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
        Self {
            own: (offset, size),
            ring: (offset, size),
            lane: None,
            written: 0,
            sent: 0,
            freed: 0,
            in_flight: heapless::Deque::new(),
        }
    }

    /// Forgets everything: a new connection begins.
    pub(crate) fn clear(&mut self, lanes: &mut Lanes) {
        self.rewind();
        self.narrow(lanes);
    }

    fn rewind(&mut self) {
        (self.written, self.sent, self.freed) = (0, 0, 0);
        self.in_flight.clear();
    }

    /// Borrows a large ring, if one is free and nothing is in the one in use.
    pub(crate) fn widen(&mut self, lanes: &mut Lanes) {
        if self.is_empty() && self.lane.is_none() {
            self.lane = lanes.take();
            if let Some(lane) = &self.lane {
                self.ring = (lanes.offset(lane), LANE_BYTES);
            }
        }
    }

    /// Gives a large ring back, if nothing is in it.
    pub(crate) fn narrow(&mut self, lanes: &mut Lanes) {
        if self.is_empty()
            && let Some(lane) = self.lane.take()
        {
            lanes.give_back(&lane);
            self.ring = self.own;
        }
    }

    /// Bytes of the ring in use.
    const fn size(&self) -> u32 {
        self.ring.1
    }

    /// Bytes that fit.
    pub(crate) fn room(&self) -> u32 {
        // `written` is never more than the size ahead.
        self.size() - u32::try_from(self.written - self.freed).unwrap_or(self.size())
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
        let at = u32::try_from(position % u64::from(self.size().max(1))).unwrap_or(0);
        (self.ring.0 + at, self.size() - at)
    }

    /// Appends bytes; the caller has looked for room.
    pub(crate) fn write(&mut self, region: DataRegion<'_>, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.room() as usize);
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.append(region, len, |place, done| {
            let piece =
                bytes.get(done as usize..).and_then(|rest| rest.get(..place.len() as usize));
            region.copy_in(place, piece.ok_or(SpanError::WrongLength)?)
        });
    }

    /// Appends the front of a span of another region, as much as fits; answers how many bytes.
    pub(crate) fn copy(
        &mut self,
        region: DataRegion<'_>,
        from: DataRegion<'_, ReadOnly>,
        span: Span,
    ) -> u32 {
        self.append(region, span.len(), |place, done| {
            region.copy_across(place, &from, span.part(done, place.len())?)
        })
    }

    /// Appends as many of `len` bytes as fit, piece by piece, and answers how many: `put` is told where
    /// a piece goes and how many bytes came before it.
    fn append(
        &mut self,
        region: DataRegion<'_>,
        len: u32,
        put: impl Fn(Span, u32) -> Result<(), SpanError>,
    ) -> u32 {
        let len = len.min(self.room());
        let mut done = 0;
        while done < len {
            let (at, to_end) = self.place(self.written);
            let step = (len - done).min(to_end);
            if region.span(at, step).and_then(|place| put(place, done)).is_err() {
                break;
            }
            self.written += u64::from(step);
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
            self.rewind();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sel4_externally_shared::ExternallySharedRef;
    use std::vec::Vec;

    #[test]
    fn a_large_ring_has_one_holder() {
        let mut lanes = Lanes::new(2048, 2048 + 2 * LANE_BYTES as usize + 100);
        let mut boxes: Vec<_> = (0..3).map(|number| Outbox::new(number * 512, 512)).collect();
        boxes.iter_mut().for_each(|outbox| outbox.widen(&mut lanes));
        let rooms: Vec<_> = boxes.iter().map(Outbox::room).collect();
        assert_eq!(rooms, [LANE_BYTES, LANE_BYTES, 512]);
        assert_ne!(boxes[0].ring, boxes[1].ring);
        boxes[1].narrow(&mut lanes);
        boxes[1].narrow(&mut lanes);
        boxes[2].widen(&mut lanes);
        assert_eq!((boxes[1].room(), boxes[2].room()), (512, LANE_BYTES));
        boxes[2].clear(&mut lanes);
        assert_eq!(lanes.free.count_ones(), 1);
    }

    #[test]
    fn a_ring_with_bytes_in_it_stays() {
        let mut memory = [0; 1024];
        let region = DataRegion::new(ExternallySharedRef::from_mut_ref(&mut memory[..]));
        let mut lanes = Lanes::new(1024, 1024 + LANE_BYTES as usize);
        let mut outbox = Outbox::new(0, 1024);
        outbox.write(region, b"abc");
        outbox.widen(&mut lanes);
        assert_eq!(outbox.room(), 1021);
        assert_eq!(outbox.taken_over(), Err(NotSent));
    }

    proptest! {
        /// What goes in comes out in order, whatever the pieces, also around the ring's end.
        #[test]
        fn bytes_come_out_as_they_went_in(
            lens in proptest::collection::vec((0..70_usize, any::<(bool, bool)>()), 1..80),
        ) {
            let link = crate::tests::link();
            let (mut server, mut net) =
                (link.server(|| ()), NetPeer::new("net", link.client(|| ())));
            let mut memory = [0; 100];
            let region = DataRegion::new(ExternallySharedRef::from_mut_ref(&mut memory[..]));
            let mut source = [0; 100];
            let source = DataRegion::new(ExternallySharedRef::from_mut_ref(&mut source[..]));
            let mut outbox = Outbox::new(20, 64);
            let (mut expected, mut found, mut next) = (Vec::<u8>::new(), Vec::new(), 0_u8);
            for (len, (takes, is_elsewhere)) in lens {
                let bytes: Vec<u8> = (0..len.min(outbox.room() as usize))
                    .map(|_| { next = next.wrapping_add(1); next })
                    .collect();
                expected.extend(&bytes);
                if is_elsewhere {
                    let span = source.span(5, u32::try_from(bytes.len()).unwrap()).unwrap();
                    source.copy_in(span, &bytes).unwrap();
                    prop_assert_eq!(outbox.copy(region, source.read_only(), span), span.len());
                } else {
                    outbox.write(region, &bytes);
                }
                outbox.flush(7, &mut net);
                net.flush();
                while takes && let Ok(Some(send)) = server.receive() {
                    prop_assert!(send.offset >= 20 && send.offset + send.len <= 84);
                    let mut piece = [0; 64];
                    let span = region.span(send.offset, send.len).unwrap();
                    found.extend(&*region.copy_out(span, &mut piece).unwrap());
                    outbox.taken_over().unwrap();
                    outbox.flush(7, &mut net);
                    net.flush();
                }
            }
            prop_assert!(expected.starts_with(&found));
            prop_assert!(expected.len() - found.len() <= 64);
        }
    }
}
