//! Everything at once, at random: whoever is answered is answered right.

use super::objects::content;
use super::*;
use proptest::prelude::*;
use std::format;

#[derive(Clone, Debug)]
enum Deed {
    Connect,
    Ask(u16, usize),
    Babble(u16, Vec<u8>),
    Read(u16, usize),
    Reset(u16),
    Shut(u16),
    Pass(u64),
    HoldIntegrity(usize),
    RestartIntegrity,
    RestartNet,
    Damage(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Connect),
        8 => (0..24_u16, 0..5_usize).prop_map(|(who, what)| Deed::Ask(who, what)),
        1 => (0..24_u16, any::<Vec<u8>>()).prop_map(|(who, what)| Deed::Babble(who, what)),
        4 => (0..24_u16, 0..60_000_usize).prop_map(|(who, bytes)| Deed::Read(who, bytes)),
        1 => (0..24_u16).prop_map(Deed::Reset),
        1 => (0..24_u16).prop_map(Deed::Shut),
        1 => (0..12_u64).prop_map(|seconds| Deed::Pass(seconds * SECOND)),
        1 => (0..9_usize).prop_map(Deed::HoldIntegrity),
        1 => Just(Deed::RestartIntegrity),
        1 => Just(Deed::RestartNet),
        1 => any::<bool>().prop_map(Deed::Damage),
    ]
}

const SIZES: [usize; 4] = [0, 700, 9000, 70_000];

fn act(world: &mut World, deed: Deed) {
    match deed {
        Deed::Connect => {
            if let Some(socket) = world.net.connect() {
                world.net.limit_reading(socket, 0);
            }
        }
        Deed::Ask(who, what) => {
            let target = if what < 4 { format!("/o/{what}") } else { "/".into() };
            let request = format!("GET {target} HTTP/1.1\r\nHost: c\r\n\r\n");
            world.net.send(who, request.as_bytes());
        }
        Deed::Babble(who, what) => world.net.send(who, &what),
        Deed::Read(who, bytes) => world.net.limit_reading(who, bytes),
        Deed::Reset(who) => world.net.reset(who),
        Deed::Shut(who) => world.net.shut(who),
        Deed::Pass(ns) => world.pass(ns),
        Deed::HoldIntegrity(answers) => world.integrity.answers_left = answers,
        Deed::RestartIntegrity => {
            world.integrity.restart();
            world.integrity.answers_left = usize::MAX;
        }
        Deed::RestartNet => drop(world.net.restart()),
        Deed::Damage(is_bad) => {
            world.integrity.bad.clear();
            if is_bad {
                world.integrity.bad.insert(("3".into(), 10));
            }
        }
    }
}

/// What a connection has brought so far is a row of whole, right responses, and perhaps the
/// beginning of one more.
fn check(mut bytes: &[u8]) {
    while let Some((response, rest)) = Response::parse(bytes, false) {
        let size = response.body.len();
        let is_object = response.field("etag").is_some();
        if response.code == 200 && is_object {
            assert!(SIZES.contains(&size) && response.body == content(size));
        }
        bytes = rest;
    }
    assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 ") || bytes.len() < 9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn whoever_is_answered_is_answered_right(deeds in proptest::collection::vec(deed(), 1..150)) {
        let mut world = World::new();
        for (number, size) in SIZES.into_iter().enumerate() {
            world.integrity.put(&format!("{number}"), content(size));
        }
        let mut outputs: std::collections::BTreeMap<u16, Vec<u8>> = Default::default();
        for deed in deeds {
            if matches!(deed, Deed::Connect | Deed::RestartNet) {
                for socket in 0..24 {
                    outputs.entry(socket).or_default().extend(world.net.take_output(socket));
                    if !world.net.is_open(socket) {
                        check(&outputs.remove(&socket).unwrap_or_default());
                    }
                }
                if matches!(deed, Deed::RestartNet) {
                    outputs.values().for_each(|output| check(output));
                    outputs.clear();
                }
            }
            act(&mut world, deed);
            world.run();
        }
        for socket in 0..24 {
            outputs.entry(socket).or_default().extend(world.net.take_output(socket));
            world.net.reset(socket);
        }
        outputs.values().for_each(|output| check(output));
        world.integrity.answers_left = usize::MAX;
        world.integrity.bad.clear();
        world.run();
        prop_assert_eq!(world.net.open_count(), 0);
        prop_assert_eq!(world.gateway.counters().open, 0);
        for (number, size) in SIZES.into_iter().enumerate() {
            prop_assert_eq!(world.get(&format!("/o/{number}")).body.len(), size);
        }
        prop_assert!(world.net.lent_count() < 8);
    }
}
