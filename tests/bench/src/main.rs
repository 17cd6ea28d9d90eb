//! `cairn-bench`: makes images, boots them in QEMU, measures, and prints each figure beside its goal;
//! also as JSON and as a Markdown table, in `bench.json` and `bench.md` of the build folder.
//!
//! Figures of virtual time (`-icount shift=0`: one instruction is one nanosecond) and of memory repeat
//! exactly. Wall-clock figures are the median of five and depend on the host, so they are to be compared
//! with others of the same host only. What cannot be measured here is printed as such, with the
//! reason; the exit code is 0 unless something could not even be built.
#![forbid(unsafe_code)]
#![allow(clippy::cast_precision_loss, reason = "sizes and counts far below 2^52")]

mod commands;
mod images;
mod load;
mod machine;
mod markdown;
mod namespace;
mod options;
mod report;
mod row;
mod suite;

use std::fs;
use std::process::{Command, ExitCode};

use images::Workshop;
use options::Options;
use serde_json::{Map, Value, json};
use suite::Suite;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, rest)) if first == "load" => load::main(rest),
        _ => match Options::parse(arguments) {
            Ok(options) => bench(&options),
            Err(problem) => Err(format!("{problem}\n\n{}", options::USAGE)),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("cairn-bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &Options) -> Result<(), String> {
    let workshop = Workshop::new(options);
    let overhead = workshop.make_volume()?;
    let qemu = commands::output(Command::new("qemu-system-aarch64").arg("--version"))?;
    let qemu = qemu.lines().next().unwrap_or_default();
    let mut host = vec![suite::host_tests(&options.build)];
    host.extend(suite::ledger::rates());
    host.extend(suite::ledger::code_sizes(&options.build));
    host.extend(suite::nexus::rates());
    println!("{qemu}");
    host.iter().for_each(|row| println!("  {row}"));
    let mut suites = Vec::new();
    for kernel in &options.kernels {
        let suite = suite::measure(&workshop, kernel, overhead)?;
        let title = format!("{kernel} {}", options.config);
        print(&title, &suite);
        suites.push((title, suite));
    }
    let page = markdown::page(qemu, &suites, &host);
    let kernels: Map<_, _> =
        suites.iter().map(|(title, suite)| (title.clone(), to_json(suite))).collect();
    let host: Vec<Value> = host.iter().map(row::Row::to_json).collect();
    let figures = json!({"qemu": qemu, "host": host, "kernels": kernels});
    for (name, text) in [("bench.json", format!("{figures:#}\n")), ("bench.md", page)] {
        let path = options.build.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn print(title: &str, suite: &Suite) {
    println!("\n{title}");
    for row in &suite.rows {
        println!("  {row}");
    }
    let domains = suite.domains.iter().map(|(name, kib)| format!("{name} {kib:.0}"));
    println!("  program, stack and IPC buffer, KiB: {}", domains.collect::<Vec<_>>().join(", "));
}

fn to_json(suite: &Suite) -> Value {
    let rows: Vec<Value> = suite.rows.iter().map(row::Row::to_json).collect();
    json!({"rows": rows, "ram_kib": suite.domains})
}
