//! The machine under the kernel logic: QEMU `virt`.

use core::arch::asm;

use model::machine::{CacheOperation, Machine};
use model::object::{Id as _, OBJECT_COUNT, ThreadId};

use crate::{gic, uart, vspace};

/// What the machine keeps per PD.
#[derive(Clone, Copy)]
struct Space {
    /// Root of the page tables.
    root: u64,
    /// Physical address of the IPC buffer.
    ipc_buffer: u64,
}

/// The machine.
pub(crate) struct Board {
    spaces: [Space; OBJECT_COUNT],
    /// Root of the current address space.
    current: u64,
}

impl Board {
    /// Without PDs.
    pub(crate) const fn new() -> Self {
        Self { spaces: [Space { root: 0, ipc_buffer: 0 }; OBJECT_COUNT], current: 0 }
    }

    /// Adds the address space of a PD.
    pub(crate) fn add(&mut self, thread: ThreadId, root: u64, ipc_buffer: u64) {
        self.spaces[thread.index()] = Space { root, ipc_buffer };
    }

    fn buffer_word(&self, thread: ThreadId, word: usize) -> *mut u64 {
        let buffer = self.spaces[thread.index()].ipc_buffer as *mut u64;
        buffer.wrapping_add(word % 128)
    }
}

impl Machine for Board {
    fn now(&mut self) -> u64 {
        let ticks;
        // SAFETY: reading the counter has no side effect.
        unsafe { asm!("mrs {}, cntpct_el0", out(reg) ticks, options(nomem, nostack)) };
        ticks
    }

    fn set_deadline(&mut self, deadline: u64) {
        // SAFETY: the hypervisor timer is the kernel's own.
        unsafe { asm!("msr cnthp_cval_el2, {}", "isb", in(reg) deadline, options(nostack)) };
    }

    fn enter_vspace(&mut self, thread: ThreadId) {
        let root = self.spaces[thread.index()].root;
        if root != self.current {
            self.current = root;
            vspace::enter(root, thread.0 + 1);
        }
    }

    fn read_buffer(&self, thread: ThreadId, word: usize) -> u64 {
        // SAFETY: the boot specification was checked to put the IPC buffer on a page of RAM that is
        // not the kernel's, the index is within it, and PDs do not run meanwhile.
        unsafe { self.buffer_word(thread, word).read() }
    }

    fn write_buffer(&mut self, thread: ThreadId, word: usize, value: u64) {
        // SAFETY: as for `read_buffer`.
        unsafe { self.buffer_word(thread, word).write(value) };
    }

    fn mask_irq(&mut self, intid: u32, masked: bool) {
        gic::mask(intid, masked);
    }

    fn page_bits(&self, thread: ThreadId, vaddr: u64) -> Option<u8> {
        vspace::walk(self.spaces[thread.index()].root, vaddr).map(|(_, bits)| bits)
    }

    fn maintain_cache(
        &mut self,
        thread: ThreadId,
        operation: CacheOperation,
        start: u64,
        end: u64,
    ) {
        if let Some((paddr, _)) = vspace::walk(self.spaces[thread.index()].root, start) {
            vspace::maintain_cache(operation, paddr, end - start);
        }
    }

    fn put_char(&mut self, byte: u8) {
        uart::put_char(byte);
    }

    fn halt(&mut self) {
        halt();
    }
}

/// Sleeps until an interrupt is pending, even though interrupts are masked.
pub(crate) fn wait_for_interrupt() {
    // SAFETY: waiting has no preconditions.
    unsafe { asm!("dsb sy", "wfi") };
}

/// Stops for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: waiting has no preconditions; interrupts stay masked, so nothing follows.
        unsafe { asm!("wfi") };
    }
}
