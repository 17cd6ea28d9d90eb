//! `cairn log`, through its command line: logs on folders and on an S3-compatible store, witnesses, and
//! everything cut short, spoiled, rolled back or done twice.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

mod http;
mod s3;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use ledger_verify::bundle::Reader;
use ledger_verify::chain::{Anchor, Chain};
use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::{KEY_BYTES_MAX, Key};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with a chain of two events.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    done(&folder, &["chain", "init", "chain"]);
    done(&folder, &["chain", "append", "chain"]);
    folder
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.args(arguments).current_dir(folder.path());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs what has to succeed, and answers what it printed.
fn done(folder: &TempDir, arguments: &[&str]) -> String {
    succeeded(&command(folder, arguments).output().unwrap())
}

fn succeeded(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs what has to fail with this exit code and these words.
fn refused(folder: &TempDir, arguments: &[&str], code: i32, words: &str) {
    failed(&command(folder, arguments).output().unwrap(), code, words);
}

fn failed(output: &Output, code: i32, words: &str) {
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(errors.contains(words), "{errors}");
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(folder, &[&["--json"], arguments].concat())).unwrap()
}

/// A log with the chain's two events in its first checkpoint.
fn log(folder: &TempDir, options: &[&str]) {
    done(folder, &[&["log", "init", "log", "--origin", "log.example/fleet"], options].concat());
    done(folder, &["log", "add", "log", "--chain", "chain"]);
    done(folder, &["log", "checkpoint", "log"]);
}

/// Adds `count` entries of their own.
fn add(folder: &TempDir, name: &str, count: usize) {
    let mut arguments = vec!["log".to_owned(), "add".into(), "log".into()];
    for index in 0..count {
        let file = format!("{name}-{index}");
        fs::write(folder.path().join(&file), format!("entry {name} {index}")).unwrap();
        arguments.extend(["--entry".into(), file]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    done(folder, &arguments);
}

#[test]
fn adding_nothing_is_said() {
    let folder = folder();
    log(&folder, &[]);
    refused(&folder, &["log", "add", "log"], 2, "--chain");
    let again = done(&folder, &["log", "add", "log", "--chain", "chain"]);
    assert_eq!(again, "nothing added: nothing of it is new\n");
    refused(&folder, &["log", "attach", "log", "--policy", "policy"], 2, "COSIGNATURES");
}

/// All files below a folder, by path.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let target = to.join(&path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, bytes).unwrap();
        let mode = fs::metadata(from.join(path)).unwrap().permissions();
        fs::set_permissions(target, mode).unwrap();
    }
}

fn verifier_key(folder: &TempDir, file: &str) -> String {
    let config = fs::read(folder.path().join(file)).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    config["verifier_key"].as_str().unwrap().to_owned()
}

/// Makes two witnesses of the log, and a policy that wants both, with the given URLs.
fn witnesses(folder: &TempDir, urls: [&str; 2]) {
    let log = verifier_key(folder, "log/log.json");
    let mut policy = format!("log {log}\n");
    for (index, (algorithm, url)) in ["ed25519", "ml-dsa-44"].iter().zip(urls).enumerate() {
        let (name, place) = (format!("witness.example/{index}"), format!("w{index}"));
        done(folder, &["log", "witness", &place, "--name", &name, "--algorithm", algorithm]);
        done(folder, &["log", "trust", &place, &log]);
        let key = verifier_key(folder, &format!("{place}/witness.json"));
        policy += &format!("witness {place} {key} {url}\n");
    }
    policy += "group both 2 w0 w1\nquorum both\n";
    fs::write(folder.path().join("policy"), policy).unwrap();
}

// ---- A log on a folder ----

