//! `/status` tells the truth.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::house::{PINNED, VOLUME};
use crate::reading::{Served, target};
use crate::shared::{Tests, named};

/// Everybody in `system.xml`.
pub(crate) const PDS: [&str; 13] = [
    "supervisor",
    "pulse",
    "timer",
    "nic",
    "disk",
    "entropy",
    "net",
    "store",
    "crypto",
    "ledger",
    "integrity",
    "serial",
    "gateway",
];

pub(crate) fn tests() -> Tests<Served> {
    named!["status":
        says_which_image_this_is,
        names_volume_and_chain,
        every_pd_runs,
        the_network_is_counted,
        every_pd_is_measured,
        every_ring_is_measured,
        stacks_stay_within_what_was_computed,
        the_console_said_the_same,
    ]
}

fn status(served: &Served) -> Value {
    let response = served.machine.get("/status");
    assert_eq!((response.status, response.field("content-type")), (200, Some("application/json")));
    serde_json::from_slice(&response.body).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn is_hex(value: &Value, digits: usize) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

pub(crate) fn says_which_image_this_is(served: &Served) {
    let (environment, status) = (&served.house().environment, status(served));
    assert_eq!(status["kernel"], environment.kernel_version());
    assert_eq!(status["config"], environment.config);
    assert_eq!(status["platform"], environment.platform);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let table = fs::read_to_string(environment.output.join("system.xml")).unwrap();
    assert!(table.contains("build_info"), "the revision comes from there");
    assert!(status["revision"].as_str().is_some_and(|revision| !revision.is_empty()));
    assert!(is_hex(&status["boot_id"], 32), "{}", status["boot_id"]);
    assert_eq!(self::status(served)["boot_id"], status["boot_id"], "one boot has one id");
    assert!(number(&status["uptime_us"]) > number(&status["boot_us"]));
    assert!(number(&self::status(served)["uptime_us"]) > number(&status["uptime_us"]));
}

pub(crate) fn names_volume_and_chain(served: &Served) {
    let (house, status) = (served.house(), status(served));
    let volume = &status["volume"];
    assert_eq!((&volume["state"], &volume["name"]), (&Value::from("proven"), &Value::from(VOLUME)));
    assert_eq!(number(&volume["generation"]), PINNED);
    assert_eq!(volume["root"], house.listing["root"]);
    assert_eq!(number(&volume["entries"]), house.files.len() as u64);
    let (ledger, last) =
        (&status["ledger"], house.events["events"].as_array().unwrap().last().unwrap());
    assert_eq!(ledger["state"], "proven");
    assert_eq!(ledger["chain"], house.events["id"]);
    assert_eq!(ledger["sequence"], last["sequence"]);
    assert_eq!(ledger["head"], last["digest"]);
    assert_eq!(number(&ledger["minimum_generation"]), PINNED);
}

pub(crate) fn every_pd_runs(served: &Served) {
    let status = status(served);
    let boot = number(&status["boot_us"]);
    let pds = status["pds"].as_array().unwrap();
    let names: Vec<_> = pds.iter().map(|pd| pd["name"].as_str().unwrap()).collect();
    assert_eq!(names, PDS);
    for pd in pds {
        assert_eq!((&pd["state"], number(&pd["faults"])), (&Value::from("running"), 0), "{pd}");
        let ready = number(&pd["ready_us"]);
        assert!(ready > 0 && ready <= boot, "{pd}");
    }
}

pub(crate) fn every_pd_is_measured(served: &Served) {
    let status = status(served);
    for pd in status["pds"].as_array().unwrap() {
        let budget = number(&pd["budget_us"]);
        assert!(budget > 0 && budget <= number(&pd["period_us"]), "{pd}");
        assert!(number(&pd["priority"]) > 0 && number(&pd["cpu_us"]) > 0, "{pd}");
        assert!(number(&pd["ram_bytes"]) > number(&pd["stack_bytes"]), "{pd}");
        assert!(number(&pd["cpu_us"]) < number(&status["uptime_us"]), "{pd}");
    }
    let number_of = |pd, key| number(&named(&status["pds"], pd).unwrap()[key]);
    assert!(number_of("pulse", "notifications") > 0);
    assert!(number_of("gateway", "open") > 0, "this connection");
}

/// The one of some values that has this name.
fn named<'v>(values: &'v Value, name: &str) -> Option<&'v Value> {
    values.as_array()?.iter().find(|value| value["name"] == name)
}

