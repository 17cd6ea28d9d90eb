use super::objects::content;
use super::*;
use proptest::prelude::*;
use std::format;

pub(crate) fn world() -> World {
    let mut world = World::new();
    world.integrity.put("a", content(1000));
    world.integrity.put("big", content(300_000));
    world
}

pub(crate) fn request(path: &str) -> String {
    format!("GET /o/{path} HTTP/1.1\r\nHost: c\r\n\r\n")
}

/// All responses in what came out of a connection.
pub(crate) fn responses(mut bytes: &[u8]) -> Vec<Response> {
    let mut all = Vec::new();
    while let Some((response, rest)) = Response::parse(bytes, false) {
        all.push(response);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "{} bytes left", bytes.len());
    all
}

pub(crate) fn codes(bytes: &[u8]) -> Vec<u16> {
    responses(bytes).iter().map(|response| response.code).collect()
}

#[test]
fn requests_follow_each_other_on_a_connection() {
    let mut world = world();
    let socket = world.say(request("a"));
    for _ in 0..50 {
        let (response, _) = Response::parse(&world.net.take_output(socket), false).unwrap();
        assert_eq!(response.body, content(1000));
        world.net.send(socket, request("a").as_bytes());
        world.run();
    }
    assert!(world.net.is_open(socket));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut world = world();
    let all = [request("a"), request("none"), request("big"), request("a"), "\r\n".into()].concat();
    let socket = world.say(all.repeat(3));
    let responses = responses(&world.net.take_output(socket));
    let expected = [(200, 1000), (404, 15), (200, 300_000), (200, 1000)].repeat(3);
    let found: Vec<_> = responses.iter().map(|one| (one.code, one.body.len())).collect();
    assert_eq!(found, expected);
}

#[test]
fn mistakes_that_keep_the_framing_keep_the_connection() {
    let mut world = world();
    for (bad, code) in [
        ("GET /nowhere HTTP/1.1\r\nHost: c\r\n\r\n", 404),
        ("DELETE /o/a HTTP/1.1\r\nHost: c\r\n\r\n", 405),
        ("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 9\r\n\r\nGET / HTT", 405),
        ("GET /nowhere HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\n\r\nabc", 404),
        ("GET /o/% HTTP/1.1\r\nHost: c\r\n\r\n", 400),
        ("GET /o/a HTTP/1.1\r\nHost: c\r\nRange: bytes=5000-\r\n\r\n", 416),
    ] {
        let socket = world.say([bad, &request("a")].concat());
        assert_eq!(codes(&world.net.take_output(socket)), [code, 200], "{bad}");
        assert!(world.net.is_open(socket));
        world.net.reset(socket);
    }
    let response = world.ask("PUT / HTTP/1.1\r\nHost: c\r\n\r\n");
    assert_eq!(response.field("allow"), Some("GET, HEAD"));
}

#[test]
fn mistakes_that_break_the_framing_end_the_connection() {
    let mut world = world();
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: c\r\n\r\n", "a".repeat(5000));
    let long_field = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(9000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65));
    let large = format!(
        "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 99999\r\n\r\n{}",
        "x".repeat(70_000)
    );
    for (bad, code) in [
        (long_line.as_str(), 431),
        (long_field.as_str(), 431),
        (many.as_str(), 431),
        (large.as_str(), 405),
        ("GET / HTTP/1.1\r\nHost: c\r\nContent-Length: 99999\r\n\r\n", 413),
        ("GARBAGE\r\n", 400),
        ("\x16\x03\x01 hello", 400),
        ("GET / HTTP/1.1\nHost: c\n\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 405),
        ("PUT /o/a HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", 405),
    ] {
        let socket = world.say([bad, &request("a")].concat());
        let responses = responses(&world.net.take_output(socket));
        assert_eq!(responses.len(), 1, "{bad}");
        assert_eq!((responses[0].code, responses[0].field("connection")), (code, Some("close")));
        assert!(!world.net.is_open(socket) && !world.net.was_reset(socket), "{bad}");
        assert_eq!(world.get("/o/a").code, 200);
        assert_eq!(world.net.lent_count(), 0);
    }
}

