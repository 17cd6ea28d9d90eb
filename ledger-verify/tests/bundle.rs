//! Whole bundles, from a device's point of view: it knows an anchor and a log policy, nothing else.
#![cfg(feature = "write")]
#![allow(clippy::unwrap_used, reason = "a test")]

use ledger_verify::Digest;
use ledger_verify::bundle::{BUNDLE_BYTES_MAX, Error, Reader};
use ledger_verify::cbor::Problem;
use ledger_verify::chain::{Anchor, Chain, Denied, Kind, Reason};
use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::{Key, KeyType};
use ledger_verify::log::proof::Proof;
use ledger_verify::log::{self, tree};
use ledger_verify::registers::{HashKind, Name, Platform, Release, Version, Write, WriteValue};
use ledger_verify::write::log::{NoteSigner, base64, checkpoint_text, proof_text};
use ledger_verify::write::{Draft, KeySet, SecretKey, append, bundle, first, log_entry, registers};

fn key(index: u64) -> SecretKey {
    SecretKey::derive(&[5; 32], index)
}

fn draft(index: u64) -> Draft {
    Draft {
        kind: Kind::Ordinary,
        time_s: index,
        keys: KeySet::single(key(index).public()),
        next: Some(KeySet::single(key(index + 1).public()).digest()),
        recovery: None,
        writes: vec![Write {
            name: Name::new("volume").unwrap(),
            value: WriteValue::Pointer { root: Digest([9; 32]), generation: index + 1 },
        }],
    }
}

/// An event, the position after it, and the registers.
struct Step {
    event: Vec<u8>,
    anchor: Anchor,
    registers: Vec<Vec<u8>>,
}

fn chain(count: u64) -> Vec<Step> {
    let (event, anchor) = first(&draft(0), &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&event).unwrap();
    let mut steps = vec![step(event, &chain)];
    for index in 1..count {
        let event = append(&mut chain, &draft(index), &[key(index)]).unwrap();
        steps.push(step(event, &chain));
    }
    steps
}

fn step(event: Vec<u8>, chain: &Chain) -> Step {
    let proven = chain.proven().unwrap();
    Step { event, anchor: proven.anchor(), registers: registers(proven.registers()) }
}

/// The log's key, and a proof that `position` is the second of two entries.
fn logged(position: &Anchor) -> (Vec<u8>, String) {
    let secret = SecretKey::derive(&[6; 32], 0);
    let public = secret.public().bytes;
    let other = tree::leaf_hash(b"something else");
    let root = tree::node_hash(&other, &tree::leaf_hash(&log_entry(position)));
    let text = format!("log.example\n2\n{}\n", base64(&root.0));
    let id = Key::new("log.example", KeyType::Note, &public).unwrap().id();
    let signature = base64(&[&id[..], &secret.sign(text.as_bytes())].concat());
    let proof = format!(
        "c2sp.org/tlog-proof@v1\nindex 1\n{}\n\n{text}\n\u{2014} log.example {signature}\n",
        base64(&other.0)
    );
    (public, proof)
}

/// A bundle from the first of `steps` on, which is the chain's first if there are no registers.
fn bundle_of(steps: &[Step], registers: Option<&[Vec<u8>]>, proof: Option<&str>) -> Vec<u8> {
    let events: Vec<_> = steps.iter().flat_map(|step| step.event.clone()).collect();
    let proof = proof.map(|proof| Proof::parse(proof.as_bytes()).unwrap());
    bundle(registers, &events, proof.as_ref()).unwrap()
}

/// What a device that pins `anchor` learns of the volume, from pieces of `piece_bytes`.
fn device_fed(
    bundle: &[u8],
    piece_bytes: usize,
    anchor: Anchor,
    policy: Option<Policy<'_>>,
) -> Result<u64, Error> {
    let mut chain = Chain::new(anchor);
    let mut reader = Reader::new(policy);
    for piece in bundle.chunks(piece_bytes) {
        reader.push(&mut chain, piece)?;
    }
    reader.end()?;
    let (_, generation) = chain.proven().unwrap().pointer("volume").unwrap();
    Ok(generation)
}

