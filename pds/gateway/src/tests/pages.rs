use super::objects::content;
use super::*;
use serde_json::Value;
use std::borrow::ToOwned;
use std::format;

const NASTY: &str = "x <b>&\"'\\ä?#.html";

fn world_with(count: usize) -> World {
    let mut world = World::new();
    for number in 0..count {
        let path = format!("dir/{number:05}-{}", "n".repeat(number % 90));
        world.integrity.put(&path, content(number % 50));
    }
    world
}

#[test]
fn a_listing_of_any_size_is_complete() {
    for count in [0, 1, 40, 41, 2000] {
        let mut world = world_with(count);
        let text = world.get("/");
        assert_eq!((text.code, text.field("vary")), (200, Some("Accept")));
        assert_eq!(text.field("content-type"), Some("text/plain; charset=utf-8"));
        let paths: Vec<_> =
            text.text().lines().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect();
        assert!(paths.iter().eq(world.integrity.files.keys()), "{count}");

        let json: Value = serde_json::from_slice(&world.get("/?format=json").body).unwrap();
        assert_eq!((&json["volume"], &json["generation"]), (&"demo".into(), &5.into()));
        assert_eq!(json["entries"], count);
        assert_eq!(json["root"], "aa".repeat(32));
        let objects = json["objects"].as_array().unwrap();
        assert!(objects.iter().map(|object| object["path"].as_str().unwrap()).eq(&paths));

        let html = world.get_with("/", "Accept: text/html,*/*;q=0.8\r\n");
        assert_eq!(html.field("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(html.text().matches("<tr><td><a href=\"/o/dir/").count(), count);
    }
}

#[test]
fn the_links_of_a_listing_work() {
    let mut world = World::new();
    world.integrity.put(NASTY, content(9));
    let html = world.get("/?format=html").text();
    let link = html.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(world.get(link).body, content(9));
    assert!(html.contains("x &lt;b&gt;&amp;&quot;"));
    let json: Value = serde_json::from_slice(&world.get("/?format=json").body).unwrap();
    assert_eq!(json["objects"][0]["path"], NASTY);
    assert_eq!(json["objects"][0]["size"], 9);
}

#[test]
fn the_longest_paths_fit() {
    let mut world = World::new();
    for first in ["\"", "<"] {
        world.integrity.put(&format!("{first}{}", "\"".repeat(1023)), content(1));
    }
    for format in ["html", "json", "text"] {
        let response = world.get(&format!("/?format={format}"));
        assert_eq!(response.code, 200);
        assert!(response.body.len() > 2 * 1024);
    }
}

#[test]
fn old_clients_get_pages_without_chunks() {
    let mut world = world_with(300);
    let response = world.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(response.field("connection"), Some("close"));
    assert_eq!(response.text().lines().count(), 300);
}

#[test]
fn head_of_a_page_has_no_content() {
    let mut world = world_with(3);
    for target in ["/", "/status", "/metrics"] {
        let head = world.ask(format!("HEAD {target} HTTP/1.1\r\nHost: c\r\n\r\n"));
        assert_eq!((head.code, head.body.len()), (200, 0));
    }
}

#[test]
fn a_refused_volume_has_no_listing() {
    let mut world = world_with(3);
    world.integrity.refusal = "volume root not vouched for by the ledger";
    let response = world.get("/");
    assert_eq!(response.code, 502);
    assert_eq!(response.text(), "volume root not vouched for by the ledger\n");
}

#[test]
fn a_listing_begins_with_its_first_entries() {
    let mut world = world_with(3);
    world.integrity.has_no_disk = true;
    let response = world.get("/");
    assert_eq!((response.code, response.text()), (503, "disk does not answer\n".into()));
}

/// Such a client once kept every reader, one at each turn, and nobody was served any more.
#[test]
fn a_listing_behind_an_object_that_nobody_reads_costs_others_nothing() {
    let mut world = world_with(3);
    world.integrity.put("large", content(9000));
    let socket = world.net.connect().unwrap();
    world.net.limit_reading(socket, 0);
    for target in ["/o/large", "/"] {
        world.net.send(socket, format!("GET {target} HTTP/1.1\r\nHost: c\r\n\r\n").as_bytes());
        world.run();
    }
    assert_eq!(world.get("/o/large").body, content(9000));
}

