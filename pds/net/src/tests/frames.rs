//! A hostile wire, and a `nic` that breaks its protocol.

use proptest::prelude::*;
use protocols::nic::{BUFFER_BYTES, BUFFERS, RING_SLOTS as NIC_SLOTS};
use sel4_shared_ring_buffer::{Descriptor, ServerEnd};
use smoltcp::wire::{EthernetFrame, Icmpv4Packet, IpProtocol, Ipv4Packet, TcpPacket, UdpPacket};

use super::*;
use crate::frames::Frames;

/// Frames of an ordinary day: ARP, a ping, a connection with bytes both ways, datagrams.
fn corpus() -> Vec<Vec<u8>> {
    let mut world = World::new(&["gateway"]);
    world.listen(0, 80, 8);
    world.answer(0, Request { port: 53, ..request(Op::UdpBind) });
    let udp = world.peer.udp_socket(9);
    let (peer, accepted) = world.connected(80, 5000);
    let len = world.clients[0].put(&[7; 3000]);
    world.peer.tcp(peer).send_slice(&[8; 3000]).unwrap();
    world.ask(0, Request { socket: accepted.socket, len, ..request(Op::Send) });
    let socket = world.peer.sockets.get_mut::<udp::Socket>(udp);
    socket.send_slice(b"datagram", (NET, 53)).unwrap();
    world.peer.tcp(peer).close();
    world.run(10);
    let mut frames = world.peer.end.cable.borrow().log.clone();
    frames.push(ping());
    assert!(frames.len() >= 6, "{}", frames.len());
    frames
}

/// An echo request from the peer.
fn ping() -> Vec<u8> {
    let mut frame = [&NET_MAC[..], &PEER_MAC, &[8, 0]].concat();
    frame.extend([0x45, 0, 0, 32, 0, 1, 0, 0, 64, 1, 0, 0]);
    frame.extend(PEER.octets());
    frame.extend(NET.octets());
    frame.extend([8, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4]);
    mend_checksums(&mut frame);
    frame
}

/// Makes checksums right again, so that what is behind them is looked at.
pub(super) fn mend_checksums(frame: &mut [u8]) {
    let Ok(mut ethernet) = EthernetFrame::new_checked(frame) else { return };
    let Ok(mut ip) = Ipv4Packet::new_checked(ethernet.payload_mut()) else { return };
    ip.fill_checksum();
    let (from, to, protocol) = (ip.src_addr().into(), ip.dst_addr().into(), ip.next_header());
    let payload = ip.payload_mut();
    match protocol {
        IpProtocol::Icmp => {
            if let Ok(mut packet) = Icmpv4Packet::new_checked(payload) {
                packet.fill_checksum();
            }
        }
        IpProtocol::Tcp => {
            if let Ok(mut packet) = TcpPacket::new_checked(payload) {
                packet.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut packet) = UdpPacket::new_checked(payload) {
                packet.fill_checksum(&from, &to);
            }
        }
        _ => {}
    }
}

/// A station asks who has the address, as it would before it talks; from that it is known itself.
pub(super) fn question(from: Ipv4Address) -> Vec<u8> {
    let mut frame =
        [&[0xff; 6][..], &PEER_MAC, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &PEER_MAC].concat();
    frame.extend(from.octets());
    frame.extend([0; 6]);
    frame.extend(NET.octets());
    frame
}

/// Does the stack answer?
fn answers_a_ping(world: &mut World) -> bool {
    world.inject(question(PEER));
    world.inject(ping());
    world.net.step(Instant::from_millis(world.now_ms));
    let cable = world.peer.end.cable.borrow();
    cable.to_peer.iter().any(|frame| is_echo_reply(frame))
}

fn is_echo_reply(frame: &[u8]) -> bool {
    let protocol = frame.get(23).copied().map(IpProtocol::from);
    frame.get(12..14) == Some(&[8, 0])
        && protocol == Some(IpProtocol::Icmp)
        && frame.get(34) == Some(&0)
}

#[derive(Clone, Debug)]
struct Damage {
    which: prop::sample::Index,
    edits: Vec<(prop::sample::Index, u8)>,
    cut: Option<prop::sample::Index>,
    is_mended: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let cut = prop::option::weighted(0.2, any::<prop::sample::Index>());
    (any::<prop::sample::Index>(), edits, cut, any::<bool>())
        .prop_map(|(which, edits, cut, is_mended)| Damage { which, edits, cut, is_mended })
}

