//! Who owns which socket, and what is still to be told about it.

use protocols::net::{RING_SLOTS, Status};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;

use crate::stack::{HANDSHAKE_SLOW, Stack, TCP_SOCKETS, UDP_SOCKETS, handshake_is_stale};

/// Listeners of all clients together.
pub(crate) const LISTENERS: usize = 8;
/// `Send` requests that a socket takes before the first is buffered.
pub(crate) const SENDS_PENDING_MAX: usize = 4;

/// A connection: the slot it uses, and which of the connections in that slot it is. A request for an
/// earlier one, on its way when that ended, must not meet the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpId {
    pub(crate) index: usize,
    /// Counts around. A client that has not read of the end of the one before may be no further behind
    /// than its ring has events.
    pub(crate) life: u8,
}

/// Socket numbers that clients see. Low byte: TCP, then UDP, then listeners; high byte: the life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketId {
    /// A TCP connection.
    Tcp(TcpId),
    /// A UDP socket.
    Udp(usize),
    /// A TCP listener.
    Listener(usize),
}

const _: () = assert!(SocketId::LISTENER_BASE + LISTENERS <= 1 << 8);
const _: () = assert!(RING_SLOTS < 1 << 8);

impl SocketId {
    const UDP_BASE: usize = TCP_SOCKETS;
    const LISTENER_BASE: usize = TCP_SOCKETS + UDP_SOCKETS;

    /// The socket that a number from a client means; `None` when there can be none.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        let [low, life] = number.to_le_bytes();
        let low = usize::from(low);
        match low {
            _ if low < Self::UDP_BASE => Some(Self::Tcp(TcpId { index: low, life })),
            _ if life != 0 => None,
            _ if low < Self::LISTENER_BASE => Some(Self::Udp(low - Self::UDP_BASE)),
            _ if low < Self::LISTENER_BASE + LISTENERS => {
                Some(Self::Listener(low - Self::LISTENER_BASE))
            }
            _ => None,
        }
    }

    /// The number that clients see.
    #[must_use]
    pub fn number(self) -> u16 {
        let (low, life) = match self {
            Self::Tcp(TcpId { index, life }) => (index, life),
            Self::Udp(index) => (Self::UDP_BASE + index, 0),
            Self::Listener(index) => (Self::LISTENER_BASE + index, 0),
        };
        u16::from_le_bytes([low.to_le_bytes()[0], life])
    }
}

/// Bytes of a client's data region that wait for room in a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingSend {
    /// The request's cookie.
    pub cookie: u64,
    /// Next byte.
    pub offset: u32,
    /// Bytes left.
    pub len: u32,
}

/// A connection that belongs to a client.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The owner.
    pub client: usize,
    /// Which of the connections in its slot it is; [`TcpTable::set`] says.
    pub life: u8,
    /// Where it came from; `None` when the client asked for it.
    pub listener: Option<usize>,
    /// Cookie of `TcpConnect`.
    pub cookie: u64,
    /// `Accepted` or `Connected` has been told.
    pub announced: bool,
    /// `PeerClosed` has been told.
    pub peer_closed: bool,
    /// Finish in order once everything pending is buffered.
    pub closing: bool,
    /// Receive buffers that the client has not released.
    pub lent: usize,
    /// What is still to be buffered.
    pub sends: heapless::Deque<PendingSend, SENDS_PENDING_MAX>,
}

/// What a TCP slot is used for. The first is zero, so that an empty table is.
#[derive(Clone, Debug)]
#[repr(u8)]
pub(crate) enum Slot {
    /// For nothing.
    Free,
    /// Listening for `listener`, or in a handshake since the given time.
    Waiting {
        /// Index of the listener.
        listener: usize,
        /// When the handshake began.
        handshake: Option<Instant>,
    },
    /// Owned by a client.
    Owned(Connection),
    /// Nobody's any more; the stack finishes the connection.
    Finishing,
}

impl Slot {
    /// Whether it holds a connection to a listener.
    fn is_from(&self, listener: usize) -> bool {
        matches!(self, Self::Owned(connection) if connection.listener == Some(listener))
    }

    /// Whether it waits for a connection to a listener, or for the end of its handshake.
    fn is_for(&self, listener: usize) -> bool {
        matches!(self, Self::Waiting { listener: it, .. } if *it == listener)
    }
}

/// A port on which a client accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// The owner.
    pub client: usize,
    /// The port.
    pub port: u16,
    /// Most connections at once.
    pub connections_max: usize,
}

/// Some TCP slots, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slots(u32);

const _: () = assert!(TCP_SOCKETS <= 32);

impl Slots {
    fn set(&mut self, index: usize, is_in: bool) {
        let bit = 1 << (index % TCP_SOCKETS);
        self.0 = if is_in { self.0 | bit } else { self.0 & !bit };
    }

