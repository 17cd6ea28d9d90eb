//! Events that a well-meaning writer never makes, with signatures that verify: what an owner, or a
//! thief of its keys, could try.

use super::*;
use crate::cbor::{Sink, array, bytes, null, text, unsigned};
use crate::digest::Domain;
use crate::write::{PublicKey, seal};

/// The fields of an event's body, each encoded by itself, so that each can be spoiled.
struct Body {
    fields: Vec<Vec<u8>>,
    signer: SecretKey,
}

const KIND: usize = 1;
const CHAIN: usize = 2;
const SEQUENCE: usize = 3;
const PREVIOUS: usize = 4;
const TIME: usize = 5;
const KEYS: usize = 6;
const NEXT: usize = 7;
const RECOVERY: usize = 8;
const STATE: usize = 9;
const WRITES: usize = 10;

/// The event that follows `chain`, signed by anybody's key.
pub(super) fn event_by(chain: &Chain, signer: &SecretKey) -> Vec<u8> {
    let body = Body::after(chain).with(KEYS, key_set(1, &[signer.public()]));
    Body { signer: signer.clone(), ..body }.frame()
}

/// The event that follows `chain`, but for the chain that it names.
pub(super) fn event_of(chain: &Chain, id: Digest) -> Vec<u8> {
    Body::after(chain).with(CHAIN, digest_or_null(Some(id))).frame()
}

/// The event that follows `chain`, but for its number.
pub(super) fn event_at(chain: &Chain, sequence: u64) -> Vec<u8> {
    Body::after(chain).with(SEQUENCE, encoded(|sink| unsigned(sink, sequence))).frame()
}

fn encoded(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut encoded = Vec::new();
    put(&mut encoded);
    encoded
}

fn digest_or_null(digest: Option<Digest>) -> Vec<u8> {
    encoded(|sink| match digest {
        Some(digest) => bytes(sink, &digest.0),
        None => null(sink),
    })
}

impl Body {
    /// The event that follows `chain`, without writes.
    fn after(chain: &Chain) -> Self {
        let sequence = chain.next_sequence();
        let head = chain.head();
        let fields = vec![
            encoded(|sink| unsigned(sink, VERSION)),
            encoded(|sink| unsigned(sink, 0)),
            digest_or_null(head.map(|head| head.position.chain)),
            encoded(|sink| unsigned(sink, sequence)),
            digest_or_null(head.map(|head| head.position.digest)),
            encoded(|sink| unsigned(sink, sequence.saturating_add(1_000))),
            key_set(1, &[key(sequence).public()]),
            digest_or_null(Some(set(sequence.wrapping_add(1)).digest())),
            digest_or_null(Some(recovery(0).digest())),
            encoded(|sink| bytes(sink, &chain.table().digest().0)),
            encoded(|sink| array(sink, 0)),
        ];
        Self { fields, signer: key(sequence) }
    }

    fn with(mut self, field: usize, value: Vec<u8>) -> Self {
        self.fields[field] = value;
        self
    }

    fn encode(&self) -> Vec<u8> {
        encoded(|sink| {
            array(sink, self.fields.len());
            self.fields.iter().for_each(|field| sink.put(field));
        })
    }

    fn frame(&self) -> Vec<u8> {
        seal(&self.encode(), &set_of(&self.signer), std::slice::from_ref(&self.signer))
    }

    /// Why `chain` refuses this event.
    fn refused(&self, chain: &Chain) -> Reason {
        chain.clone().apply(&self.frame()).unwrap_err().reason
    }
}

/// Why no chain takes this body, whoever signs it.
fn malformed(body: &[u8]) -> Reason {
    let (_, reason) = Event::parse(body).unwrap_err();
    reason
}

fn set_of(signer: &SecretKey) -> KeySet {
    KeySet::single(signer.public())
}

fn key_set(threshold: u64, keys: &[PublicKey]) -> Vec<u8> {
    encoded(|sink| {
        array(sink, 2);
        unsigned(sink, threshold);
        array(sink, keys.len());
        for key in keys {
            array(sink, 2);
            unsigned(sink, key.algorithm.number());
            bytes(sink, &key.id().0);
        }
    })
}

/// A body with one signature, by the first key.
fn signed(body: &[u8], signature: &[u8], public: &[u8]) -> Vec<u8> {
    encoded(|sink| {
        array(sink, 2);
        bytes(sink, body);
        array(sink, 1);
        array(sink, 3);
        unsigned(sink, 0);
        bytes(sink, signature);
        bytes(sink, public);
    })
}

