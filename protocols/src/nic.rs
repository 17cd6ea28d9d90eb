//! Network frames, served by `nic` to `net`.
//!
//! Two links of rust-sel4's `Descriptor` (offset, length, cookie) lie in one region: the receive link
//! at 0, the transmit link at [`TRANSMIT_LINK_OFFSET`].
//!
//! | link | message | direction | meaning of a descriptor |
//! |---|---|---|---|
//! | receive | request | net → nic | an empty buffer of the receive region |
//! | receive | completion | nic → net | the same buffer, holding `len` bytes of a frame |
//! | transmit | request | net → nic | a frame of `len` bytes in the transmit region |
//! | transmit | completion | nic → net | the same buffer, sent or dropped |
//!
//! Offsets are multiples of [`BUFFER_BYTES`]; the cookie is the buffer's number. `nic` never maps frame
//! bytes: it only tells the device where they are. A page written by `nic` holds [`Info`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a frame buffer: the longest frame, from one cache line to another.
pub const BUFFER_BYTES: usize = 1536;
/// Buffers in each of the two regions: as many as a device of 256 descriptors takes, two to a frame.
pub const BUFFERS: usize = 128;
/// Slots of each ring: every buffer fits.
pub const RING_SLOTS: usize = BUFFERS;
/// Where the transmit link begins in the region.
pub const TRANSMIT_LINK_OFFSET: usize = 0x2000;
/// Longest Ethernet frame, without checksum.
pub const FRAME_BYTES_MAX: usize = 1514;

const _: () = assert!(FRAME_BYTES_MAX <= BUFFER_BYTES);

/// What `nic` tells about its device. Layout: mac 0, link_up 6, ready 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Info {
    /// The station address.
    pub mac: [u8; 6],
    /// 1 when the cable is plugged in.
    pub link_up: u8,
    /// 1 when the other fields are valid; written last.
    pub ready: u8,
}
