//! Programs and images.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::options::Options;
use crate::suite::System;

const TARGET: &str = "aarch64-unknown-none";

/// Builds the programs of all systems for the configuration.
pub(crate) fn protection_domains(options: &Options, systems: &[System]) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--target", TARGET, "--target-dir"])
        .arg(&options.target_dir)
        .args(["-p", "test-harness", "--features", "test-harness/pd"])
        .current_dir(&options.workspace)
        .env("CAIRN_CONFIG", &options.config);
    let mut packages: Vec<_> = systems.iter().map(|system| &system.package).collect();
    packages.dedup();
    for package in packages {
        command.args(["-p", package, "--features", &format!("{package}/pd")]);
    }
    run(&mut command)
}

/// Makes a system's image.
pub(crate) fn image(options: &Options, system: &System) -> Result<PathBuf, String> {
    let output = options.output();
    fs::create_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let image = output.join(format!("{}.img", system.name));
    let mut command = Command::new(options.sdk.join("bin/microkit"));
    command
        .arg(&system.description)
        .args(["--board", "qemu_virt_aarch64", "--config", &options.config, "--search-path"])
        .arg(options.target_dir.join(TARGET).join("release"))
        .arg(system.description.with_file_name(""))
        .arg("-o")
        .arg(&image)
        .arg("-r")
        .arg(output.join(format!("{}.report.txt", system.name)))
        .current_dir(&output)
        .env("MICROKIT_SDK", &options.sdk);
    run_quietly(&mut command)?;
    Ok(image)
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| failure(command, &error))?;
    if status.success() { Ok(()) } else { Err(failure(command, &status)) }
}

/// Shows the program's output only if it fails.
fn run_quietly(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| failure(command, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("{}\n{}", failure(command, &output.status), String::from_utf8_lossy(&text)))
}

fn failure(command: &Command, problem: &dyn std::fmt::Display) -> String {
    let program = Path::new(command.get_program()).display();
    format!("{program}: {problem}")
}
