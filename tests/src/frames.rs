//! Frames from and to the test's own station, and broken ones.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Packet, Icmpv4Repr, IpAddress, IpProtocol, Ipv4Address, Ipv4Packet,
    Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};

use crate::random::Random;

/// Our own station.
pub const ATTACKER_MAC: EthernetAddress = EthernetAddress([0x52, 0x55, 0x0a, 0, 2, 77]);
/// Its address, in the network that QEMU's DHCP server gives out.
pub const ATTACKER: Ipv4Address = Ipv4Address::new(10, 0, 2, 77);
/// The station address that QEMU gives to its first card.
pub const GUEST_MAC: EthernetAddress = EthernetAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
/// The first address that QEMU's DHCP server gives out.
pub const GUEST: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);

const HEADERS: usize = 14 + 20;

/// What a host says about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpAnswer {
    /// It is welcome.
    Accepted,
    /// Nobody listens.
    Refused,
}

/// What our station answers to a frame by itself: that it is there.
#[must_use]
pub fn answer(frame: &[u8]) -> Option<Vec<u8>> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Arp {
        return None;
    }
    let arp = ArpRepr::parse(&ArpPacket::new_checked(frame.payload()).ok()?).ok()?;
    let ArpRepr::EthernetIpv4 { operation: ArpOperation::Request, .. } = arp else { return None };
    let ArpRepr::EthernetIpv4 {
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = arp
    else {
        return None;
    };
    (target_protocol_addr == ATTACKER).then(|| {
        arp_frame(&ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: ATTACKER_MAC,
            source_protocol_addr: ATTACKER,
            target_hardware_addr: source_hardware_addr,
            target_protocol_addr: source_protocol_addr,
        })
    })
}

/// Asks who has the guest's address, and so tells it who has ours.
#[must_use]
pub fn question() -> Vec<u8> {
    arp_frame(&ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: ATTACKER_MAC,
        source_protocol_addr: ATTACKER,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: GUEST,
    })
}

fn arp_frame(arp: &ArpRepr) -> Vec<u8> {
    let mut payload = vec![0; arp.buffer_len()];
    arp.emit(&mut ArpPacket::new_unchecked(&mut payload));
    ethernet(EthernetProtocol::Arp, &payload)
}

fn ethernet(ethertype: EthernetProtocol, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; EthernetFrame::<&[u8]>::buffer_len(payload.len())];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    EthernetRepr { src_addr: ATTACKER_MAC, dst_addr: GUEST_MAC, ethertype }.emit(&mut frame);
    frame.payload_mut().copy_from_slice(payload);
    bytes
}

fn ipv4(next_header: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let header = Ipv4Repr {
        src_addr: ATTACKER,
        dst_addr: GUEST,
        next_header,
        payload_len: payload.len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; header.buffer_len() + payload.len()];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes);
    header.emit(&mut packet, &ChecksumCapabilities::default());
    packet.payload_mut().copy_from_slice(payload);
    ethernet(EthernetProtocol::Ipv4, &bytes)
}

/// `ping`.
#[must_use]
pub fn echo_request(ident: u16, seq_no: u16, data: &[u8]) -> Vec<u8> {
    let icmp = Icmpv4Repr::EchoRequest { ident, seq_no, data };
    let mut payload = vec![0; icmp.buffer_len()];
    icmp.emit(&mut Icmpv4Packet::new_unchecked(&mut payload), &ChecksumCapabilities::default());
    ipv4(IpProtocol::Icmp, &payload)
}

/// Identity, number and data of an answer to [`echo_request`].
#[must_use]
pub fn echo_reply(frame: &[u8]) -> Option<(u16, u16, Vec<u8>)> {
    let packet = guest_packet(frame, IpProtocol::Icmp)?;
    let icmp = Icmpv4Packet::new_checked(packet.payload()).ok()?;
    match Icmpv4Repr::parse(&icmp, &ChecksumCapabilities::default()).ok()? {
        Icmpv4Repr::EchoReply { ident, seq_no, data } => Some((ident, seq_no, data.to_vec())),
        _ => None,
    }
}

/// The first packet of a connection.
#[must_use]
pub fn syn(from_port: u16, to_port: u16, sequence: i32) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: from_port,
        dst_port: to_port,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(sequence),
        ack_number: None,
        window_len: 64240,
        window_scale: Some(7),
        max_seg_size: Some(1460),
        sack_permitted: true,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let mut payload = vec![0; tcp.buffer_len()];
    let (source, target) = (IpAddress::from(ATTACKER), IpAddress::from(GUEST));
    let mut packet = TcpPacket::new_unchecked(&mut payload);
    tcp.emit(&mut packet, &source, &target, &ChecksumCapabilities::default());
    ipv4(IpProtocol::Tcp, &payload)
}

/// The guest's port, ours, and what the guest says to our [`syn`].
#[must_use]
pub fn tcp_answer(frame: &[u8]) -> Option<(u16, u16, TcpAnswer)> {
    let packet = guest_packet(frame, IpProtocol::Tcp)?;
    let tcp = TcpPacket::new_checked(packet.payload()).ok()?;
    let said = match (tcp.syn(), tcp.ack(), tcp.rst()) {
        (true, true, false) => TcpAnswer::Accepted,
        (_, _, true) => TcpAnswer::Refused,
        _ => return None,
    };
    Some((tcp.src_port(), tcp.dst_port(), said))
}

