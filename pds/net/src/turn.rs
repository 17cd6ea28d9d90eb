//! One connection's turn: what the client wants sent, what has arrived for it, what it must be told.

use protocols::net::{Event, Kind, Status};
use smoltcp::socket::tcp;

use crate::client::{Client, event};
use crate::service::{Counters, address};
use crate::sockets::{Connection, SocketId, TcpId};

/// Receive buffers that one TCP socket may have lent out.
const TCP_LENT_MAX: usize = 16;

/// Whether the connection still concerns its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Open,
    Gone,
}

/// A connection, its socket and its client.
pub(crate) struct Turn<'t, 'a, F: FnMut()> {
    pub(crate) index: usize,
    pub(crate) connection: &'t mut Connection,
    pub(crate) client: &'t mut Client<'a, F>,
    pub(crate) socket: &'t mut tcp::Socket<'static>,
}

impl<F: FnMut()> Turn<'_, '_, F> {
    /// Tells and passes on what can be.
    pub(crate) fn run(&mut self, counters: &mut Counters) -> Outcome {
        if !self.connection.announced && !self.announce(counters) {
            return self.outcome();
        }
        self.buffer_sends();
        if self.connection.closing && self.connection.sends.is_empty() {
            self.socket.close();
        }
        self.pass_data();
        self.outcome()
    }

    const fn id(&self) -> SocketId {
        SocketId::Tcp(TcpId { index: self.index, life: self.connection.life })
    }

    fn event(&self, kind: Kind, status: Status, cookie: u64) -> Event {
        let socket = self.id().number();
        Event { socket, ..event(kind, status, cookie) }
    }

    /// Sends an event if there is room for it.
    fn tell(&mut self, event: Event) -> bool {
        self.client.link.room() > 0 && self.client.link.send(event).is_ok()
    }

    /// Tells that the connection exists; `false` when it does not, or cannot be told yet.
    fn announce(&mut self, counters: &mut Counters) -> bool {
        let (Some(remote), Some(local)) =
            (self.socket.remote_endpoint(), self.socket.local_endpoint())
        else {
            return false;
        };
        if self.socket.state() == tcp::State::SynSent {
            return false;
        }
        let (kind, listener) = match self.connection.listener {
            Some(listener) => (Kind::Accepted, SocketId::Listener(listener).number()),
            None => (Kind::Connected, 0),
        };
        let message = Event {
            listener,
            port: local.port,
            remote_port: remote.port,
            remote: address(remote.addr),
            ..self.event(kind, Status::Ok, self.connection.cookie)
        };
        let told = self.tell(message);
        self.connection.announced = told;
        if told && kind == Kind::Accepted {
            counters.accepted += 1;
        }
        told
    }

    fn buffer_sends(&mut self) {
        while let Some(send) = self.connection.sends.front_mut() {
            let data = &self.client.data;
            let copied = self.socket.send(|room| {
                let len = send.len.min(u32::try_from(room.len()).unwrap_or(u32::MAX));
                // Checked when the request came, and the span has only become shorter.
                let part = data.span(send.offset, len);
                match part.and_then(|part| data.copy_out(part, room).map(|_| ())) {
                    Ok(()) => (len as usize, len),
                    Err(_) => (0, 0),
                }
            });
            let Ok(copied) = copied else { return };
            send.offset += copied;
            send.len -= copied;
            if send.len > 0 {
                return;
            }
            let cookie = send.cookie;
            let message = self.event(Kind::Sent, Status::Ok, cookie);
            if !self.tell(message) {
                return;
            }
            self.connection.sends.pop_front();
        }
    }

    fn pass_data(&mut self) {
        while self.connection.lent < TCP_LENT_MAX
            && self.socket.can_recv()
            && self.client.link.room() > 0
        {
            let id = self.id();
            let Some(chunk) = self.client.chunks.take(id) else { return };
            let client = &mut *self.client;
            let Ok(len) = self.socket.recv(|bytes| {
                let len = client.fill(chunk, bytes);
                (len as usize, len)
            }) else {
                return;
            };
            self.connection.lent += 1;
            let offset = self.client.chunks.offset(chunk);
            let message = Event { offset, len, ..self.event(Kind::Data, Status::Ok, 0) };
            self.tell(message);
        }
    }

    /// Tells the ends of the connection once everything before them has been told.
    fn outcome(&mut self) -> Outcome {
        if self.socket.can_recv() {
            return Outcome::Open;
        }
        let state = self.socket.state();
        let gone = matches!(state, tcp::State::Closed | tcp::State::TimeWait);
        if gone {
            let orderly = self.connection.closing && state == tcp::State::TimeWait
                || self.connection.peer_closed;
            let message = match (self.connection.announced, orderly) {
                (true, true) => self.event(Kind::Closed, Status::Ok, 0),
                (true, false) => self.event(Kind::Closed, Status::Reset, 0),
                (false, _) => self.event(Kind::Refused, Status::Reset, self.connection.cookie),
            };
            // A connection that was accepted and died untold is nobody's business.
            let silent = !self.connection.announced && self.connection.listener.is_some();
            if silent || self.tell(message) {
                self.client.chunks.disown(self.id());
                return Outcome::Gone;
            }
        } else if self.connection.announced
            && !self.connection.peer_closed
            && !self.socket.may_recv()
            && state != tcp::State::SynReceived
        {
            let message = self.event(Kind::PeerClosed, Status::Ok, 0);
            self.connection.peer_closed = self.tell(message);
        }
        Outcome::Open
    }
}