    /// Those in here now, whatever changes meanwhile.
    fn iter(self) -> impl Iterator<Item = usize> {
        let rest = |bits: &u32| Some(bits & bits.wrapping_sub(1));
        let all = core::iter::successors(Some(self.0), rest).take_while(|bits| *bits != 0);
        all.map(|bits| bits.trailing_zeros() as usize)
    }
}

/// The table of TCP slots and listeners. Most frames concern few slots, so it knows which.
pub(crate) struct TcpTable {
    /// One entry per TCP socket of the stack; changed by [`TcpTable::set`] only.
    slots: [Slot; TCP_SOCKETS],
    /// Life of the next connection in each slot.
    lives: [u8; TCP_SOCKETS],
    owned: Slots,
    waiting: Slots,
    /// Free or finishing, and not parked yet.
    leaving: Slots,
    /// A listener that may have more connections may lack a slot to wait with.
    is_short: bool,
    /// Listeners by number.
    pub listeners: [Option<Listener>; LISTENERS],
}

impl TcpTable {
    /// No socket is in use.
    pub(crate) const EMPTY: Self = Self {
        slots: [const { Slot::Free }; TCP_SOCKETS],
        lives: [0; TCP_SOCKETS],
        owned: Slots(0),
        waiting: Slots(0),
        leaving: Slots(0),
        is_short: false,
        listeners: [None; LISTENERS],
    };

    /// Changes what a slot is used for.
    pub(crate) fn set(&mut self, index: usize, mut slot: Slot) {
        if let Slot::Owned(connection) = &mut slot {
            connection.life = self.lives[index];
            self.lives[index] = connection.life.wrapping_add(1);
        }
        self.owned.set(index, matches!(slot, Slot::Owned(_)));
        self.waiting.set(index, matches!(slot, Slot::Waiting { .. }));
        self.leaving.set(index, matches!(slot, Slot::Free | Slot::Finishing));
        self.slots[index] = slot;
        self.is_short = true;
    }

    /// The slots with connections of clients.
    pub(crate) fn connections(&self) -> impl Iterator<Item = usize> + use<> {
        self.owned.iter()
    }

    /// The connection `index`, whoever owns it.
    pub(crate) fn connection(&mut self, index: usize) -> Option<&mut Connection> {
        match self.slots.get_mut(index) {
            Some(Slot::Owned(connection)) => Some(connection),
            _ => None,
        }
    }

    /// Opens a listener.
    ///
    /// # Errors
    /// `PortTaken` when the port has a listener, `NoRoom` when the table is full.
    pub(crate) fn listen(&mut self, listener: Listener) -> Result<usize, Status> {
        if self.listeners.iter().flatten().any(|other| other.port == listener.port) {
            return Err(Status::PortTaken);
        }
        let free = self.listeners.iter().position(Option::is_none).ok_or(Status::NoRoom)?;
        self.listeners[free] = Some(listener);
        self.is_short = true;
        Ok(free)
    }

    /// Closes a listener; its waiting slots become free, its connections stay.
    pub(crate) fn unlisten(&mut self, index: usize, stack: &mut Stack) {
        self.listeners[index] = None;
        for number in self.waiting.iter() {
            if self.slots[number].is_for(index) {
                stack.tcp(number).abort();
                self.set(number, Slot::Free);
            }
        }
    }

    /// The connection `id`, if it lives and `client` owns it.
    pub(crate) fn owned(&mut self, id: TcpId, client: usize) -> Option<&mut Connection> {
        let connection = self.connection(id.index)?;
        (connection.life == id.life && connection.client == client).then_some(connection)
    }

    /// Whether a connection to `port` could begin now.
    pub(crate) fn takes(&self, port: u16) -> bool {
        self.listener_on(port).is_some_and(|listener| !self.is_shut_at(listener))
    }

    /// Whether somebody listens on `port`, but a connection could not begin now.
    pub(crate) fn shuts(&self, port: u16) -> bool {
        self.listener_on(port).is_some_and(|listener| self.is_shut_at(listener))
    }

    fn listener_on(&self, port: u16) -> Option<usize> {
        self.listeners.iter().position(|listener| listener.is_some_and(|it| it.port == port))
    }

    /// The slot with which a listener waits.
    fn waiting_for(&self, index: usize) -> Option<usize> {
        self.waiting.iter().find(|&number| {
            let slot = &self.slots[number];
            matches!(slot, Slot::Waiting { listener, handshake: None } if *listener == index)
        })
    }

    fn is_shut_at(&self, index: usize) -> bool {
        self.listeners[index].is_some() && self.waiting_for(index).is_none()
    }

    /// A slot for a new connection of a client.
    pub(crate) fn take_free(&mut self, stack: &mut Stack) -> Option<usize> {
        self.free().or_else(|| self.reclaim(stack, None))
    }

    fn free(&self) -> Option<usize> {
        self.slots.iter().position(|slot| matches!(slot, Slot::Free))
    }

