//! Atomic operations on shared integers.

use core::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize, Ordering,
};

use crate::access::{Readable, Writable};
use crate::ptr::ExternallySharedPtr;

/// A type that can be accessed atomically: an integer, or the atomic of one. Sealed.
pub trait Atomic: private::Sealed {
    /// The integer.
    type Value: Copy;
}

mod private {
    use core::sync::atomic::Ordering;

    /// One atomic instruction each.
    ///
    /// # Safety
    ///
    /// Implementors have the layout of `Value`. All functions: the pointer is aligned, and mapped for
    /// the access.
    pub unsafe trait Sealed {
        type Integer: Copy;
        unsafe fn load(this: *mut Self, order: Ordering) -> Self::Integer;
        unsafe fn store(this: *mut Self, value: Self::Integer, order: Ordering);
        unsafe fn modify(
            this: *mut Self,
            operation: super::Operation,
            value: Self::Integer,
            order: Ordering,
        ) -> Self::Integer;
        unsafe fn compare_exchange(
            this: *mut Self,
            weak: bool,
            exchange: (Self::Integer, Self::Integer),
            orders: (Ordering, Ordering),
        ) -> Result<Self::Integer, Self::Integer>;
    }
}

/// A read-modify-write.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    Swap,
    Add,
    Sub,
    And,
    Nand,
    Or,
    Xor,
    Max,
    Min,
}

macro_rules! atomics {
    ($($integer:ident $atomic:ident,)*) => {$(
        atomics! { @one $integer, $integer, $atomic }
        atomics! { @one $atomic, $integer, $atomic }
    )*};
    (@one $type:ident, $integer:ident, $atomic:ident) => {
        impl Atomic for $type {
            type Value = $integer;
        }

        // SAFETY: an atomic has its integer's layout.
        unsafe impl private::Sealed for $type {
            type Integer = $integer;

            #[inline(always)]
            unsafe fn load(this: *mut Self, order: Ordering) -> $integer {
                // SAFETY: the caller's promise.
                unsafe { $atomic::from_ptr(this.cast()) }.load(order)
            }

            #[inline(always)]
            unsafe fn store(this: *mut Self, value: $integer, order: Ordering) {
                // SAFETY: the caller's promise.
                unsafe { $atomic::from_ptr(this.cast()) }.store(value, order)
            }

            #[inline(always)]
            unsafe fn modify(
                this: *mut Self,
                operation: Operation,
                value: $integer,
                order: Ordering,
            ) -> $integer {
                // SAFETY: the caller's promise.
                let atomic = unsafe { $atomic::from_ptr(this.cast()) };
                match operation {
                    Operation::Swap => atomic.swap(value, order),
                    Operation::Add => atomic.fetch_add(value, order),
                    Operation::Sub => atomic.fetch_sub(value, order),
                    Operation::And => atomic.fetch_and(value, order),
                    Operation::Nand => atomic.fetch_nand(value, order),
                    Operation::Or => atomic.fetch_or(value, order),
                    Operation::Xor => atomic.fetch_xor(value, order),
                    Operation::Max => atomic.fetch_max(value, order),
                    Operation::Min => atomic.fetch_min(value, order),
                }
            }

            #[inline(always)]
            unsafe fn compare_exchange(
                this: *mut Self,
                weak: bool,
                (current, new): ($integer, $integer),
                (success, failure): (Ordering, Ordering),
            ) -> Result<$integer, $integer> {
                // SAFETY: the caller's promise.
                let atomic = unsafe { $atomic::from_ptr(this.cast()) };
                if weak {
                    atomic.compare_exchange_weak(current, new, success, failure)
                } else {
                    atomic.compare_exchange(current, new, success, failure)
                }
            }
        }
    };
}

atomics! {
    u8 AtomicU8, u16 AtomicU16, u32 AtomicU32, u64 AtomicU64, usize AtomicUsize,
    i8 AtomicI8, i16 AtomicI16, i32 AtomicI32, i64 AtomicI64, isize AtomicIsize,
}

