//! The copyable view of shared memory.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use zerocopy::{FromBytes, IntoBytes};

use crate::access::{Access, ReadOnly, ReadWrite, Readable, RestrictAccess, Writable, WriteOnly};
use crate::bulk;

/// A pointer into shared memory, valid for `'a`, for the accesses in `A`.
pub struct ExternallySharedPtr<'a, T: ?Sized, A = ReadWrite> {
    pointer: NonNull<T>,
    phantom: PhantomData<(&'a (), A)>,
}

impl<T: ?Sized, A> Clone for ExternallySharedPtr<'_, T, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, A> Copy for ExternallySharedPtr<'_, T, A> {}

impl<T: ?Sized, A> fmt::Debug for ExternallySharedPtr<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.pointer, f)
    }
}

impl<'a, T: ?Sized> ExternallySharedPtr<'a, T> {
    /// A pointer for reading and writing.
    ///
    /// # Safety
    ///
    /// As [`ExternallySharedPtr::new_restricted`].
    pub const unsafe fn new(pointer: NonNull<T>) -> Self {
        Self { pointer, phantom: PhantomData }
    }

    /// A pointer for reading.
    ///
    /// # Safety
    ///
    /// As [`ExternallySharedPtr::new_restricted`].
    pub const unsafe fn new_read_only(pointer: NonNull<T>) -> ExternallySharedPtr<'a, T, ReadOnly> {
        ExternallySharedPtr { pointer, phantom: PhantomData }
    }

    /// A pointer for the accesses in `access`.
    ///
    /// # Safety
    ///
    /// For `'a`, `pointer` is aligned and points to mapped memory of `T`'s size that allows these
    /// accesses and that no Rust reference refers to.
    pub const unsafe fn new_restricted<A: Access>(
        _access: A,
        pointer: NonNull<T>,
    ) -> ExternallySharedPtr<'a, T, A> {
        ExternallySharedPtr { pointer, phantom: PhantomData }
    }
}

impl<'a, T: ?Sized, A> ExternallySharedPtr<'a, T, A> {
    /// For this crate's own constructors, which see to it that the contract holds.
    #[inline(always)]
    pub(crate) const fn from_valid(pointer: NonNull<T>) -> Self {
        Self { pointer, phantom: PhantomData }
    }

    /// The address.
    #[inline(always)]
    pub const fn as_raw_ptr(self) -> NonNull<T> {
        self.pointer
    }

    /// Points elsewhere, usually to a field; see [`map_field!`](crate::map_field).
    ///
    /// # Safety
    ///
    /// What `f` returns lies within what it was given, and is aligned.
    #[inline(always)]
    pub unsafe fn map<F, U: ?Sized>(self, f: F) -> ExternallySharedPtr<'a, U, A>
    where
        F: FnOnce(NonNull<T>) -> NonNull<U>,
    {
        ExternallySharedPtr::from_valid(f(self.pointer))
    }

    /// Gives up the accesses that `To` does not have.
    pub fn restrict<To>(self) -> ExternallySharedPtr<'a, T, A::Restricted>
    where
        A: RestrictAccess<To>,
    {
        ExternallySharedPtr::from_valid(self.pointer)
    }
}

impl<'a, T: ?Sized> ExternallySharedPtr<'a, T, ReadWrite> {
    /// Gives up writing.
    pub fn read_only(self) -> ExternallySharedPtr<'a, T, ReadOnly> {
        self.restrict::<ReadOnly>()
    }

    /// Gives up reading.
    pub fn write_only(self) -> ExternallySharedPtr<'a, T, WriteOnly> {
        self.restrict::<WriteOnly>()
    }
}

impl<T, A> ExternallySharedPtr<'_, T, A> {
    /// Copies the value out. The copy is the caller's: the memory is not looked at again.
    #[inline(always)]
    pub fn read(self) -> T
    where
        A: Readable,
        T: FromBytes,
    {
        // SAFETY: the constructor's contract; `FromBytes` accepts any bytes.
        unsafe { bulk::read(self.pointer.as_ptr()) }
    }

    /// Copies `value` in.
    #[inline(always)]
    pub fn write(self, value: T)
    where
        A: Writable,
        T: IntoBytes,
    {
        // SAFETY: the constructor's contract; `IntoBytes` has no uninitialised bytes.
        unsafe { bulk::write(self.pointer.as_ptr(), value) }
    }

    /// Reads, applies `f`, writes. Not atomic.
    #[inline(always)]
    pub fn update<F>(self, f: F)
    where
        A: Readable + Writable,
        T: FromBytes + IntoBytes,
        F: FnOnce(T) -> T,
    {
        self.write(f(self.read()));
    }
}

/// Points to a field: `map_field!(pointer.field)` or `map_field!(pointer.field.inner)`.
///
/// Fields of packed structures are refused by the compiler, since they may be misaligned.
#[macro_export]
macro_rules! map_field {
    ($pointer:ident.$($place:ident).+) => {{
        // Never called: makes the compiler check that the field is aligned.
        let _ = |pointer: ::core::ptr::NonNull<_>| {
            if false {
                $crate::_private::same_target($pointer, pointer);
            }
            // SAFETY: never called.
            let _ = &unsafe { pointer.as_ref() }.$($place).+;
        };
        // SAFETY: a field lies within its structure, so its address is aligned and not null.
        unsafe {
            $pointer.map(|pointer| {
                ::core::ptr::NonNull::new_unchecked(&raw mut (*pointer.as_ptr()).$($place).+)
            })
        }
    }};
}
