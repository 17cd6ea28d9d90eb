//! From the kernel's first instruction to the event loop.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::debug_println;
use crate::handler::{Handler, run};
use crate::panicking;
use crate::symbols::Patched;

/// The IPC buffer lies one guard page above the stack that the image tool maps.
#[cfg(target_os = "none")]
const STACK_TOP_TO_IPC_BUFFER_BYTES: usize = 0x1000;

/// Where `link.ld` puts `_start` in every PD: what [`Child::restart`](crate::Child::restart) takes.
pub const ENTRY_POINT: u64 = 0x20_0000;

/// Lowest address and bytes of the region that is this PD's stack; zero for the kernel's own stack.
/// `_start` reads them.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".setvars")]
#[allow(non_upper_case_globals, reason = "named in the system description")]
static stack_vaddr: Patched<u64> = Patched::new(0);
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".setvars")]
#[allow(non_upper_case_globals, reason = "named in the system description")]
static stack_size: Patched<u64> = Patched::new(0);

/// The stack pointer at entry. The same for every PD of a board, hence also for children.
static INITIAL_STACK_TOP: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn initial_stack_top() -> usize {
    INITIAL_STACK_TOP.load(Ordering::Relaxed)
}

// Entered with the kernel's stack pointer and zero elsewhere, for the first time or again. Uses
// general-purpose registers only, since a PD may run without floating point. First entry: .data is
// copied aside and the flag at __data_saved set. Later entries: the copy is put back. Sections are
// 16-byte aligned and a multiple of 16 bytes long.
#[cfg(target_os = "none")]
core::arch::global_asm!(
    r#"
    .section .text._start, "ax"
    .global _start
    .type _start, %function
_start:
    mov x19, sp

    adrp x0, __bss_start
    add x0, x0, :lo12:__bss_start
    adrp x1, __bss_end
    add x1, x1, :lo12:__bss_end
1:  cmp x0, x1
    b.hs 2f
    stp xzr, xzr, [x0], #16
    b 1b

2:  adrp x0, __data_start
    add x0, x0, :lo12:__data_start
    adrp x1, __data_copy
    add x1, x1, :lo12:__data_copy
    adrp x2, __data_end
    add x2, x2, :lo12:__data_end
    sub x2, x2, x0
    adrp x3, __data_saved
    add x3, x3, :lo12:__data_saved
    ldr x4, [x3]
    cbz x4, 3f
    // Later entry: swap source and destination.
    mov x5, x0
    mov x0, x1
    mov x1, x5
3:  cbz x2, 4f
    ldp x6, x7, [x0], #16
    stp x6, x7, [x1], #16
    sub x2, x2, #16
    b 3b
4:  mov x4, #1
    str x4, [x3]

    // The program's own stack, else the region that the system description names, else the kernel's.
    adrp x0, __sel4_microkit_stack_top
    ldr x0, [x0, :lo12:__sel4_microkit_stack_top]
    cbnz x0, 5f
    adrp x0, stack_vaddr
    ldr x0, [x0, :lo12:stack_vaddr]
    cbz x0, 6f
    adrp x1, stack_size
    ldr x1, [x1, :lo12:stack_size]
    add x0, x0, x1
5:  mov sp, x0
6:  mov x0, x19
    mov x29, xzr
    mov x30, xzr
    b {entry}
    .size _start, . - _start
    "#,
    entry = sym enter,
);

#[cfg(target_os = "none")]
unsafe extern "Rust" {
    /// Defined by `declare_protection_domain!`.
    safe fn __sel4_microkit_main() -> !;
}

/// First Rust code, with memory in its initial state.
#[cfg(target_os = "none")]
extern "C" fn enter(stack_top: usize) -> ! {
    INITIAL_STACK_TOP.store(stack_top, Ordering::Relaxed);
    // SAFETY: Microkit maps the IPC buffer there for the PD's whole life.
    unsafe { sel4::set_ipc_buffer(stack_top + STACK_TOP_TO_IPC_BUFFER_BYTES) };
    __sel4_microkit_main()
}

#[doc(hidden)]
pub fn run_main<H: Handler>(init: impl FnOnce() -> H) -> ! {
    let error = run(&mut init());
    debug_println!("{}: ended with error: {error}", crate::pd_name().unwrap_or("?"));
    panicking::abort()
}

/// A static stack.
#[doc(hidden)]
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Stack<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

// SAFETY: only the stack pointer refers to it.
unsafe impl<const BYTES: usize> Sync for Stack<BYTES> {}

impl<const BYTES: usize> Stack<BYTES> {
    #[doc(hidden)]
    pub const fn new() -> Self {
        assert!(BYTES.is_multiple_of(16) && BYTES > 0, "stack_size is a multiple of 16");
        Self(UnsafeCell::new([0; BYTES]))
    }

    #[doc(hidden)]
    pub const fn top(&'static self) -> StackTop {
        StackTop(self.0.get().cast::<u8>().wrapping_add(BYTES))
    }
}

/// Where `_start` puts the stack pointer; null keeps the kernel's.
#[doc(hidden)]
#[repr(transparent)]
#[derive(Debug)]
pub struct StackTop(*mut u8);

// SAFETY: an address, read by `_start` only.
unsafe impl Sync for StackTop {}

impl StackTop {
    #[doc(hidden)]
    pub const KERNEL: Self = Self(core::ptr::null_mut());
}

/// What `#[protection_domain]` expands to.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_protection_domain {
    (init = $init:expr $(,)?) => {
        $crate::declare_protection_domain! { @stack $crate::_private::StackTop::KERNEL, $init }
    };
    (init = $init:expr, stack_size = $stack_size:expr $(,)?) => {
        $crate::declare_protection_domain! {
            @stack {
                #[unsafe(link_section = ".stack")]
                static STACK: $crate::_private::Stack<{ $stack_size }> =
                    $crate::_private::Stack::new();
                STACK.top()
            },
            $init
        }
    };
    (init = $init:expr, $(stack_size = $stack_size:expr,)? heap_size = $heap_size:expr $(,)?) => {
        const _: () = {
            static ARENA: $crate::_private::Arena<{ $heap_size }> = $crate::_private::Arena::new();
            #[global_allocator]
            static HEAP: $crate::_private::StaticHeap = $crate::_private::StaticHeap::new(&ARENA);
        };
        $crate::declare_protection_domain! { init = $init, $(stack_size = $stack_size)? }
    };
    (@stack $top:expr, $init:expr) => {
        const _: () = {
            #[used]
            #[unsafe(no_mangle)]
            static __sel4_microkit_stack_top: $crate::_private::StackTop = $top;

            #[unsafe(no_mangle)]
            fn __sel4_microkit_main() -> ! {
                $crate::_private::run_main($init)
            }
        };
    };
}
