//! A crowd and a hostile neighbour on the cable: whatever comes, the system stays up and serves right
//! bytes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cairn_tests::crowd;
use cairn_tests::frames::{self, TcpAnswer};
use cairn_tests::machine::{Clock, Machine, PATIENCE};
use cairn_tests::random::Random;
use cairn_tests::wire::{Socket, Wire};
use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::house::House;
use crate::reading::target;
use crate::shared::{Shared, named, trials};

/// The one port that is open.
const HTTP: u16 = 80;
/// How long the guest may take for an answer before the question is repeated.
const ROUND: Duration = Duration::from_secs(2);
/// Clients of a burst.
const CLIENTS: usize = 100;
/// How long a burst may take that takes half a second on an idle machine.
const BURST: Duration = Duration::from_secs(15);
/// From connecting until a client of a burst asks: far less than the second after which it gives way.
const PAUSE: Duration = Duration::from_millis(50);

/// A machine with an open cable. Tests use it one after the other.
pub(crate) struct Wired {
    house: Shared<House>,
    wire: Mutex<Wire>,
    machine: Machine,
    _folder: TempDir,
}

impl Wired {
    pub(crate) fn boot(house: &Shared<House>, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (machine, wire) = boot(house.get(), name, folder.path());
        Self { house: house.clone(), wire: Mutex::new(wire), machine, _folder: folder }
    }

    fn assert_serves(&self) {
        for path in ["block-and-one.bin", "large/mebibyte.bin"] {
            let response = self.machine.get(&target(path));
            assert_eq!(response.status, 200, "{path}");
            assert!(response.body == self.house.get().files[path], "{path}");
        }
        let status: Value = serde_json::from_slice(&self.machine.get("/status").body).unwrap();
        for pd in status["pds"].as_array().unwrap() {
            assert_eq!((&pd["state"], &pd["faults"]), (&"running".into(), &0.into()), "{pd}");
        }
    }
}

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let house = house.clone();
    let wired = Shared::new(move || Wired::boot(&house, "network"));
    let tests = named!["network":
        ping_is_answered,
        a_port_scan_finds_one_port,
        everybody_in_a_burst_is_answered,
        half_open_connections_shut_nobody_out,
        malformed_frames_are_survived,
    ];
    trials(&wired, tests)
}

/// A machine with the pinned volume whose cable is open.
pub(crate) fn boot(house: &House, name: &str, folder: &Path) -> (Machine, Wire) {
    let socket = Socket::new(folder);
    let arguments = socket.arguments.clone();
    // The machine has no address before frames pass.
    std::thread::scope(|scope| {
        let wire = scope.spawn(|| socket.open());
        let machine = house.boot_with(name, &house.volume, Clock::GHZ, &arguments);
        (machine, wire.join().unwrap())
    })
}

pub(crate) fn ping_is_answered(wired: &Wired) {
    let wire = wired.wire.lock().unwrap();
    for (number, len) in (0..).zip([0, 1, 56, 512, 1472]) {
        let data = Random(len).bytes(usize::try_from(len).unwrap());
        let deadline = Instant::now() + PATIENCE;
        let answer = loop {
            wire.send(&frames::echo_request(7, number, &data));
            let is_it = |frame: &[u8]| frames::echo_reply(frame).filter(|reply| reply.1 == number);
            if let Some(answer) = wire.find(ROUND, is_it) {
                break answer;
            }
            assert!(Instant::now() < deadline, "no answer to {len} bytes");
        };
        assert_eq!(answer, (7, number, data));
    }
}

pub(crate) fn a_port_scan_finds_one_port(wired: &Wired) {
    let wire = wired.wire.lock().unwrap();
    let mut silent: BTreeSet<u16> = (1..=1024).collect();
    let mut open = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    while !silent.is_empty() && Instant::now() < deadline {
        for &port in &silent {
            wire.send(&frames::syn(40_000, port, 1000));
        }
        while let Some((port, to, said)) = wire.find(ROUND, frames::tcp_answer) {
            if to == 40_000 && silent.remove(&port) && said == TcpAnswer::Accepted {
                open.insert(port);
            }
            if silent.is_empty() {
                break;
            }
        }
    }
    assert_eq!((silent, open), (BTreeSet::new(), BTreeSet::from([HTTP])));
    wired.assert_serves();
}

pub(crate) fn everybody_in_a_burst_is_answered(wired: &Wired) {
    let wire = wired.wire.lock().unwrap();
    let path = "block-and-one.bin";
    let (file, state) = (target(path), "/status");
    let asked = [&file, state].repeat(CLIENTS / 2);
    for (round, first_port) in (0..10).zip((20_000..).step_by(CLIENTS)) {
        let begun = Instant::now();
        let responses = crowd::ask_all(&wire, &asked, first_port, PAUSE, begun + BURST);
        println!("round {round}: {} clients in {:?}", responses.len(), begun.elapsed());
        for (response, target) in responses.iter().zip(&asked) {
            assert_eq!(response.status, 200, "{target}");
            if *target == state {
                serde_json::from_slice::<Value>(&response.body).unwrap();
            } else {
                assert!(response.body == wired.house.get().files[path]);
            }
        }
    }
    wired.assert_serves();
}

pub(crate) fn half_open_connections_shut_nobody_out(wired: &Wired) {
    let wire = wired.wire.lock().unwrap();
    for round in 0..4 {
        for port in 0..1000 {
            wire.send(&frames::syn(10_000 + port, HTTP, round));
        }
        let accepted = wire.find(ROUND, |frame| {
            frames::tcp_answer(frame)
                .filter(|(port, _, said)| (*port, *said) == (HTTP, TcpAnswer::Accepted))
        });
        assert!(accepted.is_some(), "the guest saw none of them");
        // They stay half open: nobody answers the guest's SYN+ACK.
        catch_up(&wire);
        wired.assert_serves();
    }
}

pub(crate) fn malformed_frames_are_survived(wired: &Wired) {
    let wire = wired.wire.lock().unwrap();
    let mut random = Random(0xbad);
    for _ in 0..10 {
        for _ in 0..3000 {
            wire.send(&frames::malformed(&mut random));
        }
        catch_up(&wire);
        wired.assert_serves();
        wire.clear();
    }
}

/// Waits until the guest has seen all that was sent: it answers a ping that comes behind. What still
/// arrives meanwhile may push out the handshake of an honest client. What was sent may have said that
/// somebody else has our address, so we introduce ourselves first.
fn catch_up(wire: &Wire) {
    let heard = (0..10).any(|number| {
        wire.send(&frames::question());
        wire.send(&frames::echo_request(9, number, b"still there?"));
        let reply = |frame: &[u8]| frames::echo_reply(frame).filter(|reply| reply.0 == 9);
        wire.find(ROUND, reply).is_some()
    });
    assert!(heard, "the guest hears nothing any more");
}
