//! What healing takes: from a fault to service, and at rest. In virtual time.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::system::VIRTUAL_TIME;
use super::{SAMPLES, Suite, median_of};
use crate::images::{Images, Workshop};
use crate::load::http::Connection;
use crate::machine::{Machine, Parts};
use crate::row::{Goal, Row};

/// What a PD is to serve again after, microseconds.
const HEALED_US_MAX: f64 = 100_000.0;
/// How long a system is watched at rest.
const REST: Duration = Duration::from_secs(4);
/// How long healing may take on any host.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

impl Suite {
    pub(super) fn healing(&mut self, workshop: &Workshop<'_>, images: &Images) {
        let rest = Watched::start(workshop, &images.plain).and_then(|watched| watched.rest());
        let (share, look) = match rest {
            Ok(rest) => (Ok(rest.share), Ok(rest.look)),
            Err(problem) => (Err(problem.clone()), Err(problem)),
        };
        let name = "supervisor and pulse at rest, share of CPU";
        self.rows.push(Row::new(name, "%", Goal::None, share));
        let name = "their look at everybody, kernel included";
        self.rows.push(Row::new(name, "instr", Goal::None, look));
        let faults = Watched::start(workshop, &images.sabotage).and_then(Watched::faults);
        let faults = faults.unwrap_or_else(|problem| vec![("every PD".into(), Err(problem))]);
        for (pd, micros) in faults {
            let name = format!("fault to service, {pd}");
            self.rows.push(Row::new(name, "us", Goal::AtMost(HEALED_US_MAX), micros));
        }
    }
}

/// A machine, and where it says how it is.
struct Watched {
    machine: Machine,
    address: SocketAddr,
}

/// What `supervisor` and `pulse` take at rest.
struct Rest {
    /// Percent of the CPU.
    share: f64,
    /// Nanoseconds for each pulse.
    look: f64,
}

/// A PD, and the microseconds from a fault of it to service.
type Healed = (String, Result<f64, String>);

impl Watched {
    fn start(workshop: &Workshop<'_>, image: &std::path::Path) -> Result<Self, String> {
        let disk = workshop.demo_volume();
        let parts = Parts { image, disk: &disk, arguments: &VIRTUAL_TIME };
        let mut machine = Machine::on_user_network(parts)?;
        machine.wait_until_ready()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, machine.http_port()));
        let watched = Self { machine, address };
        watched.wait_for("an answer", |_| Some(())).map(|()| watched)
    }

    /// The state of the system, if it answers.
    fn status(&self) -> Option<Value> {
        let body = Connection::open(self.address).and_then(|mut stream| stream.get("/status"));
        serde_json::from_slice(&body.ok()?).ok()
    }

    fn wait_for<T>(&self, what: &str, found: impl Fn(&Value) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(found) = self.status().as_ref().and_then(&found) {
                return Ok(found);
            }
            thread::sleep(PAUSE);
        }
        Err(format!("/status never told of {what}"))
    }

    /// The median microseconds from a fault to service, for each PD.
    fn faults(mut self) -> Result<Vec<Healed>, String> {
        let children = self.children()?;
        let mut samples = vec![Vec::new(); children.len()];
        // In turn, because a PD that faults again soon waits for its next start.
        for _ in 0..SAMPLES {
            for (pd, samples) in children.iter().zip(&mut samples) {
                samples.push(self.heal(pd));
            }
        }
        let samples = samples.into_iter().map(|samples| {
            let mut samples = samples.into_iter();
            median_of(|| samples.next().unwrap_or_else(|| Err("there is no sample".into())))
        });
        Ok(children.into_iter().zip(samples).collect())
    }

    /// Everybody but `supervisor`.
    fn children(&self) -> Result<Vec<String>, String> {
        let name = |pd: &Value| pd["name"].as_str().map(str::to_owned);
        let is_child = |name: &String| name != "supervisor";
        let names = |status: &Value| {
            Some(status["pds"].as_array()?.iter().filter_map(name).filter(is_child).collect())
        };
        self.wait_for("PDs", names)
    }

    /// Lets the PD fault; answers the microseconds until everybody serves again.
    fn heal(&mut self, pd: &str) -> Result<f64, String> {
        let (events, life) = self.wait_for(pd, |status| {
            let pd = status["pds"].as_array()?.iter().find(|other| other["name"] == pd)?;
            Some((event_count(status), pd["generation"].as_u64()?))
        })?;
        self.machine.type_line(&format!("sabotage {pd} null {life}"))?;
        self.wait_for("a fault, then nothing but running PDs", |status| {
            let pds = status["pds"].as_array()?;
            let new = status["events"].as_array()?.iter();
            let new = new.filter(|event| event["number"].as_u64().is_some_and(|n| n >= events));
            let new: Vec<_> = new.collect();
            let fault = new.iter().find(|event| event["pd"] == pd && event["to"] == "failed")?;
            let last = new.iter().rfind(|event| event["to"] == "running")?;
            let is_over = pds.iter().all(|pd| pd["state"] == "running");
            let again = new.iter().any(|event| event["pd"] == pd && event["to"] == "running");
            (is_over && again).then_some(last["at_us"].as_f64()? - fault["at_us"].as_f64()?)
        })
    }

    /// Watches a while in which nobody asks for anything.
    fn rest(&self) -> Result<Rest, String> {
        let look = || self.wait_for("PDs", |status| Some(status.clone()));
        let before = look()?;
        thread::sleep(REST);
        let after = look()?;
        let grown = |of: &dyn Fn(&Value) -> Option<f64>| Some(of(&after)? - of(&before)?);
        let of_pd = |name: &'static str, key: &'static str| {
            grown(&|status| {
                let pds = status["pds"].as_array()?;
                pds.iter().find(|pd| pd["name"] == name)?[key].as_f64()
            })
        };
        let rest = || {
            let passed_us = grown(&|status| status["uptime_us"].as_f64())?;
            let spent_us = of_pd("supervisor", "cpu_us")? + of_pd("pulse", "cpu_us")?;
            let pulses = of_pd("pulse", "wakeups")?;
            Some(Rest { share: spent_us / passed_us * 100.0, look: spent_us * 1000.0 / pulses })
        };
        rest().ok_or_else(|| "/status lacks CPU time or wake-ups".into())
    }
}

/// Events so far.
fn event_count(status: &Value) -> u64 {
    let last = status["events"].as_array().and_then(|events| events.last());
    last.and_then(|event| event["number"].as_u64()).map_or(0, |number| number + 1)
}
