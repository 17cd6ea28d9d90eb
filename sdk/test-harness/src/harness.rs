//! The harness PD's logic: which test runs, and how it ended.

use core::fmt::{self, Write};

use sel4::{Fault, Word};

use crate::control::{ControlPage, Expectation, Request};

/// Children that can be subjects.
pub const SUBJECTS_MAX: usize = 8;

/// What is to happen to the child that faulted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It stays as it is.
    Leave,
    /// It steps over its system call.
    StepOver,
    /// Another child, or the same one, starts afresh.
    Restart(usize),
}

/// Runs the subjects' tests, one at a time.
#[derive(Debug)]
pub struct Runner<W> {
    console: W,
    subjects: [Option<ControlPage>; SUBJECTS_MAX],
    ready: [bool; SUBJECTS_MAX],
    /// Child and number of the test that runs.
    current: Option<(usize, u32)>,
    passed: u32,
    failed: u32,
}

impl<W: Write> Runner<W> {
    /// A runner for the children that have a control page.
    pub fn new(console: W, subjects: [Option<ControlPage>; SUBJECTS_MAX]) -> Self {
        subjects.iter().flatten().for_each(|page| page.set_command(0));
        let ready = subjects.map(|page| page.is_none());
        Self { console, subjects, ready, current: None, passed: 0, failed: 0 }
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        // The console does not fail.
        let _ = self.console.write_fmt(line);
    }

    /// A child's fault message: a request, the end of a test, or a helper's misfortune.
    pub fn fault(&mut self, child: usize, label: Word, fault: Fault, mrs: &[Word]) -> Action {
        let request = match &fault {
            Fault::UnknownSyscall(fault) => Request::from_fault(fault),
            _ => None,
        };
        match (request, self.current) {
            (Some(Request::Ready), None) => self.subject_is_ready(child),
            (Some(Request::Started), Some((current, _))) if current == child => {
                let name = self.name();
                self.say(format_args!("start {}\n", name.as_str()));
                Action::StepOver
            }
            (Some(Request::Restart), Some((current, _))) if current == child => {
                if let Some(page) = self.page(child) {
                    page.set_phase(page.phase() + 1);
                }
                Action::Restart(child)
            }
            (Some(Request::Done), Some((current, _))) if current == child => {
                let expectation = self.expectation(child);
                self.finish(match expectation.kind {
                    Expectation::FAULT => Err(format_args!("returned instead of faulting")),
                    _ => Ok(()),
                })
            }
            (_, Some((current, _))) if current == child => {
                self.subject_faulted(child, label, fault, mrs)
            }
            (_, Some(_)) => self.finish(Err(format_args!("helper {child}: {fault}"))),
            (_, None) => {
                self.say(format_args!("child {child} before any test: {fault}\n"));
                Action::Leave
            }
        }
    }

    fn page(&self, child: usize) -> Option<ControlPage> {
        self.subjects.get(child).copied().flatten()
    }

    fn expectation(&self, child: usize) -> Expectation {
        self.page(child).map(ControlPage::expectation).unwrap_or_default()
    }

    fn name(&self) -> crate::control::Text<64> {
        let page = self.current.and_then(|(child, _)| self.page(child));
        page.map_or_else(|| crate::control::Text::new("?"), ControlPage::name)
    }

    fn subject_is_ready(&mut self, child: usize) -> Action {
        if let Some(ready) = self.ready.get_mut(child) {
            *ready = true;
        }
        if !self.ready.iter().all(|&ready| ready) {
            return Action::Leave;
        }
        let count: u32 = self.subjects.iter().flatten().map(|page| page.test_count()).sum();
        self.say(format_args!("\nrunning {count} tests\n"));
        self.start_next(0, 0)
    }

    fn subject_faulted(&mut self, child: usize, label: Word, fault: Fault, mrs: &[Word]) -> Action {
        let expectation = self.expectation(child);
        let message = self.page(child).map(ControlPage::message);
        let message = message.as_ref().map_or("", |message| message.as_str());
        match expectation.kind {
            Expectation::FAULT => match mismatch(&expectation, label, mrs) {
                None => self.finish(Ok(())),
                Some(mismatch) => self.finish(Err(format_args!("{mismatch}: {fault}"))),
            },
            Expectation::PANIC => self.finish(Err(format_args!("no panic but {fault}"))),
            _ if message.is_empty() => self.finish(Err(format_args!("{fault}"))),
            _ => self.finish(Err(format_args!("panicked: {message}"))),
        }
    }

