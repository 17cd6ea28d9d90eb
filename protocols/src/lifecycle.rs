//! What a PD tells `supervisor` about itself and its peers: one page, written by the PD, read by
//! `supervisor`.
//!
//! There is a channel beside it (symbols in the PD: `lifecycle_vaddr` and `supervisor_channel`;
//! `supervisor` finds its children in the table of PDs). The PD notifies `supervisor` when `state`
//! changes. `supervisor` notifies the PD when `heartbeat` has not moved for a while: every wake-up moves
//! it. Every field is a claim of a possibly broken PD.

use crate::codes::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Counters in a page.
pub const COUNTERS: usize = 32;
/// Where the table of [`Peer`]s begins, in bytes from the page's start.
pub const PEERS_OFFSET: usize = 0x400;
/// Places in that table: one for each channel that a PD can have.
pub const PEERS: usize = 64;
/// The size of the region: page and table.
pub const REGION_BYTES: usize = 0x1000;

const _: () = assert!(size_of::<Page>() <= PEERS_OFFSET);
const _: () = assert!(PEERS_OFFSET + PEERS * size_of::<Peer>() <= REGION_BYTES);

codes! {
    /// What a PD says it is doing.
    pub enum State {
        /// Setting itself up.
        Initialising = 1,
        /// Serving.
        Running = 2,
        /// Alive, but cannot serve: the text says why.
        Degraded = 3,
        /// Panicked: the text is the message.
        Panicked = 4,
    }
}

/// The page. Layout: state 0, text_len 2, reserved 4, generation 8, ready_ns 16, heartbeat 24,
/// text 32, counters 160.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Page {
    /// A [`State`]; zero before the PD has run.
    pub state: u16,
    /// Bytes of `text` in use.
    pub text_len: u16,
    /// Zero.
    pub reserved: u32,
    /// Counts the PD's lives, from 1.
    pub generation: u64,
    /// When the PD first became [`State::Running`] in this life, nanoseconds of the counter.
    pub ready_ns: u64,
    /// Grows while the PD is alive.
    pub heartbeat: u64,
    /// UTF-8 explanation of the state, for people.
    pub text: [u8; 128],
    /// Counters, by [`Counter`].
    pub counters: [u64; COUNTERS],
}

/// What a PD says about its peer behind a channel. Layout: four words. Behind the page, in the place of
/// the channel; zero where the PD has no ring with anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Peer {
    /// Messages that the ring to this PD holds at most.
    pub capacity: u32,
    /// Messages of the peer that waited when the PD looked last.
    pub waiting: u32,
    /// The most that ever waited, in this life.
    pub most: u32,
    /// Times that the peer broke the protocol, in this life.
    pub violations: u32,
}

codes! {
    /// Which counter; the code is the index into [`Page::counters`].
    pub enum Counter {
        /// Notifications received.
        Wakeups = 1,
        /// Notifications sent.
        Notifications = 2,
        /// Times that a peer broke a protocol.
        Violations = 3,
        /// Requests served.
        Requests = 4,
        /// Requests answered with an error.
        Errors = 5,
        /// Log lines lost because the ring was full.
        LogDropped = 6,
        /// Frames or datagrams received.
        Received = 7,
        /// Frames or datagrams sent.
        Transmitted = 8,
        /// Bytes received.
        ReceivedBytes = 9,
        /// Bytes sent.
        TransmittedBytes = 10,
        /// Frames or datagrams dropped.
        Dropped = 11,
        /// Connections accepted.
        Accepted = 12,
        /// Connections or objects open now.
        Open = 13,
        /// Blocks read.
        Blocks = 14,
        /// Blocks or events that did not prove.
        NotProven = 15,
        /// Interrupts handled.
        Interrupts = 16,
    }
}
