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

    /// Copies a span of another region into a span of the same length, without a look at the bytes.
    ///
    /// # Errors
    ///
    /// [`SpanError::ForeignRegion`], or [`SpanError::WrongLength`] when lengths differ.
    pub fn copy_across<B: Readable>(
        &self,
        span: Span,
        from: &DataRegion<'_, B>,
        source: Span,
    ) -> Result<(), SpanError>
    where
        A: Writable,
    {
        let source = from.bytes_of(source)?;
        self.bytes_of(span)?.try_copy_from_shared(source).map_err(|_| SpanError::WrongLength)
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn with_region<R>(length: usize, body: impl FnOnce(DataRegion<'_>) -> R) -> R {
        let mut bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
        body(DataRegion::new(ExternallySharedRef::from_mut_ref(bytes.as_mut_slice())))
    }

    #[test]
    fn rejects_spans_past_the_end() {
        with_region(4096, |region| {
            assert_eq!(region.len(), 4096);
            assert!(region.span(0, 4096).is_ok() && region.span(4096, 0).is_ok());
            for (offset, length) in
                [(0, 4097), (4096, 1), (4097, 0), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, 0)]
            {
                assert_eq!(region.span(offset, length), Err(SpanError::OutOfRange));
            }
            let far = Descriptor::new(1 << 32, 1, 0);
            assert_eq!(region.span_of(&far), Err(SpanError::OutOfRange));
            assert!(region.span_of(&Descriptor::new(64, 64, 0)).is_ok());
        });
    }

    #[test]
    fn checks_alignment() {
        with_region(4096, |region| {
            let span = region.span(2048, 10).unwrap();
            assert_eq!(span.aligned(2048), Ok(span));
            assert_eq!(span.aligned(4096), Err(SpanError::Misaligned));
            assert_eq!(span.aligned(0), Err(SpanError::Misaligned));
        });
    }

    #[test]
    fn a_part_stays_within_its_span() {
        with_region(4096, |region| {
            let span = region.span(100, 50).unwrap();
            assert_eq!(span.part(10, 40), region.span(110, 40));
            assert_eq!(span.part(10, 41), Err(SpanError::OutOfRange));
            assert_eq!(span.part(u32::MAX, 2), Err(SpanError::OutOfRange));
        });
    }

    #[test]
    fn a_span_of_another_region_is_refused() {
        with_region(64, |one| {
            with_region(64, |other| {
                let span = one.span(0, 4).unwrap();
                assert_eq!(other.copy_in(span, &[0; 4]), Err(SpanError::ForeignRegion));
                assert_eq!(other.copy_out(span, &mut [0; 4]), Err(SpanError::ForeignRegion));
            });
        });
    }

    #[test]
    fn copies_across_exactly_what_fits() {
        with_region(600, |from| {
            with_region(600, |to| {
                let (source, span) = (from.span(10, 300).unwrap(), to.span(101, 300).unwrap());
                assert_eq!(to.copy_across(span, &from, source), Ok(()));
                let (mut bytes, mut expected) = ([0; 600], [0; 600]);
                from.copy_out(from.span(0, 600).unwrap(), &mut expected).unwrap();
                expected.copy_within(10..310, 101);
                to.copy_out(to.span(0, 600).unwrap(), &mut bytes).unwrap();
                assert_eq!(bytes, expected);
                let short = to.span(101, 299).unwrap();
                assert_eq!(to.copy_across(short, &from, source), Err(SpanError::WrongLength));
                assert_eq!(to.copy_across(span, &from, span), Err(SpanError::ForeignRegion));
                assert_eq!(to.copy_across(source, &from, source), Err(SpanError::ForeignRegion));
            });
        });
    }

    #[test]
    fn a_buffer_of_the_wrong_length_is_refused() {
        with_region(64, |region| {
            let span = region.span(0, 4).unwrap();
            assert_eq!(region.copy_in(span, &[0; 5]), Err(SpanError::WrongLength));
            assert_eq!(region.copy_in(span, &[0; 3]), Err(SpanError::WrongLength));
            assert_eq!(region.copy_out(span, &mut [0; 3]), Err(SpanError::WrongLength));
        });
    }

    proptest! {
        #[test]
        fn copies_exactly_the_span(offset in 0..300_u32, length in 0..300_u32) {
            with_region(600, |region| {
                let mut before = [0; 600];
                region.copy_out(region.span(0, 600).unwrap(), &mut before).unwrap();
                let mut expected = before;
                let span = region.span(offset, length).unwrap();
                let range = offset as usize..(offset + length) as usize;

                let mut out = [0xaa; 300];
                let front = region.copy_out(span, &mut out).unwrap();
                prop_assert_eq!(&*front, &before[range.clone()]);
                prop_assert!(out[length as usize..].iter().all(|byte| *byte == 0xaa));

                let new: Vec<u8> = before[range.clone()].iter().map(|byte| !byte).collect();
                region.copy_in(span, &new).unwrap();
                expected[range].copy_from_slice(&new);
                let mut after = [0; 600];
                region.copy_out(region.span(0, 600).unwrap(), &mut after).unwrap();
                prop_assert_eq!(after, expected);
                Ok(())
            })?;
        }
    }
}
