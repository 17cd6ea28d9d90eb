//! `cairn chain`: algorithms, recovery, policies and capabilities, as a user runs them.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

mod bench;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bench::{Bench, copy_folder};
use ledger_verify::chain::{Anchor, Chain, Kind};
use ledger_verify::registers::{Name, Policy, Write, WriteValue};
use ledger_verify::write::{Draft, KeySet, SecretKey, append, first};
use ledger_verify::{Digest, algorithm::Algorithm};
use serde_json::Value;

const NAMES: [(&str, &str); 5] = [
    ("ed25519", "Ed25519"),
    ("ml-dsa-44", "ML-DSA-44"),
    ("ed25519+ml-dsa-44", "Ed25519+ML-DSA-44"),
    ("ml-dsa-65", "ML-DSA-65"),
    ("ed25519+ml-dsa-65", "Ed25519+ML-DSA-65"),
];
const STRONGEST: &str = "Ed25519+ML-DSA-65";

/// A folder with `chain`, made with these options.
fn bench(options: &str) -> Bench {
    let bench = Bench::new();
    bench.ok(&format!("chain init chain {options}"));
    bench
}

/// What `chain show` says of every event under `field`.
fn shown(bench: &Bench, chain: &str, field: &str) -> Vec<Value> {
    let shown = bench.json(&format!("chain show {chain}"));
    shown["events"].as_array().unwrap().iter().map(|event| event[field].clone()).collect()
}

fn last(bench: &Bench, field: &str) -> Value {
    shown(bench, "chain", field).pop().unwrap()
}

fn copy(bench: &Bench, from: &str, to: &str) {
    fs::copy(bench.path(from), bench.path(to)).unwrap();
}

fn goes_on(bench: &Bench, chain: &str) {
    assert!(bench.ok(&format!("chain verify {chain}")).contains("proven, key fits"));
    bench.ok(&format!("chain append {chain}"));
}

/// The key of event `index` that grows from the secret in [`folder_of`].
fn old_key(index: u64) -> SecretKey {
    SecretKey::derive(&[0xab; 32], index)
}

fn draft(index: u64, writes: Vec<Write>) -> Draft {
    Draft {
        kind: Kind::Ordinary,
        time_s: 1_600_000_000,
        keys: KeySet::single(old_key(index).public()),
        next: Some(KeySet::single(old_key(index + 1).public()).digest()),
        recovery: None,
        writes,
    }
}

