//! What `compose` has to say about a system: errors and warnings with element and line.

use std::fmt;

use super::xml::{Element, Place};

/// The rules a composed system must keep, by the name that `--allow` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lint {
    /// A page is writable and executable.
    Wx,
    /// A device region, IRQ or physical address outside a driver PD.
    Device,
    /// More PDs write a region than its protocol has writers.
    Writer,
    /// A PPC server with more than one client.
    PpClient,
    /// A PPC caller whose priority is not below the callee's.
    PpPriority,
    /// PDs that wait for each other in a circle.
    Cycle,
    /// More PDs map a region than its protocol needs.
    Sharing,
    /// The system needs more RAM than its limit.
    Ram,
    /// A stack above its limit.
    Stack,
    /// A map that touches the page below a stack.
    StackGuard,
    /// A PD that the supervisor does not parent.
    Parent,
    /// A budget the kernel cannot serve.
    Budget,
    /// A program that lacks memory or a link which it needs.
    Unset,
    /// A server that runs below its client (a warning).
    Inversion,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use clap::ValueEnum;
        match self.to_possible_value() {
            Some(value) => f.write_str(value.get_name()),
            None => Ok(()),
        }
    }
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// The element, as `<tag name="...">`.
    pub element: String,
    /// What is wrong and, where it helps, what would be right.
    pub message: String,
    /// The rule, or `None` for something that has no meaning at all.
    pub lint: Option<Lint>,
    /// Whether it fails the composition.
    pub is_error: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_error { "error" } else { "warning" };
        write!(f, "{}: {kind}: {}: {}", self.place, self.element, self.message)?;
        match self.lint {
            Some(lint) => write!(f, " [{lint}]"),
            None => Ok(()),
        }
    }
}

/// All findings so far.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    allowed: Vec<Lint>,
}

impl Report {
    /// An empty report that will not record the lints in `allowed`.
    pub fn new(allowed: &[Lint]) -> Self {
        Self { findings: Vec::new(), allowed: allowed.to_vec() }
    }

    /// `element` has no meaning.
    pub fn error(&mut self, element: &Element, message: impl Into<String>) {
        self.push(element, message.into(), None, true);
    }

    /// `element` means something, but probably not what its author thinks.
    pub fn warn(&mut self, element: &Element, message: impl Into<String>) {
        self.push(element, message.into(), None, false);
    }

    /// `element` breaks `lint`.
    pub fn lint(&mut self, lint: Lint, element: &Element, message: impl Into<String>) {
        if !self.allowed.contains(&lint) {
            self.push(element, message.into(), Some(lint), lint != Lint::Inversion);
        }
    }

    fn push(&mut self, element: &Element, message: String, lint: Option<Lint>, is_error: bool) {
        self.findings.push(Finding {
            place: element.place.clone(),
            element: element.to_string(),
            message,
            lint,
            is_error,
        });
    }

    /// Whether anything found fails the composition.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.is_error)
    }

    /// Whether anything found is worse than a broken lint.
    pub fn is_meaningless(&self) -> bool {
        self.findings.iter().any(|finding| finding.is_error && finding.lint.is_none())
    }

    /// The findings in the order they were made.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}
