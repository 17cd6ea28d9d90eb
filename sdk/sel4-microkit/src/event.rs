//! What a receive brought: decoding of badges.

use core::fmt;

use crate::channel::{Channel, Child};

const PROTECTED_BIT: u64 = 1 << 63;
const FAULT_BIT: u64 = 1 << 62;

/// Sender of a received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Peers notified, interrupts arrived.
    Notified(ChannelSet),
    /// A peer calls and waits.
    Protected(Channel),
    /// A child faulted and waits.
    Fault(Child),
}

impl Source {
    /// Bit 63: call, channel in bits 0–5. Bit 62: fault, child in bits 0–7. Else a bit per channel.
    #[inline(always)]
    pub(crate) const fn from_badge(badge: sel4::Badge) -> Self {
        if badge & PROTECTED_BIT != 0 {
            Self::Protected(Channel::from_kernel((badge & 0x3f) as usize))
        } else if badge & FAULT_BIT != 0 {
            Self::Fault(Child::new((badge & 0xff) as usize))
        } else {
            Self::Notified(ChannelSet(badge))
        }
    }
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
        assert_eq!(Source::from_badge(1 << 63 | 61), Source::Protected(Channel::new(61)));
        assert_eq!(Source::from_badge(1 << 62 | 7), Source::Fault(Child::new(7)));
        assert_eq!(Source::from_badge(0b1001), Source::Notified(ChannelSet(0b1001)));
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
