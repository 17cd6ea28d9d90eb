//! What arrived on a connection and has not been answered: the front of it in a private buffer,
//! the rest in `net`'s receive buffers, which are given back as the front moves on.

use protocols::net::{Op, Request};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, Span};

use crate::NetPeer;
use crate::http::{Found, HEAD_BYTES_MAX, Scan};

/// Receive buffers that `net` lends for one socket.
pub(crate) const LENT_MAX: usize = 16;
/// Receive buffers that may be on their way back to `net`: all that a client can have.
const RETURNS_MAX: usize = 64;
/// Buffers that wait to be given back together: each request would wake `net`. Few enough that
/// `net` never waits for them.
const RETURNS_WAITING_MAX: usize = 8;

/// Receive buffers on their way back to `net`.
#[derive(Debug, Default)]
pub(crate) struct Returns(heapless::Deque<u32, RETURNS_MAX>);

impl Returns {
    /// Takes a buffer that nobody reads any more.
    pub(crate) fn push(&mut self, offset: u32) {
        // Fails only when `net` has lent more buffers than there are: what it loses is its own.
        let _ = self.0.push_back(offset);
    }

    /// Gives the buffers back, if enough have come together.
    pub(crate) fn flush<F: FnMut()>(&mut self, net: &mut NetPeer<'_, F>) {
        if self.0.len() >= RETURNS_WAITING_MAX {
            self.flush_all(net);
        }
    }

    /// Gives the buffers back.
    pub(crate) fn flush_all<F: FnMut()>(&mut self, net: &mut NetPeer<'_, F>) {
        while let Some(&offset) = self.0.front() {
            if !net.send(Request { offset, ..crate::request(Op::Release, 0) }) {
                return;
            }
            self.0.pop_front();
        }
    }

    /// `net` started anew and has all of its buffers.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A receive buffer that is still being read.
#[derive(Clone, Copy, Debug)]
struct Lent {
    /// What names the buffer.
    offset: u32,
    /// Bytes not yet copied.
    rest: Span,
}

/// `net` lends more buffers than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// What arrived.
#[derive(Debug)]
pub(crate) struct Inbox {
    buffer: [u8; HEAD_BYTES_MAX],
    len: usize,
    scan: Scan,
    /// Bytes of content to be skipped before the next head.
    skip: u64,
    lent: heapless::Deque<Lent, LENT_MAX>,
    /// The client sends no more.
    has_ended: bool,
}

impl Inbox {
    /// Nothing has arrived.
    pub(crate) const EMPTY: Self = Self {
        buffer: [0; HEAD_BYTES_MAX],
        len: 0,
        scan: Scan::new(),
        skip: 0,
        lent: heapless::Deque::new(),
        has_ended: false,
    };

    /// Gives all receive buffers back and forgets everything: the connection is over.
    pub(crate) fn clear(&mut self, returns: &mut Returns) {
        while let Some(lent) = self.lent.pop_front() {
            returns.push(lent.offset);
        }
        self.len = 0;
        self.scan = Scan::new();
        self.skip = 0;
        self.has_ended = false;
    }

    /// Takes a receive buffer.
    ///
    /// # Errors
    /// It is one more than `net` may lend.
    pub(crate) fn take(&mut self, offset: u32, bytes: Span) -> Result<(), TooMany> {
        self.lent.push_back(Lent { offset, rest: bytes }).map_err(|_| TooMany)
    }

    /// Receive buffers that are still being read.
    pub(crate) fn lent_count(&self) -> usize {
        self.lent.len()
    }

    /// The client sends no more.
    pub(crate) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Has the client said that it sends no more, and is all that it sent in the buffer?
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended && self.lent.is_empty()
    }

    /// Is nothing of a next request here?
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies out of the receive buffers what there is room for; answers whether anything came.
    pub(crate) fn fill(&mut self, region: DataRegion<'_, ReadOnly>, returns: &mut Returns) -> bool {
        let before = (self.len, self.skip);
        while let Some(lent) = self.lent.front_mut() {
            let skipped = u32::try_from(self.skip).unwrap_or(u32::MAX).min(lent.rest.len());
            self.skip -= u64::from(skipped);
            let room = self.buffer.get_mut(self.len..).unwrap_or_default();
            let left = lent.rest.len() - skipped;
            let len = left.min(u32::try_from(room.len()).unwrap_or(0));
            let piece = lent.rest.part(skipped, len);
            if piece.and_then(|piece| region.copy_out(piece, room).map(|_| ())).is_err() {
                break;
            }
            self.len += len as usize;
            match lent.rest.part(skipped + len, left - len) {
                Ok(rest) if !rest.is_empty() => {
                    lent.rest = rest;
                    break;
                }
                _ => returns.push(lent.offset),
            }
            self.lent.pop_front();
        }
        before != (self.len, self.skip)
    }

