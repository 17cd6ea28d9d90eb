//! Parent of every other protection domain: hears of their states and faults, says so on the
//! console, and keeps the status page that `gateway` shows.
//!
//! It believes the image tool's tables and the kernel. A child's lifecycle page, fault message and
//! notifications are claims of a possibly broken or hostile PD: they decide what is printed about
//! that child and nothing else. A child that faulted stays where it is, as evidence; the rest keeps
//! running.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `pd_table`, `build_info` | image | who exists, which build this is |
//! | lifecycle pages (r), one channel each | every child | states, counters; a notification asks for a refresh |
//! | `system_status` (rw) | `gateway` | the status page |
//! | fault endpoint, TCBs | every child | faults, registers |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod crash;
mod supervisor;

pub use crash::CrashRecord;
pub use supervisor::{PDS_MAX, Pages, Supervisor};
