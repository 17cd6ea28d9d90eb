//! The executable: options, exit codes, files.

#![allow(clippy::unwrap_used, reason = "test code: a panic is a failed test")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use support::{Workshop, kernel, program};

const SYSTEM: &str = "<system><memory_region name=\"odd\" size=\"0x1000\"/>\
    <protection_domain name=\"a\"><program_image path=\"pd.elf\"/></protection_domain></system>";

/// An SDK with one board and one configuration, a program, a description.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let elf = workshop.folder.path().join("sdk/board/qemu_virt_aarch64/release/elf");
    std::fs::create_dir_all(&elf).unwrap();
    std::fs::write(elf.join("sel4.elf"), kernel().bytes()).unwrap();
    std::fs::create_dir(workshop.folder.path().join("parts")).unwrap();
    workshop.add("parts/pd.elf", &program().bytes());
    workshop.add("a.system", SYSTEM.as_bytes());
    workshop
}

fn run(workshop: &Workshop, sdk: &str, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_microkit"))
        .current_dir(workshop.folder.path())
        .env("MICROKIT_SDK", sdk)
        .args(arguments.split_whitespace())
        .output()
        .unwrap()
}

/// Exit code and standard error.
fn told(workshop: &Workshop, sdk: &str, arguments: &str) -> (Option<i32>, String) {
    let output = run(workshop, sdk, arguments);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

const GOOD: &str = "a.system --board qemu_virt_aarch64 --config release --search-path none parts";

#[test]
fn writes_image_and_report() {
    let workshop = workshop();
    let (code, errors) = told(&workshop, "sdk", GOOD);
    assert_eq!(
        (code, errors.as_str()),
        (Some(0), "microkit: warning: a.system:1:9: unused memory region 'odd'\n")
    );
    let folder = workshop.folder.path();
    let image = std::fs::read(folder.join("loader.img")).unwrap();
    assert_eq!(image[0x3000..0x3008], *b"CAIRNSPC");
    let report = std::fs::read_to_string(folder.join("report.txt")).unwrap();
    assert!(report.contains("board         qemu_virt_aarch64\n"));
    // Named outputs; the ELF form holds the same image behind one page of headers.
    let (code, _) = told(&workshop, "sdk", &format!("{GOOD} -o x.elf -r x.txt --image-type elf"));
    assert_eq!(code, Some(0));
    let elf = std::fs::read(folder.join("x.elf")).unwrap();
    assert_eq!(elf[0x1000..], image);
    assert_eq!(std::fs::read_to_string(folder.join("x.txt")).unwrap(), report);
}

#[test]
fn finds_the_sdk_beside_the_executable() {
    let workshop = workshop();
    let folder = workshop.folder.path();
    std::fs::create_dir(folder.join("sdk/bin")).unwrap();
    let tool = folder.join("sdk/bin/microkit");
    std::fs::copy(env!("CARGO_BIN_EXE_microkit"), &tool).unwrap();
    let output = Command::new(&tool)
        .current_dir(folder)
        .env_remove("MICROKIT_SDK")
        .args(GOOD.split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn fails_with_code_1_and_one_line() {
    let workshop = workshop();
    workshop.add("other.elf", b"other");
    let replaced = |from: &str, to: &str| GOOD.replace(from, to);
    let unsupported = |what: &str| format!("unsupported by the model kernel: {what}");
    let cases = [
        (
            replaced("a.system", "b.system"),
            "cannot read the system description 'b.system': No such file or directory (os error 2)"
                .to_owned(),
        ),
        (
            replaced("parts", ""),
            "a.system:1:78: program 'pd.elf' of 'a' is not on the search path".to_owned(),
        ),
        (
            replaced("qemu_virt_aarch64", "pine64"),
            "argument --board: unknown board 'pine64' (choose from: qemu_virt_aarch64)".to_owned(),
        ),
        (
            replaced("release", "debug"),
            "argument --config: invalid choice 'debug' (choose from: release)".to_owned(),
        ),
        (format!("{GOOD} --capdl-json x"), unsupported("--capdl-json")),
        (format!("{GOOD} --viper-output x"), unsupported("--viper-output")),
        (format!("{GOOD} --image-type uimage"), unsupported("--image-type uimage")),
        (
            format!("{GOOD} -o none/x.img"),
            "cannot write 'none/x.img': No such file or directory (os error 2)".to_owned(),
        ),
        (
            format!("{GOOD} --override-kernel none.elf"),
            "cannot read the kernel 'none.elf': No such file or directory (os error 2)".to_owned(),
        ),
        (
            format!("{GOOD} --override-kernel a.system"),
            "kernel 'a.system': not a valid ELF file: Unsupported ELF header".to_owned(),
        ),
    ];
    for (arguments, message) in cases {
        let (code, errors) = told(&workshop, "sdk", &arguments);
        let last = errors.lines().last().unwrap_or_default();
        assert_eq!(
            (code, last),
            (Some(1), format!("microkit: error: {message}").as_str()),
            "{arguments}"
        );
    }
    let (code, errors) = told(&workshop, "parts", GOOD);
    let message =
        "microkit: error: the SDK folder 'parts' has no 'board' folder; set MICROKIT_SDK\n";
    assert_eq!((code, errors.as_str()), (Some(1), message));
    assert!(!Path::new("loader.img").exists());
}

#[test]
fn refuses_configurations_that_the_model_has_not() {
    let workshop = workshop();
    let boards = workshop.folder.path().join("sdk/board/qemu_virt_aarch64");
    std::fs::create_dir(boards.join("smp-debug")).unwrap();
    let (code, errors) = told(&workshop, "sdk", &GOOD.replace("release", "smp-debug"));
    let message = "microkit: error: unsupported by the model kernel: configuration 'smp-debug'\n";
    assert_eq!((code, errors.as_str()), (Some(1), message));
}

#[test]
fn bad_command_lines_end_with_code_2() {
    let workshop = workshop();
    for arguments in ["", "a.system", "--board b --config c", "a b --board b --config c"] {
        assert_eq!(told(&workshop, "sdk", arguments).0, Some(2), "{arguments}");
    }
    for option in ["--image-type tar", "--unknown", "--model-seed x"] {
        assert_eq!(told(&workshop, "sdk", &format!("{GOOD} {option}")).0, Some(2), "{option}");
    }
    let help = run(&workshop, "sdk", "--help");
    let text = String::from_utf8(help.stdout).unwrap();
    assert_eq!(help.status.code(), Some(0));
    for option in ["--board", "--config", "--search-path", "--override-kernel", "--image-type"] {
        assert!(text.contains(option), "{option}");
    }
}

#[test]
fn the_seed_reaches_the_kernel() {
    let workshop = workshop();
    let (code, _) = told(&workshop, "sdk", &format!("{GOOD} --model-seed 77"));
    assert_eq!(code, Some(0));
    let image = std::fs::read(workshop.folder.path().join("loader.img")).unwrap();
    // The header's seed follows magic, version, configuration and two ranges.
    assert_eq!(image[0x3000 + 48..][..8], 77u64.to_le_bytes());
}

#[test]
fn refuses_the_official_kernel() {
    let Some(sdk) = support::official_sdk() else { return };
    let workshop = workshop();
    let sdk = sdk.to_str().unwrap().to_owned();
    let (code, errors) = told(&workshop, &sdk, GOOD);
    assert_eq!(code, Some(1));
    assert!(
        errors.ends_with("this is seL4, not the model kernel; use the microkit tool of its SDK\n"),
        "{errors}"
    );
}
