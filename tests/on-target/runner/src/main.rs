//! `on-target`: builds the test protection domains, makes an image of each test system, boots it in
//! QEMU and reports what the harness in it says, in the form of Rust's own test runner.
//!
//! A test system is an `.xml` file beside the `Cargo.toml` of a crate under `tests/on-target`; its
//! comments may hold a line `qemu: <arguments>`. The exit code is 0 only if every test of every
//! system passed. Boot logs are kept under `build/on-target/<kernel>-<config>/`.

#![forbid(unsafe_code)]

mod boot;
mod build;
mod options;
mod report;
mod suite;

use std::process::ExitCode;

use options::{Mode, Options};
use suite::System;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("on-target: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything; whether all of it passed.
fn run(options: &Options) -> Result<bool, String> {
    let systems = suite::discover(options)?;
    build::protection_domains(options, &systems)?;
    let mut totals = report::Totals::default();
    for system in &systems {
        println!("\n{} on {} {}", system.name, options.kernel, options.config);
        let image = build::image(options, system)?;
        match options.mode {
            Mode::Test => totals.add(test(options, system, &image)?),
            Mode::Bench => totals.add(bench(options, system, &image)?),
        }
    }
    println!("\n{totals}");
    Ok(totals.passed())
}

fn test(
    options: &Options,
    system: &System,
    image: &std::path::Path,
) -> Result<report::Totals, String> {
    let mut report = report::Report::default();
    boot::run(options, system, image, |line| {
        if let Some(shown) = report.line(line) {
            println!("{shown}");
        }
        report.is_complete()
    })?;
    for problem in report.problems() {
        println!("FAILED: {problem}; log: {}", options.log_path(system).display());
    }
    Ok(report.totals())
}

fn bench(
    options: &Options,
    system: &System,
    image: &std::path::Path,
) -> Result<report::Totals, String> {
    let mut figures = 0;
    let mut done = false;
    boot::run(options, system, image, |line| {
        match line.strip_prefix("bench ") {
            Some("done") => done = true,
            Some(_) => {
                println!("{line}");
                figures += 1;
            }
            None => {}
        }
        done
    })?;
    Ok(report::Totals { passed: figures, failed: u32::from(!done) })
}