/// Offsets of all heads in `encoded`, which has no items but those of our profile.
fn heads(encoded: &[u8]) -> Vec<usize> {
    let (mut heads, mut place) = (vec![], 0);
    while place < encoded.len() {
        heads.push(place);
        let (length, argument) = match encoded[place] & 0x1f {
            direct @ 0..=23 => (1, usize::from(direct)),
            24 => (2, usize::from(encoded[place + 1])),
            // Only numbers are larger here.
            larger => (1 + (1 << (larger - 24)), 0),
        };
        let is_string = matches!(encoded[place] >> 5, 2 | 3);
        place += if encoded[place] == 0xf6 { 1 } else { length };
        place += if is_string { argument } else { 0 };
    }
    heads
}

#[test]
fn the_builder_here_makes_events_that_are_accepted() {
    let (mut chain, _) = chain_of(2);
    chain.apply(&Body::after(&chain).frame()).unwrap();
}

#[test]
fn no_head_may_be_longer_than_it_has_to_be() {
    let (chain, _) = chain_of(2);
    let writes = encoded(|sink| {
        array(sink, 2);
        for write in [pointer("a", 1, 7), release("b", [1, 2, 3], "qemu")] {
            crate::registers::wire::put_write(sink, &write);
        }
    });
    let body = Body::after(&chain).with(WRITES, writes).encode();
    let heads = heads(&body);
    assert!(heads.len() > 30);
    for place in heads.into_iter().filter(|place| body[*place] != 0xf6) {
        let mut longer = body.clone();
        match body[place] & 0x1f {
            direct @ 0..=23 => {
                longer[place] = body[place] & 0xe0 | 24;
                longer.insert(place + 1, direct);
            }
            _ => {
                // Twice as many bytes, the new ones zero.
                let bytes = 1 << (body[place] % 32 - 24);
                longer[place] += 1;
                longer.splice(place + 1..place + 1, std::iter::repeat_n(0, bytes));
            }
        }
        let reason = malformed(&longer);
        assert_eq!(reason, Reason::Encoding(Problem::NotShortest), "byte {place}");
    }
}

#[test]
fn no_item_may_be_of_another_type_or_indefinite() {
    let (chain, _) = chain_of(2);
    let body = Body::after(&chain).encode();
    for place in heads(&body).into_iter().step_by(if cfg!(miri) { 4 } else { 1 }) {
        // Indefinite length, reserved, tag, map, negative, float, true.
        let head = body[place];
        for other in [head | 0x1f, head & 0xe0 | 28, 0xc2, 0xa1, 0x20, 0xfb, 0xf5] {
            let mut spoiled = body.clone();
            spoiled[place] = other;
            if other == head {
                continue;
            }
            let reason = malformed(&spoiled);
            assert_eq!(reason, Reason::Encoding(Problem::WrongType), "{place} {other:02x}");
        }
    }
}

#[test]
fn no_field_may_be_missing_or_added() {
    let (chain, _) = chain_of(2);
    let mut body = Body::after(&chain);
    body.fields.push(encoded(null));
    assert_eq!(body.refused(&chain), Reason::Encoding(Problem::OutOfRange));
    body.fields.truncate(10);
    assert_eq!(body.refused(&chain), Reason::Encoding(Problem::OutOfRange));
}

#[test]
fn unknown_versions_and_kinds_are_refused() {
    let (chain, _) = chain_of(2);
    for number in [0, 1, 3, u64::MAX] {
        let body = Body::after(&chain).with(0, encoded(|sink| unsigned(sink, number)));
        assert_eq!(body.refused(&chain), Reason::Version);
    }
    for number in [3, 255, u64::MAX] {
        let body = Body::after(&chain).with(KIND, encoded(|sink| unsigned(sink, number)));
        assert_eq!(body.refused(&chain), Reason::Kind);
    }
}