    fn finish(&mut self, verdict: Result<(), fmt::Arguments<'_>>) -> Action {
        let name = self.name();
        match verdict {
            Ok(()) => {
                self.passed += 1;
                self.say(format_args!("test {} ... ok\n", name.as_str()));
            }
            Err(reason) => {
                self.failed += 1;
                self.say(format_args!("test {} ... FAILED: {reason}\n", name.as_str()));
            }
        }
        match self.current {
            Some((child, test)) => self.start_next(child, test + 1),
            None => Action::Leave,
        }
    }

    /// Starts test `test` of `child`, or the first one of a later child.
    fn start_next(&mut self, child: usize, test: u32) -> Action {
        let mut test = test;
        for child in child..SUBJECTS_MAX {
            if let Some(page) = self.page(child)
                && test < page.test_count()
            {
                page.clear();
                page.set_command(test + 1);
                self.current = Some((child, test));
                return Action::Restart(child);
            }
            test = 0;
        }
        self.current = None;
        let (passed, failed) = (self.passed, self.failed);
        let outcome = if failed == 0 { "ok" } else { "FAILED" };
        self.say(format_args!("\ntest result: {outcome}. {passed} passed; {failed} failed\n"));
        Action::Leave
    }
}

/// How a fault message differs from what was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mismatch {
    Label { expected: Word, found: Word },
    Missing { index: Word },
    Value { index: Word, mask: Word, expected: Word, found: Word },
}