#[test]
fn events_are_logged_proven_and_believed_by_a_device() {
    let folder = folder();
    log(&folder, &[]);
    let mode = fs::metadata(folder.path().join("log/key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let made = json(&folder, &["log", "prove", "log", "--chain", "chain", "--bundle", "bundle"]);
    assert_eq!((&made["index"], &made["size"]), (&1.into(), &2.into()));

    // The device knows the chain's id and the log's key.
    let chain = json(&folder, &["chain", "show", "chain"]);
    let id = ledger_verify::Digest::from_hex(chain["id"].as_str().unwrap()).unwrap();
    let (key, mut buffer) = (verifier_key(&folder, "log/log.json"), [0; KEY_BYTES_MAX]);
    let log = Key::parse(&key, &mut buffer).unwrap();
    let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
    let bundle = fs::read(folder.path().join("bundle")).unwrap();
    let mut device = Chain::new(Anchor::first(id));
    let mut reader = Reader::new(Some(policy));
    reader.push(&mut device, &bundle).unwrap();
    reader.end().unwrap();
    assert_eq!(device.proven().unwrap().anchor().sequence, 1);
}

#[test]
fn an_event_is_logged_once() {
    let folder = folder();
    log(&folder, &[]);
    let added = |folder| json(folder, &["log", "add", "log", "--chain", "chain"])["added"].clone();
    assert_eq!(added(&folder), 0);
    done(&folder, &["chain", "append", "chain"]);
    assert_eq!(added(&folder), 1);
    // It waits, so it is known already.
    assert_eq!(added(&folder), 0);
    assert_eq!(json(&folder, &["log", "show", "log"])["pending"], 1);
    done(&folder, &["log", "checkpoint", "log"]);
    assert_eq!(added(&folder), 0);
    let shown = json(&folder, &["log", "show", "log"]);
    assert_eq!((&shown["size"], &shown["pending"]), (&3.into(), &0.into()));
}

#[test]
fn another_logs_entries_are_taken_over() {
    let folder = folder();
    log(&folder, &[]);
    add(&folder, "more", 20);
    done(&folder, &["log", "checkpoint", "log"]);
    done(&folder, &["log", "init", "copy", "--origin", "log.example/copy"]);
    let bundle = "log/public/tile/entries/000.p/22";
    assert_eq!(json(&folder, &["log", "add", "copy", "--entries", bundle])["added"], 22);
    // The chain's events are among them.
    assert_eq!(json(&folder, &["log", "add", "copy", "--chain", "chain"])["added"], 0);
    done(&folder, &["log", "checkpoint", "copy"]);
    let root = |log| json(&folder, &["log", "show", log])["root"].clone();
    assert_eq!(root("log"), root("copy"));
    fs::write(folder.path().join("cut"), b"\0\x02a").unwrap();
    refused(&folder, &["log", "add", "copy", "--entries", "cut"], 1, "does not end with an entry");
}

#[test]
fn logs_grow_over_tiles_and_stay_what_they_were() {
    let folder = folder();
    log(&folder, &[]);
    let public = folder.path().join("log/public");
    let checkpoint = |name: &str| fs::copy(public.join("checkpoint"), folder.path().join(name));
    checkpoint("two").unwrap();
    let mut before = files(&public);
    before.remove(Path::new("checkpoint"));
    for (name, count) in [("a", 253), ("b", 1), ("c", 1), ("d", 300)] {
        add(&folder, name, count);
        done(&folder, &["log", "checkpoint", "log"]);
        checkpoint(name).unwrap();
        let now = files(&public);
        assert!(before.iter().all(|(path, bytes)| now.get(path) == Some(bytes)), "{name}");
        before = now;
        before.remove(Path::new("checkpoint"));
    }
    let earlier = ["two", "a", "b", "c", "d"].map(|name| ["--earlier", name]).concat();
    let verify = [&["log", "verify", "log"][..], &earlier].concat();
    let verified = json(&folder, &verify);
    assert_eq!((&verified["size"], &verified["earlier_checkpoints"]), (&557.into(), &5.into()));
    for (name, index) in [("a-0", 2), ("c-0", 256), ("d-299", 556)] {
        let proven = json(&folder, &["log", "prove", "log", "--entry", name, "-o", "proof"]);
        assert_eq!(proven["index"], index);
    }
    done(&folder, &["log", "prove", "log", "--index", "256", "-o", "by-index"]);
    done(&folder, &["log", "prove", "log", "--entry", "c-0", "-o", "by-entry"]);
    let read = |name| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("by-index"), read("by-entry"));
    refused(&folder, &["log", "prove", "log", "--index", "557", "-o", "p"], 2, "has 0 to 556");
    fs::write(folder.path().join("stranger"), "stranger").unwrap();
    refused(&folder, &["log", "prove", "log", "--entry", "stranger", "-o", "p"], 1, "not among");
}

#[test]
fn every_spoiled_or_missing_file_is_found() {
    let folder = folder();
    log(&folder, &[]);
    add(&folder, "more", 300);
    done(&folder, &["log", "checkpoint", "log"]);
    let public = folder.path().join("log/public");
    let needed = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/46",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/46",
    ];
    for path in needed {
        let file = public.join(path);
        let good = fs::read(&file).unwrap();
        for place in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&file, bad).unwrap();
            refused(&folder, &["log", "verify", "log"], 1, "");
        }
        fs::write(&file, &good[..good.len() - 1]).unwrap();
        refused(&folder, &["log", "verify", "log"], 1, "");
        fs::remove_file(&file).unwrap();
        refused(&folder, &["log", "verify", "log"], 1, path);
        fs::write(&file, good).unwrap();
    }
    done(&folder, &["log", "verify", "log"]);
    // A proof is checked before it is written.
    let tile = public.join("tile/0/000");
    let mut bad = fs::read(&tile).unwrap();
    bad[0] ^= 1;
    fs::write(&tile, bad).unwrap();
    let prove = ["log", "prove", "log", "--index", "1", "-o", "proof"];
    refused(&folder, &prove, 1, "entry 1: proof leads to another root");
    assert!(!folder.path().join("proof").exists());
}

