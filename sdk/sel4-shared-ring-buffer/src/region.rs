use sel4_externally_shared::access::{ReadOnly, ReadWrite, Readable, RestrictAccess, Writable};
use sel4_externally_shared::{ExternallySharedPtr, ExternallySharedRef};

use crate::Descriptor;

/// A memory region that carries bulk data, named by offsets from its start.
///
/// Bytes are only ever copied in or out: a peer may change them at any time, so what is to be
/// hashed, verified or parsed is copied out first.
#[derive(Debug, Clone, Copy)]
pub struct DataRegion<'a, A = ReadWrite> {
    bytes: ExternallySharedPtr<'a, [u8], A>,
}

/// A checked piece of one data region. Proves that it lies within that region, nothing about the
/// bytes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Start address of the region that made it.
    region: usize,
    offset: u32,
    length: u32,
}

/// Why an offset and length do not name a usable piece of a data region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanError {
    /// Some of it lies past the region's end.
    OutOfRange,
    /// The offset is not a multiple of what was asked for.
    Misaligned,
    /// The span belongs to another region.
    ForeignRegion,
    /// The private buffer is shorter than the span, or longer when its bytes are to be copied in.
    WrongLength,
}

impl Span {
    /// Bytes from the start of the region.
    #[must_use]
    pub const fn offset(self) -> u32 {
        self.offset
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.length
    }

    /// Does it hold no byte?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }

    /// The same span if its offset is a multiple of `alignment` bytes.
    ///
    /// # Errors
    ///
    /// [`SpanError::Misaligned`], also for an alignment of 0.
    pub const fn aligned(self, alignment: u32) -> Result<Self, SpanError> {
        match self.offset.checked_rem(alignment) {
            Some(0) => Ok(self),
            _ => Err(SpanError::Misaligned),
        }
    }

    /// A piece of this span: `length` bytes after its first `skip` bytes.
    ///
    /// # Errors
    ///
    /// [`SpanError::OutOfRange`] when it reaches past this span.
    pub const fn part(self, skip: u32, length: u32) -> Result<Self, SpanError> {
        match skip.checked_add(length) {
            // Cannot overflow: the span itself ends within `u32`.
            Some(end) if end <= self.length => {
                Ok(Self { offset: self.offset + skip, length, ..self })
            }
            _ => Err(SpanError::OutOfRange),
        }
    }
}

impl<'a, A> DataRegion<'a, A> {
    /// The whole of `region`.
    #[must_use]
    pub fn new(region: ExternallySharedRef<'a, [u8], A>) -> Self {
        Self { bytes: region.into_ptr() }
    }

    /// The same region for reading only.
    #[must_use]
    pub fn read_only(self) -> DataRegion<'a, A::Restricted>
    where
        A: RestrictAccess<ReadOnly>,
    {
        DataRegion { bytes: self.bytes.restrict::<ReadOnly>() }
    }

    /// Size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Does it hold no byte?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that `length` bytes at `offset` lie within this region.
    ///
    /// # Errors
    ///
    /// [`SpanError::OutOfRange`].
    pub fn span(&self, offset: u32, length: u32) -> Result<Span, SpanError> {
        match offset.checked_add(length) {
            Some(end) if end as usize <= self.len() => {
                Ok(Span { region: self.start(), offset, length })
            }
            _ => Err(SpanError::OutOfRange),
        }
    }

    /// Checks the piece that a descriptor names.
    ///
    /// # Errors
    ///
    /// [`SpanError::OutOfRange`].
    pub fn span_of(&self, descriptor: &Descriptor) -> Result<Span, SpanError> {
        let offset = u32::try_from(descriptor.encoded_addr()).map_err(|_| SpanError::OutOfRange)?;
        self.span(offset, descriptor.len())
    }

    /// Copies a span into the front of `into` and answers that front.
    ///
    /// # Errors
    ///
    /// [`SpanError::ForeignRegion`], or [`SpanError::WrongLength`] when `into` is too short.
    pub fn copy_out<'b>(&self, span: Span, into: &'b mut [u8]) -> Result<&'b mut [u8], SpanError>
    where
        A: Readable,
    {
        let into = into.get_mut(..span.length as usize).ok_or(SpanError::WrongLength)?;
        self.bytes_of(span)?.try_copy_into_slice(into).map_err(|_| SpanError::WrongLength)?;
        Ok(into)
    }

    /// Copies all of `from` into a span of the same length.
    ///
    /// # Errors
    ///
    /// [`SpanError::ForeignRegion`], or [`SpanError::WrongLength`] when lengths differ.
    pub fn copy_in(&self, span: Span, from: &[u8]) -> Result<(), SpanError>
    where
        A: Writable,
    {
        self.bytes_of(span)?.try_copy_from_slice(from).map_err(|_| SpanError::WrongLength)
    }

    /// The bytes of a span that this region made.
    fn bytes_of(&self, span: Span) -> Result<ExternallySharedPtr<'a, [u8], A>, SpanError> {
        if span.region != self.start() {
            return Err(SpanError::ForeignRegion);
        }
        let start = span.offset as usize;
        self.bytes.get(start..start + span.length as usize).ok_or(SpanError::ForeignRegion)
    }

    fn start(&self) -> usize {
        self.bytes.as_raw_ptr().addr().get()
    }
}
