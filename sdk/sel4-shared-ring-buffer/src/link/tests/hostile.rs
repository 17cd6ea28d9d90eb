//! A peer that writes anything anywhere in the shared region, at any time.

use proptest::collection::vec;
use proptest::prelude::*;
use std::vec::Vec;

use super::*;
use crate::sync::AtomicU32;

const SLOTS: usize = 4;
type Link = RawLink<u64, u64, SLOTS>;

#[derive(Clone, Debug)]
enum Step {
    /// The peer overwrites a 32-bit word of the link.
    Poke(usize, u32),
    Send,
    Flush,
    Receive,
    ReceiveBatch(usize),
    Room,
    Arm,
    Reset,
}

fn poke(link: &Link, word: usize, value: u32) {
    let words = core::ptr::from_ref(link).cast::<u32>().cast_mut();
    assert!(word < size_of::<Link>() / 4);
    // SAFETY: within the link, as just checked.
    let address = unsafe { words.add(word) };
    // SAFETY: aligned; all fields of a link are reached atomically, and nobody reads padding.
    unsafe { AtomicU32::from_ptr(address) }.store(value, Ordering::SeqCst);
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Epochs, sleep words and indices are where lies hurt; small values are where they pass.
    let control = prop::sample::select(std::vec![0_usize, 1, 2, 3, 16, 17, 18, 19, 32, 33, 42, 43]);
    // Padding is not this program's to write, says Miri; a peer may.
    let anywhere = if cfg!(miri) { 0..4 } else { 0..size_of::<Link>() / 4 };
    let word = prop_oneof![8 => control, 2 => anywhere];
    let value = prop_oneof![0..12_u32, any::<u32>(), (0..12_u32).prop_map(|low| u32::MAX - low)];
    let step = prop_oneof![
        10 => (word, value).prop_map(|(word, value)| Step::Poke(word, value)),
        6 => Just(Step::Send),
        3 => Just(Step::Flush),
        8 => Just(Step::Receive),
        3 => (0..7_usize).prop_map(Step::ReceiveBatch),
        2 => Just(Step::Room),
        3 => Just(Step::Arm),
        1 => Just(Step::Reset),
    ];
    vec(step, 1..120)
}

/// One operation of the victim: it may fail, but cut off it stays until it rests.
fn suffer<F: FnMut()>(victim: &mut LinkEnd<'_, u64, u64, SLOTS, F>, step: &Step) {
    let was_cut_off = victim.is_cut_off();
    match *step {
        Step::Poke(..) => {}
        Step::Send => {
            let result = victim.send(1);
            assert!(!was_cut_off || result == Err(SendError::PeerMisbehavior));
        }
        Step::Flush => victim.flush(),
        Step::Receive => {
            let result = victim.receive();
            assert!(!was_cut_off || result == Err(LinkError::PeerMisbehavior));
        }
        Step::ReceiveBatch(count) => {
            let result = victim.receive_batch(&mut [0; 6][..count.min(6)]);
            assert!(result.is_err() || result.unwrap() <= count.min(SLOTS));
        }
        Step::Room => assert!(victim.room() <= SLOTS),
        Step::Arm => {
            let _ = victim.arm();
        }
        Step::Reset => victim.reset(),
    }
    let stays = was_cut_off && !matches!(step, Step::Reset | Step::Arm);
    assert!(!stays || victim.is_cut_off(), "misbehavior is sticky");
}

/// Until `arm` says sleep: the peer stands still, so this must end.
fn come_to_rest<F: FnMut()>(victim: &mut LinkEnd<'_, u64, u64, SLOTS, F>) {
    for _ in 0..8 {
        for _ in 0..SLOTS {
            if !matches!(victim.receive(), Ok(Some(_))) {
                break;
            }
        }
        if victim.arm() {
            return;
        }
    }
    panic!("kept awake by a peer that does nothing");
}

fn exchange(link: &Link, victim_is_server: bool, history: &[Step]) {
    let idle: fn() = || ();
    let meter = Meter::new();
    let victim = if victim_is_server { link.server(idle) } else { link.client(idle) };
    let mut victim = victim.metered(&meter);
    for step in history {
        if let Step::Poke(word, value) = *step {
            poke(link, word, value);
        }
        suffer(&mut victim, step);
        let [capacity, waiting, most, violations] = meter.words();
        assert!(waiting <= most && most <= capacity, "{waiting}, {most} of {capacity}");
        assert!(violations > 0 || !victim.is_cut_off());
    }
    come_to_rest(&mut victim);

    // The peer is replaced by an honest one, and the victim's end is reset: all is well again.
    let mut honest = if victim_is_server { link.client(idle) } else { link.server(idle) };
    victim.reset();
    // Each started or reset after the other last looked, at most once.
    for end in [&mut victim, &mut honest] {
        let report = end.receive();
        assert!(matches!(report, Ok(None) | Err(LinkError::PeerRestarted)), "{report:?}");
    }
    for message in 0..SLOTS as u64 {
        victim.send(message).unwrap();
        honest.send(message).unwrap();
    }
    victim.flush();
    honest.flush();
    let mut all = [0; SLOTS];
    assert_eq!((victim.receive_batch(&mut all), all), (Ok(SLOTS), [0, 1, 2, 3]));
    assert_eq!((honest.receive_batch(&mut all), all), (Ok(SLOTS), [0, 1, 2, 3]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 2_000 }))]

    #[test]
    fn nothing_a_peer_writes_breaks_more_than_its_own_link(
        victim_is_server: bool,
        history in steps(),
    ) {
        exchange(&Link::new(), victim_is_server, &history);
    }
}