#[test]
fn nothing_is_signed_on_top_of_spoiled_tiles() {
    let folder = folder();
    log(&folder, &[]);
    add(&folder, "more", 1);
    let signed = fs::read(folder.path().join("log/signed")).unwrap();
    let tile = folder.path().join("log/public/tile/0/000.p/2");
    let entries = folder.path().join("log/public/tile/entries/000.p/2");
    let good = (fs::read(&tile).unwrap(), fs::read(&entries).unwrap());
    // Another entry, with the tile that belongs to it: only the signed root can tell.
    let other = [&[0, 1, b'x'][..], &good.1[2 + 69..]].concat();
    let leaf = ledger_verify::log::tree::leaf_hash(b"x");
    fs::write(&entries, &other).unwrap();
    refused(&folder, &["log", "checkpoint", "log"], 1, "000.p/2");
    fs::write(&tile, [&leaf.0[..], &good.0[32..]].concat()).unwrap();
    let length = usize::from(u16::from_be_bytes([good.1[0], good.1[1]]));
    fs::write(&entries, [&[0, 1, b'x'][..], &good.1[2 + length..]].concat()).unwrap();
    refused(&folder, &["log", "checkpoint", "log"], 1, "another root than was signed");
    assert_eq!(fs::read(folder.path().join("log/signed")).unwrap(), signed);
    fs::write(tile, good.0).unwrap();
    fs::write(entries, good.1).unwrap();
    done(&folder, &["log", "checkpoint", "log"]);
    done(&folder, &["log", "verify", "log"]);
}

#[test]
fn a_rolled_back_log_signs_nothing() {
    let folder = folder();
    log(&folder, &[]);
    let log = folder.path().join("log");
    let backup = folder.path().join("backup");
    fs::create_dir(&backup).unwrap();
    for file in ["log.json", "key", "signed", "pending", "chains.json"] {
        fs::copy(log.join(file), backup.join(file)).unwrap();
    }
    add(&folder, "real", 2);
    done(&folder, &["log", "checkpoint", "log"]);
    let published = files(&log.join("public"));
    // The same key, as it was two entries ago, and other entries: a second history.
    copy(&backup, &log);
    add(&folder, "forged", 1);
    refused(&folder, &["log", "checkpoint", "log"], 1, "newer than what this log's folder");
    // Of the same size.
    copy(&backup, &log);
    add(&folder, "forged", 2);
    refused(&folder, &["log", "checkpoint", "log"], 1, "newer than what this log's folder");
    assert_eq!(files(&log.join("public")), published);
    done(&folder, &["log", "verify", "log"]);
}

#[test]
fn two_histories_prove_a_fork() {
    let folder = folder();
    log(&folder, &[]);
    let log = folder.path().join("log");
    let twin = tempfile::tempdir().unwrap();
    copy(folder.path(), twin.path());
    for (folder, name) in [(&folder, "one"), (&twin, "other")] {
        add(folder, name, 3);
        done(folder, &["log", "checkpoint", "log"]);
    }
    fs::copy(twin.path().join("log/public/checkpoint"), twin.path().join("first")).unwrap();
    let other = twin.path().join("log/public/checkpoint");
    let other = other.to_str().unwrap();
    refused(&folder, &["log", "verify", "log", "--earlier", other], 1, "a fork");
    // A longer one proves nothing: this log may be an old copy.
    add(&twin, "longer", 1);
    done(&twin, &["log", "checkpoint", "log"]);
    refused(&folder, &["log", "verify", "log", "--earlier", other], 1, "of 6 entries; ");
    // As it was at the length of this one.
    let other = folder.path().join("other");
    fs::copy(twin.path().join("first"), &other).unwrap();
    let other = other.to_str().unwrap();
    // The other checkpoint in this log's store: neither what was signed last nor before.
    fs::copy(other, log.join("public/checkpoint")).unwrap();
    refused(&folder, &["log", "checkpoint", "log"], 1, "another history");
}

#[test]
fn keys_are_secret_and_the_logs_own() {
    let folder = folder();
    log(&folder, &[]);
    add(&folder, "more", 1);
    let key = folder.path().join("log/key");
    fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).unwrap();
    refused(&folder, &["log", "checkpoint", "log"], 1, "open to other users");
    fs::write(&key, "00".repeat(32)).unwrap();
    fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    refused(&folder, &["log", "checkpoint", "log"], 1, "not this log's key");
}

