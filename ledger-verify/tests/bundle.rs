//! Whole bundles, from a device's point of view: it knows an anchor and a log policy, nothing else.
#![cfg(feature = "write")]
#![allow(clippy::unwrap_used, reason = "a test")]

use ledger_verify::Digest;
use ledger_verify::bundle::{Bundle, Error, NO_REGISTERS};
use ledger_verify::chain::{Anchor, Chain, Kind, Reason};
use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::{Key, KeyType};
use ledger_verify::log::{self, tree};
use ledger_verify::registers::{Name, Value, Write, WriteValue};
use ledger_verify::write::log::base64;
use ledger_verify::write::{Draft, KeySet, SecretKey, append, bundle, first, log_entry, snapshot};

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

/// A chain: its frames, and position and registers after each.
fn chain(count: u64) -> Vec<(Vec<u8>, Anchor, Vec<u8>)> {
    let (frame, anchor) = first(&draft(0), &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&frame).unwrap();
    let mut all = vec![(frame, anchor, snapshot(chain.proven().unwrap().registers()))];
    for index in 1..count {
        let frame = append(&mut chain, &draft(index), &[key(index)]).unwrap();
        let proven = chain.proven().unwrap();
        all.push((frame, proven.anchor(), snapshot(proven.registers())));
    }
    all
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

fn frames(chain: &[(Vec<u8>, Anchor, Vec<u8>)]) -> Vec<u8> {
    chain.iter().flat_map(|(frame, ..)| frame.clone()).collect()
}

/// What a device that pins `anchor` learns of the volume.
fn device(bundle: &[u8], anchor: Anchor, policy: Option<&Policy<'_>>) -> Result<u64, Error> {
    let mut chain = Chain::new(anchor);
    Bundle::parse(bundle)?.verify(&mut chain, policy)?;
    match chain.proven()?.register("volume") {
        Some(Value::Pointer { generation, .. }) => Ok(generation),
        other => panic!("{other:?}"),
    }
}

#[test]
fn proves_from_the_first_event_and_from_the_anchor() {
    let chain = chain(5);
    let whole = bundle(NO_REGISTERS, &frames(&chain), None);
    for (_, anchor, _) in &chain {
        assert_eq!(device(&whole, *anchor, None), Ok(5));
    }
    for start in 1..5 {
        let (_, anchor, registers) = &chain[start];
        let part = bundle(registers, &frames(&chain[start..]), None);
        assert_eq!(device(&part, *anchor, None), Ok(5));
        // A device with another anchor cannot check where such a bundle starts.
        for (_, other, _) in chain.iter().filter(|(_, other, _)| other != anchor) {
            let Err(Error::Chain(error)) = device(&part, *other, None) else { panic!() };
            assert_eq!(error.reason, Reason::NotAnchored);
        }
    }
}

#[test]
fn rollback_and_truncation_end_before_the_anchor() {
    let chain = chain(5);
    let (_, anchor, _) = chain[4];
    for length in 1..5 {
        let old = bundle(NO_REGISTERS, &frames(&chain[..length]), None);
        let Err(Error::Chain(error)) = device(&old, anchor, None) else { panic!() };
        assert_eq!(error.reason, Reason::BeforeAnchor { anchored: 4 });
    }
}

#[test]
fn registers_from_nowhere_are_refused() {
    let chain = chain(3);
    let (_, anchor, registers) = &chain[1];
    let with_first = bundle(registers, &frames(&chain), None);
    assert!(matches!(device(&with_first, *anchor, None), Err(Error::Encoding(_))));
    let (_, _, later) = &chain[2];
    let mixed = bundle(later, &frames(&chain[1..]), None);
    let Err(Error::Chain(error)) = device(&mixed, *anchor, None) else { panic!() };
    assert_eq!(error.reason, Reason::State);
}

#[test]
fn the_log_proof_is_of_the_last_event() {
    let chain = chain(4);
    let (_, anchor, _) = chain[1];
    let (public, proof) = logged(&chain[3].1);
    let log = Key::new("log.example", KeyType::Note, &public).unwrap();
    let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
    let good = bundle(NO_REGISTERS, &frames(&chain), Some(proof.as_bytes()));
    assert_eq!(device(&good, anchor, Some(&policy)), Ok(4));
    // Mix and match: an older or no proof with a newer chain.
    let (_, old_proof) = logged(&chain[2].1);
    let mixed = bundle(NO_REGISTERS, &frames(&chain), Some(old_proof.as_bytes()));
    let Err(Error::Log(error)) = device(&mixed, anchor, Some(&policy)) else { panic!() };
    assert_eq!(error.reason, log::Reason::RootMismatch);
    let unlogged = bundle(NO_REGISTERS, &frames(&chain), None);
    assert_eq!(device(&unlogged, anchor, Some(&policy)), Err(Error::NotLogged));
    assert_eq!(device(&unlogged, anchor, None), Ok(4));
    let strict = Policy { witnesses_wanted: 1, ..policy };
    assert!(matches!(device(&good, anchor, Some(&strict)), Err(Error::Log(_))));
}

#[test]
fn every_cut_extension_and_flipped_bit_is_refused() {
    let chain = chain(3);
    let (_, anchor, _) = chain[2];
    let (public, proof) = logged(&anchor);
    let log = Key::new("log.example", KeyType::Note, &public).unwrap();
    let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
    let good = bundle(NO_REGISTERS, &frames(&chain), Some(proof.as_bytes()));
    assert_eq!(device(&good, anchor, Some(&policy)), Ok(3));
    for length in 0..good.len() {
        assert!(device(&good[..length], anchor, Some(&policy)).is_err(), "{length} bytes");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(matches!(device(&longer, anchor, Some(&policy)), Err(Error::Encoding(_))));
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[place] ^= 1 << bit;
            let result = device(&bad, anchor, Some(&policy));
            assert!(result.is_err(), "bit {bit} of byte {place}");
        }
    }
}

#[test]
fn endless_data_is_refused_at_its_length() {
    let endless = vec![0x84; 256 * 1024 + 1];
    assert!(matches!(Bundle::parse(&endless), Err(Error::Encoding(_))));
    // A head that promises more than there is costs nothing either.
    let promise = [0x84, 1, 0x5b, 255, 255, 255, 255, 255, 255, 255, 255];
    assert!(matches!(Bundle::parse(&promise), Err(Error::Encoding(_))));
}
