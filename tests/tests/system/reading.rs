//! Files come as they are.

use std::thread;

use cairn_tests::machine::Machine;
use cairn_tests::random::Random;
use cairn_tests::volume::{Files, escape};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::house::{House, VOLUME};
use crate::shared::{Shared, named, trials};
use crate::{page, requests, status};

/// A machine with the pinned volume.
pub(crate) struct Served {
    house: Shared<House>,
    pub(crate) machine: Machine,
}

impl Served {
    pub(crate) fn boot(house: &Shared<House>, name: &str) -> Self {
        let machine = house.get().boot(name, &house.get().volume);
        Self { house: house.clone(), machine }
    }

    pub(crate) fn house(&self) -> &House {
        self.house.get()
    }

    pub(crate) fn file(&self, path: &str) -> &[u8] {
        &self.house().files[path]
    }

    /// Whether everything is as it should be: what tests do after something bad.
    pub(crate) fn assert_serves(&self) {
        for path in ["block-and-one.bin", "a/b/c/d/e/f/g/h/deep.txt"] {
            let response = self.machine.get(&target(path));
            assert_eq!((response.status, &*response.body), (200, self.file(path)), "{path}");
        }
    }
}

/// Everything that is read from one machine.
pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let house = house.clone();
    let served = Shared::new(move || Served::boot(&house, "reading"));
    let tests = named!["reading":
        the_root_lists_the_volume,
        the_list_comes_as_json_and_html,
        every_file_is_exact,
        paths_may_be_escaped_or_not,
        the_tag_is_the_merkle_root,
        ranges_are_exact,
        ranges_may_be_open_or_wrong,
        head_says_the_same_without_the_bytes,
        many_at_once_get_what_they_asked_for,
        a_connection_lives_on,
        who_reads_late_gets_everything_and_delays_nobody,
    ];
    [tests, requests::tests(), status::tests(), page::tests()]
        .into_iter()
        .flat_map(|tests| trials(&served, tests))
        .collect()
}

/// Where a file is.
pub(crate) fn target(path: &str) -> String {
    format!("/o/{}", escape(path))
}

/// Every file comes as it is.
///
/// # Panics
/// If one does not.
pub(crate) fn serves_all(machine: &Machine, files: &Files) {
    for (path, content) in files {
        let response = machine.get(&target(path));
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert!(response.body == *content, "{path}");
    }
}

pub(crate) fn the_root_lists_the_volume(served: &Served) {
    let house = served.house();
    let text = served.machine.get("/");
    assert_eq!(text.status, 200);
    let lines: Vec<_> = text.text().lines().collect();
    assert_eq!(lines.len(), house.files.len());
    // A `BTreeMap` is in the order of bytes, and so is a volume.
    for (line, (path, content)) in lines.iter().zip(&house.files) {
        assert_eq!(*line, format!("{} {} {path}", house.root_of(path), content.len()));
    }
}

pub(crate) fn the_list_comes_as_json_and_html(served: &Served) {
    let house = served.house();
    let accept = |media| served.machine.connect().get_with("/", &[("Accept", media)]);
    let json: Value = serde_json::from_slice(&accept("application/json").body).unwrap();
    assert_eq!(json["volume"], VOLUME);
    assert_eq!(json["root"], house.listing["root"]);
    assert_eq!(json["objects"], house.listing["files"]);
    let html = accept("text/html,application/xhtml+xml,*/*;q=0.8");
    assert_eq!(html.field("content-type"), Some("text/html; charset=utf-8"));
    let links: Vec<_> = html.text().split("<a href=\"").skip(1).collect();
    let ways: Vec<_> = links.iter().map(|link| link.split_once('"').unwrap().0).collect();
    let tricky = ways.iter().find(|way| way.starts_with("/o/100%25")).unwrap();
    let path = house.files.keys().find(|path| path.starts_with("100%")).unwrap();
    assert_eq!(served.machine.get(tricky).body, house.files[path]);
    assert!(!html.text().contains("<h>"), "a file's name is no markup");
}

pub(crate) fn every_file_is_exact(served: &Served) {
    let mut connection = served.machine.connect();
    let mut random = Random(1);
    for (path, content) in &served.house().files {
        if path.starts_with("many/") && random.below(20) > 0 {
            continue;
        }
        let response = connection.get(&target(path));
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.field("content-length"), Some(&*content.len().to_string()), "{path}");
        assert!(response.body == *content, "{path}: {} bytes", response.body.len());
    }
}

pub(crate) fn paths_may_be_escaped_or_not(served: &Served) {
    let path = "grüße/日本語 файл.txt";
    for way in [escape(path), path.replace(' ', "%20"), escape(path).to_lowercase()] {
        let response = served.machine.get(&format!("/o/{way}"));
        assert_eq!((response.status, &*response.body), (200, served.file(path)), "{way}");
    }
}

