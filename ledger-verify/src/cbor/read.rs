//! A pull parser over one slice.

use core::fmt;

use super::{ARRAY, BYTES, NULL, TEXT, UNSIGNED};

/// What is wrong with the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The input ends inside an item.
    Truncated,
    /// A head that a shorter one says as well (RFC 8949 4.2.1).
    NotShortest,
    /// An item of another type than the schema has here, or one this profile does not use:
    /// indefinite lengths, negative integers, maps, tags, floats.
    WrongType,
    /// A number or a length out of the schema's range.
    OutOfRange,
    /// A text string that is not UTF-8.
    NotUtf8,
    /// Bytes after the last item.
    Trailing,
}

/// A [`Problem`] and where it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Byte offset of the item, from the start of the slice.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::NotShortest => "encoding not canonical",
            Self::WrongType => "unexpected item type",
            Self::OutOfRange => "value out of range",
            Self::NotUtf8 => "text is not UTF-8",
            Self::Trailing => "bytes after the end",
        })
    }
}

/// Reads items from a slice, front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    input: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `input`.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { input, offset: 0 }
    }

    /// A reader of `input` that has read `offset` bytes of it already.
    #[must_use]
    pub(crate) const fn at(input: &'a [u8], offset: usize) -> Self {
        Self { input, offset }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What is still to come.
    #[cfg(feature = "nexus")]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.input.get(self.offset..).unwrap_or(&[])
    }

    /// What was read between `start`, an earlier [`Reader::offset`], and now.
    #[must_use]
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.offset).unwrap_or(&[])
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`Problem::Truncated`], [`Problem::NotShortest`], [`Problem::WrongType`].
    pub fn unsigned(&mut self) -> Result<u64, Error> {
        self.head(UNSIGNED)
    }

    /// An unsigned integer of at most `max`.
    ///
    /// # Errors
    /// As [`Reader::unsigned`], and [`Problem::OutOfRange`].
    pub fn unsigned_up_to(&mut self, max: u64) -> Result<u64, Error> {
        self.bounded_head(UNSIGNED, 0, max)
    }

    /// A byte string of `min..=max` bytes.
    ///
    /// # Errors
    /// As [`Reader::unsigned`], and [`Problem::OutOfRange`] for its length.
    pub fn bytes(&mut self, min: usize, max: usize) -> Result<&'a [u8], Error> {
        let length = self.length(BYTES, min, max)?;
        self.take(length)
    }

    /// The head of a byte string of `min..=max` bytes; its length.
    ///
    /// # Errors
    /// As [`Reader::unsigned`], and [`Problem::OutOfRange`] for its length.
    pub fn bytes_head(&mut self, min: usize, max: usize) -> Result<usize, Error> {
        self.length(BYTES, min, max)
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn byte_array<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        let start = self.offset;
        let bytes = self.bytes(N, N)?;
        bytes.try_into().map_err(|_| Error { offset: start, problem: Problem::OutOfRange })
    }

    /// Takes null, if it comes next.
    pub fn null(&mut self) -> bool {
        let is_null = self.input.get(self.offset) == Some(&NULL);
        self.offset += usize::from(is_null);
        is_null
    }

    /// A text string of `min..=max` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`], and [`Problem::NotUtf8`].
    pub fn text(&mut self, min: usize, max: usize) -> Result<&'a str, Error> {
        let start = self.offset;
        let bytes = self.text_bytes(min, max)?;
        core::str::from_utf8(bytes).map_err(|_| Error { offset: start, problem: Problem::NotUtf8 })
    }

    /// A text string of `min..=max` bytes, for who accepts a part of UTF-8 only.
    pub(crate) fn text_bytes(&mut self, min: usize, max: usize) -> Result<&'a [u8], Error> {
        let length = self.length(TEXT, min, max)?;
        self.take(length)
    }

    /// The head of an array of `min..=max` items; its length.
    ///
    /// # Errors
    /// As [`Reader::unsigned`], and [`Problem::OutOfRange`] for its length.
    pub fn array(&mut self, min: usize, max: usize) -> Result<usize, Error> {
        self.length(ARRAY, min, max)
    }

    /// The head of an array of exactly `length` items.
    ///
    /// # Errors
    /// As [`Reader::array`].
    pub fn array_of(&mut self, length: usize) -> Result<(), Error> {
        self.array(length, length).map(|_| ())
    }

    /// The input ends here.
    ///
    /// # Errors
    /// [`Problem::Trailing`].
    pub fn end(&self) -> Result<(), Error> {
        if self.offset == self.input.len() {
            Ok(())
        } else {
            Err(Error { offset: self.offset, problem: Problem::Trailing })
        }
    }

    fn length(&mut self, major: u8, min: usize, max: usize) -> Result<usize, Error> {
        let length = self.bounded_head(major, min as u64, max as u64)?;
        // At most `max`, a usize.
        Ok(usize::try_from(length).unwrap_or(max))
    }

    #[inline(never)]
    pub(super) fn bounded_head(&mut self, major: u8, min: u64, max: u64) -> Result<u64, Error> {
        let start = self.offset;
        let value = self.head(major)?;
        if (min..=max).contains(&value) {
            Ok(value)
        } else {
            Err(Error { offset: start, problem: Problem::OutOfRange })
        }
    }

    /// One head: the major type in the top three bits, then the argument (RFC 8949 section 3).
    // Out of line, like its caller: inlined everywhere, they make the verifier a fifth larger.
    #[inline(never)]
    fn head(&mut self, major: u8) -> Result<u64, Error> {
        let start = self.offset;
        let fail = |problem| Error { offset: start, problem };
        let rest = self.input.get(start..).unwrap_or(&[]);
        let (&initial, rest) = rest.split_first().ok_or(fail(Problem::Truncated))?;
        if initial >> 5 != major {
            return Err(fail(Problem::WrongType));
        }
        // The largest value that the next shorter form can say.
        let (length, shorter_max) = match initial & 0x1f {
            direct @ 0..=23 => {
                self.offset = start + 1;
                return Ok(u64::from(direct));
            }
            24 => (1, 23),
            25 => (2, 0xff),
            26 => (4, 0xffff),
            27 => (8, 0xffff_ffff),
            _ => return Err(fail(Problem::WrongType)),
        };
        let argument = rest.get(..length).ok_or(fail(Problem::Truncated))?;
        let value = argument.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
        if value <= shorter_max {
            return Err(fail(Problem::NotShortest));
        }
        self.offset = start + 1 + length;
        Ok(value)
    }

    #[inline(never)]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let start = self.offset;
        let rest = self.input.get(start..).unwrap_or(&[]);
        let taken =
            rest.get(..length).ok_or(Error { offset: start, problem: Problem::Truncated })?;
        self.offset = start + taken.len();
        Ok(taken)
    }
}
