//! Arbitrary and spoiled bytes into every parser: an error or an answer, never a panic, and never an
//! answer that the bytes do not deserve.
#![allow(clippy::unwrap_used, reason = "a test")]
#![cfg(feature = "write")]

use ledger_verify::algorithm::Algorithm;
use ledger_verify::bundle::Reader;
use ledger_verify::chain::{Anchor, Chain, Event, Feed, Kind, split};
use ledger_verify::log::checkpoint::{Checkpoint, Policy};
use ledger_verify::log::note::{Key, KeyType, Note};
use ledger_verify::log::proof::Proof;
use ledger_verify::registers::{Name, Write, WriteValue};
use ledger_verify::write::{self, Draft, KeySet, SecretKey, append, first};
use ledger_verify::{Digest, merkle};
use proptest::collection::vec;
use proptest::prelude::*;

fn chain(count: u64) -> (Vec<u8>, Anchor) {
    let key = |index| SecretKey::derive(&[5; 32], index);
    let draft = |index| Draft {
        kind: Kind::Ordinary,
        time_s: index,
        keys: KeySet::single(key(index).public()),
        next: Some(KeySet::single(key(index + 1).public()).digest()),
        recovery: None,
        writes: vec![Write {
            name: Name::new("volume").unwrap(),
            value: WriteValue::Pointer { root: Digest::ZERO, generation: index + 1 },
        }],
    };
    let (mut bytes, anchor) = first(&draft(0), &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&bytes).unwrap();
    for index in 1..count {
        bytes.extend(append(&mut chain, &draft(index), &[key(index)]).unwrap());
    }
    let anchor = chain.proven().unwrap().anchor();
    (bytes, anchor)
}

/// Replays in pieces; whether everything was accepted and the anchor met.
fn accepted(bytes: &[u8], anchor: Anchor, piece_bytes: usize) -> bool {
    let mut chain = Chain::new(anchor);
    let mut feed = Feed::new();
    let fed = bytes.chunks(piece_bytes).try_for_each(|piece| feed.push(&mut chain, piece));
    let fed = fed.and_then(|()| feed.end(&chain));
    let mut whole = Chain::new(anchor);
    let replayed = whole.replay(bytes);
    // Both ways in agree, also about the reason and the place.
    assert_eq!(fed, replayed);
    assert_eq!(chain.head(), whole.head());
    replayed.is_ok() && whole.proven().is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_prove_nothing(bytes in vec(any::<u8>(), 0..600), piece in 1..64_usize) {
        let (_, anchor) = chain(1);
        prop_assert!(!accepted(&bytes, anchor, piece));
        let _ = Event::parse(&bytes);
        let _ = split(&bytes);
    }

    #[test]
    fn a_spoiled_chain_proves_nothing(
        place in any::<prop::sample::Index>(),
        patch in vec(any::<u8>(), 1..5),
        removed in 0..5_usize,
        piece in 1..600_usize,
    ) {
        let (good, anchor) = chain(3);
        let mut bad = good.clone();
        let start = place.index(good.len());
        let end = (start + removed).min(bad.len());
        bad.splice(start..end, patch);
        prop_assert_eq!(accepted(&bad, anchor, piece), bad == good);
    }

    #[test]
    fn arbitrary_nodes_are_no_proof(
        length in any::<u64>(),
        index in any::<u64>(),
        level in any::<usize>(),
        with_parent in any::<bool>(),
    ) {
        let block = [7; merkle::BLOCK_BYTES];
        if let Ok(tree) = merkle::Tree::new(length, Digest([1; 32])) {
            let parent = with_parent.then_some(&block);
            prop_assert!(tree.verify_block(index, &block, parent).is_err());
            prop_assert!(tree.verify_node(level, index, &block, parent).is_err());
        }
    }

    #[test]
    fn arbitrary_bundles_prove_nothing(bytes in vec(any::<u8>(), 0..300), piece in 1..64_usize) {
        let (events, anchor) = chain(1);
        // As they come; and in place of registers, events and the log proof of a good bundle.
        let good = write::bundle(None, &events, None).unwrap();
        let without_proof = &good[..good.len() - 1];
        for before in [&[][..], &[0x84, 2], &[0x84, 2, 0x81], &[0x84, 2, 0xf6, 0x82], without_proof] {
            let mut chain = Chain::new(anchor);
            let mut reader = Reader::new(None);
            let pushed = reader.push(&mut chain, before);
            let pushed = pushed.and_then(|()| bytes.chunks(piece).try_for_each(|p| reader.push(&mut chain, p)));
            prop_assert!(bytes == [0xf6] || pushed.and_then(|()| reader.end()).is_err());
        }
    }

    #[test]
    fn arbitrary_snapshots_are_refused(bytes in vec(any::<u8>(), 0..300)) {
        let (event, anchor) = chain(1);
        let mut chain = Chain::new(anchor);
        let resumed = chain.take_register(&bytes).and_then(|()| chain.apply(&event));
        prop_assert!(resumed.is_err());
    }

    #[test]
    fn arbitrary_text_is_no_proof_of_logging(
        text in "(c2sp.org/tlog-proof@v1\n)?(extra .{0,9}\n)?(index [0-9]{0,21}\n)?(.{0,50}\n){0,4}\n?\
                 (a\n[0-9]{1,21}\n[A-Za-z0-9+/]{43}=\n)?\n?(\u{2014} a [A-Za-z0-9+/]{0,100}={0,2}\n){0,3}",
        bytes in vec(any::<u8>(), 0..300),
    ) {
        let key = SecretKey::derive(&[5; 32], 0).public().bytes;
        let log = Key::new("a", KeyType::Note, &key).unwrap();
        let policy = Policy { log, witnesses: &[], witnesses_wanted: 0 };
        for bytes in [text.as_bytes(), &bytes] {
            let trusted = Note::parse(bytes).and_then(|note| policy.verify(&note));
            prop_assert!(trusted.is_err());
            let proven = Proof::parse(bytes).and_then(|proof| proof.verify(&Digest::ZERO, &policy));
            prop_assert!(proven.is_err());
            let _ = Checkpoint::parse(&text);
            let _ = Key::parse(&text, &mut [0; 100]).is_ok();
        }
    }

    #[test]
    fn arbitrary_signatures_verify_nowhere(seed in any::<u64>(), spoil in any::<prop::sample::Index>()) {
        for number in 1..=5 {
            let algorithm = Algorithm::from_number(number).unwrap();
            let fill = |length| -> Vec<u8> {
                (0..length).map(|i| (seed.wrapping_mul(i as u64 + 1) >> 56).to_le_bytes()[0]).collect()
            };
            let (public, mut signature) = (fill(algorithm.public_bytes()), fill(algorithm.signature_bytes()));
            prop_assert!(!algorithm.verify(&public, b"message", &signature));
            // Hints that are empty, so that the rest is looked at as well.
            let hints = signature.len().saturating_sub(84);
            signature[hints..].fill(0);
            prop_assert!(!algorithm.verify(&public, b"message", &signature));
            signature.truncate(spoil.index(signature.len()));
            prop_assert!(!algorithm.verify(&public, b"message", &signature));
        }
    }
}
