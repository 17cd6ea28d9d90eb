//! The heap of `#[protection_domain(heap_size = ...)]`: dlmalloc over one static array.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::ptr;

use dlmalloc::{Allocator, Dlmalloc};

const PAGE_BYTES: usize = 4096;

/// The memory behind a heap.
#[repr(C, align(4096))]
#[derive(Debug)]
pub struct Arena<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

// SAFETY: only the heap that was built from it refers to it.
unsafe impl<const BYTES: usize> Sync for Arena<BYTES> {}

impl<const BYTES: usize> Arena<BYTES> {
    /// Zeroed memory.
    #[expect(clippy::new_without_default, reason = "used in statics only")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new([0; BYTES]))
    }
}

/// A global allocator over one arena.
pub struct StaticHeap(UnsafeCell<Dlmalloc<Source>>);

// SAFETY: a PD has one thread, and allocation does not re-enter.
unsafe impl Sync for StaticHeap {}

impl StaticHeap {
    /// A heap over `arena`, which must not be given to another.
    pub const fn new<const BYTES: usize>(arena: &'static Arena<BYTES>) -> Self {
        let source = Source { start: Cell::new(arena.0.get().cast()), length_bytes: BYTES };
        let mut dlmalloc = Dlmalloc::new_with_allocator(source);
        assert!(dlmalloc.set_granularity(PAGE_BYTES), "a page is a power of two");
        Self(UnsafeCell::new(dlmalloc))
    }
}

impl fmt::Debug for StaticHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticHeap")
    }
}

// SAFETY: dlmalloc keeps the contract; no other reference to it exists during a call, since a PD has
// one thread and dlmalloc calls nothing but `Source`.
unsafe impl GlobalAlloc for StaticHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: see above.
        let dlmalloc = unsafe { &mut *self.0.get() };
        // SAFETY: forwarded.
        unsafe { dlmalloc.malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: see above.
        let dlmalloc = unsafe { &mut *self.0.get() };
        // SAFETY: forwarded.
        unsafe { dlmalloc.free(block, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: see above.
        let dlmalloc = unsafe { &mut *self.0.get() };
        // SAFETY: forwarded.
        unsafe { dlmalloc.calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: see above.
        let dlmalloc = unsafe { &mut *self.0.get() };
        // SAFETY: forwarded.
        unsafe { dlmalloc.realloc(block, layout.size(), layout.align(), new_size) }
    }
}

/// Hands the arena to dlmalloc, once and whole.
struct Source {
    start: Cell<*mut u8>,
    length_bytes: usize,
}

// SAFETY: a PD has one thread.
unsafe impl Send for Source {}

// SAFETY: hands out one page-aligned static array, at most once, and takes nothing back.
unsafe impl Allocator for Source {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if size > self.length_bytes {
            return (ptr::null_mut(), 0, 0);
        }
        (self.start.replace(ptr::null_mut()), self.length_bytes, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        false
    }

    fn page_size(&self) -> usize {
        PAGE_BYTES
    }
}
