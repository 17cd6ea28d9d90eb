//! The counter that every PD may read.

/// The counter, read in program order.
#[cfg(target_os = "none")]
pub fn ticks() -> u64 {
    let ticks: u64;
    // SAFETY: reads the counter.
    unsafe { core::arch::asm!("isb", "mrs {}, cntpct_el0", out(reg) ticks, options(nostack)) };
    ticks
}

/// Stands still on the host.
#[cfg(not(target_os = "none"))]
pub fn ticks() -> u64 {
    0
}

/// The counter's frequency.
#[cfg(target_os = "none")]
pub fn ticks_per_second() -> u64 {
    let frequency: u64;
    // SAFETY: reads a constant register.
    unsafe { core::arch::asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack)) };
    frequency
}

/// One tick a nanosecond on the host.
#[cfg(not(target_os = "none"))]
pub fn ticks_per_second() -> u64 {
    1_000_000_000
}

/// Nanoseconds of a number of ticks; exact for less than a minute.
pub fn nanos_from_ticks(ticks: u64) -> u64 {
    ticks.saturating_mul(1_000_000) / (ticks_per_second() / 1_000)
}

/// Does nothing, busily.
pub fn spin_for_nanos(nanos: u64) {
    let start = ticks();
    while nanos_from_ticks(ticks().wrapping_sub(start)) < nanos {
        core::hint::spin_loop();
    }
}
