//! More connections at once than there are sockets.

use smoltcp::wire::{EthernetFrame, Ipv4Packet, TcpPacket};

use super::frames::{mend_checksums, question};
use super::*;
use crate::backlog::SYNS_MAX;

const SYN: u8 = 2;
const ACK: u8 = 16;

/// A segment of a peer that has no stack.
fn segment(port: u16, sequence: u32, acknowledged: u32, flags: u8) -> Vec<u8> {
    let mut frame = [&NET_MAC[..], &PEER_MAC, &[8, 0]].concat();
    frame.extend([0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0]);
    frame.extend(PEER.octets());
    frame.extend(NET.octets());
    frame.extend(port.to_be_bytes());
    frame.extend(80_u16.to_be_bytes());
    frame.extend(sequence.to_be_bytes());
    frame.extend(acknowledged.to_be_bytes());
    frame.extend([0x50, flags, 0x40, 0, 0, 0, 0, 0]);
    mend_checksums(&mut frame);
    frame
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// SYN+ACK with this sequence number.
    Welcome(u32),
    Reset,
    Other,
}

/// The port of the peer to which a segment goes, and what it says.
fn said(frame: &[u8]) -> Option<(u16, Said)> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let segment = TcpPacket::new_checked(ip.payload()).ok()?;
    let said = match (segment.syn(), segment.rst()) {
        (true, _) => Said::Welcome(segment.seq_number().0.cast_unsigned()),
        (_, true) => Said::Reset,
        _ => Said::Other,
    };
    Some((segment.dst_port(), said))
}

impl World {
    /// Lets `net` work at this instant; what it says to the peer.
    fn hear(&mut self) -> Vec<(u16, Said)> {
        self.net.step(Instant::from_millis(self.now_ms));
        let mut cable = self.peer.end.cable.borrow_mut();
        cable.to_peer.drain(..).filter_map(|frame| said(&frame)).collect()
    }

    fn ask_from(&mut self, port: u16) {
        self.inject(segment(port, 0, 0, SYN));
    }
}

/// A world whose only connection is open and has been told.
fn taken() -> (World, u16) {
    let mut world = World::new(&["gateway"]);
    world.inject(question(PEER));
    world.listen(0, 80, 1);
    let (_, accepted) = world.connected(80, 5000);
    world.peer.end.cable.borrow_mut().to_peer.clear();
    (world, accepted.socket)
}

impl World {
    fn give_up(&mut self, socket: u16) {
        self.clients[0].ask(Request { socket, ..request(Op::Abort) });
    }
}

#[test]
fn a_burst_is_accepted_and_nobody_in_it_is_reset() {
    let mut world = World::new(&["gateway"]);
    world.inject(question(PEER));
    world.listen(0, 80, 18);
    let ports = 10_000..10_000 + 60;
    ports.clone().for_each(|port| world.ask_from(port));
    let (mut accepted, mut kept) = (Vec::new(), VecDeque::new());
    while accepted.len() < ports.len() {
        let heard = world.hear();
        for (port, said) in heard {
            match said {
                Said::Welcome(sequence) => {
                    world.inject(segment(port, 1, sequence.wrapping_add(1), ACK));
                }
                _ => assert!(accepted.contains(&port), "{port}: {said:?}"),
            }
        }
        for event in world.clients[0].events() {
            if told(&event).0 == Some(Kind::Accepted) {
                accepted.push(event.remote_port);
                kept.push_back(event.socket);
            }
        }
        assert!(kept.len() <= 18);
        // As the gateway does: the one that has been there longest makes room.
        while kept.len() > 16 {
            world.give_up(kept.pop_front().unwrap());
        }
        world.now_ms += 1;
        assert!(world.now_ms < 1000, "{} of {}", accepted.len(), ports.len());
    }
}

#[test]
fn a_listener_gets_no_more_than_it_asked_for() {
    let mut world = World::new(&["gateway"]);
    world.inject(question(PEER));
    world.listen(0, 80, 3);
    (6000..6008).for_each(|port| world.ask_from(port));
    let mut accepted = VecDeque::new();
    for most in [3, 4, 5] {
        // All handshakes that have begun end in the same turn.
        for _ in 0..3 {
            for (port, said) in world.hear() {
                if let Said::Welcome(sequence) = said {
                    world.inject(segment(port, 1, sequence.wrapping_add(1), ACK));
                }
            }
        }
        let events = world.clients[0].events();
        let told = events.iter().filter(|event| told(event).0 == Some(Kind::Accepted));
        accepted.extend(told.map(|event| event.socket));
        assert_eq!(accepted.len(), most);
        world.give_up(accepted[most - 3]);
    }
}

#[test]
fn a_handshake_that_nobody_ends_gives_way() {
    let mut world = World::new(&["gateway"]);
    world.inject(question(PEER));
    world.listen(0, 80, 2);
    (6000..6002).for_each(|port| world.ask_from(port));
    assert!(matches!(world.hear()[..], [(6000, Said::Welcome(_)), (6001, Said::Welcome(_))]));
    world.now_ms += 500;
    world.ask_from(6002);
    assert_eq!(world.hear(), []);
    world.now_ms += 600;
    let heard = world.hear();
    assert!(
        heard.iter().any(|(port, said)| *port == 6002 && matches!(said, Said::Welcome(_))),
        "{heard:?}"
    );
}

#[test]
fn who_finds_no_room_waits_for_it() {
    let (mut world, socket) = taken();
    world.ask_from(6000);
    assert_eq!(world.hear(), []);
    world.give_up(socket);
    let heard = world.hear();
    assert!(matches!(heard[..], [(5000, Said::Reset), (6000, Said::Welcome(_))]), "{heard:?}");
}

#[test]
fn who_has_waited_too_long_is_forgotten() {
    let (mut world, socket) = taken();
    world.ask_from(6000);
    assert_eq!(world.hear(), []);
    world.now_ms += 11_000;
    world.give_up(socket);
    assert_eq!(world.hear(), [(5000, Said::Reset)]);
    world.ask_from(6001);
    assert!(matches!(world.hear()[..], [(6001, Said::Welcome(_))]));
}

#[test]
fn the_newest_goes_first_and_the_oldest_is_forgotten() {
    let (mut world, socket) = taken();
    let most = u16::try_from(SYNS_MAX).unwrap();
    // The first one asks again and again, and still takes one place.
    for port in [6000; 10].into_iter().chain(6000..=6000 + most) {
        world.ask_from(port);
    }
    assert_eq!(world.hear(), []);
    world.give_up(socket);
    let mut welcomed = Vec::new();
    while world.now_ms < 2000 {
        let heard = world.hear();
        welcomed.extend(
            heard
                .iter()
                .filter(|(_, said)| matches!(said, Said::Welcome(_)))
                .map(|(port, _)| *port),
        );
        world.now_ms += 1;
    }
    assert!(welcomed[..2].contains(&(6000 + most)), "{welcomed:?}");
    assert!(!welcomed.contains(&6000), "{welcomed:?}");
}

#[test]
fn a_port_that_nobody_listens_on_is_still_refused() {
    let (mut world, _) = taken();
    let mut frame = segment(6000, 0, 0, SYN);
    frame[36..38].copy_from_slice(&81_u16.to_be_bytes());
    mend_checksums(&mut frame);
    world.inject(frame);
    assert_eq!(world.hear(), [(6000, Said::Reset)]);
}
