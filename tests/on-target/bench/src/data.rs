//! Chains and bundles to be verified, made by the test below from fixed keys.

use ledger_verify::algorithm::Algorithm;
use ledger_verify::chain::{Anchor, Event, split};
use ledger_verify::log::note::{Key, KeyType};

/// Events back to back, from a chain's first one on, each with one signature and one register write.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// What signs them.
    pub algorithm: Algorithm,
    /// The events.
    pub bytes: &'static [u8],
    /// How many.
    pub count: u64,
}

/// Signed with Ed25519.
pub const CHAIN: Events =
    Events { algorithm: Algorithm::Ed25519, bytes: include_bytes!("../data/chain.cbor"), count: 8 };
/// Signed with Ed25519 and ML-DSA-44.
pub const HYBRID: Events = Events {
    algorithm: Algorithm::HybridMlDsa44,
    bytes: include_bytes!("../data/hybrid.cbor"),
    count: 4,
};
/// Signed with Ed25519 and ML-DSA-65.
pub const HYBRID_65: Events = Events {
    algorithm: Algorithm::HybridMlDsa65,
    bytes: include_bytes!("../data/hybrid_65.cbor"),
    count: 2,
};

/// A bundle of one event, which releases `app` for the platform `bench`.
pub const BUNDLE: &[u8] = include_bytes!("../data/bundle.cbor");
/// The same, as number 0 of 2^20 entries of [`LOG`], cosigned by [`WITNESS`].
pub const LOGGED: &[u8] = include_bytes!("../data/logged.cbor");
/// The same, cosigned by [`WITNESS_ML_DSA`].
pub const LOGGED_ML_DSA: &[u8] = include_bytes!("../data/logged_ml_dsa.cbor");
/// What stands before the first event in these bundles.
pub const BUNDLE_HEAD_BYTES: usize = 4;
/// Size of the binary that is released; each of its bytes is [`MODULE_BYTE`].
pub const MODULE_BYTES: usize = 64 * 1024;
/// See [`MODULE_BYTES`].
pub const MODULE_BYTE: u8 = 0x5a;

/// A key that a device knows.
#[derive(Clone, Copy, Debug)]
pub struct KnownKey {
    name: &'static str,
    key_type: KeyType,
    public: &'static [u8],
}

/// The log's key.
pub const LOG: KnownKey = KnownKey {
    name: "log.example/bench",
    key_type: KeyType::Note,
    public: include_bytes!("../data/log.key"),
};
/// A witness that signs with Ed25519.
pub const WITNESS: KnownKey = KnownKey {
    name: "witness.example/bench",
    key_type: KeyType::CosignatureEd25519,
    public: include_bytes!("../data/witness.key"),
};
/// A witness that signs with ML-DSA-44.
pub const WITNESS_ML_DSA: KnownKey = KnownKey {
    name: "witness.example/bench",
    key_type: KeyType::CosignatureMlDsa44,
    public: include_bytes!("../data/witness_ml_dsa.key"),
};

impl KnownKey {
    /// The key, as a policy has it; nothing if it is none.
    #[must_use]
    pub fn key(&self) -> Option<Key<'static>> {
        Key::new(self.name, self.key_type, self.public).ok()
    }
}

/// The anchor at the first of `events`; nothing if they are none.
#[must_use]
pub fn first_anchor(events: &[u8]) -> Option<Anchor> {
    let (parts, _) = split(events).ok()?;
    Event::parse(parts.body).ok().map(|event| event.position())
}

/// A signature that an event carries.
#[derive(Clone, Copy, Debug)]
pub struct Signed {
    /// What signed.
    pub algorithm: Algorithm,
    /// The signer's key.
    pub public: &'static [u8],
    /// The signature.
    pub signature: &'static [u8],
    /// What is signed: `docs/ledger.md`, "Signature chains".
    pub message: [u8; 53],
}

/// The signature of the first of `events`; nothing if they are none.
#[must_use]
pub fn first_signature(events: Events) -> Option<Signed> {
    let Events { algorithm, bytes, .. } = events;
    let (parts, _) = split(bytes).ok()?;
    // At the end of an event: the signature, the head of the key in CBOR, the key.
    let (before, public) = split_last(parts.event, algorithm.public_bytes())?;
    let head_bytes = if algorithm.public_bytes() < 256 { 2 } else { 3 };
    let (before, _head) = split_last(before, head_bytes)?;
    let (_, signature) = split_last(before, algorithm.signature_bytes())?;
    let mut message = *b"cairn chain event v2\n................................";
    message.last_chunk_mut::<32>()?.copy_from_slice(&Event::parse(parts.body).ok()?.digest.0);
    Some(Signed { algorithm, public, signature, message })
}

