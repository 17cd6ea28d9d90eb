//! Notes, cosignatures and tiles that other implementations made.
#![cfg(feature = "write")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;

use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::log::Reason;
use ledger_verify::log::checkpoint::{Checkpoint, Policy};
use ledger_verify::log::note::{KEY_BYTES_MAX, Key, KeyType, Note};
use ledger_verify::log::proof::Proof;
use ledger_verify::log::tree::{leaf_hash, verify_consistency, verify_inclusion};
use ledger_verify::write::log::{Appender, Tree, entries, proof_text};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn notes() -> Value {
    json(include_str!("vectors/signed_notes.json"))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// What a policy of this log key, or of this witness with a log that is not looked at, says.
fn verify(vkey: &str, note: &str) -> Result<Option<u64>, Reason> {
    let mut buffer = [0; KEY_BYTES_MAX];
    let key = Key::parse(vkey, &mut buffer)?;
    let note = Note::parse(note.as_bytes()).map_err(|error| error.reason)?;
    let policy = Policy { log: key, witnesses: &[], witnesses_wanted: 0 };
    policy.verify(&note).map(|trusted| trusted.witnessed_s).map_err(|error| error.reason)
}

#[test]
fn checkpoints_by_others_verify_and_no_spoiled_one() {
    for index in [4, 5] {
        let vector = &notes()["notes"][index];
        let (key, note) = (vector["verifierKeys"][0].as_str().unwrap(), &vector["note"]);
        let note = note.as_str().unwrap();
        assert_eq!(verify(key, note), Ok(None), "{}", vector["source"]);
        let size = note.lines().nth(1).unwrap();
        let other = note.replacen(size, "6", 1);
        assert_eq!(verify(key, &other), Err(Reason::BadSignature));
    }
    // The Go checksum database names its origin otherwise than its key.
    let vector = &notes()["notes"][3];
    let (key, note) = (&vector["verifierKeys"][0], &vector["note"]);
    let origin = verify(key.as_str().unwrap(), note.as_str().unwrap());
    assert_eq!(origin, Err(Reason::Origin));
}

#[test]
fn cosignatures_by_others_verify_and_no_spoiled_one() {
    for vector in &notes()["notes"].as_array().unwrap()[..3] {
        let note = vector["note"].as_str().unwrap();
        let mut buffer = [0; KEY_BYTES_MAX];
        let witness = Key::parse(vector["verifierKeys"][0].as_str().unwrap(), &mut buffer).unwrap();
        assert_eq!(witness.key_type(), KeyType::CosignatureEd25519);
        // A policy wants the log's signature too; those logs sign with what Cairn does not have. So
        // the log of this policy did not sign, which is found out after the witness was verified.
        let origin = note.lines().next().unwrap();
        let log = Key::new(origin, KeyType::Note, &[7; 32]).unwrap();
        let policy = Policy { log, witnesses: &[witness], witnesses_wanted: 1 };
        let reason =
            |note: &str| policy.verify(&Note::parse(note.as_bytes()).unwrap()).unwrap_err().reason;
        assert_eq!(reason(note), Reason::NoLogSignature, "{}", vector["source"]);
        assert_eq!(reason(&note.replace("\n300\n", "\n301\n")), Reason::BadSignature);
    }
}

#[test]
fn plain_notes_by_others_are_taken_apart() {
    for vector in &notes()["notes"].as_array().unwrap()[6..] {
        let (note, key) = (vector["note"].as_str().unwrap(), vector["verifierKeys"][0].as_str());
        let parsed = Note::parse(note.as_bytes()).unwrap();
        // These are no checkpoints, and are refused for it before anything else.
        assert!(verify(key.unwrap(), note).is_err(), "{}", vector["source"]);
        let mut buffer = [0; KEY_BYTES_MAX];
        let key = Key::parse(key.unwrap(), &mut buffer).unwrap();
        let line = note.lines().last().unwrap().split(' ').collect::<Vec<_>>();
        assert_eq!(line[..2], ["\u{2014}", key.name()]);
        let signature = decode_base64(line[2]);
        assert_eq!(signature[..4], key.id());
        let verify =
            |text: &str| Algorithm::Ed25519.verify(key.public(), text.as_bytes(), &signature[4..]);
        assert!(verify(parsed.text()) && !verify(note));
    }
}

#[test]
fn verifier_keys_by_others_are_read() {
    let keys = &notes()["verifierKeys"];
    for key in keys["good"].as_array().unwrap() {
        let mut buffer = [0; KEY_BYTES_MAX];
        Key::parse(key.as_str().unwrap(), &mut buffer).unwrap();
    }
    // An ML-DSA-44 key with an id that is not its hash, as tlog-cosignature wants it, though its
    // makers accept it; with the right id it is one.
    for key in keys["wrongId"].as_array().unwrap() {
        let key = key.as_str().unwrap();
        assert_eq!(Key::parse(key, &mut [0; KEY_BYTES_MAX]), Err(Reason::VerifierKey));
        let repaired = key.replace("+5893dc2c+", "+31236897+");
        let mut buffer = [0; KEY_BYTES_MAX];
        let key = Key::parse(&repaired, &mut buffer).unwrap();
        assert_eq!(key.key_type(), KeyType::CosignatureMlDsa44);
    }
    for key in keys["bad"].as_array().unwrap() {
        let mut buffer = [0; KEY_BYTES_MAX];
        assert!(Key::parse(key.as_str().unwrap(), &mut buffer).is_err(), "{key}");
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter(|digit| *digit != b'=');
    let bits = digits.flat_map(|digit| {
        let value = DIGITS.bytes().position(|known| known == digit).unwrap();
        (0..6).rev().map(move |bit| u8::from(value >> bit & 1 == 1))
    });
    bits.collect::<Vec<_>>()
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}

fn decode(hash: &Value) -> Digest {
    let text = format!("o\n1\n{}\n", hash.as_str().unwrap());
    Checkpoint::parse(&text).unwrap().root
}

#[test]
fn a_consistency_proof_by_others_holds() {
    let all = notes();
    let text = |index: usize| all["notes"][index]["note"].as_str().unwrap();
    let parse = |index| Note::parse(text(index).as_bytes()).unwrap();
    let (old, new) = (parse(4), parse(5));
    let old = Checkpoint::parse(old.text()).unwrap();
    let new = Checkpoint::parse(new.text()).unwrap();
    let proof: Vec<_> =
        all["consistency"]["proof"].as_array().unwrap().iter().map(decode).collect();
    let verify = |old_size, proof: &[Digest]| {
        let proof = proof.iter().copied();
        verify_consistency(old_size, new.size, &old.root, &new.root, proof)
    };
    assert_eq!(verify(old.size, &proof), Ok(()));
    assert!(verify(old.size - 1, &proof).is_err());
    assert!(verify(old.size, &proof[1..]).is_err());
}

// ---- A log of fifteen entries with all its checkpoints, by Tessera ----

struct Tessera {
    key: String,
    checkpoints: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
}

fn tessera() -> Tessera {
    let all = json(include_str!("vectors/tessera_log.json"));
    let files = all["files"].as_object().unwrap().iter();
    Tessera {
        key: all["verifierKey"].as_str().unwrap().to_owned(),
        checkpoints: serde_json::from_value(all["checkpoints"].clone()).unwrap(),
        files: files.map(|(path, hex_)| (path.clone(), hex(hex_.as_str().unwrap()))).collect(),
    }
}

fn checkpoint(note: &str) -> Checkpoint<'_> {
    Checkpoint::parse(Note::parse(note.as_bytes()).unwrap().text()).unwrap()
}

#[test]
fn the_writer_makes_another_implementations_log_byte_for_byte() {
    let Tessera { key, checkpoints, files } = tessera();
    let all = entries(&files["tile/entries/000.p/15"]).unwrap();
    assert_eq!(all[..3], [&b"one"[..], b"two", b"three"]);
    let mut log = Appender::new();
    let mut made = BTreeMap::new();
    assert_eq!(checkpoint(&checkpoints[0]).root, log.root());
    for (entry, note) in all.iter().zip(&checkpoints[1..]) {
        assert_eq!(log.append(entry), Some(vec![]));
        made.extend(log.partial_files());
        assert_eq!((checkpoint(note).size, checkpoint(note).root), (log.size(), log.root()));
        assert_eq!(verify(&key, note), Ok(None));
        // And goes on from any of its states.
        let get = |path: &str| files.get(path).cloned().ok_or(());
        assert_eq!(Appender::resume(log.size(), get).unwrap().root(), log.root());
    }
    assert_eq!(made, files);
}

#[test]
fn proofs_from_another_implementations_tiles_hold() {
    let Tessera { key, checkpoints, files } = tessera();
    let mut buffer = [0; KEY_BYTES_MAX];
    let log = Key::parse(&key, &mut buffer).unwrap();
    let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
    for note in &checkpoints[1..] {
        let head = checkpoint(note);
        let mut tree = Tree::new(head.size, |path: &str| files.get(path).cloned().ok_or(()));
        assert_eq!(tree.root(), Ok(head.root));
        for index in 0..head.size {
            let path = tree.inclusion(index).unwrap().unwrap();
            let entry = tree.bundle(0).unwrap()[usize::try_from(index).unwrap()].clone();
            let leaf = leaf_hash(&entry);
            let hashes = path.iter().copied();
            assert_eq!(verify_inclusion(index, head.size, &leaf, hashes, &head.root), Ok(()));
            let proof = proof_text(index, &path, note);
            let trusted = Proof::parse(proof.as_bytes()).unwrap().verify(&leaf, &policy).unwrap();
            assert_eq!(trusted.checkpoint, head);
        }
        for old in checkpoints.iter().map(|old| checkpoint(old)).filter(|old| old.size > 0) {
            let proof = tree.consistency(old.size).unwrap();
            assert_eq!(proof.is_some(), old.size <= head.size);
            if let Some(proof) = proof {
                let result = verify_consistency(old.size, head.size, &old.root, &head.root, proof);
                assert_eq!(result, Ok(()));
            }
        }
    }
}