#[test]
fn a_later_event_cannot_pass_for_a_first_one_or_the_other_way_round() {
    let (chain, _) = chain_of(2);
    let none = || encoded(null);
    assert_eq!(Body::after(&chain).with(CHAIN, none()).refused(&chain), Reason::Kind);
    assert_eq!(Body::after(&chain).with(PREVIOUS, none()).refused(&chain), Reason::Kind);
    let zero = || encoded(|sink| unsigned(sink, 0));
    assert_eq!(Body::after(&chain).with(SEQUENCE, zero()).refused(&chain), Reason::Kind);
    let restart = Body::after(&chain).with(SEQUENCE, zero()).with(CHAIN, none());
    assert_eq!(restart.with(PREVIOUS, none()).refused(&chain), Reason::OtherChain);
    let blank = Chain::new(Anchor::first(Digest::ZERO));
    let linked = digest_or_null(Some(Digest([2; 32])));
    assert_eq!(malformed(&Body::after(&blank).with(PREVIOUS, linked).encode()), Reason::Kind);
    // The first event of a chain whose id is its digest, but with a number other than 0.
    let late = Body::after(&blank)
        .with(SEQUENCE, encoded(|sink| unsigned(sink, 1)))
        .with(CHAIN, digest_or_null(Some(Digest([1; 32]))))
        .with(PREVIOUS, digest_or_null(Some(Digest([2; 32]))));
    let id = Domain::Event.digest(&late.encode());
    assert_eq!(late.refused(&Chain::new(Anchor::first(id))), Reason::Sequence);
}

#[test]
fn numbers_end_without_wrapping() {
    // A chain whose last event has the last number: nothing can follow.
    let (made, _) = chain_of(1);
    let id = made.head().unwrap().position.chain;
    let last = |sequence: u64| {
        let mut body = Body::after(&made)
            .with(SEQUENCE, encoded(|sink| unsigned(sink, sequence)))
            .with(TIME, encoded(|sink| unsigned(sink, u64::MAX)));
        body.fields[NEXT] = digest_or_null(Some(set(7).digest()));
        let digest = Domain::Event.digest(&body.encode());
        (body.frame(), Anchor { chain: id, sequence, digest })
    };
    let (frame, anchor) = last(u64::MAX);
    let mut chain = Chain::new(anchor);
    resume(&mut chain, made.table(), &frame).unwrap();
    assert_eq!(chain.next_sequence(), u64::MAX);
    let mut follower = Body::after(&chain).with(TIME, encoded(|sink| unsigned(sink, u64::MAX)));
    follower.signer = key(7);
    follower.fields[KEYS] = key_set(1, &[key(7).public()]);
    for sequence in [0, u64::MAX] {
        follower.fields[SEQUENCE] = encoded(|sink| unsigned(sink, sequence));
        let expected = if sequence == 0 { Reason::Kind } else { Reason::Sequence };
        assert_eq!(follower.refused(&chain), expected);
    }
    // The last event but one is followed by the last, at the last second.
    let (frame, anchor) = last(u64::MAX - 1);
    let mut chain = Chain::new(anchor);
    resume(&mut chain, made.table(), &frame).unwrap();
    follower.fields[SEQUENCE] = encoded(|sink| unsigned(sink, u64::MAX));
    follower.fields[PREVIOUS] = digest_or_null(Some(anchor.digest));
    chain.apply(&follower.frame()).unwrap();
    follower.fields[TIME] = encoded(|sink| unsigned(sink, 0));
    chain = Chain::new(anchor);
    resume(&mut chain, made.table(), &frame).unwrap();
    assert_eq!(follower.refused(&chain), Reason::Time);
}

#[test]
fn a_pointer_at_its_last_generation_stays_there() {
    let (mut chain, _) = chain_of(1);
    append(&mut chain, &draft(1, vec![pointer("volume", 1, u64::MAX)]), &[key(1)]).unwrap();
    for generation in [0, 1, u64::MAX] {
        let draft = draft(2, vec![pointer("volume", 2, generation)]);
        let expected = Reason::Register(Rule::GenerationNotHigher);
        assert_eq!(refused(&chain, &draft, &[key(2)]), expected);
    }
}

#[test]
fn lists_of_keys_and_writes_have_their_limits() {
    let (chain, _) = chain_of(2);
    let out_of_range = Reason::Encoding(Problem::OutOfRange);
    let nine: Vec<_> = (0..9).map(|index| key(index).public()).collect();
    assert_eq!(Body::after(&chain).with(KEYS, key_set(1, &nine)).refused(&chain), out_of_range);
    assert_eq!(Body::after(&chain).with(KEYS, key_set(1, &[])).refused(&chain), out_of_range);
    assert_eq!(
        Body::after(&chain).with(KEYS, key_set(9, &nine[..8])).refused(&chain),
        out_of_range
    );
    let mut descending = [key(2).public(), key(3).public()];
    descending.sort_by_key(|key| std::cmp::Reverse(key.id()));
    assert_eq!(
        Body::after(&chain).with(KEYS, key_set(1, &descending)).refused(&chain),
        Reason::KeySet
    );
    let many: Vec<_> = (0..17).map(|n| pointer(&std::format!("r{n:02}"), n, 1)).collect();
    assert_eq!(refused(&chain, &draft(2, many), &[key(2)]), out_of_range);
}

