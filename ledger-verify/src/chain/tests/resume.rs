//! Replay from the middle, and forks.

use super::*;

/// A chain of five events, and the same after the third.
fn with_third() -> (Chain, Vec<Vec<u8>>, Chain) {
    let (five, events) = chain_of(5);
    (five, events, chain_of(3).0)
}

fn anchor_of(chain: &Chain) -> Anchor {
    chain.proven().unwrap().anchor()
}

#[test]
fn resumes_at_the_anchor_and_goes_on() {
    let (made, events, third) = with_third();
    let mut chain = Chain::new(anchor_of(&third));
    resume(&mut chain, third.table(), &events[2]).unwrap();
    assert_eq!(chain.proven().unwrap().anchor().sequence, 2);
    chain.replay(&events[3..].concat()).unwrap();
    assert_eq!(chain.head(), made.head());
    let value = made.proven().unwrap().register("volume");
    assert_eq!(chain.proven().unwrap().register("volume"), value);
}

#[test]
fn resumes_with_registers_of_every_kind() {
    let writes = vec![pointer("a", 1, 1), release("b", [1, 0, 0], "qemu"), item("c", 3)];
    let (mut made, event) = begin(writes);
    let mut chain = Chain::new(anchor_of(&made));
    resume(&mut chain, made.table(), &event).unwrap();
    assert_eq!(chain.table().digest(), made.table().digest());
    append(&mut chain, &draft(1, vec![item("c", 4)]), &[key(1)]).unwrap();
    append(&mut made, &draft(1, vec![item("c", 4)]), &[key(1)]).unwrap();
    assert_eq!(chain.head(), made.head());
}

#[test]
fn a_policy_binds_a_replay_that_resumes() {
    let (made, event) = begin(vec![registers::policy(Algorithm::MlDsa44, 0)]);
    let mut chain = Chain::new(anchor_of(&made));
    resume(&mut chain, made.table(), &event).unwrap();
    assert_eq!(refused(&chain, &draft(1, vec![]), &[key(1)]), Reason::AlgorithmWeaker);
}

#[test]
fn resumes_nowhere_else_and_with_nothing_else() {
    let (made, events, third) = with_third();
    let anchor = anchor_of(&third);
    let reason = |table: &Table, event: &[u8]| {
        let mut chain = Chain::new(anchor);
        let error = resume(&mut chain, table, event).unwrap_err();
        assert!(chain.head().is_none() && chain.proven().is_err());
        assert_eq!(error.event, 2);
        error.reason
    };
    for wrong in [0, 1, 3, 4] {
        assert_eq!(reason(third.table(), &events[wrong]), Reason::NotAnchored);
    }
    for other in [made.table(), chain_of(2).0.table(), &Table::EMPTY] {
        assert_eq!(reason(other, &events[2]), Reason::State);
    }
    let mut unsigned = events[2].clone();
    let signature = unsigned.len() - 40;
    unsigned[signature] ^= 1;
    assert_eq!(reason(third.table(), &unsigned), Reason::BadSignature);
    let mut other_chain = Chain::new(Anchor { chain: Digest([1; 32]), ..anchor });
    let error = resume(&mut other_chain, third.table(), &events[2]).unwrap_err();
    assert_eq!(error.reason, Reason::NotAnchored);
    // Not twice, not behind other events, and not where the replay ends at the anchor.
    let mut chain = Chain::new(anchor);
    resume(&mut chain, third.table(), &events[2]).unwrap();
    assert_eq!(chain.without_registers().unwrap_err().reason, Reason::Resumed);
    chain.replay(&events[3..].concat()).unwrap();
    let error = Chain::up_to(anchor).without_registers().unwrap_err();
    assert_eq!((error.reason, error.event), (Reason::Resumed, 2));
}

