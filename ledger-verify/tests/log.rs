//! Transparency-log proofs: published vectors, a tree of our own, and everything spoiled.
#![cfg(feature = "write")]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../fuzz/src/rfc6962.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzzers, which need more of it")]
mod reference;

use std::sync::LazyLock;

use ledger_verify::Digest;
use ledger_verify::log::checkpoint::{Checkpoint, Policy, Trusted, WITNESSES_MAX};
use ledger_verify::log::note::{Key, KeyType, Note};
use ledger_verify::log::proof::Proof;
use ledger_verify::log::tree::{
    empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
use ledger_verify::log::{Error, Reason};
use ledger_verify::write::SecretKey;
use ledger_verify::write::log::{NoteSigner, base64 as encode64, checkpoint_text, proof_text};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

// ---- Trees ----

/// Base64 of 32 bytes or, in the vectors of failures, of anything; `None` for other lengths.
fn digest(value: &Value) -> Option<Digest> {
    decode64(value.as_str().unwrap_or("")).try_into().ok().map(Digest)
}

fn decode64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, vec![]);
    for digit in text.chars().filter(|digit| *digit != '=') {
        bits = bits << 6 | u32::try_from(DIGITS.find(digit).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

fn proof(test: &Value) -> Option<Vec<Digest>> {
    test["proof"].as_array().map_or(Some(vec![]), |hashes| hashes.iter().map(digest).collect())
}

#[test]
fn inclusion_agrees_with_all_published_vectors() {
    let file: Value =
        serde_json::from_str(include_str!("vectors/transparency_dev_merkle.json")).unwrap();
    let (mut good, mut bad) = (0, 0);
    for test in file["inclusion"].as_array().unwrap() {
        let ok = (|| {
            let (leaf, root) = (digest(&test["leafHash"])?, digest(&test["root"])?);
            let (index, size) = (test["leafIdx"].as_u64()?, test["treeSize"].as_u64()?);
            verify_inclusion(index, size, &leaf, proof(test)?, &root).ok()
        })()
        .is_some();
        assert_eq!(ok, test["wantErr"] == false, "{}", test["file"]);
        if ok { good += 1 } else { bad += 1 }
    }
    assert_eq!((good, bad), (6, 92));
}

#[test]
fn consistency_agrees_with_all_published_vectors() {
    let file: Value =
        serde_json::from_str(include_str!("vectors/transparency_dev_merkle.json")).unwrap();
    let (mut good, mut bad) = (0, 0);
    for test in file["consistency"].as_array().unwrap() {
        let ok = (|| {
            // Where the vectors put a word for a root, any digest of it does.
            let root =
                |value| digest(value).unwrap_or_else(|| leaf_hash(value.to_string().as_bytes()));
            let (old, new) = (root(&test["root1"]), root(&test["root2"]));
            let (old_size, new_size) = (test["size1"].as_u64()?, test["size2"].as_u64()?);
            verify_consistency(old_size, new_size, &old, &new, proof(test)?).ok()
        })()
        .is_some();
        assert_eq!(ok, test["wantErr"] == false, "{}", test["file"]);
        if ok { good += 1 } else { bad += 1 }
    }
    assert_eq!((good, bad), (6, 92));
}

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

#[test]
fn every_proof_of_every_small_tree_verifies_and_no_spoiled_one() {
    for size in 1..=33_usize {
        let leaves = leaves(size as u64);
        let root = reference::root(&leaves);
        for index in 0..size {
            let proof = reference::path(index, &leaves);
            let verify = |index: usize, size: usize, leaf: &Digest, proof: Vec<Digest>| {
                verify_inclusion(index as u64, size as u64, leaf, proof, &root)
            };
            assert_eq!(verify(index, size, &leaves[index], proof.clone()), Ok(()));
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify(other, size, &leaves[index], proof.clone()).is_err());
                assert!(verify(index, size, &leaves[other], proof.clone()).is_err());
            }
            let mut longer = proof.clone();
            longer.push(root);
            assert_eq!(verify(index, size, &leaves[index], longer), Err(Reason::ProofShape));
            if let Some((_, shorter)) = proof.split_last() {
                let result = verify(index, size, &leaves[index], shorter.to_vec());
                assert_eq!(result, Err(Reason::ProofShape));
            }
        }
        for old in 1..=size {
            let old_root = reference::root(&leaves[..old]);
            let proof = reference::subproof(old, &leaves, true);
            let verify = |old_root: &Digest, proof: Vec<Digest>| {
                verify_consistency(old as u64, size as u64, old_root, &root, proof)
            };
            assert_eq!(verify(&old_root, proof.clone()), Ok(()), "{old} {size}");
            assert!(verify(&empty_root(), proof.clone()).is_err());
            let longer = [&proof[..], &[root]].concat();
            assert_eq!(verify(&old_root, longer), Err(Reason::ProofShape));
            for place in 0..proof.len() {
                let mut bad = proof.clone();
                bad[place].0[0] ^= 1;
                assert!(verify(&old_root, bad).is_err());
                let mut shorter = proof.clone();
                shorter.remove(place);
                assert!(verify(&old_root, shorter).is_err());
            }
        }
    }
}

