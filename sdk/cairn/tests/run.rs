//! `cairn run`, with a script in the emulator's place.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// An image's folder whose emulator is `script`, and a disk.
fn image(script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("system.xml", "<system/>");
    write("loader.img", "");
    write("disk.img", "");
    write("run.sh", script);
    folder
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(folder: &Path, port: u16) -> Command {
    let mut command = Command::cargo_bin("cairn").unwrap();
    command.arg("run").arg(folder).arg("--disk").arg(folder.join("disk.img"));
    command.args(["--http-port", &port.to_string()]);
    command
}

#[test]
fn the_emulators_exit_code_comes_back_and_its_console_is_shown() {
    let script = "read line; echo \"$line: $IMAGE $DISK $HTTP_PORT $*\"; exit 7";
    let (folder, port) = (image(script), free_port());
    let shown = |name: &str| folder.path().join(name).display().to_string();
    let expected = format!("typed: {} {} {port} -a b c\n", shown("loader.img"), shown("disk.img"));
    let mut command = run(folder.path(), port);
    command.args(["--", "-a", "b c"]).write_stdin("typed\n").assert().code(7).stdout(expected);
    let folder = image("exit 0");
    run(folder.path(), free_port()).assert().success();
}

#[test]
fn a_port_that_is_taken_is_said_before_anything_starts() {
    let folder = image("echo started");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let expected = format!("cairn: port {port} of 127.0.0.1: something else listens there");
    run(folder.path(), port)
        .assert()
        .code(3)
        .stdout("")
        .stderr(predicates::str::starts_with(expected));
}

#[test]
fn a_missing_file_is_named() {
    for name in ["loader.img", "run.sh", "disk.img", "system.xml"] {
        let folder = image("echo started");
        fs::remove_file(folder.path().join(name)).unwrap();
        let assert = run(folder.path(), free_port()).assert().code(3).stdout("");
        assert.stderr(predicates::str::contains(format!("/{name}: ")));
    }
}
