//! Figures of virtual time and of memory, which repeat exactly.

use std::fs;

use super::{Suite, ledger, nexus};
use crate::images::{Images, Overhead, Workshop};
use crate::machine::{Machine, Parts};
use crate::report;
use crate::row::{Goal, Row};

const MIB: f64 = (1 << 20) as f64;
/// An instruction is a nanosecond.
pub(super) const VIRTUAL_TIME: [&str; 2] = ["-icount", "shift=0"];

/// Names of the on-target benchmarks' lines: row, unit, goal.
const ON_TARGET: [(&str, &str, &str, Goal); 10] = [
    ("ppcall_0_mrs", "PPC round trip, 0 message registers", "instr", Goal::AtMost(736.0)),
    ("ppcall_1_mr", "PPC round trip, 1 message register", "instr", Goal::AtMost(763.0)),
    ("notify_plain", "notify ping-pong", "instr", Goal::AtMost(2248.0)),
    ("notify_deferred", "notify ping-pong, deferred", "instr", Goal::AtMost(1844.0)),
    ("ring_single", "ring, enqueue + dequeue, one by one", "instr", Goal::AtMost(60.0)),
    ("ring_batch16", "ring, enqueue + dequeue, in batches of 16", "instr", Goal::AtMost(40.0)),
    ("link_single", "link with restarts and wake-ups, one by one", "instr", Goal::None),
    ("link_batch16", "link, in batches of 16", "instr", Goal::None),
    ("copy_out_4096", "copy of 4 KiB out of a shared region", "instr", Goal::None),
    ("wake", "sign of life at a wake-up", "instr", Goal::None),
];

impl Suite {
    pub(super) fn system(&mut self, workshop: &Workshop<'_>, images: &Images, kernel: &str) {
        self.rows.push(Row::new(
            "boot to CAIRN READY, virtual time",
            "ms",
            Goal::AtMost(50.0),
            boot_millis(workshop, images),
        ));
        let memory = report::read(&images.plain).map(|memory| memory.total as f64 / MIB);
        self.rows.push(Row::new("RAM, kernel included", "MiB", Goal::AtMost(8.0), memory));
        let image = fs::metadata(images.plain.join("loader.img"));
        let image = image.map(|image| image.len() as f64 / MIB).map_err(|error| error.to_string());
        self.rows.push(Row::new("loader image", "MiB", Goal::AtMost(4.0), image));
        let figures = workshop.on_target(kernel);
        let figure = |line: &str| {
            let figures = figures.as_ref().map_err(String::clone)?;
            let found = figures.iter().find_map(|(name, value)| (name == line).then_some(*value));
            found.ok_or_else(|| format!("no line `{line}`"))
        };
        let measured = |lines: &[(&str, &str, &'static str, Goal)]| -> Vec<Row> {
            let row = |(line, name, unit, goal): &(&str, &str, &'static str, Goal)| {
                Row::new(*name, unit, *goal, figure(line))
            };
            lines.iter().map(row).collect()
        };
        self.rows.extend(measured(&ON_TARGET));
        self.rows.extend(measured(&ledger::ON_TARGET));
        self.rows.extend(ledger::above_signature(figure));
        self.rows.extend(measured(&nexus::ON_TARGET));
    }

    pub(super) fn reading(&mut self, workshop: &Workshop<'_>, images: &Images, overhead: Overhead) {
        let share = read_share(workshop, images);
        let (share, hash) = match share {
            Ok((share, hash)) => (Ok(share), Ok(hash)),
            Err(problem) => (Err(problem.clone()), Err(problem)),
        };
        let name = "verified read of 1 MiB, share of hash rate";
        self.rows.push(Row::new(name, "%", Goal::AtLeast(75.0), share));
        self.rows.push(Row::new("hash of one byte", "instr", Goal::None, hash));
        let name = "Merkle trees of a volume of 101 MiB";
        self.rows.push(Row::new(name, "%", Goal::AtMost(0.8), Ok(overhead.trees)));
        let name = "all that this volume has beyond its data";
        self.rows.push(Row::new(name, "%", Goal::None, Ok(overhead.total)));
    }

    pub(super) fn memory(&mut self, images: &Images) {
        let Ok(memory) = report::read(&images.plain) else { return };
        self.domains =
            memory.domains.into_iter().map(|(name, bytes)| (name, bytes as f64 / 1024.0)).collect();
    }
}

fn boot_millis(workshop: &Workshop<'_>, images: &Images) -> Result<f64, String> {
    let disk = workshop.demo_volume();
    let parts = Parts { image: &images.plain, disk: &disk, arguments: &VIRTUAL_TIME };
    Machine::on_user_network(parts)?.wait_until_ready().map(|micros| micros / 1000.0)
}

/// Share of the hash rate that a verified read reaches, in percent, and instructions for each hashed byte.
fn read_share(workshop: &Workshop<'_>, images: &Images) -> Result<(f64, f64), String> {
    let disk = workshop.volume();
    let parts = Parts { image: &images.reader, disk: &disk, arguments: &VIRTUAL_TIME };
    let mut machine = Machine::on_user_network(parts)?;
    let mut figure = |name: &str| -> Result<f64, String> {
        let text = machine.wait_for(&format!("bench {name} "))?;
        let value = text.split(' ').next().unwrap_or_default();
        value.parse().map_err(|_| format!("{name} took `{text}`"))
    };
    let (hash, read) = (figure("hash_1m")?, figure("verified_read_1m")?);
    Ok((hash / read * 100.0, hash / MIB))
}
