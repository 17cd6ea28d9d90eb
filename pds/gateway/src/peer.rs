//! The client end of a link whose server may restart or misbehave.

use sel4_shared_ring_buffer::{ClientEnd, LinkError, Message};

/// How long a peer that broke its link is left alone, before a new life of this end tries again.
const PAUSE_NS: u64 = 1_000_000_000;

/// What a peer brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News<T> {
    /// An answer or an event, not yet checked.
    Message(T),
    /// Everything that was asked before is void, and all that the peer kept for this PD is gone.
    Lost,
}

/// A server, as this PD sees it.
pub(crate) struct Peer<'a, Tx, Rx, const N: usize, F> {
    name: &'static str,
    link: ClientEnd<'a, Tx, Rx, N, F>,
    /// When the link is tried again after the peer broke it.
    retry_ns: Option<u64>,
    violations: u64,
}

impl<'a, Tx: Message, Rx: Message, const N: usize, F: FnMut()> Peer<'a, Tx, Rx, N, F> {
    pub(crate) const fn new(name: &'static str, link: ClientEnd<'a, Tx, Rx, N, F>) -> Self {
        Self { name, link, retry_ns: None, violations: 0 }
    }

    /// Sends a request that [`Peer::flush`] or [`Peer::arm`] publishes; `false` when there is no room
    /// now. When there is again, `arm` has this PD woken.
    pub(crate) fn send(&mut self, request: Tx) -> bool {
        self.room() > 0 && self.link.send(request).is_ok()
    }

    /// Requests that can be sent now.
    pub(crate) fn room(&mut self) -> usize {
        if self.retry_ns.is_some() { 0 } else { self.link.room() }
    }

    /// The next thing that the peer brings.
    pub(crate) fn receive(&mut self, now_ns: u64) -> Option<News<Rx>> {
        if self.retry_ns.is_some_and(|at| at <= now_ns) {
            self.retry_ns = None;
            self.link.reset();
            // Said again: what waited for the peer to come back asks now.
            return Some(News::Lost);
        }
        if self.retry_ns.is_some() {
            return None;
        }
        match self.link.receive() {
            Ok(message) => message.map(News::Message),
            Err(LinkError::PeerRestarted) => Some(News::Lost),
            Err(LinkError::PeerMisbehavior) => {
                self.count("broke its link");
                self.retry_ns = Some(now_ns.saturating_add(PAUSE_NS));
                Some(News::Lost)
            }
        }
    }

    /// The peer said something that it must not say.
    pub(crate) fn blame(&mut self, what: &str) {
        self.link.blame();
        self.count(what);
    }

    fn count(&mut self, what: &str) {
        self.violations += 1;
        // A peer that does nothing else must not fill the console.
        if self.violations.is_power_of_two() {
            log::warn!("{} {what} ({} times so far)", self.name, self.violations);
        }
    }

    /// Publishes what was sent.
    pub(crate) fn flush(&mut self) {
        self.link.flush();
    }

    /// Prepares for sleep; `false` when there is something to receive.
    pub(crate) fn arm(&mut self) -> bool {
        self.link.arm()
    }

    /// When to call [`Peer::receive`] even if nobody notifies.
    pub(crate) fn deadline_ns(&self) -> u64 {
        self.retry_ns.unwrap_or(u64::MAX)
    }

    /// Times that the peer broke its protocol.
    pub(crate) const fn violations(&self) -> u64 {
        self.violations
    }
}
