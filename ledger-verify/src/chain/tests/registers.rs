//! What may be written.

use super::*;

#[test]
fn registers_follow_their_kinds_rules() {
    let writes = vec![pointer("volume", 1, 3), release("nav", [1, 2, 3], "qemu"), item("log", 1)];
    let (mut chain, _) = begin(writes);
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
    let (mut chain, _) = begin(names(0, 16));
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
    let (mut chain, _) = chain_of(2);
    let draft = draft(2, vec![]);
    let body = crate::write::encode_body_with_state(&chain, &draft, &[], Digest([7; 32]));
    let frame = crate::write::seal(&body, &draft.keys, &[key(2)]);
    assert_eq!(chain.apply(&frame).unwrap_err().reason, Reason::State);
}

pub(super) fn policy(weakest: Algorithm, age_max_s: u64) -> Write {
    let value = WriteValue::Policy(Policy { weakest, age_max_s });
    Write { name: Name::new("policy").unwrap(), value }
}

#[test]
fn the_policy_has_its_name_to_itself() {
    let (chain, _) = chain_of(1);
    let bad_name = Reason::Register(Rule::Name);
    assert_eq!(refused(&chain, &draft(1, vec![pointer("policy", 1, 1)]), &[key(1)]), bad_name);
    let mut elsewhere = policy(Algorithm::Ed25519, 0);
    elsewhere.name = Name::new("polity").unwrap();
    assert_eq!(refused(&chain, &draft(1, vec![elsewhere]), &[key(1)]), bad_name);
}

#[test]
fn the_policy_only_gets_stricter_and_binds_later_events() {
    let (mut chain, _) = chain_of(1);
    let to_ed25519 = draft(1, vec![policy(Algorithm::Ed25519, 60)]);
    append(&mut chain, &to_ed25519, &[key(1)]).unwrap();
    let to_ml_dsa = draft(2, vec![policy(Algorithm::MlDsa44, 60)]);
    append(&mut chain, &to_ml_dsa, &[key(2)]).unwrap();
    assert_eq!(refused(&chain, &draft(3, vec![]), &[key(3)]), Reason::AlgorithmWeaker);
    let (strict, _) = begin(vec![policy(Algorithm::HybridMlDsa65, 0)]);
    assert_eq!(strict.head().unwrap().weakest, Algorithm::HybridMlDsa65);
}

#[test]
fn a_policy_does_not_become_weaker() {
    // The chain's own rule would refuse such an event's keys first; this is the register's.
    let (mut chain, _) = chain_of(1);
    append(&mut chain, &draft(1, vec![policy(Algorithm::MlDsa44, 1)]), &[key(1)]).unwrap();
    let table = chain.table();
    let check = |write: Write| {
        let mut bytes = Vec::new();
        crate::cbor::array(&mut bytes, 1);
        crate::registers::wire::put_write(&mut bytes, &write);
        let mut reader = crate::cbor::Reader::new(&bytes);
        table.check(crate::registers::Writes::parse(&mut reader).unwrap()).map_err(|(_, rule)| rule)
    };
    assert_eq!(check(policy(Algorithm::Ed25519, 1)), Err(Rule::PolicyWeaker));
    assert_eq!(check(policy(Algorithm::MlDsa44, 0)), Ok(()));
    assert_eq!(check(policy(Algorithm::MlDsa65, 9)), Ok(()));
}

#[test]
fn freshness_is_judged_by_the_policys_age() {
    let (mut chain, _) = chain_of(1);
    chain.proven().unwrap().fresh(u64::MAX).unwrap();
    append(&mut chain, &draft(1, vec![policy(Algorithm::Ed25519, 60)]), &[key(1)]).unwrap();
    let proven = chain.proven().unwrap();
    // The event is of second 1001.
    for now_s in [0, 1_001, 1_061] {
        assert_eq!(proven.fresh(now_s), Ok(()));
    }
    for age_s in [61, u64::MAX - 1_001] {
        assert_eq!(proven.fresh(1_001 + age_s), Err(Stale { age_s, age_max_s: 60 }));
    }
    let stale = Stale { age_s: 61, age_max_s: 60 };
    assert_eq!(stale.to_string(), "last event is 61 s old, at most 60 s allowed");
}

#[test]
fn the_state_is_the_digest_of_all_registers_however_they_came() {
    // Names before, between and behind those that are there; new ones and old ones in one event.
    let events = [
        vec![pointer("m", 1, 1), item("s", 1)],
        vec![pointer("a", 1, 1), pointer("m", 2, 2), pointer("z", 1, 1)],
        vec![release("b", [1, 0, 0], "qemu"), item("s", 2), pointer("t", 1, 1)],
        vec![],
        vec![pointer("z", 2, 2)],
        vec![pointer("a", 2, 2), item("c", 1), policy(Algorithm::Ed25519, 5)],
    ];
    let mut events = (0..).zip(events);
    let (_, writes) = events.next().unwrap();
    let (mut chain, _) = begin(writes);
    for (index, writes) in events {
        let frame = append(&mut chain, &draft(index, writes), &[key(index)]).unwrap();
        let event = Event::parse(split(&frame).unwrap().0.body).unwrap();
        let mut registers = Vec::new();
        crate::cbor::array(&mut registers, chain.table().iter().count());
        registers.extend(write::registers(chain.table()).concat());
        assert_eq!(event.state, crate::digest::Domain::State.digest(&registers), "event {index}");
    }
}

#[test]
fn a_refused_write_is_pointed_at() {
    let (chain, frames) = chain_of(2);
    let before: usize = frames.iter().map(Vec::len).sum();
    let good = vec![item("a", 1), item("b", 1)];
    let spoiled = [good.clone(), vec![pointer("volume", 1, 1)]].concat();
    // Writes stand at the body's end, before 103 bytes of signatures.
    let frame = encode(&chain, &draft(2, spoiled), &[key(2)]);
    let write = 1 + 7 + 1 + 34 + 1;
    let error = chain.clone().apply(&frame).unwrap_err();
    assert_eq!(error.reason, Reason::Register(Rule::GenerationNotHigher));
    assert_eq!(error.offset, (before + frame.len() - 103 - write) as u64);
}