#[test]
fn one_cairn_at_a_time_writes() {
    let folder = folder();
    log(&folder, &[]);
    let lock = fs::File::open(folder.path().join("log/log.json")).unwrap();
    lock.lock().unwrap();
    refused(&folder, &["log", "checkpoint", "log"], 1, "in use");
    refused(&folder, &["log", "add", "log", "--chain", "chain"], 1, "in use");
    done(&folder, &["log", "witness", "w", "--name", "witness.example"]);
    let lock = fs::File::open(folder.path().join("w")).unwrap();
    lock.lock().unwrap();
    refused(&folder, &["log", "cosign", "w", "log/signed"], 1, "in use");
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = folder();
    log(&folder, &[]);
    let init = |name, origin| ["log", "init", name, "--origin", origin];
    refused(&folder, &init("log", "log.example"), 1, "exists already");
    refused(&folder, &init("new", "a b"), 2, "bad key name");
    let over = [&init("new", "log.example/new")[..], &["--store", "../log/public"]].concat();
    refused(&folder, &over, 1, "holds a log already");
    assert!(!folder.path().join("new").exists());
    refused(&folder, &["log", "verify", "log/public"], 2, "needs --policy");
    refused(&folder, &["log", "prove", "log", "-o", "p"], 2, "--index");
    refused(&folder, &["log", "show", "missing"], 2, "needs --policy");
    refused(&folder, &["log", "checkpoint", "missing"], 3, "missing");
    fs::write(folder.path().join("long"), vec![0; 65_536]).unwrap();
    refused(&folder, &["log", "add", "log", "--entry", "long"], 1, "longer than 65535");
    let bucket = [&init("new", "log.example/new")[..], &["--store", "s3://bucket/x"]].concat();
    let output = command(&folder, &bucket).env_remove("AWS_ACCESS_KEY_ID").output().unwrap();
    failed(&output, 2, "AWS_ACCESS_KEY_ID is not set");
}

// ---- Witnesses ----

/// Checkpoints of a log and the proof between them, by another implementation.
fn vectors() -> (String, [String; 2], Vec<String>) {
    let file = "../../ledger-verify/tests/vectors/signed_notes.json";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let all: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let string = |value: &Value| value.as_str().unwrap().to_owned();
    let notes = [4, 5].map(|index: usize| string(&all["notes"][index]["note"]));
    let proof = all["consistency"]["proof"].as_array().unwrap().iter().map(string).collect();
    (string(&all["notes"][4]["verifierKeys"][0]), notes, proof)
}

fn cosign(folder: &TempDir, request: &str) -> Output {
    fs::write(folder.path().join("request"), request).unwrap();
    command(folder, &["log", "cosign", "w", "request"]).output().unwrap()
}

#[test]
fn a_witness_answers_as_the_standard_says() {
    let folder = tempfile::tempdir().unwrap();
    let (key, [first, next], proof) = vectors();
    let proof: String = proof.iter().map(|line| format!("{line}\n")).collect();
    done(&folder, &["log", "witness", "w", "--name", "witness.example"]);
    failed(&cosign(&folder, &format!("old 0\n\n{first}")), 1, "404 log monkeys");
    done(&folder, &["log", "trust", "w", &key]);
    let ask = |request: String| cosign(&folder, &request);

    failed(&ask("old zero\n\n".into()), 1, "400");
    failed(&ask(format!("old 0\n\n{}", first.replace('\n', "\r\n"))), 1, "400");
    failed(&ask(format!("old 9\n\n{first}")), 1, "400");
    let unsigned = first.replace("\u{2014} monkeys", "\u{2014} donkeys");
    failed(&ask(format!("old 0\n\n{unsigned}")), 1, "403 not signed");
    let spoiled = first.replacen("\n5\n", "\n6\n", 1);
    failed(&ask(format!("old 0\n\n{spoiled}")), 1, "403");
    failed(&ask(format!("old 3\n{proof}\n{first}")), 1, "409 cosigned 0 entries");
    failed(&ask(format!("old 0\n{proof}\n{first}")), 1, "422");

    let line = succeeded(&ask(format!("old 0\n\n{first}")));
    assert!(line.starts_with("\u{2014} witness.example "), "{line}");
    failed(&ask(format!("old 0\n\n{next}")), 1, "409 cosigned 5 entries");
    failed(&ask(format!("old 5\n\n{next}")), 1, "422");
    let (cut, _) = proof.trim_end().rsplit_once('\n').unwrap();
    failed(&ask(format!("old 5\n{cut}\n\n{next}")), 1, "422");
    // The same tree again is no news, but no harm.
    succeeded(&ask(format!("old 5\n\n{first}")));
    succeeded(&ask(format!("old 5\n{proof}\n{next}")));
    // Nothing goes back.
    failed(&ask(format!("old 5\n\n{first}")), 1, "409 cosigned 8 entries");
    failed(&ask(format!("old 8\n\n{first}")), 1, "400");

    // Nor is anything signed with another's key.
    let key = folder.path().join("w/key");
    fs::write(&key, "00".repeat(32)).unwrap();
    failed(&ask(format!("old 8\n\n{next}")), 1, "not this witness's key");

    // What monitors read: the log's own signature, and the witness's.
    let public = files(&folder.path().join("w/public"));
    assert_eq!(public.len(), 1);
    let kept = text(public.values().next().unwrap());
    assert!(kept.starts_with(&next) && kept.lines().count() == next.lines().count() + 1, "{kept}");
}

