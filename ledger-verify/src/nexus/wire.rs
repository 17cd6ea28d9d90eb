//! What all Nexus streams are made of: fixed numbers, and lengths as CompactSize.

use super::error::{At, Reason};
use super::number::Number;
use crate::bytes::copy;
use crate::cbor::Problem;

/// Reads a slice, front to back. Offsets count from where the slice itself stands.
///
/// A reader that has failed keeps the first error and reads zeros from then on, and nothing where a length
/// is free: whoever reads asks for the error once, before believing anything.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    failed: Option<At>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Self::at(0, input)
    }

    /// A reader of `input`, which starts at `offset` of something larger.
    pub(super) const fn at(offset: usize, input: &'a [u8]) -> Self {
        Self { rest: input, offset, failed: None }
    }

    /// Where the next byte stands.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// What is still to come; nothing after a failure.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing has failed.
    pub(super) const fn is_sound(&self) -> bool {
        self.failed.is_none()
    }

    /// What was read, unless something has failed.
    pub(super) fn finish<T>(&self, read: T) -> Result<T, At> {
        self.failed.map_or(Ok(read), Err)
    }

    /// Fails, if nothing has before.
    #[inline(never)]
    pub(super) fn fail(&mut self, offset: usize, reason: Reason) {
        if self.failed.is_none() {
            self.failed = Some((offset, reason));
        }
        self.rest = &[];
    }

    fn problem(&mut self, offset: usize, problem: Problem) {
        self.fail(offset, Reason::Encoding(problem));
    }

    #[inline(never)]
    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            self.problem(self.offset, Problem::Truncated);
            return &[];
        };
        self.rest = rest;
        self.offset += length;
        taken
    }

    #[inline(never)]
    pub(super) fn number<const N: usize>(&mut self) -> Number<N> {
        let mut number = Number::ZERO;
        copy(&mut number.0, self.take(N));
        number
    }

    #[inline(never)]
    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    #[inline(never)]
    pub(super) fn u32(&mut self) -> u32 {
        // Four bytes fit.
        u32::try_from(self.integer(4)).unwrap_or(0)
    }

    /// At most eight bytes, the lowest first.
    #[inline(never)]
    pub(super) fn integer(&mut self, bytes: usize) -> u64 {
        let bytes = self.take(bytes).iter().rev();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// A CompactSize of `min..=max`, in its shortest form: Nexus reads longer ones too, but then one
    /// statement would have several encodings.
    #[inline(never)]
    pub(super) fn compact(&mut self, min: usize, max: usize) -> usize {
        let start = self.offset;
        // The largest value that the next shorter form can say.
        let (value, shorter_max) = match self.byte() {
            0xfd => (self.integer(2), 0xfc),
            0xfe => (self.integer(4), 0xffff),
            0xff => (self.integer(8), 0xffff_ffff),
            direct => (direct.into(), 0),
        };
        if value <= shorter_max && self.offset > start + 1 {
            self.problem(start, Problem::NotShortest);
        }
        match usize::try_from(value) {
            Ok(value) if (min..=max).contains(&value) => value,
            _ => {
                self.problem(start, Problem::OutOfRange);
                0
            }
        }
    }

    /// A CompactSize of at most `max`, and so many bytes.
    #[inline(never)]
    pub(super) fn bytes(&mut self, max: usize) -> &'a [u8] {
        let length = self.compact(0, max);
        self.take(length)
    }

    /// The input ends here.
    pub(super) fn end(&mut self) {
        if !self.rest.is_empty() {
            self.problem(self.offset, Problem::Trailing);
        }
    }

    /// This input ends here; `input`, which starts at `offset`, comes next.
    pub(super) fn go_on(&mut self, offset: usize, input: &'a [u8]) {
        self.end();
        if self.is_sound() {
            (self.offset, self.rest) = (offset, input);
        }
    }
}

/// A length as it is hashed: the shortest CompactSize of a number below 65,536, and its bytes.
pub(crate) fn compact(length: usize) -> ([u8; 3], usize) {
    let [low, high, ..] = length.to_le_bytes();
    if length < 0xfd { ([low, 0, 0], 1) } else { ([0xfd, low, high], 3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], min: usize, max: usize) -> Result<usize, At> {
        let mut reader = Reader::new(bytes);
        let value = reader.compact(min, max);
        reader.finish(value)
    }

    fn compact_of(bytes: &[u8]) -> Result<usize, Problem> {
        read(bytes, 0, 70_000).map_err(|error| match error {
            (0 | 1, Reason::Encoding(problem)) => problem,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn lengths_have_one_form() {
        for (bytes, value) in [
            (&[0][..], 0),
            (&[0xfc], 0xfc),
            (&[0xfd, 0xfd, 0], 0xfd),
            (&[0xfd, 0xff, 0xff], 0xffff),
            (&[0xfe, 0, 0, 1, 0], 0x1_0000),
        ] {
            assert_eq!(compact_of(bytes), Ok(value));
            for end in 0..bytes.len() {
                assert_eq!(compact_of(&bytes[..end]), Err(Problem::Truncated));
            }
        }
        for long in [
            &[0xfd, 0, 0][..],
            &[0xfd, 0xfc, 0],
            &[0xfe, 0xff, 0xff, 0, 0],
            &[0xff, 0, 0, 1, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(compact_of(long), Err(Problem::NotShortest));
        }
        assert_eq!(compact_of(&[0xfe, 0, 0, 2, 0]), Err(Problem::OutOfRange));
        assert_eq!(compact_of(&[0xff; 9]), Err(Problem::OutOfRange));
        assert_eq!(read(&[0], 1, 5), Err((0, Reason::Encoding(Problem::OutOfRange))));
    }

    #[test]
    fn the_first_error_stays_and_nothing_is_read_after_it() {
        let mut reader = Reader::at(7, &[1, 2, 3]);
        assert_eq!((reader.byte(), reader.u32(), reader.byte()), (1, 0, 0));
        assert_eq!(reader.number::<4>(), Number::ZERO);
        reader.end();
        reader.go_on(9, &[4]);
        reader.fail(9, Reason::TooLong);
        assert_eq!((reader.byte(), reader.rest()), (0, &[][..]));
        assert_eq!(reader.finish(()), Err((8, Reason::Encoding(Problem::Truncated))));
    }

    #[test]
    fn lengths_are_written_as_they_are_read() {
        for length in [0, 1, 0xfc, 0xfd, 0xff, 0x100, 1024, 0xffff] {
            let (bytes, used) = compact(length);
            assert_eq!(compact_of(&bytes[..used]), Ok(length));
        }
    }
}