/// What `pd` says about `peer`.
pub(crate) fn peer<'s>(status: &'s Value, pd: &str, peer: &str) -> &'s Value {
    let pd = named(&status["pds"], pd).unwrap_or_else(|| panic!("{pd}"));
    named(&pd["peers"], peer).unwrap_or_else(|| panic!("{peer} is nobody to {pd}"))
}

pub(crate) fn every_ring_is_measured(served: &Served) {
    assert_eq!(served.machine.get(&target("large/mebibyte.bin")).status, 200);
    let status = status(served);
    for pd in status["pds"].as_array().unwrap() {
        for peer in pd["peers"].as_array().unwrap() {
            let [waiting, most, capacity] =
                ["waiting", "most", "capacity"].map(|key| number(&peer[key]));
            assert!(waiting <= most && most <= capacity && capacity > 0, "{pd}");
            assert_eq!(number(&peer["violations"]), 0, "{pd}");
        }
    }
    for (pd, writer) in [
        ("nic", "net"),
        ("net", "nic"),
        ("net", "gateway"),
        ("gateway", "net"),
        ("gateway", "integrity"),
        ("integrity", "store"),
        ("store", "disk"),
        ("disk", "store"),
        ("timer", "gateway"),
        ("crypto", "entropy"),
    ] {
        assert!(number(&peer(&status, pd, writer)["most"]) > 0, "{pd} never heard of {writer}");
    }
    for writer in PDS.into_iter().filter(|pd| *pd != "serial") {
        peer(&status, "serial", writer);
    }
}

/// `supervisor` needs a few seconds to look at all stacks.
pub(crate) fn stacks_stay_within_what_was_computed(served: &Served) {
    let table = fs::read_to_string(served.house().environment.output.join("stack.txt")).unwrap();
    let row = |pd: &str| {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(pd)).unwrap();
        let words: Vec<u64> = line.split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect();
        (words[0], words[1])
    };
    // Everybody but `supervisor`, and `crypto`, whose stack is secret.
    let deadline = Instant::now() + Duration::from_secs(60);
    let seen = loop {
        let status = status(served);
        let pds = status["pds"].as_array().unwrap().iter();
        let seen: Vec<_> = pds
            .filter(|pd| !pd["stack_used_bytes"].is_null())
            .map(|pd| {
                let (name, used) = (pd["name"].as_str().unwrap(), number(&pd["stack_used_bytes"]));
                (name.to_owned(), used, number(&pd["stack_bytes"]))
            })
            .collect();
        if seen.len() + 2 >= PDS.len() {
            break seen;
        }
        assert!(Instant::now() < deadline, "only {seen:?}");
        thread::sleep(Duration::from_secs(1));
    };
    for (pd, used, bytes) in seen {
        let (stack, worst) = row(&pd);
        assert!(used <= worst && bytes == stack, "{pd} used {used} of {worst} in {stack} bytes");
        println!("{pd}: {used} of at most {worst} bytes of stack were in use");
    }
}

pub(crate) fn the_network_is_counted(served: &Served) {
    let before = status(served);
    let response = served.machine.get(&target("large/mebibyte.bin"));
    let after = status(served);
    for pd in ["nic", "net"] {
        let grown = |counter: &str| {
            let value = |status: &Value| number(&status["network"][pd][counter]);
            value(&after) - value(&before)
        };
        assert!(grown("transmitted_bytes") > response.body.len() as u64, "{pd}");
        assert!(
            grown("transmitted") > 700 && grown("received") > 0 && grown("received_bytes") > 0,
            "{pd}"
        );
    }
    let accepted = |status: &Value| number(&status["network"]["net"]["accepted"]);
    assert!(accepted(&after) >= accepted(&before) + 2);
}

pub(crate) fn the_console_said_the_same(served: &Served) {
    let status = status(served);
    let machine = &served.machine;
    machine.wait_for(&format!("CAIRN READY {}", number(&status["boot_us"])));
    machine.wait_for(&format!("Cairn {} (", env!("CARGO_PKG_VERSION")));
    machine.wait_for(&format!(
        "on {} {}, {}",
        served.house().environment.kernel_version(),
        served.house().environment.config,
        served.house().environment.platform
    ));
    let root = served.house().listing["root"].as_str().unwrap();
    machine.wait_for(&format!("volume {VOLUME} generation {PINNED} proven: {root}"));
    for pd in PDS {
        let is_row = |line: &String| line.contains(&format!("  {pd} ")) && line.contains("running");
        assert!(machine.lines().iter().any(is_row), "{pd}");
    }
}