fn mismatch(expectation: &Expectation, label: Word, mrs: &[Word]) -> Option<Mismatch> {
    if expectation.label != label {
        return Some(Mismatch::Label { expected: expectation.label, found: label });
    }
    for word in expectation.words.iter().take(expectation.word_count as usize) {
        let found = usize::try_from(word.index).ok().and_then(|index| mrs.get(index));
        let Some(&found) = found else { return Some(Mismatch::Missing { index: word.index }) };
        if found & word.mask != word.value & word.mask {
            let (index, mask, expected) = (word.index, word.mask, word.value);
            return Some(Mismatch::Value { index, mask, expected, found });
        }
    }
    None
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label { expected, found } => write!(f, "label {found}, expected {expected}"),
            Self::Missing { index } => write!(f, "message register {index} is missing"),
            Self::Value { index, mask, expected, found } => write!(
                f,
                "message register {index} is {found:#x}, expected {expected:#x} (mask {mask:#x})"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::ptr::NonNull;
    use std::boxed::Box;
    use std::string::String;
    use std::vec::Vec;

    use zerocopy::FromZeros;

    use super::*;
    use crate::control::{Control, ExpectedWord, Message, REQUEST_SYSCALL};

    const VM_FAULT: u64 = 6;

    fn page(test_count: u32) -> ControlPage {
        let control = Box::leak(Box::new(Control::new_zeroed()));
        // SAFETY: leaked, hence for ever.
        let page = unsafe { ControlPage::new(NonNull::from(control)) };
        page.set_test_count(test_count);
        page
    }

    /// A runner for children 0 and 2 with 2 and 1 tests.
    fn runner() -> (Runner<String>, ControlPage, ControlPage) {
        let (first, second) = (page(2), page(1));
        let mut subjects = [None; SUBJECTS_MAX];
        (subjects[0], subjects[2]) = (Some(first), Some(second));
        (Runner::new(String::new(), subjects), first, second)
    }

    fn fault(runner: &mut Runner<String>, child: usize, label: u64, mrs: &[u64]) -> Action {
        let info = sel4::MessageInfo::new(label, 0, 0, mrs.len());
        runner.fault(child, label, Fault::decode(info, mrs), mrs)
    }

    fn ask(runner: &mut Runner<String>, child: usize, request: Request) -> Action {
        let mut mrs = [0; 13];
        (mrs[0], mrs[12]) = (request as u64, REQUEST_SYSCALL.cast_unsigned());
        fault(runner, child, 2, &mrs)
    }

    fn begin(runner: &mut Runner<String>) {
        assert_eq!(ask(runner, 2, Request::Ready), Action::Leave);
        assert_eq!(ask(runner, 0, Request::Ready), Action::Restart(0));
    }

    fn result_lines(runner: &Runner<String>) -> Vec<&str> {
        runner.console.lines().filter(|line| line.starts_with("test ")).collect()
    }

    #[test]
    fn runs_every_test_of_every_subject() {
        let (mut runner, first, second) = runner();
        begin(&mut runner);
        assert!(runner.console.contains("running 3 tests"));
        assert_eq!((first.command(), second.command()), (1, 0));
        first.set_name(format_args!("a"));
        assert_eq!(ask(&mut runner, 0, Request::Started), Action::StepOver);
        assert_eq!(ask(&mut runner, 0, Request::Done), Action::Restart(0));
        assert_eq!(first.command(), 2);
        first.set_name(format_args!("b"));
        assert_eq!(ask(&mut runner, 0, Request::Restart), Action::Restart(0));
        assert_eq!((first.command(), first.phase()), (2, 1));
        assert_eq!(ask(&mut runner, 0, Request::Done), Action::Restart(2));
        assert_eq!(second.command(), 1);
        second.set_name(format_args!("c"));
        assert_eq!(ask(&mut runner, 2, Request::Done), Action::Leave);
        let lines = result_lines(&runner);
        assert_eq!(lines[..3], ["test a ... ok", "test b ... ok", "test c ... ok"]);
        assert_eq!(lines[3], "test result: ok. 3 passed; 0 failed");
    }

    fn only_line_after(prepare: impl Fn(ControlPage), label: u64, mrs: &[u64]) -> String {
        let (mut runner, first, _) = runner();
        begin(&mut runner);
        first.set_name(format_args!("x"));
        prepare(first);
        fault(&mut runner, 0, label, mrs);
        String::from(result_lines(&runner)[0])
    }

    #[test]
    fn an_unannounced_fault_fails_the_test_in_words() {
        let line = only_line_after(|_| (), VM_FAULT, &[0x20_0000, 0, 0, 0x93df_8006]);
        assert!(line.starts_with("test x ... FAILED: null read from 0x0"), "{line}");
    }

    #[test]
    fn a_panic_fails_the_test_with_its_message() {
        let note = |page: ControlPage| page.set_message(&Message::new("2 is not 3"));
        let line = only_line_after(note, 8, &[0xf200_0001]);
        assert_eq!(line, "test x ... FAILED: panicked: 2 is not 3");
    }

    fn announce(words: &[ExpectedWord]) -> Expectation {
        let mut expectation = Expectation {
            kind: Expectation::FAULT,
            label: VM_FAULT,
            word_count: words.len().try_into().unwrap(),
            ..Expectation::default()
        };
        expectation.words[..words.len()].copy_from_slice(words);
        expectation
    }

    #[test]
    fn an_announced_fault_must_agree_in_label_and_words() {
        let words = [ExpectedWord { index: 1, mask: !0xfff, value: 0x5000 }];
        let announced = |page: ControlPage| page.set_expectation(announce(&words));
        let cases: [(u64, &[u64], &str); 4] = [
            (VM_FAULT, &[0, 0x5123, 0, 0], "test x ... ok"),
            (VM_FAULT, &[0, 0x6123, 0, 0], "test x ... FAILED: message register 1 is 0x6123"),
            (VM_FAULT, &[0], "test x ... FAILED: message register 1 is missing"),
            (3, &[0, 0x5123, 0, 0, 0], "test x ... FAILED: label 3, expected 6"),
        ];
        for (label, mrs, expected) in cases {
            let line = only_line_after(announced, label, mrs);
            assert!(line.starts_with(expected), "{line}");
        }
    }

    #[test]
    fn a_test_that_announced_a_fault_must_not_return() {
        let (mut runner, first, _) = runner();
        begin(&mut runner);
        first.set_expectation(announce(&[]));
        ask(&mut runner, 0, Request::Done);
        assert!(result_lines(&runner)[0].ends_with("FAILED: returned instead of faulting"));
    }

    #[test]
    fn a_helper_that_faults_fails_the_running_test() {
        let (mut runner, ..) = runner();
        begin(&mut runner);
        assert_eq!(fault(&mut runner, 5, 8, &[0xf200_0001]), Action::Restart(0));
        assert!(result_lines(&runner)[0].contains("FAILED: helper 5: brk 1"));
    }

    #[test]
    fn a_forged_request_of_another_child_changes_nothing_but_fails_the_test() {
        let (mut runner, first, _) = runner();
        begin(&mut runner);
        ask(&mut runner, 2, Request::Restart);
        assert_eq!((runner.failed, first.phase()), (1, 0));
    }
}
