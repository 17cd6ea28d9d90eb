//! What a description may say: which elements stand where, which attributes they have, and what those
//! may be. This is SDF of Microkit 2.3 for AArch64 and the elements of `docs/system-xml.md`.
//!
//! Files are held to it before anything is made of them, so that whatever is wrong is said with the
//! line that somebody wrote.

use super::number;
use super::report::Report;
use super::xml::Element;

/// The values of an attribute.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// Any text but none.
    Text,
    /// A number from the first to the second.
    Number(u64, u64),
    /// The same, without `0x` and `_`, which the image tool does not take everywhere.
    Decimal(u64, u64),
    /// A number of whole pages, up to this many bytes.
    Pages(u64),
    /// The address of a page.
    Page,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Letters of `r`, `w` and `x`; what is written can be read, too.
    Rights,
}

const BOOL: Value = Value::Word(&["true", "false"]);
/// A size that the lints look at, or that the address space bounds.
const BYTES: Value = Value::Pages(u64::MAX);
/// Channels and IRQs, and children.
const ID: Value = Value::Decimal(0, 61);
const MICROSECONDS: Value = Value::Number(1, 1 << 40);
const PAGE_BYTES: u64 = 0x1000;
const STACK_BYTES_MAX: u64 = 0x100_0000;
/// What `supervisor` remembers of a PD's past.
const RESTARTS_MAX: u64 = 32;
const CPU: Value = Value::Number(0, 63);
const PRIORITY: Value = Value::Number(0, 254);

/// An attribute; one that must be there is marked.
type Attribute = (&'static str, Value, bool);

const fn may(name: &'static str, value: Value) -> Attribute {
    (name, value, false)
}

const fn must(name: &'static str, value: Value) -> Attribute {
    (name, value, true)
}

/// An element.
struct Rule {
    name: &'static str,
    attributes: &'static [Attribute],
    children: &'static [&'static str],
}

const fn rule(
    name: &'static str,
    attributes: &'static [Attribute],
    children: &'static [&'static str],
) -> Rule {
    Rule { name, attributes, children }
}

const RULES: &[Rule] = &[
    rule(
        "system",
        &[],
        &["memory_region", "protection_domain", "channel", "link", "limits", "domains"],
    ),
    rule(
        "platform",
        &[must("name", Value::Text), must("stack_top", Value::Page)],
        &["memory_region", "protection_domain", "channel", "link", "qemu"],
    ),
    rule(
        "overlay",
        &[may("name", Value::Text)],
        &["memory_region", "protection_domain", "channel", "link", "limits", "qemu"],
    ),
    rule("qemu", &[must("args", Value::Text)], &[]),
    rule("limits", &[may("ram", BYTES), may("stack", BYTES)], &[]),
    rule(
        "memory_region",
        &[
            must("name", Value::Text),
            may("size", BYTES),
            may("page_size", Value::Word(&["0x1000", "0x200000"])),
            may("phys_addr", Value::Page),
            may("prefill_path", Value::Text),
            may("prefill_bootinfo", Value::Text),
            may("sharers", Value::Number(0, 63)),
            may("writers", Value::Number(0, 63)),
        ],
        &[],
    ),
    rule(
        "protection_domain",
        &[
            must("name", Value::Text),
            may("priority", PRIORITY),
            may("budget", MICROSECONDS),
            may("period", MICROSECONDS),
            may("passive", BOOL),
            may("stack_size", Value::Pages(STACK_BYTES_MAX)),
            may("cpu", CPU),
            may("smc", BOOL),
            may("fpu", BOOL),
            may("domain", Value::Text),
            may("id", ID),
            may("setvar_id", Value::Text),
            may("secret", BOOL),
        ],
        &[
            "program_image",
            "map",
            "irq",
            "setvar",
            "protection_domain",
            "virtual_machine",
            "cspace",
            "lifecycle",
            "supervise",
            "log",
            "clients",
            "pd_table",
            "build_info",
        ],
    ),
    rule("program_image", &[must("path", Value::Text), may("path_for_symbols", Value::Text)], &[]),
    rule(
        "map",
        &[
            must("mr", Value::Text),
            may("vaddr", Value::Page),
            may("perms", Value::Rights),
            may("cached", BOOL),
            may("setvar_vaddr", Value::Text),
            may("setvar_size", Value::Text),
            may("setvar_prefill_size", Value::Text),
        ],
        &[],
    ),
    rule(
        "irq",
        &[
            must("irq", Value::Decimal(0, 1023)),
            may("id", ID),
            may("trigger", Value::Word(&["level", "edge"])),
            may("setvar_id", Value::Text),
        ],
        &[],
    ),
    rule("setvar", &[must("symbol", Value::Text), must("region_paddr", Value::Text)], &[]),
    rule(
        "virtual_machine",
        &[
            must("name", Value::Text),
            may("priority", PRIORITY),
            may("budget", MICROSECONDS),
            may("period", MICROSECONDS),
        ],
        &["vcpu", "map"],
    ),
    rule("vcpu", &[must("id", ID), may("cpu", CPU), may("setvar_id", Value::Text)], &[]),
    rule("cspace", &[], &["cap_tcb", "cap_sc", "cap_vspace"]),
    rule("cap_tcb", CAP, &[]),
    rule("cap_sc", CAP, &[]),
    rule("cap_vspace", CAP, &[]),
    rule("domains", &[], &["domain", "domain_schedule"]),
    rule("domain", &[must("name", Value::Text), may("id", Value::Number(0, 255))], &[]),
    rule(
        "domain_schedule",
        &[may("start_index", Value::Number(0, 255)), may("index_shift", Value::Number(0, 255))],
        &["schedule_entry", "schedule_end_marker"],
    ),
    rule("schedule_entry", &[must("domain", Value::Text), must("duration", Value::Text)], &[]),
    rule("schedule_end_marker", &[], &[]),
    rule("channel", &[], &["end"]),
    rule(
        "end",
        &[
            must("pd", Value::Text),
            may("id", ID),
            may("pp", BOOL),
            may("notify", BOOL),
            may("setvar_id", Value::Text),
        ],
        &[],
    ),
    rule(
        "link",
        &[
            must("server", Value::Text),
            must("client", Value::Text),
            must("protocol", Value::Text),
            must("ring", BYTES),
            may("client_data", BYTES),
            may("server_data", BYTES),
            may("allow", Value::Word(&["inversion"])),
        ],
        &[],
    ),
    rule("lifecycle", &[], &[]),
    rule(
        "supervise",
        &[
            may("restarts", Value::Number(1, RESTARTS_MAX)),
            may("window_ms", Value::Number(1, u32::MAX as u64)),
        ],
        &[],
    ),
    rule("log", &[must("server", Value::Text), may("ring", BYTES)], &[]),
    rule("clients", &[], &[]),
    rule("pd_table", &[], &[]),
    rule("build_info", &[], &[]),
];