impl Damage {
    fn apply(&self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut frame = self.which.get(corpus).clone();
        for (at, byte) in &self.edits {
            // Headers matter more than contents.
            let at = at.index(frame.len().min(70));
            frame[at] = *byte;
        }
        if let Some(cut) = self.cut {
            frame.truncate(cut.index(frame.len()));
        }
        if self.is_mended {
            mend_checksums(&mut frame);
        }
        frame
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn damaged_frames_are_survived(frames in prop::collection::vec(damage(), 200)) {
        let corpus = corpus();
        let mut world = World::new(&["gateway"]);
        world.listen(0, 80, 8);
        world.answer(0, Request { port: 53, ..request(Op::UdpBind) });
        for damage in &frames {
            world.inject(damage.apply(&corpus));
            world.run(1);
            // What arrives after all is taken and given back.
            for event in world.clients[0].events() {
                if [Some(Kind::Data), Some(Kind::Datagram)].contains(&told(&event).0) {
                    world.clients[0].ask(Request { offset: event.offset, ..request(Op::Release) });
                }
            }
        }
        // What forged frames said about who has which address is forgotten by then.
        world.pass(70);
        world.clients[0].events();
        prop_assert!(answers_a_ping(&mut world));
        world.connected(80, 6000);
    }
}

#[test]
fn half_open_connections_keep_nobody_out() {
    let mut world = World::new(&["gateway"]);
    world.listen(0, 80, 8);
    let (peer, _) = world.connected(80, 5000);
    let syn = world.peer.end.cable.borrow().log.iter().find(|frame| frame.len() >= 54).cloned();
    let syn = syn.unwrap();
    for port in 10_000..11_000_u16 {
        let mut frame = syn.clone();
        frame[34..36].copy_from_slice(&port.to_be_bytes());
        mend_checksums(&mut frame);
        // The peer's stack knows nothing of them, so its resets do not come from these ports.
        world.inject(frame);
        let now = Instant::from_millis(world.now_ms);
        world.net.step(now);
        world.peer.end.cable.borrow_mut().to_peer.clear();
    }
    assert!(world.peer.tcp(peer).is_active(), "connections are not given up for half-open ones");
    world.connected(80, 5001);
}

#[test]
fn a_station_that_gives_no_answer_is_not_asked_for_ever() {
    let mut world = World::new(&["gateway"]);
    world.listen(0, 80, 8);
    world.connected(80, 5000);
    let syn = world.peer.end.cable.borrow().log.iter().find(|frame| frame.len() >= 54).cloned();
    let mut frame = syn.unwrap();
    let nobody = [10, 0, 0, 151];
    frame[26..30].copy_from_slice(&nobody);
    mend_checksums(&mut frame);
    world.inject(frame);
    // smoltcp has one question a second: who takes it for ever keeps the others from being found.
    let mut asks = |duration_ms| {
        world.peer.end.cable.borrow_mut().to_peer.clear();
        for _ in 0..duration_ms {
            world.net.step(Instant::from_millis(world.now_ms));
            world.now_ms += 1;
        }
        let cable = world.peer.end.cable.borrow();
        cable.to_peer.iter().any(|frame| frame[12..14] == [8, 6] && frame[38..42] == nobody)
    };
    assert!(asks(1000), "an answer may come");
    asks(3000);
    assert!(!asks(3000));
}

/// `nic`'s side of a lane.
type NicEnd = ServerEnd<'static, Descriptor, Descriptor, NIC_SLOTS>;
type NicRings = RawLink<Descriptor, Descriptor, NIC_SLOTS>;

fn card() -> (Frames<'static, fn()>, NicEnd, DataRegion<'static>) {
    let rings: &'static [NicRings; 2] = Box::leak(Box::new([NicRings::new(), NicRings::new()]));
    let rx = region();
    let tx = zeros(REGION_BYTES);
    let ends = (rings[0].client(ignore as fn()), rings[1].client(ignore as fn()));
    let mut frames = Frames::new(ends.0, ends.1, rx.read_only(), tx).unwrap();
    frames.flush();
    (frames, rings[0].server(ignore as fn()), rx)
}

/// Bytes of the frames that arrive.
fn arrived(frames: &mut Frames<'static, fn()>) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| {
        let (received, _) = frames.receive(Instant::ZERO)?;
        Some(received.consume(<[u8]>::to_vec))
    })
    .collect()
}

#[test]
fn a_frame_is_copied_out_and_its_buffer_lent_again() {
    let (mut frames, mut nic, rx) = card();
    let lent: Vec<_> = std::iter::from_fn(|| nic.receive().unwrap()).collect();
    assert_eq!(lent.len(), BUFFERS);
    let offset = u32::try_from(lent[3].encoded_addr()).unwrap();
    rx.copy_in(rx.span(offset, 5).unwrap(), b"frame").unwrap();
    nic.send(Descriptor::new(offset as usize, 5, 3)).unwrap();
    nic.flush();
    assert_eq!(arrived(&mut frames), [b"frame"]);
    frames.flush();
    assert_eq!(nic.receive().unwrap().map(|again| again.encoded_addr()), Some(offset as usize));
    assert_eq!((frames.counters().received, frames.counters().violations), (1, 0));
}

#[test]
fn descriptors_that_break_the_protocol_are_counted_and_skipped() {
    let (mut frames, mut nic, _) = card();
    while nic.receive().unwrap().is_some() {}
    let good = 5 * BUFFER_BYTES;
    for (address, len) in [
        (REGION_BYTES, 60),
        (usize::MAX, 60),
        (1, 60),
        (2 * BUFFER_BYTES, 1515),
        (3 * BUFFER_BYTES, u32::MAX),
        (good, 60),
        (good, 60),
    ] {
        nic.send(Descriptor::new(address, len, 0)).unwrap();
    }
    nic.flush();
    // A refused descriptor may end a look at the ring early; the next look goes on.
    let found: Vec<_> = (0..8).flat_map(|_| arrived(&mut frames)).collect();
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [60, 60]);
    assert!(frames.counters().violations >= 5, "{:?}", frames.counters());
}
