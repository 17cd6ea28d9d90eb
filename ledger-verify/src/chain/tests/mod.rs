mod authority;
mod hostile;
mod registers;
mod resume;
mod sizes;

use std::collections::BTreeMap;
use std::string::ToString;
use std::sync::Mutex;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::algorithm::Algorithm;
use crate::cbor::Problem;
use crate::digest::Digest;
use crate::registers::{
    HashKind, Name, Platform, Policy, Release, Rule, Table, Value, Version, Write, WriteValue,
};
use crate::write::{self, Draft, KeySet, SecretKey, append, encode, first};

const MASTER: [u8; 32] = [1; 32];
const RECOVERY: [u8; 32] = [2; 32];

/// Keys and the usual events are made once for all tests: under Miri each takes seconds.
fn derived(master: [u8; 32], index: u64) -> SecretKey {
    static KEYS: Mutex<BTreeMap<([u8; 32], u64), SecretKey>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().unwrap();
    keys.entry((master, index)).or_insert_with(|| SecretKey::derive(&master, index)).clone()
}

fn key(index: u64) -> SecretKey {
    derived(MASTER, index)
}

fn set(index: u64) -> KeySet {
    KeySet::single(key(index).public())
}

fn recovery_key(index: u64) -> SecretKey {
    derived(RECOVERY, index)
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
    static MADE: Mutex<Vec<(Chain, Vec<u8>)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap();
    for index in made.len() as u64..count {
        let writes = vec![pointer("volume", u8::try_from(index).unwrap(), index + 1)];
        let next = match made.last() {
            None => begin(writes),
            Some((before, _)) => {
                let mut chain = before.clone();
                let event = append(&mut chain, &draft(index, writes), &[key(index)]).unwrap();
                (chain, event)
            }
        };
        made.push(next);
    }
    let made = &made[..usize::try_from(count).unwrap()];
    let (chain, _) = made.last().unwrap();
    (chain.clone(), made.iter().map(|(_, event)| event.clone()).collect())
}

/// A chain of one event that writes `writes`.
fn begin(writes: Vec<Write>) -> (Chain, Vec<u8>) {
    let (event, anchor) = first(&draft(0, writes), &[key(0)]).unwrap();
    let mut chain = Chain::new(anchor);
    chain.apply(&event).unwrap();
    (chain, event)
}