fn device(bundle: &[u8], anchor: Anchor, policy: Option<Policy<'_>>) -> Result<u64, Error> {
    device_fed(bundle, 4096, anchor, policy)
}

#[test]
fn proves_from_the_first_event_and_from_the_anchor() {
    let chain = chain(5);
    let whole = bundle_of(&chain, None, None);
    for step in &chain {
        assert_eq!(device(&whole, step.anchor, None), Ok(5));
    }
    for start in 1..5 {
        let Step { anchor, registers, .. } = &chain[start];
        let part = bundle_of(&chain[start..], Some(registers), None);
        assert_eq!(device(&part, *anchor, None), Ok(5));
        // A device with another anchor cannot check where such a bundle starts.
        for other in chain.iter().map(|step| step.anchor).filter(|other| other != anchor) {
            let Err(Error::Chain(error)) = device(&part, other, None) else { panic!() };
            assert_eq!(error.reason, Reason::NotAnchored);
        }
    }
}

#[test]
fn pieces_may_be_of_any_size() {
    let chain = chain(4);
    let (public, proof) = logged(&chain[3].anchor);
    let log = Key::new("log.example", KeyType::Note, &public).unwrap();
    let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
    let bundle = bundle_of(&chain[1..], Some(&chain[1].registers), Some(&proof));
    for piece_bytes in [1, 2, 3, 7, 64, 1000, bundle.len()] {
        let result = device_fed(&bundle, piece_bytes, chain[1].anchor, Some(policy));
        assert_eq!(result, Ok(4), "pieces of {piece_bytes}");
    }
}

#[test]
fn says_what_may_run_where_and_what_is_current() {
    let release = Release {
        version: Version([1, 2, 3]),
        platform: Platform::new("qemu").unwrap(),
        hash: HashKind::Blake3,
        digest: Digest([7; 32]),
        size_bytes: 65_536,
        capabilities: 3,
    };
    let mut start = draft(0);
    start
        .writes
        .push(Write { name: Name::new("binary").unwrap(), value: WriteValue::Release(release) });
    let (event, anchor) = first(&start, &[key(0)]).unwrap();
    let mut made = Chain::new(anchor);
    made.apply(&event).unwrap();
    let mut revoke = draft(1);
    (revoke.kind, revoke.next, revoke.writes) = (Kind::Revocation, None, vec![]);
    let revocation = append(&mut made, &revoke, &[key(1)]).unwrap();
    let device = |events: &[u8]| {
        let (mut chain, mut reader) = (Chain::new(anchor), Reader::new(None));
        reader.push(&mut chain, &bundle(None, events, None).unwrap()).unwrap();
        reader.end().unwrap();
        chain
    };
    let chain = device(&event);
    let proven = chain.proven().unwrap();
    assert_eq!(proven.release("binary", "qemu"), Ok(release));
    assert_eq!(proven.release("binary", "zynqmp"), Err(Denied::OtherPlatform));
    assert_eq!(proven.release("volume", "qemu"), Err(Denied::OtherKind));
    assert_eq!(proven.release("missing", "qemu"), Err(Denied::Unknown));
    assert_eq!(proven.pointer("volume"), Ok((Digest([9; 32]), 1)));
    assert_eq!(proven.pointer("binary"), Err(Denied::OtherKind));
    assert_eq!(proven.pointer("missing"), Err(Denied::Unknown));
    // What a revoked chain said last may be a thief's word.
    let revoked = device(&[event, revocation].concat());
    let proven = revoked.proven().unwrap();
    assert_eq!(proven.release("binary", "qemu"), Err(Denied::Revoked));
    assert_eq!(proven.pointer("volume"), Err(Denied::Revoked));
}

