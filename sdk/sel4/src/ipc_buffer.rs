//! The IPC buffer: message registers 4–119, and the home of 0–3 between system calls.
//!
//! No Rust reference to the buffer is ever formed: the kernel writes it during system calls.

use core::ptr::{self, NonNull};
#[cfg(target_os = "none")]
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::svc::FastRegisters;
use crate::{MSG_MAX_LENGTH, MessageInfo, Word};

/// The buffer's layout up to the message registers.
#[repr(C)]
struct Layout {
    tag: Word,
    mrs: [Word; MSG_MAX_LENGTH],
}

#[cfg(target_os = "none")]
static IPC_BUFFER: AtomicPtr<Layout> = AtomicPtr::new(ptr::null_mut());

/// Handle on this thread's IPC buffer.
#[derive(Debug, Clone, Copy)]
pub struct IpcBuffer(NonNull<Layout>);

/// Tells the crate where the thread's IPC buffer is mapped. The runtime does so before `init`.
///
/// # Safety
///
/// `address` is this thread's IPC buffer, mapped for as long as the thread runs.
#[cfg(target_os = "none")]
pub unsafe fn set_ipc_buffer(address: usize) {
    IPC_BUFFER.store(ptr::with_exposed_provenance_mut(address), Ordering::Relaxed);
}

/// The IPC buffer.
#[cfg(target_os = "none")]
#[inline(always)]
pub fn ipc_buffer() -> IpcBuffer {
    let buffer = IPC_BUFFER.load(Ordering::Relaxed);
    // SAFETY: `set_ipc_buffer` ran before any code that can get here.
    IpcBuffer(unsafe { NonNull::new_unchecked(buffer) })
}

/// The IPC buffer: on the host each thread has one of its own, which is never freed.
#[cfg(not(target_os = "none"))]
pub fn ipc_buffer() -> IpcBuffer {
    std::thread_local! {
        static BUFFER: IpcBuffer = {
            let layout = std::boxed::Box::new(Layout { tag: 0, mrs: [0; MSG_MAX_LENGTH] });
            IpcBuffer(NonNull::from(std::boxed::Box::leak(layout)))
        };
    }
    BUFFER.with(|&buffer| buffer)
}

impl IpcBuffer {
    #[inline(always)]
    fn mrs(self) -> *mut Word {
        // SAFETY: the buffer holds a `Layout`.
        unsafe { (&raw mut (*self.0.as_ptr()).mrs).cast() }
    }

    /// Message register `index`.
    ///
    /// # Panics
    ///
    /// From index [`MSG_MAX_LENGTH`] on.
    #[inline(always)]
    pub fn mr(self, index: usize) -> Word {
        assert!(index < MSG_MAX_LENGTH, "message register out of range");
        // SAFETY: inside `mrs`, as just checked.
        let register = unsafe { self.mrs().add(index) };
        // SAFETY: mapped for the life of the thread.
        unsafe { register.read() }
    }

    /// Sets message register `index`.
    ///
    /// # Panics
    ///
    /// From index [`MSG_MAX_LENGTH`] on.
    #[inline(always)]
    pub fn set_mr(self, index: usize, value: Word) {
        assert!(index < MSG_MAX_LENGTH, "message register out of range");
        // SAFETY: inside `mrs`, as just checked.
        let register = unsafe { self.mrs().add(index) };
        // SAFETY: mapped for the life of the thread; no reference to it exists.
        unsafe { register.write(value) }
    }

    /// The registers that go into machine registers.
    #[inline(always)]
    pub fn fast_mrs(self) -> FastRegisters {
        // SAFETY: `mrs` is longer than this and mapped for the life of the thread.
        unsafe { self.mrs().cast::<FastRegisters>().read() }
    }

    /// Puts back what came in machine registers.
    #[inline(always)]
    pub fn set_fast_mrs(self, mrs: FastRegisters) {
        // SAFETY: as `fast_mrs`; no reference to it exists.
        unsafe { self.mrs().cast::<FastRegisters>().write(mrs) }
    }

    /// Copies out the first `mrs.len()` message registers; those beyond the buffer stay untouched.
    pub fn read(self, mrs: &mut [Word]) {
        let count = mrs.len().min(MSG_MAX_LENGTH);
        // SAFETY: both ranges hold `count` words, and a caller's slice is never in the IPC buffer.
        unsafe { ptr::copy_nonoverlapping(self.mrs(), mrs.as_mut_ptr(), count) }
    }

    /// Copies in the first message registers, at most [`MSG_MAX_LENGTH`].
    pub fn write(self, mrs: &[Word]) {
        let count = mrs.len().min(MSG_MAX_LENGTH);
        // SAFETY: both ranges hold `count` words, and a caller's slice is never in the IPC buffer.
        unsafe { ptr::copy_nonoverlapping(mrs.as_ptr(), self.mrs(), count) }
    }

    /// A message's registers, all of them, with those beyond its length zero.
    pub fn message(self, info: MessageInfo) -> [Word; MSG_MAX_LENGTH] {
        let mut mrs = [0; MSG_MAX_LENGTH];
        if let Some(filled) = mrs.get_mut(..info.length()) {
            self.read(filled);
        }
        mrs
    }
}
