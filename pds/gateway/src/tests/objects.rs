use super::fake_integrity::root_of;
use super::*;
use proptest::prelude::*;
use protocols::integrity::Op;
use std::format;

pub(crate) fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * 7 + at / 251) % 256).try_into().unwrap()).collect()
}

fn world_with(path: &str, len: usize) -> World {
    let mut world = World::new();
    world.integrity.put(path, content(len));
    world
}

#[test]
fn an_object_comes_byte_by_byte() {
    for len in [0, 1, 1024, 4095, 4096, 4097, 8192, 8193, 16_384, 100_000, 1_000_003] {
        let mut world = world_with("a/b.html", len);
        let response = world.get("/o/a/b.html");
        assert_eq!((response.code, response.body.len()), (200, len));
        assert!(response.body == content(len), "{len}");
        assert_eq!(response.field("content-type"), Some("text/html; charset=utf-8"));
        let tag: String = root_of(&content(len)).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(response.field("etag"), Some(format!("\"{tag}\"").as_str()));
        assert_eq!(world.net.lent_count(), 0);
    }
}

#[test]
fn head_answers_the_same_head() {
    let mut world = world_with("a", 5000);
    let mut get = world.get("/o/a");
    get.body.clear();
    let reads = world.integrity.count(Op::Read);
    assert_eq!(world.ask("HEAD /o/a HTTP/1.1\r\nHost: c\r\n\r\n"), get);
    assert_eq!(world.integrity.count(Op::Read), reads);
}

#[test]
fn paths_are_percent_decoded() {
    let mut world = world_with("ä b/c%", 3);
    assert_eq!(world.get("/o/%C3%a4%20b%2Fc%25").code, 200);
    assert_eq!(world.get("/o/ä%20b/c%25?query").code, 200);
    assert_eq!(world.get("/o/%zz").code, 400);
    assert_eq!(world.get("/o/a%").code, 400);
    assert_eq!(world.get("/o/").code, 404);
    assert_eq!(world.get("/o/%ff%00").code, 404);
    assert_eq!(world.get(&format!("/o/{}", "a".repeat(1025))).code, 404);
    assert_eq!(world.get("/o/c").text(), "no such object\n");
}

