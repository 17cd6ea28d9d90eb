//! Operations on shared slices and arrays.

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::RangeBounds;
use core::ptr::NonNull;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::access::{Readable, Writable};
use crate::bulk;
use crate::index::SliceIndex;
use crate::ptr::ExternallySharedPtr;

/// A range that is not inside the shared slice, or two lengths that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfBounds;

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outside the shared memory")
    }
}

impl core::error::Error for OutOfBounds {}

#[cold]
#[inline(never)]
fn out_of_bounds() -> ! {
    panic!("{OutOfBounds}")
}

impl<'a, T, A> ExternallySharedPtr<'a, [T], A> {
    /// Number of elements.
    #[inline(always)]
    pub const fn len(self) -> usize {
        self.as_raw_ptr().len()
    }

    /// Whether there is no element.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn start(self) -> *mut T {
        self.as_raw_ptr().cast::<T>().as_ptr()
    }

    /// The element or range at `index`; `None` outside the slice.
    #[inline(always)]
    pub fn get<I: SliceIndex<T>>(self, index: I) -> Option<ExternallySharedPtr<'a, I::Output, A>> {
        index.locate(self.as_raw_ptr()).map(ExternallySharedPtr::from_valid)
    }

    /// The element or range at `index`.
    ///
    /// # Panics
    ///
    /// Outside the slice.
    #[inline(always)]
    pub fn index<I: SliceIndex<T>>(self, index: I) -> ExternallySharedPtr<'a, I::Output, A> {
        match self.get(index) {
            Some(found) => found,
            None => out_of_bounds(),
        }
    }

    /// Pointers to each element.
    pub fn iter(self) -> impl Iterator<Item = ExternallySharedPtr<'a, T, A>> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }

    /// Copies the slice out.
    ///
    /// # Errors
    ///
    /// When the lengths differ.
    #[inline]
    pub fn try_copy_into_slice(self, dst: &mut [T]) -> Result<(), OutOfBounds>
    where
        A: Readable,
        T: FromBytes + IntoBytes,
    {
        if dst.len() != self.len() {
            return Err(OutOfBounds);
        }
        let bytes = size_of_val(dst);
        // SAFETY: both have this length; a private slice never overlaps shared memory.
        unsafe { bulk::copy_disjoint(self.start().cast(), dst.as_mut_ptr().cast(), bytes) };
        Ok(())
    }

    /// Copies the slice out.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    #[inline]
    pub fn copy_into_slice(self, dst: &mut [T])
    where
        A: Readable,
        T: FromBytes + IntoBytes,
    {
        if self.try_copy_into_slice(dst).is_err() {
            out_of_bounds();
        }
    }

    /// Copies `src` in.
    ///
    /// # Errors
    ///
    /// When the lengths differ.
    #[inline]
    pub fn try_copy_from_slice(self, src: &[T]) -> Result<(), OutOfBounds>
    where
        A: Writable,
        T: FromBytes + IntoBytes,
    {
        if src.len() != self.len() {
            return Err(OutOfBounds);
        }
        let bytes = size_of_val(src);
        // SAFETY: both have this length; a private slice never overlaps shared memory.
        unsafe { bulk::copy_disjoint(src.as_ptr().cast(), self.start().cast(), bytes) };
        Ok(())
    }

    /// Copies `src` in.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    #[inline]
    pub fn copy_from_slice(self, src: &[T])
    where
        A: Writable,
        T: FromBytes + IntoBytes,
    {
        if self.try_copy_from_slice(src).is_err() {
            out_of_bounds();
        }
    }

    /// Copies a slice of other shared memory in. Bytes that belong to both may come out mixed.
    ///
    /// # Errors
    ///
    /// When the lengths differ.
    #[inline]
    pub fn try_copy_from_shared<B: Readable>(
        self,
        src: ExternallySharedPtr<'_, [T], B>,
    ) -> Result<(), OutOfBounds>
    where
        A: Writable,
        T: FromBytes + IntoBytes,
    {
        if src.len() != self.len() {
            return Err(OutOfBounds);
        }
        let bytes = self.len() * size_of::<T>();
        // SAFETY: both have this length; bytes of shared memory may be any.
        unsafe { bulk::copy_disjoint(src.start().cast(), self.start().cast(), bytes) };
        Ok(())
    }

    /// Copies a range to position `dest` of the same slice; they may overlap.
    ///
    /// # Errors
    ///
    /// When either does not fit in the slice.
    pub fn try_copy_within(
        self,
        src: impl RangeBounds<usize>,
        dest: usize,
    ) -> Result<(), OutOfBounds>
    where
        A: Readable + Writable,
        T: FromBytes + IntoBytes,
    {
        let bounds = (src.start_bound().cloned(), src.end_bound().cloned());
        let src = self.get(bounds).ok_or(OutOfBounds)?;
        let end = dest.checked_add(src.len()).ok_or(OutOfBounds)?;
        let dst = self.get(dest..end).ok_or(OutOfBounds)?;
        let bytes = src.len() * size_of::<T>();
        // SAFETY: both ranges lie inside the slice.
        unsafe { bulk::copy_overlapping(src.start().cast(), dst.start().cast(), bytes) };
        Ok(())
    }

    /// Copies a range to position `dest` of the same slice; they may overlap.
    ///
    /// # Panics
    ///
    /// When either does not fit in the slice.
    pub fn copy_within(self, src: impl RangeBounds<usize>, dest: usize)
    where
        A: Readable + Writable,
        T: FromBytes + IntoBytes,
    {
        if self.try_copy_within(src, dest).is_err() {
            out_of_bounds();
        }
    }

    /// The parts before and from `mid`; `None` past the end.
    pub fn try_split_at(self, mid: usize) -> Option<(Self, Self)> {
        Some((self.get(..mid)?, self.get(mid..)?))
    }

    /// The parts before and from `mid`.
    ///
    /// # Panics
    ///
    /// Past the end.
    pub fn split_at(self, mid: usize) -> (Self, Self) {
        match self.try_split_at(mid) {
            Some(parts) => parts,
            None => out_of_bounds(),
        }
    }

    /// Whole arrays of `N` elements, and the elements left over.
    ///
    /// # Panics
    ///
    /// When `N` is 0.
    pub fn as_chunks<const N: usize>(self) -> (ExternallySharedPtr<'a, [[T; N]], A>, Self) {
        assert!(N != 0, "chunks of no element");
        let count = self.len() / N;
        let (whole, rest) = self.split_at(count * N);
        let chunks = NonNull::slice_from_raw_parts(whole.as_raw_ptr().cast(), count);
        (ExternallySharedPtr::from_valid(chunks), rest)
    }
}

