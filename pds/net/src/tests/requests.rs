//! Clients that misbehave.

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

fn refused(event: &Event) -> Status {
    assert_eq!(Kind::from_code(event.kind), Some(Kind::Refused), "{event:?}");
    Status::from_code(event.status).unwrap()
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = World::new(&["gateway"]);
    let region = u32::try_from(REGION_BYTES).unwrap();
    world.listen(0, 80, 8);
    let (_, accepted) = world.connected(80, 5000);
    let send = Request { socket: accepted.socket, ..request(Op::Send) };
    for (request, status) in [
        (Request { op: 0, ..send }, Status::BadRequest),
        (Request { op: 9, ..send }, Status::BadRequest),
        (request(Op::TcpListen), Status::BadRequest),
        (request(Op::UdpBind), Status::BadRequest),
        (request(Op::TcpConnect), Status::BadRequest),
        (Request { len: region + 1, ..send }, Status::BadRequest),
        (Request { offset: u32::MAX, len: 2, ..send }, Status::BadRequest),
        (Request { socket: u16::MAX, ..send }, Status::NoSocket),
        (Request { socket: accepted.listener, ..send }, Status::NoSocket),
        (Request { socket: accepted.socket + 1, ..request(Op::Close) }, Status::NoSocket),
        (Request { socket: 24, ..request(Op::Abort) }, Status::NoSocket),
        (request(Op::Release), Status::BadRequest),
        (Request { offset: 1, ..request(Op::Release) }, Status::BadRequest),
        (Request { offset: region, ..request(Op::Release) }, Status::BadRequest),
    ] {
        assert_eq!(refused(&world.answer(0, request)), status, "{request:?}");
    }
    assert_eq!(world.net.counters().errors, 14);
}

#[test]
fn nobody_reaches_the_socket_of_another() {
    let mut world = World::new(&["gateway", "thief"]);
    let listening = world.listen(0, 80, 8);
    let bound = world.answer(0, Request { port: 53, ..request(Op::UdpBind) });
    let (peer, accepted) = world.connected(80, 5000);
    for (op, socket) in [
        (Op::Send, accepted.socket),
        (Op::Close, accepted.socket),
        (Op::Abort, accepted.socket),
        (Op::Abort, listening.socket),
        (Op::Close, bound.socket),
    ] {
        let theft = Request { socket, len: 1, ..request(op) };
        assert_eq!(refused(&world.answer(1, theft)), Status::NoSocket);
    }
    let spoof = Request { socket: bound.socket, remote_port: 1, ..request(Op::UdpSend) };
    assert_eq!(refused(&world.answer(1, spoof)), Status::NoSocket);
    assert_eq!(refused(&world.listen(1, 80, 1)), Status::PortTaken);
    assert!(world.peer.tcp(peer).is_active());
    assert!(world.clients[0].events().is_empty());
}

#[test]
fn there_is_no_way_to_an_ipv6_address() {
    let mut world = World::new(&["gateway"]);
    let bound = world.answer(0, Request { port: 53, ..request(Op::UdpBind) });
    for (op, socket) in [(Op::TcpConnect, 0), (Op::UdpSend, bound.socket)] {
        let remote = Ipv6Addr::LOCALHOST.octets();
        let far = Request { socket, remote, remote_port: 1, len: 1, ..request(op) };
        assert_eq!(refused(&world.answer(0, far)), Status::Unreachable);
    }
}

#[test]
fn a_buffer_is_released_once() {
    let mut world = World::new(&["gateway"]);
    world.listen(0, 80, 8);
    let (peer, _) = world.connected(80, 5000);
    world.peer.tcp(peer).send_slice(b"x").unwrap();
    world.run(5);
    let offset = world.clients[0].events()[0].offset;
    let release = Request { offset, ..request(Op::Release) };
    assert!(world.ask(0, release).is_empty());
    assert_eq!(refused(&world.answer(0, release)), Status::BadRequest);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn garbage_harms_nobody_else(
        requests in prop::collection::vec(
            (0u16..12, 0u16..40, 0u16..4, 0u16..4, 0u32..3 * 4096, prop_oneof![0u32..5000, any::<u32>()]),
            1..300,
        ),
    ) {
        let mut world = World::new(&["gateway", "attacker"]);
        world.listen(0, 80, 8);
        for (op, socket, port, remote_port, offset, len) in requests {
            let remote = PEER.to_ipv6_mapped().octets();
            let bad = Request { cookie: 1, op, socket, port, remote_port, offset, len, remote };
            world.clients[1].ask(bad);
            world.run(1);
            world.clients[1].events();
        }
        // Connections of the attacker's making may fill the pool; its next life has none.
        world.clients[1].link = world.clients[1].rings.client(ignore as fn());
        world.run(10);
        let (peer, _) = world.connected(80, 5000);
        world.peer.tcp(peer).send_slice(b"hello").unwrap();
        world.run(5);
        let data = world.clients[0].events()[0];
        prop_assert_eq!(world.clients[0].bytes(&data), b"hello");
    }
}
