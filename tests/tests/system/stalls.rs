//! The host takes the CPU away from the machine, again and again: time goes on, programs do not. The
//! kernel charges that to whoever ran, and nobody is to be called hung for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cairn_tests::machine::{Clock, Machine};
use cairn_tests::random::Random;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::house::House;
use crate::reading::target;
use crate::shared::{OnDrop, Shared, named, trials};
use crate::status::PDS;

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    trials(house, named!["stalls": a_host_that_stalls_makes_nobody_start_again])
}

/// How often the host stalls, and for how long. The short ones cost `pulse` more than a few periods of its
/// budget, the long ones everybody.
const STALLS: [(usize, Duration); 2] =
    [(300, Duration::from_millis(30)), (15, Duration::from_millis(300))];

fn stall(machine: &Machine, random: &mut Random) {
    for (count, pause) in STALLS {
        for _ in 0..count {
            machine.stall(pause);
            // Whoever had to wait runs at once, so stalls that are about a period of `pulse` apart meet it
            // often.
            thread::sleep(Duration::from_micros(8_000 + random.word() % 3_000));
        }
    }
}

fn a_host_that_stalls_makes_nobody_start_again(house: &House) {
    let machine = house.boot_with("stalls", &house.volume, Clock::Host, &[]);
    let (mut random, is_over) = (Random(1), AtomicBool::new(false));
    stall(&machine, &mut random);
    thread::scope(|scope| {
        scope.spawn(|| {
            for (path, content) in house.files.iter().cycle() {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let response = machine.get(&target(path));
                assert!(response.status == 200 && response.body == *content, "{path}");
            }
        });
        let _end = OnDrop(&is_over);
        stall(&machine, &mut random);
    });
    let status: Value = serde_json::from_slice(&machine.get("/status").body).unwrap();
    let pds = status["pds"].as_array().unwrap();
    assert_eq!(pds.len(), PDS.len());
    for pd in pds {
        assert_eq!((&pd["restarts"], &pd["faults"]), (&0.into(), &0.into()), "{pd}");
        assert_eq!(pd["state"], "running", "{pd}");
    }
}
