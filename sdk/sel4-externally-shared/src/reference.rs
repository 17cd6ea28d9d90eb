//! The owner of a right to access shared memory.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use zerocopy::{FromBytes, IntoBytes};

use crate::access::{Access, Copyable, ReadOnly, ReadWrite, RestrictAccess, WriteOnly};
use crate::ptr::ExternallySharedPtr;

/// A reference to shared memory, valid for `'a`, for the accesses in `A`. Unless it is read-only it
/// is the only one in this program, as `&mut` would be; outsiders are the exception.
pub struct ExternallySharedRef<'a, T: ?Sized, A = ReadWrite> {
    pointer: NonNull<T>,
    phantom: PhantomData<(&'a (), A)>,
}

// SAFETY: the memory is shared with strangers anyway; all access is by copy.
unsafe impl<T: Sync + ?Sized, A> Send for ExternallySharedRef<'_, T, A> {}

// SAFETY: as above.
unsafe impl<T: Sync + ?Sized, A> Sync for ExternallySharedRef<'_, T, A> {}

impl<T: ?Sized, A: Copyable> Clone for ExternallySharedRef<'_, T, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, A: Copyable> Copy for ExternallySharedRef<'_, T, A> {}

impl<T: ?Sized, A> fmt::Debug for ExternallySharedRef<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.pointer, f)
    }
}

impl<'a, T: ?Sized> ExternallySharedRef<'a, T> {
    /// A reference for reading and writing.
    ///
    /// # Safety
    ///
    /// As [`ExternallySharedRef::new_restricted`].
    pub const unsafe fn new(pointer: NonNull<T>) -> Self {
        Self { pointer, phantom: PhantomData }
    }

    /// A reference for reading.
    ///
    /// # Safety
    ///
    /// As [`ExternallySharedRef::new_restricted`].
    pub const unsafe fn new_read_only(pointer: NonNull<T>) -> ExternallySharedRef<'a, T, ReadOnly> {
        ExternallySharedRef { pointer, phantom: PhantomData }
    }

    /// A reference for the accesses in `access`.
    ///
    /// # Safety
    ///
    /// For `'a`, `pointer` is aligned and points to mapped memory of `T`'s size that allows these
    /// accesses and that no Rust reference refers to.
    pub const unsafe fn new_restricted<A: Access>(
        _access: A,
        pointer: NonNull<T>,
    ) -> ExternallySharedRef<'a, T, A> {
        ExternallySharedRef { pointer, phantom: PhantomData }
    }

    /// Treats private memory as shared, for reading.
    pub fn from_ref(reference: &'a T) -> ExternallySharedRef<'a, T, ReadOnly>
    where
        T: FromBytes + IntoBytes,
    {
        ExternallySharedRef { pointer: NonNull::from(reference), phantom: PhantomData }
    }

    /// Treats private memory as shared.
    pub fn from_mut_ref(reference: &'a mut T) -> Self
    where
        T: FromBytes + IntoBytes,
    {
        Self { pointer: NonNull::from(reference), phantom: PhantomData }
    }
}

impl<'a, T: ?Sized, A> ExternallySharedRef<'a, T, A> {
    /// A read-only reference that borrows this one.
    pub fn borrow(&self) -> ExternallySharedRef<'_, T, A::Restricted>
    where
        A: RestrictAccess<ReadOnly>,
    {
        ExternallySharedRef { pointer: self.pointer, phantom: PhantomData }
    }

    /// A reference that borrows this one.
    pub fn borrow_mut(&mut self) -> ExternallySharedRef<'_, T, A> {
        ExternallySharedRef { pointer: self.pointer, phantom: PhantomData }
    }

    /// A read-only pointer.
    #[inline(always)]
    pub fn as_ptr(&self) -> ExternallySharedPtr<'_, T, A::Restricted>
    where
        A: RestrictAccess<ReadOnly>,
    {
        ExternallySharedPtr::from_valid(self.pointer)
    }

    /// A pointer.
    #[inline(always)]
    pub fn as_mut_ptr(&mut self) -> ExternallySharedPtr<'_, T, A> {
        ExternallySharedPtr::from_valid(self.pointer)
    }

    /// A pointer for as long as the memory is valid.
    #[inline(always)]
    pub fn into_ptr(self) -> ExternallySharedPtr<'a, T, A> {
        ExternallySharedPtr::from_valid(self.pointer)
    }

    /// Gives up the accesses that `To` does not have.
    pub fn restrict<To>(self) -> ExternallySharedRef<'a, T, A::Restricted>
    where
        A: RestrictAccess<To>,
    {
        ExternallySharedRef { pointer: self.pointer, phantom: PhantomData }
    }
}

impl<'a, T: ?Sized> ExternallySharedRef<'a, T, ReadWrite> {
    /// Gives up writing.
    pub fn read_only(self) -> ExternallySharedRef<'a, T, ReadOnly> {
        self.restrict::<ReadOnly>()
    }

    /// Gives up reading.
    pub fn write_only(self) -> ExternallySharedRef<'a, T, WriteOnly> {
        self.restrict::<WriteOnly>()
    }
}
