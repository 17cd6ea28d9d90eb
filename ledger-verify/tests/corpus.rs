//! Replays the fuzzers' corpus, `fuzz/corpus/`, through the same targets, and holds its seeds to what
//! the writing side makes today.
//!
//! `WRITE_SEEDS=1` writes the seeds anew, after a change of format.
#![cfg(all(feature = "nexus", feature = "write"))]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the fuzzers' crate has more users")]
mod targets;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ledger_verify::chain::split;
use ledger_verify::log::proof::Proof;
use ledger_verify::write::bundle;
use targets::{World, world};

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 18] = [
    ("bundle", targets::bundle),
    ("cbor", targets::cbor),
    ("checkpoint", targets::checkpoint),
    ("event", targets::event),
    ("feed", targets::feed),
    ("key", targets::key),
    ("nexus_block", targets::nexus_block),
    ("nexus_bundle", targets::nexus_bundle),
    ("nexus_object", targets::nexus_object),
    ("nexus_signature", targets::nexus_signature),
    ("nexus_text", targets::nexus_text),
    ("nexus_transaction", targets::nexus_transaction),
    ("nexus_write", targets::nexus_write),
    ("note", targets::note),
    ("proof", targets::proof),
    ("registers", targets::registers),
    ("signature", targets::signature),
    ("tree", targets::tree),
];

/// Genuine inputs for each target, by name.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let World { events, states, checkpoint, proof, verifier_keys, .. } = world();
    let chain = events.concat();
    let log_proof = Proof::parse(proof.as_bytes()).unwrap();
    let whole = bundle(None, &chain, Some(&log_proof)).unwrap();
    let from_anchor = bundle(Some(&states[2].1), &events[2], Some(&log_proof)).unwrap();
    let mut seeds = vec![
        ("checkpoint", "hash".into(), b"QmFzZTY0IG9mIHRoaXJ0eS10d28gYnl0ZXMgaGVyZSE=".to_vec()),
        ("bundle", "no-proof".into(), bundle(None, &chain, None).unwrap()),
        ("bundle", "with-proof".into(), whole),
        ("bundle", "from-anchor".into(), from_anchor),
        (
            "cbor",
            "items".into(),
            b"\x18\x64\x84\x01\x42\xff\x00\x63abc\xf6\x1b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        ),
        ("checkpoint", "signed".into(), checkpoint.clone().into()),
        ("checkpoint", "text".into(), world().texts[4].clone().into()),
        ("event", "event".into(), events[1].clone()),
        ("event", "body".into(), split(&events[1]).unwrap().0.body.to_vec()),
        ("feed", "chain-in-100s".into(), [&[99], &chain[..]].concat()),
        ("note", "signed".into(), checkpoint.clone().into()),
        ("proof", "genuine".into(), proof.clone().into()),
        ("tree", "inclusion".into(), [&[2, 5, 13, 255, 0][..], &[7; 64]].concat()),
        ("tree", "consistency".into(), [&[6, 5, 13, 255, 0][..], &[7; 64]].concat()),
        ("tree", "large".into(), [&[1, 5, 13, 255, 3][..], &[255; 104]].concat()),
    ];
    let registers = states[2].1.iter().zip(["release", "list", "policy", "pointer"]);
    seeds.extend(registers.map(|(register, name)| ("registers", name.into(), register.clone())));
    seeds.extend(nexus_seeds());
    seeds.extend((0..5).map(|n| ("signature", format!("algorithm-{}", n + 1), vec![n, 0, 0, 1])));
    let keys = verifier_keys.iter().zip(["log", "witness-1", "witness-2"]);
    seeds.extend(keys.map(|(key, name)| ("key", name.into(), key.clone().into())));
    seeds
}

fn nexus_seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    use ledger_verify::nexus::address::Address;
    use ledger_verify::write::nexus::pointer_write;
    use ledger_verify::write::nexus::{asset, record_bytes, record_object, record_text};
    let record = targets::record();
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/nexus.json")).unwrap();
    let header = vectors["block_4555100"]["header_hex"].as_str().unwrap();
    let header = header
        .as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(core::str::from_utf8(digits).unwrap(), 16).unwrap());
    let header: Vec<u8> = header.collect();
    let write = pointer_write(&record);
    let write = [&[u8::try_from(write.len()).unwrap()], &*write, &record_object(&record)].concat();
    let real = include_bytes!("vectors/nexus_4555100.bin");
    let pin = format!("a1{}:5:01{}", "07".repeat(31), "5c".repeat(63));
    let address = Address::namespace("cairn").to_string();
    vec![
        ("nexus_block", "real".into(), header.clone()),
        ("nexus_block", "twice-and-branch".into(), [&*header, &*header, &[8; 128]].concat()),
        ("nexus_signature", "brainpool".into(), vec![0, 0, 0, 1]),
        ("nexus_signature", "falcon".into(), vec![1, 0, 0, 1]),
        ("nexus_write", "pointer".into(), write),
        ("nexus_bundle", "in-100s".into(), [&[99], &*targets::nexus_genuine_bundle()].concat()),
        ("nexus_object", "pointer".into(), record_object(&record)),
        ("nexus_object", "bytes".into(), record_bytes(&record, 128)),
        ("nexus_object", "asset".into(), asset(&record_text(&record), 256)),
        ("nexus_text", "pin".into(), pin.into()),
        ("nexus_text", "address".into(), address.into()),
        ("nexus_transaction", "real".into(), real.to_vec()),
        ("nexus_transaction", "object".into(), targets::nexus_world().raws[1][1..].to_vec()),
    ]
}

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

#[test]
fn the_corpus_is_replayed() {
    let mut counts = BTreeMap::new();
    for (name, target) in TARGETS {
        for entry in fs::read_dir(corpus().join(name)).unwrap() {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            target(&fs::read(&path).unwrap());
            *counts.entry(name).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.len(), TARGETS.len(), "{counts:?}");
    // Every target is replayed here, too: one file each in `fuzz_targets`.
    let files = fs::read_dir(corpus().join("../fuzz_targets")).unwrap().count();
    assert_eq!(files, TARGETS.len());
}

#[test]
fn seeds_are_genuine() {
    for (target, name, seed) in seeds() {
        let path = corpus().join(target).join(format!("seed-{name}"));
        if std::env::var_os("WRITE_SEEDS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &seed).unwrap();
        }
        let committed = fs::read(&path).unwrap_or_default();
        assert!(committed == seed, "{}: run this test with WRITE_SEEDS=1", path.display());
    }
    // The whole way is open: these are accepted, so what a fuzzer changes is what refuses them.
    let policy = world().policy(2);
    let mut chain = ledger_verify::chain::Chain::new(world().anchor);
    let (.., seed) = seeds().into_iter().find(|(_, name, _)| name == "from-anchor").unwrap();
    assert_eq!(targets::read(&seed, &mut chain, Some(policy)), Ok(Some(1_999_999)));
    let register = &world().states[2].1[0];
    let (event, anchor) = targets::vouch_for(register);
    let mut chain = ledger_verify::chain::Chain::new(anchor);
    assert_eq!(chain.take_register(register).and_then(|()| chain.apply(&event)), Ok(()));
}
