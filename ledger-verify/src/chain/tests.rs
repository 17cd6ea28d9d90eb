use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::algorithm::Algorithm;
use crate::cbor::Problem;
use crate::digest::Digest;
use crate::registers::{
    HashKind, Name, Platform, Release, Rule, Value, Version, Write, WriteValue,
};
use crate::write::{Draft, KeySet, SecretKey, append, encode, first};

const MASTER: [u8; 32] = [1; 32];
const RECOVERY: [u8; 32] = [2; 32];

fn key(index: u64) -> SecretKey {
    SecretKey::derive(&MASTER, index)
}

fn set(index: u64) -> KeySet {
    KeySet::single(key(index).public())
}

fn recovery_key(index: u64) -> SecretKey {
    SecretKey::derive(&RECOVERY, index)
}

fn recovery(index: u64) -> KeySet {
    KeySet::single(recovery_key(index).public())
}

fn pointer(name: &str, byte: u8, generation: u64) -> Write {
    let value = WriteValue::Pointer { root: Digest([byte; 32]), generation };
    Write { name: Name::new(name).unwrap(), value }
}

fn release(name: &str, version: [u32; 3], platform: &str) -> Write {
    let value = WriteValue::Release(Release {
        version: Version(version),
        platform: Platform::new(platform).unwrap(),
        hash: HashKind::Sha256,
        digest: Digest([9; 32]),
        size_bytes: 65536,
        capabilities: 5,
    });
    Write { name: Name::new(name).unwrap(), value }
}

fn item(name: &str, byte: u8) -> Write {
    Write { name: Name::new(name).unwrap(), value: WriteValue::Append(Digest([byte; 32])) }
}

/// The usual event number `index`: key `index`, committing to key `index + 1`.
fn draft(index: u64, writes: Vec<Write>) -> Draft {
    Draft {
        kind: Kind::Ordinary,
        time_s: 1_000 + index,
        keys: set(index),
        next: Some(set(index + 1).digest()),
        recovery: Some(recovery(0).digest()),
        writes,
    }
}

/// A chain of `count` events; event `n` sets pointer `volume` to generation `n + 1`.
fn chain_of(count: u64) -> (Chain, Vec<Vec<u8>>) {
    let (frame, anchor) = first(&draft(0, vec![pointer("volume", 0, 1)]), &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&frame).unwrap();
    let mut frames = vec![frame];
    for index in 1..count {
        let writes = vec![pointer("volume", u8::try_from(index).unwrap(), index + 1)];
        frames.push(append(&mut chain, &draft(index, writes), &[key(index)]).unwrap());
    }
    (chain, frames)
}

/// Why the chain refuses the event made from `draft`.
fn refused(chain: &Chain, draft: &Draft, signers: &[SecretKey]) -> Reason {
    let before = chain.head().copied();
    let mut chain = chain.clone();
    let error = append(&mut chain, draft, signers).unwrap_err();
    assert_eq!(chain.head().copied(), before, "a refused event changed the chain");
    assert_eq!(error.event, chain.next_sequence());
    error.reason
}

#[test]
fn replays_a_chain_and_answers_registers() {
    let (made, frames) = chain_of(5);
    let anchor = made.proven().unwrap().anchor();
    let mut chain = Chain::new(anchor);
    chain.replay(&frames.concat()).unwrap();
    let proven = chain.proven().unwrap();
    assert_eq!(proven.anchor(), anchor);
    let value = Value::Pointer { root: Digest([4; 32]), generation: 5 };
    assert_eq!(proven.register("volume"), Some(value));
    assert_eq!(proven.register("volum"), None);
    assert_eq!(proven.register(""), None);
}

#[test]
fn feed_accepts_any_cut_of_the_bytes() {
    let (made, frames) = chain_of(4);
    let bytes = frames.concat();
    for size in [1, 2, 3, 7, 100, 511, 512, 4096, bytes.len()] {
        let mut chain = Chain::new(made.proven().unwrap().anchor());
        let mut feed = Feed::new();
        for piece in bytes.chunks(size) {
            feed.push(&mut chain, piece).unwrap();
        }
        feed.end(&chain).unwrap();
        assert_eq!(chain.head(), made.head(), "pieces of {size}");
    }
}

