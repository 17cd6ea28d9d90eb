//! The command line itself: whatever is typed, the answer is one of the documented exit codes with a
//! message, never a crash.

#![allow(clippy::unwrap_used, reason = "test code: a panic is a failed test")]

mod support;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use support::{Workshop, kernel, program};

const SYSTEM: &str = "<system><protection_domain name=\"a\"><program_image path=\"pd.elf\"/>\
    </protection_domain></system>";

/// Words that mean something, and values that are none of these or nearly one.
const WORDS: [&str; 36] = [
    "a.system",
    "pd.elf",
    "folder",
    "missing/file",
    "--board",
    "--board=qemu_virt_aarch64",
    "qemu_virt_aarch64",
    "..",
    "--config",
    "--config=release",
    "release",
    "smp-release",
    "--search-path",
    "-o",
    "--output=out.img",
    "-r",
    "--report=out.txt",
    "--image-type",
    "--image-type=elf",
    "binary",
    "uimage",
    "--override-kernel",
    "--capdl-json",
    "--viper-output",
    "--model-seed",
    "18446744073709551616",
    "7",
    "--model-inject",
    "kill:a:1",
    "kill:a:",
    "drop-irq:33:0",
    "delay-irq:33:1:18446744073709551615",
    "--help",
    "--version",
    "--",
    "",
];

fn word() -> impl Strategy<Value = OsString> {
    // No slash in front: what is written stays in the folder of the test.
    let bytes =
        prop::collection::vec(any::<u8>().prop_filter("path", |b| ![0, b'/'].contains(b)), 0..40);
    prop_oneof![
        10 => prop::sample::select(&WORDS[..]).prop_map(OsString::from),
        1 => bytes.prop_map(OsString::from_vec),
        1 => "--?[a-z]{0,8}=?.{0,200}".prop_map(|text| text.replace(['\0', '/'], "_").into()),
    ]
}

/// A complete command line in half of the cases, so that what stands behind it is looked at.
fn arguments() -> impl Strategy<Value = Vec<OsString>> {
    const GOOD: &[&str] = &["a.system", "--board=qemu_virt_aarch64", "--config=release"];
    let start = prop_oneof![Just(GOOD), Just(&GOOD[..0])];
    (start, prop::collection::vec(word(), 0..7))
        .prop_map(|(start, rest)| start.iter().map(OsString::from).chain(rest).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn any_arguments_are_answered(arguments in arguments()) {
        let workshop = Workshop::new();
        let folder = workshop.folder.path();
        let elf = folder.join("sdk/board/qemu_virt_aarch64/release/elf");
        std::fs::create_dir_all(&elf).unwrap();
        std::fs::write(elf.join("sel4.elf"), kernel().bytes()).unwrap();
        std::fs::create_dir(folder.join("folder")).unwrap();
        workshop.add("pd.elf", &program().bytes());
        workshop.add("a.system", SYSTEM.as_bytes());
        let output = Command::new(env!("CARGO_BIN_EXE_microkit"))
            .args(&arguments)
            .current_dir(folder)
            .env("MICROKIT_SDK", "sdk")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        // No code at all would mean a signal, and 101 a panic.
        prop_assert!(matches!(output.status.code(), Some(0..=2)), "{:?}: {}", output.status, errors);
        prop_assert!(!errors.contains("panicked"), "{}", errors);
        prop_assert!(output.status.success() || !errors.is_empty(), "{:?}", output.status);
    }
}
