use protocols::net::{Event, Kind, Op, RING_SLOTS, Request, Status};
use sel4_externally_shared::ExternallySharedRef;
use sel4_shared_ring_buffer::{DataRegion, RawLink, ServerEnd};

use super::*;

type Raw = RawLink<Request, Event, RING_SLOTS>;
type Net<'a> = ServerEnd<'a, Request, Event, RING_SLOTS>;

const REGION_BYTES: usize = 64 * 1024;
/// Numbers may be any, and differ for connections that follow each other in one place.
const SOCKET: u16 = 0xff03;

/// Runs `body` with an echo service, its `net`, and the region that `net` writes.
fn with_echo(body: impl FnOnce(Echo<'_, fn()>, &Raw, &DataRegion<'_>, &DataRegion<'_, ReadOnly>)) {
    let raw = Raw::new();
    let (mut from_net, mut to_net) = (vec![0; REGION_BYTES], vec![0; REGION_BYTES]);
    let from_net = DataRegion::new(ExternallySharedRef::from_mut_ref(&mut from_net[..]));
    let to_net = DataRegion::new(ExternallySharedRef::from_mut_ref(&mut to_net[..]));
    let notify: fn() = || ();
    let echo = Echo::new(raw.client(notify), from_net.read_only(), to_net);
    body(echo, &raw, &from_net, &to_net.read_only());
}

fn event(kind: Kind, socket: u16) -> Event {
    Event {
        cookie: 0,
        kind: kind.code(),
        status: Status::Ok.code(),
        socket,
        listener: 0,
        port: 7,
        remote_port: 4000,
        reserved: 0,
        offset: 0,
        len: 0,
        remote: [9; 16],
    }
}

fn tell(net: &mut Net<'_>, events: &[Event]) {
    events.iter().for_each(|&event| net.send(event).unwrap());
    net.flush();
}

/// What the service has asked for: operation, socket, offset, length.
fn asked(net: &mut Net<'_>) -> Vec<(Op, u16, u32, u32)> {
    let mut asked = Vec::new();
    loop {
        match net.receive() {
            Ok(Some(request)) => asked.push((
                Op::from_code(request.op).unwrap(),
                request.socket,
                request.offset,
                request.len,
            )),
            Ok(None) => return asked,
            Err(error) => assert_eq!(error, LinkError::PeerRestarted),
        }
    }
}

/// A `net` that has heard of the service's start.
fn started<'a>(echo: &mut Echo<'_, fn()>, raw: &'a Raw) -> Net<'a> {
    let mut net = raw.server((|| ()) as fn());
    echo.run(|| ());
    asked(&mut net);
    net
}

fn data(offset: u32, len: u32) -> Event {
    Event { offset, len, ..event(Kind::Data, SOCKET) }
}

#[test]
fn opens_both_ports() {
    with_echo(|mut echo, raw, _, _| {
        let mut net = raw.server((|| ()) as fn());
        echo.run(|| ());
        assert_eq!(asked(&mut net), [(Op::UdpBind, 0, 0, 0), (Op::TcpListen, 0, 0, 8)]);
        assert!(!echo.is_open());
        tell(&mut net, &[event(Kind::Bound, 24), event(Kind::Listening, 28)]);
        echo.run(|| ());
        assert!(echo.is_open());
    });
}

#[test]
fn a_datagram_goes_back_from_where_it_arrived() {
    with_echo(|mut echo, raw, from_net, to_net| {
        let mut net = started(&mut echo, raw);
        from_net.copy_in(from_net.span(8192, 5).unwrap(), b"hello").unwrap();
        tell(&mut net, &[Event { offset: 8192, len: 5, ..event(Kind::Datagram, 24) }]);
        echo.run(|| ());
        let back = net.receive().unwrap().unwrap();
        assert_eq!((back.op, back.socket), (Op::UdpSend.code(), 24));
        assert_eq!((back.offset, back.len), (8192, 5));
        assert_eq!((back.remote, back.remote_port), ([9; 16], 4000));
        let mut bytes = [0; 5];
        to_net.copy_out(to_net.span(8192, 5).unwrap(), &mut bytes).unwrap();
        assert_eq!(&bytes, b"hello");
        assert_eq!(asked(&mut net), [(Op::Release, 0, 8192, 0)]);
        assert_eq!(echo.counters().received_bytes, 5);
    });
}

#[test]
fn a_stream_keeps_its_order_and_its_end_comes_last() {
    with_echo(|mut echo, raw, _, _| {
        let mut net = started(&mut echo, raw);
        tell(&mut net, &[event(Kind::Accepted, SOCKET)]);
        for number in 0..6 {
            tell(&mut net, &[data(number * 4096, 100 + number)]);
        }
        tell(&mut net, &[event(Kind::PeerClosed, SOCKET)]);
        echo.run(|| ());
        let sends: Vec<_> = (0..4).map(|n| (Op::Send, SOCKET, n * 4096, 100 + n)).collect();
        assert_eq!(asked(&mut net), sends);
        tell(&mut net, &[event(Kind::Sent, SOCKET)]);
        echo.run(|| ());
        assert_eq!(asked(&mut net), [(Op::Release, 0, 0, 0), (Op::Send, SOCKET, 4 * 4096, 104)]);
        tell(&mut net, &[event(Kind::Sent, SOCKET); 5]);
        echo.run(|| ());
        let rest = asked(&mut net);
        assert_eq!(rest.iter().filter(|(op, ..)| *op == Op::Release).count(), 5);
        assert_eq!(rest.last(), Some(&(Op::Close, SOCKET, 0, 0)));
    });
}

#[test]
fn a_lost_connection_gives_its_buffers_back() {
    with_echo(|mut echo, raw, _, _| {
        let mut net = started(&mut echo, raw);
        tell(&mut net, &[event(Kind::Accepted, SOCKET), data(0, 10), data(4096, 10)]);
        tell(&mut net, &[event(Kind::Closed, SOCKET), data(8192, 10)]);
        echo.run(|| ());
        let releases = asked(&mut net).into_iter().filter(|(op, ..)| *op == Op::Release);
        assert_eq!(releases.map(|(_, _, offset, _)| offset).collect::<Vec<_>>(), [0, 4096, 8192]);
    });
}

#[test]
fn a_buffer_that_is_none_is_counted() {
    with_echo(|mut echo, raw, _, _| {
        let mut net = started(&mut echo, raw);
        let end = u32::try_from(REGION_BYTES).unwrap();
        for (offset, len) in [(end, 1), (u32::MAX, 2), (1, end)] {
            tell(&mut net, &[Event { offset, len, ..event(Kind::Datagram, 24) }]);
        }
        tell(
            &mut net,
            &[event(Kind::Sent, SOCKET), event(Kind::Sent, 9999), event(Kind::Connected, 1)],
        );
        echo.run(|| ());
        assert_eq!(echo.counters().violations, 6);
        assert_eq!(asked(&mut net), []);
    });
}

#[test]
fn a_full_ring_delays_but_loses_nothing() {
    with_echo(|mut echo, raw, _, _| {
        let mut net = started(&mut echo, raw);
        let datagram = Event { offset: 0, len: 1, ..event(Kind::Datagram, 24) };
        tell(&mut net, &[datagram; RING_SLOTS]);
        echo.run(|| ());
        let mut requests = asked(&mut net).len();
        while requests < 2 * RING_SLOTS {
            echo.run(|| ());
            let more = asked(&mut net).len();
            assert!(more > 0, "{requests} of {}", 2 * RING_SLOTS);
            requests += more;
        }
        assert_eq!(echo.counters().received, RING_SLOTS as u64);
    });
}

#[test]
fn each_event_is_a_sign_of_life() {
    with_echo(|mut echo, raw, _, _| {
        let mut net = started(&mut echo, raw);
        let datagram = Event { offset: 0, len: 1, ..event(Kind::Datagram, 24) };
        tell(&mut net, &[datagram; 10]);
        let mut beats = 0;
        echo.run(|| beats += 1);
        assert!(beats >= 10, "{beats}");
    });
}

#[test]
fn a_new_life_of_net_is_asked_again() {
    with_echo(|mut echo, raw, _, _| {
        let mut net = started(&mut echo, raw);
        tell(&mut net, &[event(Kind::Bound, 24), event(Kind::Listening, 28)]);
        tell(&mut net, &[event(Kind::Accepted, SOCKET), data(0, 10)]);
        echo.run(|| ());
        let mut net = raw.server((|| ()) as fn());
        echo.run(|| ());
        assert!(!echo.is_open());
        assert_eq!(asked(&mut net), [(Op::UdpBind, 0, 0, 0), (Op::TcpListen, 0, 0, 8)]);
    });
}
