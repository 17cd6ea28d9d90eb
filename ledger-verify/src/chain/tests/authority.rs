//! Who may sign: commitments, thresholds, recovery, revocation, algorithms.

use super::*;
#[cfg(not(feature = "ml-dsa"))]
use crate::log::{
    self,
    note::{Key, KeyType},
};

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
    let signature = forged.len() - 34 - 64;
    forged[signature..signature + 64].fill(0);
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
    // Two signatures of 1 + 1 + 2 + 64 + 2 + 32 bytes stand at the end.
    let second = frame.len() - 102;
    let first = second - 102;
    let mut twice = frame.clone();
    twice.copy_within(first..second, second);
    assert_eq!(chain.clone().apply(&twice).unwrap_err().reason, Reason::SignatureOrder);
    let mut beyond = frame.clone();
    beyond[second + 1] = 3;
    assert_eq!(chain.clone().apply(&beyond).unwrap_err().reason, Reason::SignatureOrder);
    beyond[second + 1] = 8;
    let out_of_range = Reason::Encoding(Problem::OutOfRange);
    assert_eq!(split(&beyond).unwrap_err(), (second + 1, out_of_range));
    assert_eq!(chain.clone().replay(&beyond).unwrap_err().reason, out_of_range);
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
    let signature = frame.len() - 40;
    frame[signature] ^= 1;
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

/// What the owner signs with the recovery key, in place of event `index` or on top of a thief's.
fn recovery_at(index: u64) -> Draft {
    let mut recover = draft(index, vec![]);
    recover.kind = Kind::Recovery;
    recover.keys = recovery(0);
    recover.next = Some(set(50).digest());
    recover.recovery = Some(recovery(1).digest());
    recover
}

#[test]
fn a_thief_does_not_lock_the_recovery_keys_out_by_asking_for_stronger_ones() {
    let (mut chain, _) = chain_of(3);
    let weakest = Algorithm::HybridMlDsa65;
    let policy = WriteValue::Policy(Policy { weakest, age_max_s: 0 });
    let theft = draft(3, vec![Write { name: Name::new("policy").unwrap(), value: policy }]);
    append(&mut chain, &theft, &[key(3)]).unwrap();
    assert_eq!(refused(&chain, &draft(4, vec![]), &[key(4)]), Reason::AlgorithmWeaker);
    let revoke = Draft { kind: Kind::Revocation, next: None, recovery: None, ..recovery_at(4) };
    append(&mut chain.clone(), &revoke, &[recovery_key(0)]).unwrap();
    append(&mut chain, &recovery_at(4), &[recovery_key(0)]).unwrap();
    // What the chain asks for of other keys stays.
    let weak = Draft { keys: set(50), recovery: Some(recovery(1).digest()), ..draft(5, vec![]) };
    assert_eq!(refused(&chain, &weak, &[key(50)]), Reason::AlgorithmWeaker);
}

#[cfg(feature = "ml-dsa")]
#[test]
#[cfg_attr(miri, ignore = "ML-DSA keys and signatures made by another crate")]
fn a_thief_does_not_lock_the_recovery_keys_out_by_signing_with_stronger_ones() {
    let signer = strong_key(Algorithm::HybridMlDsa44, 2);
    let (mut chain, mut theft) = chain_to(&KeySet::single(signer.public()));
    theft.next = Some(KeySet::single(strong_key(Algorithm::HybridMlDsa44, 3).public()).digest());
    append(&mut chain, &theft, std::slice::from_ref(&signer)).unwrap();
    append(&mut chain, &recovery_at(3), &[recovery_key(0)]).unwrap();
    // The chain is as strong as the keys that recovered it.
    let next = Draft { keys: set(50), recovery: Some(recovery(1).digest()), ..draft(4, vec![]) };
    append(&mut chain, &next, &[key(50)]).unwrap();
}

