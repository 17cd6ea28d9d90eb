//! What PDs say about their peers.

use protocols::lifecycle::Peer;
use protocols::system::PeerStatus;

use super::{Children, Supervisor};

/// No channel.
const NONE: u8 = 0xff;

impl<C: Children> Supervisor<'_, C> {
    /// Takes over what everybody says about their peers.
    pub(super) fn look_at_peers(&mut self) {
        let status = &mut self.memory.status;
        let mut places = status.peers.iter_mut();
        let mut count = 0;
        for (pd, entry) in self.entries.iter().enumerate() {
            let channels = entry.peer_channels.iter().enumerate();
            for (peer, channel) in channels.filter(|(_, channel)| **channel != NONE) {
                let Some(seen) = self.children.peer(pd, *channel) else { continue };
                let Some(place) = places.next() else { break };
                let number = |place: usize| u8::try_from(place).unwrap_or(NONE);
                let (pd, peer) = (number(pd), number(peer));
                *place = PeerStatus { pd, peer, reserved: [0; 2], seen: possible(seen) };
                count += 1;
            }
        }
        status.peer_count = count;
    }
}

/// No more waits than ever waited, and no more than that fits.
fn possible(seen: Peer) -> Peer {
    let most = seen.most.min(seen.capacity);
    Peer { most, waiting: seen.waiting.min(most), ..seen }
}
