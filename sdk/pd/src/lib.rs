//! What every Cairn protection domain (PD) links beside the runtime: the back end of `log`, the
//! lifecycle page that `supervisor` reads, the clock, and a server's table of clients.
//!
//! ```no_run
//! use cairn_pd::Pd;
//!
//! let mut pd = Pd::start(); // first thing in `init`
//! log::info!("hello");
//! pd.ready();
//! // first thing in `notified`
//! pd.wake();
//! ```
//!
//! | symbol | what |
//! |---|---|
//! | `lifecycle_vaddr`, `supervisor_channel` | the page, and the channel that says it changed |
//! | `serial_link_vaddr`, `serial_channel` | ring of log lines, and the channel that says it grew |
//! | `clients_vaddr`, `clients_size` | table of clients, for servers that ask for one |
//! | `irq_channel` | a driver's interrupt |
//!
//! A symbol that the composition does not set is a thing the PD does without, so a test PD needs
//! none of them.
//!
//! **Trust.** `supervisor` and `serial` can neither stop nor mislead a PD through what is shared
//! with them: the page is never read back, and a full or broken log ring drops lines and counts
//! them.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

mod alarm;
mod backoff;
#[allow(unsafe_code, reason = "binds the regions that the table of clients names")]
mod clients;
#[allow(unsafe_code, reason = "splits a region into its two rings")]
mod console;
mod interrupt;
mod lifecycle;
#[allow(unsafe_code, reason = "binds the links that the composition names")]
mod link;
mod logger;
mod pd;
#[cfg(feature = "sabotage")]
#[allow(unsafe_code, reason = "does harm on purpose")]
pub mod sabotage;
#[allow(unsafe_code, reason = "binds regions; holds the one-threaded program's state")]
mod state;

pub use alarm::{Alarm, TimerLink};
pub use backoff::Backoff;
pub use clients::{Client, clients};
pub use console::{ConsoleLink, Input, RawInput, RawLog};
#[cfg(target_arch = "aarch64")]
pub use generic_timer::SystemRegisters;
pub use generic_timer::{Frequency, Nanos};
pub use interrupt::Interrupt;
pub use link::{deferring_notifier, link_at, notifier};
pub use pd::{Clock, Pd};
pub use protocols::lifecycle::Counter;
pub use state::{console_input, meter, supervisor_channel, take_deferred_action};

#[doc(hidden)]
pub mod _private {
    pub use crate::link::{bind_client, bind_server, place};
    pub use sel4_externally_shared::ExternallySharedRef;
    pub use sel4_microkit::{Channel, memory_region_symbol, var};
    pub use sel4_shared_ring_buffer::RawLink;
}