#[test]
fn a_snapshot_that_is_none_is_refused() {
    let (made, _) = begin(vec![pointer("a", 1, 1), pointer("b", 2, 1)]);
    let registers = write::registers(made.table());
    let [first, second] = &registers[..] else { panic!() };
    let anchor = Anchor::first(Digest::ZERO);
    let refused = |registers: &[&[u8]]| {
        let mut chain = Chain::new(anchor);
        let result = registers.iter().try_for_each(|register| chain.take_register(register));
        result.unwrap_err().reason
    };
    for spoiled in [&[][..], b"junk", &[0x80], &first[1..], &first[..first.len() - 1]] {
        assert_eq!(refused(&[spoiled]), Reason::Snapshot);
    }
    let longer = [&first[..], &[0]].concat();
    assert_eq!(refused(&[&longer]), Reason::Snapshot);
    // Out of order, or twice, and more than a chain can have.
    assert_eq!(refused(&[second, first]), Reason::Snapshot);
    assert_eq!(refused(&[first, first]), Reason::Snapshot);
    let names = |from: u8, count: u8| {
        (from..from + count).map(|n| pointer(&std::format!("r{n:02}"), n, 1)).collect()
    };
    let many: Vec<_> = [names(0, 16), names(16, 16), names(32, 1)]
        .into_iter()
        .flat_map(|writes| write::registers(begin(writes).0.table()))
        .collect();
    let many: Vec<_> = many.iter().map(Vec::as_slice).collect();
    assert_eq!(refused(&many), Reason::Snapshot);
    let mut full = Chain::new(anchor);
    many[..32].iter().for_each(|register| full.take_register(register).unwrap());
}

#[test]
fn a_replay_up_to_the_anchor_takes_nothing_newer() {
    let (_, events, third) = with_third();
    let mut chain = Chain::up_to(anchor_of(&third));
    chain.replay(&events[..3].concat()).unwrap();
    let before = chain.head().copied();
    let error = chain.apply(&events[3]).unwrap_err();
    assert_eq!((error.event, error.reason), (3, Reason::AfterAnchor));
    assert_eq!(chain.head().copied(), before);
    assert_eq!(chain.proven().unwrap().anchor(), anchor_of(&third));
}

#[test]
fn two_events_at_one_place_are_evidence_of_a_fork() {
    let (chain, frames) = chain_of(3);
    let sign = |byte| {
        append(&mut chain.clone(), &draft(3, vec![pointer("volume", byte, 9)]), &[key(3)]).unwrap()
    };
    let (one, two) = (sign(1), sign(2));
    let fork = |one: &[u8], two: &[u8]| super::fork(&[one, two].concat());
    let evidence = fork(&one, &two).unwrap();
    assert_eq!((evidence.chain, evidence.sequence), (chain.head().unwrap().position.chain, 3));
    assert_ne!(evidence.events[0], evidence.events[1]);
    assert_eq!(fork(&one, &one), None);
    assert_eq!(fork(&one, &frames[2]), None);
    // Not signed is not said.
    let mut forged = two.clone();
    let signature = forged.len() - 40;
    forged[signature] ^= 1;
    assert_eq!((fork(&one, &forged), fork(&forged, &one)), (None, None));
    assert_eq!(fork(&one, &two[..9]), None);
    assert_eq!(fork(&one, &[&two[..], &[0]].concat()), None);
    // The same keys after another event, or in another chain, forked nothing.
    let (mut sibling, _) = chain_of(2);
    append(&mut sibling, &draft(2, vec![]), &[key(2)]).unwrap();
    let after_sibling = append(&mut sibling, &draft(3, vec![]), &[key(3)]).unwrap();
    assert_eq!(fork(&one, &after_sibling), None);
    let firsts = [1, 2].map(|byte| begin(vec![pointer("v", byte, 1)]).1);
    assert_eq!(fork(&firsts[0], &firsts[1]), None);
}

