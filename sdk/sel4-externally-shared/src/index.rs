//! Indexing of shared slices, by position or by range.

use core::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use core::ptr::NonNull;

/// A position or range in a shared slice. Sealed.
pub trait SliceIndex<T>: private::Sealed {
    /// What is found there: an element or a slice.
    type Output: ?Sized;

    #[doc(hidden)]
    fn locate(self, slice: NonNull<[T]>) -> Option<NonNull<Self::Output>>;
}

impl<T> SliceIndex<T> for usize {
    type Output = T;

    #[inline(always)]
    fn locate(self, slice: NonNull<[T]>) -> Option<NonNull<T>> {
        // SAFETY: inside the slice, as just checked.
        (self < slice.len()).then(|| unsafe { slice.cast::<T>().add(self) })
    }
}

impl<T> SliceIndex<T> for Range<usize> {
    type Output = [T];

    #[inline(always)]
    fn locate(self, slice: NonNull<[T]>) -> Option<NonNull<[T]>> {
        let length = self.end.checked_sub(self.start)?;
        if self.end > slice.len() {
            return None;
        }
        // SAFETY: `start <= end <= len`.
        let start = unsafe { slice.cast::<T>().add(self.start) };
        Some(NonNull::slice_from_raw_parts(start, length))
    }
}

fn resolve(start: Bound<&usize>, end: Bound<&usize>, length: usize) -> Option<Range<usize>> {
    let start = match start {
        Bound::Included(&start) => start,
        Bound::Excluded(&start) => start.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let end = match end {
        Bound::Included(&end) => end.checked_add(1)?,
        Bound::Excluded(&end) => end,
        Bound::Unbounded => length,
    };
    Some(start..end)
}

mod private {
    pub trait Sealed {}
}

impl private::Sealed for usize {}
impl private::Sealed for Range<usize> {}

macro_rules! range_index {
    ($($range:ty),*) => {$(
        impl private::Sealed for $range {}

        impl<T> SliceIndex<T> for $range {
            type Output = [T];

            fn locate(self, slice: NonNull<[T]>) -> Option<NonNull<[T]>> {
                use core::ops::RangeBounds;
                resolve(self.start_bound(), self.end_bound(), slice.len())?.locate(slice)
            }
        }
    )*};
}

range_index! {
    RangeFrom<usize>, RangeFull, RangeInclusive<usize>, RangeTo<usize>, RangeToInclusive<usize>,
    (Bound<usize>, Bound<usize>)
}
