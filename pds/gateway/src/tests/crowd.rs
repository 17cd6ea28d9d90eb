//! More clients than there are places.

use super::connections::{codes, request, responses, world};
use super::objects::content;
use super::*;
use crate::service::PLACES;

/// The time that `net` and its clients take for anything.
const ROUND: u64 = SECOND / 100;

/// How long a newcomer waits for its answer.
fn wait(world: &mut World) -> u64 {
    let begun = world.now_ns;
    loop {
        if let Some(socket) = world.try_say(request("a")) {
            assert_eq!(codes(&world.net.take_output(socket)), [200]);
            return world.now_ns - begun;
        }
        world.pass(ROUND);
        assert!(world.now_ns < begun + 60 * SECOND, "nobody gives way");
    }
}

/// A client of a burst.
enum Client {
    Waits,
    Connected { socket: u16, asks_ns: u64 },
    Answered,
}

#[test]
fn everybody_in_a_burst_is_answered() {
    let mut world = world();
    let mut clients: Vec<Client> = (0..100).map(|_| Client::Waits).collect();
    let begun = world.now_ns;
    while !clients.iter().all(|client| matches!(client, Client::Answered)) {
        for client in &mut clients {
            match *client {
                Client::Waits => {
                    if let Some(socket) = world.net.connect() {
                        // It takes its time, but not for ever.
                        *client = Client::Connected { socket, asks_ns: world.now_ns + 9 * ROUND };
                    }
                }
                Client::Connected { socket, asks_ns } if asks_ns <= world.now_ns => {
                    world.net.send(socket, request("a").as_bytes());
                    world.run();
                    assert_eq!(codes(&world.net.take_output(socket)), [200]);
                    assert!(!world.net.was_reset(socket), "net may not have sent it all");
                    *client = Client::Answered;
                }
                Client::Connected { .. } | Client::Answered => {}
            }
            world.run();
        }
        world.pass(ROUND);
        assert!(world.now_ns < begun + SECOND, "somebody is never answered");
    }
    assert!(world.gateway.counters().dropped > 0);
}

#[test]
fn the_longest_silent_gives_way() {
    let mut world = world();
    let mut sockets = Vec::new();
    for number in 0..16 {
        let bytes = if number % 2 == 0 { "GET / HTTP/1.1\r\n".to_owned() } else { request("a") };
        sockets.push(world.say(bytes));
        world.pass(SECOND / 10);
    }
    // The first one is busy now.
    world.net.limit_reading(sockets[1], 0);
    world.net.send(sockets[1], request("big").as_bytes());
    world.run();
    for silent in [sockets[0], sockets[2]] {
        assert!(world.net.is_open(silent) && wait(&mut world) == 0);
        assert!(world.net.was_reset(silent));
        assert_eq!(world.gateway.counters().open, 16);
    }
    assert!(world.net.is_open(sockets[1]));
}

#[test]
fn who_has_just_been_answered_is_closed_and_not_reset() {
    let mut world = world();
    let sockets: Vec<u16> = (0..PLACES).map(|_| world.say(request("a"))).collect();
    let closed: Vec<u16> = sockets.iter().copied().filter(|one| !world.net.is_open(*one)).collect();
    assert!(closed.len() == 1 && !world.net.was_reset(closed[0]));
    assert_eq!(codes(&world.net.take_output(closed[0])), [200]);
}

#[test]
fn who_has_been_answered_gives_way_at_once() {
    let mut world = world();
    for _ in 0..3 * PLACES {
        assert_eq!(wait(&mut world), 0);
        world.pass(ROUND);
    }
}

#[test]
fn who_never_closes_gives_way_after_five_seconds() {
    let mut world = world();
    for _ in 0..PLACES {
        let socket = world.say(request("a"));
        world.net.stay(socket);
    }
    assert!((4 * SECOND..=5 * SECOND).contains(&wait(&mut world)));
    // In the meantime all others were told to leave.
    for _ in 0..PLACES - 1 {
        assert!(wait(&mut world) <= SECOND / 10);
    }
}

