//! Every PD does every harm to itself while files are read; the system heals by itself.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cairn_tests::environment::Additions;
use cairn_tests::http::Connection;
use cairn_tests::machine::{Clock, Machine, PATIENCE};
use cairn_tests::random::Random;
use cairn_tests::volume::Chain;
use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::house::House;
use crate::reading::target;
use crate::shared::{OnDrop, Shared, named, trials, wait_for};
use crate::status::PDS;

pub(crate) fn tests(house: &Shared<House>) -> Vec<Trial> {
    let house = house.clone();
    let healing = Shared::new(move || Healing::boot(&house));
    let tests = named!["healing":
        every_fault_of_every_pd_is_healed,
        a_ring_that_a_pd_spoils_is_healed,
        a_hostile_pd_is_held_and_harms_nobody,
        a_console_that_dies_loses_no_speaker,
        every_pd_can_be_stopped_and_started,
        a_pd_that_spins_takes_no_more_than_its_budget,
        a_pd_that_hangs_is_stopped_soon,
        whoever_spins_can_be_started_again_by_command,
        a_crash_loop_costs_no_more_than_the_budget_of_who_crashes,
        nothing_leaks_while_pds_die,
    ];
    trials(&healing, tests)
}

/// What a PD is ordered to do to itself, and a word of what is said about it.
const HARMS: [(&str, &str); 10] = [
    ("panic", "ordered to"),
    ("null", "null write to 0x0"),
    ("jump", "null jump to 0x0"),
    ("undef", "undefined"),
    ("overflow", "stack overflow"),
    ("loop", "missed heartbeat"),
    ("syscall", "unknown system call -1000"),
    // A forged fault may say anything.
    ("forge", ""),
    ("flood", "floods its supervisor"),
    ("scribble", "nonsense"),
];
/// Those of them that are meant to harm others. They may only ever harm the PD itself.
const HOSTILE: [&str; 3] = ["forge", "flood", "scribble"];
/// PDs that nobody needs to read a file which is cached.
const DISPENSABLE: [&str; 3] = ["entropy", "crypto", "ledger"];
/// Virtual time from a fault until everybody runs again.
const HEALED_US_MAX: u64 = 100_000;
/// What a PD that hangs consumes until it is stopped, and what it does before and after that.
const HUNG_US_MAX: u64 = 80_000;
/// How long a client waits before it tries again.
const CLIENT_PATIENCE: Duration = Duration::from_millis(1500);
/// Who may ask at once; `net` has a few sockets more.
const AT_ONCE: usize = 16;
/// Readers at a time.
const READERS: usize = 2;

/// A machine whose PDs obey.
struct Healing {
    house: Shared<House>,
    machine: Machine,
    /// One test at a time.
    turn: Mutex<()>,
    /// Addresses of the link regions in each PD, but for those to `serial`.
    rings: BTreeMap<String, Vec<u64>>,
    #[expect(dead_code, reason = "removed when dropped")]
    folder: TempDir,
}

/// What readers met.
#[derive(Debug, Default)]
struct Toll {
    served: AtomicU64,
    lost: AtomicU64,
}