#[test]
fn signatures_by_strangers_are_not_kept_by_a_witness() {
    let folder = tempfile::tempdir().unwrap();
    let (key, [first, _], _) = vectors();
    done(&folder, &["log", "witness", "w", "--name", "w.example", "--algorithm", "ed25519"]);
    done(&folder, &["log", "trust", "w", &key]);
    let stranger = "\u{2014} stranger.example AAAAAAAAAAAA\n";
    succeeded(&cosign(&folder, &format!("old 0\n\n{first}{stranger}")));
    let kept = text(files(&folder.path().join("w/public")).values().next().unwrap());
    assert!(!kept.contains("stranger"), "{kept}");
}

#[test]
fn cosignatures_are_carried_by_hand() {
    let folder = folder();
    log(&folder, &["--ml-dsa"]);
    witnesses(&folder, ["", ""]);
    let verify = ["log", "verify", "log/public", "--policy", "policy"];
    refused(&folder, &verify, 1, "0 witnesses, 2 wanted");
    done(&folder, &["log", "request", "log", "-o", "request"]);
    for witness in ["w0", "w1"] {
        done(&folder, &["log", "cosign", witness, "request", "-o", &format!("{witness}.line")]);
    }
    let attach = |lines: &[&'static str]| {
        [&["log", "attach", "log", "--policy", "policy"][..], lines].concat()
    };
    refused(
        &folder,
        &attach(&["w0.line"]),
        1,
        "1 witnesses cosigned, 2 wanted: nothing is published",
    );
    let published = || fs::read_to_string(folder.path().join("log/public/checkpoint")).unwrap();
    assert!(!published().contains("witness.example"));
    // The first is remembered.
    done(&folder, &attach(&["w1.line"]));
    done(&folder, &attach(&["w1.line", "w0.line"]));
    assert_eq!(json(&folder, &verify)["witnesses_wanted"], 2);
    let shown = json(&folder, &["log", "show", "log", "--policy", "policy"]);
    // The log signs twice; nobody's signature is there more often than that.
    assert_eq!(shown["signatures"].as_array().unwrap().len(), 4);
    done(
        &folder,
        &["log", "prove", "log/public", "--policy", "policy", "--chain", "chain", "-o", "p"],
    );

    // A spoiled line is refused, a stranger's ignored.
    let line = fs::read_to_string(folder.path().join("w0.line")).unwrap();
    let place = line.len() - 20;
    let digit = if &line[place..=place] == "A" { "B" } else { "A" };
    let spoiled = format!("{}{digit}{}", &line[..place], &line[place + 1..]);
    fs::write(folder.path().join("bad"), spoiled).unwrap();
    refused(&folder, &attach(&["bad"]), 1, "bad: witness.example/0: bad signature");
    let policy = fs::read_to_string(folder.path().join("policy")).unwrap();
    let (_, witness_lines) = policy.split_once('\n').unwrap();
    let (other, ..) = vectors();
    let other = format!("log {other}\n{witness_lines}");
    fs::write(folder.path().join("others"), other).unwrap();
    let others = ["log", "attach", "log", "--policy", "others", "w0.line"];
    refused(&folder, &others, 1, "the policy is of another log");
    add(&folder, "waits", 1);
    let checkpoint = ["log", "checkpoint", "log", "--policy", "others"];
    refused(&folder, &checkpoint, 1, "the policy is of another log");
    assert_eq!(json(&folder, &["log", "show", "log"])["pending"], 1);
    fs::remove_file(folder.path().join("log/pending")).unwrap();
    // Files are read before the first is added.
    let missing = attach(&["w0.line", "missing"]);
    refused(&folder, &missing, 3, "missing");
    fs::write(folder.path().join("other"), "\u{2014} stranger AAAAAAAAAAAA\n").unwrap();
    refused(&folder, &attach(&["other"]), 1, "other: no cosignature by a witness of the policy");
    done(&folder, &verify);

    // The next checkpoint needs new ones, of trees that continue the cosigned ones.
    add(&folder, "more", 3);
    done(&folder, &["log", "checkpoint", "log"]);
    refused(&folder, &verify, 1, "0 witnesses, 2 wanted");
    refused(&folder, &attach(&["w0.line"]), 1, "bad signature; is it of another checkpoint?");
    done(&folder, &["log", "request", "log", "--old", "2", "-o", "request"]);
    // Witnesses take short notes: others' cosignatures are not for them.
    let request = fs::read_to_string(folder.path().join("request")).unwrap();
    assert!(request.contains("\u{2014} log.example/fleet ") && !request.contains("witness"));
    done(&folder, &["log", "cosign", "w0", "request"]);
    refused(&folder, &["log", "request", "log", "--old", "6", "-o", "r"], 2, "5 entries");
}

