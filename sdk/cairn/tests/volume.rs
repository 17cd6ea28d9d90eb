//! `cairn chain` and `cairn volume`, as a user runs them.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

mod bench;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use bench::{Bench, copy_folder};
use serde_json::Value;

const BLOCK: usize = 4096;

/// A folder with `chain`, files in `demo`, and room for images.
fn bench() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("demo/d")).unwrap();
    bench.write("demo/d/b", &[7; 3 * BLOCK + 5]);
    bench.write("demo/empty", b"");
    bench.ok("chain init chain");
    bench
}

/// As [`bench`], with `demo` built to `image`.
fn with_image() -> Bench {
    let bench = bench();
    bench.ok("volume build demo image --chain chain");
    bench
}

fn flip(bench: &Bench, image: &str, at: usize) {
    let mut bytes = fs::read(bench.path(image)).unwrap();
    bytes[at] ^= 0x40;
    bench.write(image, &bytes);
}

/// What `volume verify` says of `image` with one byte flipped.
fn flipped(bench: &Bench, image: &str, at: usize) -> String {
    flip(bench, image, at);
    let text = bench.fails(&format!("volume verify {image} --chain chain"), 1);
    flip(bench, image, at);
    text
}

fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` is not in:\n{text}");
}

#[test]
fn init_makes_a_chain_with_a_secret_key() {
    let bench = bench();
    let mode = fs::metadata(bench.path("chain/key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let config: Value =
        serde_json::from_slice(&fs::read(bench.path("chain/chain.json")).unwrap()).unwrap();
    let shown = bench.json("chain show chain");
    assert_eq!(config["id"], shown["id"]);
    assert_eq!(shown["events"][0]["digest"], shown["id"]);
    assert_eq!(shown["events"][0]["time_s"], 1_700_000_000);
    contains(&bench.ok("chain verify chain"), "proven, key fits");
    contains(&bench.fails("chain init chain", 1), "exists already");
}

#[test]
fn build_list_and_verify_agree() {
    let bench = bench();
    let built = bench.json("volume build demo image --chain chain");
    assert_eq!((&built["generation"], &built["files"]), (&1.into(), &3.into()));
    assert_eq!(built["name"], "demo");
    let verified = bench.json("volume verify image --chain chain");
    assert_eq!(verified["ok"], true);
    assert_eq!(verified["root"], built["root"]);
    assert_eq!(verified["data_bytes"], 6 + 3 * BLOCK + 5);
    let listed = bench.json("volume ls image --chain chain");
    let paths: Vec<_> =
        listed["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, ["a.txt", "d/b", "empty"]);
    contains(&bench.ok("volume verify image --chain chain"), "proven");
    let shown = bench.json("chain show chain");
    assert_eq!(shown["registers"][0]["name"], "volume/demo");
    assert_eq!(shown["registers"][0]["digest"], built["root"]);
}

#[test]
fn the_same_input_gives_the_same_image() {
    let bench = bench();
    copy_folder(&bench.path("chain"), &bench.path("twin"));
    bench.ok("volume build demo one --chain chain");
    bench.ok("volume build demo two --chain twin");
    assert_eq!(fs::read(bench.path("one")).unwrap(), fs::read(bench.path("two")).unwrap());
}

#[test]
fn a_file_that_is_no_volume_is_called_so() {
    let bench = bench();
    for (name, bytes) in [("empty", &[][..]), ("short", b"hi"), ("other", &[7; 9 * BLOCK])] {
        bench.write(name, bytes);
        for command in ["verify", "ls", "embed"] {
            let text = bench.fails(&format!("volume {command} {name} --chain chain"), 1);
            assert!(text.starts_with(&format!("cairn: {name}: no volume: ")), "{text}");
        }
    }
}

#[test]
fn an_older_volume_is_refused() {
    let bench = with_image();
    bench.ok("volume build demo newer --chain chain");
    let refused = "volume generation 1 is older than the anchored 2";
    contains(&bench.fails("volume ls image --chain chain", 1), refused);
    let text = bench.fails("volume verify image --chain chain", 1);
    contains(&text, refused);
    contains(&text, "chain ends before event 2, anchored is 2");
    bench.ok("volume verify newer --chain chain");
}

#[test]
fn a_volume_of_another_chain_is_refused() {
    let bench = with_image();
    bench.ok("chain init other");
    contains(&bench.fails("volume ls image --chain other", 1), "volume belongs to another chain");
    let text = bench.fails("volume verify image --chain other", 1);
    contains(&text, "chain event 0: of another chain");
}

#[test]
fn verify_names_what_failed() {
    let bench = with_image();
    let image = "image";
    let (chain, data) = (2 * BLOCK, 18 * BLOCK);
    contains(&flipped(&bench, image, 100), "superblock 0: hash mismatch");
    contains(&flipped(&bench, image, BLOCK), "superblock 1: no magic");
    contains(&flipped(&bench, image, chain), "chain area: no magic");
    contains(&flipped(&bench, image, chain + 24 + 60), "chain event 0: ");
    contains(&flipped(&bench, image, chain + 8000), "disk block 3: unused bytes are not zero");
    contains(&flipped(&bench, image, data), "block 0 of /a.txt: hash mismatch");
    contains(&flipped(&bench, image, data + 3 * BLOCK), "block 2 of /d/b: hash mismatch");
    contains(&flipped(&bench, image, data + 5 * BLOCK), "tree node 0/0 of /d/b: hash mismatch");
    contains(&flipped(&bench, image, data + 6 * BLOCK - 1), "disk block 23: unused bytes");
    contains(&flipped(&bench, image, data + 6 * BLOCK), "toc node 0: hash mismatch");
    bench.ok("volume verify image --chain chain");
}

#[test]
fn every_flipped_byte_that_means_something_fails_verification() {
    let bench = with_image();
    let blocks = fs::read(bench.path("image")).unwrap().len() / BLOCK;
    for block in 0..blocks {
        flipped(&bench, "image", block * BLOCK + (block * 997) % BLOCK);
    }
}

#[test]
fn other_files_still_verify_beside_a_broken_one() {
    let bench = with_image();
    flip(&bench, "image", 18 * BLOCK);
    let output = bench.run("--json volume verify image --chain chain");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["files"], 3);
    assert_eq!(report["failures"], serde_json::json!(["block 0 of /a.txt: hash mismatch"]));
}

#[test]
fn a_cut_or_empty_image_is_refused() {
    let bench = with_image();
    let bytes = fs::read(bench.path("image")).unwrap();
    fs::write(bench.path("cut"), &bytes[..20 * BLOCK]).unwrap();
    contains(&bench.fails("volume verify cut --chain chain", 1), "image ends after 20 of 25");
    fs::write(bench.path("none"), "").unwrap();
    let text = bench.fails("volume verify none --chain chain", 1);
    contains(&text, "none: no volume");
}

#[test]
fn what_cannot_be_in_a_volume_is_refused_and_changes_nothing() {
    let bench = with_image();
    let (image, events) = ("image", "chain/chain.cbor");
    let before = [image, events].map(|name| fs::read(bench.path(name)).unwrap());
    symlink("a.txt", bench.path("demo/link")).unwrap();
    let build = "volume build demo image --chain chain";
    contains(&bench.fails(build, 1), "demo/link: neither a file nor a folder");
    fs::remove_file(bench.path("demo/link")).unwrap();
    fs::write(bench.path("demo/a\nb"), "").unwrap();
    contains(&bench.fails(build, 1), "control character");
    fs::remove_file(bench.path("demo/a\nb")).unwrap();
    contains(
        &bench.fails("volume build demo image --chain chain --name Demo", 2),
        "no volume name",
    );
    contains(&bench.fails("volume build demo demo/x --chain chain", 2), "lies inside");
    contains(&bench.fails("volume build . ../x --chain chain", 2), "lies inside");
    contains(&bench.fails("volume build demo demo --chain chain", 2), "is a folder");
    bench.fails("volume build missing image --chain chain", 3);
    bench.fails("volume build demo image --chain missing", 3);
    bench.fails("volume build demo missing/image --chain chain", 3);
    let after = [image, events].map(|name| fs::read(bench.path(name)).unwrap());
    assert!(before == after);
    let left: Vec<_> = fs::read_dir(bench.path("")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn an_exposed_or_foreign_key_does_not_sign() {
    let bench = bench();
    let key = bench.path("chain/key");
    fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    contains(&bench.fails("chain append chain", 1), "open to other users");
    fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    bench.ok("chain init other");
    fs::copy(bench.path("other/key"), &key).unwrap();
    contains(&bench.fails("chain append chain", 1), "not the key of this chain");
    contains(&bench.fails("chain verify chain", 1), "not the key of this chain");
    fs::write(&key, "xyz").unwrap();
    contains(&bench.fails("chain append chain", 1), "not 64 hex digits");
    fs::remove_file(&key).unwrap();
    contains(&bench.ok("chain verify chain"), "no key here");
    bench.fails("chain append chain", 3);
}

#[test]
fn append_writes_registers() {
    let bench = bench();
    let digest = "ab".repeat(32);
    bench.ok(&format!("chain append chain --pointer x={digest} --item log={digest}"));
    bench.ok(&format!("chain append chain --pointer x={digest}"));
    bench.ok("chain append chain");
    let shown = bench.json("chain show chain");
    let registers = shown["registers"].as_array().unwrap();
    assert_eq!(registers[0]["kind"], "list");
    assert_eq!((&registers[1]["name"], &registers[1]["version"]), (&"x".into(), &"2".into()));
    assert_eq!(shown["events"].as_array().unwrap().len(), 4);
    contains(&bench.ok("chain show chain"), "event 1  2023-11-14T22:13:20Z  ordinary");
    for bad in ["x", "x=12", &format!("={digest}"), &format!("{}={digest}", "n".repeat(49))] {
        bench.fails(&format!("chain append chain --pointer {bad}"), 2);
    }
    let kind_changed = format!("chain append chain --item x={digest}");
    contains(&bench.fails(&kind_changed, 1), "register kind changed");
}

#[test]
fn a_damaged_chain_folder_is_refused() {
    let bench = with_image();
    let events = bench.path("chain/chain.cbor");
    let good = fs::read(&events).unwrap();
    let mut bad = good.clone();
    // A key of 32 bytes stands at the end, a signature before it.
    let signature = good.len() - 40;
    bad[signature] ^= 1;
    fs::write(&events, &bad).unwrap();
    contains(&bench.fails("chain verify chain", 1), "chain event 1: bad signature");
    fs::write(&events, &good[..good.len() - 1]).unwrap();
    contains(&bench.fails("chain show chain", 1), "chain event 1: truncated");
    fs::write(&events, vec![0; (1 << 20) + 1]).unwrap();
    contains(&bench.fails("chain show chain", 1), "longer than 1 MiB");
    fs::write(&events, &good).unwrap();
    for config in ["", "{}", r#"{"format": 2, "id": ""}"#, r#"{"format": 1, "id": "xy"}"#] {
        fs::write(bench.path("chain/chain.json"), config).unwrap();
        bench.fails("chain show chain", 1);
    }
}

#[test]
fn a_chain_in_use_is_left_alone() {
    let bench = bench();
    let held = fs::File::open(bench.path("chain/chain.json")).unwrap();
    held.lock().unwrap();
    contains(&bench.fails("chain append chain", 1), "in use by another cairn");
}

#[test]
fn the_anchor_pins_head_and_generation() {
    let bench = bench();
    bench.ok("chain anchor chain --output anchor");
    let none = fs::read(bench.path("anchor")).unwrap();
    assert_eq!((none.len(), &none[..8]), (160, &b"CAIRNANC"[..]));
    assert_eq!(none[88..160], [0; 72]);

    bench.ok("volume build demo image --chain chain");
    bench.ok("volume build demo image --chain chain");
    bench.ok("chain anchor chain --output anchor");
    let shown = bench.json("chain show chain");
    let anchor = fs::read(bench.path("anchor")).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(hex(&anchor[16..48]), shown["id"]);
    assert_eq!(anchor[48..56], 2u64.to_le_bytes());
    assert_eq!(hex(&anchor[56..88]), shown["events"][2]["digest"]);
    assert_eq!(anchor[88..96], 2u64.to_le_bytes());
    assert_eq!(&anchor[96..101], b"demo\0");

    bench.ok("volume build demo other --chain chain --name other");
    contains(&bench.fails("chain anchor chain --output anchor", 2), "--volume");
    bench.ok("chain anchor chain --output anchor --volume other");
    let unknown = "chain anchor chain --output anchor --volume nope";
    contains(&bench.fails(unknown, 1), "vouches for no volume nope");
}

#[test]
fn embed_brings_later_events_into_an_image() {
    let bench = with_image();
    bench.ok("volume build demo other --chain chain --name other");
    let behind = bench.fails("volume verify image --chain chain", 1);
    contains(&behind, "chain ends before event 2, anchored is 2");
    bench.ok("volume embed image --chain chain");
    bench.ok("volume verify image --chain chain");
    bench.ok("chain init stranger");
    bench.fails("volume embed image --chain stranger", 1);
}

#[test]
fn usage_errors_and_help() {
    let bench = bench();
    for line in ["volume", "chain", "volume build demo", "chain append"] {
        bench.fails(line, 2);
    }
    for line in ["chain init", "chain append", "chain show", "chain verify", "chain anchor"] {
        contains(&bench.ok(&format!("{line} --help")), "Usage: cairn chain");
    }
    for line in ["volume build", "volume ls", "volume verify", "volume embed"] {
        contains(&bench.ok(&format!("{line} --help")), "Usage: cairn volume");
    }
}

/// Whatever stands in an image: an answer, never a crash.
#[test]
fn random_damage_is_refused() {
    let bench = with_image();
    let good = fs::read(bench.path("image")).unwrap();
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..60 {
        let mut bad = good.clone();
        for _ in 0..=random(40) {
            let (from, to) = (random(good.len()), random(good.len()));
            let count = random(64).min(good.len() - from.max(to));
            bad.copy_within(from..from + count, to);
        }
        bad.truncate(good.len() - random(3) * random(good.len() / 2));
        if bad != good {
            fs::write(bench.path("bad"), &bad).unwrap();
            bench.fails("volume verify bad --chain chain", 1);
        }
    }
}

/// The commands of README.md that damage the demo volume, and mend it.
#[test]
fn the_demonstration_damages_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let mut commands = readme.lines().filter(|line| line.contains("dd of=build/demo/volume.img"));
    let bench = bench();
    fs::create_dir_all(bench.path("build/demo")).unwrap();
    symlink(root.join("demo"), bench.path("files")).unwrap();
    bench.ok("volume build files build/demo/volume.img --chain chain --name demo");
    let mut run = || {
        let command = commands.next().unwrap();
        let shell = Command::new("sh").args(["-c", command]).current_dir(bench.path("")).status();
        assert!(shell.unwrap().success(), "{command}");
    };
    run();
    let damaged = bench.fails("volume verify build/demo/volume.img --chain chain", 1);
    let failure = "block 3 of /orbit/ground-track.csv: hash mismatch";
    contains(&damaged, failure);
    contains(&readme, failure);
    run();
    bench.ok("volume verify build/demo/volume.img --chain chain");
}
