//! What each fuzz target does with its bytes. `fuzz_targets/` hands them to libFuzzer, and the test
//! `corpus` replays the committed corpus on stable Rust.
//!
//! A target does not only look for panics: it compares with a second implementation, or checks that
//! nothing but the genuine article is accepted.

mod nexus;
mod rfc6962;
mod world;

use ledger_verify::Digest;
use ledger_verify::algorithm::Algorithm;
use ledger_verify::cbor::Reader;
use ledger_verify::chain::{Anchor, Chain, Event, Feed, split};
use ledger_verify::log::Reason;
use ledger_verify::log::checkpoint::{Checkpoint, Policy};
use ledger_verify::log::note::{Key, KeyType, Note};
use ledger_verify::log::proof::Proof;
use ledger_verify::log::tree::{verify_consistency, verify_inclusion};
use ledger_verify::write::log::base64 as encode64;
use ledger_verify::{bundle, write};

pub use nexus::{
    NexusWorld, nexus_block, nexus_bundle, nexus_genuine_bundle, nexus_object, nexus_signature,
    nexus_text, nexus_transaction, nexus_world, nexus_write, record,
};
pub use rfc6962::{continues, includes, leaf, path, root, subproof};
pub use world::{World, encode_head, vouch_for, world};

/// Reads items of any type; what was read, encoded again, is what stood there.
pub fn cbor(data: &[u8]) {
    let mut reader = Reader::new(data);
    while let Some(encoded) = read_item(&mut reader, 0) {
        let end = reader.offset();
        assert!(data[..end].ends_with(&encoded), "{encoded:x?}");
    }
}

fn read_item(reader: &mut Reader<'_>, depth: usize) -> Option<Vec<u8>> {
    let copy = reader.clone();
    if let Ok(value) = reader.unsigned() {
        return Some(encode_head(0, value));
    }
    *reader = copy.clone();
    if let Ok(bytes) = reader.bytes(0, usize::MAX) {
        return Some([&encode_head(2, bytes.len() as u64), bytes].concat());
    }
    *reader = copy.clone();
    if reader.null() {
        return Some(vec![0xf6]);
    }
    *reader = copy.clone();
    if let Ok(text) = reader.text(0, usize::MAX) {
        return Some([&encode_head(3, text.len() as u64), text.as_bytes()].concat());
    }
    *reader = copy;
    let length = reader.array(0, 1000).ok().filter(|_| depth < 8)?;
    let mut all = encode_head(4, length as u64);
    for _ in 0..length {
        all.extend(read_item(reader, depth + 1)?);
    }
    Some(all)
}

/// A body that parses, and an event that can be split off, is as long as it says and no longer.
pub fn event(data: &[u8]) {
    if Event::parse(data).is_ok() {
        assert!(Event::parse(&data[..data.len() - 1]).is_err());
        assert!(Event::parse(&[data, &[0]].concat()).is_err());
    }
    if let Ok((parts, rest)) = split(data) {
        assert_eq!([parts.event, rest].concat(), data);
        assert!(split(&parts.event[..parts.event.len() - 1]).is_err());
        let head = [&[0x82][..], &encode_head(2, parts.body.len() as u64)].concat();
        assert!(parts.event.starts_with(&[&head, parts.body].concat()));
    }
}

/// A chain in pieces, of a length that the first byte says, is the same chain; only the genuine events
/// are accepted.
pub fn feed(data: &[u8]) {
    let Some((piece, data)) = data.split_first() else { return };
    let World { events, anchor, .. } = world();
    let mut fed = Chain::new(*anchor);
    let mut feed = Feed::new();
    let pieces = data.chunks(usize::from(*piece) + 1);
    let result = { pieces }.try_for_each(|piece| feed.push(&mut fed, piece));
    let result = result.and_then(|()| feed.end(&fed));
    let mut whole = Chain::new(*anchor);
    let replayed = whole.replay(data);
    assert_eq!(result, replayed);
    assert_eq!(fed.head(), whole.head());
    let accepted = whole.next_sequence();
    let genuine: Vec<u8> =
        events.iter().take(usize::try_from(accepted).unwrap()).flatten().copied().collect();
    assert!(data.starts_with(&genuine), "{accepted} events");
}