    /// Gives all receive buffers back unread, and forgets what is in the private one.
    pub(crate) fn discard(&mut self, returns: &mut Returns) {
        let has_ended = self.has_ended;
        self.clear(returns);
        self.has_ended = has_ended;
    }

    /// Looks for the next head. Empty lines before it are dropped (RFC 9112, section 2.2).
    pub(crate) fn find_head(&mut self) -> Found {
        let empty_lines = {
            let (pairs, _) = self.bytes().as_chunks::<2>();
            2 * pairs.iter().take_while(|pair| **pair == *b"\r\n").count()
        };
        if empty_lines > 0 {
            self.consume(empty_lines, 0);
        }
        let Some(bytes) = self.buffer.get(..self.len) else { return Found::More };
        self.scan.look(bytes)
    }

    /// What arrived, as far as it is here.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Drops `len` bytes from the front, and `skip` bytes that follow.
    pub(crate) fn consume(&mut self, len: usize, skip: u64) {
        let here = u64::try_from(self.len.saturating_sub(len)).unwrap_or(0);
        let skipped = skip.min(here);
        self.skip += skip - skipped;
        let start = len.saturating_add(usize::try_from(skipped).unwrap_or(0)).min(self.len);
        self.buffer.copy_within(start..self.len, 0);
        self.len -= start;
        self.scan = Scan::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sel4_externally_shared::ExternallySharedRef;
    use std::vec::Vec;

    fn inbox() -> Inbox {
        Inbox::EMPTY
    }

    fn region(bytes: &mut [u8]) -> DataRegion<'_, ReadOnly> {
        DataRegion::new(ExternallySharedRef::from_ref(bytes))
    }

    fn give(inbox: &mut Inbox, bytes: &[u8], returns: &mut Returns) -> bool {
        let mut bytes = bytes.to_vec();
        let len = u32::try_from(bytes.len()).unwrap();
        let region = region(&mut bytes);
        inbox.take(0, region.span(0, len).unwrap()).unwrap();
        let has_come = inbox.fill(region, returns);
        assert_eq!(inbox.lent_count(), 0);
        has_come
    }

    #[test]
    fn drops_empty_lines_and_content() {
        let (mut inbox, mut returns) = (inbox(), Returns::default());
        assert!(give(&mut inbox, b"\r\n\r\nPUT / HTTP/1.1\r\n\r\nab", &mut returns));
        assert_eq!(inbox.find_head(), Found::Head(18));
        inbox.consume(18, 5);
        assert!(inbox.is_empty());
        assert!(give(&mut inbox, b"cdeGET", &mut returns));
        assert_eq!(inbox.bytes(), b"GET");
    }

    #[test]
    fn what_has_no_room_stays_with_net() {
        let (mut inbox, mut returns) = (inbox(), Returns::default());
        let mut bytes = [b'x'; 5000];
        let region = region(&mut bytes);
        for _ in 0..LENT_MAX {
            inbox.take(0, region.span(0, 5000).unwrap()).unwrap();
        }
        assert_eq!(inbox.take(0, region.span(0, 1).unwrap()), Err(TooMany));
        assert!(inbox.fill(region, &mut returns) && !inbox.fill(region, &mut returns));
        assert_eq!((inbox.lent_count(), inbox.bytes().len()), (LENT_MAX - 1, HEAD_BYTES_MAX));
        inbox.end();
        assert!(!inbox.has_ended());
        inbox.discard(&mut returns);
        assert!(inbox.has_ended() && inbox.is_empty());
        assert_eq!(returns.0.len(), LENT_MAX);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled(
            pieces in proptest::collection::vec((0..5000_usize, 0..3000_usize, 0..100_u64), 0..30),
        ) {
            let (mut inbox, mut returns) = (inbox(), Returns::default());
            let mut bytes: Vec<u8> = (0..=250).cycle().take(5000).collect();
            let region = region(&mut bytes);
            let mut expected = Vec::new();
            let mut skip = 0;
            for (len, drop, then_skip) in pieces {
                let span = region.span(0, u32::try_from(len).unwrap()).unwrap();
                if inbox.take(0, span).is_ok() {
                    expected.extend((0..=250_u8).cycle().take(len));
                }
                inbox.fill(region, &mut returns);
                returns.clear();
                let now = skip.min(expected.len() as u64);
                expected.drain(..usize::try_from(now).unwrap());
                skip -= now;
                prop_assert_eq!(inbox.bytes(), &expected[..inbox.len]);
                if skip == 0 {
                    let drop = drop.min(inbox.len);
                    inbox.consume(drop, then_skip);
                    expected.drain(..drop);
                    skip = then_skip;
                }
                let now = skip.min(expected.len() as u64);
                expected.drain(..usize::try_from(now).unwrap());
                skip -= now;
                inbox.fill(region, &mut returns);
            }
        }
    }
}