/// Starts a new chain at `event` with the registers of `table`.
fn resume(chain: &mut Chain, table: &Table, event: &[u8]) -> Result<(), Error> {
    chain.without_registers()?;
    write::registers(table).iter().try_for_each(|register| chain.take_register(register))?;
    chain.apply(event)
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
    let sizes = [1, 2, 3, 7, 100, 511, 512, 4096, bytes.len()];
    for size in sizes.into_iter().step_by(if cfg!(miri) { 4 } else { 1 }) {
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
    let signature = frames[2].len() - 40;
    frames[2][signature] ^= 1;
    let mut chain = Chain::new(made.proven().unwrap().anchor());
    let mut feed = Feed::new();
    let error = feed.push(&mut chain, &frames.concat()).unwrap_err();
    assert_eq!((error.event, error.reason), (2, Reason::BadSignature));
    assert!(error.offset > offset && error.offset < offset + frames[2].len() as u64);
    assert_eq!(error.to_string(), "chain event 2: bad signature");
    assert_eq!(feed.push(&mut chain, &[]), Err(error));
    // Not even the event as it should have been.
    frames[2][signature] ^= 1;
    assert_eq!(feed.push(&mut chain, &frames[2..].concat()), Err(error));
    assert_eq!(feed.end(&chain), Err(error));
    assert_eq!(chain.next_sequence(), 2);
}

#[test]
fn feed_does_not_go_on_inside_a_refused_event() {
    let keys = KeySet::new(2, [0, 1].map(|index| key(index).public()).into());
    let (event, anchor) = first(&Draft { keys, ..draft(0, vec![]) }, &[0, 1].map(key)).unwrap();
    let (parts, _) = split(&event).unwrap();
    // Behind the body stand two signatures; one was promised and refused.
    let body = event.windows(parts.body.len()).position(|window| window == parts.body).unwrap();
    let count = body + parts.body.len();
    assert_eq!(event[count], 0x82);
    let (mut chain, mut feed) = (Chain::new(anchor), Feed::new());
    let error = feed.push(&mut chain, &[&event[..count], &[0x81]].concat()).unwrap_err();
    assert_eq!(error.reason, Reason::TooFewSignatures);
    assert_eq!(feed.push(&mut chain, &event[count..]), Err(error));
    assert_eq!((feed.end(&chain), chain.head()), (Err(error), None));
}

#[test]
fn feed_reports_a_chain_cut_inside_an_event() {
    let (made, frames) = chain_of(2);
    let bytes = frames.concat();
    for length in (1..bytes.len()).step_by(if cfg!(miri) { 150 } else { 1 }) {
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
fn a_feed_and_its_chain_begin_again_in_place() {
    let (made, frames) = chain_of(2);
    let anchor = made.proven().unwrap().anchor();
    let (other_made, other) = begin(vec![]);
    let other_anchor = other_made.proven().unwrap().anchor();
    let mut chain = Chain::new(other_anchor);
    let mut feed = Feed::new();
    // Inside an event, behind an event, and after a refusal.
    for before in [&other[..9], &other, &other[1..]] {
        let _ = feed.push(&mut chain, before);
        chain.restart(anchor);
        feed.restart();
        feed.push(&mut chain, &frames.concat()).unwrap();
        feed.end(&chain).unwrap();
        assert_eq!(chain.head(), made.head());
        assert_eq!(chain.table().digest(), made.table().digest());
        // Offsets are from the new beginning.
        let error = chain.replay(&[0]).unwrap_err();
        assert_eq!(error.offset, frames.concat().len() as u64);
        chain.restart(other_anchor);
        feed.restart();
    }
    chain.restart_up_to(Anchor::first(anchor.chain));
    assert_eq!(chain.replay(&frames.concat()).unwrap_err().reason, Reason::AfterAnchor);
    chain.restart(anchor);
    chain.replay(&frames.concat()).unwrap();
}

#[test]
fn feed_refuses_an_endless_event_at_its_head() {
    let (made, _) = chain_of(1);
    for head in [
        &[0x82, 0x59, 0x10, 0x01][..],
        &[0x82, 0x5a, 0, 1, 0, 0],
        &[0x82, 0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        let mut chain = Chain::new(made.proven().unwrap().anchor());
        let error = Feed::new().push(&mut chain, head).unwrap_err();
        assert_eq!(error.reason, Reason::Encoding(Problem::OutOfRange));
        assert_eq!(error.offset, 1);
    }
}

#[test]
fn the_longest_body_fits_the_feed() {
    let (made, events) = chain_of(1);
    let mut chain = Chain::new(made.proven().unwrap().anchor());
    let mut feed = Feed::new();
    feed.push(&mut chain, &events[0]).unwrap();
    let mut longest = vec![0x82, 0x59, 0x10, 0x00];
    longest.resize(4 + BUFFER_BYTES, 0);
    let (last, most) = longest.split_last().unwrap();
    feed.push(&mut chain, most).unwrap();
    let error = feed.push(&mut chain, &[*last]).unwrap_err();
    assert_eq!(error.reason, Reason::Encoding(Problem::WrongType));
}

#[test]
#[cfg_attr(miri, ignore = "thousands of signatures")]
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
    let (mut twin, _) = begin(vec![]);
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
fn one_frame_at_a_time_and_no_more() {
    let (made, frames) = chain_of(2);
    let mut chain = Chain::new(made.proven().unwrap().anchor());
    let error = chain.apply(&frames.concat()).unwrap_err();
    assert_eq!(error.reason, Reason::Encoding(Problem::Trailing));
    assert_eq!(error.offset, frames[0].len() as u64);
    let error = chain.apply(&frames[0][..9]).unwrap_err();
    assert_eq!(error.reason, Reason::Encoding(Problem::Truncated));
    let cut = frames[0].len() + 9;
    let error = chain.replay(&frames.concat()[..cut]).unwrap_err();
    assert_eq!((error.event, error.reason), (1, Reason::Encoding(Problem::Truncated)));
    assert_eq!(error.offset, cut as u64);
}

#[test]
fn every_reason_says_something_of_its_own() {
    let reasons = [
        Reason::Encoding(Problem::Truncated),
        Reason::Encoding(Problem::NotShortest),
        Reason::Encoding(Problem::WrongType),
        Reason::Encoding(Problem::OutOfRange),
        Reason::Encoding(Problem::NotUtf8),
        Reason::Encoding(Problem::Trailing),
        Reason::TooLong,
        Reason::Version,
        Reason::Kind,
        Reason::OtherChain,
        Reason::Sequence,
        Reason::Previous,
        Reason::Time,
        Reason::Revoked,
        Reason::KeysNotCommitted,
        Reason::NoRecovery,
        Reason::RecoveryChanged,
        Reason::KeysReused,
        Reason::KeySet,
        Reason::AlgorithmUnknown,
        Reason::AlgorithmUnsupported(Algorithm::MlDsa44),
        Reason::AlgorithmWeaker,
        Reason::TooFewSignatures,
        Reason::SignatureOrder,
        Reason::KeyUnknown,
        Reason::BadSignature,
        Reason::Register(Rule::Name),
        Reason::Register(Rule::Order),
        Reason::Register(Rule::Kind),
        Reason::Register(Rule::KindChanged),
        Reason::Register(Rule::GenerationNotHigher),
        Reason::Register(Rule::VersionNotHigher),
        Reason::Register(Rule::Platform),
        Reason::Register(Rule::PolicyWeaker),
        Reason::Register(Rule::TableFull),
        Reason::State,
        Reason::Snapshot,
        Reason::Resumed,
        Reason::NotAnchored,
        Reason::AfterAnchor,
        Reason::BeforeAnchor { anchored: 7 },
    ];
    let texts: std::collections::BTreeSet<_> = reasons.map(|reason| reason.to_string()).into();
    assert_eq!(texts.len(), reasons.len());
    assert!(texts.iter().all(|text| text.len() > 5 && !text.contains('\n')));
}