/// A register is read strictly: what is read is written again alike, so its signers vouch for it.
pub fn registers(data: &[u8]) {
    let (event, anchor) = vouch_for(data);
    let mut chain = Chain::new(anchor);
    if chain.take_register(data).is_ok() {
        chain.apply(&event).unwrap();
        let proven = chain.proven().unwrap();
        assert_eq!(write::registers(proven.registers()), [data]);
        let (name, value) = proven.registers().iter().next().unwrap();
        assert_eq!(proven.register(name).as_ref(), Some(value));
    }
}

/// A note that parses consists of its text and its signatures.
pub fn note(data: &[u8]) {
    if let Ok(note) = Note::parse(data) {
        let rest = data.strip_prefix(note.text().as_bytes()).unwrap();
        assert!(note.text().ends_with('\n') && rest.starts_with("\n\u{2014} ".as_bytes()));
        let lines = std::str::from_utf8(&rest[1..]).unwrap();
        // The text ends at the last empty line.
        assert!(!lines.contains("\n\n") && lines.ends_with('\n'));
        assert!(data.iter().all(|byte| *byte >= 0x20 || *byte == b'\n'));
        let _ = Checkpoint::parse(note.text()).is_ok();
        let _ = world().policy(0).verify(&note).is_ok();
    }
}

/// A checkpoint that parses begins with what it says; one that is trusted is genuine. One line alone
/// is taken for a checkpoint's hash.
pub fn checkpoint(data: &[u8]) {
    if let Some(Ok(checkpoint)) = std::str::from_utf8(data).ok().map(Checkpoint::parse) {
        let Checkpoint { origin, size, root } = checkpoint;
        let text = format!("{origin}\n{size}\n{}\n", encode64(&root.0));
        assert!(data.starts_with(text.as_bytes()));
    }
    if let Ok(note) = Note::parse(data) {
        for wanted in 0..=2 {
            if world().policy(wanted).verify(&note).is_ok() {
                assert!(world().texts.iter().any(|text| text == note.text()), "{}", note.text());
            }
        }
    }
    if let Some(text) = std::str::from_utf8(data).ok().filter(|text| !text.contains('\n')) {
        hash(text);
    }
}

/// Base64 of 32 bytes is accepted if it is what those bytes encode to, and nothing else is.
fn hash(text: &str) {
    let line = format!("origin\n1\n{text}\n");
    match Checkpoint::parse(&line) {
        Ok(checkpoint) => assert_eq!(encode64(&checkpoint.root.0), text),
        Err(error) if line.len() > 1024 => assert_eq!(error.reason, Reason::TooLong),
        Err(error) => {
            let expected = if text.is_empty() { Reason::NoteFormat } else { Reason::Base64 };
            assert_eq!(error.reason, expected);
        }
    }
    // Any 32 bytes, encoded, are accepted.
    if let Some(bytes) = text.as_bytes().first_chunk::<32>() {
        let line = format!("origin\n1\n{}\n", encode64(bytes));
        assert_eq!(Checkpoint::parse(&line).map(|c| c.root), Ok(Digest(*bytes)));
    }
}

/// A proof that holds is of the genuine entry.
pub fn proof(data: &[u8]) {
    let Ok(proof) = Proof::parse(data) else { return };
    for wanted in 0..=2 {
        let policy = world().policy(wanted);
        if let Ok(trusted) = proof.verify(&world().leaf, &policy) {
            assert!(trusted.checkpoint.size > proof.index);
            assert_eq!(proof.index, world().index);
        }
        assert!(proof.verify(&Digest::ZERO, &policy).is_err());
    }
}

/// A verifier key that parses is what its parts encode to.
pub fn key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = Key::parse(text, &mut [0; 1313]) {
        let id = u32::from_be_bytes(key.id());
        let bytes = [&[key.key_type() as u8], key.public()].concat();
        assert_eq!(format!("{}+{id:08x}+{}", key.name(), encode64(&bytes)), text);
    }
    // A name alone, with a key that is as long as it has to be.
    if let Ok(key) = Key::new(text, KeyType::Note, &[7; 32]) {
        assert!(!key.name().contains(['+', ' ', '\n']) && !key.name().is_empty());
    }
}