/// `net` has taken over the end of an answer, and its client is slow to read that.
#[test]
fn who_reads_slowly_is_not_reset_for_others() {
    for head in ["", "Connection: close\r\n"] {
        let mut world = world();
        let bytes = format!("GET /o/big HTTP/1.1\r\nHost: c\r\n{head}\r\n");
        let sockets: Vec<u16> = (0..PLACES).map(|_| world.say(bytes.clone())).collect();
        sockets.iter().for_each(|socket| world.net.stay(*socket));
        world.pass(4 * SECOND);
        assert!(sockets.iter().all(|socket| !world.net.was_reset(*socket)), "{head}");
    }
}

#[test]
fn who_has_just_come_is_not_pushed_out() {
    let mut world = world();
    let sockets: Vec<u16> = (0..PLACES).map(|_| world.say("")).collect();
    assert_eq!(world.net.connect(), None);
    world.pass(SECOND - ROUND);
    assert!(sockets.iter().all(|socket| world.net.is_open(*socket)));
    for socket in sockets {
        world.net.send(socket, request("a").as_bytes());
        world.run();
        assert_eq!(codes(&world.net.take_output(socket)), [200]);
        world.net.reset(socket);
    }
}

#[test]
fn a_flood_of_slow_heads_keeps_nobody_out() {
    let mut world = world();
    for _ in 0..300 {
        world.try_say("GET / HTTP/1.1\r\nX: ");
        world.pass(ROUND);
    }
    assert!(wait(&mut world) <= SECOND);
}

/// Line ends before a request are no request.
#[test]
fn empty_lines_keep_nobody_out() {
    let mut world = world();
    let sockets: Vec<u16> = (0..PLACES).map(|_| world.say("")).collect();
    let begun = world.now_ns;
    while sockets.iter().all(|socket| world.net.is_open(*socket)) {
        for bytes in ["\r", "\n"] {
            sockets.iter().for_each(|socket| world.net.send(*socket, bytes.as_bytes()));
            world.pass(ROUND);
        }
        assert!(world.now_ns <= begun + SECOND + 2 * ROUND, "nobody gives way");
    }
    assert_eq!(wait(&mut world), 0);
}

#[test]
fn who_is_served_gives_way_to_nobody() {
    let mut world = world();
    let mut sockets = Vec::new();
    while let Some(socket) = world.net.connect() {
        world.net.limit_reading(socket, 0);
        world.net.send(socket, request("big").as_bytes());
        sockets.push(socket);
        world.run();
    }
    assert_eq!(sockets.len(), PLACES);
    world.pass(5 * SECOND);
    for socket in sockets {
        world.net.limit_reading(socket, usize::MAX);
        world.run();
        assert!(responses(&world.net.take_output(socket))[0].body == content(300_000));
    }
}

#[test]
fn a_net_that_accepts_too_many_is_blamed() {
    let mut world = world();
    while world.try_say("").is_some() {}
    let accepted =
        super::fake_net::event(protocols::net::Kind::Accepted, protocols::net::Status::Ok, 0);
    world.net.link().send(protocols::net::Event { socket: 29, ..accepted }).unwrap();
    world.net.link().flush();
    world.run();
    assert_eq!(world.gateway.counters().violations, 1);
}

/// More requests than one turn takes are waiting while somebody is to give way.
#[test]
fn a_pipeline_is_answered_to_its_end_in_a_crowd() {
    let mut world = world();
    let pipeline = world.say("");
    for _ in 2..PLACES {
        world.say("");
    }
    world.net.connect().unwrap();
    world.net.send(pipeline, request("none").repeat(40).as_bytes());
    world.run();
    assert_eq!(codes(&world.net.take_output(pipeline)), [404; 40]);
}

/// Each look at the clock is a sign of life: a round that serves many must not look like a hang.
#[test]
fn a_round_gives_a_sign_of_life_for_each_connection() {
    let mut world = world();
    let sockets: Vec<u16> = (2..PLACES).map(|_| world.say("")).collect();
    for socket in &sockets {
        world.net.send(*socket, b"GET /status HTTP/1.1\r\nHost: c\r\n\r\n");
    }
    world.net.step();
    let mut looks = 0;
    world.gateway.step(|| {
        looks += 1;
        world.now_ns
    });
    assert!(looks > sockets.len(), "{looks}");
}