#[test]
fn ranges_are_parts() {
    let mut world = world_with("a", 20_000);
    for (range, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=4095-4096", 4095, 4097),
        ("bytes=5000-", 5000, 20_000),
        ("bytes=-1", 19_999, 20_000),
        ("bytes=-99999", 0, 20_000),
        ("bytes=19999-99999", 19_999, 20_000),
    ] {
        let response = world.get_with("/o/a", &format!("Range: {range}\r\n"));
        assert_eq!(response.code, 206, "{range}");
        assert!(response.body == content(20_000)[start..end], "{range}");
        let expected = format!("bytes {start}-{}/20000", end - 1);
        assert_eq!(response.field("content-range"), Some(expected.as_str()));
    }
    let response = world.get_with("/o/a", "Range: bytes=20000-\r\n");
    assert_eq!((response.code, response.field("content-range")), (416, Some("bytes */20000")));
    assert_eq!(world.get_with("/o/a", "Range: bytes=0-1,3-4\r\n").code, 200);
    assert_eq!(world.get_with("/o/a", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n").code, 200);
    let head = world.ask("HEAD /o/a HTTP/1.1\r\nHost: c\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!((head.code, head.field("content-length")), (200, Some("20000")));
}

#[test]
fn conditions_compare_the_root() {
    let mut world = world_with("a", 100);
    let tag = world.get("/o/a").field("etag").unwrap().to_owned();
    let mut code = |fields: String| world.get_with("/o/a", &fields).code;
    assert_eq!(code(format!("If-None-Match: {tag}\r\n")), 304);
    assert_eq!(code(format!("If-None-Match: \"x\", W/{tag}\r\n")), 304);
    assert_eq!(code("If-None-Match: *\r\n".into()), 304);
    assert_eq!(code("If-None-Match: \"x\"\r\n".into()), 200);
    assert_eq!(code("If-Match: \"x\"\r\n".into()), 412);
    assert_eq!(code(format!("If-Match: {tag}\r\n")), 200);
    assert_eq!(code(format!("If-Range: {tag}\r\nRange: bytes=0-1\r\n")), 206);
    assert_eq!(code("If-Range: \"x\"\r\nRange: bytes=0-1\r\n".into()), 200);
    assert_eq!(code("If-Range: Tue, 15 Nov 1994 08:12:31 GMT\r\nRange: bytes=0-1\r\n".into()), 200);
    let response = world.get_with("/o/a", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((response.field("etag"), response.field("content-length")), (Some(&*tag), None));
}

#[test]
fn what_does_not_prove_is_a_502_with_the_reason() {
    let mut world = world_with("a/b", 100_000);
    world.integrity.put("good", content(10));
    world.integrity.bad.insert(("a/b".into(), 0));
    console();
    let response = world.get("/o/a/b");
    assert_eq!((response.code, response.text()), (502, "block 0 of /a/b: hash mismatch\n".into()));
    assert_eq!(console(), [""; 0], "integrity has said it");
    assert_eq!(world.get("/o/good").code, 200);
    let part = world.get_with("/o/a/b", "Range: bytes=4096-\r\n");
    assert_eq!((part.code, part.body.len()), (206, 100_000 - 4096));
    world.integrity.refusal = "volume generation 3 is older than the anchored 5";
    let response = world.get("/o/else");
    assert_eq!(response.code, 502);
    assert_eq!(response.text(), "volume generation 3 is older than the anchored 5\n");
}

#[test]
fn a_failure_in_mid_body_ends_the_connection() {
    let mut world = world_with("a", 500_000);
    world.integrity.bad.insert(("a".into(), 50));
    console();
    let socket = world.say("GET /o/a HTTP/1.1\r\nHost: c\r\n\r\n");
    let bytes = world.net.take_output(socket);
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n"));
    assert!(bytes[head..] == content(500_000)[..bytes.len() - head]);
    assert!(bytes.len() - head <= 50 * 4096);
    assert!(world.net.was_reset(socket));
    assert_eq!(console(), [""; 0], "integrity has said it");
    assert_eq!(world.get_with("/o/a", "Range: bytes=0-9\r\n").code, 206);
    assert_eq!(world.gateway.counters().not_proven, 1);
}

#[test]
fn a_lost_disk_is_a_503() {
    let mut world = world_with("a", 100);
    world.integrity.has_no_disk = true;
    console();
    let response = world.get("/o/a");
    assert_eq!((response.code, response.text()), (503, "disk does not answer\n".into()));
    assert_eq!(console(), ["disk does not answer"]);
    world.integrity.has_no_disk = false;
    assert_eq!(world.get("/o/a").code, 200);
}

#[test]
fn an_object_stays_open_for_the_next_request() {
    let mut world = world_with("a", 100);
    world.integrity.put("large", content(5000));
    for _ in 0..10 {
        assert_eq!(world.get("/o/a").body, content(100));
        assert_eq!(world.get_with("/o/a", "Range: bytes=7-9\r\n").body, content(100)[7..10]);
        assert_eq!(world.get("/o/large").body, content(5000));
    }
    assert_eq!((world.integrity.count(Op::Open), world.integrity.count(Op::Close)), (2, 0));
    // The whole of a small object also stays proven.
    assert_eq!(world.integrity.count(Op::Read), 1 + 10);
}

#[test]
fn a_window_is_not_taken_for_what_it_held_before() {
    let mut world = World::new();
    for number in 0..40 {
        world.integrity.put(&format!("{number}"), vec![number; 600]);
    }
    for number in (0..40).chain(0..40).chain(30..40) {
        assert_eq!(world.get(&format!("/o/{number}")).body, vec![number; 600]);
        if number % 3 == 0 {
            assert_eq!(world.get("/").text().lines().count(), 40);
        }
    }
    world.integrity.restart();
    assert_eq!(world.get("/o/39").body, vec![39; 600]);
    world.integrity.put("39", vec![0; 600]);
    world.integrity.restart();
    world.run();
    assert_eq!(world.get("/o/39").body, vec![0; 600]);
}

#[test]
fn large_objects_share_the_large_windows() {
    let mut world = world_with("a", 700_000);
    let sockets: Vec<u16> = (0..10).map(|_| world.say("")).collect();
    for round in 0..2 {
        for socket in &sockets {
            world.net.limit_reading(*socket, 0);
            world.net.send(*socket, b"GET /o/a HTTP/1.1\r\nHost: c\r\n\r\n");
        }
        world.run();
        for socket in &sockets {
            world.net.limit_reading(*socket, usize::MAX);
            world.run();
            let bytes = world.net.take_output(*socket);
            let (response, _) = Response::parse(&bytes, false).unwrap();
            assert!(response.body == content(700_000), "{round}");
        }
    }
}

#[test]
fn objects_are_closed_when_others_are_wanted() {
    let mut world = World::new();
    for number in 0..40 {
        world.integrity.put(&format!("{number}"), content(number));
    }
    for round in 0..3 {
        // With fewer places at `integrity` than readers here, too.
        world.integrity.objects_max = [64, 5, 1][round];
        for number in 0..40 {
            assert_eq!(world.get(&format!("/o/{number}")).body, content(number), "{round}");
        }
    }
}

#[test]
fn one_request_takes_few_messages() {
    let mut world = world_with("a", 1024);
    let socket = world.say("GET /o/a HTTP/1.1\r\nHost: c\r\n\r\n");
    let before = (world.net.requests, world.integrity.count(Op::Read));
    world.net.send(socket, b"GET /o/a HTTP/1.1\r\nHost: c\r\n\r\n");
    world.run();
    // One `Send` with head and body, one `Release`.
    assert_eq!(world.net.requests - before.0, 2);
    assert_eq!(world.integrity.count(Op::Read) - before.1, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_part_of_any_object_is_right(len in 1..60_000_usize, a: u32, b: u32, slow in 1..3000_usize) {
        let mut world = world_with("a", len);
        let (a, b) = (a as usize % len, b as usize % len);
        let (start, end) = (a.min(b), a.max(b));
        let socket = world.say(format!(
            "GET /o/a HTTP/1.1\r\nHost: c\r\nRange: bytes={start}-{end}\r\n\r\n"
        ));
        world.net.limit_reading(socket, slow);
        world.run();
        world.net.limit_reading(socket, usize::MAX);
        world.run();
        let bytes = world.net.take_output(socket);
        let (response, rest) = Response::parse(&bytes, false).unwrap();
        prop_assert!(rest.is_empty() && response.body == content(len)[start..=end]);
    }
}