/// Spoiled keys and signatures of the algorithm that the first byte chooses: none verifies.
pub fn signature(data: &[u8]) {
    let Some((number, data)) = data.split_first() else { return };
    let Some(algorithm) = Algorithm::from_number(u64::from(number % 5) + 1) else { return };
    let (mut public, mut signature) = world().signatures[usize::from(number % 5)].clone();
    // Bytes are added to signature and key from their ends, where hints and packed numbers are.
    let data = data.get(..signature.len() + public.len()).unwrap_or(data);
    let (over_signature, over_key) = data.split_at(data.len().min(signature.len()));
    for (bytes, added) in [(&mut signature, over_signature), (&mut public, over_key)] {
        bytes.iter_mut().rev().zip(added).for_each(|(byte, add)| *byte = byte.wrapping_add(*add));
    }
    let is_genuine = data.iter().all(|byte| *byte == 0);
    assert_eq!(algorithm.verify(&public, b"message", &signature), is_genuine);
}

/// Two numbers, then hashes: what a recursive reading of RFC 6962 says to them.
pub fn tree(data: &[u8]) {
    let Some((numbers, mut rest)) = data.split_first_chunk::<5>() else { return };
    let [choice, a, b, c, d] = *numbers;
    let (small, large) = (u64::from(a) % 40, u64::from(b) % 40);
    // Small numbers, where proofs can be genuine, or any.
    let (mut first, mut second) = (small.min(large), small.max(large));
    if choice & 1 == 1 {
        let Some((number, after)) = rest.split_first_chunk() else { return };
        (first, second, rest) = (u64::from_le_bytes(*number), u64::from(d) << 56 | second, after);
    }
    let leaves: Vec<_> = (0..second.min(40)).map(|i| leaf(&i.to_le_bytes())).collect();
    let (old, new) = (root(&leaves[..leaves.len().min(usize::from(a) % 40)]), root(&leaves));
    let mut hashes: Vec<_> = rest.as_chunks().0.iter().map(|hash| Digest(*hash)).collect();
    if choice & 2 == 2 && first < second && second < 40 {
        // A genuine proof; one of its hashes replaced, if `c` says so.
        let index = usize::try_from(first).unwrap();
        let genuine = if choice & 4 == 4 && first > 0 {
            subproof(index, &leaves, true)
        } else {
            path(index, &leaves)
        };
        let given = std::mem::replace(&mut hashes, genuine);
        let mut places = hashes.iter_mut().skip(usize::from(c));
        if let (Some(place), Some(hash)) = (places.next(), given.first()) {
            *place = *hash;
        }
    }
    let leaf = leaves.get(usize::try_from(first).unwrap_or(usize::MAX)).copied().unwrap_or(old);
    let ours = verify_inclusion(first, second, &leaf, hashes.iter().copied(), &new).is_ok();
    assert_eq!(ours, includes(first, second, &leaf, &hashes, &new));
    let ours = verify_consistency(first, second, &old, &new, hashes.iter().copied()).is_ok();
    assert_eq!(ours, continues(first, second, &old, &new, &hashes));
}

/// A bundle, for a device that anchors the chain's first event, and for one that anchors its end and
/// wants a log proof with two witnesses: what it proves is a genuine state.
pub fn bundle(data: &[u8]) {
    let World { states, anchor, .. } = world();
    let first = Anchor::first(states[0].0.chain);
    for (anchor, policy) in [(first, None), (*anchor, Some(world().policy(2)))] {
        let mut chain = Chain::new(anchor);
        if read(data, &mut chain, policy).is_ok() {
            let proven = chain.proven().unwrap();
            let state = (proven.anchor(), write::registers(proven.registers()));
            assert!(states.contains(&state), "{state:?}");
            assert!(policy.is_none() || proven.anchor() == anchor);
        }
    }
}

/// Reads a bundle at once; in pieces it says the same.
pub fn read(
    data: &[u8],
    chain: &mut Chain,
    policy: Option<Policy<'_>>,
) -> Result<Option<u64>, bundle::Error> {
    let mut in_pieces = chain.clone();
    let mut reader = bundle::Reader::new(policy);
    let pieces = data.chunks(1 + data.len() % 61);
    let pushed = { pieces }.try_for_each(|piece| reader.push(&mut in_pieces, piece));
    let second = pushed.and_then(|()| reader.end());
    let mut reader = bundle::Reader::new(policy);
    let first = reader.push(chain, data).and_then(|()| reader.end());
    assert_eq!(first, second);
    assert_eq!(chain.head(), in_pieces.head());
    first
}