pub(crate) fn the_tag_is_the_merkle_root(served: &Served) {
    let mut connection = served.machine.connect();
    for path in ["empty", "one-byte", "node-and-one.bin", "many/file-0100-xxxxxxxxxxxxxxxxxxxx"] {
        let tag = format!("\"{}\"", served.house().root_of(path));
        let response = connection.get(&target(path));
        assert_eq!(response.field("etag"), Some(&*tag), "{path}");
        let again = connection.get_with(&target(path), &[("If-None-Match", &tag)]);
        assert_eq!((again.status, again.body.len(), again.field("etag")), (304, 0, Some(&*tag)));
        let other = connection.get_with(&target(path), &[("If-None-Match", "\"0\"")]);
        assert_eq!((other.status, other.body), (200, response.body));
        let refused = connection.get_with(&target(path), &[("If-Match", "\"0\"")]);
        assert_eq!(refused.status, 412);
    }
}

pub(crate) fn ranges_are_exact(served: &Served) {
    let path = "large/odd.bin";
    let content = served.file(path);
    let mut connection = served.machine.connect();
    let mut random = Random(2);
    let last = content.len() - 1;
    let mut ranges =
        vec![(0, 0), (last, last), (4095, 4096), (0, last), (128 * 4096 - 1, 128 * 4096)];
    ranges.extend((0..40).map(|_| {
        let first = random.below(content.len());
        (first, first + random.below(content.len() - first))
    }));
    for (first, last) in ranges {
        let response =
            connection.get_with(&target(path), &[("Range", &format!("bytes={first}-{last}"))]);
        let place = format!("bytes {first}-{last}/{}", content.len());
        assert_eq!((response.status, response.field("content-range")), (206, Some(&*place)));
        assert!(response.body == content[first..=last], "{place}");
    }
}

pub(crate) fn ranges_may_be_open_or_wrong(served: &Served) {
    let path = "block-and-one.bin";
    let content = served.file(path);
    let mut connection = served.machine.connect();
    let mut get = |range| connection.get_with(&target(path), &[("Range", range)]);
    for (range, expected) in [
        ("bytes=4090-", &content[4090..]),
        ("bytes=-7", &content[4090..]),
        ("bytes=4000-99999", &content[4000..]),
    ] {
        let response = get(range);
        assert_eq!((response.status, &*response.body), (206, expected), "{range}");
    }
    for range in ["bytes=4097-", "bytes=-0", "bytes=99999-100000"] {
        let response = get(range);
        assert_eq!(
            (response.status, response.field("content-range")),
            (416, Some("bytes */4097")),
            "{range}"
        );
    }
    // What is no range is ignored (RFC 9110, section 14.2).
    for range in ["bytes=5-4", "lines=1-2", "bytes=a-b", "bytes=0-1,5-6"] {
        let response = get(range);
        assert_eq!((response.status, &*response.body), (200, content), "{range}");
    }
    let tag = format!("\"{}\"", served.house().root_of(path));
    for (tag, status) in [(&*tag, 206), ("\"0\"", 200)] {
        let fields = [("Range", "bytes=1-2"), ("If-Range", tag)];
        assert_eq!(connection.get_with(&target(path), &fields).status, status);
    }
}

pub(crate) fn head_says_the_same_without_the_bytes(served: &Served) {
    let mut connection = served.machine.connect();
    for way in [target("large/mebibyte.bin"), target("empty"), "/o/none".to_owned()] {
        let full = connection.get(&way);
        connection.request("HEAD", &way, &[]);
        let head = connection.head_response();
        assert_eq!((head.status, &head.fields), (full.status, &full.fields), "{way}");
    }
    for way in ["/", "/status"] {
        connection.request("HEAD", way, &[]);
        assert_eq!(connection.head_response().status, 200);
    }
    assert_eq!(connection.get(&target("one-byte")).body, served.file("one-byte"));
}

pub(crate) fn many_at_once_get_what_they_asked_for(served: &Served) {
    thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let mut connection = served.machine.connect();
                let mut random = Random(number);
                for _ in 0..10 {
                    let path =
                        *random.pick(&["large/mebibyte.bin", "node.bin", "block.bin", "empty"]);
                    let response = connection.get(&target(path));
                    assert!(response.body == served.file(path), "{path}");
                }
            });
        }
    });
}

pub(crate) fn a_connection_lives_on(served: &Served) {
    let mut connection = served.machine.connect();
    for _ in 0..300 {
        let response = connection.get(&target("block.bin"));
        assert_eq!(response.field("connection"), Some("keep-alive"));
        assert!(response.body == served.file("block.bin"));
    }
}

pub(crate) fn who_reads_late_gets_everything_and_delays_nobody(served: &Served) {
    let path = "large/odd.bin";
    // Each asks at once: other tests bring crowds, in which a silent connection gives way.
    let ask = |_| {
        let mut connection = served.machine.connect();
        connection.request("GET", &target(path), &[]);
        connection
    };
    let mut late: Vec<_> = (0..6).map(ask).collect();
    served.assert_serves();
    for connection in &mut late {
        assert!(connection.response().body == served.file(path));
    }
}
