//! The accesses themselves. Each byte is read once and written once, and the compiler knows nothing
//! of the values.

use core::mem::MaybeUninit;
use core::ptr;

/// Up to this size a value is moved word by word, which the compiler unrolls; from here on by the
/// copy loop.
const UNROLLED_BYTES_MAX: usize = 128;

macro_rules! copy_words {
    ($word:ty, $src:expr, $dst:expr, $bytes:expr, $read:ident, $write:ident) => {{
        let (src, dst) = ($src.cast::<$word>(), $dst.cast::<$word>());
        for index in 0..$bytes / size_of::<$word>() {
            let (src, dst) = (src.wrapping_add(index), dst.wrapping_add(index));
            // SAFETY: inside the source, which is aligned for `$word` (caller).
            let word = unsafe { src.$read() };
            // SAFETY: inside the destination, which is aligned for `$word` (caller).
            unsafe { dst.$write(word) };
        }
    }};
}

macro_rules! copy_value {
    ($type:ty, $src:expr, $dst:expr, $read:ident, $write:ident) => {
        match align_of::<$type>() {
            _ if size_of::<$type>() > UNROLLED_BYTES_MAX => {
                // SAFETY: both hold a value of the type and do not overlap (caller).
                unsafe { copy_disjoint($src.cast(), $dst.cast(), size_of::<$type>()) }
            }
            1 => copy_words!(u8, $src, $dst, size_of::<$type>(), $read, $write),
            2 => copy_words!(u16, $src, $dst, size_of::<$type>(), $read, $write),
            4 => copy_words!(u32, $src, $dst, size_of::<$type>(), $read, $write),
            _ => copy_words!(u64, $src, $dst, size_of::<$type>(), $read, $write),
        }
    };
}

/// Copies a value out of shared memory.
///
/// # Safety
///
/// `src` is aligned and readable, and any bytes there are a `T`.
#[inline(always)]
pub(crate) unsafe fn read<T>(src: *const T) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    copy_value!(T, src, value.as_mut_ptr(), read_volatile, write);
    // SAFETY: every byte was written, with bytes that are a `T`.
    unsafe { value.assume_init() }
}

/// Copies a value into shared memory.
///
/// # Safety
///
/// `dst` is aligned and writable; `T` has no uninitialised bytes.
#[inline(always)]
pub(crate) unsafe fn write<T>(dst: *mut T, value: T) {
    let value = MaybeUninit::new(value);
    copy_value!(T, value.as_ptr(), dst, read, write_volatile);
}

/// Copies bytes between shared and private memory, or shared and shared, of any alignment.
///
/// # Safety
///
/// `src` is readable and `dst` writable for `bytes`. If they overlap, which private memory never does,
/// any of the source's bytes may arrive.
#[cfg(target_arch = "aarch64")]
#[inline]
pub(crate) unsafe fn copy_disjoint(src: *const u8, dst: *mut u8, bytes: usize) {
    // SAFETY: reads `bytes` at `src` once each and writes them to `dst`, nothing else; the compiler
    // sees neither, so it can neither repeat a read nor use the source in place of the copy.
    unsafe {
        core::arch::asm!(
            "subs {bytes}, {bytes}, #64",
            "b.lo 3f",
            "2:",
            "ldp q16, q17, [{src}], #32",
            "ldp q18, q19, [{src}], #32",
            "subs {bytes}, {bytes}, #64",
            "stp q16, q17, [{dst}], #32",
            "stp q18, q19, [{dst}], #32",
            "b.hs 2b",
            // Only the low six bits of the count matter now; they are right although it is negative.
            "3:",
            "tbz {bytes}, #5, 4f",
            "ldp q16, q17, [{src}], #32",
            "stp q16, q17, [{dst}], #32",
            "4:",
            "tbz {bytes}, #4, 5f",
            "ldr q16, [{src}], #16",
            "str q16, [{dst}], #16",
            "5:",
            "tbz {bytes}, #3, 6f",
            "ldr {word}, [{src}], #8",
            "str {word}, [{dst}], #8",
            "6:",
            "tbz {bytes}, #2, 7f",
            "ldr {word:w}, [{src}], #4",
            "str {word:w}, [{dst}], #4",
            "7:",
            "tbz {bytes}, #1, 8f",
            "ldrh {word:w}, [{src}], #2",
            "strh {word:w}, [{dst}], #2",
            "8:",
            "tbz {bytes}, #0, 9f",
            "ldrb {word:w}, [{src}]",
            "strb {word:w}, [{dst}]",
            "9:",
            src = inout(reg) src => _,
            dst = inout(reg) dst => _,
            bytes = inout(reg) bytes => _,
            word = out(reg) _,
            out("v16") _,
            out("v17") _,
            out("v18") _,
            out("v19") _,
            options(nostack),
        );
    }
}

/// Copies bytes between shared and private memory, or shared and shared, of any alignment.
///
/// # Safety
///
/// `src` is readable and `dst` writable for `bytes`. If they overlap, which private memory never does,
/// any of the source's bytes may arrive.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) unsafe fn copy_disjoint(src: *const u8, dst: *mut u8, bytes: usize) {
    for index in 0..bytes {
        // SAFETY: inside both (caller).
        unsafe { copy_byte(src, dst, index) };
    }
}

/// Copies bytes within shared memory; the ranges may overlap.
///
/// # Safety
///
/// `src` is readable and `dst` writable for `bytes`.
pub(crate) unsafe fn copy_overlapping(src: *const u8, dst: *mut u8, bytes: usize) {
    let backwards = src < dst.cast_const();
    for step in 0..bytes {
        let index = if backwards { bytes - 1 - step } else { step };
        // SAFETY: inside both (caller).
        unsafe { copy_byte(src, dst, index) };
    }
}

/// Copies the byte at `index`.
///
/// # Safety
///
/// `src` is readable and `dst` writable there.
unsafe fn copy_byte(src: *const u8, dst: *mut u8, index: usize) {
    let (src, dst) = (src.wrapping_add(index), dst.wrapping_add(index));
    // SAFETY: readable (caller).
    let byte = unsafe { src.read_volatile() };
    // SAFETY: writable (caller).
    unsafe { dst.write_volatile(byte) };
}

/// Sets bytes.
///
/// # Safety
///
/// `dst` is writable for `bytes`.
pub(crate) unsafe fn fill(dst: *mut u8, value: u8, bytes: usize) {
    // SAFETY: writable (caller).
    unsafe { ptr::write_bytes(dst, value, bytes) };
    // SAFETY: no instruction; tells the compiler that somebody sees the bytes. Miri knows no assembly.
    #[cfg(not(miri))]
    unsafe {
        core::arch::asm!("/* {0} */", in(reg) dst, options(nostack, preserves_flags))
    };
}
