//! Requests as clients and attackers send them, damaged at random.

use super::objects::content;
use super::*;
use proptest::prelude::*;

const CORPUS: [&[u8]; 12] = [
    include_bytes!("../../corpus/curl.http"),
    include_bytes!("../../corpus/browser.http"),
    include_bytes!("../../corpus/range.http"),
    include_bytes!("../../corpus/suffix.http"),
    include_bytes!("../../corpus/pipeline.http"),
    include_bytes!("../../corpus/old.http"),
    include_bytes!("../../corpus/absolute.http"),
    include_bytes!("../../corpus/upload.http"),
    include_bytes!("../../corpus/expect.http"),
    include_bytes!("../../corpus/chunked.http"),
    include_bytes!("../../corpus/smuggling.http"),
    include_bytes!("../../corpus/http2.http"),
];

#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Double(usize, usize),
    Insert(usize, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let token = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"Content-Length: 9999999999999999999999\r\n".to_vec()),
        Just(b"Range: bytes=0-18446744073709551615\r\n".to_vec()),
        Just(b"%".to_vec()),
        Just(vec![b'x'; 5000]),
        any::<Vec<u8>>(),
    ];
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), 0..30_usize).prop_map(|(at, len)| Damage::Remove(at, len)),
        (any::<usize>(), 0..200_usize).prop_map(|(at, len)| Damage::Double(at, len)),
        (any::<usize>(), token).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let place = |at: usize| at % (bytes.len() + 1);
    match damage {
        Damage::Flip(at, bits) => {
            let at = place(*at);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bits;
            }
        }
        Damage::Cut(at) => bytes.truncate(place(*at)),
        Damage::Remove(at, len) => {
            let at = place(*at);
            bytes.drain(at..(at + len).min(bytes.len()));
        }
        Damage::Double(at, len) => {
            let at = place(*at);
            let piece = bytes[at..(at + len).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        Damage::Insert(at, new) => {
            let at = place(*at);
            bytes.splice(at..at, new.iter().copied());
        }
    }
}

/// Is this a row of whole responses? Answers to `HEAD`, which damage may have made of `GET`, are none.
fn is_well_formed(mut output: &[u8], may_be_head: bool) -> bool {
    while !output.is_empty() {
        match Response::parse(output, false) {
            Some((_, rest)) => output = rest,
            None => return may_be_head,
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]
    #[test]
    fn damaged_requests_get_well_formed_answers(
        seed in 0..CORPUS.len(),
        damages in proptest::collection::vec(damage(), 0..4),
        segment in 1..2000_usize,
    ) {
        let mut world = World::new();
        world.integrity.put("a", content(1000));
        world.integrity.put("big", content(30_000));
        world.net.segments = vec![segment];
        let mut bytes = CORPUS[seed].to_vec();
        damages.iter().for_each(|damage| apply(&mut bytes, damage));
        let socket = world.say(&bytes);
        world.pass(11 * SECOND);
        let output = world.net.take_output(socket);
        let may_be_head = bytes.windows(4).any(|word| word == b"HEAD");
        prop_assert!(is_well_formed(&output, may_be_head));
        prop_assert_eq!(world.get("/o/a").body, content(1000));
    }
}

#[test]
fn the_corpus_is_answered_as_it_should_be() {
    let expected: [&[u16]; 12] = [
        &[200],
        &[200],
        &[200],
        &[206],
        &[200, 200, 200],
        &[200, 200],
        &[200],
        &[405, 200],
        &[405],
        &[405],
        &[400],
        &[505],
    ];
    for (bytes, codes) in CORPUS.iter().zip(expected) {
        let mut world = World::new();
        world.integrity.put("a", content(1000));
        world.integrity.put("big", content(30_000));
        let socket = world.say(bytes);
        let output = world.net.take_output(socket);
        let mut rest = &output[..];
        let mut found = Vec::new();
        while let Some((response, after)) = Response::parse(rest, false) {
            found.push(response.code);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(found, codes, "{}", bytes.escape_ascii());
    }
}