#[test]
fn a_recovery_brings_back_the_time() {
    let (mut chain, _) = chain_of(3);
    let theft = Draft { time_s: u64::MAX, ..draft(3, vec![]) };
    append(&mut chain, &theft, &[key(3)]).unwrap();
    assert_eq!(refused(&chain, &draft(4, vec![]), &[key(4)]), Reason::Time);
    let revoke = Draft { kind: Kind::Revocation, next: None, recovery: None, ..draft(4, vec![]) };
    assert_eq!(refused(&chain, &revoke, &[key(4)]), Reason::Time);
    append(&mut chain, &recovery_at(4), &[recovery_key(0)]).unwrap();
    assert_eq!(chain.proven().unwrap().head().time_s, 1_004);
}

#[test]
fn a_recovery_goes_on_under_another_name_than_a_pointer_at_its_end() {
    let (mut chain, _) = chain_of(3);
    let theft = draft(3, vec![pointer("volume", 9, u64::MAX)]);
    append(&mut chain, &theft, &[key(3)]).unwrap();
    let back = Draft { writes: vec![pointer("volume", 3, 4)], ..recovery_at(4) };
    let rule = Reason::Register(Rule::GenerationNotHigher);
    assert_eq!(refused(&chain, &back, &[recovery_key(0)]), rule);
    let renamed = Draft { writes: vec![pointer("volume/2", 3, 4)], ..recovery_at(4) };
    append(&mut chain, &renamed, &[recovery_key(0)]).unwrap();
    assert_eq!(chain.proven().unwrap().pointer("volume/2"), Ok((Digest([3; 32]), 4)));
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
        assert!(!chain.proven().unwrap().is_revoked());
        append(&mut chain, &revoke, &[signer]).unwrap();
        assert!(chain.proven().unwrap().is_revoked());
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
    let reason = refused(&chain, &by_strong, std::slice::from_ref(&strong));
    assert_eq!(reason, Reason::AlgorithmUnsupported(Algorithm::MlDsa44));
    assert_eq!(reason.to_string(), "ML-DSA-44 not supported");
    // Nor is anything believed on half of a signature, or on none.
    for algorithm in STRONG {
        let signer = strong_key(algorithm, 2);
        let (public, signature) = (signer.public().bytes, signer.sign(b"message"));
        assert!(!algorithm.verify(&public, b"message", &signature), "{algorithm}");
    }
    let public = strong.public().bytes;
    let witness = Key::new("w.example", KeyType::CosignatureMlDsa44, &public);
    assert_eq!(witness.unwrap_err(), log::Reason::VerifierKey);
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

const STRONG: [Algorithm; 4] =
    [Algorithm::MlDsa44, Algorithm::HybridMlDsa44, Algorithm::MlDsa65, Algorithm::HybridMlDsa65];

#[cfg(feature = "ml-dsa")]
#[test]
#[cfg_attr(miri, ignore = "ML-DSA keys and signatures made by another crate")]
fn every_algorithm_signs_and_every_part_of_its_signature_counts() {
    for algorithm in STRONG {
        let signer = strong_key(algorithm, 2);
        let (chain, by) = chain_to(&KeySet::single(signer.public()));
        let frame = encode(&chain, &by, std::slice::from_ref(&signer));
        chain.clone().apply(&frame).unwrap();
        // One bit in each half of a hybrid, first and last byte of the others.
        let key = frame.len() - algorithm.public_bytes();
        let end = key - 3;
        let signature = end - algorithm.signature_bytes();
        for place in [signature, signature + 63, signature + 64, signature + 70, end - 1] {
            let mut bad = frame.clone();
            bad[place] ^= 1;
            let error = chain.clone().apply(&bad).unwrap_err();
            assert_eq!(error.reason, Reason::BadSignature, "{algorithm} byte {place}");
        }
        for place in [key, key + 31, key + 32, frame.len() - 1] {
            let mut bad = frame.clone();
            bad[place] ^= 1;
            let error = chain.clone().apply(&bad).unwrap_err();
            assert_eq!(error.reason, Reason::KeyUnknown, "{algorithm} byte {place}");
        }
    }
}

#[cfg(feature = "ml-dsa")]
#[test]
#[cfg_attr(miri, ignore = "ML-DSA keys and signatures made by another crate")]
fn a_chain_never_goes_back_to_a_weaker_algorithm() {
    for algorithm in STRONG {
        // A policy that asks for less allows nothing.
        for writes in [vec![], vec![registers::policy(Algorithm::Ed25519, 60)]] {
            let signer = strong_key(algorithm, 2);
            let (mut chain, mut by) = chain_to(&KeySet::single(signer.public()));
            (by.next, by.writes) = (Some(set(3).digest()), writes);
            append(&mut chain, &by, std::slice::from_ref(&signer)).unwrap();
            let mut weaker = draft(3, vec![]);
            assert_eq!(refused(&chain, &weaker, &[key(3)]), Reason::AlgorithmWeaker);
            (weaker.kind, weaker.next) = (Kind::Revocation, None);
            assert_eq!(refused(&chain, &weaker, &[key(3)]), Reason::AlgorithmWeaker);
        }
    }
    // A set is as strong as its weakest key.
    let mixed = KeySet::new(1, vec![strong_key(Algorithm::MlDsa65, 2).public(), key(2).public()]);
    let (mut chain, by) = chain_to(&mixed);
    append(&mut chain, &by, &[key(2)]).unwrap();
    append(&mut chain, &draft(3, vec![]), &[key(3)]).unwrap();
}

#[cfg(feature = "ml-dsa")]
#[test]
#[cfg_attr(miri, ignore = "ML-DSA keys and signatures made by another crate")]
fn eight_of_eight_of_the_largest_fit_one_event() {
    let signers: Vec<_> = (2..10).map(|n| strong_key(Algorithm::HybridMlDsa65, n)).collect();
    let keys = KeySet::new(8, signers.iter().map(SecretKey::public).collect());
    let (chain, mut by) = chain_to(&keys);
    by.writes = vec![release(&"n".repeat(48), [u32::MAX; 3], &"p".repeat(32))];
    let event = encode(&chain, &by, &signers);
    assert!(event.len() > 40_000);
    for piece_bytes in [1, 1000, event.len()] {
        let (mut chain, mut feed) = (chain.clone(), Feed::new());
        event.chunks(piece_bytes).for_each(|piece| feed.push(&mut chain, piece).unwrap());
        feed.end(&chain).unwrap();
        assert_eq!(chain.next_sequence(), 3);
    }
}

/// Whose signature is longer leaves less room for the body.
#[cfg(feature = "ml-dsa")]
#[test]
#[cfg_attr(miri, ignore = "ML-DSA keys and signatures made by another crate")]
fn a_body_and_its_longest_signature_have_4_kib_together() {
    let fits = |signer: SecretKey, count: u8, padding: usize| {
        let (chain, mut by) = chain_to(&KeySet::single(signer.public()));
        by.writes = (0..count).map(|n| pointer(&std::format!("r{n:02}"), n, 1)).collect();
        by.writes[0] = pointer(&std::format!("r00{}", "p".repeat(padding)), 0, 1);
        match chain.clone().apply(&encode(&chain, &by, &[signer])) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.reason, Reason::TooLong);
                false
            }
        }
    };
    // A body of 217 bytes, and 41 for each write; a name of 24 bytes has a longer head.
    for (algorithm, most, padding) in
        [(Algorithm::HybridMlDsa65, 12, 14), (Algorithm::MlDsa65, 13, 36)]
    {
        assert!(fits(strong_key(algorithm, 2), most, padding), "{algorithm}");
        assert!(!fits(strong_key(algorithm, 2), most, padding + 1), "{algorithm}");
        assert!(!fits(strong_key(algorithm, 2), most + 1, 0), "{algorithm}");
    }
    for algorithm in [Algorithm::Ed25519, Algorithm::MlDsa44, Algorithm::HybridMlDsa44] {
        assert!(fits(strong_key(algorithm, 2), 16, 0), "{algorithm}");
    }
}