    /// Follows the handshakes, and lets every listener that may have more connections wait for one.
    /// In a crowd that costs the oldest handshake; otherwise one that has had time for an answer.
    pub(crate) fn follow(&mut self, stack: &mut Stack, now: Instant, is_crowd: bool) {
        for index in self.waiting.iter() {
            self.follow_handshake(index, stack, now);
        }
        if self.is_short {
            let begun_by = (!is_crowd).then(|| now - HANDSHAKE_SLOW);
            for index in 0..LISTENERS {
                self.refill(index, stack, begun_by);
            }
            self.is_short = (0..LISTENERS).any(|index| self.lacks_slot(index));
        }
    }

    /// Follows the connections that are nobody's any more. To be called when the stack has sent what
    /// there was to send.
    pub(crate) fn follow_leaving(&mut self, stack: &mut Stack) {
        for index in self.leaving.iter() {
            if !stack.tcp(index).is_open() {
                stack.park_tcp(index);
                self.set(index, Slot::Free);
                self.leaving.set(index, false);
            }
        }
    }

    fn follow_handshake(&mut self, index: usize, stack: &mut Stack, now: Instant) {
        let Slot::Waiting { listener, handshake } = &mut self.slots[index] else { return };
        let socket = stack.tcp(index);
        match (socket.state(), *handshake) {
            (tcp::State::Listen, _) => *handshake = None,
            (tcp::State::SynReceived, None) => {
                *handshake = Some(now);
                // It waits for nobody else.
                self.is_short = true;
            }
            (tcp::State::SynReceived, Some(since)) if handshake_is_stale(since, now) => {
                socket.abort();
                self.set(index, Slot::Finishing);
            }
            (tcp::State::SynReceived, Some(_)) => {}
            (tcp::State::Closed, _) => self.set(index, Slot::Free),
            _ => {
                let listener = *listener;
                let slot = match self.listeners[listener] {
                    Some(owner) => Slot::Owned(Connection::new(owner.client, Some(listener))),
                    None => Slot::Finishing,
                };
                self.set(index, slot);
            }
        }
    }

    /// Whether a listener may have more connections, but has no slot to wait with.
    fn lacks_slot(&self, index: usize) -> bool {
        let connections = self.slots.iter().filter(|slot| slot.is_from(index)).count();
        self.is_shut_at(index)
            && self.listeners[index].is_some_and(|listener| connections < listener.connections_max)
    }

    /// Lets a listener that may have more connections wait for the next one, if there is a slot, and no
    /// other. One is enough, because handshakes are followed after every frame that begins one. Each
    /// handshake may become a connection, so together they are no more than the listener may have.
    fn refill(&mut self, index: usize, stack: &mut Stack, begun_by: Option<Instant>) {
        let Some(listener) = self.listeners[index].filter(|_| self.lacks_slot(index)) else {
            return;
        };
        let taken = self.slots.iter().filter(|slot| slot.is_from(index) || slot.is_for(index));
        let slot = if taken.count() < listener.connections_max {
            self.free().or_else(|| self.reclaim(stack, begun_by))
        } else {
            self.give_up(self.oldest_handshake(Some(index), begun_by), stack)
        };
        let Some(slot) = slot else { return };
        stack.tcp(slot).abort();
        if stack.listen(slot, listener.port).is_ok() {
            self.set(slot, Slot::Waiting { listener: index, handshake: None });
        }
    }

    /// Takes a slot from a connection in TIME-WAIT, else from the oldest handshake, if that had begun
    /// by the given time.
    fn reclaim(&mut self, stack: &mut Stack, begun_by: Option<Instant>) -> Option<usize> {
        let finished = (0..TCP_SOCKETS).find(|&index| {
            matches!(self.slots[index], Slot::Finishing)
                && stack.tcp(index).state() == tcp::State::TimeWait
        });
        self.give_up(finished.or_else(|| self.oldest_handshake(None, begun_by)), stack)
    }

    fn give_up(&mut self, slot: Option<usize>, stack: &mut Stack) -> Option<usize> {
        let slot = slot?;
        stack.tcp(slot).abort();
        self.set(slot, Slot::Free);
        Some(slot)
    }

    /// The oldest handshake, of one listener or of all, if it had begun by the given time.
    fn oldest_handshake(&self, of: Option<usize>, begun_by: Option<Instant>) -> Option<usize> {
        let handshakes = self.slots.iter().enumerate().filter_map(|(index, slot)| match slot {
            Slot::Waiting { listener, handshake: Some(since) }
                if of.is_none_or(|of| of == *listener) =>
            {
                Some((*since, index))
            }
            _ => None,
        });
        let (since, index) = handshakes.min()?;
        begun_by.is_none_or(|time| since <= time).then_some(index)
    }
}

impl Connection {
    /// A connection about which nothing has been told yet.
    #[must_use]
    pub(crate) fn new(client: usize, listener: Option<usize>) -> Self {
        Self {
            client,
            life: 0,
            listener,
            cookie: 0,
            announced: false,
            peer_closed: false,
            closing: false,
            lent: 0,
            sends: heapless::Deque::new(),
        }
    }
}