#[test]
fn old_clients_have_their_connection_closed() {
    let mut world = world();
    let socket = world.say("GET /o/a HTTP/1.0\r\n\r\n");
    assert_eq!(codes(&world.net.take_output(socket)), [200]);
    assert!(!world.net.is_open(socket));
    let socket = world.say("GET /o/a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    assert!(world.net.is_open(socket));
}

#[test]
fn a_client_that_has_said_everything_is_still_answered() {
    let mut world = world();
    let socket = world.net.connect().unwrap();
    world.net.send(socket, [request("big"), request("a")].concat().as_bytes());
    world.net.shut(socket);
    world.run();
    assert_eq!(codes(&world.net.take_output(socket)), [200, 200]);
    assert!(!world.net.is_open(socket));
    let socket = world.say("GET / HT");
    world.net.shut(socket);
    world.run();
    assert!(!world.net.is_open(socket) && world.net.take_output(socket).is_empty());
}

#[test]
fn a_slow_head_times_out() {
    let mut world = world();
    let socket = world.say("GET / HTTP/1.1\r\n");
    for _ in 0..9 {
        world.pass(SECOND);
        world.net.send(socket, b"A: b\r\n");
        world.run();
        assert!(world.net.take_output(socket).is_empty());
    }
    world.pass(SECOND);
    assert_eq!(codes(&world.net.take_output(socket)), [408]);
    assert!(!world.net.is_open(socket));
}

#[test]
fn an_idle_connection_is_closed() {
    let mut world = world();
    let (fresh, used) = (world.say(""), world.say(request("a")));
    world.pass(29 * SECOND);
    world.net.send(used, b"\r\n\r\n");
    world.run();
    assert!(world.net.is_open(fresh) && world.net.is_open(used));
    world.pass(SECOND);
    assert!(!world.net.is_open(fresh) && !world.net.is_open(used));
    assert!(!world.net.was_reset(fresh));
}

#[test]
fn a_client_that_does_not_read_is_reset() {
    let mut world = world();
    let (slow, stuck) = (world.say(""), world.say(""));
    for socket in [slow, stuck] {
        world.net.limit_reading(socket, 20_000);
        world.net.send(socket, request("big").as_bytes());
    }
    world.pass(25 * SECOND);
    world.net.limit_reading(slow, 17_000);
    world.pass(25 * SECOND);
    assert!(world.net.is_open(slow) && world.net.was_reset(stuck));
    world.net.limit_reading(slow, usize::MAX);
    world.run();
    let bytes = world.net.take_output(slow);
    assert!(responses(&bytes)[0].body == content(300_000));
}

#[test]
fn a_client_that_never_takes_small_answers_is_reset() {
    let mut world = world();
    let socket = world.say("");
    world.net.limit_reading(socket, 0);
    world.net.send(socket, request("a").repeat(60).as_bytes());
    world.pass(31 * SECOND);
    assert!(world.net.was_reset(socket));
    assert_eq!(world.net.lent_count(), 0);
}

#[test]
fn who_sends_without_end_does_not_keep_others_from_being_heard() {
    let mut world = world();
    let mut hoarders = Vec::new();
    for _ in 0..3 {
        let socket = world.say("");
        world.net.limit_reading(socket, 0);
        world.net.send(socket, request("a").repeat(4000).as_bytes());
        hoarders.push(socket);
        world.run();
    }
    let socket = world.say(request("a"));
    assert_eq!(codes(&world.net.take_output(socket)), [200]);
    assert!(hoarders.iter().any(|socket| world.net.is_open(*socket)));
    for socket in hoarders {
        world.net.reset(socket);
    }
    world.run();
    world.get("/o/a");
    assert_eq!(world.net.lent_count(), 0);
}

#[test]
fn a_long_pipeline_is_served_to_its_end() {
    let mut world = world();
    let socket = world.say(request("a").repeat(3000));
    let responses = responses(&world.net.take_output(socket));
    assert_eq!(responses.len(), 3000);
    assert!(responses.iter().all(|response| response.body == content(1000)));
}

#[test]
fn who_vanishes_leaves_nothing_behind() {
    let mut world = world();
    for cut in 0..40 {
        let socket = world.say("");
        world.net.limit_reading(socket, 1000 * cut);
        world.integrity.answers_left = cut % 5;
        world.net.send(socket, request("big").as_bytes());
        world.run();
        world.net.reset(socket);
        world.run();
        world.integrity.answers_left = usize::MAX;
        world.run();
        assert_eq!(world.gateway.counters().open, 0);
    }
    assert!(world.get("/o/big").body == content(300_000));
}

#[test]
fn silence_of_integrity_is_a_503() {
    let mut world = world();
    world.integrity.is_silent = true;
    let sockets: Vec<u16> = ["a", "big"].map(|path| world.say(request(path))).into();
    let listing = world.say("GET / HTTP/1.1\r\nHost: c\r\n\r\n");
    world.pass(10 * SECOND);
    for socket in sockets.into_iter().chain([listing]) {
        let response = &responses(&world.net.take_output(socket))[0];
        assert_eq!(response.code, 503);
        assert!(
            response.text().starts_with("no proof in time: integrity, "),
            "{}",
            response.text()
        );
    }
    // Readers whose questions are unanswered are not used again; the status still comes.
    while world.try_say(request("a")).is_some() {}
    world.integrity.is_silent = false;
    world.run();
    assert_eq!(world.get("/o/a").code, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn pieces_are_answered_like_the_whole(
        order in proptest::collection::vec(0..8_usize, 1..12),
        segments in proptest::collection::vec(1..200_usize, 1..20),
    ) {
        let requests = [
            request("a"),
            "HEAD /o/none HTTP/1.1\r\nHost: c\r\n\r\n".replace("HEAD", "GET"),
            request("big"),
            "GET /?format=json HTTP/1.1\r\nHost: c\r\nAccept: a/b;q=0.1\r\n\r\n".into(),
            "POST /x HTTP/1.1\r\nHost: c\r\nContent-Length: 20\r\n\r\n01234567890123456789".into(),
            "GET /o/a HTTP/1.1\r\nHost: c\r\nRange: bytes=3-5\r\n\r\n".into(),
            "GET /status HTTP/1.1\r\nHost: c\r\n\r\n".into(),
            "\r\nGET http://c/o/a?x HTTP/1.1\r\nHost: c\r\n\r\n".into(),
        ];
        let expected = [200, 404, 200, 200, 405, 206, 200, 200];
        let mut world = world();
        world.net.segments = segments;
        let all: String = order.iter().map(|number| requests[*number].as_str()).collect();
        let socket = world.say(all);
        let expected: Vec<u16> = order.iter().map(|number| expected[*number]).collect();
        prop_assert_eq!(codes(&world.net.take_output(socket)), expected);
        prop_assert!(world.net.is_open(socket));
        prop_assert_eq!(world.net.lent_count() < 9, true);
    }

    #[test]
    fn garbage_gets_one_clear_answer(
        line in "(GET|HEAD|POST|[ -~]{0,8}) ?(/|/o/|/status|[ -~]{0,12})?( HTTP/1.1| [ -~]{0,9})?(\r\n|\n|\r)?",
        bytes: Vec<u8>,
        cut in 0..60_usize,
    ) {
        let mut world = world();
        let mut garbage = line.into_bytes();
        garbage.truncate(cut.max(3));
        garbage.extend(bytes);
        let socket = world.say(&garbage);
        world.pass(11 * SECOND);
        let output = world.net.take_output(socket);
        let is_head = garbage.trim_ascii_start().starts_with(b"HEAD");
        prop_assert!(output.is_empty() || Response::parse(&output, is_head).is_some());
        prop_assert_eq!(world.get("/o/a").code, 200);
    }
}