#[test]
fn sizes_at_the_end_of_numbers_are_refused_not_wrapped() {
    let root = empty_root();
    assert_eq!(verify_inclusion(0, 0, &root, [], &root), Err(Reason::ProofShape));
    let max = u64::MAX;
    assert_eq!(verify_inclusion(max, max, &root, [], &root), Err(Reason::ProofShape));
    assert!(verify_inclusion(max - 1, max, &root, [root; 64], &root).is_err());
    assert!(verify_consistency(max - 1, max, &root, &root, [root; 65]).is_err());
    assert_eq!(verify_consistency(max, 1, &root, &root, []), Err(Reason::ProofShape));
    assert_eq!(verify_consistency(0, max, &root, &root, []), Err(Reason::ProofShape));
    assert_eq!(verify_consistency(0, 0, &root, &root, []), Ok(()));
    assert_eq!(verify_consistency(0, 0, &root, &leaf_hash(b""), []), Err(Reason::RootMismatch));
}

// ---- Notes ----

#[test]
fn verifier_keys_are_read_strictly() {
    let good = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let bad = [
        (
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            Reason::VerifierKey,
        ),
        (
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            Reason::VerifierKey,
        ),
        (
            "example.com/fob+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            Reason::VerifierKey,
        ),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", Reason::KeyName),
        ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", Reason::KeyName),
        ("example.com/foo+530d903a", Reason::VerifierKey),
        ("example.com/foo+530d903a+AekyeRrm5", Reason::Base64),
        ("example.com/foo+530d903a+Aeky", Reason::VerifierKey),
        (
            "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            Reason::VerifierKey,
        ),
        ("example.com/foo+530d903a+", Reason::VerifierKey),
    ];
    Key::parse(good, &mut [0; 33]).unwrap();
    assert_eq!(Key::parse(good, &mut [0; 32]), Err(Reason::Base64));
    for (text, reason) in bad {
        assert_eq!(Key::parse(text, &mut [0; 1313]), Err(reason), "{text}");
    }
}