#[test]
fn a_listing_that_fails_in_the_middle_is_short() {
    let mut world = world_with(2000);
    world.integrity.answers_left = 3;
    let socket = world.say("GET / HTTP/1.1\r\nHost: c\r\n\r\n");
    world.integrity.has_no_disk = true;
    world.integrity.answers_left = usize::MAX;
    world.run();
    assert!(world.net.was_reset(socket));
    let bytes = world.net.take_output(socket);
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(Response::parse(&bytes, false), None);
}

fn status_of(world: &mut World) -> Value {
    let response = world.get("/status");
    assert_eq!(response.code, 200);
    assert_eq!(response.field("content-type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn the_status_tells_everything() {
    let mut world = world_with(3);
    let status = status_of(&mut world);
    for (name, value) in [
        ("system", "cairn"),
        ("kernel", "sel4 16.0.0"),
        ("config", "release"),
        ("platform", "qemu_virt_aarch64"),
        ("version", "0.1.0"),
        ("revision", "abc\"def"),
    ] {
        assert_eq!(status[name], value);
    }
    assert_eq!(status["boot_us"], 41_234);
    assert_eq!(status["uptime_us"], world.now_ns / 1000);
    assert_eq!(status["boot_id"], "b0".repeat(16));
    let volume = &status["volume"];
    assert_eq!((&volume["state"], &volume["name"]), (&"proven".into(), &"demo".into()));
    assert_eq!((&volume["generation"], &volume["entries"]), (&5.into(), &3.into()));
    assert_eq!(volume["root"], "aa".repeat(32));
    let ledger = &status["ledger"];
    assert_eq!((&ledger["state"], &ledger["sequence"]), (&"proven".into(), &6.into()));
    assert_eq!(
        (&ledger["chain"], &ledger["head"]),
        (&"c1".repeat(32).into(), &"ed".repeat(32).into())
    );
    assert_eq!(ledger["minimum_generation"], 2);
    assert_eq!(status["network"]["nic"]["received"], 77);
    assert_eq!(status["network"]["net"]["transmitted_bytes"], 0);
    let pds = status["pds"].as_array().unwrap();
    assert_eq!(pds.len(), 3);
    assert_eq!((&pds[0]["name"], &pds[0]["state"]), (&"supervisor".into(), &"running".into()));
    assert_eq!((&pds[2]["state"], &pds[2]["text"]), (&"degraded".into(), &"no <address>".into()));
    let nic = r#"[{"name": "nic", "waiting": 3, "most": 9, "capacity": 128, "violations": 2}]"#;
    let nic: Value = serde_json::from_str(nic).unwrap();
    assert_eq!((&pds[1]["peers"], &pds[2]["peers"]), (&Value::Array(vec![]), &nic));
}

/// What a Prometheus parser makes of `/metrics`, and its text.
fn metrics_of(world: &mut World) -> (prometheus_parse::Scrape, String) {
    let response = world.get("/metrics");
    assert_eq!(response.code, 200);
    let media = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(response.field("content-type"), Some(media));
    let text = response.text();
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).unwrap();
    // The parser passes over what it does not understand.
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(scrape.samples.len(), samples);
    (scrape, text)
}

#[test]
fn prometheus_understands_the_metrics() {
    use prometheus_parse::Value::{Counter, Gauge};
    let mut world = world_with(3);
    world.status.pds[1].cpu_us = 1_500_000;
    world.status.pds[1].counters[usize::from(protocols::lifecycle::Counter::Open.code())] = 5;
    let (scrape, text) = metrics_of(&mut world);
    let sample = |name: &str, pd: Option<&str>| {
        let mut named = scrape.samples.iter().filter(|sample| sample.metric == name);
        named.find(|sample| sample.labels.get("pd") == pd).unwrap()
    };
    // This parser leaves escapes in.
    assert_eq!(sample("cairn_info", None).labels.get("revision"), Some("abc\\\"def"));
    assert_eq!(sample("cairn_boot_seconds", None).value, Gauge(0.041_234));
    assert_eq!(sample("cairn_volume_proven", None).value, Gauge(1.0));
    assert_eq!(sample("cairn_volume_entries", None).value, Gauge(3.0));
    assert_eq!(sample("cairn_chain_sequence", None).value, Gauge(6.0));
    assert_eq!(sample("cairn_pd_received_total", Some("nic")).value, Counter(77.0));
    assert_eq!(sample("cairn_pd_cpu_seconds_total", Some("nic")).value, Counter(1.5));
    assert_eq!(sample("cairn_pd_open", Some("nic")).value, Gauge(5.0));
    for (name, value) in [
        ("cairn_peer_waiting", Gauge(3.0)),
        ("cairn_peer_waiting_most", Gauge(9.0)),
        ("cairn_peer_capacity", Gauge(128.0)),
        ("cairn_peer_violations_total", Counter(2.0)),
    ] {
        let sample = sample(name, Some("net"));
        assert_eq!((sample.labels.get("peer"), &sample.value), (Some("nic"), &value), "{name}");
    }
    let state = sample("cairn_pd_state", Some("supervisor"));
    assert_eq!((state.labels.get("state"), &state.value), (Some("running"), &Gauge(1.0)));
    // Each metric has a type and is in one piece, and no sample comes twice.
    let mut names: Vec<_> = scrape.samples.iter().map(|sample| &sample.metric).collect();
    names.dedup();
    let mut lines: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    for name in &names {
        assert!(text.contains(&format!("# TYPE {name} ")) && scrape.docs.contains_key(*name));
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
    }
    lines.retain(|line| *line != "#");
    lines.sort_unstable();
    assert!(lines.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn the_metrics_name_what_is_refused() {
    let mut world = World::new();
    world.chain_refusal = "chain event 4: bad signature";
    world.integrity.refusal = "volume root not vouched for by the ledger";
    let (_, text) = metrics_of(&mut world);
    assert!(
        text.contains("\ncairn_volume_proven 0\n") && text.contains("\ncairn_chain_proven 0\n")
    );
}

#[test]
fn the_status_page_is_made_of_objects() {
    let mut world = World::new();
    world.integrity.put("ui/index.html", content(40));
    world.integrity.put("ui/app.js", content(30));
    let page = world.get("/ui/");
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!((page.body, page.code), (content(40), 200));
    assert_eq!(world.get("/ui").body, content(40));
    assert_eq!(world.get("/ui/app.js").body, content(30));
    assert_eq!(world.get("/ui/missing").code, 404);
    assert_eq!(world.get("/ui/..%2fx").code, 404);
}

#[test]
fn the_status_tells_what_a_pd_may_and_does_use() {
    let mut world = World::new();
    let pd = &mut world.status.pds[1];
    (pd.priority, pd.budget_us, pd.period_us) = (185, 500, 1000);
    (pd.ram_bytes, pd.stack_bytes, pd.stack_used_bytes) = (1 << 33, 32768, 1200);
    let status = status_of(&mut world);
    let (supervisor, nic) = (&status["pds"][0], &status["pds"][1]);
    for (name, value) in [
        ("priority", 185),
        ("budget_us", 500),
        ("period_us", 1000),
        ("ram_bytes", 1_u64 << 33),
        ("stack_bytes", 32768),
        ("stack_used_bytes", 1200),
    ] {
        assert_eq!(nic[name], value, "{name}");
    }
    assert!(supervisor["stack_used_bytes"].is_null(), "nobody sees that stack");
}

#[test]
fn the_status_is_fresh() {
    let mut world = World::new();
    status_of(&mut world);
    world.status.pds[1].counters[usize::from(Counter::Received.code())] = 78;
    assert_eq!(status_of(&mut world)["network"]["nic"]["received"], 78);
}

#[test]
fn the_status_names_what_is_refused() {
    let mut world = World::new();
    world.chain_refusal = "chain event 4: bad signature";
    world.integrity.refusal = "volume root not vouched for by the ledger";
    let status = status_of(&mut world);
    assert_eq!(status["ledger"]["state"], "refused");
    assert_eq!(status["ledger"]["reason"], "chain event 4: bad signature");
    assert_eq!(status["volume"]["reason"], "volume root not vouched for by the ledger");
}

#[test]
fn a_revoked_chain_has_a_state_and_a_code_of_its_own() {
    let reason = "chain is revoked by event 9: nothing after event 4 is believed";
    let mut world = world_with(3);
    (world.is_revoked, world.chain_refusal) = (true, reason);
    let status = status_of(&mut world);
    assert_eq!(status["ledger"]["state"], "revoked");
    assert_eq!(status["ledger"]["reason"], reason);
    // What the image pins is believed still.
    assert_eq!(status["ledger"]["sequence"], 6);
    assert_eq!(world.get("/").code, 200);
    world.integrity.refusal = reason;
    world.integrity.refusal_status = protocols::integrity::Status::Revoked;
    let response = world.get("/");
    assert_eq!((response.code, response.text()), (410, format!("{reason}\n")));
}

#[test]
fn the_status_does_not_wait_for_the_silent() {
    let mut world = World::new();
    world.supervises = false;
    world.has_ledger = false;
    world.integrity.is_silent = true;
    let socket = world.say("GET /status HTTP/1.1\r\nHost: c\r\n\r\n");
    assert!(world.net.take_output(socket).is_empty());
    world.pass(SECOND);
    let bytes = world.net.take_output(socket);
    let (response, _) = Response::parse(&bytes, false).unwrap();
    let status: Value = serde_json::from_slice(&response.body).unwrap();
    let states = [&status["volume"]["state"], &status["ledger"]["state"]];
    assert_eq!(states, ["unknown", "unknown"], "nobody has refused anything");
    assert_eq!(status["volume"]["reason"], "integrity does not answer");
    assert_eq!(status["ledger"]["reason"], "ledger does not answer");
    // Late answers are good for the next time.
    world.supervises = true;
    world.has_ledger = true;
    world.integrity.is_silent = false;
    world.run();
    assert_eq!(status_of(&mut world)["ledger"]["state"], "proven");
}

#[test]
fn a_page_that_supervisor_is_writing_is_not_read() {
    let mut world = World::new();
    let before = status_of(&mut world)["pds"].as_array().unwrap().len();
    world.supervises = false;
    world.status.sequence += 1;
    world.status.pd_count = 24;
    world.write_page();
    let socket = world.say("GET /status HTTP/1.1\r\nHost: c\r\n\r\n");
    world.pass(SECOND);
    let bytes = world.net.take_output(socket);
    let (response, _) = Response::parse(&bytes, false).unwrap();
    let status: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(status["pds"].as_array().unwrap().len(), before);
}

#[test]
fn a_hostile_page_still_gives_json() {
    let mut world = World::new();
    world.status.pd_count = u32::MAX;
    for pd in &mut world.status.pds {
        pd.name = [b'"'; 16];
        pd.text = [1; 128];
        pd.text_len = u16::MAX;
        pd.state = 99;
        pd.generation = u64::MAX;
        pd.counters = [u64::MAX; protocols::lifecycle::COUNTERS];
    }
    world.status.pds[0].text_len = 128;
    world.status.peer_count = u32::MAX;
    for peer in &mut world.status.peers {
        // Of a PD, all; and of nobody.
        (peer.pd, peer.peer) = (0, 1);
        peer.seen = Peer { capacity: u32::MAX, waiting: 0, most: u32::MAX, violations: u32::MAX };
    }
    world.status.peers[0].peer = u8::MAX;
    world.status.peers[1].pd = u8::MAX;
    let status = status_of(&mut world);
    assert_eq!(status["pds"].as_array().unwrap().len(), 24);
    assert_eq!(status["pds"][0]["state"], "unknown");
    let peers = status["pds"][0]["peers"].as_array().unwrap();
    assert_eq!((peers.len(), &peers[0]["name"]), (24, &"".into()));
    assert_eq!(peers[1]["violations"], u32::MAX);
    assert!(metrics_of(&mut world).1.contains("state=\"unknown\""));
}

#[test]
fn the_boot_id_comes_when_there_is_entropy() {
    let mut world = World::new();
    assert_eq!(world.crypto_refusals, 0);
    let mut late = World::new();
    late.crypto.reset();
    late.crypto_refusals = 3;
    late.pass(SECOND);
    assert_eq!(status_of(&mut late)["boot_id"], "b0".repeat(16));
    assert_eq!(status_of(&mut world)["boot_id"], "b0".repeat(16));
}
