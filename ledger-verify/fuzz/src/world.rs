//! The genuine things that targets measure their input against, made once from fixed secrets.

use std::sync::LazyLock;

use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::chain::{Anchor, Chain, Kind};
use ledger_verify::digest::Domain;
use ledger_verify::log::checkpoint::Policy;
use ledger_verify::log::note::{Key, KeyType};
use ledger_verify::registers::{
    HashKind, Name, Platform, Policy as Rule, Release, Version, Write, WriteValue,
};
use ledger_verify::write::log::{NoteSigner, base64};
use ledger_verify::write::{Draft, KeySet, SecretKey, append, first, log_entry, registers};

use super::rfc6962::{leaf, path, root};

/// A chain of three events, a log that holds the last one, two witnesses.
pub struct World {
    /// The events.
    pub events: Vec<Vec<u8>>,
    /// Position and registers after each event.
    pub states: Vec<(Anchor, Vec<Vec<u8>>)>,
    /// The last of these positions.
    pub anchor: Anchor,
    /// Hash of the last event's log entry.
    pub leaf: Digest,
    /// Number of that entry in the log.
    pub index: u64,
    /// Every checkpoint text that was signed.
    pub texts: Vec<String>,
    /// The last checkpoint, with all signatures.
    pub checkpoint: String,
    /// An offline proof of the last event's entry.
    pub proof: String,
    log: Key<'static>,
    witnesses: [Key<'static>; 2],
    /// A key of each algorithm, and its signature of `message`.
    pub signatures: [(Vec<u8>, Vec<u8>); 5],
    /// Verifier keys of the log and of both witnesses.
    pub verifier_keys: Vec<String>,
}

const LOG: &str = "log.example/cairn";
const WITNESSES: [(&str, KeyType); 2] =
    [("w1.example", KeyType::CosignatureEd25519), ("w2.example", KeyType::CosignatureMlDsa44)];

/// The only world there is.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(make);
    &WORLD
}

impl World {
    /// What a device trusts that wants so many witnesses.
    pub fn policy(&'static self, witnesses_wanted: usize) -> Policy<'static> {
        Policy { log: self.log, witnesses: &self.witnesses, witnesses_wanted }
    }
}

/// A key of this algorithm.
pub fn signer(algorithm: Algorithm) -> SecretKey {
    SecretKey::derive_for(algorithm, &[5; 32], 0)
}

fn note_signer(name: &str, key_type: KeyType) -> &'static NoteSigner {
    let index = u64::from(name.as_bytes()[1]);
    let secret = SecretKey::derive_for(key_type.algorithm(), &[6; 32], index);
    // Lives as long as the world does, whose keys borrow from it.
    Box::leak(Box::new(NoteSigner::new(name, key_type, secret).unwrap()))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn writes(event: u64) -> Vec<Write> {
    let release = Release {
        version: Version([1, 0, u32::try_from(event).unwrap()]),
        platform: Platform::new("qemu_virt_aarch64").unwrap(),
        hash: HashKind::Blake3,
        digest: Digest([9; 32]),
        size_bytes: 65_536,
        capabilities: 3,
    };
    let pointer = WriteValue::Pointer { root: Digest([9; 32]), generation: event + 1 };
    let policy = Rule { weakest: Algorithm::Ed25519, age_max_s: 3600 };
    vec![
        Write { name: name("app"), value: WriteValue::Release(release) },
        Write {
            name: name("list"),
            value: WriteValue::Append(Digest([event.to_le_bytes()[0]; 32])),
        },
        Write { name: name("policy"), value: WriteValue::Policy(policy) },
        Write { name: name("volume/demo"), value: pointer },
    ]
}

fn draft(event: u64) -> Draft {
    let key = |event| KeySet::single(SecretKey::derive(&[5; 32], event).public());
    Draft {
        kind: Kind::Ordinary,
        time_s: 1_000_000 + event,
        keys: key(event),
        next: Some(key(event + 1).digest()),
        recovery: Some(key(1000).digest()),
        writes: writes(event),
    }
}

fn make() -> World {
    let key = |event| [SecretKey::derive(&[5; 32], event)];
    let (event, anchor) = first(&draft(0), &key(0)).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&event).unwrap();
    let state = |chain: &Chain| {
        let proven = chain.proven().unwrap();
        (proven.anchor(), registers(proven.registers()))
    };
    let (mut events, mut states) = (vec![event], vec![state(&chain)]);
    for event in 1..3 {
        events.push(append(&mut chain, &draft(event), &key(event)).unwrap());
        states.push(state(&chain));
    }

    let anchor = states[2].0;
    let entry = log_entry(&anchor);
    let entries = [b"other", &b"things"[..], &entry, b"last"];
    let leaves: Vec<_> = entries.iter().map(|entry| leaf(entry)).collect();
    let log = note_signer(LOG, KeyType::Note);
    let witnesses = WITNESSES.map(|(name, key_type)| note_signer(name, key_type));
    let texts: Vec<_> = (0..=4)
        .map(|size| format!("{LOG}\n{size}\n{}\n", base64(&root(&leaves[..size]).0)))
        .collect();
    let text = &texts[4];
    let mut checkpoint = format!("{text}\n{}", log.sign(text, 0).unwrap());
    for (witness, time_s) in witnesses.iter().zip([2_000_000, 1_999_999]) {
        checkpoint += &witness.sign(text, time_s).unwrap();
    }
    let hashes: String = path(2, &leaves).iter().map(|hash| base64(&hash.0) + "\n").collect();
    let proof = format!("c2sp.org/tlog-proof@v1\nindex 2\n{hashes}\n{checkpoint}");
    World {
        events,
        states,
        anchor,
        leaf: leaves[2],
        index: 2,
        texts,
        checkpoint,
        proof,
        log: log.key().unwrap(),
        witnesses: witnesses.map(|witness| witness.key().unwrap()),
        signatures: [1, 2, 3, 4, 5].map(|number| {
            let key = signer(Algorithm::from_number(number).unwrap());
            (key.public().bytes, key.sign(b"message"))
        }),
        verifier_keys: [log].iter().chain(&witnesses).map(|s| s.verifier_key().unwrap()).collect(),
    }
}

/// The head of a CBOR item, in its shortest form.
pub fn encode_head(major: u8, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let (info, width) = match value {
        0..24 => (bytes[7], 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    [&[major << 5 | info], &bytes[8 - width..]].concat()
}

/// A signed first event after which there is one register, whatever that is, and its anchor.
pub fn vouch_for(register: &[u8]) -> (Vec<u8>, Anchor) {
    let bytes = |bytes: &[u8]| [&encode_head(2, bytes.len() as u64), bytes].concat();
    let key = signer(Algorithm::Ed25519);
    let keys = [&[0x82, 1, 0x81, 0x82, 1][..], &bytes(&key.public().id().0)].concat();
    let next = bytes(&[1; 32]);
    let state = bytes(&Domain::State.digest(&[&[0x81], register].concat()).0);
    let null = [0xf6];
    // version, kind, chain, sequence, previous, time, keys, next, recovery, state, writes
    let head = [0x8b, 2, 0, null[0], 0, null[0], 0];
    let body = [&head[..], &keys, &next, &null, &state, &[0x80]].concat();
    let digest = Domain::Event.digest(&body);
    let signature = key.sign(&[b"cairn chain event v2\n", &digest.0[..]].concat());
    let signed = [&bytes(&signature)[..], &bytes(&key.public().bytes)].concat();
    let event = [&[0x82][..], &bytes(&body), &[0x81, 0x83, 0], &signed].concat();
    (event, Anchor::first(digest))
}
