//! `<supervise/>`: what a parent needs to start children again, to say why one died and to tell whether
//! one hangs.
//!
//! Each child's stack becomes a region with an unmapped page on either side, and the parent maps it
//! read-only unless the child keeps secrets. The parent gets every scheduling context, its own included.

use super::super::number::{self, hex};
use super::super::report::Report;
use super::super::system::{STACK, defaults};
use super::super::xml::Element;
use super::place::Placer;
use super::plan::Family;
use super::space::PAGE_BYTES;

/// `<cspace>` slots of a PD end here.
const SLOT_MAX: usize = 63;

/// Restarts within [`WINDOW_MS`] where the element gives none.
const RESTARTS: u32 = 20;
/// The window where the element gives none.
const WINDOW_MS: u32 = 10_000;

/// A parent that supervises, with its children.
#[derive(Debug)]
pub(super) struct Supervision {
    element: Element,
    parent: String,
    restarts_max: u32,
    window_ms: u32,
    children: Vec<Child>,
}

#[derive(Debug)]
struct Child {
    name: String,
    /// Whether nobody may see its stack.
    is_secret: bool,
}

/// What the table of PDs says about a supervised PD.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Supervised {
    /// Where its stack is, in the PD and, if it may see it, in its parent.
    pub(super) stack_vaddr: u64,
    pub(super) stack_view_vaddr: u64,
    /// Zero where the stack is the image tool's.
    pub(super) stack_bytes: u64,
    /// The slot of its scheduling context in its parent.
    pub(super) sched_context: u64,
    pub(super) restarts_max: u32,
    pub(super) window_ms: u32,
}

/// Takes the elements, and the attributes `secret`, out of the tree.
pub(super) fn take(root: &mut Element, families: &[Family]) -> Vec<Supervision> {
    let mut found = Vec::new();
    for family in families {
        let Some(pd) = root.find_pd(&family.name) else { continue };
        for element in pd.take("supervise") {
            found.push(Supervision {
                restarts_max: count(&element, "restarts", RESTARTS),
                window_ms: count(&element, "window_ms", WINDOW_MS),
                element,
                parent: family.name.clone(),
                children: Vec::new(),
            });
        }
    }
    for family in families {
        let Some(pd) = root.find_pd(&family.name) else { continue };
        let is_secret = pd.get("secret") == Some("true");
        pd.unset("secret");
        let child = || Child { name: family.name.clone(), is_secret };
        for supervision in found.iter_mut().filter(|i| Some(&i.parent) == family.parent.as_ref()) {
            supervision.children.push(child());
        }
    }
    found
}

fn count(element: &Element, key: &str, default: u32) -> u32 {
    let value = element.get(key).and_then(number::parse);
    value.and_then(|value| value.try_into().ok()).unwrap_or(default)
}

/// Adds stacks and scheduling contexts.
pub(super) fn place(
    root: &mut Element,
    supervisions: &[Supervision],
    placer: &mut Placer,
    report: &mut Report,
) {
    for supervision in supervisions {
        for child in &supervision.children {
            let mut supervised = stack(root, supervision, child, placer, report);
            supervised.restarts_max = supervision.restarts_max;
            supervised.window_ms = supervision.window_ms;
            placer.supervised.insert(child.name.clone(), supervised);
        }
        sched_contexts(root, supervision, placer, report);
    }
}

fn stack(
    root: &mut Element,
    supervision: &Supervision,
    child: &Child,
    placer: &mut Placer,
    report: &mut Report,
) -> Supervised {
    let mut found = Supervised::default();
    // A program that does not look for a stack keeps the image tool's.
    if !placer.has_symbol(&child.name, STACK) {
        return found;
    }
    let Some(pd) = root.find_pd(&child.name) else { return found };
    let bytes = pd.get("stack_size").and_then(number::parse).unwrap_or(defaults::STACK_BYTES);
    pd.set("stack_size", hex(PAGE_BYTES));
    let region = format!("{}_stack", child.name);
    let map = |vaddr: u64, perms: &str| {
        Element::new("map", &supervision.element.place)
            .with("mr", region.as_str())
            .with("vaddr", hex(vaddr))
            .with("perms", perms)
    };
    let Some(vaddr) = placer.address(&child.name, bytes) else {
        report.error(pd, "its stack does not fit");
        return found;
    };
    pd.children
        .push(map(vaddr, "rw").with("setvar_vaddr", STACK).with("setvar_size", "stack_size"));
    (found.stack_vaddr, found.stack_bytes) = (vaddr, bytes);
    if !child.is_secret
        && let Some(parent) = root.find_pd(&supervision.parent)
    {
        match placer.address(&supervision.parent, bytes) {
            Some(view) => {
                parent.children.push(map(view, "r"));
                found.stack_view_vaddr = view;
            }
            None => report.error(parent, "the stacks of its children do not fit"),
        }
    }
    root.children.push(
        Element::new("memory_region", &supervision.element.place)
            .with("name", region.as_str())
            .with("size", hex(bytes)),
    );
    found
}

fn sched_contexts(
    root: &mut Element,
    supervision: &Supervision,
    placer: &mut Placer,
    report: &mut Report,
) {
    let Some(parent) = root.find_pd(&supervision.parent) else { return };
    let place = &supervision.element.place;
    let mut cspace = Element::new("cspace", place);
    let children = supervision.children.iter().map(|child| &child.name);
    for (slot, name) in (1..).zip(std::iter::once(&supervision.parent).chain(children)) {
        if slot > SLOT_MAX {
            report.error(parent, format!("supervises more than {} children", SLOT_MAX - 1));
            break;
        }
        let cap = Element::new("cap_sc", place).with("slot", slot.to_string());
        cspace.children.push(cap.with("pd", name.as_str()));
        placer.supervised.entry(name.clone()).or_default().sched_context = slot as u64;
    }
    parent.children.push(cspace);
}