#[test]
fn cosignatures_are_asked_for_over_http() {
    let folder = folder();
    log(&folder, &[]);
    // The witness behind its web server is the command itself.
    let path = folder.path().to_owned();
    let url = http::serve(move |request| {
        assert_eq!((request.method.as_str(), request.header("host").is_some()), ("POST", true));
        let witness = match request.path.as_str() {
            "/w0/add-checkpoint" => "w0",
            "/w1/add-checkpoint" => "w1",
            _ => return (404, String::new(), Vec::new()),
        };
        let file = path.join(format!("{witness}.request"));
        fs::write(&file, &request.body).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_cairn"))
            .args(["log", "cosign", witness, file.to_str().unwrap()])
            .current_dir(&path)
            .output()
            .unwrap();
        if output.status.success() {
            return (200, String::new(), output.stdout);
        }
        let words = text(&output.stderr);
        let status = words.split(' ').find_map(|word| word.parse().ok()).unwrap();
        let size = words.split("cosigned ").nth(1).and_then(|rest| rest.split(' ').next());
        (status, String::new(), format!("{}\n", size.unwrap_or("no")).into())
    });
    witnesses(&folder, [&format!("{url}/w0/"), &format!("{url}/w1")]);
    let submit = ["log", "submit", "log", "--policy", "policy"];
    let verify = ["log", "verify", "log/public", "--policy", "policy"];
    assert_eq!(json(&folder, &submit)["cosigned"].as_array().unwrap().len(), 2);
    done(&folder, &verify);
    // Later, with a proof from what they say they have; and again, for fresh times.
    add(&folder, "more", 300);
    done(&folder, &["log", "checkpoint", "log"]);
    done(&folder, &submit);
    done(&folder, &verify);
    done(&folder, &submit);
    done(&folder, &verify);
    // One that does not answer is reported, but not missed while the checkpoint has its cosignature.
    let policy = fs::read_to_string(folder.path().join("policy")).unwrap();
    let gone = policy.replace("/w1", "/gone");
    fs::write(folder.path().join("policy"), &gone).unwrap();
    let not_by = "not by witness.example/1";
    assert!(done(&folder, &submit).contains(not_by));
    // The next checkpoint is signed and cosigned by one, and readers see the one before.
    add(&folder, "last", 1);
    let checkpoint = ["log", "checkpoint", "log", "--policy", "policy"];
    let output = command(&folder, &checkpoint).output().unwrap();
    failed(&output, 1, "1 witnesses cosigned, 2 wanted: nothing is published");
    assert!(text(&output.stdout).contains(not_by), "{}", text(&output.stdout));
    let size = || json(&folder, &verify)["size"].clone();
    assert_eq!(size(), 302);
    let shown = json(&folder, &["log", "show", "log"]);
    assert_eq!((&shown["unpublished"], &shown["pending"]), (&1.into(), &0.into()));
    // More can wait meanwhile; once enough answer, all of it is published.
    add(&folder, "more-of-it", 1);
    fs::write(folder.path().join("policy"), policy).unwrap();
    done(&folder, &checkpoint);
    assert_eq!(size(), 304);
}

#[test]
fn either_key_of_a_log_gets_cosignatures() {
    let folder = folder();
    log(&folder, &["--ml-dsa"]);
    witnesses(&folder, ["", ""]);
    let config = fs::read(folder.path().join("log/log.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let (first, second) = (&config["verifier_key"], &config["ml_dsa_verifier_key"]);
    let policy = fs::read_to_string(folder.path().join("policy")).unwrap();
    let policy = policy.replace(first.as_str().unwrap(), second.as_str().unwrap());
    fs::write(folder.path().join("policy"), policy).unwrap();
    done(&folder, &["log", "request", "log", "-o", "request"]);
    for witness in ["w0", "w1"] {
        done(
            &folder,
            &["log", "cosign", witness, "request", "-o", witness.replace('w', "l").as_str()],
        );
    }
    done(&folder, &["log", "attach", "log", "--policy", "policy", "l0", "l1"]);
    done(&folder, &["log", "verify", "log/public", "--policy", "policy"]);
}

#[test]
fn a_log_is_read_over_http() {
    let folder = folder();
    log(&folder, &[]);
    add(&folder, "more", 300);
    done(&folder, &["log", "checkpoint", "log"]);
    add(&folder, "yet-more", 300);
    let public = folder.path().join("log/public");
    let old = folder.path().join("old");
    copy(&public, &old);
    done(&folder, &["log", "checkpoint", "log"]);
    // A log that dropped partial files when the full ones were there, and a checkpoint from before.
    for path in ["tile/0/001", "tile/entries/001"] {
        fs::remove_file(old.join(format!("{path}.p/46"))).unwrap();
        fs::copy(public.join(path), old.join(path)).unwrap();
    }
    let public = old;
    let url = http::serve(move |request| match fs::read(public.join(&request.path[1..])) {
        // Bundles may be compressed.
        Ok(bytes) if request.path.starts_with("/tile/entries/") => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&bytes).unwrap();
            (200, String::new(), gzip.finish().unwrap())
        }
        Ok(bytes) => (200, String::new(), bytes),
        Err(_) => (404, String::new(), Vec::new()),
    });
    let key = verifier_key(&folder, "log/log.json");
    fs::write(folder.path().join("policy"), format!("log {key}\nquorum none\n")).unwrap();
    done(&folder, &["log", "verify", &url, "--policy", "policy"]);
    let prove = ["log", "prove", &url, "--policy", "policy", "--chain", "chain", "-o", "proof"];
    done(&folder, &prove);
    let init = |store| ["log", "init", "new", "--origin", "log.example/new", "--store", store];
    refused(&folder, &init(&url), 1, "holds a log already");
    refused(&folder, &init("gs://bucket/log"), 2, "no stores of the kind gs");
    assert!(!folder.path().join("new").exists());
}