macro_rules! modify_operations {
    ($($(#[$doc:meta])* $name:ident = $operation:ident;)*) => {
        impl<T, V: Copy, A: Readable + Writable> ExternallySharedPtr<'_, T, A>
        where
            T: Atomic<Value = V> + private::Sealed<Integer = V>,
        {
            $($(#[$doc])*
            ///
            /// Returns the value before.
            #[inline(always)]
            pub fn $name(self, value: V, order: Ordering) -> V {
                // SAFETY: the constructor's contract.
                unsafe { T::modify(self.as_raw_ptr().as_ptr(), Operation::$operation, value, order) }
            })*
        }
    };
}

modify_operations! {
    /// Replaces the value.
    atomic_swap = Swap;
    /// Adds, wrapping around.
    atomic_fetch_add = Add;
    /// Subtracts, wrapping around.
    atomic_fetch_sub = Sub;
    /// Bitwise and.
    atomic_fetch_and = And;
    /// Bitwise and, inverted.
    atomic_fetch_nand = Nand;
    /// Bitwise or.
    atomic_fetch_or = Or;
    /// Bitwise exclusive or.
    atomic_fetch_xor = Xor;
    /// The larger value.
    atomic_fetch_max = Max;
    /// The smaller value.
    atomic_fetch_min = Min;
}

impl<T, V: Copy, A> ExternallySharedPtr<'_, T, A>
where
    T: Atomic<Value = V> + private::Sealed<Integer = V>,
{
    /// Reads.
    ///
    /// # Panics
    ///
    /// When `order` is `Release` or `AcqRel`.
    #[inline(always)]
    pub fn atomic_load(self, order: Ordering) -> V
    where
        A: Readable,
    {
        // SAFETY: the constructor's contract.
        unsafe { T::load(self.as_raw_ptr().as_ptr(), order) }
    }

    /// Writes.
    ///
    /// # Panics
    ///
    /// When `order` is `Acquire` or `AcqRel`.
    #[inline(always)]
    pub fn atomic_store(self, value: V, order: Ordering)
    where
        A: Writable,
    {
        // SAFETY: the constructor's contract.
        unsafe { T::store(self.as_raw_ptr().as_ptr(), value, order) }
    }

    /// Writes `new` if the value is `current`.
    ///
    /// # Errors
    ///
    /// The value found, if another.
    #[inline(always)]
    pub fn atomic_compare_exchange(
        self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V>
    where
        A: Readable + Writable,
    {
        let pointer = self.as_raw_ptr().as_ptr();
        // SAFETY: the constructor's contract.
        unsafe { T::compare_exchange(pointer, false, (current, new), (success, failure)) }
    }

    /// As [`Self::atomic_compare_exchange`], but may fail for no reason.
    ///
    /// # Errors
    ///
    /// The value found.
    #[inline(always)]
    pub fn atomic_compare_exchange_weak(
        self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V>
    where
        A: Readable + Writable,
    {
        let pointer = self.as_raw_ptr().as_ptr();
        // SAFETY: the constructor's contract.
        unsafe { T::compare_exchange(pointer, true, (current, new), (success, failure)) }
    }

    /// Replaces the value by `f` of it until no other writer interferes, or `f` refuses.
    ///
    /// # Errors
    ///
    /// The value that `f` refused.
    pub fn atomic_fetch_update<F>(
        self,
        set_order: Ordering,
        fetch_order: Ordering,
        mut f: F,
    ) -> Result<V, V>
    where
        A: Readable + Writable,
        F: FnMut(V) -> Option<V>,
    {
        let mut current = self.atomic_load(fetch_order);
        while let Some(new) = f(current) {
            match self.atomic_compare_exchange_weak(current, new, set_order, fetch_order) {
                Ok(before) => return Ok(before),
                Err(found) => current = found,
            }
        }
        Err(current)
    }
}
