//! What clients use `net` for.

use super::*;
use crate::stack::UDP_SOCKETS;

fn mapped(address: Ipv4Address) -> [u8; 16] {
    address.to_ipv6_mapped().octets()
}

#[test]
fn a_peer_connects_and_both_hear_each_other() {
    let mut world = World::new(&["gateway"]);
    let listening = world.listen(0, 80, 8);
    assert_eq!(told(&listening), (Some(Kind::Listening), Some(Status::Ok)));
    let (peer, accepted) = world.connected(80, 5000);
    assert_eq!((accepted.listener, accepted.port), (listening.socket, 80));
    assert_eq!((accepted.remote, accepted.remote_port), (mapped(PEER), 5000));

    world.peer.tcp(peer).send_slice(b"question").unwrap();
    world.run(5);
    let data = world.clients[0].events()[0];
    assert_eq!((told(&data).0, data.socket), (Some(Kind::Data), accepted.socket));
    assert_eq!(world.clients[0].bytes(&data), b"question");

    let len = world.clients[0].put(b"answer");
    let socket = accepted.socket;
    let sent = world.answer(0, Request { socket, len, ..request(Op::Send) });
    assert_eq!(told(&sent), (Some(Kind::Sent), Some(Status::Ok)));
    let mut heard = [0; 16];
    assert_eq!(world.peer.tcp(peer).recv_slice(&mut heard), Ok(6));
    assert_eq!(&heard[..6], b"answer");

    assert!(world.ask(0, Request { socket, ..request(Op::Close) }).is_empty());
    world.peer.tcp(peer).close();
    world.run(20);
    let kinds: Vec<_> = world.clients[0].events().iter().map(|event| told(event).0).collect();
    assert!(kinds.ends_with(&[Some(Kind::Closed)]), "{kinds:?}");
}

#[test]
fn a_client_connects_or_hears_why_not() {
    let mut world = World::new(&["gateway"]);
    let peer = world.peer.tcp_socket();
    world.peer.tcp(peer).listen(7).unwrap();
    let to = Request { remote: mapped(PEER), remote_port: 7, ..request(Op::TcpConnect) };
    let connected = world.answer(0, to);
    assert_eq!(told(&connected), (Some(Kind::Connected), Some(Status::Ok)));
    assert!(world.peer.tcp(peer).is_active());
    let refused = world.answer(0, Request { remote_port: 8, ..to });
    assert_eq!(told(&refused), (Some(Kind::Refused), Some(Status::Reset)));
    let nowhere = world.answer(0, Request { remote: [0; 16], ..to });
    assert_eq!(told(&nowhere), (Some(Kind::Refused), Some(Status::Unreachable)));
}

#[test]
fn datagrams_go_both_ways() {
    let mut world = World::new(&["gateway"]);
    let peer = world.peer.udp_socket(9);
    let bound = world.answer(0, Request { port: 53, ..request(Op::UdpBind) });
    assert_eq!(told(&bound), (Some(Kind::Bound), Some(Status::Ok)));
    let len = world.clients[0].put(b"out");
    let socket = bound.socket;
    let send =
        Request { socket, len, remote: mapped(PEER), remote_port: 9, ..request(Op::UdpSend) };
    assert_eq!(told(&world.answer(0, send)), (Some(Kind::Sent), Some(Status::Ok)));
    let socket = world.peer.sockets.get_mut::<udp::Socket>(peer);
    let (bytes, from) = socket.recv().unwrap();
    assert_eq!(bytes, b"out");
    socket.send_slice(b"back", from).unwrap();
    world.run(5);
    let datagram = world.clients[0].events()[0];
    assert_eq!((told(&datagram).0, datagram.remote_port), (Some(Kind::Datagram), 9));
    assert_eq!(world.clients[0].bytes(&datagram), b"back");
}

#[test]
fn unreleased_buffers_stop_the_flow_and_lose_nothing() {
    let mut world = World::new(&["gateway"]);
    world.listen(0, 80, 1);
    let (peer, _) = world.connected(80, 5000);
    let all: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (mut sent, mut heard, mut held) = (0, Vec::new(), Vec::new());
    for turn in 0..400 {
        sent += world.peer.tcp(peer).send_slice(&all[sent..]).unwrap();
        world.run(5);
        for event in world.clients[0].events() {
            heard.extend(world.clients[0].bytes(&event));
            held.push(event.offset);
        }
        // For a while nothing is given back.
        if turn == 40 {
            assert!(heard.len() < all.len() / 2, "{} bytes in unreleased buffers", heard.len());
        }
        if turn >= 40 {
            for offset in held.drain(..) {
                world.clients[0].ask(Request { offset, ..request(Op::Release) });
            }
        }
    }
    assert!(heard == all, "{} of {} bytes", heard.len(), all.len());
}

#[test]
fn a_restarted_client_has_no_sockets_and_its_port_is_free() {
    let mut world = World::new(&["gateway"]);
    world.listen(0, 80, 8);
    let (peer, accepted) = world.connected(80, 5000);
    let rings = world.clients[0].rings;
    world.clients[0].link = rings.client(ignore as fn());
    world.run(10);
    assert!(!world.peer.tcp(peer).is_active(), "the old life's connection is reset");
    let stale = world.answer(0, Request { socket: accepted.socket, ..request(Op::Close) });
    assert_eq!(told(&stale), (Some(Kind::Refused), Some(Status::NoSocket)));
    assert_eq!(told(&world.listen(0, 80, 8)).0, Some(Kind::Listening));
    world.connected(80, 5001);
}

/// A client may ask for something on a connection when that has ended and another one has its place.
#[test]
fn a_late_request_does_not_meet_the_next_connection() {
    let mut world = World::new(&["gateway"]);
    world.listen(0, 80, 1);
    let (peer, first) = world.connected(80, 5000);
    world.peer.tcp(peer).abort();
    world.run(20);
    assert_eq!(told(&world.clients[0].events()[0]).0, Some(Kind::Closed));
    let (peer, second) = world.connected(80, 5001);
    assert_ne!(first.socket, second.socket);
    assert_eq!(first.socket & 0xff, second.socket & 0xff, "the same place");
    let len = world.clients[0].put(b"not for the second");
    for op in [Op::Send, Op::Close, Op::Abort] {
        let late = world.answer(0, Request { socket: first.socket, len, ..request(op) });
        assert_eq!(told(&late), (Some(Kind::Refused), Some(Status::NoSocket)), "{op:?}");
    }
    assert!(world.peer.tcp(peer).is_active() && !world.peer.tcp(peer).can_recv());
}

#[test]
fn pools_run_out_with_an_answer() {
    let mut world = World::new(&["gateway"]);
    let refused = Some(Kind::Refused);
    for port in 1..=u16::try_from(UDP_SOCKETS).unwrap() {
        let bound = world.answer(0, Request { port, ..request(Op::UdpBind) });
        assert_eq!(told(&bound).0, Some(Kind::Bound));
    }
    let one_more = world.answer(0, Request { port: 99, ..request(Op::UdpBind) });
    assert_eq!(told(&one_more), (refused, Some(Status::NoRoom)));
    let taken = world.answer(0, Request { port: 1, ..request(Op::UdpBind) });
    assert_eq!(told(&taken), (refused, Some(Status::PortTaken)));
    for port in 1..=8 {
        assert_eq!(told(&world.listen(0, port, 1)).0, Some(Kind::Listening));
    }
    assert_eq!(told(&world.listen(0, 9, 1)), (refused, Some(Status::NoRoom)));
    assert_eq!(told(&world.listen(0, 8, 1)), (refused, Some(Status::PortTaken)));
}
