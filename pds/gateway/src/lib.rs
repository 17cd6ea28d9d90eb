//! The HTTP front: proven objects and the state of the system, over TCP.
//!
//! `gateway` answers `GET /` with the volume's table, `GET /o/<path>` with an object that
//! `integrity` has proven, byte by byte before it leaves, and `GET /status` (JSON) and `GET /metrics`
//! (Prometheus) with the state of the system, and `GET /ui/` with a page that shows it, whose files
//! are objects of the volume. It holds no secret and believes nobody: what the wire brings is parsed from a private
//! copy, answers of other PDs are checked before they are used, and a PD that restarts or breaks its
//! link costs the connections that need it.
//!
//! A proof that fails before the first byte is a 502 with the reason; later it ends the connection,
//! so that the client sees a short answer and never a wrong byte. Everything is bounded: connections,
//! the head of a request, the time it may take, and what waits to be sent.
//!
//! | region or channel | peer | use |
//! |---|---|---|
//! | `net_link`, `net_client_data` (rw), `net_server_data` (r) | `net` | connections, bytes out, bytes in |
//! | `integrity_link`, `integrity_client_data` (rw), `integrity_server_data` (r) | `integrity` | objects, paths, proven bytes |
//! | `ledger_link` | `ledger` | the chain's identity and head |
//! | `crypto_link`, `crypto_server_data` (r) | `crypto` | the id of this boot |
//! | `timer_link` | `timer` | timeouts of connections |
//! | `system_status` (r), a channel | `supervisor` | states of all PDs, refreshed on demand |
//! | `build_info` (r) | image | which image this is |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod connection;
mod exchange;
mod facts;
mod failure;
mod http;
mod inbox;
mod listing;
mod metrics;
mod objects;
mod outbox;
mod pages;
mod peer;
mod question;
mod readers;
mod service;
mod status;
mod text;

use protocols::{crypto, integrity, ledger, net, timer};
use sel4_shared_ring_buffer::ClientEnd;

pub use facts::Sources;
pub use service::{CONNECTIONS_MAX, Counters, Gateway, Memory, Parts};

/// The link to `net`.
pub type NetLink<'a, F> = ClientEnd<'a, net::Request, net::Event, { net::RING_SLOTS }, F>;
/// The link to `integrity`.
pub type IntegrityLink<'a, F> =
    ClientEnd<'a, integrity::Request, integrity::Completion, { integrity::RING_SLOTS }, F>;
/// The link to `ledger`.
pub type LedgerLink<'a, F> =
    ClientEnd<'a, ledger::Request, ledger::Completion, { ledger::RING_SLOTS }, F>;
/// The link to `crypto`.
pub type CryptoLink<'a, F> =
    ClientEnd<'a, crypto::Request, crypto::Completion, { crypto::RING_SLOTS }, F>;
/// The link to `timer`.
pub type TimerLink<'a, F> =
    ClientEnd<'a, timer::Request, timer::Completion, { timer::RING_SLOTS }, F>;

type NetPeer<'a, F> = peer::Peer<'a, net::Request, net::Event, { net::RING_SLOTS }, F>;

/// A request to `net` about a socket. Its cookie tells the operation, so that a refusal says what
/// was refused.
const fn request(op: net::Op, socket: u16) -> net::Request {
    net::Request {
        cookie: cookie(op),
        op: op.code(),
        socket,
        port: 0,
        remote_port: 0,
        offset: 0,
        len: 0,
        remote: [0; 16],
    }
}

const fn cookie(op: net::Op) -> u64 {
    op.code() as u64
}

#[cfg(test)]
mod tests;
