//! The rules of a composed system. Each check says which element breaks it and where.

mod calls;
mod memory;
mod symbols;

use std::collections::BTreeSet;

use super::expand::Link;
use super::files::Files;
use super::report::{Lint, Report};
use super::system::System;
use super::xml::Element;

/// Below this the kernel's own minimum is not met and it halts at boot.
const BUDGET_US_MIN: u64 = 20;

/// Everything a rule may look at.
pub(super) struct Scene<'a> {
    pub(super) root: &'a Element,
    pub(super) system: &'a System<'a>,
    pub(super) links: &'a [Link],
    pub(super) drivers: &'a BTreeSet<String>,
    pub(super) files: &'a Files,
    pub(super) stack_top: u64,
}

/// Applies every rule.
pub(super) fn run(scene: &Scene<'_>, report: &mut Report) {
    memory::write_xor_execute(scene, report);
    memory::devices(scene, report);
    memory::sharing(scene, report);
    memory::stacks(scene, report);
    memory::ram(scene, report);
    calls::single_client(scene, report);
    calls::priorities(scene, report);
    calls::cycles(scene, report);
    symbols::unset(scene, report);
    parents(scene, report);
    budgets(scene, report);
}

/// A physical address in the board-independent files.
pub(super) fn addresses_outside_platform<'a>(
    files: impl Iterator<Item = &'a Element>,
    report: &mut Report,
) {
    for region in files.flat_map(|file| file.named("memory_region")) {
        if region.get("phys_addr").is_some() {
            report.lint(Lint::Device, region, "a phys_addr belongs into platforms/<board>.xml");
        }
    }
}

/// One supervisor on top, everybody else directly below it.
fn parents(scene: &Scene<'_>, report: &mut Report) {
    for pd in &scene.system.pds {
        match pd.parent {
            None if pd.name != scene.system.pds[0].name => {
                let message = format!("is not a child of `{}`", scene.system.pds[0].name);
                report.lint(Lint::Parent, pd.element, message);
            }
            Some(parent) if scene.system.pds[parent].parent.is_some() => {
                let message =
                    format!("its parent `{}` is itself a child", scene.system.pds[parent].name);
                report.lint(Lint::Parent, pd.element, message);
            }
            _ => {}
        }
    }
}

fn budgets(scene: &Scene<'_>, report: &mut Report) {
    for pd in &scene.system.pds {
        if pd.budget_us < BUDGET_US_MIN {
            let message = format!("budget {} µs: the kernel needs {BUDGET_US_MIN}", pd.budget_us);
            report.lint(Lint::Budget, pd.element, message);
        }
        if pd.budget_us > pd.period_us {
            let message = format!("budget {} µs exceeds period {}", pd.budget_us, pd.period_us);
            report.lint(Lint::Budget, pd.element, message);
        }
    }
}
