//! The protocol under every interleaving and every reordering that the memory model allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p sel4-shared-ring-buffer --release loom`

use std::vec::Vec;

use loom::sync::{Arc, Notify};
use loom::thread;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{LinkEnd, LinkError, RawLink, SendError};

/// Two words that must arrive together.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
struct Pair(u64, u64);

const fn pair(value: u64) -> Pair {
    Pair(value, !value)
}

type Link<const N: usize> = RawLink<Pair, Pair, N>;

/// Explores `body` with up to `preemptions` involuntary switches.
fn explore(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(body);
}

/// Receives until nothing is left; reports restarts as `None`.
fn drain<const N: usize, F: FnMut()>(end: &mut LinkEnd<'_, Pair, Pair, N, F>) -> Vec<Option<u64>> {
    let mut seen = Vec::new();
    loop {
        match end.receive() {
            Ok(Some(message)) => {
                assert_eq!(message, pair(message.0), "torn message");
                seen.push(Some(message.0));
            }
            Ok(None) => return seen,
            Err(LinkError::PeerRestarted) => seen.push(None),
            Err(LinkError::PeerMisbehavior) => panic!("honest peers are not accused"),
        }
    }
}

#[test]
fn messages_arrive_whole_in_order_and_once() {
    explore(3, || {
        let link = Arc::new(Link::<2>::new());
        let sender = thread::spawn({
            let link = link.clone();
            move || {
                let mut client = link.client(|| ());
                for value in 1..=3 {
                    let sent = client.send(pair(value));
                    client.flush();
                    if sent == Err(SendError::Full) {
                        return value;
                    }
                }
                4
            }
        });
        let mut server = link.server(|| ());
        let mut seen = drain(&mut server);
        let unsent = sender.join().unwrap();
        seen.extend(drain(&mut server));
        let expected: Vec<_> = (1..unsent).map(Some).collect();
        assert_eq!(seen, expected);
    });
}

#[test]
fn no_wake_up_for_a_message_is_lost() {
    explore(3, || {
        let link = Arc::new(Link::<2>::new());
        let bell = Arc::new(Notify::new());
        let sender = thread::spawn({
            let (link, bell) = (link.clone(), bell.clone());
            move || {
                let mut client = link.client(|| bell.notify());
                for value in 1..=2 {
                    client.send(pair(value)).unwrap();
                    client.flush();
                }
            }
        });
        let mut server = link.server(|| ());
        let mut seen = Vec::new();
        while seen.len() < 2 {
            seen.extend(drain(&mut server));
            if seen.len() < 2 && server.arm() {
                bell.wait();
            }
        }
        assert_eq!(seen, [Some(1), Some(2)]);
        sender.join().unwrap();
    });
}

#[test]
fn no_wake_up_for_room_is_lost() {
    explore(3, || {
        let link = Arc::new(Link::<1>::new());
        let (to_client, to_server) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let sender = thread::spawn({
            let (link, to_client, to_server) = (link.clone(), to_client.clone(), to_server.clone());
            move || {
                let mut client = link.client(|| to_server.notify());
                for value in 1..=2 {
                    while client.send(pair(value)) == Err(SendError::Full) {
                        if client.arm() {
                            to_client.wait();
                        }
                        assert_eq!(client.receive(), Ok(None));
                    }
                }
                client.flush();
            }
        });
        let mut server = link.server(|| to_client.notify());
        let mut seen = Vec::new();
        while seen.len() < 2 {
            seen.extend(drain(&mut server));
            if server.arm() && seen.len() < 2 {
                to_server.wait();
            }
        }
        assert_eq!(seen, [Some(1), Some(2)]);
        sender.join().unwrap();
    });
}

/// What a receiver may see of a peer that said 1 and 2 in its first life and 3 in its second: a
/// prefix of the first life, one report, all of the second.
fn assert_consistent(seen: &[Option<u64>]) {
    let allowed: [&[Option<u64>]; 3] =
        [&[None, Some(3)], &[Some(1), None, Some(3)], &[Some(1), Some(2), None, Some(3)]];
    assert!(allowed.contains(&seen), "{seen:?}");
}