/// The owner recovers where a thief went on: two key sets, both committed to by the event before.
#[test]
fn a_recovery_beside_an_event_is_evidence_of_a_fork_with_the_event_before() {
    let (chain, frames) = chain_of(3);
    let theft = append(&mut chain.clone(), &draft(3, vec![]), &[key(3)]).unwrap();
    let mut recover = draft(3, vec![]);
    (recover.kind, recover.keys) = (Kind::Recovery, recovery(0));
    recover.recovery = Some(recovery(1).digest());
    let recovery_event = append(&mut chain.clone(), &recover, &[recovery_key(0)]).unwrap();
    let fork = |events: &[&[u8]]| super::fork(&events.concat());
    let evidence = fork(&[&frames[2], &theft, &recovery_event]).unwrap();
    assert_eq!((evidence.chain, evidence.sequence), (chain.head().unwrap().position.chain, 3));
    assert!(fork(&[&frames[2], &recovery_event, &theft]).is_some());
    // The same keys do not need it, and it does no harm.
    let other = append(&mut chain.clone(), &draft(3, vec![item("l", 1)]), &[key(3)]).unwrap();
    assert!(fork(&[&frames[2], &theft, &other]).is_some());
    // Without it, with another one, with one too many.
    assert_eq!(fork(&[&theft, &recovery_event]), None);
    assert_eq!(fork(&[&frames[1], &theft, &recovery_event]), None);
    assert_eq!(fork(&[&frames[1], &frames[2], &theft, &recovery_event]), None);
    assert_eq!(fork(&[&frames[2], &theft, &recovery_event, &theft]), None);
    // One that commits to the same keys and stands elsewhere.
    let sibling = draft(2, vec![item("l", 1)]);
    let sibling = append(&mut chain_of(2).0, &sibling, &[key(2)]).unwrap();
    assert_eq!(fork(&[&sibling, &theft, &recovery_event]), None);
    // An event of another number that names the same one before.
    let misplaced = hostile::event_at(&chain, 4);
    assert_eq!(fork(&[&theft, &misplaced]), None);
    // An event of another chain that names the same one before.
    let foreign = hostile::event_of(&chain, Digest([3; 32]));
    assert_eq!(fork(&[&theft, &foreign]), None);
    assert_eq!(fork(&[&frames[2], &theft, &theft]), None);
    // A stranger's event at that place.
    let mut stranger = hostile::event_by(&chain, &key(77));
    assert_eq!(fork(&[&frames[2], &theft, &stranger]), None);
    // Signed by nobody: any of the three.
    stranger = recovery_event.clone();
    let signature = stranger.len() - 40;
    stranger[signature] ^= 1;
    assert_eq!(fork(&[&frames[2], &theft, &stranger]), None);
    let mut before = frames[2].clone();
    let signature = before.len() - 40;
    before[signature] ^= 1;
    assert_eq!(fork(&[&before, &theft, &recovery_event]), None);
}

#[test]
fn a_chain_that_was_begun_again_inside_an_event_refuses_it() {
    let (third, events, _) = with_third();
    let anchor = anchor_of(&chain_of(1).0);
    type Change = fn(&mut Chain);
    let changes: [(Change, bool); 4] = [
        (|_| {}, true),
        (|chain| chain.restart(Anchor::first(Digest([7; 32]))), false),
        (|chain| chain.without_registers().unwrap(), false),
        (
            |chain| {
                let register = write::registers(chain_of(2).0.table()).remove(0);
                chain.take_register(&register).unwrap();
            },
            false,
        ),
    ];
    for (change, is_accepted) in changes {
        let (mut chain, mut feed) = (Chain::new(anchor), Feed::new());
        let (last, most) = events[0].split_last().unwrap();
        feed.push(&mut chain, most).unwrap();
        change(&mut chain);
        let result = feed.push(&mut chain, &[*last]).map_err(|error| error.reason);
        assert_eq!(result, if is_accepted { Ok(()) } else { Err(Reason::Resumed) });
        assert_eq!(chain.head().is_some(), is_accepted);
    }
    // Nor does it go on with the event of another chain's head.
    let (mut chain, mut feed) = (Chain::new(anchor), Feed::new());
    let (last, most) = events[1].split_last().unwrap();
    feed.push(&mut chain, &[&events[0], most].concat()).unwrap();
    chain.restart(anchor_of(&third));
    assert_eq!(feed.push(&mut chain, &[*last]).map_err(|e| e.reason), Err(Reason::Resumed));
}
