//! What a running system says about itself: `GET /status` of its gateway, as typed values.
//!
//! The answer is a claim of whoever is at that address. Fields that an older system does not have are
//! absent; numbers are shown as they are.

mod fetch;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Output};
pub use fetch::{Address, fetch};
pub use table::{duration, fullest_ring, headline, stack, table};

/// `cairn ps`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where the system's gateway is.
    #[arg(default_value = "127.0.0.1:8080")]
    address: Address,
}

/// Everything `/status` says.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Status {
    /// Cairn's version.
    pub version: String,
    /// Source revision.
    pub revision: String,
    /// Kernel and its version.
    pub kernel: String,
    /// Kernel configuration.
    pub config: String,
    /// Board.
    pub platform: String,
    /// Changes at each boot; absent until there is entropy.
    pub boot_id: Option<String>,
    /// From reset to readiness, microseconds.
    pub boot_us: u64,
    /// Since reset, microseconds.
    pub uptime_us: u64,
    /// Is the volume proven?
    pub volume: Proof,
    /// Is the chain proven?
    pub ledger: Proof,
    /// The protection domains.
    pub pds: Vec<Pd>,
    /// The latest changes of states, oldest first.
    pub events: Vec<Event>,
}

/// The state of a thing that must be proven.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Proof {
    /// `proven`, `revoked`, `refused`, or `unknown` where nobody answered.
    pub state: String,
    /// Why it is not proven.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A volume's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A volume's generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Sequence of a chain's head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

/// A protection domain.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Pd {
    /// Name.
    pub name: String,
    /// State.
    pub state: String,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Which of its lives this is.
    pub generation: u64,
    /// Faults.
    pub faults: u64,
    /// When it was ready, microseconds since reset.
    pub ready_us: u64,
    /// Notifications received.
    pub wakeups: u64,
    /// Notifications sent.
    pub notifications: u64,
    /// Protocol violations by its peers.
    pub violations: u64,
    /// Whose messages it reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// Restarts.
    pub restarts: Option<u64>,
    /// Priority.
    pub priority: Option<u64>,
    /// CPU time per period, microseconds.
    pub budget_us: Option<u64>,
    /// Period, microseconds.
    pub period_us: Option<u64>,
    /// CPU time used, microseconds.
    pub cpu_us: Option<u64>,
    /// Bytes of stack.
    pub stack_bytes: Option<u64>,
    /// The most of it that was ever in use.
    pub stack_used_bytes: Option<u64>,
    /// RAM of its own, bytes.
    pub ram_bytes: Option<u64>,
    /// What else there is.
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

/// A peer, as the PD that reads its messages sees it.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Messages that wait.
    pub waiting: u64,
    /// The most that ever waited.
    pub most: u64,
    /// Messages that the ring holds.
    pub capacity: u64,
    /// Its protocol violations.
    pub violations: u64,
}

/// A change of a state.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Event {
    /// When, microseconds since reset.
    pub at_us: u64,
    /// Who.
    pub pd: String,
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Runs `cairn ps`.
///
/// # Errors
/// `Io` if nobody answers there, `Refused` if the answer is no status.
pub fn run(args: &Args, output: &Output) -> Result<(), Error> {
    output.answer(&fetch(&args.address)?)
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(table(self).trim_end())
    }
}

/// Text that nobody at the terminal is harmed by: control characters are shown as `?`.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