#[test]
fn notes_are_read_strictly() {
    let line = "\u{2014} a AAAAAAAA\n";
    let reason = |note: String| Note::parse(note.as_bytes()).map(|_| ()).map_err(|e| e.reason);
    assert_eq!(reason(format!("text\n\n{line}")), Ok(()));
    assert_eq!(reason(format!("text\n\nmore\n\n{line}{line}")), Ok(()));
    assert_eq!(reason(format!("text\n{line}")), Err(Reason::NoteFormat));
    assert_eq!(reason("text\n\n".into()), Err(Reason::NoteFormat));
    assert_eq!(reason(format!("text\n\n{}", line.trim_end())), Err(Reason::NoteFormat));
    assert_eq!(reason(format!("text\n\n{line}junk\n")), Err(Reason::NoteFormat));
    assert_eq!(reason(format!("te\rxt\n\n{line}")), Err(Reason::NotText));
    assert_eq!(reason("text\n\n\u{2014} a+b AAAAAAAA\n".into()), Err(Reason::KeyName));
    assert_eq!(reason("text\n\n\u{2014}  AAAAAAAA\n".into()), Err(Reason::KeyName));
    assert_eq!(reason("text\n\n\u{2014} a AAAA\n".into()), Err(Reason::NoteFormat));
    assert_eq!(reason("text\n\n\u{2014} a AAAA AAAA\n".into()), Err(Reason::NoteFormat));
    let longest = format!("{}\n\n{line}", "x".repeat(65536 - 2 - line.len()));
    assert_eq!(reason(longest.clone()), Ok(()));
    assert_eq!(reason(format!("x{longest}")), Err(Reason::TooLong));
    assert_eq!(Note::parse(b"\xff\n\n").unwrap_err().reason, Reason::NotText);
}

#[test]
fn checkpoints_are_read_strictly() {
    let root = encode64(&[7; 32]);
    let good = format!("origin\n12\n{root}\n");
    let checkpoint = Checkpoint { origin: "origin", size: 12, root: Digest([7; 32]) };
    assert_eq!(Checkpoint::parse(&good), Ok(checkpoint));
    assert_eq!(Checkpoint::parse(&format!("{good}extension\n")), Ok(checkpoint));
    let reason = |text: &str| Checkpoint::parse(text).unwrap_err().reason;
    assert_eq!(reason(""), Reason::NoteFormat);
    assert_eq!(reason("origin\n12\n"), Reason::NoteFormat);
    assert_eq!(reason(&format!("\n12\n{root}\n")), Reason::NoteFormat);
    assert_eq!(reason(&format!("{good}\nextension\n")), Reason::NoteFormat);
    assert_eq!(reason(good.trim_end()), Reason::NoteFormat);
    assert_eq!(reason(&format!("{good}\n")), Reason::NoteFormat);
    assert_eq!(reason(&format!("{good}cut")), Reason::NoteFormat);
    let longest = format!("{good}{}\n", "x".repeat(1023 - good.len()));
    assert_eq!(Checkpoint::parse(&longest), Ok(checkpoint));
    assert_eq!(reason(&format!("{longest}x\n")), Reason::TooLong);
    for number in ["", "012", "+12", "-1", "1 2", "0x1", "18446744073709551616"] {
        let expected = if number.is_empty() { Reason::NoteFormat } else { Reason::Number };
        assert_eq!(reason(&format!("origin\n{number}\n{root}\n")), expected, "{number}");
    }
    assert_eq!(reason(&format!("origin\n12\n{}\n", &root[..40])), Reason::Base64);
    assert_eq!(reason(&format!("{good}{}\n", "x".repeat(1024))), Reason::TooLong);
}

// ---- Checkpoints and proofs, made here ----

struct Signer {
    name: &'static str,
    key_type: KeyType,
    secret: SecretKey,
    public: Vec<u8>,
}

impl Signer {
    fn new(name: &'static str, key_type: KeyType, index: u64) -> Self {
        let secret = SecretKey::derive_for(key_type.algorithm(), &[8; 32], index);
        let public = secret.public().bytes;
        Self { name, key_type, secret, public }
    }

