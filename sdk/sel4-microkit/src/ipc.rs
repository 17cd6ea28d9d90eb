//! Receiving and answering, one kernel entry each, for code that keeps its own event loop.

use core::fmt;

use sel4::{Cap, cap, cap_type};

use crate::channel::{Channel, Child};
use crate::defer::PreparedAction;
use crate::message::MessageInfo;

const INPUT: cap::Endpoint = Cap::from_bits(1);
const REPLY: cap::Reply = Cap::from_bits(4);
const MONITOR: cap::Unspecified = Cap::from_bits(5);

const PROTECTED_BIT: u64 = 1 << 63;
const FAULT_BIT: u64 = 1 << 62;

/// What a receive brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Peers notified, interrupts arrived.
    Notified(ChannelSet),
    /// A peer calls and waits.
    Protected(Channel, MessageInfo),
    /// A child faulted and waits.
    Fault(Child, MessageInfo),
}

impl Event {
    /// Bit 63: call, channel in bits 0–5. Bit 62: fault, child in bits 0–7. Else a bit per channel,
    /// and the tag means nothing.
    #[inline(always)]
    const fn new((info, badge): (sel4::MessageInfo, sel4::Badge)) -> Self {
        let msg_info = MessageInfo::from_inner(info);
        if badge & PROTECTED_BIT != 0 {
            Self::Protected(Channel::from_kernel((badge & 0x3f) as usize), msg_info)
        } else if badge & FAULT_BIT != 0 {
            Self::Fault(Child::new((badge & 0xff) as usize), msg_info)
        } else {
            Self::Notified(ChannelSet(badge))
        }
    }
}

/// Waits for the next event. An unanswered caller or child stays blocked.
#[inline(always)]
pub fn recv() -> Event {
    Event::new(INPUT.recv(REPLY))
}

/// Answers the last caller or child.
#[inline(always)]
pub fn reply(msg_info: MessageInfo) {
    REPLY.send(msg_info.into_inner());
}

/// Answers the last caller or child, then waits for the next event.
#[inline(always)]
pub fn reply_recv(msg_info: MessageInfo) -> Event {
    Event::new(INPUT.reply_recv(msg_info.into_inner(), REPLY))
}

/// Performs a deferred action, then waits for the next event.
#[inline(always)]
pub(crate) fn nb_send_recv(action: PreparedAction) -> Event {
    let input = INPUT.cast::<cap_type::Unspecified>();
    Event::new(action.dest.nb_send_recv(action.info, input, REPLY))
}

/// Performs a deferred action.
#[inline(always)]
pub(crate) fn send(action: PreparedAction) {
    action.dest.send(action.info);
}

/// The message to the monitor by which a passive PD gives up its scheduling context.
pub(crate) const fn forfeit_sc() -> PreparedAction {
    PreparedAction { dest: MONITOR, info: sel4::MessageInfo::new(0, 0, 0, 0) }
}

/// Channels and interrupts that were notified since the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelSet(sel4::Badge);

impl ChannelSet {
    /// Whether `channel` was notified.
    #[inline]
    pub const fn contains(&self, channel: Channel) -> bool {
        self.0 >> channel.index() & 1 != 0
    }

    /// The channels in the set, lowest id first.
    pub const fn iter(&self) -> ChannelSetIter {
        ChannelSetIter(self.0)
    }

    /// Prints the set as `{1, 4}`.
    pub const fn display(&self) -> DisplayChannelSet<'_> {
        DisplayChannelSet(self)
    }
}

impl IntoIterator for ChannelSet {
    type Item = Channel;
    type IntoIter = ChannelSetIter;

    fn into_iter(self) -> ChannelSetIter {
        self.iter()
    }
}

/// Iterator over the channels of a [`ChannelSet`].
#[derive(Debug, Clone)]
pub struct ChannelSetIter(sel4::Badge);

impl Iterator for ChannelSetIter {
    type Item = Channel;

    fn next(&mut self) -> Option<Channel> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(Channel::from_kernel(index as usize))
    }
}

/// Prints a [`ChannelSet`].
#[derive(Debug)]
pub struct DisplayChannelSet<'a>(&'a ChannelSet);

impl fmt::Display for DisplayChannelSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        let mut separator = "";
        for channel in self.0.iter() {
            write!(f, "{separator}{}", channel.index())?;
            separator = ", ";
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn badges_tell_calls_faults_and_notifications_apart() {
        let info = sel4::MessageInfo::new(1, 0, 0, 2);
        let msg_info = MessageInfo::new(1, 2);
        let event = |badge| Event::new((info, badge));
        assert_eq!(event(1 << 63 | 61), Event::Protected(Channel::new(61), msg_info));
        assert_eq!(event(1 << 62 | 7), Event::Fault(Child::new(7), msg_info));
        assert_eq!(event(0b1001), Event::Notified(ChannelSet(0b1001)));
    }

    #[test]
    fn a_channel_set_lists_its_channels_in_order() {
        let set = ChannelSet(1 | 1 << 5 | 1 << 61);
        let indices: Vec<_> = set.iter().map(|channel| channel.index()).collect();
        assert_eq!(indices, [0, 5, 61]);
        assert!(set.contains(Channel::new(5)) && !set.contains(Channel::new(6)));
        assert_eq!(set.display().to_string(), "{0, 5, 61}");
        assert_eq!(ChannelSet(0).display().to_string(), "{}");
    }
}
