//! Requests that are wrong, odd or hostile get an error of their own, and the next one works.

use cairn_tests::http::Connection;
use cairn_tests::random::Random;

use crate::reading::{Served, target};
use crate::shared::{Tests, named};

pub(crate) fn tests() -> Tests<Served> {
    named!["requests":
        a_wrong_path_is_404,
        a_wrong_method_is_405,
        too_long_a_head_is_431,
        garbage_is_400,
        an_unknown_version_is_505,
        two_readings_of_a_request_are_refused,
        content_is_skipped_or_refused,
        pipelined_requests_are_answered_in_order,
        a_request_may_come_byte_by_byte,
        noise_never_gets_a_wrong_answer,
    ]
}

/// Sends `bytes`; answers the status that comes. The connection may have ended then.
fn status_of(served: &Served, bytes: &[u8]) -> u16 {
    let mut connection = served.machine.connect();
    connection.send(bytes);
    connection.response().status
}

fn still_works(connection: &mut Connection, served: &Served) {
    let response = connection.get(&target("block.bin"));
    assert_eq!((response.status, &*response.body), (200, served.file("block.bin")));
}

fn head(line: &str, fields: &str) -> Vec<u8> {
    format!("{line}\r\nHost: cairn\r\n{fields}\r\n").into_bytes()
}

pub(crate) fn a_wrong_path_is_404(served: &Served) {
    let mut connection = served.machine.connect();
    for way in [
        "/o/none",
        "/o/",
        "/o",
        "/none",
        "/o/a",
        "/o/a/b/",
        "/o//empty",
        "/o/./empty",
        "/o/a/../empty",
        "/o/../../etc/passwd",
        "/o/%2e%2e/empty",
        "/o/empty/",
        "/o/empty%00",
        "/o/empty%20",
        "/o/EMPTY",
        "/status/",
        "//",
    ] {
        let response = connection.get(way);
        assert_eq!(response.status, 404, "{way}");
        assert_eq!(response.text().lines().count(), 1, "{way}: one line says why");
    }
    let longest = format!("/o/{}", "a/".repeat(1000));
    assert_eq!(connection.get(&longest).status, 404);
    still_works(&mut connection, served);
}

pub(crate) fn a_wrong_method_is_405(served: &Served) {
    let mut connection = served.machine.connect();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "X"] {
        connection.request(method, &target("empty"), &[]);
        let response = connection.response();
        assert_eq!(
            (response.status, response.field("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    still_works(&mut connection, served);
}

pub(crate) fn too_long_a_head_is_431(served: &Served) {
    let line = format!("GET /{} HTTP/1.1", "a".repeat(20_000));
    assert_eq!(status_of(served, &head(&line, "")), 431);
    // Even when the line never ends.
    assert_eq!(status_of(served, &line.as_bytes()[..10_000]), 431);
    let field = format!("X: {}\r\n", "b".repeat(20_000));
    assert_eq!(status_of(served, &head("GET / HTTP/1.1", &field)), 431);
    assert_eq!(status_of(served, &head("GET / HTTP/1.1", &"A: b\r\n".repeat(100))), 431);
    still_works(&mut served.machine.connect(), served);
}

pub(crate) fn garbage_is_400(served: &Served) {
    for bytes in [
        &b"GET\r\n\r\n"[..],
        b"GET / FOO\r\nHost: x\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0",
        b"\xff\xfe\xfd\r\n\r\n",
    ] {
        assert_eq!(status_of(served, bytes), 400, "{}", bytes.escape_ascii());
        still_works(&mut served.machine.connect(), served);
    }
}

pub(crate) fn an_unknown_version_is_505(served: &Served) {
    for line in ["GET / HTTP/2.0", "GET / HTTP/3.1"] {
        assert_eq!(status_of(served, &head(line, "")), 505, "{line}");
    }
    // HTTP/1.0 needs no host, and gets a connection that ends.
    let mut connection = served.machine.connect();
    connection.send(format!("GET {} HTTP/1.0\r\n\r\n", target("block.bin")).as_bytes());
    assert_eq!(connection.response().body, served.file("block.bin"));
    assert!(connection.is_at_end());
}

pub(crate) fn two_readings_of_a_request_are_refused(served: &Served) {
    for fields in [
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: other\r\n",
        "A: b\r\n folded\r\n",
    ] {
        let mut connection = served.machine.connect();
        connection.send(&head("GET / HTTP/1.1", fields));
        assert_eq!(connection.response().status, 400, "{fields}");
        assert!(connection.is_at_end(), "{fields}: where the next request begins is unknown");
    }
    still_works(&mut served.machine.connect(), served);
}

pub(crate) fn content_is_skipped_or_refused(served: &Served) {
    let mut connection = served.machine.connect();
    for method in ["GET", "POST"] {
        let mut request =
            head(&format!("{method} {} HTTP/1.1", target("empty")), "Content-Length: 26\r\n");
        request.extend(b"GET /none HTTP/1.1\r\nA: b\r\n");
        connection.send(&request);
        assert_eq!(connection.response().status, if method == "GET" { 200 } else { 405 });
    }
    still_works(&mut connection, served);
    let huge = head("POST / HTTP/1.1", "Content-Length: 99999999999999999999\r\n");
    assert!(matches!(status_of(served, &huge), 405 | 413));
    still_works(&mut served.machine.connect(), served);
}

pub(crate) fn pipelined_requests_are_answered_in_order(served: &Served) {
    let paths =
        ["block.bin", "empty", "one-byte", "block-and-one.bin", "large/mebibyte.bin", "none"];
    let mut random = Random(3);
    let mut connection = served.machine.connect();
    for _ in 0..5 {
        let asked: Vec<_> = (0..40).map(|_| *random.pick(&paths)).collect();
        let all: Vec<_> = asked
            .iter()
            .flat_map(|path| head(&format!("GET {} HTTP/1.1", target(path)), ""))
            .collect();
        connection.send(&all);
        for path in asked {
            let response = connection.response();
            match path {
                "none" => assert_eq!(response.status, 404),
                _ => assert!(response.body == served.file(path), "{path}"),
            }
        }
    }
}

pub(crate) fn a_request_may_come_byte_by_byte(served: &Served) {
    let mut connection = served.machine.connect();
    for byte in head(&format!("GET {} HTTP/1.1", target("one-byte")), "Range: bytes=0-0\r\n") {
        connection.send(&[byte]);
    }
    let response = connection.response();
    assert_eq!((response.status, &*response.body), (206, served.file("one-byte")));
}

pub(crate) fn noise_never_gets_a_wrong_answer(served: &Served) {
    let mut random = Random(4);
    let good = head(
        &format!("GET {} HTTP/1.1", target("block.bin")),
        "Range: bytes=5-9\r\nAccept: */*\r\n",
    );
    for round in 0..300 {
        let mut bytes = good.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = random.byte();
        }
        if round % 10 == 0 {
            let len = random.below(3000);
            bytes = random.bytes(len);
        }
        // A head that the noise left open ends here.
        bytes.extend(b"\r\n\r\n");
        let mut connection = served.machine.connect();
        connection.send(&bytes);
        let Ok(response) = connection.try_response() else { continue };
        let shown = bytes.escape_ascii();
        match response.status {
            200 => assert_eq!(response.body, served.file("block.bin"), "{shown}"),
            206 => {
                let content = served.file("block.bin");
                assert!(
                    content.windows(response.body.len()).any(|part| part == response.body),
                    "{shown}"
                );
            }
            status => {
                assert!((400..506).contains(&status) && !response.is_cut, "{status}: {shown}")
            }
        }
    }
    served.assert_serves();
}
