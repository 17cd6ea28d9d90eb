//! The kernel's debug console.

use core::fmt::{self, Write};

struct DebugConsole;

impl Write for DebugConsole {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(sel4::debug_put_char);
        Ok(())
    }
}

#[doc(hidden)]
pub fn print(arguments: fmt::Arguments<'_>) {
    // The console never fails; a `Display` that does loses its own text only.
    let _ = DebugConsole.write_fmt(arguments);
}

/// Prints on the kernel's console under a debug kernel; does nothing under others.
#[macro_export]
macro_rules! debug_print {
    ($($arg:tt)*) => {
        if $crate::_private::PRINTING {
            $crate::_private::print(::core::format_args!($($arg)*));
        }
    };
}

/// As [`debug_print!`], with a newline.
#[macro_export]
macro_rules! debug_println {
    () => { $crate::debug_print!("\n") };
    ($($arg:tt)*) => {
        $crate::debug_print!("{}\n", ::core::format_args!($($arg)*))
    };
}