#[test]
fn keys_are_as_long_as_their_algorithm_says() {
    let (chain, _) = chain_of(2);
    let body = Body::after(&chain).encode();
    let digest = Domain::Event.digest(&body);
    let signature = key(2).sign(&[&SIGNED_PREFIX[..], &digest.0].concat());
    let result = |signature_bytes, key_bytes| {
        let mut signature = signature.clone();
        signature.resize(signature_bytes, 7);
        let mut public = key(2).public().bytes;
        public.resize(key_bytes, 7);
        chain.clone().apply(&signed(&body, &signature, &public))
    };
    result(64, 32).unwrap();
    for (signature_bytes, key_bytes) in [(0, 32), (63, 32), (65, 32), (64, 0), (64, 31), (64, 33)] {
        let error = result(signature_bytes, key_bytes).unwrap_err();
        assert_eq!(error.reason, Reason::Encoding(Problem::OutOfRange));
    }
    for number in [0, 6, 255, u64::MAX] {
        let mut keys = key_set(1, &[key(2).public()]);
        // The algorithm follows three heads and the threshold.
        keys.splice(4..5, encoded(|sink| unsigned(sink, number)));
        let reason = Body::after(&chain).with(KEYS, keys).refused(&chain);
        assert_eq!(reason, Reason::AlgorithmUnknown);
    }
}

#[test]
fn register_writes_are_read_strictly() {
    let (chain, _) = chain_of(2);
    let one = |put: &dyn Fn(&mut Vec<u8>)| {
        let writes = encoded(|sink| {
            array(sink, 1);
            put(sink);
        });
        malformed(&Body::after(&chain).with(WRITES, writes).encode())
    };
    let name_and_kind = |sink: &mut Vec<u8>, fields, name: &str, kind| {
        array(sink, fields);
        text(sink, name);
        unsigned(sink, kind);
    };
    for name in ["with space", "caf\u{e9}", "nul\0", "tab\t", "\u{7f}"] {
        let reason = one(&|sink| name_and_kind(sink, 3, name, 3));
        assert_eq!(reason, Reason::Register(Rule::Name), "{name:?}");
    }
    for name in ["", &"n".repeat(49)] {
        let reason = one(&|sink| name_and_kind(sink, 3, name, 3));
        assert_eq!(reason, Reason::Encoding(Problem::OutOfRange), "{name:?}");
    }
    for kind in [0, 5, u64::MAX] {
        let reason = one(&|sink| name_and_kind(sink, 3, "name", kind));
        assert_eq!(reason, Reason::Register(Rule::Kind));
    }
    // Right kind, wrong number of fields: 3, 4 or 8 are right for some kind each.
    for (fields, kind) in [(3, 1), (4, 1), (3, 2), (8, 2), (4, 3), (8, 3), (3, 4), (8, 4), (5, 2)] {
        let name = if kind == 4 { "policy" } else { "name" };
        let reason = one(&|sink| name_and_kind(sink, fields, name, kind));
        assert_eq!(reason, Reason::Encoding(Problem::OutOfRange), "{fields} {kind}");
    }
    let release = |platform: &'static str, hash: u64, part: u64| {
        one(&|sink| {
            name_and_kind(sink, 8, "name", 1);
            array(sink, 3);
            unsigned(sink, 1);
            unsigned(sink, part);
            unsigned(sink, 1);
            text(sink, platform);
            unsigned(sink, hash);
            bytes(sink, &[1; 32]);
            unsigned(sink, 1);
            unsigned(sink, 1);
        })
    };
    assert_eq!(release("plat form", 1, 1), Reason::Register(Rule::Platform));
    assert_eq!(release("", 1, 1), Reason::Encoding(Problem::OutOfRange));
    assert_eq!(release("qemu", 0, 1), Reason::Register(Rule::Kind));
    assert_eq!(release("qemu", 3, 1), Reason::Register(Rule::Kind));
    assert_eq!(release("qemu", 1, 1 << 32), Reason::Encoding(Problem::OutOfRange));
    let policy = one(&|sink| {
        name_and_kind(sink, 4, "policy", 4);
        unsigned(sink, 6);
        unsigned(sink, 0);
    });
    assert_eq!(policy, Reason::Register(Rule::Kind));
}