/// A folder `chain` with these events, as any version of `cairn` made it.
fn folder_of(bench: &Bench, anchor: Anchor, events: &[u8]) {
    fs::create_dir(bench.path("chain")).unwrap();
    let config = format!(r#"{{"format": 1, "id": "{}"}}"#, anchor.chain);
    bench.write("chain/chain.json", config.as_bytes());
    bench.write("chain/chain.cbor", events);
    bench.write("chain/key", "ab".repeat(32).as_bytes());
    fs::set_permissions(bench.path("chain/key"), PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn every_algorithm_makes_chains_that_go_on_and_recover() {
    for (name, shown_name) in NAMES {
        let bench = bench(&format!("--algorithm {name} --recovery safe"));
        bench.ok("chain append chain");
        bench.ok("volume build demo image --chain chain");
        bench.ok("volume verify image --chain chain");
        bench.ok("chain anchor chain -o anchor");
        bench.ok("chain recover chain --recovery safe");
        goes_on(&bench, "chain");
        bench.ok("chain recover chain --recovery safe");
        goes_on(&bench, "chain");
        bench.ok("chain bundle make chain -o bundle");
        bench.ok("chain bundle verify bundle --anchor anchor");
        assert_eq!(shown(&bench, "chain", "algorithm"), [shown_name; 7]);
        let kinds = shown(&bench, "chain", "kind");
        assert_eq!(kinds[3..6], ["recovery", "ordinary", "recovery"]);
    }
}

#[test]
fn a_chain_rises_and_never_falls() {
    let bench = bench("");
    bench.ok("chain append chain --algorithm ml-dsa-44");
    assert_eq!(last(&bench, "algorithm"), "Ed25519");
    bench.ok("chain append chain");
    assert_eq!(last(&bench, "algorithm"), "ML-DSA-44");
    let before = fs::read(bench.path("chain/chain.cbor")).unwrap();
    let refused = "to be Ed25519, but from now on none may be weaker than ML-DSA-44";
    bench.refused("chain append chain --algorithm ed25519", refused);
    assert_eq!(fs::read(bench.path("chain/chain.cbor")).unwrap(), before);
    bench.ok("chain append chain --algorithm ed25519+ml-dsa-65");
    goes_on(&bench, "chain");
    assert_eq!(last(&bench, "algorithm"), STRONGEST);
    bench.fails("chain append chain --algorithm rsa", 2);
}

#[test]
fn a_folder_of_before_there_were_algorithms_goes_on() {
    let bench = Bench::new();
    let (event, anchor) = first(&draft(0, vec![]), &[old_key(0)]).unwrap();
    folder_of(&bench, anchor, &event);
    goes_on(&bench, "chain");
    bench.refused("chain recover chain --recovery chain/key", "commits to no recovery key");
    bench.ok("chain append chain --algorithm ml-dsa-65 --recovery safe");
    bench.ok("chain verify chain --recovery safe");
    bench.ok("chain recover chain --recovery safe");
    goes_on(&bench, "chain");
}

#[test]
fn a_full_chain_takes_no_event_that_could_not_be_read() {
    let bench = Bench::new();
    let (mut events, anchor) = first(&draft(0, vec![]), &[old_key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.replay(&events).unwrap();
    let item = |index| {
        let name = Name::new(&format!("{index:048}")).unwrap();
        Write { name, value: WriteValue::Append(Digest([7; 32])) }
    };
    let mut more = |writes: u64| {
        let index = chain.next_sequence();
        let draft = draft(index, (0..writes).map(item).collect());
        events.extend(append(&mut chain, &draft, &[old_key(index)]).unwrap());
        events.len()
    };
    while more(16) < (1 << 20) - 16_384 {}
    folder_of(&bench, anchor, &events);
    let appended = (0..20).take_while(|_| bench.run("chain append chain").status.success());
    assert!((1..20).contains(&appended.count()));
    bench.refused("chain append chain", "the chain is full");
    bench.ok("chain verify chain");
    bench.ok("chain revoke chain");
    bench.ok("chain verify chain");
}

#[test]
fn the_recovery_secret_is_a_new_file_elsewhere() {
    let bench = Bench::new();
    bench.write("taken", b"diary");
    bench.refused("chain init chain --recovery taken", "taken: exists already");
    assert_eq!(fs::read(bench.path("taken")).unwrap(), b"diary");
    assert!(!bench.path("chain").exists());
    fs::create_dir(bench.path("chain")).unwrap();
    let inside = bench.fails("chain init chain --recovery chain/safe", 2);
    assert!(inside.contains("chain/safe lies inside chain"), "{inside}");
    bench.fails("chain init chain --recovery missing/safe", 3);

    bench.ok("chain init chain --recovery safe");
    let mode = fs::metadata(bench.path("safe")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    bench.ok("chain verify chain --recovery safe");
    bench.refused("chain append chain --recovery more", "the chain has a recovery key");
    assert!(!bench.path("more").exists());
    fs::set_permissions(bench.path("safe"), PermissionsExt::from_mode(0o640)).unwrap();
    bench.refused("chain recover chain --recovery safe", "safe: open to other users");
    fs::remove_file(bench.path("safe")).unwrap();
    bench.fails("chain recover chain --recovery safe", 3);
}

#[test]
fn another_recovery_secret_does_nothing() {
    let bench = bench("--recovery safe");
    bench.ok("chain init other --recovery wrong");
    bench.ok("chain init plain");
    let before = fs::read(bench.path("chain/chain.cbor")).unwrap();
    for line in ["verify", "recover", "revoke"] {
        let refused = "not the recovery secret of this chain";
        // Not even the chain's own key: its recovery keys are derived otherwise.
        for file in ["wrong", "chain/key"] {
            bench.refused(&format!("chain {line} chain --recovery {file}"), refused);
        }
        let none = "plain: the chain commits to no recovery key";
        bench.refused(&format!("chain {line} plain --recovery safe"), none);
    }
    assert_eq!(fs::read(bench.path("chain/chain.cbor")).unwrap(), before);
    // The secrets themselves are no signing key either.
    copy(&bench, "safe", "chain/key");
    bench.refused("chain append chain", "not the key of this chain");
}

#[test]
fn a_stolen_key_is_worth_nothing_after_a_recovery() {
    let bench = bench("--recovery safe");
    let register = |chain: &str, digits: &str| {
        bench.ok(&format!("chain append {chain} --item log={}", digits.repeat(32)));
    };
    register("chain", "aa");
    copy_folder(&bench.path("chain"), &bench.path("thief"));
    copy_folder(&bench.path("chain"), &bench.path("honest"));
    register("thief", "66");
    register("honest", "bb");
    // Both signed with the same key at the same place.
    let fork = bench.json("chain fork thief honest -o evidence");
    assert_eq!(fork["sequence"], 2);
    assert_eq!(bench.json("chain fork evidence")["events"], fork["events"]);

    // What the thief said is known, and stays; the owner recovers on top of it.
    copy(&bench, "thief/chain.cbor", "chain/chain.cbor");
    assert_eq!(bench.json("chain recover chain --recovery safe")["done"], "recovered");
    goes_on(&bench, "chain");
    assert_eq!(shown(&bench, "chain", "kind")[3], "recovery");
    bench.ok("chain anchor chain -o anchor");
    // Beside a recovery, what other keys signed is a fork, too.
    bench.ok("chain recover honest --recovery safe");
    let fork = bench.json("chain fork thief honest -o evidence");
    assert_eq!(fork["sequence"], 2);
    copy_folder(&bench.path("thief"), &bench.path("late"));
    register("late", "67");
    let fork = bench.json("chain fork late chain -o evidence");
    assert_eq!(fork["sequence"], 3);
    assert_eq!(bench.json("chain fork evidence")["events"], fork["events"]);

    // The thief goes on without the recovery, for whoever does not know of it, ...
    register("thief", "67");
    bench.ok("chain bundle make thief -o bundle");
    bench.refused("chain bundle verify bundle --anchor anchor", "chain ends before event 4");
    register("thief", "68");
    bench.ok("chain bundle make thief -o bundle");
    bench.refused("chain bundle verify bundle --anchor anchor", "not the anchored event");
    // ... and not with it.
    copy(&bench, "chain/chain.cbor", "thief/chain.cbor");
    bench.refused("chain append thief", "thief/key: not the key of this chain");
    bench.refused("chain revoke thief", "thief/key: not the key of this chain");
    bench.refused("chain verify thief", "thief/key: not the key of this chain");
    // The recovery secret is still good.
    bench.ok("chain recover thief --recovery safe");
    goes_on(&bench, "thief");
}

#[test]
fn a_chain_does_not_rise_above_its_recovery_key() {
    let bench = bench("--recovery safe");
    for raise in ["--algorithm ml-dsa-44", "--algorithm ml-dsa-44 --weakest ml-dsa-44"] {
        let refused = "recovery key of Ed25519, which only a recovery changes: raise both";
        bench.refused(&format!("chain append chain {raise}"), refused);
    }
    bench.ok("chain recover chain --recovery safe --algorithm ml-dsa-44");
    goes_on(&bench, "chain");
    assert_eq!(last(&bench, "algorithm"), "ML-DSA-44");
    bench.ok("chain recover chain --recovery safe");
    assert_eq!(last(&bench, "algorithm"), "ML-DSA-44");
    let lower = "chain recover chain --recovery safe --algorithm ed25519";
    bench.refused(lower, "to be Ed25519, but from now on none may be weaker than ML-DSA-44");
    goes_on(&bench, "chain");
}

/// A folder `chain` that a thief who had its key went on with: with a policy of its own, in another
/// algorithm, or at the end of time. Its recovery secret is `safe`.
fn robbed(policy: Option<Algorithm>) -> Bench {
    let bench = Bench::new();
    bench.write("safe", "cd".repeat(32).as_bytes());
    fs::set_permissions(bench.path("safe"), PermissionsExt::from_mode(0o600)).unwrap();
    let secret = blake3::derive_key("cairn 2026 chain recovery key v1", &[0xcd; 32]);
    let recovery = Some(KeySet::single(SecretKey::derive(&secret, 0).public()).digest());
    let start = Draft { recovery, ..draft(0, vec![]) };
    let (mut events, anchor) = first(&start, &[old_key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.replay(&events).unwrap();
    let strong = |index| SecretKey::derive_for(Algorithm::MlDsa44, &[0xee; 32], index);
    let set = |index| KeySet::single(strong(index).public());
    let policy = policy.map(|weakest| WriteValue::Policy(Policy { weakest, age_max_s: 0 }));
    let writes = policy.map(|value| Write { name: Name::new("policy").unwrap(), value });
    let writes = writes.into_iter().collect();
    let raise = Draft { next: Some(set(2).digest()), recovery, ..draft(1, writes) };
    events.extend(append(&mut chain, &raise, &[old_key(1)]).unwrap());
    let next = Some(set(3).digest());
    let theft = Draft { keys: set(2), next, recovery, time_s: u64::MAX, ..draft(2, vec![]) };
    events.extend(append(&mut chain, &theft, &[strong(2)]).unwrap());
    folder_of(&bench, anchor, &events);
    bench
}

#[test]
fn a_thief_who_raises_the_chain_does_not_lock_the_owner_out() {
    let bench = robbed(None);
    bench.refused("chain append chain", "not the key of this chain");
    bench.refused("chain verify chain --recovery safe", "chain/key: not the key of this chain");
    bench.ok("chain recover chain --recovery safe");
    goes_on(&bench, "chain");
    assert_eq!(last(&bench, "algorithm"), "Ed25519");
    assert_eq!(last(&bench, "time_s"), 1_700_000_000);

    let bench = robbed(Some(Algorithm::MlDsa44));
    let refused = "to be Ed25519, but from now on none may be weaker than ML-DSA-44";
    bench.refused("chain recover chain --recovery safe", refused);
    bench.ok("chain recover chain --recovery safe --algorithm ml-dsa-44");
    goes_on(&bench, "chain");
    bench.ok("chain revoke chain --recovery safe");
}

#[test]
fn a_lost_key_is_no_loss() {
    let bench = bench("--recovery safe");
    fs::remove_file(bench.path("chain/key")).unwrap();
    bench.fails("chain append chain", 3);
    bench.ok("chain recover chain --recovery safe");
    let mode = fs::metadata(bench.path("chain/key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    goes_on(&bench, "chain");

    fs::remove_file(bench.path("chain/key")).unwrap();
    assert_eq!(bench.json("chain revoke chain --recovery safe")["done"], "revoked");
    assert_eq!(
        (last(&bench, "kind"), last(&bench, "recovery")),
        ("revocation".into(), Value::Null)
    );
    for line in ["recover", "revoke"] {
        bench.refused(&format!("chain {line} chain --recovery safe"), "the chain is revoked");
    }
    assert!(bench.ok("chain verify chain").contains("no key here"));
}

#[test]
fn a_recovery_that_is_cut_off_leaves_a_chain_that_goes_on() {
    let bench = bench("--recovery safe");
    bench.ok("chain append chain");
    copy_folder(&bench.path("chain"), &bench.path("cut"));
    bench.ok("chain recover chain --recovery safe");
    copy(&bench, "chain/key", "cut/key.next");
    copy_folder(&bench.path("cut"), &bench.path("cut_early"));
    // After the new key was written: it was never committed to.
    goes_on(&bench, "cut_early");
    bench.ok("chain recover cut_early --recovery safe");
    goes_on(&bench, "cut_early");
    assert!(!bench.path("cut_early/key.next").exists());

    // After the event was written, too: the new key only has not its name.
    copy(&bench, "chain/chain.cbor", "cut/chain.cbor");
    goes_on(&bench, "cut");
    assert!(!bench.path("cut/key.next").exists());
    goes_on(&bench, "cut");
}

#[test]
fn a_key_that_does_not_get_its_name_signs_under_the_other() {
    let bench = bench("--recovery safe");
    fs::remove_file(bench.path("chain/key")).unwrap();
    fs::create_dir_all(bench.path("chain/key/in_the_way")).unwrap();
    bench.fails("chain recover chain --recovery safe", 3);
    assert_eq!(last(&bench, "kind"), "recovery");
    // Nor is it overwritten by another recovery, which could be cut off before its event is written.
    let files = || ["chain.cbor", "key.next"].map(|name| fs::read(bench.path("chain").join(name)));
    let before = files().map(Result::unwrap);
    bench.fails("chain recover chain --recovery safe", 3);
    assert!(files().map(Result::unwrap) == before);
    fs::remove_dir_all(bench.path("chain/key")).unwrap();
    goes_on(&bench, "chain");
    assert!(bench.path("chain/key").is_file() && !bench.path("chain/key.next").exists());
    goes_on(&bench, "chain");
}

#[test]
fn the_parts_of_a_policy_keep_each_other() {
    let bench = bench("--algorithm ml-dsa-65");
    let policy = || bench.json("chain show chain")["registers"][0].clone();
    let is = |weakest: &str, age_max_s: u64| {
        let policy = policy();
        assert_eq!(
            (&policy["version"], &policy["age_max_s"]),
            (&weakest.into(), &age_max_s.into())
        );
    };
    bench.ok("chain append chain --age-max 3600");
    is("Ed25519", 3600);
    bench.ok("chain append chain --weakest ml-dsa-44");
    is("ML-DSA-44", 3600);
    bench.ok("chain append chain --age-max 60");
    is("ML-DSA-44", 60);
    bench.ok("chain append chain --age-max 0 --weakest ml-dsa-65");
    is("ML-DSA-65", 0);
    bench.refused("chain append chain --weakest ml-dsa-44", "policy weaker than before");
    let strongest = "chain append chain --weakest ed25519+ml-dsa-65";
    bench.refused(strongest, "to be ML-DSA-65, but from now on none may be weaker");
    bench.ok(&format!("{strongest} --algorithm ed25519+ml-dsa-65"));
    goes_on(&bench, "chain");
}

#[test]
fn a_release_says_what_it_needs() {
    let bench = bench("");
    bench.write("a.elf", b"a");
    let releases = "--release a=a.elf,1.0.0,q --release b=a.elf,1.0.0,q";
    bench.ok(&format!("chain append chain {releases} --capabilities a=0x11 --capabilities a=4"));
    let shown = bench.json("chain show chain");
    assert_eq!(shown["registers"][0]["capabilities"], "0x15");
    assert_eq!(shown["events"][1]["writes"][0]["capabilities"], "0x15");
    assert_eq!(shown["registers"][1].get("capabilities"), None);
    assert!(bench.ok("chain show chain").contains("needs 0x15"));
    let release = "chain append chain --release a=a.elf,1.0.1,q --capabilities";
    for bad in ["c=1", "a", "a=", "a=0x", "a=-1", "a=0x10000000000000000", "=1"] {
        bench.fails(&format!("{release} {bad}"), 2);
    }
    bench.fails("chain append chain --capabilities a=1", 2);
}

#[test]
fn show_tells_who_signs_and_who_may_recover() {
    let bench = bench("");
    let text = bench.ok("chain show chain");
    assert!(text.contains("\nevent 0  2023-11-14T22:13:20Z  ordinary  Ed25519  "), "{text}");
    assert!(text.contains("\nrecovery key: none\n"), "{text}");
    bench.ok("chain append chain --recovery safe");
    bench.ok("chain append chain");
    bench.ok("chain recover chain --recovery safe");
    let recovery = shown(&bench, "chain", "recovery");
    assert_eq!(recovery[0], Value::Null);
    assert!(recovery[1].is_string() && recovery[1] == recovery[2] && recovery[2] != recovery[3]);
    let text = bench.ok("chain show chain");
    let line = format!("\nrecovery key: {}\n", recovery[3].as_str().unwrap());
    assert!(text.contains(&line) && text.contains("  recovery  Ed25519  "), "{text}");
}
