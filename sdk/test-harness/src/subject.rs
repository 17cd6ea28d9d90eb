//! The side of a PD under test.

use core::fmt::Write;
use core::panic::PanicInfo;

use sel4::config::{CONFIG, Config};
use sel4_microkit::{memory_region_symbol, panicking, pd_name};

use crate::control::{
    Control, ControlPage, EXPECTED_WORDS_MAX, Expectation, ExpectedWord, Message, Request,
};

/// A test: it passes when `run` returns, unless it announced another end.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    /// What to print.
    pub name: &'static str,
    /// What to do.
    pub run: fn(),
}

fn page() -> ControlPage {
    let pointer = memory_region_symbol!(test_control: *mut Control);
    // SAFETY: the system description maps it.
    unsafe { ControlPage::new(pointer) }
}

/// Reports the tests, or runs the one that the harness asks for. What a subject's `init` calls.
pub fn run(tests: &[Test]) -> ! {
    panicking::set_hook(&note_panic);
    let page = page();
    let Some(index) = page.command().checked_sub(1) else {
        page.set_test_count(u32::try_from(tests.len()).unwrap_or(u32::MAX));
        ask_and_stop(Request::Ready);
    };
    let Some(test) = tests.get(index as usize) else {
        panic!("there is no test {index}");
    };
    page.set_name(format_args!("{}::{}", pd_name().unwrap_or("?"), test.name));
    page.set_expectation(Expectation::default());
    ask(Request::Started);
    (test.run)();
    ask_and_stop(Request::Done);
}

fn note_panic(info: &PanicInfo<'_>) {
    let mut message = Message::new("");
    // A message that does not fit is cut.
    let _ = match info.location() {
        Some(place) => write!(message, "{} ({}:{})", info.message(), place.file(), place.line()),
        None => write!(message, "{}", info.message()),
    };
    let page = page();
    let expectation = page.expectation();
    if expectation.kind == Expectation::PANIC {
        let expected = page.message();
        if message.as_str().contains(expected.as_str()) {
            ask_and_stop(Request::Done);
        }
        page.set_expectation(Expectation::default());
    }
    page.set_message(&message);
}

fn ask_and_stop(request: Request) -> ! {
    loop {
        ask(request);
    }
}

/// Faults with an unknown system call, which the harness answers or not.
#[cfg(target_os = "none")]
fn ask(request: Request) {
    // SAFETY: the harness leaves the registers as they are and steps over the instruction.
    unsafe {
        core::arch::asm!(
            "svc #0",
            in("x0") request as u64,
            in("x7") crate::control::REQUEST_SYSCALL,
            options(nostack),
        );
    }
}

/// There is no harness on the host.
#[cfg(not(target_os = "none"))]
fn ask(request: Request) {
    panic!("no harness to ask for {request:?}");
}

/// Announces that the test ends in a fault with this label whose message registers hold these values.
pub fn expect_fault(label: u64, words: &[(u64, u64)]) {
    expect(label, words.iter().map(|&(index, value)| (index, u64::MAX, value)));
}

/// As [`expect_fault`], comparing only the bits of a mask: (register, mask, value).
pub fn expect_fault_masked(label: u64, words: &[(u64, u64, u64)]) {
    expect(label, words.iter().copied());
}

fn expect(label: u64, words: impl ExactSizeIterator<Item = (u64, u64, u64)>) {
    assert!(words.len() <= EXPECTED_WORDS_MAX, "too many expected words");
    let mut expectation = Expectation {
        kind: Expectation::FAULT,
        label,
        word_count: u32::try_from(words.len()).unwrap_or(u32::MAX),
        ..Expectation::default()
    };
    for (place, (index, mask, value)) in expectation.words.iter_mut().zip(words) {
        *place = ExpectedWord { index, mask, value };
    }
    page().set_expectation(expectation);
}

/// Announces that the test ends in `brk #1`, which debug kernels report in their own way.
pub fn expect_brk() {
    match CONFIG {
        Config::Debug => expect_fault(4, &[(1, 3)]),
        Config::Release | Config::Benchmark => expect_fault(8, &[(0, 0xf200_0001)]),
    }
}

/// Announces that the test panics with a message that contains `text`.
pub fn expect_panic(text: &str) {
    let page = page();
    page.set_message(&Message::new(text));
    page.set_expectation(Expectation { kind: Expectation::PANIC, ..Expectation::default() });
}

/// How often this test restarted its PD.
pub fn phase() -> u32 {
    page().phase()
}

/// Restarts this PD for the same test, in the next phase.
pub fn restart() -> ! {
    ask_and_stop(Request::Restart)
}

/// A word that survives restarts within a test; zero when it begins.
pub fn scratch(index: usize) -> u64 {
    page().scratch(index)
}

/// Sets a word that survives restarts within a test.
pub fn set_scratch(index: usize, value: u64) {
    page().set_scratch(index, value);
}