#[test]
fn rollback_and_truncation_end_before_the_anchor() {
    let chain = chain(5);
    for length in 1..5 {
        let old = bundle_of(&chain[..length], None, None);
        let Err(Error::Chain(error)) = device(&old, chain[4].anchor, None) else { panic!() };
        assert_eq!(error.reason, Reason::BeforeAnchor { anchored: 4 });
    }
}

#[test]
fn registers_from_nowhere_are_refused() {
    let chain = chain(3);
    let anchor = chain[1].anchor;
    let refused = |bundle: &[u8]| match device(bundle, anchor, None) {
        Err(Error::Chain(error)) => error.reason,
        other => panic!("{other:?}"),
    };
    let with_first = bundle_of(&chain, Some(&chain[1].registers), None);
    assert_eq!(refused(&with_first), Reason::NotAnchored);
    let mixed = bundle_of(&chain[1..], Some(&chain[2].registers), None);
    assert_eq!(refused(&mixed), Reason::State);
    let without = bundle_of(&chain[1..], None, None);
    assert_eq!(refused(&without), Reason::Sequence);
}

#[test]
fn the_log_proof_is_of_the_last_event() {
    let chain = chain(4);
    let anchor = chain[1].anchor;
    let (public, proof) = logged(&chain[3].anchor);
    let log = Key::new("log.example", KeyType::Note, &public).unwrap();
    let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
    let good = bundle_of(&chain, None, Some(&proof));
    assert_eq!(device(&good, anchor, Some(policy)), Ok(4));
    // Mix and match: an older or no proof with a newer chain.
    let (_, old_proof) = logged(&chain[2].anchor);
    let mixed = bundle_of(&chain, None, Some(&old_proof));
    let refused = |bundle: &[u8], policy| match device(bundle, anchor, Some(policy)) {
        Err(Error::Log(error)) => error.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mixed, policy), log::Reason::RootMismatch);
    let unlogged = bundle_of(&chain, None, None);
    assert_eq!(device(&unlogged, anchor, Some(policy)), Err(Error::NotLogged));
    assert_eq!(device(&unlogged, anchor, None), Ok(4));
    let strict = Policy { witnesses_wanted: 1, ..policy };
    let too_few = log::Reason::TooFewWitnesses { found: 0, wanted: 1 };
    assert_eq!(refused(&good, strict), too_few);
    let other = Key::new("other.example", KeyType::Note, &public).unwrap();
    assert_eq!(refused(&good, Policy { log: other, ..policy }), log::Reason::Origin);
    let stranger = SecretKey::derive(&[8; 32], 0).public().bytes;
    let other = Key::new("log.example", KeyType::Note, &stranger).unwrap();
    assert_eq!(refused(&good, Policy { log: other, ..policy }), log::Reason::NoLogSignature);
    // Without a policy a proof is read over, whatever it is of, but it has to be one.
    assert_eq!(device(&good, anchor, None), Ok(4));
    assert_eq!(device(&mixed, anchor, None), Ok(4));
    let cut = &good[..good.len() - 1];
    let truncated = Error::Encoding(cut.len() as u64, Problem::Truncated);
    assert_eq!(device(cut, anchor, None), Err(truncated));
}

#[test]
fn answers_when_the_oldest_witness_signed() {
    let chain = chain(2);
    let anchor = chain[1].anchor;
    // The third of four entries, so that its proof has two hashes.
    let leaf = |entry: &[u8]| tree::leaf_hash(entry);
    let left = tree::node_hash(&leaf(b"one"), &leaf(b"two"));
    let right = tree::node_hash(&leaf(&log_entry(&anchor)), &leaf(b"four"));
    let text = checkpoint_text("log.example", 4, &tree::node_hash(&left, &right));
    let signer = |name, key_type, index| {
        NoteSigner::new(name, key_type, SecretKey::derive(&[6; 32], index)).unwrap()
    };
    let log = signer("log.example", KeyType::Note, 0);
    let witnesses = [1, 2].map(|n| signer("w.example", KeyType::CosignatureEd25519, n));
    let [by_log, first, second] = [(&log, 0), (&witnesses[0], 900), (&witnesses[1], 800)]
        .map(|(s, t)| s.sign(&text, t).unwrap());
    let note = format!("{text}\n{by_log}{first}{second}");
    let proof = proof_text(2, &[leaf(b"four"), left], &note);
    let bundle = bundle_of(&chain, None, Some(&proof));
    let keys = [witnesses[0].key().unwrap(), witnesses[1].key().unwrap()];
    let policy = Policy { log: log.key().unwrap(), witnesses: &keys, witnesses_wanted: 2 };
    for piece_bytes in [1, bundle.len()] {
        let (mut chain, mut reader) = (Chain::new(anchor), Reader::new(Some(policy)));
        for piece in bundle.chunks(piece_bytes) {
            reader.push(&mut chain, piece).unwrap();
        }
        assert_eq!(reader.end(), Ok(Some(800)));
    }
}

