//! One timeout at a time from `timer`, for a PD that watches deadlines.

use protocols::timer::{Completion, Op, RING_SLOTS, Request};
use sel4_shared_ring_buffer::{ClientEnd, LinkError};

/// The client end of a link to `timer`.
pub type TimerLink<'a, F> = ClientEnd<'a, Request, Completion, RING_SLOTS, F>;

/// A timeout that is set at most once at a time: set it for the earliest deadline before sleeping,
/// and when it rings look which deadlines have passed. So `timer` hears of few of them.
#[derive(Debug)]
pub struct Alarm<'a, F: FnMut()> {
    link: TimerLink<'a, F>,
    is_set: bool,
}

impl<'a, F: FnMut()> Alarm<'a, F> {
    /// An alarm over a link to `timer`.
    pub const fn new(link: TimerLink<'a, F>) -> Self {
        Self { link, is_set: false }
    }

    /// Sets the alarm, unless it is set already.
    pub fn set(&mut self, deadline_ns: u64) {
        let request = Request { cookie: 0, deadline_ns, op: Op::Arm.code(), reserved: [0; 6] };
        // One request at a time leaves room; a link that is cut off gives no alarms.
        if !self.is_set && self.link.send(request).is_ok() {
            self.link.flush();
            self.is_set = true;
        }
    }

    /// Whether the alarm went off since the last call. A restart of `timer` counts: the alarm is
    /// lost, and whoever waits for it looks again.
    pub fn take(&mut self) -> bool {
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

    /// Prepares for sleep; `false` when it rings already.
    pub fn arm(&mut self) -> bool {
        self.link.arm()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocols::timer::Status;
    use sel4_shared_ring_buffer::RawLink;

    #[test]
    fn is_set_once_and_rings_once() {
        let raw = RawLink::<Request, Completion, RING_SLOTS>::new();
        let mut timer = raw.server(|| ());
        let mut alarm = Alarm::new(raw.client(|| ()));
        assert!(!alarm.take());
        alarm.set(100);
        alarm.set(50);
        assert_eq!(timer.receive().map(|request| request.map(|r| r.deadline_ns)), Ok(Some(100)));
        assert_eq!(timer.receive(), Ok(None));
        assert!(alarm.arm());
        let status = Status::Expired.code();
        timer.send(Completion { cookie: 0, status, reserved: [0; 6] }).unwrap();
        timer.flush();
        assert!(!alarm.arm());
        assert!(alarm.take());
        assert!(!alarm.take());
        alarm.set(200);
        assert_eq!(timer.receive().map(|request| request.map(|r| r.deadline_ns)), Ok(Some(200)));
    }

    #[test]
    fn a_timer_that_starts_anew_rings() {
        let raw = RawLink::<Request, Completion, RING_SLOTS>::new();
        let mut timer = raw.server(|| ());
        let mut alarm = Alarm::new(raw.client(|| ()));
        alarm.set(100);
        assert!(timer.receive().is_ok());
        let mut timer = raw.server(|| ());
        assert!(alarm.take(), "the timeout is lost");
        alarm.set(100);
        let request = core::iter::from_fn(|| timer.receive().ok()).flatten().next();
        assert_eq!(request.map(|request| request.deadline_ns), Some(100));
    }
}