#[test]
fn the_recovery_commitment_is_a_digest_or_nothing() {
    let (chain, _) = chain_of(2);
    let short = encoded(|sink| bytes(sink, &[1; 31]));
    let reason = Body::after(&chain).with(RECOVERY, short).refused(&chain);
    assert_eq!(reason, Reason::Encoding(Problem::OutOfRange));
}

#[test]
fn a_signature_of_something_else_is_none_of_an_event() {
    // The bare digest, or the digest behind another protocol's prefix.
    let (chain, _) = chain_of(2);
    let body = Body::after(&chain).encode();
    let digest = Domain::Event.digest(&body);
    let right = [&SIGNED_PREFIX[..], &digest.0].concat();
    for message in [
        digest.0.to_vec(),
        [&b"cosignature/v1\ntime 1\n"[..], &digest.0].concat(),
        body.clone(),
        right,
    ] {
        let event = signed(&body, &key(2).sign(&message), &key(2).public().bytes);
        let result = chain.clone().apply(&event);
        let is_right = message.starts_with(SIGNED_PREFIX);
        assert_eq!(result.is_ok(), is_right);
        assert!(is_right || result.unwrap_err().reason == Reason::BadSignature);
    }
}

#[test]
fn ed25519_signatures_are_not_malleable() {
    // S plus the group order verifies by the equation alone.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (chain, _) = chain_of(2);
    let mut frame = Body::after(&chain).frame();
    chain.clone().apply(&frame).unwrap();
    // The key, its head of two bytes, S.
    let s = frame.len() - 32 - 2 - 32;
    let mut carry = 0;
    for (byte, order) in frame[s..s + 32].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(chain.clone().apply(&frame).unwrap_err().reason, Reason::BadSignature);
}

#[test]
#[cfg_attr(miri, ignore = "hundreds of signatures")]
fn every_extension_of_an_event_is_refused() {
    let (chain, _) = chain_of(2);
    let frame = Body::after(&chain).frame();
    for place in 0..=frame.len() {
        let mut longer = frame.clone();
        longer.insert(place, 0);
        assert!(chain.clone().apply(&longer).is_err(), "{place}");
    }
}

#[test]
fn errors_point_at_the_field_that_is_wrong() {
    let (chain, frames) = chain_of(2);
    let before: usize = frames.iter().map(Vec::len).sum();
    let digest = |byte| digest_or_null(Some(Digest([byte; 32])));
    let number = |value| encoded(|sink| unsigned(sink, value));
    let spoiled = [
        (0, number(9), Reason::Version),
        (KIND, number(9), Reason::Kind),
        (CHAIN, digest(1), Reason::OtherChain),
        (SEQUENCE, number(9), Reason::Sequence),
        (PREVIOUS, digest(1), Reason::Previous),
        (TIME, number(9), Reason::Time),
        (KEYS, key_set(1, &[key(9).public()]), Reason::KeysNotCommitted),
        (NEXT, digest_or_null(Some(set(2).digest())), Reason::KeysReused),
        (RECOVERY, digest(1), Reason::RecoveryChanged),
        (RECOVERY, digest_or_null(Some(set(3).digest())), Reason::KeysReused),
        (STATE, digest(1), Reason::State),
    ];
    for (field, value, reason) in spoiled {
        let body = Body::after(&chain).with(field, value);
        let frame = body.frame();
        let error = chain.clone().apply(&frame).unwrap_err();
        // The event's head, that of the body and the array in it, and the fields before.
        let fields: usize = body.fields[..field].iter().map(Vec::len).sum();
        let offset = before + 1 + 2 + 1 + fields;
        assert_eq!((error.reason, error.offset), (reason, offset as u64), "field {field}");
    }
    let error = chain.clone().apply(&[0x59, 0x01]).unwrap_err();
    assert_eq!((error.reason, error.offset), (Reason::Encoding(Problem::WrongType), before as u64));
}

#[test]
fn an_event_gives_its_keys_away() {
    let keys: Vec<_> = (0..3).map(|index| key(index).public()).collect();
    let start = Draft { keys: KeySet::new(2, keys.clone()), ..draft(0, vec![]) };
    let (frame, _) = first(&start, &[0, 1].map(key)).unwrap();
    let (parts, rest) = split(&frame).unwrap();
    let event = Event::parse(parts.body).unwrap();
    let mut expected: Vec<_> = keys.iter().map(|key| (key.algorithm, key.id())).collect();
    expected.sort();
    assert_eq!(event.keys.keys().collect::<Vec<_>>(), expected);
    assert_eq!((event.keys.threshold, event.keys.count), (2, 3));
    assert_eq!((parts.event, rest), (&frame[..], &[][..]));
}