impl<A> ExternallySharedPtr<'_, [u8], A> {
    /// Sets every byte.
    pub fn fill(self, value: u8)
    where
        A: Writable,
    {
        // SAFETY: the slice is writable for its length.
        unsafe { bulk::fill(self.start(), value, self.len()) }
    }

    /// Copies out a value at a byte offset of any alignment; `None` if it does not fit.
    pub fn read_at<T: FromBytes>(self, offset: usize) -> Option<T>
    where
        A: Readable,
    {
        let source = self.get(offset..offset.checked_add(size_of::<T>())?)?;
        let mut value = MaybeUninit::<T>::uninit();
        let bytes = size_of::<T>();
        // SAFETY: both have the value's size and are apart.
        unsafe { bulk::copy_disjoint(source.start(), value.as_mut_ptr().cast(), bytes) };
        // SAFETY: every byte was written, and any bytes are a `T`.
        Some(unsafe { value.assume_init() })
    }

    /// Copies a value in at a byte offset of any alignment; `None` if it does not fit.
    pub fn write_at<T>(self, offset: usize, value: &T) -> Option<()>
    where
        A: Writable,
        T: IntoBytes + Immutable,
    {
        let bytes = value.as_bytes();
        let target = self.get(offset..offset.checked_add(bytes.len())?)?;
        target.try_copy_from_slice(bytes).ok()
    }
}

impl<'a, T, A, const N: usize> ExternallySharedPtr<'a, [T; N], A> {
    /// The array as a slice.
    #[inline(always)]
    pub fn as_slice(self) -> ExternallySharedPtr<'a, [T], A> {
        let slice = NonNull::slice_from_raw_parts(self.as_raw_ptr().cast(), N);
        ExternallySharedPtr::from_valid(slice)
    }
}
