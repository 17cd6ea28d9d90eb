//! The network card: hands frames between the device and `net`, by reference.
//!
//! It moves descriptors only. Frame buffers are not mapped here; the device reads and writes them
//! by physical address. The device's own headers lie in memory that `net` does not see.
//!
//! **Trust.** Device and `net` are both hostile. Every buffer has one owner at a time: one that
//! `net` hands in twice, or that the device gives back twice, is refused. `net` breaking its link
//! is cut off. The device breaking its queues, or failing to start, is reset and tried again, at
//! most ten times a second; meanwhile frames to be sent are dropped. `timer` is trusted for these
//! tries only. When `net` starts anew, the device is reset first, so nothing is written to buffers
//! that `net` has forgotten. What frames hold, and whether they are long enough to be any, is the
//! wire's doing and for `net` to see.
//!
//! **Wake-ups.** A running `nic` is not notified, and it asks for the device's interrupt only
//! when it goes to sleep. Composed at a lower priority than `net`, it so collects frames while
//! `net` works.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `net_link` | `net` | two links of descriptors, `protocols::nic` |
//! | `net_server_data` | `net` | station address |
//! | registers, queues, interrupt | device | `virtio-net` |
//! | `timer_link` | `timer` | `protocols::timer` |
//! | physical addresses of both buffer regions | device | never mapped |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod card;
mod device;
mod lane;

pub use card::{Card, Counters, Wiring};
pub use lane::Link;
