//! UDP sockets.

use protocols::net::{Event, Kind, Status};
use smoltcp::socket::udp;

use super::{FrameDevice, Net, address, endpoint};
use crate::client::event;
use crate::sockets::SocketId;

/// Receive buffers that one UDP socket may have lent out.
const UDP_LENT_MAX: usize = 32;

/// Whose a UDP socket is.
#[derive(Clone, Copy, Debug)]
pub(super) struct UdpOwner {
    pub(super) client: usize,
    port: u16,
    pub(super) lent: usize,
}

impl<F: FnMut(), D: FrameDevice> Net<'_, F, D> {
    /// Lets `client` receive what comes for `port`.
    pub(super) fn bind(&mut self, client: usize, port: u16, cookie: u64) -> Result<Event, Status> {
        if self.udp.iter().flatten().any(|owner| owner.port == port) {
            return Err(Status::PortTaken);
        }
        let index = self.udp.iter().position(Option::is_none).ok_or(Status::NoRoom)?;
        self.stack.bind(index, port).map_err(|_| Status::BadRequest)?;
        self.udp[index] = Some(UdpOwner { client, port, lent: 0 });
        let socket = SocketId::Udp(index).number();
        Ok(Event { socket, port, ..event(Kind::Bound, Status::Ok, cookie) })
    }

    /// Sends a piece of the client's region.
    pub(super) fn send_datagram(
        &mut self,
        client: usize,
        index: usize,
        (remote, remote_port): ([u8; 16], u16),
        offset: u32,
        len: u32,
    ) -> Result<(), Status> {
        let owner = self.udp.get(index).copied().flatten().ok_or(Status::NoSocket)?;
        if owner.client != client {
            return Err(Status::NoSocket);
        }
        let remote = endpoint(remote, remote_port)?;
        let data = &self.clients[client].data;
        let span = data.span(offset, len).map_err(|_| Status::BadRequest)?;
        let room =
            self.stack.udp(index).send(span.len() as usize, remote).map_err(
                |error| match error {
                    udp::SendError::BufferFull => Status::NoRoom,
                    udp::SendError::Unaddressable => Status::Unreachable,
                },
            )?;
        data.copy_out(span, room).map(drop).map_err(|_| Status::BadRequest)
    }

    /// Passes on what has arrived, as far as the client's ring has room.
    pub(super) fn deliver_datagrams(&mut self, index: usize) {
        let Some(owner) = &mut self.udp[index] else { return };
        let client = &mut self.clients[owner.client];
        let socket = self.stack.udp(index);
        while owner.lent < UDP_LENT_MAX && socket.can_recv() && client.link.room() > 0 {
            let id = SocketId::Udp(index);
            let Some(chunk) = client.chunks.take(id) else { break };
            let Ok((payload, metadata)) = socket.recv() else { break };
            let len = client.fill(chunk, payload);
            owner.lent += 1;
            let message = Event {
                socket: id.number(),
                port: owner.port,
                remote: address(metadata.endpoint.addr),
                remote_port: metadata.endpoint.port,
                offset: client.chunks.offset(chunk),
                len,
                ..event(Kind::Datagram, Status::Ok, 0)
            };
            // There is room: the loop has looked.
            let _ = client.link.send(message);
        }
    }
}