#[test]
fn a_restarting_sender_mixes_no_lives() {
    explore(3, || {
        let link = Arc::new(Link::<2>::new());
        let mut server = link.server(|| ());
        let mut client = link.client(|| ());
        client.send(pair(1)).unwrap();
        client.send(pair(2)).unwrap();
        client.flush();
        let sender = thread::spawn({
            let link = link.clone();
            move || {
                let mut client = link.client(|| ());
                client.send(pair(3)).unwrap();
                client.flush();
                // The server may not have noticed yet: what was sent must survive that.
                drain(&mut client)
            }
        });
        let mut seen = drain(&mut server);
        assert_eq!(sender.join().unwrap(), [], "the server never restarted");
        seen.extend(drain(&mut server));
        assert_consistent(&seen);
    });
}

#[test]
fn a_restarting_receiver_hears_only_what_was_meant_for_it() {
    explore(3, || {
        let link = Arc::new(Link::<2>::new());
        let sender = thread::spawn({
            let link = link.clone();
            move || {
                let mut client = link.client(|| ());
                client.send(pair(1)).unwrap();
                client.flush();
                let reports = drain(&mut client);
                client.send(pair(2)).unwrap();
                client.flush();
                (client.own_generation(), client.peer_generation(), reports)
            }
        });
        let first = drain(&mut link.server(|| ()));
        let mut server = link.server(|| ());
        let mut second = drain(&mut server);
        let (_, addressee, reports) = sender.join().unwrap();
        second.extend(drain(&mut server));
        assert!(reports.len() <= 1 && reports.iter().all(Option::is_none));
        if addressee == server.own_generation() {
            assert_eq!(second.iter().flatten().last(), Some(&2), "{second:?}");
            assert!(!second.contains(&Some(1)) || reports.is_empty());
        } else {
            assert_eq!(second, [], "first life heard {first:?}");
        }
    });
}

#[test]
fn both_ends_restart_and_meet() {
    explore(2, || {
        let link = Arc::new(Link::<1>::new());
        link.client(|| ()).send(pair(1)).unwrap();
        link.server(|| ()).send(pair(2)).unwrap();
        let sender = thread::spawn({
            let link = link.clone();
            move || {
                let mut client = link.client(|| ());
                client.send(pair(3)).unwrap();
                client.flush();
                let seen = drain(&mut client);
                (client.peer_generation(), seen)
            }
        });
        let mut server = link.server(|| ());
        server.send(pair(4)).unwrap();
        server.flush();
        let heard = drain(&mut server);
        let (addressee, seen) = sender.join().unwrap();
        let mut heard_all = heard;
        heard_all.extend(drain(&mut server));
        for (list, value) in [(&heard_all, 3), (&seen, 4)] {
            assert!(list.iter().flatten().all(|found| *found == value), "{list:?}");
            assert!(list.iter().filter(|entry| entry.is_none()).count() <= 1, "{list:?}");
        }
        if addressee == server.own_generation() && !seen.contains(&None) {
            assert_eq!(heard_all.last(), Some(&Some(3)));
        }
    });
}

#[test]
fn a_sleeper_is_woken_by_a_restart() {
    explore(3, || {
        let link = Arc::new(Link::<1>::new());
        let bell = Arc::new(Notify::new());
        let mut server = link.server(|| ());
        link.client(|| ());
        let sender = thread::spawn({
            let (link, bell) = (link.clone(), bell.clone());
            move || {
                link.client(|| bell.notify());
            }
        });
        loop {
            match server.receive() {
                Ok(None) => {
                    if server.arm() {
                        bell.wait();
                    }
                }
                Err(LinkError::PeerRestarted) => break,
                other => panic!("{other:?}"),
            }
        }
        sender.join().unwrap();
    });
}
