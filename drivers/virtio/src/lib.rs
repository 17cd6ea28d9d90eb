//! virtio 1.2 over MMIO: the register interface of one device and its split virtqueues.
//!
//! The crate brings a device up, hands it descriptor chains by *device address* and takes them
//! back. It never touches the memory a descriptor points to, so a driver need not map it. It
//! knows no device type: those are `virtio-net`, `virtio-blk` and `virtio-rng`.
//!
//! **Trust.** The device is hostile. Whatever it writes (registers, configuration space, used
//! rings) is checked, and each broken rule is a [`DeviceFault`] of its own; nothing here panics,
//! blocks or indexes by it. What no driver can prevent without an IOMMU is a device that writes
//! where it was not told to.
//!
//! **Failure.** After a fault the caller stops the device ([`Transport::stop`]) and may start it
//! again; every wait in here is bounded by a number of register reads.
//!
//! **Why not the `virtio-drivers` crate** (0.13 was read for this). Its queue takes `&[u8]`, so
//! payload would have to be mapped by the driver and, through its global `Hal`, usually copied;
//! it publishes every chain on its own, so a batch cannot share one kick; it takes the used id
//! modulo 2^16 and does not compare the used length with the buffer; a chain given back twice
//! reaches `expect`/`panic!`; and its event-index test compares wrapping 16-bit indices with
//! `>=`, which loses a kick after 65,536 chains. Four of these break this system's rules, so the
//! queue (about 200 lines) is our own.
//!
//! Source: OASIS "Virtual I/O Device (VIRTIO) Version 1.2", sections 2.7 (split virtqueues),
//! 3.1 (initialisation) and 4.2 (MMIO).
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[cfg(all(feature = "fake", not(test)))]
extern crate std;

mod error;
#[cfg(any(test, feature = "fake"))]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a fake that is misused fails its test")]
pub mod fake;
#[allow(unsafe_code, reason = "the one module that touches device registers")]
mod mmio;
mod queue;
mod transport;

pub use error::{DeviceFault, QueueFull};
pub use mmio::MmioRegisters;
pub use queue::{Buffer, QueueArea, Slot, Used, VirtQueue};
pub use transport::{DeviceType, Registers, StartFailure, Transport, feature};
