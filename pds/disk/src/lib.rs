//! Blocks between the disk device and `store`, by reference.
//!
//! It checks requests and gives them to the device, which writes the buffer region by DMA; the
//! region is not mapped here. Whether the bytes are the right ones, `integrity` finds out.
//!
//! **Trust.** Device and `store` are both hostile. A request outside the buffer region, behind the
//! end of the device, or to buffers that the device still writes is refused. Every request is
//! answered: a device that reports an error, breaks its queue or stays silent for
//! [`TIMEOUT_NS`] costs the requests it had a status, is reset, and is tried again with later
//! requests. When `store` starts anew, the device is reset first, so nothing is written to buffers
//! that `store` has forgotten. `timer` is trusted for timeouts only.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `store_link` | `store` | `protocols::disk` |
//! | `timer_link` | `timer` | `protocols::timer` |
//! | registers, queues, interrupt | device | `virtio-blk` |
//! | physical address of the buffer region | device | never mapped |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod drive;
mod request;
mod service;

pub use service::{Counters, Link, Service, TIMEOUT_NS, Wiring};