#[test]
fn every_cut_extension_and_flipped_bit_is_refused() {
    let chain = chain(3);
    let (public, proof) = logged(&chain[2].anchor);
    let log = Key::new("log.example", KeyType::Note, &public).unwrap();
    let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
    let from_first = (bundle_of(&chain, None, Some(&proof)), chain[2].anchor);
    let from_anchor = bundle_of(&chain[1..], Some(&chain[1].registers), Some(&proof));
    for (good, anchor) in [from_first, (from_anchor, chain[1].anchor)] {
        assert_eq!(device(&good, anchor, Some(policy)), Ok(3));
        for length in 0..good.len() {
            assert!(device(&good[..length], anchor, Some(policy)).is_err(), "{length} bytes");
        }
        let longer = [&good[..], &[0]].concat();
        let trailing = Error::Encoding(good.len() as u64, Problem::Trailing);
        assert_eq!(device(&longer, anchor, Some(policy)), Err(trailing));
        for place in 0..good.len() {
            let mut longer = good.clone();
            longer.insert(place, good[place] ^ 1);
            assert!(device(&longer, anchor, Some(policy)).is_err(), "before byte {place}");
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[place] ^= 1 << bit;
                let result = device(&bad, anchor, Some(policy));
                assert!(result.is_err(), "bit {bit} of byte {place}");
            }
        }
    }
}

#[test]
fn endless_data_is_refused_at_its_length() {
    let chain = chain(1);
    let anchor = chain[0].anchor;
    let endless = vec![0x84; 5000];
    let wrong = Error::Encoding(1, Problem::WrongType);
    assert_eq!(device(&endless, anchor, None), Err(wrong));
    // Heads that promise more than there may be cost nothing.
    for (promise, offset) in [
        (&[0x84, 2, 0x98, 33][..], 2),
        (&[0x84, 2, 0x81, 0x58, 193], 3),
        (&[0x84, 2, 0xf6, 0x19, 0x10, 0x01], 3),
        (&[0x84, 2, 0xf6, 0x9b, 255, 255, 255, 255, 255, 255, 255, 255], 3),
    ] {
        let result = device(promise, anchor, None);
        assert!(matches!(result, Err(Error::Encoding(at, _)) if at == offset), "{result:?}");
    }
}

/// A head that says how long what follows is.
fn head(major: u8, count: u8) -> Vec<u8> {
    if count < 24 { vec![major << 5 | count] } else { vec![major << 5 | 24, count] }
}

