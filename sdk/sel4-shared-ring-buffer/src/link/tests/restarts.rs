//! Random interleavings of two honest ends that may die and start again at any operation.

use core::cell::Cell;
use std::boxed::Box;
use std::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::*;

const SLOTS: usize = 4;
const RESTARTS_MIN: usize = if cfg!(miri) { 10 } else { 10_000 };
const HISTORIES: u32 = if cfg!(miri) { 2 } else { 400 };

/// A message that says which life sent it to which, and as the how manieth.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
struct Letter {
    sender: u32,
    receiver: u32,
    number: u32,
    check: u32,
}

impl Letter {
    fn new(sender: u32, receiver: u32, number: u32) -> Self {
        Self { sender, receiver, number, check: sender ^ receiver.rotate_left(8) ^ !number }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    Flush,
    Receive,
    Arm,
    /// The program dies; nobody starts it.
    Die,
    /// The program starts anew, whether it lived or not.
    Restart,
    /// It starts anew and dies again before the peer can talk to it.
    DieStarting,
    /// It lives on and resets its end.
    Reset,
}

type End<'a> = LinkEnd<'a, Letter, Letter, SLOTS, Box<dyn FnMut() + 'a>>;

/// One side of the experiment: an end that may be dead, and what we know of it.
struct Actor<'a> {
    end: Option<End<'a>>,
    /// Messages sent and received in the current pair of lives.
    sent: u32,
    received: u32,
    /// Set by the peer's notification.
    woken: &'a Cell<bool>,
    is_asleep: bool,
}

/// The generation that the peer of `actor` now shows in shared memory.
fn shown(side: &Side) -> u32 {
    side.epoch().generation.max(Epoch::FIRST)
}

struct World<'a> {
    link: &'a RawLink<Letter, Letter, SLOTS>,
    actors: [Actor<'a>; 2],
    restarts: usize,
}

impl<'a> World<'a> {
    fn sides(&self) -> [&'a Side; 2] {
        [&self.link.client, &self.link.server]
    }

    fn start(&mut self, who: usize) {
        let woken = self.actors[1 - who].woken;
        let notify: Box<dyn FnMut() + 'a> = Box::new(move || woken.set(true));
        let end = if who == 0 { self.link.client(notify) } else { self.link.server(notify) };
        self.actors[who].end = Some(end);
        self.begin_life(who);
    }

    fn begin_life(&mut self, who: usize) {
        self.restarts += 1;
        let actor = &mut self.actors[who];
        (actor.sent, actor.received, actor.is_asleep) = (0, 0, false);
    }

    fn run(&mut self, who: usize, step: Step) {
        match step {
            Step::Die => self.actors[who].end = None,
            Step::Restart => self.start(who),
            Step::DieStarting => {
                self.actors[who].end = None;
                self.sides()[who].begin();
                self.restarts += 1;
            }
            _ if self.actors[who].end.is_none() => {}
            Step::Reset => {
                self.actors[who].end.as_mut().unwrap().reset();
                self.begin_life(who);
            }
            Step::Send => self.send(who),
            Step::Flush => self.actors[who].end.as_mut().unwrap().flush(),
            Step::Receive => {
                self.receive(who);
            }
            Step::Arm => {
                let actor = &mut self.actors[who];
                actor.woken.set(false);
                actor.is_asleep = actor.end.as_mut().unwrap().arm();
            }
        }
    }

    fn send(&mut self, who: usize) {
        let actor = &mut self.actors[who];
        let end = actor.end.as_mut().unwrap();
        let letter = Letter::new(end.own_generation(), end.peer_generation(), actor.sent);
        match end.send(letter) {
            Ok(()) => actor.sent += 1,
            Err(error) => assert_eq!(error, SendError::Full),
        }
    }

