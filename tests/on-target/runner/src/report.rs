//! What the harness said, judged: a test that nobody heard of again has failed.

use std::fmt;

/// Verdicts of one boot.
#[derive(Debug, Default)]
pub(crate) struct Report {
    announced: Option<u32>,
    started: Option<String>,
    passed: u32,
    failed: u32,
    result: Option<String>,
}

/// Verdicts of all boots.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Totals {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Whether something ran and nothing failed.
    pub(crate) fn passed(self) -> bool {
        self.passed > 0 && self.failed == 0
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.passed() { "ok" } else { "FAILED" };
        write!(f, "on-target: {outcome}. {} passed; {} failed", self.passed, self.failed)
    }
}

impl Report {
    /// Takes in a line of the console; returns it if it is for the user's eyes.
    pub(crate) fn line<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        if let Some(name) = line.strip_prefix("start ") {
            self.started = Some(name.into());
            return None;
        }
        if let Some(rest) = line.strip_prefix("running ") {
            self.announced = rest.strip_suffix(" tests").and_then(|count| count.parse().ok());
            return Some(line);
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            self.result = Some(result.into());
            return Some(line);
        }
        let (_, verdict) = line.strip_prefix("test ")?.split_once(" ... ")?;
        self.started = None;
        if verdict == "ok" {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        Some(line)
    }

    /// Whether the harness has said its last word.
    pub(crate) fn is_complete(&self) -> bool {
        self.result.is_some()
    }

    /// What is wrong beside tests that the harness saw fail.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match (&self.result, &self.started, self.announced) {
            (None, Some(name), _) => problems.push(format!("`{name}` did not end")),
            (None, None, None) => problems.push("the harness did not start".into()),
            (None, None, Some(_)) => problems.push("the harness fell silent".into()),
            (Some(result), ..) => {
                let outcome = if self.failed == 0 { "ok" } else { "FAILED" };
                let expected = format!("{outcome}. {} passed; {} failed", self.passed, self.failed);
                if *result != expected {
                    problems.push(format!("the harness counts `{result}`, seen `{expected}`"));
                }
            }
        }
        if let Some(announced) = self.announced
            && self.passed + self.failed != announced
        {
            let ended = self.passed + self.failed;
            problems.push(format!("{announced} tests announced, {ended} ended"));
        }
        problems
    }

    /// The count, with each problem as a failure.
    pub(crate) fn totals(&self) -> Totals {
        let problems = u32::try_from(self.problems().len()).unwrap_or(u32::MAX);
        Totals { passed: self.passed, failed: self.failed.saturating_add(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &[&str]) -> Report {
        let mut report = Report::default();
        for line in lines {
            report.line(line);
        }
        report
    }

    #[test]
    fn a_clean_run_passes() {
        let report = report(&[
            "Booting all finished, dropped to user space",
            "running 2 tests",
            "start a",
            "test a ... ok",
            "<<seL4: kernel chatter>>",
            "test b ... ok",
            "test result: ok. 2 passed; 0 failed",
        ]);
        assert!(report.is_complete());
        assert!(report.problems().is_empty());
        assert_eq!(report.totals(), Totals { passed: 2, failed: 0 });
    }

    #[test]
    fn a_failed_test_fails_the_run() {
        let report = report(&[
            "running 1 tests",
            "test a ... FAILED: brk",
            "test result: FAILED. 0 passed; 1 failed",
        ]);
        assert_eq!(report.totals(), Totals { passed: 0, failed: 1 });
        assert!(!report.totals().passed());
    }

    #[test]
    fn a_hang_is_a_failure_of_the_test_that_ran() {
        let report = report(&["running 2 tests", "test a ... ok", "start b"]);
        assert_eq!(report.problems(), ["`b` did not end", "2 tests announced, 1 ended"]);
        assert!(!report.totals().passed());
    }

    #[test]
    fn silence_is_a_failure() {
        assert_eq!(report(&[]).problems(), ["the harness did not start"]);
        let silent = report(&["running 0 tests"]);
        assert_eq!(silent.problems(), ["the harness fell silent"]);
    }

    #[test]
    fn a_lost_verdict_is_a_failure() {
        let report =
            report(&["running 2 tests", "test a ... ok", "test result: ok. 2 passed; 0 failed"]);
        assert_eq!(report.problems().len(), 2);
    }

    #[test]
    fn nothing_run_is_not_a_pass() {
        assert!(!Totals::default().passed());
    }
}