    fn key(&self) -> Key<'_> {
        Key::new(self.name, self.key_type, &self.public).unwrap()
    }

    fn sign(&self, text: &str, time: u64) -> String {
        let message = match self.key_type {
            KeyType::Note => text.as_bytes().to_vec(),
            KeyType::CosignatureEd25519 => format!("cosignature/v1\ntime {time}\n{text}").into(),
            KeyType::CosignatureMlDsa44 => {
                let lines: Vec<_> = text.lines().collect();
                let mut message = b"subtree/v1\n\0".to_vec();
                message.push(u8::try_from(self.name.len()).unwrap());
                message.extend(self.name.as_bytes());
                message.extend(time.to_be_bytes());
                message.push(u8::try_from(lines[0].len()).unwrap());
                message.extend(lines[0].as_bytes());
                message.extend(0_u64.to_be_bytes());
                message.extend(lines[1].parse::<u64>().unwrap().to_be_bytes());
                message.extend(decode64(lines[2]));
                message
            }
        };
        let mut bytes = self.key().id().to_vec();
        if self.key_type != KeyType::Note {
            bytes.extend(time.to_be_bytes());
        }
        bytes.extend(self.secret.sign(&message));
        format!("\u{2014} {} {}\n", self.name, encode64(&bytes))
    }
}

fn log() -> &'static Signer {
    static LOG: LazyLock<Signer> =
        LazyLock::new(|| Signer::new("example.com/log", KeyType::Note, 0));
    &LOG
}

fn witnesses() -> &'static [Signer; 3] {
    static WITNESSES: LazyLock<[Signer; 3]> = LazyLock::new(|| {
        [
            Signer::new("w1.example", KeyType::CosignatureEd25519, 1),
            Signer::new("w2.example", KeyType::CosignatureMlDsa44, 2),
            Signer::new("w3.example", KeyType::CosignatureEd25519, 3),
        ]
    });
    &WITNESSES
}

fn text_of(leaves: &[Digest]) -> String {
    let root = encode64(&reference::root(leaves).0);
    format!("example.com/log\n{}\n{root}\n", leaves.len())
}

fn verify(note: &str, wanted: usize) -> Result<Option<u64>, Reason> {
    let (log, witnesses) = (log(), witnesses());
    let witnesses: Vec<_> = witnesses.iter().map(Signer::key).collect();
    let policy = Policy { log: log.key(), witnesses: &witnesses, witnesses_wanted: wanted };
    let note = Note::parse(note.as_bytes()).map_err(|error| error.reason)?;
    policy.verify(&note).map(|trusted| trusted.witnessed_s).map_err(|error| error.reason)
}

#[test]
fn a_policy_counts_witnesses_not_signatures() {
    let text = text_of(&leaves(5));
    let [w1, w2, w3] = witnesses();
    let by_log = log().sign(&text, 0);
    let note = |lines: &[String]| format!("{text}\n{by_log}{}", lines.concat());
    assert_eq!(verify(&note(&[]), 0), Ok(None));
    assert_eq!(verify(&note(&[w1.sign(&text, 50)]), 1), Ok(Some(50)));
    let both = [w1.sign(&text, 50), w2.sign(&text, 40)];
    assert_eq!(verify(&note(&both), 2), Ok(Some(40)));
    let two_wanted = Err(Reason::TooFewWitnesses { found: 1, wanted: 2 });
    assert_eq!(verify(&note(&[w1.sign(&text, 50), w1.sign(&text, 51)]), 2), two_wanted);
    let three_wanted = Err(Reason::TooFewWitnesses { found: 2, wanted: 3 });
    assert_eq!(verify(&note(&both), 3), three_wanted);
    let all = [w1.sign(&text, 50), w2.sign(&text, 60), w3.sign(&text, 70)];
    assert_eq!(verify(&note(&all), 3), Ok(Some(50)));
    // A stranger's signature counts for nothing and harms nothing.
    let stranger = Signer::new("w9.example", KeyType::CosignatureEd25519, 9);
    let with_stranger = [w1.sign(&text, 50), stranger.sign(&text, 50)];
    assert_eq!(verify(&note(&with_stranger), 2), two_wanted);
    // Nor does what is no signature of any kind, or longer than any; not under a known name or a known id.
    let known_id = w1.sign(&text, 50).split(' ').nth(2).unwrap()[..8].to_owned();
    for (name, what) in [
        ("w9.example", "nobase64!".to_owned()),
        ("w9.example", "A".repeat(4096)),
        ("w9.example", known_id + "!"),
        ("w1.example", "AAAAAAAA!".to_owned()),
    ] {
        let line = format!("\u{2014} {name} {what}\n");
        assert_eq!(verify(&note(&[w1.sign(&text, 50), line]), 1), Ok(Some(50)));
    }
}

