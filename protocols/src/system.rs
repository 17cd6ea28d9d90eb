//! What the composition tells the PDs about the system: tables that `cairn compose` writes and the
//! image tool puts into memory, and the status page that `supervisor` writes for `gateway`.
//!
//! | blob | symbol | who asks for it |
//! |---|---|---|
//! | [`BuildInfo`] | `build_info_vaddr` | `supervisor`, `gateway` |
//! | table of [`PdEntry`] | `pd_table_vaddr`, `pd_table_size` | `supervisor` |
//! | table of [`ClientEntry`] | `clients_vaddr`, `clients_size` | a server with more than one client |

use crate::codes::codes;
use crate::lifecycle::{Peer, State};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Longest name of a PD, zero-padded.
pub const NAME_BYTES: usize = 16;

/// Which image this is. Layout: five zero-padded texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BuildInfo {
    /// `sel4 16.0.0` or `model 0.1.0`.
    pub kernel: [u8; 32],
    /// `debug`, `release` or `benchmark`.
    pub config: [u8; 16],
    /// The board.
    pub platform: [u8; 32],
    /// Cairn's version.
    pub version: [u8; 16],
    /// Source revision, or `unknown`.
    pub revision: [u8; 48],
}

/// One PD of the composition, in the order of the composed file; `supervisor` first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PdEntry {
    /// Name, zero-padded.
    pub name: [u8; NAME_BYTES],
    /// Address of the PD's [`crate::lifecycle::Page`] in `supervisor`; zero for `supervisor` itself.
    pub lifecycle_vaddr: u64,
    /// ELF entry point; zero when unknown.
    pub entry: u64,
    /// Lowest address of the PD's stack, in the PD; zero when the stack is the image tool's.
    pub stack_vaddr: u64,
    /// The same memory in `supervisor`, read-only; zero when `supervisor` does not see it.
    pub stack_view_vaddr: u64,
    /// RAM that no other PD writes, bytes: program, stack and regions.
    pub ram_bytes: u64,
    /// Budget in microseconds.
    pub budget_us: u32,
    /// Period in microseconds.
    pub period_us: u32,
    /// Stack in bytes.
    pub stack_bytes: u32,
    /// How often `supervisor` starts the PD again within `window_ms`.
    pub restarts_max: u32,
    /// See `restarts_max`; milliseconds.
    pub window_ms: u32,
    /// Child id under `supervisor`; `0xff` for `supervisor` itself.
    pub child: u8,
    /// Channel between the PD and `supervisor`; `0xff` for none.
    pub channel: u8,
    /// Priority.
    pub priority: u8,
    /// Slot of the PD's scheduling context in `supervisor`'s root CNode; zero for none.
    pub sched_context: u8,
    /// By the peer's place in the table: the PD's channel to a peer whose messages it counts in its
    /// lifecycle page; `0xff` for none.
    pub peer_channels: [u8; STATUS_PDS_MAX],
}

/// One client of a server, in the order of the composed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ClientEntry {
    /// Name, zero-padded.
    pub name: [u8; NAME_BYTES],
    /// Address of the link region in the server.
    pub link_vaddr: u64,
    /// Address of the client's data region in the server, read-only; zero for none.
    pub client_data_vaddr: u64,
    /// Address of the server's data region for this client; zero for none.
    pub server_data_vaddr: u64,
    /// Bytes of the link region.
    pub link_bytes: u32,
    /// Bytes of the client's data region.
    pub client_data_bytes: u32,
    /// Bytes of the server's data region.
    pub server_data_bytes: u32,
    /// Channel id at the server.
    pub channel: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// PDs that the status page has room for.
pub const STATUS_PDS_MAX: usize = 24;
/// Peers of all PDs together that the status page has room for.
pub const STATUS_PEERS_MAX: usize = 80;
/// Events that the status page has room for; the latest stay.
pub const STATUS_EVENTS_MAX: usize = 32;

/// The page that `supervisor` writes and `gateway` reads.
///
/// `sequence` is odd while `supervisor` writes: a reader that sees an odd or changed value reads again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Status {
    /// Grows by two per update.
    pub sequence: u64,
    /// Kernel entry to `CAIRN READY`, microseconds; zero before.
    pub boot_us: u64,
    /// Entries of `pds` in use.
    pub pd_count: u32,
    /// Entries of `peers` in use.
    pub peer_count: u32,
    /// Events so far. Event number n, from 0, stands in place n modulo [`STATUS_EVENTS_MAX`].
    pub event_count: u64,
    /// The PDs.
    pub pds: [PdStatus; STATUS_PDS_MAX],
    /// Their peers, those of a PD side by side.
    pub peers: [PeerStatus; STATUS_PEERS_MAX],
    /// The latest events.
    pub events: [Event; STATUS_EVENTS_MAX],
}

/// The size of its region in `system.xml`.
const STATUS_REGION_BYTES: usize = 0x4000;
const _: () = assert!(size_of::<Status>() <= STATUS_REGION_BYTES);

