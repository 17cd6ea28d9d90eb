use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::{Descriptor, copy};

/// A memory region that carries bulk data, named by offsets from its start.
///
/// Bytes are only ever copied in or out: a peer may change them at any time, so there is no
/// reference to them, and what is to be hashed, verified or parsed is copied out first.
#[derive(Debug, Clone, Copy)]
pub struct DataRegion<'a> {
    bytes: NonNull<[u8]>,
    lifetime: PhantomData<&'a [u8]>,
}

// SAFETY: the bytes are only reached through copies that tolerate concurrent writers.
unsafe impl Send for DataRegion<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for DataRegion<'_> {}

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

impl<'a> DataRegion<'a> {
    /// The region at `bytes`.
    ///
    /// # Safety
    ///
    /// `bytes` is valid for reads for `'a`, and for writes if [`copy_in`](Self::copy_in) is used;
    /// this program reaches that memory only through values of this crate. Other protection
    /// domains and devices may write to it at any time.
    #[must_use]
    pub const unsafe fn from_ptr(bytes: NonNull<[u8]>) -> Self {
        Self { bytes, lifetime: PhantomData }
    }

    /// Private memory as a region, for tests.
    #[must_use]
    pub const fn from_slice(bytes: &'a mut [u8]) -> Self {
        // Exclusive for `'a`, so valid and reached by nobody else.
        Self { bytes: NonNull::from_mut(bytes), lifetime: PhantomData }
    }

    /// Size in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Does it hold no byte?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
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
                Ok(Span { region: self.bytes.addr().get(), offset, length })
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
    pub fn copy_out<'b>(&self, span: Span, into: &'b mut [u8]) -> Result<&'b mut [u8], SpanError> {
        let from = self.address(span)?;
        let into = into.get_mut(..span.length as usize).ok_or(SpanError::WrongLength)?;
        // SAFETY: `span` lies within the region, checked when it was made by this region; `into`
        // is private memory, so it does not overlap.
        unsafe { copy::load_bytes(from, into) };
        Ok(into)
    }

    /// Copies all of `from` into a span of the same length.
    ///
    /// # Errors
    ///
    /// [`SpanError::ForeignRegion`], or [`SpanError::WrongLength`] when lengths differ.
    pub fn copy_in(&self, span: Span, from: &[u8]) -> Result<(), SpanError> {
        let to = self.address(span)?;
        if from.len() != span.length as usize {
            return Err(SpanError::WrongLength);
        }
        // SAFETY: `span` lies within the region, checked when it was made by this region; `from`
        // is private memory, so it does not overlap.
        unsafe { copy::store_bytes(to, from) };
        Ok(())
    }

    /// Where a span of this region starts.
    fn address(&self, span: Span) -> Result<*mut u8, SpanError> {
        if span.region != self.bytes.addr().get() {
            return Err(SpanError::ForeignRegion);
        }
        Ok(self.bytes.cast::<u8>().as_ptr().wrapping_add(span.offset as usize))
    }
}
