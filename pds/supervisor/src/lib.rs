//! Parent of every other protection domain: hears of their states and faults, starts them again, says
//! so on the console, and keeps the status page that `gateway` shows.
//!
//! It believes the image tool's tables and the kernel. A child's lifecycle page, fault message, stack and
//! notifications are claims of a possibly broken or hostile PD: they decide what is printed about that
//! child, and whether it is started again, and nothing else. Each costs a bounded amount of work, and who
//! brings too many of them is stopped like one that faulted.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `pd_table`, `build_info` | image | who exists, which build this is |
//! | lifecycle pages (r), one channel each | every child | states, heartbeats, counters; a notification asks for a look |
//! | stacks (r) | every child without secrets | crash records |
//! | scheduling contexts | everybody | CPU time consumed |
//! | `system_status` (rw) | `gateway` | the status page |
//! | fault endpoint, TCBs | every child | faults, registers, restarts |
//! | channel | `pulse` | time to judge |
//! | link | `timer` | time to judge while `pulse` is silent |
//! | input ring | `serial` | commands |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod backtrace;
mod command;
mod crash;
mod heartbeat;
mod life;
#[cfg(feature = "sabotage")]
mod sabotage;
mod service;
mod supervisor;

pub use command::{Command, Refusal, Verb};
pub use crash::{Cause, CrashRecord};
pub use life::Phase;
pub use service::{Console, Service, Wiring};
pub use supervisor::{Children, Memory, PDS_MAX, Supervisor};
