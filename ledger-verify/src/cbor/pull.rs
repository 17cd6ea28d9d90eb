//! A pull parser over input that comes in pieces of any size.

use super::{ARRAY, BYTES, NULL, Problem, Reader, TEXT, UNSIGNED};
use crate::bytes::copy;

/// Longest head: the initial byte and eight more.
const HEAD_BYTES_MAX: usize = 9;

/// Why an item was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The input ends inside it: the next piece goes on.
    More,
    /// Byte offset of the item, and what is wrong with it.
    Refused(u64, Problem),
}

/// Takes items off pieces of input. Of the input it keeps one incomplete head at most; everything
/// else it hands on.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: usize,
    /// Bytes taken since the start.
    offset: u64,
    /// Where the last item's head began.
    item: u64,
}

impl Pull {
    pub(crate) const fn new() -> Self {
        Self { head: [0; HEAD_BYTES_MAX], head_bytes: 0, offset: 0, item: 0 }
    }

    /// Bytes taken since the start.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Offset of the item whose head was read last.
    pub(crate) const fn item(&self) -> u64 {
        self.item
    }

    /// The head of an array of `min..=max` items; its length.
    pub(crate) fn array(
        &mut self,
        input: &mut &[u8],
        min: usize,
        max: usize,
    ) -> Result<usize, Stop> {
        self.length(input, ARRAY, min, max)
    }

    /// The head of an array of exactly `length` items, as [`Pull::array`].
    pub(crate) fn array_of(&mut self, input: &mut &[u8], length: usize) -> Result<usize, Stop> {
        self.array(input, length, length)
    }

    /// The head of a byte string of `min..=max` bytes, as [`Pull::array`].
    pub(crate) fn bytes(
        &mut self,
        input: &mut &[u8],
        min: usize,
        max: usize,
    ) -> Result<usize, Stop> {
        self.length(input, BYTES, min, max)
    }

    /// The head of a text string of `min..=max` bytes, as [`Pull::array`].
    pub(crate) fn text(
        &mut self,
        input: &mut &[u8],
        min: usize,
        max: usize,
    ) -> Result<usize, Stop> {
        self.length(input, TEXT, min, max)
    }

    /// An unsigned integer of at most `max`, as [`Pull::array`].
    pub(crate) fn unsigned(&mut self, input: &mut &[u8], max: u64) -> Result<u64, Stop> {
        self.head(input, UNSIGNED, 0, max)
    }

    /// Takes null, if it comes next.
    pub(crate) fn null(&mut self, input: &mut &[u8]) -> bool {
        match input.split_first() {
            Some((&NULL, rest)) if self.head_bytes == 0 => {
                *input = rest;
                self.item = self.offset;
                self.offset += 1;
                true
            }
            _ => false,
        }
    }

    /// Takes up to `left` bytes of a string and counts them off.
    pub(crate) fn take<'a>(&mut self, input: &mut &'a [u8], left: &mut usize) -> &'a [u8] {
        let (taken, rest) = input.split_at_checked(*left).unwrap_or((input, &[]));
        *input = rest;
        *left -= taken.len();
        self.skip(taken.len());
        taken
    }

    /// Takes up to the `left` last bytes of a string of `length` bytes, and writes them to their place
    /// in `buffer`.
    pub(crate) fn fill(
        &mut self,
        input: &mut &[u8],
        buffer: &mut [u8],
        length: usize,
        left: &mut usize,
    ) -> Result<(), Stop> {
        let filled = length.saturating_sub(*left);
        let taken = self.take(input, left);
        let room = buffer.get_mut(filled..).unwrap_or(&mut []);
        copy(room, taken);
        if *left == 0 { Ok(()) } else { Err(Stop::More) }
    }

    /// Counts bytes that somebody else took.
    pub(crate) const fn skip(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(bytes as u64);
    }

    fn length(
        &mut self,
        input: &mut &[u8],
        major: u8,
        min: usize,
        max: usize,
    ) -> Result<usize, Stop> {
        let length = self.head(input, major, min as u64, max as u64)?;
        // At most `max`, a usize.
        Ok(usize::try_from(length).unwrap_or(max))
    }

    /// Byte by byte until the head is complete.
    #[inline(never)]
    fn head(&mut self, input: &mut &[u8], major: u8, min: u64, max: u64) -> Result<u64, Stop> {
        while let Some((byte, rest)) = input.split_first() {
            if self.head_bytes == 0 {
                self.item = self.offset;
            }
            *input = rest;
            self.offset += 1;
            if let Some(place) = self.head.get_mut(self.head_bytes) {
                *place = *byte;
                self.head_bytes += 1;
            }
            let head = self.head.get(..self.head_bytes).unwrap_or(&[]);
            match Reader::new(head).bounded_head(major, min, max) {
                Ok(value) => {
                    self.head_bytes = 0;
                    return Ok(value);
                }
                Err(error) if error.problem == Problem::Truncated => {}
                Err(error) => return Err(Stop::Refused(self.item, error.problem)),
            }
        }
        Err(Stop::More)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_strings_may_be_cut_anywhere() {
        let input = [0x83, 0x19, 0x01, 0x00, 0xf6, 0x58, 0x18, 7, 7, 7];
        for cut in 0..input.len() {
            let mut pull = Pull::new();
            let (mut one, mut two) = input.split_at(cut);
            let mut next = |read: fn(&mut Pull, &mut &[u8]) -> Result<u64, Stop>| match read(
                &mut pull, &mut one,
            ) {
                Err(Stop::More) => read(&mut pull, &mut two),
                result => result,
            };
            assert_eq!(next(|pull, input| pull.array_of(input, 3).map(|n| n as u64)), Ok(3));
            assert_eq!(next(|pull, input| pull.unsigned(input, 256)), Ok(256), "{cut}");
            let null = |pull: &mut Pull, input: &mut &[u8]| match pull.null(input) {
                true => Ok(0),
                false => Err(Stop::More),
            };
            assert_eq!(next(null), Ok(0));
            assert_eq!(next(|pull, input| pull.bytes(input, 1, 24).map(|n| n as u64)), Ok(24));
            assert_eq!((pull.item(), pull.offset()), (5, 7));
            let mut left = 24;
            pull.take(&mut one, &mut left);
            pull.take(&mut two, &mut left);
            assert_eq!((left, pull.offset()), (21, 10));
        }
    }

    #[test]
    fn null_is_not_taken_out_of_the_middle_of_a_head() {
        let mut pull = Pull::new();
        assert_eq!(pull.unsigned(&mut &[0x18][..], 255), Err(Stop::More));
        let mut rest = &[NULL][..];
        assert!(!pull.null(&mut rest));
        assert_eq!(pull.unsigned(&mut rest, 255), Ok(NULL.into()));
    }

    #[test]
    fn heads_are_as_strict_as_those_in_memory() {
        for (input, problem) in [
            (&[0x18, 23][..], Problem::NotShortest),
            (&[0x9f], Problem::WrongType),
            (&[0x19, 1, 1], Problem::OutOfRange),
            (&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255], Problem::NotShortest),
            (&[0x40], Problem::WrongType),
        ] {
            let mut pull = Pull::new();
            let refused = Err(Stop::Refused(0, problem));
            assert_eq!(pull.unsigned(&mut &input[..], 256), refused, "{input:?}");
        }
    }
}
