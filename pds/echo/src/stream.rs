//! One TCP connection: pieces of the stream on their way back, in order.

/// Receive buffers that `net` lends to one connection.
const PIECES_MAX: usize = 16;
/// `Send` requests of one connection that `net` takes before the first is done.
const SENDS_MAX: usize = 4;

/// A piece of the stream, at the same offset in both data regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// What arrived on a connection and has not been sent back completely.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pieces: heapless::Deque<Piece, PIECES_MAX>,
    /// How many of `pieces`, from the front, `net` has been asked to send.
    sending: usize,
    is_closing: bool,
}

impl Stream {
    /// Appends a piece; `false` when `net` has lent more than it may.
    pub(crate) fn push(&mut self, piece: Piece) -> bool {
        self.pieces.push_back(piece).is_ok()
    }

    /// The next piece that `net` may be asked to send; it counts as asked for.
    pub(crate) fn next_send(&mut self) -> Option<Piece> {
        if self.sending == SENDS_MAX {
            return None;
        }
        let piece = self.pieces.iter().nth(self.sending).copied()?;
        self.sending += 1;
        Some(piece)
    }

    /// The oldest piece is sent; `None` if none was asked for.
    pub(crate) fn sent(&mut self) -> Option<Piece> {
        self.sending = self.sending.checked_sub(1)?;
        self.pieces.pop_front()
    }

    /// No more will arrive.
    pub(crate) fn close(&mut self) {
        self.is_closing = true;
    }

    /// Everything has been sent back and no more will come. True once.
    pub(crate) fn take_finished(&mut self) -> bool {
        let is_finished = self.is_closing && self.pieces.is_empty();
        self.is_closing &= !is_finished;
        is_finished
    }

    /// The connection is gone: what is left of it.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Piece> {
        self.pieces.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: u32) -> Piece {
        Piece { offset: number * 4096, len: 100 }
    }

    #[test]
    fn asks_for_at_most_four_sends() {
        let mut stream = Stream::default();
        assert_eq!(stream.sent(), None);
        (0..6).for_each(|number| assert!(stream.push(piece(number))));
        let asked: std::vec::Vec<_> = core::iter::from_fn(|| stream.next_send()).collect();
        assert_eq!(asked, [piece(0), piece(1), piece(2), piece(3)]);
        assert_eq!(stream.sent(), Some(piece(0)));
        assert_eq!(stream.next_send(), Some(piece(4)));
        assert_eq!(stream.next_send(), None);
        assert_eq!(stream.into_pieces().count(), 5);
    }

    #[test]
    fn finishes_once_all_is_sent() {
        let mut stream = Stream::default();
        assert!(stream.push(piece(0)));
        assert_eq!(stream.next_send(), Some(piece(0)));
        stream.close();
        assert!(!stream.take_finished());
        assert_eq!(stream.sent(), Some(piece(0)));
        assert!(stream.take_finished());
        assert!(!stream.take_finished());
    }

    #[test]
    fn more_pieces_than_may_be_lent_are_refused() {
        let mut stream = Stream::default();
        (0..16).for_each(|number| assert!(stream.push(piece(number))));
        assert!(!stream.push(piece(16)));
    }
}