#[test]
fn feed_stops_at_the_first_refused_event() {
    let (made, mut frames) = chain_of(4);
    let offset = (frames[0].len() + frames[1].len()) as u64;
    *frames[2].last_mut().unwrap() ^= 1;
    let mut chain = Chain::new(made.proven().unwrap().anchor());
    let mut feed = Feed::new();
    let error = feed.push(&mut chain, &frames.concat()).unwrap_err();
    assert_eq!((error.event, error.reason), (2, Reason::BadSignature));
    assert!(error.offset > offset && error.offset < offset + frames[2].len() as u64);
    assert_eq!(error.to_string(), "chain event 2: bad signature");
    assert_eq!(feed.push(&mut chain, &[]), Err(error));
    assert_eq!(feed.end(&chain), Err(error));
}

#[test]
fn feed_reports_a_chain_cut_inside_an_event() {
    let (made, frames) = chain_of(2);
    let bytes = frames.concat();
    for length in 1..bytes.len() {
        let mut chain = Chain::new(made.proven().unwrap().anchor());
        let mut feed = Feed::new();
        feed.push(&mut chain, &bytes[..length]).unwrap();
        if length == frames[0].len() {
            feed.end(&chain).unwrap();
        } else {
            let error = feed.end(&chain).unwrap_err();
            assert_eq!(error.reason, Reason::Encoding(Problem::Truncated));
        }
        assert!(chain.proven().is_err(), "{length} bytes reached the anchor");
    }
}

#[test]
fn feed_refuses_an_endless_event_at_its_head() {
    let (made, _) = chain_of(1);
    for head in [
        &[0x59, 0x40, 0x01][..],
        &[0x5a, 0, 1, 0, 0],
        &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        let mut chain = Chain::new(made.proven().unwrap().anchor());
        let error = Feed::new().push(&mut chain, head).unwrap_err();
        assert_eq!(error.reason, Reason::TooLong);
    }
}

#[test]
fn longest_event_fits_the_feed() {
    let (made, frames) = chain_of(1);
    let mut chain = Chain::new(made.proven().unwrap().anchor());
    let mut feed = Feed::new();
    feed.push(&mut chain, &frames[0]).unwrap();
    let mut longest = vec![0x59, 0x40, 0x00];
    longest.resize(3 + EVENT_BYTES_MAX, 0);
    let (last, most) = longest.split_last().unwrap();
    feed.push(&mut chain, most).unwrap();
    let error = feed.push(&mut chain, &[*last]).unwrap_err();
    assert_eq!(error.reason, Reason::Encoding(Problem::WrongType));
}

#[test]
fn every_flipped_bit_is_refused() {
    let (made, frames) = chain_of(3);
    let anchor = made.proven().unwrap().anchor();
    let bytes = frames.concat();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[index] ^= 1 << bit;
            let mut chain = Chain::new(anchor);
            let refused = chain.replay(&bad).is_err() || chain.proven().is_err();
            assert!(refused, "bit {bit} of byte {index}");
        }
    }
}

#[test]
fn a_chain_shorter_than_the_anchor_proves_nothing() {
    let (made, frames) = chain_of(5);
    let mut chain = Chain::new(made.proven().unwrap().anchor());
    chain.replay(&frames[..3].concat()).unwrap();
    let error = chain.proven().unwrap_err();
    assert_eq!(error.reason, Reason::BeforeAnchor { anchored: 4 });
    assert_eq!(error.to_string(), "chain ends before event 3, anchored is 4");
}

