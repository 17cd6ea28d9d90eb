//! Replay from the middle, and forks.

use super::*;
use crate::write::snapshot;

/// A chain of five events, its frames, and the registers after the third.
fn with_snapshot() -> (Chain, Vec<Vec<u8>>, Vec<u8>) {
    let (three, _) = chain_of(3);
    let (five, frames) = chain_of(5);
    (five, frames, snapshot(three.proven().unwrap().registers()))
}

fn anchor_at(frames: &[Vec<u8>]) -> Anchor {
    let (first, _) = first_event(&frames[0]).unwrap();
    let mut chain = Chain::new(Anchor::first(first.digest));
    chain.replay(&frames.concat()).unwrap();
    chain.proven().unwrap().anchor()
}

#[test]
fn resumes_at_the_anchor_and_goes_on() {
    let (made, frames, registers) = with_snapshot();
    let mut chain = Chain::new(anchor_at(&frames[..3]));
    chain.resume(&frames[2], &registers).unwrap();
    assert_eq!(chain.proven().unwrap().anchor().sequence, 2);
    chain.replay(&frames[3..].concat()).unwrap();
    assert_eq!(chain.head(), made.head());
    let value = made.proven().unwrap().register("volume");
    assert_eq!(chain.proven().unwrap().register("volume"), value);
}

#[test]
fn resumes_with_registers_of_every_kind() {
    let writes = vec![pointer("a", 1, 1), release("b", [1, 0, 0], "qemu"), item("c", 3)];
    let (frame, anchor) = first(&draft(0, writes), &[key(0)]).unwrap();
    let mut made = Chain::new(anchor);
    made.apply(&frame).unwrap();
    let registers = snapshot(made.proven().unwrap().registers());
    let mut chain = Chain::new(anchor);
    chain.resume(&frame, &registers).unwrap();
    assert_eq!(snapshot(chain.proven().unwrap().registers()), registers);
    append(&mut chain, &draft(1, vec![item("c", 4)]), &[key(1)]).unwrap();
    append(&mut made, &draft(1, vec![item("c", 4)]), &[key(1)]).unwrap();
    assert_eq!(chain.head(), made.head());
}

#[test]
fn resumes_nowhere_else_and_with_nothing_else() {
    let (_, frames, registers) = with_snapshot();
    let anchor = anchor_at(&frames[..3]);
    let reason = |chain: &mut Chain, frame: &[u8], registers: &[u8]| {
        let error = chain.resume(frame, registers).unwrap_err();
        assert_eq!(error.event, 2);
        error.reason
    };
    let mut chain = Chain::new(anchor);
    for wrong in [0, 1, 3, 4] {
        assert_eq!(reason(&mut chain, &frames[wrong], &registers), Reason::NotAnchored);
    }
    for place in 0..registers.len() {
        let mut bad = registers.clone();
        bad[place] ^= 1;
        assert_eq!(reason(&mut chain, &frames[2], &bad), Reason::State);
        assert_eq!(reason(&mut chain, &frames[2], &registers[..place]), Reason::State);
    }
    let mut unsigned = frames[2].clone();
    *unsigned.last_mut().unwrap() ^= 1;
    assert_eq!(reason(&mut chain, &unsigned, &registers), Reason::BadSignature);
    assert!(chain.head().is_none() && chain.proven().is_err());
    let cut = Reason::Encoding(Problem::Truncated);
    assert_eq!(reason(&mut chain, &frames[2][..9], &registers), cut);
    assert_eq!(reason(&mut chain, &frames[2..4].concat(), &registers), cut);
    // After all these failures the chain is as good as new.
    chain.clone().replay(&frames.concat()).unwrap();
    chain.resume(&frames[2], &registers).unwrap();
    assert_eq!(reason(&mut chain, &frames[2], &registers), Reason::Resumed);
    chain.replay(&frames[3..].concat()).unwrap();
    let mut other_chain = Chain::new(Anchor { chain: Digest([1; 32]), ..anchor });
    assert_eq!(reason(&mut other_chain, &frames[2], &registers), Reason::NotAnchored);
}

#[test]
fn a_snapshot_that_is_none_is_refused_though_it_was_signed() {
    // An owner can sign the digest of anything as the state; a first event cannot lie about it.
    let (mut chain, _) = chain_of(2);
    for registers in [&b"junk"[..], &[0x82], &[0x80, 0]] {
        let state = crate::digest::Domain::State.digest(registers);
        let (frame, digest) =
            crate::write::encode_with_state(&chain, &draft(2, vec![]), state, &key(2));
        let anchor = Anchor { chain: chain.head().unwrap().position.chain, sequence: 2, digest };
        let error = Chain::new(anchor).resume(&frame, registers).unwrap_err();
        assert_eq!(error.reason, Reason::Snapshot);
        assert_eq!(chain.apply(&frame).unwrap_err().reason, Reason::State);
    }
}

#[test]
fn two_events_at_one_place_are_evidence_of_a_fork() {
    let (chain, frames) = chain_of(3);
    let sign = |byte| {
        append(&mut chain.clone(), &draft(3, vec![pointer("volume", byte, 9)]), &[key(3)]).unwrap()
    };
    let (one, two) = (sign(1), sign(2));
    let evidence = fork(&one, &two).unwrap();
    assert_eq!((evidence.chain, evidence.sequence), (chain.head().unwrap().position.chain, 3));
    assert_ne!(evidence.events[0], evidence.events[1]);
    assert_eq!(fork(&one, &one), None);
    assert_eq!(fork(&one, &frames[2]), None);
    // Not signed is not said.
    let mut forged = two.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!((fork(&one, &forged), fork(&forged, &one)), (None, None));
    assert_eq!(fork(&one, &two[..9]), None);
    // The same keys after another event, or in another chain, forked nothing.
    let (sibling, _) = {
        let (mut sibling, _) = chain_of(2);
        append(&mut sibling, &draft(2, vec![]), &[key(2)]).unwrap();
        (sibling, ())
    };
    let after_sibling = append(&mut sibling.clone(), &draft(3, vec![]), &[key(3)]).unwrap();
    assert_eq!(fork(&one, &after_sibling), None);
    let firsts =
        [1, 2].map(|byte| first(&draft(0, vec![pointer("v", byte, 1)]), &[key(0)]).unwrap().0);
    assert_eq!(fork(&firsts[0], &firsts[1]), None);
}
