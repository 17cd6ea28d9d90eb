//! Sockets, served by `net`: each client has its own, and nobody else's.
//!
//! | message | direction | bytes | meaning |
//! |---|---|---|---|
//! | [`Request`] | client → net | 40 | open, send, give back a receive buffer, close |
//! | [`Event`] | net → client | 48 | answers to requests, and what the wire brought |
//!
//! Bytes to send lie in the client's data region, received bytes in net's. The client may change the
//! bytes of a `Send` again after its `Sent`. Received bytes stay until the client sends `Release`
//! with the same offset; a client that releases nothing receives nothing more.

use crate::codes::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots of each ring.
pub const RING_SLOTS: usize = 128;

codes! {
    /// What a client asks for.
    pub enum Op {
        /// Accept TCP connections to `port`, at most `len` at once; who comes then waits for a while.
        /// Answer: `Listening` or `Refused`.
        TcpListen = 1,
        /// Connect to `remote`, `remote_port`. Answer: `Connected` or `Refused`.
        TcpConnect = 2,
        /// Send `len` bytes from `offset`. Answer: `Sent`, when all are buffered, or `Closed`.
        Send = 3,
        /// Give back the receive buffer at `offset`.
        Release = 4,
        /// No more to send: finish the connection in order. `Closed` follows.
        Close = 5,
        /// Reset the connection, or forget the listener or UDP socket. `Closed` follows.
        Abort = 6,
        /// Receive datagrams for `port`. Answer: `Bound` or `Refused`.
        UdpBind = 7,
        /// Send a datagram to `remote`, `remote_port`. Answer: `Sent` or `Refused`.
        UdpSend = 8,
    }
}

codes! {
    /// What happened.
    pub enum Kind {
        /// `socket` listens.
        Listening = 1,
        /// `socket` is a new connection from `remote` to the listener `listener`.
        Accepted = 2,
        /// `socket` is connected.
        Connected = 3,
        /// The bytes of the request `cookie` are buffered.
        Sent = 4,
        /// `len` bytes at `offset` arrived on `socket`; release them.
        Data = 5,
        /// The peer will send no more.
        PeerClosed = 6,
        /// `socket` is gone. Its number is used anew only when the client has read this.
        Closed = 7,
        /// `socket` receives datagrams.
        Bound = 8,
        /// A datagram from `remote`, `remote_port`; release it.
        Datagram = 9,
        /// The request `cookie` was refused; see `status`.
        Refused = 10,
    }
}

codes! {
    /// Why a request was refused or a socket closed.
    pub enum Status {
        /// No error.
        Ok = 1,
        /// The request was malformed.
        BadRequest = 2,
        /// No such socket of this client.
        NoSocket = 3,
        /// Another client has the port, or this client may not have it.
        PortTaken = 4,
        /// No socket or buffer is free.
        NoRoom = 5,
        /// The other side reset the connection.
        Reset = 6,
        /// The other side did not answer.
        Timeout = 7,
        /// There is no way to the address.
        Unreachable = 8,
    }
}

/// A request. Layout: cookie 0, op 8, socket 10, port 12, remote_port 14, offset 16, len 20, remote 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// Repeated in the answer.
    pub cookie: u64,
    /// An [`Op`].
    pub op: u16,
    /// The socket, as net numbered it.
    pub socket: u16,
    /// Local port.
    pub port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// Into the client's data region (`Send`, `UdpSend`) or net's (`Release`).
    pub offset: u32,
    /// Bytes, or for `TcpListen` the most connections at once.
    pub len: u32,
    /// IPv6 address; IPv4 as `::ffff:a.b.c.d`.
    pub remote: [u8; 16],
}

/// An event. Layout: cookie 0, kind 8, status 10, socket 12, listener 14, port 16, remote_port 18,
/// reserved 20, offset 24, len 28, remote 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Event {
    /// The request's cookie; zero where nobody asked.
    pub cookie: u64,
    /// A [`Kind`].
    pub kind: u16,
    /// A [`Status`].
    pub status: u16,
    /// The socket.
    pub socket: u16,
    /// The listener that a new connection belongs to.
    pub listener: u16,
    /// Local port.
    pub port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// Zero.
    pub reserved: u32,
    /// Into net's data region.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
    /// IPv6 address; IPv4 as `::ffff:a.b.c.d`.
    pub remote: [u8; 16],
}
