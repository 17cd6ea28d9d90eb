//! `cairn panics` on programs that are compiled for the purpose.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

mod target;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A program whose `pick` indexes with a number that the compiler does not know.
const PROGRAM: &str = r#"
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicUsize, Ordering};

static INDEX: AtomicUsize = AtomicUsize::new(0);
static VALUES: [AtomicUsize; 3] = [const { AtomicUsize::new(7) }; 3];

#[inline(never)]
fn pick(index: usize) -> usize {
    PICK
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        INDEX.store(pick(INDEX.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
"#;

fn compile(folder: &Path, pick: &str) -> PathBuf {
    target::compile(folder, "tiny", &PROGRAM.replace("PICK", pick))
}

fn panics(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.arg("panics").arg("tiny").args(arguments).current_dir(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn an_index_that_may_be_wrong_is_found_and_must_be_allowed() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "VALUES[index].load(Ordering::Relaxed)");
    let found = panics(folder.path(), &[]);
    assert!(text(&found).contains("tiny         tiny.rs pick line 12 (panic_bounds_check)"));
    assert_eq!(found.status.code(), Some(0), "{}", text(&found));

    let list = folder.path().join("allow.txt");
    fs::write(&list, "other tiny.rs pick\n").unwrap();
    let refused = panics(folder.path(), &["--allow", "allow.txt"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("NOT ALLOWED"), "{}", text(&refused));
    assert!(text(&refused).contains("no longer linked: other tiny.rs pick"));

    fs::write(&list, "# why\ntiny tiny.rs pick\ntiny tiny.rs gone\n").unwrap();
    let allowed = panics(folder.path(), &["--allow", "allow.txt", "--shrink"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed));
    assert_eq!(fs::read_to_string(&list).unwrap(), "# why\ntiny tiny.rs pick\n");
}

#[test]
fn a_checked_index_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    compile(folder.path(), "VALUES.get(index).map_or(0, |value| value.load(Ordering::Relaxed))");
    let found = panics(folder.path(), &[]);
    assert_eq!(text(&found).trim(), "0 places that can panic");
}

/// Whatever stands in the file: an answer, never a crash.
#[test]
fn damaged_programs_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let program = compile(folder.path(), "VALUES[index].load(Ordering::Relaxed)");
    let good = fs::read(&program).unwrap();
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..100 {
        let mut bad = good.clone();
        for _ in 0..=random(8) {
            // The headers are at both ends; half of the damage goes there.
            let at = match random(4) {
                0 => random(128),
                1 => bad.len() - 1 - random(1024),
                _ => random(bad.len()),
            };
            let width = random(8).min(bad.len() - at);
            bad[at..at + width].fill([0, 1, 0x7f, 0xff][random(4)]);
        }
        bad.truncate(good.len() - random(2) * random(good.len()));
        fs::write(&program, &bad).unwrap();
        let output = panics(folder.path(), &[]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output));
    }
}

#[test]
fn what_is_no_program_or_no_list_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tiny"), "no program").unwrap();
    let refused = panics(folder.path(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("tiny: no AArch64 program with symbols"), "{}", text(&refused));
    fs::write(folder.path().join("list"), "one two").unwrap();
    let refused = panics(folder.path(), &["--allow", "list"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("list: line 1: not PROGRAM FILE FUNCTION"));
    assert_eq!(panics(folder.path(), &["--allow", "missing"]).status.code(), Some(3));
}
