//! The command line itself: whatever is typed, the answer is one of the documented exit codes with a
//! message, never a crash.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;

/// Words that mean something, and values that are none of these or nearly one.
const WORDS: [&str; 58] = [
    "compose",
    "graph",
    "symbolize",
    "panics",
    "chain",
    "volume",
    "nexus",
    "bundle",
    "--nexus",
    "--pin",
    "--genesis",
    "--generation",
    "init",
    "append",
    "show",
    "verify",
    "anchor",
    "log",
    "add",
    "attach",
    "checkpoint",
    "cosign",
    "prove",
    "request",
    "trust",
    "witness",
    "--entry",
    "--index",
    "--origin",
    "build",
    "ls",
    "embed",
    "help",
    "--help",
    "--version",
    "--json",
    "--json=yes",
    "--chain",
    "--name",
    "--platform",
    "--system",
    "--overlay",
    "--search-path",
    "--output",
    "-o",
    "--pointer",
    "--item",
    "--volume",
    "--allow",
    "--shrink",
    "--",
    "",
    "-",
    "file",
    "folder",
    "missing/file",
    "a=b",
    "volume/x=0000000000000000000000000000000000000000000000000000000000000000",
];

fn word() -> impl Strategy<Value = OsString> {
    // No slash in front: what is written stays in the folder of the test.
    let bytes =
        prop::collection::vec(any::<u8>().prop_filter("path", |b| ![0, b'/'].contains(b)), 0..40);
    prop_oneof![
        8 => prop::sample::select(&WORDS[..]).prop_map(OsString::from),
        1 => bytes.prop_map(OsString::from_vec),
        1 => "--?[a-z]{0,8}=?.{0,200}".prop_map(|text| text.replace(['\0', '/'], "_").into()),
    ]
}

fn run(folder: &Path, arguments: &[OsString]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cairn"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn any_arguments_are_answered(arguments in prop::collection::vec(word(), 0..9)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "neither XML nor ELF").unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        let output = run(folder.path(), &arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        // No code at all would mean a signal, and 101 a panic.
        prop_assert!(matches!(output.status.code(), Some(0..=3)), "{:?}: {}", output.status, errors);
        prop_assert!(!errors.contains("panicked"), "{}", errors);
        prop_assert!(output.status.success() || !errors.is_empty(), "{:?}", output.status);
    }
}

#[test]
fn a_name_that_is_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bad = OsString::from_vec(vec![b'x', 0xff]);
    fs::create_dir(folder.path().join(&bad)).unwrap();
    run(folder.path(), &["chain".into(), "init".into(), "c".into()]);
    // A volume is named after its folder unless it is told otherwise.
    let build = ["volume".into(), "build".into(), bad, "v".into(), "--chain".into(), "c".into()];
    let output = run(folder.path(), &build);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!folder.path().join("v").exists());
}

/// Runs the command; its standard output is a pipe whose reader has gone.
fn run_unread(arguments: &[&str], folder: &Path) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.stdout(writer).output().unwrap()
}

#[test]
fn a_reader_that_has_gone_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/board.xml");
    let system = platform.with_file_name("accept/system.xml");
    let (platform, system) = (platform.to_str().unwrap(), system.to_str().unwrap());
    let search = Path::new(system).parent().unwrap().to_str().unwrap();
    let files = ["--platform", platform, "--system", system, "--search-path", search];
    for arguments in [&["chain", "init", "c"][..], &["chain", "show", "c"], &["--help"]] {
        let output = run_unread(arguments, folder.path());
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }
    let output = run_unread(&[&["graph"][..], &files].concat(), folder.path());
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    // What is refused stays refused.
    fs::write(folder.path().join("v"), [0; 8192]).unwrap();
    let output = run_unread(&["volume", "verify", "v", "--chain", "c"], folder.path());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(!errors.contains("panicked") && !errors.contains("Broken pipe"), "{errors}");
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["chain".into(), "init".into(), "c".into()]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.args(["chain", "show", "c"]).current_dir(folder.path());
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.starts_with("cairn: standard output: "), "{errors}");
}

#[test]
fn files_that_are_no_text_are_refused_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("system.xml");
    fs::write(&bad, b"<system>\xff</system>").unwrap();
    run(folder.path(), &["chain".into(), "init".into(), "c".into()]);
    fs::write(folder.path().join("c/chain.json"), b"{\xff}").unwrap();
    for arguments in [
        &["compose", "--platform", "system.xml", "-o", "o"][..],
        &["symbolize", "."],
        &["stack", "system.xml"],
        &["report", "system.xml"],
        &["panics", "system.xml", "--allow", "system.xml"],
        &["log", "verify", "c", "--policy", "system.xml"],
        &["chain", "show", "c"],
    ] {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let output = run(folder.path(), &arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.contains("system.xml") || errors.contains("c/chain.json"), "{errors}");
    }
}
