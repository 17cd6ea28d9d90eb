//! One client's end: its rings, its data regions and the receive buffers it holds.

use protocols::net::{Event, Kind, Op, RING_SLOTS, Request, Status};
use protocols::system::NAME_BYTES;
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{
    BufferError, BufferGrid, BufferIndex, BufferPool, DataRegion, ServerEnd,
};

use crate::sockets::{SocketId, TcpId};

/// Bytes of a receive buffer: a datagram, or a piece of a stream.
pub(crate) const CHUNK_BYTES: u32 = 4096;
/// Receive buffers of one client at most: one word of the pool.
pub(crate) const CHUNKS_MAX: usize = 64;

/// The rings between `net` and one client.
pub type Link<'a, F> = ServerEnd<'a, Request, Event, RING_SLOTS, F>;

/// A request whose every field has been checked against what the client may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Accept connections.
    TcpListen {
        /// On this port.
        port: u16,
        /// So many at once.
        connections_max: usize,
    },
    /// Open a connection.
    TcpConnect {
        /// Address as in [`Request`].
        remote: [u8; 16],
        /// Port there.
        remote_port: u16,
    },
    /// Send bytes of the client's region.
    Send {
        /// The connection.
        socket: TcpId,
        /// First byte.
        offset: u32,
        /// Bytes.
        len: u32,
    },
    /// Give a receive buffer back.
    Release {
        /// Where the buffer starts.
        offset: u32,
    },
    /// Finish in order.
    Close {
        /// Which.
        socket: SocketId,
    },
    /// Give up.
    Abort {
        /// Which.
        socket: SocketId,
    },
    /// Receive datagrams.
    UdpBind {
        /// For this port.
        port: u16,
    },
    /// Send a datagram.
    UdpSend {
        /// UDP socket.
        socket: usize,
        /// Address as in [`Request`].
        remote: [u8; 16],
        /// Port there.
        remote_port: u16,
        /// First byte.
        offset: u32,
        /// Bytes.
        len: u32,
    },
}

/// Turns a request into a command, or says what is wrong with it.
///
/// # Errors
/// `BadRequest` for an unknown operation or an impossible field, `NoSocket` for a number that no
/// socket of that kind has.
pub(crate) fn parse(request: &Request) -> Result<Command, Status> {
    let op = Op::from_code(request.op).ok_or(Status::BadRequest)?;
    let socket = || SocketId::from_number(request.socket).ok_or(Status::NoSocket);
    let port = |port: u16| if port == 0 { Err(Status::BadRequest) } else { Ok(port) };
    Ok(match op {
        Op::TcpListen => Command::TcpListen {
            port: port(request.port)?,
            connections_max: usize::try_from(request.len).map_err(|_| Status::BadRequest)?,
        },
        Op::TcpConnect => {
            Command::TcpConnect { remote: request.remote, remote_port: port(request.remote_port)? }
        }
        Op::Send => match socket()? {
            SocketId::Tcp(socket) => {
                Command::Send { socket, offset: request.offset, len: request.len }
            }
            _ => return Err(Status::NoSocket),
        },
        Op::Release => Command::Release { offset: request.offset },
        Op::Close => Command::Close { socket: socket()? },
        Op::Abort => Command::Abort { socket: socket()? },
        Op::UdpBind => Command::UdpBind { port: port(request.port)? },
        Op::UdpSend => match socket()? {
            SocketId::Udp(socket) => Command::UdpSend {
                socket,
                remote: request.remote,
                remote_port: port(request.remote_port)?,
                offset: request.offset,
                len: request.len,
            },
            _ => return Err(Status::NoSocket),
        },
    })
}

/// An event with nothing in it but its kind and status.
#[must_use]
pub(crate) fn event(kind: Kind, status: Status, cookie: u64) -> Event {
    Event {
        cookie,
        kind: kind.code(),
        status: status.code(),
        socket: 0,
        listener: 0,
        port: 0,
        remote_port: 0,
        reserved: 0,
        offset: 0,
        len: 0,
        remote: [0; 16],
    }
}

/// The receive buffers of a client, and which socket's bytes each holds.
pub struct Chunks {
    pool: BufferPool<1>,
    /// Numbers of sockets.
    owners: [Option<u16>; CHUNKS_MAX],
}

impl Chunks {
    /// As many buffers as fit into `region_bytes`; `None` when that is none.
    #[must_use]
    pub fn new(region_bytes: usize) -> Option<Self> {
        let grid = BufferGrid::new(region_bytes, CHUNK_BYTES)?;
        Some(Self { pool: BufferPool::full(grid), owners: [None; CHUNKS_MAX] })
    }

    /// Lends a buffer for bytes of `owner`.
    pub fn take(&mut self, owner: SocketId) -> Option<BufferIndex> {
        let chunk = self.pool.take()?;
        self.owners[chunk.get()] = Some(owner.number());
        Some(chunk)
    }

    /// Where a buffer lies in the region.
    #[must_use]
    pub fn offset(&self, chunk: BufferIndex) -> u32 {
        self.pool.grid().offset_of(chunk)
    }

    /// Takes a buffer back; answers whose bytes it held, if that socket still exists.
    ///
    /// # Errors
    /// The client does not have that buffer.
    pub fn give_back(&mut self, offset: u32) -> Result<Option<SocketId>, BufferError> {
        let chunk = self.pool.give_back(offset)?;
        Ok(self.owners[chunk.get()].take().and_then(SocketId::from_number))
    }

    /// `socket` is gone: what it lent still comes back, but belongs to nobody.
    pub fn disown(&mut self, socket: SocketId) {
        let socket = Some(socket.number());
        for owner in self.owners.iter_mut().filter(|owner| **owner == socket) {
            *owner = None;
        }
    }

    /// The client started anew and has none of the buffers.
    pub fn reset(&mut self) {
        self.pool.own_all();
        self.owners = [None; CHUNKS_MAX];
    }
}

/// A client and everything that is shared with it.
pub struct Client<'a, F: FnMut()> {
    /// Its name, for log lines.
    pub name: heapless::String<NAME_BYTES>,
    /// The rings.
    pub link: Link<'a, F>,
    /// Bytes that the client wants to send.
    pub data: DataRegion<'a, ReadOnly>,
    /// Bytes that arrived for the client.
    pub received: DataRegion<'a>,
    /// Buffers of `received`.
    pub chunks: Chunks,
    /// The client broke its link and has been reported.
    pub is_cut_off: bool,
}

impl<F: FnMut()> Client<'_, F> {
    /// Copies the front of `bytes` into a buffer; answers how many fitted.
    pub fn fill(&self, chunk: BufferIndex, bytes: &[u8]) -> u32 {
        let len = u32::try_from(bytes.len()).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let offset = self.chunks.offset(chunk);
        let (Ok(span), Some(front)) = (self.received.span(offset, len), bytes.get(..len as usize))
        else {
            return 0;
        };
        match self.received.copy_in(span, front) {
            Ok(()) => len,
            Err(_) => 0,
        }
    }
}
