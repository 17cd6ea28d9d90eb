use core::ops::Range;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Names a piece of a data region: 24 bytes, little of it trusted.
///
/// | offset | field | unit |
/// |---|---|---|
/// | 0 | `encoded_addr` | bytes from the start of the agreed data region |
/// | 8 | `len` | bytes |
/// | 12 | padding | zero |
/// | 16 | `cookie` | opaque to the ring |
///
/// A received descriptor proves nothing: turn it into a [`crate::Span`] before using it.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Descriptor {
    encoded_addr: usize,
    len: u32,
    padding: [u8; 4],
    cookie: usize,
}

const _: () = assert!(size_of::<Descriptor>() == 24);

impl Descriptor {
    /// A descriptor of `len` bytes at `encoded_addr`.
    #[must_use]
    pub const fn new(encoded_addr: usize, len: u32, cookie: usize) -> Self {
        Self { encoded_addr, len, padding: [0; 4], cookie }
    }

    /// A descriptor of a range of the data region.
    ///
    /// # Panics
    ///
    /// When the range is longer than `u32::MAX` bytes. The range is the caller's own.
    #[must_use]
    pub fn from_encoded_addr_range(range: Range<usize>, cookie: usize) -> Self {
        let Ok(len) = u32::try_from(range.len()) else { panic!("range longer than 4 GiB") };
        Self::new(range.start, len, cookie)
    }

    /// Bytes from the start of the data region.
    #[must_use]
    pub const fn encoded_addr(&self) -> usize {
        self.encoded_addr
    }

    /// Sets the offset.
    pub const fn set_encoded_addr(&mut self, encoded_addr: usize) {
        self.encoded_addr = encoded_addr;
    }

    /// Length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a length of bytes elsewhere, not a container")]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Sets the length.
    pub const fn set_len(&mut self, len: u32) {
        self.len = len;
    }

    /// The value that a completion repeats.
    #[must_use]
    pub const fn cookie(&self) -> usize {
        self.cookie
    }

    /// Sets the cookie.
    pub const fn set_cookie(&mut self, cookie: usize) {
        self.cookie = cookie;
    }

    /// The range of the data region that this descriptor claims. An end past the address space is
    /// cut at its last byte, so a peer's value cannot wrap.
    #[must_use]
    pub const fn encoded_addr_range(&self) -> Range<usize> {
        self.encoded_addr..self.encoded_addr.saturating_add(self.len as usize)
    }
}
