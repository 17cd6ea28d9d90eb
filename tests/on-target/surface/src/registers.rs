//! Which registers the kernel changes in a system call. The runtime relies on it to change no others.

use core::arch::naked_asm;

/// An instruction, then another, for each of x8–x28 and x6.
macro_rules! for_each_register {
    ($prefix:literal, $suffix:literal) => {
        for_each_register! {
            @ $prefix, $suffix, "6" "8" "9" "10" "11" "12" "13" "14" "15" "16" "17" "18" "19" "20"
            "21" "22" "23" "24" "25" "26" "27" "28"
        }
    };
    (@ $prefix:literal, $suffix:literal, $($number:literal)*) => {
        concat!($($prefix, $number, ", #", $number, "\n", $suffix, "\n"),*)
    };
}

macro_rules! count_changed {
    ($(#[$doc:meta])* $name:ident: $setup:literal, $check:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// The capability and tag make a system call that returns.
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name(_cptr: u64, _tag: u64) -> u64 {
            naked_asm!(
                "stp x19, x20, [sp, #-112]!",
                "stp x21, x22, [sp, #16]",
                "stp x23, x24, [sp, #32]",
                "stp x25, x26, [sp, #48]",
                "stp x27, x28, [sp, #64]",
                "stp x29, x30, [sp, #80]",
                for_each_register!("mov x", ""),
                $setup,
                "svc #0",
                "mov x29, #0",
                for_each_register!("cmp x", "cinc x29, x29, ne"),
                $check,
                "mov x0, x29",
                "ldp x21, x22, [sp, #16]",
                "ldp x23, x24, [sp, #32]",
                "ldp x25, x26, [sp, #48]",
                "ldp x27, x28, [sp, #64]",
                "ldp x29, x30, [sp, #80]",
                "ldp x19, x20, [sp], #112",
                "ret",
            )
        }
    };
}

count_changed! {
    /// Calls; counts how many of x6–x28 changed.
    count_changed_by_call:
    "mov x7, #-1",
    "cmn x7, #1
     cinc x29, x29, ne"
}

count_changed! {
    /// Sends; counts how many of x0–x28 changed. The capability is one below 65536, the tag 0.
    count_changed_by_send:
    "str x0, [sp, #96]
     mov x2, #2
     mov x3, #3
     mov x4, #4
     mov x5, #5
     mov x7, #-5",
    "ldr x30, [sp, #96]
     cmp x0, x30
     cinc x29, x29, ne
     cmp x1, #0
     cinc x29, x29, ne
     cmp x2, #2
     cinc x29, x29, ne
     cmp x3, #3
     cinc x29, x29, ne
     cmp x4, #4
     cinc x29, x29, ne
     cmp x5, #5
     cinc x29, x29, ne
     cmn x7, #5
     cinc x29, x29, ne"
}
