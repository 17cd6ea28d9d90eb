//! The one timeout that this PD asks `timer` for.

use protocols::timer::{Completion, Op, RING_SLOTS, Request};
use sel4_shared_ring_buffer::{ClientEnd, LinkError};

/// The rings to `timer`.
pub type TimerLink<'a, F> = ClientEnd<'a, Request, Completion, RING_SLOTS, F>;

/// A timeout that is set at most once at a time.
pub(crate) struct Alarm<'a, F: FnMut()> {
    link: TimerLink<'a, F>,
    is_set: bool,
}

impl<'a, F: FnMut()> Alarm<'a, F> {
    pub(crate) const fn new(link: TimerLink<'a, F>) -> Self {
        Self { link, is_set: false }
    }

    /// Sets the alarm, unless it is set already.
    pub(crate) fn set(&mut self, deadline_ns: u64) {
        let request = Request { cookie: 0, deadline_ns, op: Op::Arm.code(), reserved: [0; 6] };
        // One request at a time leaves room; a link that is cut off gives no alarms.
        if !self.is_set && self.link.send(request).is_ok() {
            self.link.flush();
            self.is_set = true;
        }
    }

    /// Whether the alarm went off since the last call. A restart of `timer` counts: the alarm is
    /// lost, and whoever waits for it looks again.
    pub(crate) fn take(&mut self) -> bool {
        let mut rang = false;
        loop {
            match self.link.receive() {
                Ok(None) | Err(LinkError::PeerMisbehavior) => break,
                Ok(Some(_)) | Err(LinkError::PeerRestarted) => rang = true,
            }
        }
        self.is_set &= !rang;
        rang
    }

    pub(crate) fn arm(&mut self) -> bool {
        self.link.arm()
    }
}