/// One PD as `supervisor` sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PdStatus {
    /// Name, zero-padded.
    pub name: [u8; NAME_BYTES],
    /// A [`crate::lifecycle::State`], or a [`Condition`] that only `supervisor` can tell.
    pub state: u16,
    /// Bytes of `text` in use.
    pub text_len: u16,
    /// Faults so far, missed heartbeats included.
    pub faults: u32,
    /// Times that `supervisor` started the PD again.
    pub restarts: u64,
    /// CPU time consumed in all its lives, microseconds.
    pub cpu_us: u64,
    /// See [`PdEntry::ram_bytes`].
    pub ram_bytes: u64,
    /// Budget in microseconds.
    pub budget_us: u32,
    /// Period in microseconds.
    pub period_us: u32,
    /// Stack in bytes.
    pub stack_bytes: u32,
    /// The most of the stack that was in use so far, in any life; zero where `supervisor` does not see it.
    pub stack_used_bytes: u32,
    /// Priority.
    pub priority: u32,
    /// Zero.
    pub reserved: u32,
    /// The PD's own generation.
    pub generation: u64,
    /// When it became ready, nanoseconds of the counter.
    pub ready_ns: u64,
    /// Explanation, for people.
    pub text: [u8; 128],
    /// Copy of the PD's counters.
    pub counters: [u64; crate::lifecycle::COUNTERS],
}

/// A peer as one PD sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PeerStatus {
    /// Who sees it: the place in [`Status::pds`].
    pub pd: u8,
    /// Who is seen, likewise.
    pub peer: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// What the PD says, no more of it waiting than fits.
    pub seen: Peer,
}

impl Status {
    /// Nobody is there.
    pub const EMPTY: Self = Self {
        sequence: 0,
        boot_us: 0,
        pd_count: 0,
        peer_count: 0,
        event_count: 0,
        pds: [PdStatus {
            name: [0; NAME_BYTES],
            state: 0,
            text_len: 0,
            faults: 0,
            restarts: 0,
            cpu_us: 0,
            ram_bytes: 0,
            budget_us: 0,
            period_us: 0,
            stack_bytes: 0,
            stack_used_bytes: 0,
            priority: 0,
            reserved: 0,
            generation: 0,
            ready_ns: 0,
            text: [0; 128],
            counters: [0; crate::lifecycle::COUNTERS],
        }; STATUS_PDS_MAX],
        peers: [PeerStatus {
            pd: 0,
            peer: 0,
            reserved: [0; 2],
            seen: Peer { capacity: 0, waiting: 0, most: 0, violations: 0 },
        }; STATUS_PEERS_MAX],
        events: [Event { at_us: 0, pd: 0, from: 0, to: 0, text_len: 0, text: [0; 64] };
            STATUS_EVENTS_MAX],
    };
}

impl Status {
    /// The peers that the PD in this place sees, with their names: no more than there can be PDs.
    pub fn peers_of(&self, pd: usize) -> impl Iterator<Item = (&str, &Peer)> {
        let count = usize::try_from(self.peer_count).unwrap_or(usize::MAX);
        let peers = self.peers.iter().take(count).filter(move |peer| usize::from(peer.pd) == pd);
        let name = |place: u8| self.pds.get(usize::from(place)).map_or("", |pd| text(&pd.name));
        peers.take(STATUS_PDS_MAX).map(move |peer| (name(peer.peer), &peer.seen))
    }
}

/// A PD changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Event {
    /// When, microseconds of the counter.
    pub at_us: u64,
    /// Which PD: its place in [`Status::pds`].
    pub pd: u16,
    /// The state before, as in [`PdStatus::state`].
    pub from: u16,
    /// The state after.
    pub to: u16,
    /// Bytes of `text` in use.
    pub text_len: u16,
    /// Why, for people.
    pub text: [u8; 64],
}

codes! {
    /// States that only `supervisor` can tell, beside those of [`crate::lifecycle::State`].
    pub enum Condition {
        /// The PD faulted, and waits for its next start.
        Failed = 16,
        /// The PD is in memory and has not run yet.
        Loaded = 17,
        /// Somebody suspended it, and may resume it.
        Paused = 18,
        /// It may end its turn, then it is stopped.
        Terminating = 19,
        /// Somebody stopped it, and may start it.
        Terminated = 20,
        /// It failed too often and stays where it is until somebody starts it.
        Held = 21,
    }
}

/// The name of a state in a [`PdStatus`] or [`Event`].
#[must_use]
pub const fn state_name(code: u16) -> &'static str {
    match (State::from_code(code), Condition::from_code(code)) {
        (Some(State::Initialising), _) => "initialising",
        (Some(State::Running), _) => "running",
        (Some(State::Degraded), _) => "degraded",
        (Some(State::Panicked), _) => "panicked",
        (_, Some(Condition::Failed)) => "failed",
        (_, Some(Condition::Loaded)) => "loaded",
        (_, Some(Condition::Paused)) => "paused",
        (_, Some(Condition::Terminating)) => "terminating",
        (_, Some(Condition::Terminated)) => "terminated",
        (_, Some(Condition::Held)) => "held",
        (None, None) => "unknown",
    }
}

/// The text of a zero-padded name; empty when it is not UTF-8.
#[must_use]
pub fn text(padded: &[u8]) -> &str {
    let end = padded.iter().position(|&byte| byte == 0).unwrap_or(padded.len());
    padded.get(..end).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
}