#[test]
fn a_fork_at_the_anchor_is_refused() {
    let (_, frames) = chain_of(2);
    let (mut fork, _) = chain_of(2);
    append(&mut fork, &draft(2, vec![]), &[key(2)]).unwrap();
    let anchor = fork.proven().unwrap().anchor();
    let (mut chain, _) = chain_of(2);
    let other = append(&mut chain, &draft(2, vec![pointer("volume", 7, 9)]), &[key(2)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.replay(&frames.concat()).unwrap();
    assert_eq!(chain.apply(&other).unwrap_err().reason, Reason::NotAnchored);
}

#[test]
fn another_chain_is_refused() {
    let (_, frames) = chain_of(2);
    let (_, other) = first(&draft(7, vec![]), &[key(7)]).unwrap();
    let mut chain = Chain::new(other);
    assert_eq!(chain.apply(&frames[0]).unwrap_err().reason, Reason::OtherChain);

    // The same keys in two chains: an event of one is none of the other.
    let (mut twin, _) = {
        let (frame, anchor) = first(&draft(0, vec![]), &[key(0)]).unwrap();
        let mut chain = Chain::new(anchor);
        chain.apply(&frame).unwrap();
        (chain, frame)
    };
    assert_eq!(twin.apply(&frames[1]).unwrap_err().reason, Reason::OtherChain);
}

#[test]
fn sequence_and_link_are_exact() {
    let (made, frames) = chain_of(4);
    let anchor = made.proven().unwrap().anchor();
    let mut chain = Chain::new(anchor);
    assert_eq!(chain.apply(&frames[1]).unwrap_err().reason, Reason::Sequence);
    chain.apply(&frames[0]).unwrap();
    assert_eq!(chain.apply(&frames[2]).unwrap_err().reason, Reason::Sequence);
    chain.apply(&frames[1]).unwrap();
    assert_eq!(chain.apply(&frames[1]).unwrap_err().reason, Reason::Sequence);
    assert_eq!(chain.apply(&frames[0]).unwrap_err().reason, Reason::OtherChain);

    // An event after a sibling of its predecessor: right number, wrong link.
    let (mut sibling, _) = chain_of(2);
    append(&mut sibling, &draft(2, vec![]), &[key(2)]).unwrap();
    assert_eq!(sibling.apply(&frames[3]).unwrap_err().reason, Reason::Previous);
}

#[test]
fn time_does_not_run_backwards() {
    let (chain, _) = chain_of(3);
    let mut old = draft(3, vec![]);
    old.time_s = 1_001;
    assert_eq!(refused(&chain, &old, &[key(3)]), Reason::Time);
    old.time_s = 1_002;
    append(&mut chain.clone(), &old, &[key(3)]).unwrap();
}

#[test]
fn only_committed_keys_sign() {
    let (chain, _) = chain_of(3);
    let mut stolen = draft(3, vec![]);
    stolen.keys = set(99);
    assert_eq!(refused(&chain, &stolen, &[key(99)]), Reason::KeysNotCommitted);
    // An old, exposed key signs nothing any more.
    stolen.keys = set(2);
    assert_eq!(refused(&chain, &stolen, &[key(2)]), Reason::KeysNotCommitted);
    // The right key in the event, another one's signature.
    let frame = encode(&chain, &draft(3, vec![]), &[key(3)]);
    let mut forged = frame.clone();
    let signature = forged.len() - 64;
    forged[signature..].copy_from_slice(&[0; 64]);
    assert_eq!(chain.clone().apply(&forged).unwrap_err().reason, Reason::BadSignature);
    chain.clone().apply(&frame).unwrap();
}

#[test]
fn keys_are_not_committed_to_twice() {
    let (chain, _) = chain_of(3);
    let mut reused = draft(3, vec![]);
    reused.next = Some(set(3).digest());
    assert_eq!(refused(&chain, &reused, &[key(3)]), Reason::KeysReused);
    reused.next = Some(recovery(0).digest());
    assert_eq!(refused(&chain, &reused, &[key(3)]), Reason::KeysReused);
    let mut start = draft(0, vec![]);
    start.recovery = Some(set(0).digest());
    assert_eq!(first(&start, &[key(0)]).unwrap_err().reason, Reason::KeysReused);
}

fn shared(threshold: usize) -> KeySet {
    KeySet::new(threshold, (10..13).map(|index| key(index).public()).collect())
}

#[test]
fn thresholds_are_met_or_the_event_is_refused() {
    let (mut chain, _) = chain_of(1);
    let mut to_shared = draft(1, vec![]);
    to_shared.next = Some(shared(2).digest());
    append(&mut chain, &to_shared, &[key(1)]).unwrap();
    let mut by_shared = draft(2, vec![]);
    by_shared.keys = shared(2);
    assert_eq!(refused(&chain, &by_shared, &[]), Reason::Encoding(Problem::OutOfRange));
    assert_eq!(refused(&chain, &by_shared, &[key(11)]), Reason::TooFewSignatures);
    for signers in [[10, 11], [10, 12], [11, 12]] {
        append(&mut chain.clone(), &by_shared, &signers.map(key)).unwrap();
    }
    append(&mut chain.clone(), &by_shared, &[10, 11, 12].map(key)).unwrap();
    // The same keys with another threshold are another key set.
    by_shared.keys = shared(1);
    assert_eq!(refused(&chain, &by_shared, &[key(11)]), Reason::KeysNotCommitted);
    for threshold in [0, 4] {
        by_shared.keys = shared(threshold);
        assert_eq!(refused(&chain, &by_shared, &[10, 11, 12].map(key)), Reason::KeySet);
    }
}

#[test]
fn one_key_does_not_sign_for_two() {
    let (mut chain, _) = chain_of(1);
    let mut to_shared = draft(1, vec![]);
    to_shared.next = Some(shared(2).digest());
    append(&mut chain, &to_shared, &[key(1)]).unwrap();
    let mut by_shared = draft(2, vec![]);
    by_shared.keys = shared(2);
    let frame = encode(&chain, &by_shared, &[10, 11].map(key));
    // Two signatures of 1 + 1 + 2 + 64 bytes stand at the end.
    let second = frame.len() - 68;
    let first = second - 68;
    let mut twice = frame.clone();
    twice.copy_within(first..second, second);
    assert_eq!(chain.clone().apply(&twice).unwrap_err().reason, Reason::SignatureOrder);
    let mut beyond = frame.clone();
    beyond[second + 1] = 3;
    assert_eq!(chain.clone().apply(&beyond).unwrap_err().reason, Reason::SignatureOrder);
    // A key listed twice would let its owner sign twice under two indices.
    by_shared.keys = KeySet::new(2, vec![key(10).public(), key(10).public()]);
    assert_eq!(refused(&chain, &by_shared, &[key(10)]), Reason::KeySet);
}

#[test]
fn a_superfluous_bad_signature_is_refused_too() {
    let (mut chain, _) = chain_of(1);
    let mut to_shared = draft(1, vec![]);
    to_shared.next = Some(shared(2).digest());
    append(&mut chain, &to_shared, &[key(1)]).unwrap();
    let mut by_shared = draft(2, vec![]);
    by_shared.keys = shared(2);
    let mut frame = encode(&chain, &by_shared, &[10, 11, 12].map(key));
    *frame.last_mut().unwrap() ^= 1;
    assert_eq!(chain.apply(&frame).unwrap_err().reason, Reason::BadSignature);
}

#[test]
fn recovery_only_through_its_commitment() {
    let (chain, _) = chain_of(3);
    let mut recover = draft(3, vec![]);
    recover.kind = Kind::Recovery;
    assert_eq!(refused(&chain, &recover, &[key(3)]), Reason::KeysNotCommitted);
    recover.keys = recovery(0);
    recover.next = Some(set(50).digest());
    recover.recovery = Some(recovery(1).digest());
    let mut recovered = chain.clone();
    append(&mut recovered, &recover, &[recovery_key(0)]).unwrap();
    // The keys that were next before are worth nothing now.
    let old = draft(4, vec![]);
    let mut old_keys = old.clone();
    old_keys.keys = set(3);
    assert_eq!(refused(&recovered, &old_keys, &[key(3)]), Reason::KeysNotCommitted);
    let mut new = draft(4, vec![]);
    new.keys = set(50);
    assert_eq!(refused(&recovered, &new, &[key(50)]), Reason::RecoveryChanged);
    new.recovery = Some(recovery(1).digest());
    append(&mut recovered, &new, &[key(50)]).unwrap();
    // Recovery keys do not sign ordinary events.
    let mut ordinary = draft(3, vec![]);
    ordinary.keys = recovery(0);
    ordinary.recovery = None;
    assert_eq!(refused(&chain, &ordinary, &[recovery_key(0)]), Reason::KeysNotCommitted);
}

#[test]
fn recovery_commitment_is_set_once_and_changed_only_by_recovery() {
    let (chain, _) = chain_of(2);
    for changed in [None, Some(recovery(5).digest())] {
        let mut thief = draft(2, vec![]);
        thief.recovery = changed;
        assert_eq!(refused(&chain, &thief, &[key(2)]), Reason::RecoveryChanged);
    }
    let mut start = draft(0, vec![]);
    start.recovery = None;
    let (frame, anchor) = first(&start, &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&frame).unwrap();
    let mut recover = draft(1, vec![]);
    recover.kind = Kind::Recovery;
    assert_eq!(refused(&chain, &recover, &[key(1)]), Reason::NoRecovery);
    append(&mut chain, &draft(1, vec![]), &[key(1)]).unwrap();
}

#[test]
fn a_revoked_chain_stays_revoked() {
    let (chain, _) = chain_of(3);
    for (keys, signer) in [(set(3), key(3)), (recovery(0), recovery_key(0))] {
        let mut revoke = draft(3, vec![]);
        revoke.kind = Kind::Revocation;
        revoke.keys = keys;
        assert_eq!(refused(&chain, &revoke, std::slice::from_ref(&signer)), Reason::Kind);
        revoke.next = None;
        revoke.recovery = None;
        let mut chain = chain.clone();
        append(&mut chain, &revoke, &[signer]).unwrap();
        assert_eq!(refused(&chain, &draft(4, vec![]), &[key(4)]), Reason::Revoked);
        let mut recover = draft(4, vec![]);
        recover.kind = Kind::Recovery;
        recover.keys = recovery(0);
        recover.recovery = None;
        assert_eq!(refused(&chain, &recover, &[recovery_key(0)]), Reason::Revoked);
    }
    let mut stranger = draft(3, vec![]);
    stranger.kind = Kind::Revocation;
    stranger.keys = set(77);
    stranger.next = None;
    assert_eq!(refused(&chain, &stranger, &[key(77)]), Reason::KeysNotCommitted);
}

#[test]
fn only_a_revocation_ends_a_chain() {
    let (chain, _) = chain_of(1);
    let mut endless = draft(1, vec![]);
    endless.next = None;
    assert_eq!(refused(&chain, &endless, &[key(1)]), Reason::Kind);
    for kind in [Kind::Recovery, Kind::Revocation] {
        let mut start = draft(0, vec![]);
        start.kind = kind;
        assert_eq!(first(&start, &[key(0)]).unwrap_err().reason, Reason::Kind);
    }
}

#[test]
fn registers_follow_their_kinds_rules() {
    let writes = vec![pointer("volume", 1, 3), release("nav", [1, 2, 3], "qemu"), item("log", 1)];
    let (frame, anchor) = first(&draft(0, writes), &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&frame).unwrap();
    let rule = |write| match refused(&chain, &draft(1, vec![write]), &[key(1)]) {
        Reason::Register(rule) => rule,
        other => panic!("{other:?}"),
    };
    assert_eq!(rule(pointer("volume", 2, 3)), Rule::GenerationNotHigher);
    assert_eq!(rule(pointer("volume", 2, 2)), Rule::GenerationNotHigher);
    assert_eq!(rule(release("nav", [1, 2, 3], "qemu")), Rule::VersionNotHigher);
    assert_eq!(rule(release("nav", [1, 1, 9], "qemu")), Rule::VersionNotHigher);
    assert_eq!(rule(release("nav", [2, 0, 0], "zynqmp")), Rule::Platform);
    assert_eq!(rule(pointer("nav", 2, 9)), Rule::KindChanged);
    assert_eq!(rule(item("nav", 2)), Rule::KindChanged);
    assert_eq!(rule(item("volume", 2)), Rule::KindChanged);
    assert_eq!(rule(release("log", [9, 0, 0], "qemu")), Rule::KindChanged);
    assert_eq!(rule(pointer("log", 2, 9)), Rule::KindChanged);

    let writes = vec![pointer("volume", 2, 9), release("nav", [1, 3, 0], "qemu"), item("log", 2)];
    append(&mut chain, &draft(1, writes), &[key(1)]).unwrap();
    let proven = chain.proven().unwrap();
    let Some(Value::List { count: 2, digest }) = proven.register("log") else { panic!() };
    let list =
        |before: Digest, byte| crate::digest::Domain::List.digest(&[before.0, [byte; 32]].concat());
    assert_eq!(digest, list(list(Digest::ZERO, 1), 2));
    let Some(Value::Release(nav)) = proven.register("nav") else { panic!() };
    assert_eq!(nav.version.to_string(), "1.3.0");
    let names: Vec<_> = proven.registers().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["log", "nav", "volume"]);
}

#[test]
fn a_register_is_written_once_per_event() {
    let (chain, _) = chain_of(1);
    let twice = vec![pointer("a", 1, 1), pointer("a", 2, 2)];
    assert_eq!(refused(&chain, &draft(1, twice), &[key(1)]), Reason::Register(Rule::Order));
}

#[test]
fn a_chain_has_at_most_32_registers() {
    let names = |from: u8, count: u8| {
        (from..from + count).map(|n| pointer(&std::format!("r{n:03}"), n, 1)).collect::<Vec<_>>()
    };
    let (frame, anchor) = first(&draft(0, names(0, 16)), &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&frame).unwrap();
    append(&mut chain, &draft(1, names(16, 15)), &[key(1)]).unwrap();
    let full = refused(&chain, &draft(2, names(31, 2)), &[key(2)]);
    assert_eq!(full, Reason::Register(Rule::TableFull));
    append(&mut chain, &draft(2, names(31, 1)), &[key(2)]).unwrap();
    append(&mut chain, &draft(3, vec![pointer("r000", 9, 2)]), &[key(3)]).unwrap();
    let proven = chain.proven().unwrap();
    assert_eq!(proven.registers().iter().count(), 32);
    for n in 0..32_u8 {
        let value = proven.register(&std::format!("r{n:03}"));
        let expected = if n == 0 { (9, 2) } else { (n, 1) };
        let root = Digest([expected.0; 32]);
        assert_eq!(value, Some(Value::Pointer { root, generation: expected.1 }));
    }
}

#[test]
fn registers_must_be_those_the_signers_saw() {
    // An honest signature over a state that the writes do not lead to: a buggy or lying writer.
    let (chain, _) = chain_of(2);
    let (other, _) = {
        let (frame, anchor) = first(&draft(0, vec![]), &[key(0)]).unwrap();
        let mut chain = Chain::new(anchor);
        chain.apply(&frame).unwrap();
        (chain, frame)
    };
    let body_with_other_state =
        crate::write::encode_on(&chain, &other, &draft(2, vec![]), &[key(2)]);
    assert_eq!(chain.clone().apply(&body_with_other_state).unwrap_err().reason, Reason::State);
}

#[cfg(not(feature = "ml-dsa"))]
#[test]
fn algorithms_not_built_in_are_named_and_refused() {
    let (mut chain, _) = chain_of(1);
    let strong = strong_key(Algorithm::MlDsa44, 2);
    let mut to_strong = draft(1, vec![]);
    to_strong.next = Some(KeySet::single(strong.public()).digest());
    append(&mut chain, &to_strong, &[key(1)]).unwrap();
    let mut by_strong = draft(2, vec![]);
    by_strong.keys = KeySet::single(strong.public());
    let reason = refused(&chain, &by_strong, &[strong]);
    assert_eq!(reason, Reason::AlgorithmUnsupported(Algorithm::MlDsa44));
    assert_eq!(reason.to_string(), "ML-DSA-44 not supported");
}

fn strong_key(algorithm: Algorithm, index: u64) -> SecretKey {
    SecretKey::derive_for(algorithm, &MASTER, index)
}

/// A chain of two events whose third has to come from `keys`.
#[cfg(feature = "ml-dsa")]
fn chain_to(keys: &KeySet) -> (Chain, Draft) {
    let (mut chain, _) = chain_of(1);
    let mut to = draft(1, vec![]);
    to.next = Some(keys.digest());
    append(&mut chain, &to, &[key(1)]).unwrap();
    let mut by = draft(2, vec![]);
    by.keys = keys.clone();
    (chain, by)
}

#[cfg(feature = "ml-dsa")]
const STRONG: [Algorithm; 4] =
    [Algorithm::MlDsa44, Algorithm::HybridMlDsa44, Algorithm::MlDsa65, Algorithm::HybridMlDsa65];

#[cfg(feature = "ml-dsa")]
#[test]
fn every_algorithm_signs_and_every_part_of_its_signature_counts() {
    for algorithm in STRONG {
        let signer = strong_key(algorithm, 2);
        let (chain, by) = chain_to(&KeySet::single(signer.public()));
        let frame = encode(&chain, &by, std::slice::from_ref(&signer));
        chain.clone().apply(&frame).unwrap();
        // One bit in each half of a hybrid, first and last byte of the others.
        let signature = frame.len() - algorithm.signature_bytes();
        for place in [signature, signature + 63, signature + 64, signature + 70, frame.len() - 1] {
            let mut bad = frame.clone();
            bad[place] ^= 1;
            let error = chain.clone().apply(&bad).unwrap_err();
            assert_eq!(error.reason, Reason::BadSignature, "{algorithm} byte {place}");
        }
    }
}

#[cfg(feature = "ml-dsa")]
#[test]
fn a_chain_never_goes_back_to_a_weaker_algorithm() {
    for algorithm in STRONG {
        let signer = strong_key(algorithm, 2);
        let (mut chain, mut by) = chain_to(&KeySet::single(signer.public()));
        by.next = Some(set(3).digest());
        append(&mut chain, &by, std::slice::from_ref(&signer)).unwrap();
        assert_eq!(refused(&chain, &draft(3, vec![]), &[key(3)]), Reason::AlgorithmWeaker);
    }
    // A set is as strong as its weakest key.
    let mixed = KeySet::new(1, vec![strong_key(Algorithm::MlDsa65, 2).public(), key(2).public()]);
    let (mut chain, by) = chain_to(&mixed);
    append(&mut chain, &by, &[key(2)]).unwrap();
    append(&mut chain, &draft(3, vec![]), &[key(3)]).unwrap();
}

#[cfg(feature = "ml-dsa")]
#[test]
fn two_of_three_ml_dsa_65_fit_one_event() {
    let signers: Vec<_> = (2..5).map(|n| strong_key(Algorithm::HybridMlDsa65, n)).collect();
    let keys = KeySet::new(2, signers.iter().map(SecretKey::public).collect());
    let (mut chain, mut by) = chain_to(&keys);
    by.writes = (0..16).map(|n| pointer(&std::format!("r{n:02}"), n, 1)).collect();
    append(&mut chain, &by, &signers[1..]).unwrap();
}

#[test]
fn one_frame_at_a_time_and_no_more() {
    let (made, frames) = chain_of(2);
    let mut chain = Chain::new(made.proven().unwrap().anchor());
    let error = chain.apply(&frames.concat()).unwrap_err();
    assert_eq!(error.reason, Reason::Encoding(Problem::Trailing));
    assert_eq!(error.offset, frames[0].len() as u64);
    let error = chain.apply(&frames[0][..9]).unwrap_err();
    assert_eq!(error.reason, Reason::Encoding(Problem::Truncated));
    let error = chain.replay(&frames.concat()[..frames[0].len() + 9]).unwrap_err();
    assert_eq!((error.event, error.reason), (1, Reason::Encoding(Problem::Truncated)));
}
