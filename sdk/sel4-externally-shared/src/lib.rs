//! Typed access to memory that somebody else reads and writes at the same time: another protection
//! domain, or a device.
//!
//! [`ExternallySharedRef`] owns the right to access, [`ExternallySharedPtr`] is its copyable view.
//! Values go in and out by copy only, as types that are valid for any bytes (`zerocopy`). Three
//! promises hold:
//!
//! * No Rust reference to the memory is formed, so the compiler may not assume that it stays as it is.
//! * A value is read exactly once per call. What `read` or `copy_into_slice` returned is a private
//!   copy: the compiler cannot go back to the shared memory for it.
//! * An index outside the memory never reaches it: operations named as upstream's panic, their
//!   `try_`/`get` twins answer `None` or [`OutOfBounds`].
//!
//! Plain reads and writes carry no ordering and large values may be torn; use the `atomic_*`
//! operations for whatever a peer is synchronised with.
//!
//! The names are those of rust-sel4: `ExternallyShared*` as it was first called there, `SharedMemory*`
//! as it is called since version 5.

#![no_std]

#[cfg(test)]
extern crate std;

pub mod access;
mod atomic;
mod bulk;
mod index;
mod ptr;
mod reference;
mod slice;
#[cfg(test)]
mod tests;

pub use atomic::Atomic;
pub use index::SliceIndex;
pub use ptr::ExternallySharedPtr;
pub use reference::ExternallySharedRef;
pub use slice::OutOfBounds;

/// rust-sel4 5.0's name for [`ExternallySharedRef`].
pub type SharedMemoryRef<'a, T, A = access::ReadWrite> = ExternallySharedRef<'a, T, A>;

/// rust-sel4 5.0's name for [`ExternallySharedPtr`].
pub type SharedMemoryPtr<'a, T, A = access::ReadWrite> = ExternallySharedPtr<'a, T, A>;

#[doc(hidden)]
pub mod _private {
    use core::ptr::NonNull;

    /// Ties a pointer's target type to that of a shared pointer, for `map_field!`.
    pub fn same_target<T: ?Sized, A>(_: super::ExternallySharedPtr<'_, T, A>, _: NonNull<T>) {}
}