const CAP: &[Attribute] = &[must("slot", Value::Number(1, 63)), must("pd", Value::Text)];

/// Holds a file to the rules.
pub(super) fn check(root: &Element, report: &mut Report) {
    let Some(rule) = RULES.iter().find(|rule| rule.name == root.name) else { return };
    for (key, text) in root.attributes() {
        match rule.attributes.iter().find(|(name, ..)| *name == key) {
            Some((_, value, _)) => {
                if let Some(expected) = value.refuses(text) {
                    report.error(root, format!("`{key}` is \"{text}\", which is not {expected}"));
                }
            }
            None => {
                let known: Vec<_> = rule.attributes.iter().map(|(name, ..)| *name).collect();
                report.error(root, format!("has no attribute `{key}`{}", of(&known)));
            }
        }
    }
    for (name, ..) in
        rule.attributes.iter().filter(|(name, _, is_needed)| *is_needed && root.get(name).is_none())
    {
        report.error(root, format!("needs `{name}`"));
    }
    for child in &root.children {
        if rule.children.contains(&child.name.as_str()) {
            check(child, report);
        } else {
            let known = of(rule.children);
            report.error(child, format!("does not belong inside <{}>{known}", root.name));
        }
    }
}

/// What there is instead.
fn of(known: &[&str]) -> String {
    if known.is_empty() {
        ", which has none".into()
    } else {
        format!("; there are {}", known.join(", "))
    }
}

impl Value {
    /// What `text` should be but is not.
    fn refuses(self, text: &str) -> Option<String> {
        let number = number::parse(text);
        let is_page = |number: u64| number.is_multiple_of(PAGE_BYTES);
        let (holds, expected) = match self {
            Self::Text => (!text.is_empty(), "any text".into()),
            Self::Number(first, last) => (
                number.is_some_and(|number| (first..=last).contains(&number)),
                format!("a number from {first} to {last}"),
            ),
            Self::Decimal(first, last) => (
                text.parse().is_ok_and(|number: u64| (first..=last).contains(&number)),
                format!("a decimal number from {first} to {last}"),
            ),
            Self::Pages(u64::MAX) => (
                number.is_some_and(|bytes| bytes > 0 && is_page(bytes)),
                format!("a multiple of {PAGE_BYTES:#x} above 0"),
            ),
            Self::Pages(max) => (
                number.is_some_and(|bytes| (1..=max).contains(&bytes) && is_page(bytes)),
                format!("a multiple of {PAGE_BYTES:#x} from {PAGE_BYTES:#x} to {max:#x}"),
            ),
            Self::Page => (
                number.is_some_and(is_page),
                format!("an address that is a multiple of {PAGE_BYTES:#x}"),
            ),
            Self::Word(words) => (words.contains(&text), words.join(" or ")),
            Self::Rights => {
                let has = |letter: char| text.contains(letter);
                let letters = ['r', 'w', 'x'].into_iter().filter(|letter| has(*letter)).count();
                let holds = letters == text.len() && letters > 0 && (has('r') || !has('w'));
                (holds, "letters of r, w and x, with w only beside r".into())
            }
        };
        (!holds).then_some(expected)
    }
}
