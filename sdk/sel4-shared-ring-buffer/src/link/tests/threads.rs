//! Both ends on real threads of this machine.

use std::thread;
use std::time::{Duration, Instant};

use super::*;

const MESSAGES: u64 = if cfg!(miri) { 200 } else { 200_000 };
type Link = RawLink<[u64; 3], [u64; 3], 16>;

const fn message(number: u64) -> [u64; 3] {
    [number, !number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)]
}

/// Sleeps until woken. A lost wake-up fails the test instead of hanging it.
fn rest() {
    let start = Instant::now();
    thread::park_timeout(Duration::from_secs(10));
    assert!(start.elapsed() < Duration::from_secs(10), "nobody woke us");
}

#[test]
fn two_threads_echo_with_few_wake_ups() {
    let link = &Link::new();
    thread::scope(|scope| {
        let client_thread = thread::current();
        let server_thread = scope.spawn(move || {
            let mut wake_ups = 0;
            let mut server = link.server(|| {
                wake_ups += 1;
                client_thread.unpark();
            });
            let mut served = 0;
            while served < MESSAGES {
                while server.room() > 0 {
                    let Ok(Some(request)) = server.receive() else { break };
                    server.send(request).unwrap();
                    served += 1;
                }
                if server.arm() && served < MESSAGES {
                    rest();
                }
            }
            server.flush();
            wake_ups
        });
        let peer = server_thread.thread().clone();
        let mut client = link.client(|| peer.unpark());
        let (mut sent, mut received) = (0, 0);
        while received < MESSAGES {
            while sent < MESSAGES && client.send(message(sent)).is_ok() {
                sent += 1;
            }
            client.flush();
            while let Some(completion) = client.receive().unwrap() {
                assert_eq!(completion, message(received));
                received += 1;
            }
            if client.arm() && received < MESSAGES {
                rest();
            }
        }
        let wake_ups: u64 = server_thread.join().unwrap();
        assert!(wake_ups <= MESSAGES, "more wake-ups than messages");
    });
}

#[test]
fn a_client_that_keeps_restarting_is_never_misread() {
    const LIVES: u64 = if cfg!(miri) { 50 } else { 20_000 };
    let link = Link::new();
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            for life in 1..=LIVES {
                let mut client = link.client(|| ());
                for number in 0..1 + life % 16 {
                    let word = life << 8 | number;
                    client.send(message(word)).unwrap();
                    client.flush();
                }
            }
        });
        let mut server = link.server(|| ());
        let (mut life, mut next, mut reports) = (0, 0, 0);
        let mut read =
            |server: &mut ServerEnd<'_, [u64; 3], [u64; 3], 16, _>| match server.receive() {
                Ok(Some(received)) => {
                    assert_eq!(received, message(received[0]), "torn");
                    let found = (received[0] >> 8, received[0] & 0xff);
                    if next == 0 {
                        assert!(found.0 > life, "an old life came back");
                    }
                    assert!(next == 0 || found.0 == life, "two lives between reports");
                    assert_eq!(found.1, next, "lost or repeated");
                    (life, next) = (found.0, next + 1);
                    true
                }
                Ok(None) => false,
                Err(LinkError::PeerRestarted) => {
                    (next, reports) = (0, reports + 1);
                    true
                }
                Err(LinkError::PeerMisbehavior) => panic!("honest peer accused"),
            };
        while !client.is_finished() {
            read(&mut server);
        }
        while read(&mut server) {}
        assert_eq!((life, next), (LIVES, 1 + LIVES % 16), "the last life arrives whole");
        assert!(reports < LIVES);
    });
}
