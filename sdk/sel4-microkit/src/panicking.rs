//! What happens on a panic: the hook runs, then `brk #1` hands the PD to its parent or the monitor.

use core::cell::Cell;
use core::convert::Infallible;
use core::panic::{PanicInfo, UnwindSafe};

use crate::{debug_println, pd_name};

/// Called with the panic before the PD aborts.
pub type PanicHook = &'static (dyn Fn(&PanicInfo<'_>) + Send + Sync);

struct State {
    hook: Cell<PanicHook>,
    #[cfg(target_os = "none")]
    panicking: Cell<bool>,
}

// SAFETY: a PD has one thread.
unsafe impl Sync for State {}

static STATE: State = State {
    hook: Cell::new(&default_hook),
    #[cfg(target_os = "none")]
    panicking: Cell::new(false),
};

/// Replaces the hook. The default prints the PD's name and the panic on the kernel's console.
pub fn set_hook(hook: PanicHook) {
    STATE.hook.set(hook);
}

fn default_hook(info: &PanicInfo<'_>) {
    debug_println!("{}: {info}", pd_name().unwrap_or("?"));
}

/// Runs `f`. Panics abort, so it always returns `Ok`; kept for sources that also build with
/// unwinding.
///
/// # Errors
///
/// Never.
pub fn catch_unwind<R, F: FnOnce() -> R + UnwindSafe>(f: F) -> Result<R, Infallible> {
    Ok(f())
}

/// Ends the PD with a fault that its parent sees.
#[cfg(target_os = "none")]
pub fn abort() -> ! {
    // SAFETY: raises an exception; control does not come back unless a parent steps over it, and
    // then it arrives here again.
    unsafe { core::arch::asm!("2: brk #1", "b 2b", options(noreturn, nostack)) }
}

/// Ends the test program.
#[cfg(not(target_os = "none"))]
pub fn abort() -> ! {
    panic!("the protection domain aborted")
}

/// A panic inside the hook skips it.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if !STATE.panicking.replace(true) {
        STATE.hook.get()(info);
    }
    abort()
}
