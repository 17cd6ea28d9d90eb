//! `cairn stack` on programs that are compiled for the purpose.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

mod target;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// What every program needs. `SEED` is a number that the compiler does not know.
const HEAD: &str = r#"
#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

#[unsafe(no_mangle)]
static SEED: AtomicU64 = AtomicU64::new(0);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Takes so many bytes and a little more.
#[inline(never)]
fn take<const N: usize>() -> u64 {
    let bytes = black_box([SEED.load(Ordering::Relaxed) as u8; N]);
    bytes[SEED.load(Ordering::Relaxed) as usize % N].into()
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    run();
    loop {}
}
"#;

struct System(TempDir);

impl System {
    /// A system of one PD with a stack of 64 KiB, whose program is the head and `body`.
    fn of(body: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        target::compile(folder.path(), "tiny", &format!("{HEAD}{body}"));
        let system = "<system><protection_domain name=\"pd\" stack_size=\"0x10000\">\
                      <program_image path=\"tiny\"/></protection_domain></system>";
        fs::write(folder.path().join("system.xml"), system).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs `cairn --json stack` with a list.
    fn stack(&self, list: &str) -> Output {
        fs::write(self.path().join("list"), list).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
        command.args(["--json", "stack", "system.xml", "--search-path", ".", "--allow", "list"]);
        command.current_dir(self.path()).output().unwrap()
    }

    /// The most stack that the PD can take.
    fn worst(&self, list: &str) -> u64 {
        let output = self.stack(list);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["pds"][0]["worst_bytes"].as_u64().unwrap()
    }

    /// Why the system is refused.
    fn refusal(&self, list: &str) -> String {
        let output = self.stack(list);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn the_deepest_chain_counts() {
    let one = System::of("fn run() { black_box(take::<1000>()); }").worst("");
    assert!((1000..1200).contains(&one), "{one}");
    let wider = "fn run() { black_box(take::<1000>()); black_box(take::<2000>()); }";
    let wider = System::of(wider).worst("");
    assert!((2000..2200).contains(&wider), "the larger of two, not the sum: {wider}");
    let deeper = "
        #[inline(never)]
        fn outer() -> u64 {
            let bytes = black_box([1u8; 3000]);
            u64::from(bytes[7]) + take::<2000>() + u64::from(bytes[8])
        }
        fn run() { black_box(outer()); }";
    let deeper = System::of(deeper).worst("");
    assert!((5000..5300).contains(&deeper), "the sum along the chain: {deeper}");
}

#[test]
fn frames_of_many_pages_are_seen_through_the_loop_that_touches_them() {
    let large = System::of("fn run() { black_box(take::<40000>()); }").worst("");
    assert!((40000..40300).contains(&large), "{large}");
}

#[test]
fn a_table_of_jumps_leads_on() {
    let body = "
        fn run() {
            let result = match SEED.load(Ordering::Relaxed) {
                0 => take::<100>(),
                1 => take::<200>(),
                2 => take::<300>(),
                3 => take::<400>(),
                4 => take::<500>(),
                5 => take::<600>(),
                6 => take::<7000>(),
                7 => take::<800>(),
                _ => 0,
            };
            black_box(result);
        }";
    let worst = System::of(body).worst("");
    assert!((7000..7300).contains(&worst), "{worst}");
}

#[test]
fn what_may_overflow_is_refused() {
    let refusal = System::of("fn run() { black_box(take::<70000>()); }").refusal("");
    assert!(refusal.contains("pd may take 70"), "{refusal}");
    assert!(refusal.contains("bytes of stack and has 65536"), "{refusal}");
}

#[test]
fn recursion_needs_a_bound() {
    let system = System::of(
        "
        #[inline(never)]
        fn down(n: u64) -> u64 {
            let bytes = black_box([n as u8; 1000]);
            let below = if n == 0 { 1 } else { down(n / 2) };
            below + u64::from(black_box(&bytes)[n as usize % 1000])
        }
        fn run() { black_box(down(SEED.load(Ordering::Relaxed))); }",
    );
    let refusal = system.refusal("");
    assert!(
        refusal.contains("recursion that no line bounds: tiny::down > tiny::down"),
        "{refusal}"
    );
    let worst = system.worst("tiny tiny::down nests 10 -- it halves a number\n");
    assert!((10_000..11_000).contains(&worst), "{worst}");
    let refusal = system.refusal("tiny tiny::up nests 10 -- wrong name\n");
    assert!(refusal.contains("recursion that no line bounds"), "{refusal}");
}

#[test]
fn pointers_to_functions_need_a_line() {
    let system = System::of(
        "
        static POINTERS: [fn() -> u64; 2] = [take::<100>, take::<5000>];
        fn run() {
            let pointers = black_box(&POINTERS);
            black_box(pointers[SEED.load(Ordering::Relaxed) as usize % 2]());
        }",
    );
    let refusal = system.refusal("");
    assert!(refusal.contains("calls through a pointer, and no line says whom"), "{refusal}");
    let some = "tiny _start calls tiny::take -- the table\n* * calls nobody -- else\n";
    let refusal = system.refusal("* * calls nobody -- wrong\n");
    assert!(refusal.contains("addresses are taken, and no line says who calls there: tiny::take"));
    let worst = system.worst(some);
    assert!((5000..5300).contains(&worst), "{worst}");
}

#[test]
fn what_is_no_system_or_no_list_is_refused() {
    let system = System::of("fn run() {}");
    assert!(system.refusal("a b c").contains("list: line 1: needs -- REASON"));
    fs::write(system.path().join("tiny"), "no program").unwrap();
    assert!(system.refusal("").contains("pd: tiny: no AArch64 program with symbols"));
    fs::remove_file(system.path().join("tiny")).unwrap();
    assert!(system.refusal("").contains("pd: tiny is not on the search path"));
    fs::write(system.path().join("system.xml"), "<system>").unwrap();
    assert_eq!(system.stack("").status.code(), Some(1));
    fs::remove_file(system.path().join("system.xml")).unwrap();
    assert_eq!(system.stack("").status.code(), Some(3));
}

/// Whatever stands in the file: an answer, never a crash.
#[test]
fn damaged_programs_are_answered() {
    let system = System::of("fn run() { black_box(take::<9000>()); }");
    let program = system.path().join("tiny");
    let good = fs::read(&program).unwrap();
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..200 {
        let mut bad = good.clone();
        for _ in 0..=random(8) {
            let at = if random(4) == 0 { random(128) } else { random(bad.len()) };
            let width = random(8).min(bad.len() - at);
            bad[at..at + width].fill([0, 1, 0x7f, 0xff][random(4)]);
        }
        fs::write(&program, &bad).unwrap();
        let output = system.stack("* * nests 3 -- x\n* * calls * -- x\n");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output));
    }
}