#[test]
fn a_log_proof_has_its_limits() {
    let chain = chain(1);
    let anchor = chain[0].anchor;
    let unlogged = bundle_of(&chain, None, None);
    let text = checkpoint_text("log.example", 1, &tree::leaf_hash(&log_entry(&anchor)));
    let start = |text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        let events = &unlogged[..unlogged.len() - 1];
        [events, &[0x84, 0], &head(2, length), text.as_bytes()].concat()
    };
    let (array, good) = (4, start(&text));
    let end = good.len() as u64;
    let out_of_range = |at| Err(Error::Encoding(at, Problem::OutOfRange));
    let truncated = |at| Err(Error::Encoding(at, Problem::Truncated));
    for (more, expected) in [
        (head(array, 64), truncated(end + 2)),
        (head(array, 65), out_of_range(end)),
        ([head(array, 0), head(array, 0)].concat(), out_of_range(end + 1)),
        ([head(array, 0), head(array, 64)].concat(), truncated(end + 3)),
        ([head(array, 0), head(array, 65)].concat(), out_of_range(end + 1)),
    ] {
        assert_eq!(device(&[&good[..], &more].concat(), anchor, None), expected);
    }
    // Also without a policy it is a checkpoint, and a text.
    for (text, expected) in [
        ("log.example\n1\n".to_owned(), log::Reason::NoteFormat),
        (format!("{text}a\tb\n"), log::Reason::NotText),
    ] {
        let Err(Error::Log(error)) = device(&start(&text), anchor, None) else { panic!() };
        assert_eq!(error.reason, expected);
    }
}

#[test]
fn nothing_is_read_after_a_refusal() {
    let chain = chain(2);
    let good = bundle_of(&chain, None, None);
    let (mut device, mut reader) = (Chain::new(chain[1].anchor), Reader::new(None));
    let error = Error::Encoding(0, Problem::WrongType);
    assert_eq!(reader.push(&mut device, &[0]), Err(error));
    assert_eq!((reader.push(&mut device, &good), reader.end()), (Err(error), Err(error)));
    // A whole bundle, and a byte too many.
    let (mut device, mut reader) = (Chain::new(chain[1].anchor), Reader::new(None));
    let error = Error::Encoding(good.len() as u64, Problem::Trailing);
    assert_eq!(reader.push(&mut device, &[&good[..], &[0]].concat()), Err(error));
    assert_eq!(reader.end(), Err(error));
}

#[test]
fn no_bundle_is_made_that_no_device_reads() {
    let chain = chain(1);
    let (_, proof) = logged(&chain[0].anchor);
    let stranger = "\u{2014} stranger.example AAAAAAAA\n";
    // Four bytes are an id without a signature, and are left out.
    let proof = proof + "\u{2014} stranger.example AAAAAA==\n";
    for (strangers, is_made) in [(63, true), (64, false)] {
        let proof = format!("{proof}{}", stranger.repeat(strangers));
        let proof = Proof::parse(proof.as_bytes()).unwrap();
        assert_eq!(bundle(None, &chain[0].event, Some(&proof)).is_some(), is_made);
    }
}

#[test]
fn a_bundle_has_at_most_a_mebibyte() {
    // Real events, more than a bundle may have: each is fine, all together are too long.
    let keys = |n: u64| (8 * n..8 * n + 8).map(key).collect::<Vec<_>>();
    let draft = |n: u64| Draft {
        keys: KeySet::new(8, keys(n).iter().map(SecretKey::public).collect()),
        next: Some(KeySet::new(8, keys(n + 1).iter().map(SecretKey::public).collect()).digest()),
        ..draft(n)
    };
    let (mut events, anchor) = first(&draft(0), &keys(0)).unwrap();
    let mut made = Chain::new(anchor);
    made.apply(&events).unwrap();
    let mut n = 1;
    while events.len() as u64 <= BUNDLE_BYTES_MAX {
        events.extend(append(&mut made, &draft(n), &keys(n)).unwrap());
        n += 1;
    }
    let bundle = bundle(None, &events, None).unwrap();
    let too_long = Error::Encoding(BUNDLE_BYTES_MAX, Problem::OutOfRange);
    assert_eq!(device(&bundle, anchor, None), Err(too_long));
    // What is taken is counted, however it was cut.
    let (most, rest) = bundle.split_at(usize::try_from(BUNDLE_BYTES_MAX).unwrap());
    let (mut chain, mut reader) = (Chain::new(anchor), Reader::new(None));
    reader.push(&mut chain, most).unwrap();
    reader.push(&mut chain, &rest[..1]).unwrap();
    assert_eq!(reader.push(&mut chain, &[]), Err(too_long));
}
