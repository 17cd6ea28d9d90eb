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