/// A stray write into the indices: whoever suffers starts anew, and both go on.
#[test]
fn a_link_that_was_damaged_once_heals_in_one_turn() {
    // Write index of requests, read index of completions: the client's.
    for word in [32, 32 + 2 + 2 * SLOTS + 1] {
        let link = Link::new();
        let (mut client, mut server) = (link.client(|| ()), link.server(|| ()));
        client.send(1).unwrap();
        client.flush();
        assert_eq!(server.receive(), Ok(Some(1)));
        for answer in 0..SLOTS as u64 {
            server.send(answer).unwrap();
        }
        server.flush();
        poke(&link, word, 0x5555);
        let found: Result<(), _> = server.receive().and_then(|_| match server.send(9) {
            Err(SendError::PeerMisbehavior) => Err(LinkError::PeerMisbehavior),
            other => panic!("{other:?}"),
        });
        assert_eq!(found, Err(LinkError::PeerMisbehavior), "word {word}");
        assert!(!server.arm(), "the cut-off is over");
        assert_eq!(server.receive(), Err(LinkError::PeerRestarted), "what was sent is void");
        assert_eq!(client.receive(), Err(LinkError::PeerRestarted));
        client.send(2).unwrap();
        client.flush();
        assert_eq!(server.receive(), Ok(Some(2)));
        server.send(3).unwrap();
        server.flush();
        assert_eq!(client.receive(), Ok(Some(3)));
    }
}

#[test]
fn a_peer_that_goes_on_is_cut_off_for_longer_each_time() {
    let link = Link::new();
    let mut server = link.server(|| ());
    let mut turns = std::vec::Vec::new();
    for _ in 0..6 {
        // It serves our life, and writes nonsense into its index.
        poke(&link, 0, server.own_generation());
        poke(&link, 1, 1);
        poke(&link, 32, 0x5555);
        assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
        let mut count = 1;
        while server.arm() {
            assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
            count += 1;
        }
        assert_eq!(server.receive(), Err(LinkError::PeerRestarted));
        turns.push(count);
    }
    assert_eq!(turns, [1, 2, 4, 8, 16, 32]);
}

#[test]
fn flapping_generations_cost_one_report_each() {
    let link = Link::new();
    let mut server = link.server(|| ());
    for generation in 2..2_000 {
        poke(&link, 1, generation);
        assert_eq!(server.receive(), Err(LinkError::PeerRestarted));
        assert_eq!(server.receive(), Ok(None));
        assert!(server.arm());
    }
}

#[test]
fn taking_an_acknowledgement_back_is_misbehavior() {
    let link = Link::new();
    let mut server = link.server(|| ());
    let _client = link.client(|| ());
    assert_eq!(server.receive(), Ok(None));
    poke(&link, 0, 0);
    assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
}

#[test]
fn generation_zero_after_life_is_misbehavior() {
    let link = Link::new();
    let _client = link.client(|| ());
    let _client = link.client(|| ());
    let mut server = link.server(|| ());
    poke(&link, 1, 0);
    assert_eq!(server.receive(), Err(LinkError::PeerMisbehavior));
}

#[test]
fn unread_completions_do_not_keep_a_server_awake() {
    let link = Link::new();
    let (mut client, mut server) = (link.client(|| ()), link.server(|| ()));
    for round in 0..2 {
        for message in 0..SLOTS as u64 {
            client.send(message).unwrap();
        }
        client.flush();
        while server.room() > 0 {
            let Ok(Some(request)) = server.receive() else { break };
            server.send(request).unwrap();
        }
        if round == 1 {
            assert!(!server.arm(), "there are requests");
            assert_eq!(server.room(), 0);
        }
        assert!(server.arm(), "no room for their completions");
    }
    assert_eq!(client.receive(), Ok(Some(0)));
    client.flush();
    assert!(!server.arm(), "there is room");
    assert_eq!((server.room(), server.receive()), (1, Ok(Some(0))));
}

#[test]
fn a_lying_sleep_word_costs_at_most_one_notification_per_flush() {
    let link = Link::new();
    let count = core::cell::Cell::new(0);
    let mut server = link.server(|| count.set(count.get() + 1));
    let mut client = link.client(|| ());
    for value in 0..100 {
        poke(&link, 2, value);
        let before = count.get();
        server.send(1).unwrap();
        server.flush();
        assert!(count.get() <= before + 1);
        assert_eq!(client.receive(), Ok(Some(1)));
    }
}