#[test]
fn who_makes_no_cosignatures_is_no_witness() {
    let text = text_of(&leaves(5));
    let other_log = Signer::new("other.example/log", KeyType::Note, 9);
    let note = format!("{text}\n{}{}", log().sign(&text, 0), other_log.sign(&text, 0));
    let note = Note::parse(note.as_bytes()).unwrap();
    let witnesses = [other_log.key()];
    let policy = Policy { log: log().key(), witnesses: &witnesses, witnesses_wanted: 1 };
    let reason = policy.verify(&note).unwrap_err().reason;
    assert_eq!(reason, Reason::TooFewWitnesses { found: 0, wanted: 1 });
}

#[test]
fn witnesses_beyond_the_most_a_policy_may_have_count_for_nothing() {
    let text = text_of(&leaves(5));
    let late = Signer::new("late.example", KeyType::CosignatureEd25519, 40);
    let others = (0..WITNESSES_MAX as u64)
        .map(|index| Signer::new("w.example", KeyType::CosignatureEd25519, 50 + index));
    let others: Vec<_> = others.collect();
    let mut witnesses: Vec<_> = others.iter().map(Signer::key).collect();
    witnesses.push(late.key());
    let note = format!("{text}\n{}{}", log().sign(&text, 0), late.sign(&text, 50));
    let note = Note::parse(note.as_bytes()).unwrap();
    let verify = |witnesses: &[Key<'_>]| {
        let policy = Policy { log: log().key(), witnesses, witnesses_wanted: 1 };
        policy.verify(&note).map(|trusted| trusted.witnessed_s).map_err(|error| error.reason)
    };
    assert_eq!(verify(&witnesses[1..]), Ok(Some(50)));
    assert_eq!(verify(&witnesses), Err(Reason::TooFewWitnesses { found: 0, wanted: 1 }));
}

#[test]
fn one_key_is_one_witness_under_whatever_names_and_the_logs_is_none() {
    let text = text_of(&leaves(5));
    let signer = |name, number| Signer::new(name, KeyType::CosignatureEd25519, number);
    let alias = signer("w1.alias", 1);
    let [w1, ..] = witnesses();
    let logs_own = Signer { secret: log().secret.clone(), ..signer("w2.example", 0) };
    let note = |lines: &[String]| format!("{text}\n{}{}", log().sign(&text, 0), lines.concat());
    let by_both = note(&[w1.sign(&text, 50), alias.sign(&text, 60)]);
    let by_log = note(&[w1.sign(&text, 50), logs_own.sign(&text, 40)]);
    for (other, note) in [(w1, &by_both), (&alias, &by_both), (&logs_own, &by_log)] {
        let witnesses = [w1.key(), other.key()];
        let trusted = |witnesses_wanted| {
            let policy = Policy { log: log().key(), witnesses: &witnesses, witnesses_wanted };
            let note = Note::parse(note.as_bytes()).unwrap();
            policy.verify(&note).map(|t| t.witnessed_s).map_err(|error| error.reason)
        };
        assert_eq!(trusted(1), Ok(Some(50)), "{}", other.name);
        assert_eq!(trusted(2), Err(Reason::TooFewWitnesses { found: 1, wanted: 2 }));
    }
}

