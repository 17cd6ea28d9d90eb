//! Peers that restart, lie, or break their links.

use super::fake_net::event;
use super::objects::content;
use super::*;
use proptest::prelude::*;
use protocols::integrity;
use protocols::net::{Event, Kind, Status as NetStatus};
use std::format;

fn world() -> World {
    let mut world = World::new();
    world.integrity.put("a", content(1000));
    world.integrity.put("big", content(300_000));
    world
}

fn request(path: &str) -> String {
    format!("GET /o/{path} HTTP/1.1\r\nHost: c\r\n\r\n")
}

#[test]
fn listens_again_after_net_restarted() {
    let mut world = world();
    let socket = world.say("GET / HT");
    world.net.limit_reading(socket, 10);
    world.say(request("big"));
    world.net.restart();
    world.run();
    assert_eq!(world.gateway.counters().open, 0);
    assert!(world.gateway.is_listening());
    assert!(world.get("/o/big").body == content(300_000));
}

#[test]
fn listens_again_after_a_refusal() {
    let mut world = world();
    world.net.restart();
    world.net.refusals = 3;
    world.run();
    assert!(!world.gateway.is_listening());
    world.pass(4 * SECOND);
    assert!(world.gateway.is_listening());
    assert_eq!(world.get("/o/a").code, 200);
}

#[test]
fn a_restart_of_integrity_costs_the_answers_that_needed_it() {
    let mut world = world();
    let body = world.say("");
    world.net.limit_reading(body, 20_000);
    world.net.send(body, request("big").as_bytes());
    world.run();
    world.integrity.is_silent = true;
    let opening = world.say(request("a"));
    world.integrity.is_silent = false;
    world.integrity.restart();
    world.run();
    let (response, _) = Response::parse(&world.net.take_output(opening), false).unwrap();
    assert_eq!((response.code, response.text()), (503, "integrity started anew\n".into()));
    world.net.limit_reading(body, usize::MAX);
    world.run();
    assert!(world.net.was_reset(body));
    assert!(world.get("/o/big").body == content(300_000));
}

#[test]
fn the_status_survives_restarts_of_everybody() {
    let mut world = world();
    world.has_ledger = false;
    let socket = world.say("GET /status HTTP/1.1\r\nHost: c\r\n\r\n");
    world.ledger.reset();
    world.crypto.reset();
    world.timer.reset();
    world.has_ledger = true;
    world.run();
    let (response, _) = Response::parse(&world.net.take_output(socket), false).unwrap();
    assert!(response.text().contains("\"sequence\": 6"));
}

/// Two lives of `net` write the same ring at once: its index goes back.
#[test]
fn listens_again_after_net_broke_its_link() {
    let mut world = world();
    let mut old = world.net.restart();
    world.run();
    for _ in 0..5 {
        old.send(event(Kind::PeerClosed, NetStatus::Ok, 0)).unwrap();
    }
    old.flush();
    world.gateway.step(|| world.now_ns);
    world.net.link().send(event(Kind::PeerClosed, NetStatus::Ok, 0)).unwrap();
    world.net.link().flush();
    world.gateway.step(|| world.now_ns);
    assert_eq!(world.gateway.counters().violations, 1);
    assert!(!world.gateway.is_listening());
    world.pass(2 * SECOND);
    assert_eq!(world.get("/o/a").code, 200);
}

#[test]
fn asks_again_after_integrity_broke_its_link() {
    let mut world = world();
    let mut old = world.integrity.restart();
    world.run();
    for _ in 0..5 {
        old.send(integrity::Completion::new_zeroed()).unwrap();
    }
    old.flush();
    world.gateway.step(|| world.now_ns);
    let socket = world.say(request("a"));
    assert_eq!(world.gateway.counters().violations, 6);
    let (response, _) = Response::parse(&world.net.take_output(socket), false).unwrap();
    assert_eq!(response.code, 503);
    world.net.send(socket, request("a").as_bytes());
    world.run();
    assert!(world.net.take_output(socket).is_empty());
    world.pass(2 * SECOND);
    let (response, _) = Response::parse(&world.net.take_output(socket), false).unwrap();
    assert_eq!(response.body, content(1000));
}

#[test]
fn a_peer_that_answers_nonsense_is_counted() {
    let mut world = world();
    let before = world.gateway.counters().violations;
    for kind in [Kind::Datagram, Kind::Bound, Kind::Connected, Kind::Listening] {
        world.net.link().send(event(kind, NetStatus::Ok, 0)).unwrap();
    }
    let outside = Event { offset: u32::MAX, len: 9, ..event(Kind::Data, NetStatus::Ok, 0) };
    world.net.link().send(outside).unwrap();
    world.net.link().flush();
    let mut completion = integrity::Completion::new_zeroed();
    completion.cookie = 12345;
    world.integrity.link.send(completion).unwrap();
    world.integrity.link.flush();
    world.run();
    assert_eq!(world.gateway.counters().violations, before + 6);
    assert_eq!(world.get("/o/a").code, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Whatever `net` says, the gateway goes on, and serves it when it comes to its senses.
    #[test]
    fn survives_any_events(
        events in proptest::collection::vec(
            (0..12_u16, 0..9_u16, prop_oneof![0..20_u16, Just(30)], 0..3_u32, 0..5000_u32, 0..9_u64),
            1..200,
        ),
    ) {
        let mut world = world();
        for chunk in events.chunks(40) {
            for &(kind, status, socket, offset, len, cookie) in chunk {
                let mut event = Event::new_zeroed();
                (event.kind, event.status, event.socket) = (kind, status, socket);
                (event.offset, event.len, event.cookie) = (offset * 0xfff0, len, cookie);
                let _ = world.net.link().send(event);
            }
            world.net.link().flush();
            world.gateway.step(|| world.now_ns);
            // Nobody reads what the gateway asks for; it must not wait for that.
            while let Ok(Some(_)) = world.net.link().receive() {}
            world.integrity.step();
            world.now_ns += SECOND;
        }
        world.net.restart();
        world.pass(SECOND);
        prop_assert_eq!(world.get("/o/a").body, content(1000));
    }

    /// Whatever `integrity` answers, clients get well-formed answers or a reset.
    #[test]
    fn survives_any_answers(
        answers in proptest::collection::vec((0..8_u16, 0..9000_u32, 0..4_u64, any::<bool>()), 1..60),
    ) {
        let mut world = world();
        world.integrity.is_silent = true;
        let sockets: Vec<u16> = [request("a"), request("big"), "GET / HTTP/1.1\r\nHost: c\r\n\r\n".into()]
            .map(|request| world.say(request)).into();
        for (status, len, size, is_asked) in answers {
            let asked = world.integrity.link.receive().ok().flatten();
            let mut completion = integrity::Completion::new_zeroed();
            completion.cookie = asked.filter(|_| is_asked).map_or(u64::from(len), |asked| asked.cookie);
            completion.status = status;
            completion.len = len;
            completion.size = size * 3000;
            let _ = world.integrity.link.send(completion);
            world.integrity.link.flush();
            world.run();
        }
        world.pass(40 * SECOND);
        for socket in sockets {
            let output = world.net.take_output(socket);
            if !world.net.was_reset(socket) {
                prop_assert!(Response::parse(&output, false).is_some());
            }
        }
        world.integrity.is_silent = false;
        world.integrity.restart();
        world.run();
        prop_assert_eq!(world.get("/o/a").body, content(1000));
    }
}