// ---- A log on an S3-compatible store ----

fn on_s3(folder: &TempDir, server: &s3::Server, arguments: &[&str]) -> Output {
    command(folder, arguments)
        .env("AWS_ACCESS_KEY_ID", s3::KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", s3::SECRET)
        .env("AWS_REGION", s3::REGION)
        .env("AWS_ENDPOINT_URL_S3", &server.url)
        .env_remove("AWS_SESSION_TOKEN")
        .output()
        .unwrap()
}

const INIT_S3: [&str; 7] = [
    "log",
    "init",
    "log",
    "--origin",
    "log.example/fleet",
    "--store",
    "s3://bucket/logs/one fleet",
];

#[test]
fn a_store_holds_what_a_folder_would() {
    let (folder, server) = (folder(), s3::Server::start());
    let run = |arguments: &[&str]| succeeded(&on_s3(&folder, &server, arguments));
    run(&INIT_S3);
    run(&["log", "add", "log", "--chain", "chain"]);
    add(&folder, "more", 300);
    run(&["log", "checkpoint", "log"]);
    run(&["log", "verify", "log"]);
    run(&["log", "prove", "log", "--chain", "chain", "-o", "proof"]);
    let objects = server.objects();
    let paths: Vec<_> = objects.keys().map(String::as_str).collect();
    let prefix = "logs/one%20fleet/";
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/46",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/46",
    ];
    assert_eq!(paths, expected.map(|path| format!("{prefix}{path}")));
    let headers = server.state.lock().unwrap().headers.clone();
    let header = |path: &str| headers[&format!("{prefix}{path}")].clone();
    assert_eq!(header("checkpoint"), ("text/plain; charset=utf-8".into(), "no-cache".into()));
    assert!(header("tile/0/000").1.contains("immutable"));
    // Two logs in one place cannot be.
    let mut again = INIT_S3;
    again[2] = "log2";
    failed(&on_s3(&folder, &server, &again), 1, "holds a log already");
}

#[test]
fn a_store_that_keeps_no_second_writer_out_is_refused() {
    for ignored in ["if-none-match", "if-match"] {
        let (folder, server) = (folder(), s3::Server::start());
        server.state.lock().unwrap().ignored = Some(ignored);
        failed(&on_s3(&folder, &server, &INIT_S3), 1, "the store ignores If-");
        assert!(!folder.path().join("log").exists());
    }
}

#[test]
fn a_log_whose_first_checkpoint_may_be_published_stays() {
    let (folder, server) = (folder(), s3::Server::start());
    // The checkpoint is written, and what comes after it fails.
    server.state.lock().unwrap().writes_left = Some(1);
    failed(&on_s3(&folder, &server, &INIT_S3), 3, "507");
    server.state.lock().unwrap().writes_left = None;
    assert_eq!(server.objects().len(), 1);
    done(&folder, &["log", "add", "log", "--chain", "chain"]);
    // Whether the store keeps a second writer out is asked now.
    let checkpoint = ["log", "checkpoint", "log"];
    server.state.lock().unwrap().ignored = Some("if-match");
    failed(&on_s3(&folder, &server, &checkpoint), 1, "the store ignores If-Match");
    server.state.lock().unwrap().ignored = None;
    succeeded(&on_s3(&folder, &server, &checkpoint));
    succeeded(&on_s3(&folder, &server, &["log", "verify", "log"]));
    // Nothing was written where nothing can be asked: then no folder stays.
    let mut other = INIT_S3;
    (other[2], other[6]) = ("other", "s3://bucket/other");
    server.state.lock().unwrap().writes_left = Some(0);
    failed(&on_s3(&folder, &server, &other), 3, "507");
    assert!(!folder.path().join("other").exists());
}