#[test]
fn what_the_logs_key_signs_as_a_witness_is_not_signed_by_the_log() {
    let text = text_of(&leaves(5));
    let logs_own = Signer::new("w2.example", KeyType::CosignatureEd25519, 0);
    assert_eq!(logs_own.public, log().public);
    let witnesses = [logs_own.key()];
    let policy = Policy { log: log().key(), witnesses: &witnesses, witnesses_wanted: 0 };
    let note = format!("{text}\n{}", logs_own.sign(&text, 40));
    let verified = policy.verify(&Note::parse(note.as_bytes()).unwrap());
    assert_eq!(verified.map_err(|error| error.reason), Err(Reason::NoLogSignature));
}

#[test]
fn the_logs_own_time_is_no_witness_time() {
    let text = text_of(&leaves(5));
    let log = Signer::new(log().name, KeyType::CosignatureEd25519, 8);
    let [w1, ..] = witnesses();
    let trusted = |lines: &[String]| {
        let witnesses = [w1.key()];
        let policy = Policy { log: log.key(), witnesses: &witnesses, witnesses_wanted: 0 };
        let note = format!("{text}\n{}{}", log.sign(&text, 7), lines.concat());
        let note = Note::parse(note.as_bytes()).unwrap();
        policy.verify(&note).map(|trusted| trusted.witnessed_s)
    };
    assert_eq!(trusted(&[]), Ok(None));
    assert_eq!(trusted(&[w1.sign(&text, 50)]), Ok(Some(50)));
}

#[test]
fn a_witness_alone_is_not_the_log() {
    let text = text_of(&leaves(5));
    let [w1, w2, _] = witnesses();
    let note = format!("{text}\n{}{}", w1.sign(&text, 1), w2.sign(&text, 1));
    assert_eq!(verify(&note, 2), Err(Reason::NoLogSignature));
}

#[test]
fn a_bad_signature_by_a_known_key_spoils_the_note() {
    let text = text_of(&leaves(5));
    let other = text_of(&leaves(6));
    let [w1, w2, w3] = witnesses();
    let by_log = log().sign(&text, 0);
    for bad in [w1.sign(&other, 1), w2.sign(&other, 1), log().sign(&other, 0)] {
        let note = format!("{text}\n{by_log}{}{bad}", w3.sign(&text, 1));
        assert_eq!(verify(&note, 1), Err(Reason::BadSignature));
    }
    // A signature of one kind is none of another: cross-protocol use of one key.
    let as_note = Signer { key_type: KeyType::Note, ..Signer::new("w1.example", KeyType::Note, 1) };
    let signature = &decode64(as_note.sign(&text, 0).rsplit(' ').next().unwrap().trim())[4..];
    let forged = [&w1.key().id()[..], &7_u64.to_be_bytes(), signature].concat();
    let note = format!("{text}\n{by_log}\u{2014} w1.example {}\n", encode64(&forged));
    assert_eq!(verify(&note, 0), Err(Reason::BadSignature));
}

#[test]
fn times_are_signed_and_end_at_2_to_the_63() {
    let text = text_of(&leaves(5));
    let by_log = log().sign(&text, 0);
    for witness in witnesses() {
        let note = |time| format!("{text}\n{by_log}{}", witness.sign(&text, time));
        assert_eq!(verify(&note(u64::MAX / 2), 1), Ok(Some(u64::MAX / 2)));
        assert_eq!(verify(&note(u64::MAX / 2 + 1), 1), Err(Reason::BadSignature));
        assert_eq!(verify(&note(0), 1), Ok(Some(0)));
        let line = witness.sign(&text, 5);
        let mut bytes = decode64(line.rsplit(' ').next().unwrap().trim());
        bytes[11] = 6;
        let later = format!("\u{2014} {} {}\n", witness.name, encode64(&bytes));
        assert_eq!(verify(&format!("{text}\n{by_log}{later}"), 1), Err(Reason::BadSignature));
    }
}

