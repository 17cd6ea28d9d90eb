//! What all Nexus streams are made of: fixed numbers, and lengths as CompactSize.

use super::number::Number;
use crate::cbor::{Error, Problem};

/// Reads a slice, front to back. Offsets count from where the slice itself stands.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Self::at(0, input)
    }

    /// A reader of `input`, which starts at `offset` of something larger.
    pub(super) const fn at(offset: usize, input: &'a [u8]) -> Self {
        Self { rest: input, offset }
    }

    /// Where the next byte stands.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// What is still to come.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline(never)]
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let fail = Error { offset: self.offset, problem: Problem::Truncated };
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(fail)?;
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let fail = Error { offset: self.offset, problem: Problem::Truncated };
        self.take(N)?.try_into().map_err(|_| fail)
    }

    pub(super) fn number<const N: usize>(&mut self) -> Result<Number<N>, Error> {
        self.array().map(Number)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// A CompactSize of `min..=max`, in its shortest form: Nexus reads longer ones too, but then one
    /// statement would have several encodings.
    #[inline(never)]
    pub(super) fn compact(&mut self, min: usize, max: usize) -> Result<usize, Error> {
        let start = self.offset;
        let fail = |problem| Error { offset: start, problem };
        // The largest value that the next shorter form can say.
        let (value, shorter_max) = match self.byte()? {
            0xfd => (self.array().map(u16::from_le_bytes)?.into(), 0xfc),
            0xfe => (self.u32()?.into(), 0xffff),
            0xff => (self.u64()?, 0xffff_ffff),
            direct => (u64::from(direct), 0),
        };
        if value <= shorter_max && self.offset > start + 1 {
            return Err(fail(Problem::NotShortest));
        }
        let value = usize::try_from(value).map_err(|_| fail(Problem::OutOfRange))?;
        if (min..=max).contains(&value) { Ok(value) } else { Err(fail(Problem::OutOfRange)) }
    }

    /// A CompactSize of at most `max`, and so many bytes.
    pub(super) fn bytes(&mut self, max: usize) -> Result<&'a [u8], Error> {
        let length = self.compact(0, max)?;
        self.take(length)
    }

    /// The input ends here.
    pub(super) fn end(&self) -> Result<(), Error> {
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(Error { offset: self.offset, problem: Problem::Trailing })
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

    fn compact_of(bytes: &[u8]) -> Result<usize, Problem> {
        Reader::new(bytes).compact(0, 70_000).map_err(|error| error.problem)
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
        assert_eq!(
            Reader::new(&[0]).compact(1, 5),
            Err(Error { offset: 0, problem: Problem::OutOfRange })
        );
    }

    #[test]
    fn lengths_are_written_as_they_are_read() {
        for length in [0, 1, 0xfc, 0xfd, 0xff, 0x100, 1024, 0xffff] {
            let (bytes, used) = compact(length);
            assert_eq!(compact_of(&bytes[..used]), Ok(length));
        }
    }
}
