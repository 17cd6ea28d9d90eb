//! What a program without an operating system has to bring along.

use core::fmt::Write;
use core::hint::black_box;

/// Takes error messages, so that their formatting is linked too.
pub struct Sink;

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        black_box(text);
        Ok(())
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