#[test]
fn another_logs_checkpoint_is_refused() {
    let text = text_of(&leaves(5)).replace("example.com/log", "example.com/gol");
    assert_eq!(verify(&format!("{text}\n{}", log().sign(&text, 0)), 0), Err(Reason::Origin));
}

fn proof_of(index: usize, leaves: &[Digest], extra: &str) -> String {
    let text = text_of(leaves);
    let hashes: String =
        reference::path(index, leaves).iter().map(|hash| encode64(&hash.0) + "\n").collect();
    let [w1, w2, _] = witnesses();
    let signatures = log().sign(&text, 0) + &w1.sign(&text, 9) + &w2.sign(&text, 8);
    format!("c2sp.org/tlog-proof@v1\n{extra}index {index}\n{hashes}\n{text}\n{signatures}")
}

fn verify_proof<'p>(proof: &'p [u8], leaf: &Digest) -> Result<Trusted<'p>, Error> {
    let (log, witnesses) = (log(), witnesses());
    let witnesses: Vec<_> = witnesses.iter().map(Signer::key).collect();
    let policy = Policy { log: log.key(), witnesses: &witnesses, witnesses_wanted: 2 };
    Proof::parse(proof)?.verify(leaf, &policy)
}

#[test]
fn offline_proofs_verify_with_and_without_extra_data() {
    for size in [1, 2, 7, 8] {
        let leaves = leaves(size);
        for (index, leaf) in leaves.iter().enumerate() {
            for extra in ["", "extra AAAA\n"] {
                let proof = proof_of(index, &leaves, extra);
                let trusted = verify_proof(proof.as_bytes(), leaf).unwrap();
                assert_eq!((trusted.checkpoint.size, trusted.witnessed_s), (size, Some(8)));
            }
        }
    }
}

#[test]
fn offline_proofs_of_something_else_are_refused() {
    let leaves = leaves(7);
    let proof = proof_of(3, &leaves, "");
    let reason = |proof: &str, leaf| verify_proof(proof.as_bytes(), leaf).unwrap_err().reason;
    assert_eq!(reason(&proof, &leaves[4]), Reason::RootMismatch);
    assert_eq!(reason(&proof.replace("index 3", "index 4"), &leaves[3]), Reason::RootMismatch);
    assert_eq!(reason(&proof.replace("index 3", "index 7"), &leaves[3]), Reason::ProofShape);
    assert_eq!(reason(&proof.replace("index 3", "index 03"), &leaves[3]), Reason::Number);
    assert_eq!(reason(&proof.replace("@v1", "@v2"), &leaves[3]), Reason::Version);
    assert_eq!(reason(&proof.replace("index", "xedni"), &leaves[3]), Reason::NoteFormat);
    let with_extra = |extra| proof_of(3, &leaves, extra);
    assert_eq!(reason(&with_extra("extra ====\n"), &leaves[3]), Reason::Base64);
    assert_eq!(reason(&with_extra("extra AAA\n"), &leaves[3]), Reason::Base64);
    assert_eq!(reason(&with_extra("extra AAAA\nextra AAAA\n"), &leaves[3]), Reason::NoteFormat);
    let more = encode64(&[0; 32]) + "\n";
    let longer = proof.replace("index 3\n", &format!("index 3\n{}", more.repeat(65)));
    assert_eq!(reason(&longer, &leaves[3]), Reason::TooLong);
    // An entry that is itself a node's input must not pass for that node.
    let pair = [leaves[0].0, leaves[1].0].concat();
    assert_ne!(leaf_hash(&pair), node_hash(&leaves[0], &leaves[1]));
}