/// A datagram.
#[must_use]
pub fn datagram(from_port: u16, to_port: u16, data: &[u8]) -> Vec<u8> {
    let udp = UdpRepr { src_port: from_port, dst_port: to_port };
    let mut payload = vec![0; udp.header_len() + data.len()];
    let (source, target) = (IpAddress::from(ATTACKER), IpAddress::from(GUEST));
    let mut packet = UdpPacket::new_unchecked(&mut payload);
    let copy = |bytes: &mut [u8]| bytes.copy_from_slice(data);
    udp.emit(&mut packet, &source, &target, data.len(), copy, &ChecksumCapabilities::default());
    ipv4(IpProtocol::Udp, &payload)
}

fn guest_packet(frame: &[u8], protocol: IpProtocol) -> Option<Ipv4Packet<&[u8]>> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let is_ip = ethernet.ethertype() == EthernetProtocol::Ipv4;
    let packet = Ipv4Packet::new_checked(frame.get(14..)?).ok().filter(|_| is_ip)?;
    (packet.next_header() == protocol && packet.src_addr() == GUEST).then_some(packet)
}

/// A frame that no honest station sends: noise, or a good frame that was cut, stretched or changed
/// in some bits, often with the checksums made right again so that it gets further. It has a byte at
/// least: QEMU takes a card's word that it received none for a refusal, and holds all later frames
/// back behind the empty one.
#[must_use]
pub fn malformed(random: &mut Random) -> Vec<u8> {
    let port = *random.pick(&[80, 80, 80, 1, 67, 68, 53, 443]);
    let len = random.below(1400);
    let data = random.bytes(len);
    let mut frame = match random.below(7) {
        0 => {
            let len = 1 + random.below(1600);
            return random.bytes(len);
        }
        1 => ethernet(EthernetProtocol::Unknown(0), &data),
        2 => ethernet(
            *random.pick(&[EthernetProtocol::Arp, EthernetProtocol::Ipv4, EthernetProtocol::Ipv6]),
            &data,
        ),
        3 => question(),
        4 => echo_request(1, 1, &data),
        5 => datagram(68, port, &data),
        _ => syn(10_000 + u16::from(random.byte()), port, 1),
    };
    // The lower the header, the more is decided there.
    for _ in 0..1 + random.below(4) {
        let end = *random.pick(&[HEADERS, HEADERS + 24, frame.len()]);
        let at = random.below(end.min(frame.len()));
        // A frame that is not for the guest is not even looked at.
        if at >= 6 || random.below(20) == 0 {
            frame[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff, random.clone().byte()]);
        }
    }
    match random.below(6) {
        0 => frame.truncate(1 + random.below(frame.len())),
        1 => frame.resize(frame.len() + random.below(64), random.byte()),
        _ => {}
    }
    if random.below(2) == 0 {
        correct_checksums(&mut frame);
    }
    frame
}

fn correct_checksums(frame: &mut [u8]) {
    let Some(bytes) = frame.get_mut(14..) else { return };
    let Ok(mut packet) = Ipv4Packet::new_checked(bytes) else { return };
    packet.fill_checksum();
    let (source, target) = (packet.src_addr().into(), packet.dst_addr().into());
    let protocol = packet.next_header();
    match protocol {
        IpProtocol::Tcp => {
            if let Ok(mut tcp) = TcpPacket::new_checked(packet.payload_mut()) {
                tcp.fill_checksum(&source, &target);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut udp) = UdpPacket::new_checked(packet.payload_mut()) {
                udp.fill_checksum(&source, &target);
            }
        }
        IpProtocol::Icmp => {
            if let Ok(mut icmp) = Icmpv4Packet::new_checked(packet.payload_mut()) {
                icmp.fill_checksum();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_station_answers_who_asks_for_it_and_nobody_else() {
        let ask = |target| {
            arp_frame(&ArpRepr::EthernetIpv4 {
                operation: ArpOperation::Request,
                source_hardware_addr: GUEST_MAC,
                source_protocol_addr: GUEST,
                target_hardware_addr: EthernetAddress([0; 6]),
                target_protocol_addr: target,
            })
        };
        assert!(answer(&ask(ATTACKER)).is_some());
        assert!(answer(&ask(Ipv4Address::new(10, 0, 2, 2))).is_none());
        assert!(answer(&echo_request(1, 2, b"x")).is_none());
    }

    #[test]
    fn malformed_frames_differ_and_stay_frames() {
        let mut random = Random(1);
        let frames: Vec<_> = (0..5000).map(|_| malformed(&mut random)).collect();
        assert!(frames.iter().all(|frame| (1..=1600 + 64).contains(&frame.len())));
        let different: std::collections::HashSet<_> = frames.iter().collect();
        assert!(different.len() > 4500, "{}", different.len());
    }
}
