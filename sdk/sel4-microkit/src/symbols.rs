//! Symbols that the image tool patches.

use core::ptr;
use core::str::Utf8Error;

/// A value that the image tool may have replaced after linking.
///
/// The compiler believes that an immutable static keeps its initial value, so reads go through a
/// pointer that it cannot trace back to the static.
#[repr(transparent)]
#[derive(Debug)]
pub struct Patched<T>(T);

impl<T: Copy> Patched<T> {
    /// The value that stays if the tool patches nothing.
    pub const fn new(default: T) -> Self {
        Self(default)
    }

    /// The patched value, in read-only memory.
    #[inline(always)]
    pub fn get(&'static self) -> &'static T {
        let mut address = ptr::from_ref(&self.0).expose_provenance();
        #[cfg(target_os = "none")]
        // SAFETY: no instruction is emitted; only the compiler's knowledge of the value is dropped.
        unsafe {
            core::arch::asm!(
                "/* {0} */",
                inout(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        #[cfg(not(target_os = "none"))]
        {
            address = core::hint::black_box(address);
        }
        // SAFETY: still the address of a static that lives for ever and is never written.
        unsafe { &*ptr::with_exposed_provenance(address) }
    }
}

/// A value that the image tool sets: `var!(symbol: Type = default)` is a `&'static Type`.
///
/// A `<setvar>` symbol has eight bytes, so `Type` is `usize` or `u64` for those. The value lies in
/// read-only memory.
#[macro_export]
macro_rules! var {
    ($(#[$attrs:meta])* $symbol:ident: $ty:ty = $default:expr) => {{
        $(#[$attrs])*
        #[allow(non_upper_case_globals, reason = "named in the system description")]
        #[used]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".setvars")]
        static $symbol: $crate::_private::Patched<$ty> = $crate::_private::Patched::new($default);

        $symbol.get()
    }};
}

/// A mapped memory region whose address the image tool sets (`setvar_vaddr`), as a `NonNull`.
///
/// Forms: `symbol: *mut T`, `symbol: *mut T, bytes = N`, `symbol: *mut [T], n = N` and
/// `symbol: *mut [T], n = N, bytes = B`.
///
/// # Panics
///
/// When the tool set no address, or when `bytes` is not the size of the type.
#[macro_export]
macro_rules! memory_region_symbol {
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == $n * ::core::mem::size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut [$ty], n = $n)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == ::core::mem::size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr $(,)?) => {
        ::core::ptr::NonNull::slice_from_raw_parts(
            $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty),
            $n,
        )
    };
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty $(,)?) => {
        ::core::ptr::NonNull::new(::core::ptr::with_exposed_provenance_mut::<$ty>(
            *$crate::var!($(#[$attrs])* $symbol: usize = 0),
        ))
        .unwrap_or_else(|| panic!("{} is not set", stringify!($symbol)))
    };
}

const NAME_BYTES: usize = 64;

/// The PD's name bytes, without padding.
fn pd_name_bytes() -> &'static [u8] {
    let name = var!(microkit_name: [u8; NAME_BYTES] = [0; NAME_BYTES]);
    name.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The PD's name in the system description, cut to 64 bytes.
///
/// # Errors
///
/// When the name is not UTF-8.
pub fn pd_name() -> Result<&'static str, Utf8Error> {
    str::from_utf8(pd_name_bytes())
}

/// Whether the PD runs on its callers' time.
pub fn pd_is_passive() -> bool {
    // Not `bool`: the tool writes the byte.
    *var!(microkit_passive: u8 = 0) != 0
}

/// Bit per interrupt id.
#[inline(always)]
pub(crate) fn pd_irqs() -> u64 {
    *var!(microkit_irqs: u64 = 0)
}

/// Bit per channel that may be notified.
#[inline(always)]
pub(crate) fn pd_notifications() -> u64 {
    *var!(microkit_notifications: u64 = 0)
}

/// Bit per channel that may be called.
#[inline(always)]
pub(crate) fn pd_pps() -> u64 {
    *var!(microkit_pps: u64 = 0)
}

/// The tool insists on this symbol; it is about x86 and 0 here.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".setvars")]
#[allow(non_upper_case_globals, reason = "the tool's name")]
static microkit_ioports: Patched<u64> = Patched::new(0);

#[cfg(test)]
mod tests {
    #[test]
    fn an_unpatched_symbol_has_its_default() {
        assert_eq!(*crate::var!(test_default: usize = 42), 42);
    }

    #[test]
    fn an_unpatched_pd_has_no_name_and_is_active() {
        assert_eq!(super::pd_name(), Ok(""));
        assert!(!super::pd_is_passive());
    }

    #[test]
    #[should_panic(expected = "test_region is not set")]
    fn an_unpatched_region_is_refused() {
        let _ = crate::memory_region_symbol!(test_region: *mut u32);
    }
}