#[test]
fn no_cut_no_extension_and_no_flipped_bit_of_a_proof_verifies() {
    let leaves = leaves(5);
    let proof = proof_of(3, &leaves, "");
    for length in 0..proof.len() {
        // What is cut off behind the second witness's signature is no loss only at the very end.
        assert!(verify_proof(&proof.as_bytes()[..length], &leaves[3]).is_err(), "{length}");
    }
    // One bit per byte: signatures are slow. Which bit differs from byte to byte.
    for place in 0..proof.len() {
        let mut bad = proof.clone().into_bytes();
        bad[place] ^= 1 << (place % 7);
        assert!(verify_proof(&bad, &leaves[3]).is_err(), "byte {place}");
    }
    // Blank, a line's end, a letter: what texts are made of, put in anywhere.
    for place in 0..=proof.len() {
        for byte in b" \nA" {
            let mut longer = proof.clone().into_bytes();
            longer.insert(place, *byte);
            assert!(verify_proof(&longer, &leaves[3]).is_err(), "byte {place}");
        }
    }
}

#[test]
fn sha256_is_what_the_trees_use() {
    assert_eq!(empty_root().0, <[u8; 32]>::from(Sha256::digest(b"")));
    let leaf: [u8; 32] = Sha256::digest(b"\0entry").into();
    assert_eq!(leaf_hash(b"entry").0, leaf);
}

// ---- The writing side; its trees and files are in `tiles.rs` ----

#[test]
fn what_the_writer_signs_is_what_this_test_signs() {
    let root = reference::root(&leaves(5));
    let text = checkpoint_text("example.com/log", 5, &root);
    assert_eq!(text, text_of(&leaves(5)));
    for signer in witnesses().iter().chain([log()]) {
        let writer = NoteSigner::new(signer.name, signer.key_type, signer.secret.clone()).unwrap();
        assert_eq!(writer.sign(&text, 77).unwrap(), signer.sign(&text, 77));
        let vkey = writer.verifier_key().unwrap();
        assert_eq!(Key::parse(&vkey, &mut [0; 1313]).unwrap(), signer.key());
    }
    let [w1, ..] = witnesses();
    let witness = NoteSigner::new(w1.name, w1.key_type, w1.secret.clone()).unwrap();
    assert_eq!(witness.sign("no checkpoint\n", 1), Err(Reason::NoteFormat));
    assert_eq!(witness.sign(&text, u64::MAX), Err(Reason::BadSignature));
    let ed25519 = w1.secret.clone();
    let wrong = NoteSigner::new("name", KeyType::CosignatureMlDsa44, ed25519).map(|_| ());
    assert_eq!(wrong, Err(Reason::VerifierKey));

    let [w1, w2, _] = witnesses();
    let note =
        format!("{text}\n{}{}{}", log().sign(&text, 0), w1.sign(&text, 9), w2.sign(&text, 8));
    let proof = proof_text(3, &reference::path(3, &leaves(5)), &note);
    assert_eq!(proof, proof_of(3, &leaves(5), ""));
}

#[test]
fn errors_point_into_the_proof() {
    let leaves = leaves(7);
    let proof = proof_of(3, &leaves, "extra AAAA\n");
    let offset = |proof: &str| verify_proof(proof.as_bytes(), &leaves[3]).unwrap_err().offset;
    let line = proof.find("\u{2014} w2.example").unwrap();
    // The first digit behind the key's id.
    let mut bad = proof.clone();
    let digit = line + "\u{2014} w2.example ".len() + 8;
    bad.replace_range(digit..=digit, if &proof[digit..=digit] == "A" { "B" } else { "A" });
    assert_eq!(offset(&bad), line);
    assert_eq!(offset(&proof.replace("\u{2014} w2", "- w2")), line);
    let size = proof.find("\n7\n").unwrap() + 1;
    assert_eq!(offset(&proof.replace("\n7\n", "\n07\n")), size);
    let hashes = proof.find("index 3\n").unwrap() + "index 3\n".len();
    assert_eq!(offset(&proof.replace("index 3", "index 2")), hashes);
    assert_eq!(offset(&proof.replace("index 3\n", "index 3\n?\n")), hashes);
}