#[test]
fn requests_without_the_right_secret_are_refused() {
    let (folder, server) = (folder(), s3::Server::start());
    succeeded(&on_s3(&folder, &server, &INIT_S3));
    assert_eq!(server.state.lock().unwrap().refused, 0);
    let output = command(&folder, &["log", "show", "log"])
        .env("AWS_ACCESS_KEY_ID", s3::KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", "another secret")
        .env("AWS_REGION", s3::REGION)
        .env("AWS_ENDPOINT_URL_S3", &server.url)
        .output()
        .unwrap();
    failed(&output, 3, "SignatureDoesNotMatch");
    assert_eq!(server.state.lock().unwrap().refused, 1);
}

#[test]
fn a_busy_store_is_asked_again_and_a_dead_one_reported() {
    let (folder, server) = (folder(), s3::Server::start());
    server.state.lock().unwrap().busy = 3;
    succeeded(&on_s3(&folder, &server, &INIT_S3));
    server.state.lock().unwrap().busy = usize::MAX;
    failed(&on_s3(&folder, &server, &["log", "show", "log"]), 3, "503");
    let dead = s3::Server { url: "http://127.0.0.1:1".into(), state: server.state.clone() };
    failed(&on_s3(&folder, &dead, &["log", "show", "log"]), 3, "127.0.0.1:1");
}

#[test]
fn a_checkpoint_that_is_cut_short_anywhere_is_finished_by_the_next_run() {
    let expected = {
        let (folder, server) = (folder(), s3::Server::start());
        succeeded(&on_s3(&folder, &server, &INIT_S3));
        add(&folder, "some", 300);
        succeeded(&on_s3(&folder, &server, &["log", "checkpoint", "log"]));
        server.objects().into_keys().collect::<Vec<_>>()
    };
    // Six writes make a checkpoint of 300 entries.
    for writes in 0..6 {
        let (folder, server) = (folder(), s3::Server::start());
        succeeded(&on_s3(&folder, &server, &INIT_S3));
        add(&folder, "some", 300);
        server.state.lock().unwrap().writes_left = Some(writes);
        failed(&on_s3(&folder, &server, &["log", "checkpoint", "log"]), 3, "507");
        let cut = server.objects();
        // What a reader sees is the log as it was: every tile is there before the checkpoint.
        let head = text(&cut["logs/one%20fleet/checkpoint"]);
        assert_eq!(head.lines().nth(1), Some("0"), "after {writes} writes");
        server.state.lock().unwrap().writes_left = None;
        // The next run has more to do, and still signs no second tree of one size.
        let signed_before = fs::read(folder.path().join("log/signed")).unwrap();
        add(&folder, "more", 5);
        succeeded(&on_s3(&folder, &server, &["log", "checkpoint", "log"]));
        succeeded(&on_s3(&folder, &server, &["log", "verify", "log"]));
        fs::write(folder.path().join("before"), signed_before).unwrap();
        let verify = ["log", "verify", "log", "--earlier", "before"];
        let verified = succeeded(&on_s3(&folder, &server, &verify));
        assert!(verified.contains("305 entries"), "{verified}");
        let objects = server.objects();
        let full = expected.iter().filter(|path| !path.contains(".p/"));
        assert!(full.clone().count() == 3 && { full }.all(|path| objects.contains_key(path)));
    }
}

#[test]
fn a_second_writer_with_the_same_key_publishes_nothing() {
    // Of the same size the tiles collide before anything is signed. Of another the checkpoints do,
    // whether the second writer looks before it writes its own or not.
    for (count, when, words, signed) in [
        (3, "tile/0/000.p/3", "is there with other content", "0"),
        (4, "tile/0/000.p/4", "another history", "4"),
        (4, "checkpoint", "changed meanwhile", "4"),
    ] {
        let (folder, server) = (folder(), s3::Server::start());
        succeeded(&on_s3(&folder, &server, &INIT_S3));
        let empty = server.objects();
        let twin = tempfile::tempdir().unwrap();
        copy(folder.path(), twin.path());
        add(&folder, "one", 3);
        succeeded(&on_s3(&folder, &server, &["log", "checkpoint", "log"]));
        let published = server.objects();
        // The other reads the empty log's checkpoint, and writes after the first has published.
        {
            let mut state = server.state.lock().unwrap();
            (state.objects, state.intruder) = (empty, Some((when, published.clone())));
        }
        add(&twin, "other", count);
        let checkpoint = ["log", "checkpoint", "log"];
        failed(&on_s3(&twin, &server, &checkpoint), 1, words);
        let now = server.objects();
        assert!(published.iter().all(|(path, bytes)| now.get(path) == Some(bytes)));
        let note = fs::read_to_string(twin.path().join("log/signed")).unwrap();
        assert_eq!(note.lines().nth(1), Some(signed));
        // And so it stays: what it signed, if anything, never leaves its folder.
        let words = if signed == "0" { "newer than" } else { "another history" };
        failed(&on_s3(&twin, &server, &checkpoint), 1, words);
        succeeded(&on_s3(&folder, &server, &checkpoint));
        succeeded(&on_s3(&folder, &server, &["log", "verify", "log"]));
    }
}