impl Healing {
    fn boot(house: &Shared<House>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environment = &house.get().environment;
        let programs = std::env::var_os("CAIRN_SABOTAGE").expect("`make test-system` sets it");
        let additions = Additions {
            overlays: vec![environment.workspace.join("tests/overlays/sabotage.xml")],
            programs: Some(programs.into()),
        };
        let chain = Chain::new(environment, folder.path().join("chain"));
        let disk = chain.volume("healing", &house.get().files);
        let image = environment.image(&folder.path().join("image"), &chain.folder, &additions);
        let disk = disk.to_str().unwrap();
        let shift = std::env::var("CAIRN_ICOUNT_SHIFT").ok();
        let clock = shift.map_or(Clock::GHZ, |shift| Clock::Instructions(shift.parse().unwrap()));
        let machine = Machine::boot(environment, &image, "healing", disk, clock, &[]);
        let system = fs::read_to_string(folder.path().join("image/system.xml")).unwrap();
        Self { house: house.clone(), machine, turn: Mutex::new(()), rings: rings(&system), folder }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        // A test that failed is over, too.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `/status`, if it comes in time.
    fn try_status(&self) -> Option<Value> {
        self.try_status_for(CLIENT_PATIENCE)
    }

    fn try_status_for(&self, patience: Duration) -> Option<Value> {
        let mut connection = Connection::try_open(self.machine.port(), patience).ok()?;
        connection.request("GET", "/status", &[("Connection", "close")]);
        let response = connection.try_response().ok().filter(|r| r.status == 200 && !r.is_cut)?;
        serde_json::from_slice(&response.body).ok()
    }

    fn status(&self) -> Value {
        wait_for("/status", || self.try_status())
    }

    /// `/status` once these PDs have run for so many microseconds since `before`: the first answer may come
    /// before an order to spin does.
    fn status_after(&self, before: &Value, ran: &[(&str, u64)]) -> Value {
        wait_for(&format!("{ran:?} us"), || {
            let status = self.try_status_for(PATIENCE)?;
            ran.iter()
                .all(|(pd, least)| consumed_us(before, &status, pd) >= *least)
                .then_some(status)
        })
    }

    /// Reads a file; `true` if it came whole. What comes must be right.
    fn read(&self, path: &str, content: &[u8]) -> bool {
        let Ok(mut connection) = Connection::try_open(self.machine.port(), CLIENT_PATIENCE) else {
            return false;
        };
        connection.request("GET", &target(path), &[("Connection", "close")]);
        let Ok(response) = connection.try_response() else { return false };
        if response.status != 200 {
            return false;
        }
        assert!(content.starts_with(&response.body), "a wrong byte of {path}");
        !response.is_cut && response.body.len() == content.len()
    }

    /// Runs `test` while others read.
    fn under_load<R>(&self, test: impl FnOnce(&Toll) -> R) -> R {
        let (toll, is_over) = (Toll::default(), AtomicBool::new(false));
        let files: Vec<_> = self.house.get().files.iter().filter(|f| f.1.len() < 1 << 17).collect();
        thread::scope(|scope| {
            for reader in 0..READERS {
                let (toll, is_over, files) = (&toll, &is_over, &files);
                scope.spawn(move || {
                    for round in reader.. {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        let (path, content) = files[round % files.len()];
                        let outcome =
                            if self.read(path, content) { &toll.served } else { &toll.lost };
                        outcome.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            // A test that fails ends the load, too.
            let _end = OnDrop(&is_over);
            test(&toll)
        })
    }

    /// Waits until everybody runs and says how long that took since the first event from `number` on
    /// that moved `pd` to `state`, in virtual microseconds.
    fn healed(&self, number: u64, pd: &str, state: &str) -> (u64, Value) {
        let status = wait_for(&format!("{pd} is {state}, then healed"), || {
            let status = self.try_status()?;
            let events = events_from(&status, number);
            let hurt = events.iter().position(|event| event["pd"] == pd && event["to"] == state)?;
            let again = events[hurt..].iter().any(|e| e["pd"] == pd && e["to"] == "running");
            let all = status["pds"].as_array()?.iter().all(|pd| pd["state"] == "running");
            (again && all).then_some(status)
        });
        let events = events_from(&status, number);
        let first = events.iter().find(|event| event["pd"] == pd && event["to"] == state).unwrap();
        let last = events.iter().rfind(|event| event["to"] == "running").unwrap();
        let healed = last["at_us"].as_u64().unwrap() - first["at_us"].as_u64().unwrap();
        (healed, first.clone())
    }
}

fn events_from(status: &Value, number: u64) -> Vec<Value> {
    let events = status["events"].as_array().unwrap().iter();
    events.filter(|event| event["number"].as_u64().unwrap() >= number).cloned().collect()
}

fn next_event(status: &Value) -> u64 {
    let events = status["events"].as_array().unwrap();
    events.last().map_or(0, |event| event["number"].as_u64().unwrap() + 1)
}

/// What is said about a PD.
fn of<'s>(status: &'s Value, name: &str) -> &'s Value {
    status["pds"].as_array().unwrap().iter().find(|pd| pd["name"] == name).unwrap()
}

fn generation(status: &Value, name: &str) -> u64 {
    of(status, name)["generation"].as_u64().unwrap()
}

/// Addresses of link regions by PD, from the composed file.
fn rings(system: &str) -> BTreeMap<String, Vec<u64>> {
    let (mut rings, mut pd) = (BTreeMap::<_, Vec<_>>::new(), "");
    let attribute = |line: &'_ str, key: &str| -> Option<String> {
        let rest = line.split_once(&format!("{key}=\""))?.1;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let mut name;
    for line in system.lines().map(str::trim) {
        if line.starts_with("<protection_domain ") {
            name = attribute(line, "name").unwrap();
            pd = PDS.iter().find(|known| **known == name).unwrap();
        }
        let Some(region) = attribute(line, "mr").filter(|mr| mr.ends_with("_link")) else {
            continue;
        };
        if !region.starts_with("serial_") {
            let vaddr = attribute(line, "vaddr").unwrap();
            let vaddr = u64::from_str_radix(vaddr.trim_start_matches("0x"), 16).unwrap();
            rings.entry(pd.to_owned()).or_default().push(vaddr);
        }
    }
    rings
}

/// The children.
fn victims() -> impl Iterator<Item = &'static str> {
    PDS.into_iter().filter(|pd| *pd != "supervisor")
}

/// Each PD faults in every way, and runs again.
fn every_fault_of_every_pd_is_healed(healing: &Healing) {
    let _turn = healing.turn();
    healing.under_load(|toll| {
        let mut rows = Vec::new();
        for pd in victims() {
            let mut row = format!("{pd:<10}");
            for (harm, words) in HARMS {
                let before = healing.status();
                let (number, life) = (next_event(&before), generation(&before, pd));
                let lost = toll.lost.load(Ordering::Relaxed);
                let lines = healing.machine.line_count();
                healing.machine.type_line(&format!("sabotage {pd} {harm} {life}"));
                let (healed_us, event) = healing.healed(number, pd, "failed");
                let said = event["text"].as_str().unwrap();
                assert!(said.contains(words), "{pd} {harm}: {said}");
                // What `serial` destroys, it cannot print.
                if (pd, harm) != ("serial", "scribble") {
                    healing
                        .machine
                        .wait_for_after(lines, &format!("CRASH {pd} generation {life}: "));
                }
                let lost = toll.lost.load(Ordering::Relaxed) - lost;
                row += &format!(" {harm} {healed_us} us, {lost} lost;");
                assert!(healed_us <= HEALED_US_MAX, "{row}");
            }
            println!("{row}");
            rows.push(row);
        }
        let served = toll.served.load(Ordering::Relaxed);
        println!("{served} requests served, {} lost", toll.lost.load(Ordering::Relaxed));
        assert!(served > rows.len() as u64);
    });
}

/// The indices of a ring become nonsense: the link starts anew, and requests are served.
fn a_ring_that_a_pd_spoils_is_healed(healing: &Healing) {
    let _turn = healing.turn();
    healing.under_load(|toll| {
        for pd in victims() {
            for address in healing.rings.get(pd).into_iter().flatten() {
                let life = generation(&healing.status(), pd);
                let lost = toll.lost.load(Ordering::Relaxed);
                // Behind the words of both ends lies the ring of requests.
                let order = format!("sabotage {pd} ring {life} {}", address + 128);
                healing.machine.type_line(&order);
                let (path, content) = healing.house.get().files.first_key_value().unwrap();
                let since = Instant::now();
                for _ in 0..3 {
                    wait_for(&order, || healing.read(path, content).then_some(()));
                }
                let lost = toll.lost.load(Ordering::Relaxed) - lost;
                println!("{order}: {lost} lost, {} ms by the wall", since.elapsed().as_millis());
            }
        }
    });
}

/// A PD that forges faults, floods `supervisor` or rewrites all that it shares, again in each of its lives.
fn a_hostile_pd_is_held_and_harms_nobody(healing: &Healing) {
    let _turn = healing.turn();
    healing.under_load(|toll| {
        for (pd, harm) in DISPENSABLE.iter().flat_map(|pd| HOSTILE.map(|harm| (*pd, harm))) {
            let served = toll.served.load(Ordering::Relaxed);
            let lost = toll.lost.load(Ordering::Relaxed);
            let before = healing.status();
            healing.machine.type_line(&format!("sabotage {pd} {harm} all"));
            let held = wait_for(&format!("{pd} is held for {harm}"), || {
                // `gateway` waits for a `ledger` that does not answer, for a second of virtual time.
                let status = healing.try_status_for(PATIENCE);
                status.filter(|status| of(status, pd)["state"] == "held")
            });
            let words = HARMS.iter().find(|other| other.0 == harm).unwrap().1;
            let why = of(&held, pd)["text"].as_str().unwrap().to_owned();
            assert!(
                why.starts_with("20 restarts in 10000 ms, last: ") && why.contains(words),
                "{why}"
            );
            for other in PDS.into_iter().filter(|other| *other != pd) {
                let (then, now) = (of(&before, other), of(&held, other));
                assert_eq!(now["state"], "running", "{pd} {harm}: {now}");
                for key in ["faults", "restarts", "generation"] {
                    assert_eq!(now[key], then[key], "{pd} {harm}: {now}");
                }
            }
            if (pd, harm) == ("ledger", "scribble") {
                who_broke_a_ring_is_named(healing, pd, &before, &held);
            }
            let number = next_event(&held);
            // An order that nobody obeys.
            healing.machine.type_line(&format!("sabotage {pd} nothing"));
            healing.machine.type_line(&format!("start {pd}"));
            healing.healed(number, pd, "initialising");
            let served = toll.served.load(Ordering::Relaxed) - served;
            let lost = toll.lost.load(Ordering::Relaxed) - lost;
            println!("{pd} {harm}: {served} served, {lost} lost; {why}");
            assert!(served > 0 && lost == 0, "{pd} {harm}");
        }
    });
}

/// Those who suffered say who did it, and accuse nobody else.
fn who_broke_a_ring_is_named(healing: &Healing, culprit: &str, before: &Value, after: &Value) {
    let accusations = |status: &Value| -> BTreeMap<(String, String), u64> {
        // What the culprit itself says is what it wrote last.
        let pds = status["pds"].as_array().unwrap().iter().filter(|pd| pd["name"] != culprit);
        let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
        let peers =
            pds.flat_map(|pd| pd["peers"].as_array().unwrap().iter().map(move |peer| (pd, peer)));
        peers
            .map(|(pd, peer)| ((name(pd), name(peer)), peer["violations"].as_u64().unwrap()))
            .collect()
    };
    let (before, after) = (accusations(before), accusations(after));
    let accused: Vec<_> = after.iter().filter(|(who, count)| before[*who] < **count).collect();
    assert!(
        !accused.is_empty() && accused.iter().all(|((_, peer), _)| peer == culprit),
        "{accused:?}"
    );
    let lines = healing.machine.line_count();
    healing.machine.type_line("ps");
    healing.machine.wait_for_after(lines, &format!(" {culprit}:"));
}

/// `serial` starts anew, in peace or after it wrote nonsense over everybody's lines: everybody is heard again, and
/// what is typed arrives.
fn a_console_that_dies_loses_no_speaker(healing: &Healing) {
    let _turn = healing.turn();
    for harm in ["null", "scribble"] {
        let before = healing.status();
        let (number, life) = (next_event(&before), generation(&before, "serial"));
        healing.machine.type_line(&format!("sabotage serial {harm} {life}"));
        healing.healed(number, "serial", "failed");
        for (pd, words) in [("integrity", " proven: "), ("net", " by DHCP"), ("ledger", "chain ")] {
            let number = next_event(&healing.status());
            let lines = healing.machine.line_count();
            healing.machine.type_line(&format!("restart {pd}"));
            healing.healed(number, pd, "initialising");
            let line = healing.machine.wait_for_after(lines, &format!("[{pd}] "));
            assert!(line.contains(words), "{line}");
        }
    }
}

/// Stopped and started by command. Nobody can start the two that commands and time come through, so those
/// are restarted.
fn every_pd_can_be_stopped_and_started(healing: &Healing) {
    let _turn = healing.turn();
    for pd in victims() {
        let number = next_event(&healing.status());
        let lines = healing.machine.line_count();
        healing.machine.type_line(&format!("stop {pd}"));
        if ["serial", "pulse"].contains(&pd) {
            healing.machine.wait_for_after(lines, "nobody could start it again");
            healing.machine.type_line(&format!("restart {pd}"));
        } else {
            healing.machine.wait_for_after(lines, &format!("{pd}: terminating -> terminated"));
            healing.machine.type_line(&format!("start {pd}"));
        }
        let (healed_us, _) = healing.healed(number, pd, "initialising");
        println!("{pd}: serves {healed_us} us after its start");
        assert!(healed_us <= HEALED_US_MAX, "{pd}: {healed_us}");
    }
}

/// What a PD consumed between two looks, in microseconds.
fn consumed_us(before: &Value, after: &Value, pd: &str) -> u64 {
    let of = |status| of(status, pd)["cpu_us"].as_u64().unwrap();
    of(after) - of(before)
}

/// Every PD spins for a while, and goes on to answer `supervisor`, so nobody stops it. It takes its budget,
/// and leaves the rest to `gateway`, the least urgent, which spins as well, before and after. More urgent
/// ones do not notice.
fn a_pd_that_spins_takes_no_more_than_its_budget(healing: &Healing) {
    const SPINS_MS: u64 = 400;
    const GATEWAY_SPINS_MS: u64 = 600;
    let _turn = healing.turn();
    for pd in victims().filter(|pd| *pd != "gateway") {
        let before = healing.status();
        let [budget, period] =
            ["budget_us", "period_us"].map(|key| of(&before, pd)[key].as_u64().unwrap());
        for (pd, millis) in [("gateway", GATEWAY_SPINS_MS), (pd, SPINS_MS)] {
            let life = generation(&before, pd);
            healing.machine.type_line(&format!("sabotage {pd} busy {life} {millis}"));
        }
        let alone = (GATEWAY_SPINS_MS - SPINS_MS) * 1000;
        let least = alone + SPINS_MS * 1000 * (period - budget) / period;
        let after = healing.status_after(&before, &[(pd, SPINS_MS * 700), ("gateway", least / 2)]);
        let [spun, left] = [pd, "gateway"].map(|pd| consumed_us(&before, &after, pd));
        println!("{pd}: {spun} us of {SPINS_MS} ms, {left} us for gateway");
        assert!(budget < period, "{pd} may take everything");
        // What it had saved up, and what it does beside that.
        let most = (SPINS_MS * 1000 + period) * budget / period + 5_000;
        assert!(spun <= most, "{pd}: {spun} > {most}");
        assert!(left * 100 >= least * 96, "{pd}: {left} < {least}");
        for other in PDS {
            let (then, now) = (of(&before, other), of(&after, other));
            for key in ["faults", "restarts", "generation"] {
                assert_eq!(now[key], then[key], "{pd} spins: {now}");
            }
        }
    }
}

/// Every PD spins and answers nobody.
fn a_pd_that_hangs_is_stopped_soon(healing: &Healing) {
    let _turn = healing.turn();
    for pd in victims() {
        let before = healing.status();
        let (number, life) = (next_event(&before), generation(&before, pd));
        healing.machine.type_line(&format!("sabotage {pd} loop {life}"));
        healing.healed(number, pd, "failed");
        let spun = consumed_us(&before, &healing.status(), pd);
        println!("{pd}: {spun} us until it was stopped");
        assert!(spun <= HUNG_US_MAX, "{pd}: {spun}");
    }
}

/// Every PD spins for long, and answers, so that only a command ends it. The console goes on for all of
/// that time, although all but one are more urgent than it.
fn whoever_spins_can_be_started_again_by_command(healing: &Healing) {
    const SPINS_MS: u64 = 20_000;
    let _turn = healing.turn();
    for pd in victims().filter(|pd| *pd != "serial") {
        let before = healing.status();
        let (number, life) = (next_event(&before), generation(&before, pd));
        healing.machine.type_line(&format!("sabotage {pd} busy {life} {SPINS_MS}"));
        healing.machine.type_line(&format!("restart {pd}"));
        healing.healed(number, pd, "initialising");
        let status = healing.status();
        let spun = consumed_us(&before, &status, pd);
        println!("{pd}: {spun} us until it was started again");
        assert!(generation(&status, pd) == life + 1 && spun < SPINS_MS * 500, "{pd}: {spun}");
    }
}

/// A PD faults or hangs in each of its lives, while `gateway`, the least urgent, takes all that is left.
fn a_crash_loop_costs_no_more_than_the_budget_of_who_crashes(healing: &Healing) {
    const GATEWAY_SPINS_MS: u64 = 600;
    let _turn = healing.turn();
    // Each once, for nobody is to be held soon.
    for (pd, harm) in DISPENSABLE.into_iter().zip(["null", "loop", "panic"]) {
        let before = healing.status();
        let [budget, period] =
            ["budget_us", "period_us"].map(|key| of(&before, pd)[key].as_u64().unwrap());
        let life = generation(&before, "gateway");
        // In this order, what is typed late takes nothing away from the crashes.
        healing.machine.type_line(&format!("sabotage {pd} {harm} all"));
        healing.machine.type_line(&format!("sabotage gateway busy {life} {GATEWAY_SPINS_MS}"));
        let least = GATEWAY_SPINS_MS * 1000 * (period - budget) / period;
        let after = healing.status_after(&before, &[("gateway", least / 2)]);
        let [restarts, then] = [&after, &before].map(|s| of(s, pd)["restarts"].as_u64().unwrap());
        let left = consumed_us(&before, &after, "gateway");
        println!("{pd} {harm}: {} restarts, {left} us for gateway", restarts - then);
        // What hangs before it serves has eight times as long.
        assert!(restarts - then >= 2, "{pd} {harm}: {restarts} restarts after {then}");
        // What the crash records take comes on top.
        assert!(left * 100 >= least * 75, "{pd} {harm}: {left} < {least}");
        // An order that nobody obeys; then whoever is not held yet comes to rest.
        let number = next_event(&after);
        healing.machine.type_line(&format!("sabotage {pd} nothing"));
        healing.machine.type_line(&format!("restart {pd}"));
        healing.machine.type_line(&format!("start {pd}"));
        healing.healed(number, pd, "initialising");
    }
}

/// A random PD dies each second of virtual time, for half a minute or as long as `CAIRN_SOAK_SECONDS` says.
fn nothing_leaks_while_pds_die(healing: &Healing) {
    let _turn = healing.turn();
    let seconds = std::env::var("CAIRN_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let seconds: u64 = seconds.unwrap_or(30);
    let mut random = Random(1);
    let victims: Vec<_> = victims().collect();
    let uptime = |status: &Value| status["uptime_us"].as_u64().unwrap();
    healing.under_load(|toll| {
        let start = uptime(&healing.status());
        let mut kills = 0;
        loop {
            let status = healing.status();
            let now = uptime(&status) - start;
            if now >= seconds * 1_000_000 {
                break;
            }
            if now / 1_000_000 <= kills {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            let pd = victims[random.below(victims.len())];
            let (harm, _) = HARMS[random.below(HARMS.len())];
            let order = format!("sabotage {pd} {harm} {}", generation(&status, pd));
            healing.machine.type_line(&order);
            healing.healed(next_event(&status), pd, "failed");
            kills += 1;
        }
        let (served, lost) =
            (toll.served.load(Ordering::Relaxed), toll.lost.load(Ordering::Relaxed));
        println!("{seconds} s of virtual time, {kills} kills: {served} served, {lost} lost");
        assert!(served > lost && kills > seconds / 4, "{kills} kills, {served} served");
    });
    // Everything is back at rest.
    let files = &healing.house.get().files;
    for (path, content) in files.iter().filter(|file| file.1.len() < 1 << 17).take(16) {
        wait_for(path, || healing.read(path, content).then_some(()));
    }
    wait_for("only the connection that asks is open, and no ring holds anything", || {
        let status = healing.try_status()?;
        let pds = status["pds"].as_array()?;
        let mut peers = pds.iter().flat_map(|pd| pd["peers"].as_array().unwrap());
        let is_empty = peers.all(|peer| peer["waiting"] == 0);
        (of(&status, "gateway")["open"].as_u64()? <= 1 && is_empty).then_some(())
    });
    // Nobody allocates memory. Sockets, frames and blocks come from pools, and none of them is lost: as many
    // as ever get large files at once.
    let (path, content) = files.iter().max_by_key(|file| file.1.len()).unwrap();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| wait_for(path, || healing.read(path, content).then_some(())));
        }
    });
}