fn split_last(bytes: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len().checked_sub(count)?)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use ledger_verify::Digest;
    use ledger_verify::bundle::Reader;
    use ledger_verify::chain::{Chain, Kind};
    use ledger_verify::log::checkpoint::Policy;
    use ledger_verify::log::proof::Proof;
    use ledger_verify::log::tree::{leaf_hash, node_hash};
    use ledger_verify::registers::{HashKind, Name, Platform, Release, Version, Write, WriteValue};
    use ledger_verify::write::log::{NoteSigner, checkpoint_text, proof_text};
    use ledger_verify::write::{Draft, KeySet, SecretKey, append, bundle, first, log_entry};
    use std::string::String;
    use std::vec::Vec;
    use std::{fs, vec};

    fn chain(algorithm: Algorithm, count: u64, write: impl Fn(u64) -> Write) -> Vec<u8> {
        let key = |event| SecretKey::derive_for(algorithm, &[7; 32], event);
        let draft = |event| Draft {
            kind: Kind::Ordinary,
            time_s: event,
            keys: KeySet::single(key(event).public()),
            next: Some(KeySet::single(key(event + 1).public()).digest()),
            recovery: None,
            writes: vec![write(event)],
        };
        let (mut events, anchor) = first(&draft(0), &[key(0)]).unwrap();
        let mut chain = Chain::new(anchor);
        chain.apply(&events).unwrap();
        for event in 1..count {
            events.extend(append(&mut chain, &draft(event), &[key(event)]).unwrap());
        }
        events
    }

    fn pointer(event: u64) -> Write {
        let value = WriteValue::Pointer { root: Digest([9; 32]), generation: event + 1 };
        Write { name: Name::new("volume/demo").unwrap(), value }
    }

    fn release(_: u64) -> Write {
        let module = vec![MODULE_BYTE; MODULE_BYTES];
        let value = WriteValue::Release(Release {
            version: Version([1, 0, 0]),
            platform: Platform::new("bench").unwrap(),
            hash: HashKind::Blake3,
            digest: Digest(*blake3::hash(&module).as_bytes()),
            size_bytes: module.len() as u64,
            capabilities: 0,
        });
        Write { name: Name::new("app").unwrap(), value }
    }

    fn secret(known: KnownKey) -> SecretKey {
        SecretKey::derive_for(known.key_type.algorithm(), &[8; 32], known.name.len() as u64)
    }

    fn sign(known: KnownKey, text: &str) -> String {
        NoteSigner::new(known.name, known.key_type, secret(known)).unwrap().sign(text, 9).unwrap()
    }

    /// Proof that the only one of `events` is the first of 2^20 entries.
    fn logged(events: &[u8], witness: KnownKey) -> String {
        let others: Vec<_> = (0..20).map(|level| Digest([level; 32])).collect();
        let leaf = leaf_hash(&log_entry(&first_anchor(events).unwrap()));
        let root = others.iter().fold(leaf, |node, other| node_hash(&node, other));
        let text = checkpoint_text(LOG.name, 1 << 20, &root);
        let signatures = sign(LOG, &text) + &sign(witness, &text);
        proof_text(0, &others, &std::format!("{text}\n{signatures}"))
    }

    /// `WRITE_DATA=1` writes the files anew, after a change of format.
    #[test]
    fn data_is_what_the_writing_side_makes() {
        let released = chain(Algorithm::Ed25519, 1, release);
        let proven = |witness| {
            let proof = logged(&released, witness);
            bundle(None, &released, Some(&Proof::parse(proof.as_bytes()).unwrap())).unwrap()
        };
        let chain = |events: Events| chain(events.algorithm, events.count, pointer);
        for (name, committed, made) in [
            ("chain.cbor", CHAIN.bytes, chain(CHAIN)),
            ("hybrid.cbor", HYBRID.bytes, chain(HYBRID)),
            ("hybrid_65.cbor", HYBRID_65.bytes, chain(HYBRID_65)),
            ("bundle.cbor", BUNDLE, bundle(None, &released, None).unwrap()),
            ("logged.cbor", LOGGED, proven(WITNESS)),
            ("logged_ml_dsa.cbor", LOGGED_ML_DSA, proven(WITNESS_ML_DSA)),
            ("log.key", LOG.public, secret(LOG).public().bytes),
            ("witness.key", WITNESS.public, secret(WITNESS).public().bytes),
            ("witness_ml_dsa.key", WITNESS_ML_DSA.public, secret(WITNESS_ML_DSA).public().bytes),
        ] {
            let path = std::format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("WRITE_DATA").is_some() {
                fs::write(&path, &made).unwrap();
            } else {
                assert!(committed == made, "{path}: run this test with WRITE_DATA=1");
            }
        }
    }

    #[test]
    fn signatures_are_those_of_the_first_events() {
        for events in [CHAIN, HYBRID, HYBRID_65] {
            let Signed { algorithm, public, signature, message } = first_signature(events).unwrap();
            assert!(algorithm.verify(public, &message, signature));
        }
    }

    #[test]
    fn bundles_need_their_keys() {
        for (bundle, witness) in [(LOGGED, WITNESS), (LOGGED_ML_DSA, WITNESS_ML_DSA)] {
            for (known, is_proven) in [(witness, true), (LOG, false)] {
                let witnesses = [known.key().unwrap()];
                let log = LOG.key().unwrap();
                let policy = Policy { log, witnesses: &witnesses, witnesses_wanted: 1 };
                let anchor = first_anchor(&bundle[BUNDLE_HEAD_BYTES..]).unwrap();
                let (mut chain, mut reader) = (Chain::new(anchor), Reader::new(Some(policy)));
                let read = reader.push(&mut chain, bundle).and_then(|()| reader.end());
                assert_eq!(read.ok(), is_proven.then_some(Some(9)));
            }
        }
    }
}
