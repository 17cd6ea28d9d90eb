//! Figures of the way from the wire to an application, at the end of a cable.

use serde_json::Value;

use super::system::VIRTUAL_TIME;
use super::{Suite, median_of};
use crate::images::{Images, Workshop};
use crate::machine::{Machine, Parts};
use crate::namespace::Namespace;
use crate::row::{Goal, Row};

const ECHO_PORT: u16 = 7;
const HTTP_PORT: u16 = 80;
const OUTSTANDING: &str = "32";
const ROUND_TRIPS: &str = "2000";
const RATE_MILLIS: &str = "1000";
const STREAM_MIB: &str = "24";
/// Protection domains between wire and application.
const ON_THE_WAY: [&str; 3] = ["nic", "net", "echo"];

impl Suite {
    pub(super) fn network(&mut self, workshop: &Workshop<'_>, images: &Images) {
        let cable = Cable::plug(workshop, images, &[]);
        let mut row = |name: &str, unit, goal, load: &[&str]| {
            let value = match &cable {
                Ok(cable) => median_of(|| cable.figure(load)),
                Err(problem) => Err(problem.clone()),
            };
            self.rows.push(Row::new(name, unit, goal, value));
        };
        let trip = ["udp-round-trip", "64", ROUND_TRIPS];
        row("UDP echo, 64 B, median round trip", "us", Goal::AtMost(200.0), &trip);
        for (bytes, goal) in [("64", 66_000.0), ("1400", 55_000.0)] {
            let load = ["udp-rate", bytes, OUTSTANDING, RATE_MILLIS];
            let name = format!("UDP echo, {bytes} B, 32 outstanding");
            row(&name, "echo/s", Goal::AtLeast(goal), &load);
        }
        let stream = ["tcp", STREAM_MIB];
        row("TCP echo, each way", "MiB/s", Goal::AtLeast(40.0), &stream);
        self.activity(&cable);
        drop(cable);
        self.instructions(&Cable::plug(workshop, images, &VIRTUAL_TIME));
    }

    /// What an echo costs the protection domains on the way, kernel entries included.
    fn instructions(&mut self, cable: &Result<Cable, String>) {
        for bytes in ["64", "1400"] {
            let value = match cable {
                Ok(cable) => cable.activity(&["udp-rate", bytes, OUTSTANDING, RATE_MILLIS]),
                Err(problem) => Err(problem.clone()),
            };
            let name = format!("UDP echo, {bytes} B, 32 outstanding, work");
            let value = value.map(|activity| activity.echo_ns);
            self.rows.push(Row::new(name, "instr", Goal::None, value));
        }
    }

    /// Wake-ups and kernel entries for each frame, alone and under load.
    fn activity(&mut self, cable: &Result<Cable, String>) {
        for (name, load) in [
            ("1 outstanding", ["udp-round-trip", "64", ROUND_TRIPS].as_slice()),
            ("32 outstanding", &["udp-rate", "64", OUTSTANDING, RATE_MILLIS]),
        ] {
            let activity = match cable {
                Ok(cable) => cable.activity(load),
                Err(problem) => Err(problem.clone()),
            };
            let (wakeups, entries) = match activity {
                Ok(activity) => (Ok(activity.wakeups), Ok(activity.entries)),
                Err(problem) => (Err(problem.clone()), Err(problem)),
            };
            let row =
                |what, value| Row::new(format!("{what} a frame, {name}"), "", Goal::None, value);
            self.rows.push(row("wake-ups", wakeups));
            self.rows.push(row("kernel entries", entries));
        }
    }
}

/// A machine with the echo service, and our end of its cable.
struct Cable {
    // In this order: a machine must be gone before its namespace.
    _machine: Machine,
    namespace: Namespace,
}

/// What one frame costs, on the average.
struct Activity {
    /// Notifications that a protection domain received.
    wakeups: f64,
    /// Wake-ups, notifications sent and interrupts: each enters the kernel once.
    entries: f64,
    /// CPU time for a frame and its echo.
    echo_ns: f64,
}

/// Sums over the protection domains on the way.
struct Counters {
    frames: f64,
    wakeups: f64,
    entries: f64,
    cpu_us: f64,
}

impl Cable {
    fn plug(workshop: &Workshop<'_>, images: &Images, arguments: &[&str]) -> Result<Self, String> {
        let namespace = Namespace::new()?;
        let disk = workshop.volume();
        let parts = Parts { image: &images.echo, disk: &disk, arguments };
        let mut machine = Machine::on_tap(parts, &namespace)?;
        machine.wait_until_ready()?;
        let cable = Self { _machine: machine, namespace };
        cable.load(&["udp-wait"], ECHO_PORT)?;
        Ok(cable)
    }

    /// Runs a load: the first word is its name, after which comes the address.
    fn load(&self, words: &[&str], port: u16) -> Result<String, String> {
        let mut arguments: Vec<String> = words.iter().map(ToString::to_string).collect();
        arguments.insert(1, Namespace::address(port).to_string());
        self.namespace.load(&arguments)
    }

    fn figure(&self, load: &[&str]) -> Result<f64, String> {
        let text = self.load(load, ECHO_PORT)?;
        text.trim().parse().map_err(|_| format!("a load answered `{}`", text.trim()))
    }

    fn activity(&self, load: &[&str]) -> Result<Activity, String> {
        let before = self.counters()?;
        self.figure(load)?;
        let after = self.counters()?;
        let frames = after.frames - before.frames;
        Ok(Activity {
            wakeups: (after.wakeups - before.wakeups) / frames,
            entries: (after.entries - before.entries) / frames,
            echo_ns: (after.cpu_us - before.cpu_us) * 1e3 / (frames / 2.0),
        })
    }

    fn counters(&self) -> Result<Counters, String> {
        let text = self.load(&["status"], HTTP_PORT)?;
        let status: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        counters(&status).ok_or_else(|| "/status lacks counters".into())
    }
}

fn counters(status: &Value) -> Option<Counters> {
    let nic = &status["network"]["nic"];
    let frames = nic["received"].as_f64()? + nic["transmitted"].as_f64()?;
    let mut counters = Counters { frames, wakeups: 0.0, entries: 0.0, cpu_us: 0.0 };
    for pd in status["pds"].as_array()? {
        if ON_THE_WAY.iter().any(|name| pd["name"] == *name) {
            let wakeups = pd["wakeups"].as_f64()?;
            counters.wakeups += wakeups;
            counters.cpu_us += pd["cpu_us"].as_f64()?;
            counters.entries +=
                wakeups + pd["notifications"].as_f64()? + pd["interrupts"].as_f64()?;
        }
    }
    Some(counters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_domains_on_the_way_only() {
        let status = serde_json::json!({
            "network": {"nic": {"received": 10, "transmitted": 5}},
            "pds": [
                {"name": "nic", "wakeups": 4, "notifications": 2, "interrupts": 3, "cpu_us": 5},
                {"name": "net", "wakeups": 6, "notifications": 1, "interrupts": 0, "cpu_us": 7},
                {"name": "disk", "wakeups": 100, "notifications": 100, "interrupts": 100},
            ],
        });
        let counters = counters(&status).unwrap();
        assert_eq!((counters.frames, counters.wakeups, counters.entries), (15.0, 10.0, 16.0));
        assert_eq!(counters.cpu_us, 12.0);
    }
}
