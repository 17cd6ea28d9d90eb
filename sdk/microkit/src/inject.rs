//! Faults that the model kernel causes on purpose, as tests ask for them on the command line.

use std::str::FromStr;

use model_spec::layout::PERIOD_US_MAX;
use model_spec::{Injection, InjectionKind};

use crate::caps;
use crate::sdf::System;

/// How faults are written.
const FORMS: &str = "kill:PD:NTH, drop-irq:IRQ:NTH or delay-irq:IRQ:NTH:MICROSECONDS";

/// Why a fault cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Not one of the accepted forms.
    #[error("'{0}' is not {FORMS}; NTH counts from 1, and a delay is at most one hour")]
    Form(String),
    /// The system has no such target.
    #[error("cannot inject '{text}': the system has no {what} '{target}'")]
    Target {
        /// The fault as written.
        text: String,
        /// Kind of the target.
        what: &'static str,
        /// The target as written.
        target: String,
    },
}

/// A fault whose target has not been looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    text: String,
    kind: InjectionKind,
    target: String,
    nth: u64,
    delay_us: u64,
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let form = || FaultError::Form(text.to_owned());
        let parts: Vec<&str> = text.split(':').collect();
        let (kind, target, nth, delay) = match parts.as_slice() {
            ["kill", pd, nth] => (InjectionKind::KillPd, pd, nth, None),
            ["drop-irq", irq, nth] => (InjectionKind::DropIrq, irq, nth, None),
            ["delay-irq", irq, nth, delay] => (InjectionKind::DelayIrq, irq, nth, Some(delay)),
            _ => return Err(form()),
        };
        let number = |text: &str, high: u64| {
            let value = text.parse().ok().filter(|value| (1..=high).contains(value));
            value.ok_or_else(form)
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
            target: (*target).to_owned(),
            nth: number(nth, u64::MAX)?,
            delay_us: delay.map_or(Ok(0), |delay| number(delay, PERIOD_US_MAX))?,
        })
    }
}

impl Fault {
    /// The fault with its target's number in `system`.
    ///
    /// # Errors
    /// If the system has no such target.
    pub fn resolve(&self, system: &System) -> Result<Injection, FaultError> {
        let (what, index) = if self.kind == InjectionKind::KillPd {
            let mut names = system.domains.iter().map(|domain| domain.name.as_str());
            ("protection domain", names.position(|name| name == self.target))
        } else {
            let irq: Option<u32> = self.target.parse().ok();
            let irqs = caps::irqs(system);
            ("interrupt", irqs.iter().position(|entry| Some(entry.intid) == irq))
        };
        let target = index.and_then(|index| u32::try_from(index).ok());
        let target = target.ok_or_else(|| FaultError::Target {
            text: self.text.clone(),
            what,
            target: self.target.clone(),
        })?;
        Ok(Injection { kind: self.kind as u32, target, nth: self.nth, delay_us: self.delay_us })
    }
}
