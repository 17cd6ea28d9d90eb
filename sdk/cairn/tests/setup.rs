//! `ci/setup.sh` on machines that lack something: each is a folder of commands as the whole `PATH`.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/setup.sh");

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// A machine with what a shell script itself needs, Rust with its target, and `commands`.
    fn with(commands: &[&str]) -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for tool in ["sh", "cut", "sort", "cat"] {
            let path = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            let path = path.iter().find(|path| path.exists()).unwrap();
            symlink(path, machine.folder.path().join(tool)).unwrap();
        }
        machine.command(
            "rustc",
            "case $1 in --version) echo 'rustc 1.95.0 (x)';; *) echo $0.sysroot; esac",
        );
        let target = machine.folder.path().join("rustc.sysroot/lib/rustlib/aarch64-unknown-none");
        fs::create_dir_all(target).unwrap();
        machine.command("cargo", "");
        machine.command("id", "echo 1000");
        for command in commands {
            machine.command(command, "");
        }
        machine
    }

    fn complete() -> Self {
        let machine = Self::with(&["cc", "make", "git", "curl", "gpg", "ip"]);
        machine.command("aarch64-linux-gnu-gcc", "");
        machine.command("qemu-system-aarch64", "");
        machine
    }

    fn command(&self, name: &str, script: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    fn run(&self) -> Output {
        Command::new("/bin/sh").arg(SCRIPT).env("PATH", self.folder.path()).output().unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn a_complete_machine_is_left_alone_at_once() {
    let machine = Machine::complete();
    let start = Instant::now();
    let output = machine.run();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(text(&output), "");
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[test]
fn without_rights_it_prints_the_commands_and_fails() {
    let machine = Machine::complete();
    machine.remove("qemu-system-aarch64");
    machine.remove("aarch64-linux-gnu-gcc");
    let output = machine.run();
    assert!(!output.status.success());
    let wanted = "apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu qemu-system-arm";
    assert!(text(&output).contains(wanted), "{}", text(&output));
}

#[test]
fn root_gets_exactly_what_is_missing() {
    let machine = Machine::complete();
    machine.remove("gpg");
    machine.remove("ip");
    machine.command("id", "echo 0");
    // The first try fails, as on a machine whose package lists were never fetched.
    machine.command(
        "apt-get",
        "echo \"apt-get $*\" >>$0.log
         case \"$1 $(cat $0.log)\" in install*update*) ;; install*) exit 100 ;; esac",
    );
    let output = machine.run();
    assert!(output.status.success(), "{}", text(&output));
    let log = fs::read_to_string(machine.folder.path().join("apt-get.log")).unwrap();
    let install = "apt-get install -y -q --no-install-recommends gnupg iproute2";
    assert_eq!(log, format!("{install}\napt-get update -q\n{install}\n"));
}

#[test]
fn what_only_the_benchmark_needs_is_not_required() {
    let machine = Machine::complete();
    machine.remove("ip");
    let output = machine.run();
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("without iproute2"), "{}", text(&output));
}

#[test]
fn rust_must_be_there_and_new_enough_and_have_the_target() {
    let machine = Machine::complete();
    machine.command("rustc", "echo 'rustc 1.90.0 (x)'");
    assert!(text(&machine.run()).contains("Rust 1.90.0 is older than 1.91"));
    machine.remove("rustc");
    assert!(text(&machine.run()).contains("there is no Rust"));

    let machine = Machine::complete();
    fs::remove_dir_all(machine.folder.path().join("rustc.sysroot")).unwrap();
    let output = machine.run();
    assert!(!output.status.success());
    assert!(text(&output).contains("rustup target add aarch64-unknown-none"));
    machine.command("rustup", "echo \"rustup $*\"");
    let output = machine.run();
    assert!(output.status.success());
    assert!(text(&output).contains("rustup target add aarch64-unknown-none"));
}