    /// One look, checked against what we know: answers whether there was something.
    fn receive(&mut self, who: usize) -> bool {
        let peer = shown(self.sides()[1 - who]);
        let actor = &mut self.actors[who];
        actor.is_asleep = false;
        let end = actor.end.as_mut().unwrap();
        let known = end.peer_generation();
        match end.receive() {
            Ok(Some(letter)) => {
                assert_eq!(known, peer, "a restart is noticed at the next access");
                let expected =
                    Letter::new(end.peer_generation(), end.own_generation(), actor.received);
                assert_eq!(letter, expected);
                actor.received += 1;
                true
            }
            Ok(None) => {
                assert_eq!(known, peer, "a restart is noticed at the next access");
                false
            }
            Err(error) => {
                assert_eq!(error, LinkError::PeerRestarted);
                assert_ne!(known, peer, "a restart is reported once");
                assert_eq!(end.peer_generation(), peer);
                (actor.sent, actor.received) = (0, 0);
                true
            }
        }
    }

    /// At most a report and a full ring can be waiting.
    fn receive_all(&mut self, who: usize) {
        let found = (0..SLOTS + 2).take_while(|_| self.receive(who)).count();
        assert!(found < SLOTS + 2, "there is no end to it");
    }

    /// A sleeping end whose peer has flushed must have been woken if there is anything for it.
    fn check_sleeper(&mut self, who: usize) {
        let peer = self.sides()[1 - who];
        let actor = &self.actors[who];
        let Some(end) = &actor.end else { return };
        let has_news = shown(peer) != end.peer_generation()
            || (peer.epoch() == end.expected
                && end.rx.peer_index() != end.told.0
                && end.rx.peer_moved());
        let has_flushed = self.actors[1 - who].end.as_ref().is_some_and(|peer| !peer.has_restarted);
        assert!(!(actor.is_asleep && has_news && has_flushed) || actor.woken.get());
    }

    /// Both start if dead and talk until nothing is left; then a full ring each way arrives.
    fn settle(&mut self) {
        for who in [0, 1] {
            if self.actors[who].end.is_none() {
                self.start(who);
            }
        }
        for who in [0, 1, 0, 1] {
            self.run(who, Step::Flush);
            self.receive_all(1 - who);
        }
        for who in [0, 1] {
            let peer = 1 - who;
            assert_eq!(self.actors[peer].received, self.actors[who].sent, "all arrived");
            for _ in 0..SLOTS {
                self.send(who);
            }
            self.run(who, Step::Flush);
            self.receive_all(peer);
            assert_eq!(self.actors[peer].received, self.actors[who].sent, "all arrived");
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        8 => Just(Step::Send),
        4 => Just(Step::Flush),
        8 => Just(Step::Receive),
        3 => Just(Step::Arm),
        1 => Just(Step::Die),
        4 => Just(Step::Restart),
        1 => Just(Step::DieStarting),
        1 => Just(Step::Reset),
    ];
    vec((0..2_usize, step), 1..300)
}

/// Runs one history; answers how many lives began in it.
fn live_through(history: &[(usize, Step)]) -> usize {
    let link = RawLink::new();
    let woken = [Cell::new(false), Cell::new(false)];
    let actor = |woken| Actor { end: None, sent: 0, received: 0, woken, is_asleep: false };
    let mut world =
        World { link: &link, actors: [actor(&woken[0]), actor(&woken[1])], restarts: 0 };
    for &(who, step) in history {
        world.run(who, step);
        world.check_sleeper(0);
        world.check_sleeper(1);
    }
    world.settle();
    world.restarts
}

#[test]
fn no_history_of_restarts_loses_mixes_or_repeats_a_message() {
    let restarts = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: HISTORIES, ..Config::default() });
    runner
        .run(&steps(), |history| {
            restarts.set(restarts.get() + live_through(&history));
            Ok(())
        })
        .unwrap();
    assert!(restarts.get() >= RESTARTS_MIN, "only {} restarts", restarts.get());
}
