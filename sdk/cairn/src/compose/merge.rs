//! Joins `system.xml` with the platform's fragment and with overlays.

use std::collections::BTreeSet;

use super::report::Report;
use super::xml::Element;

const PD: &str = "protection_domain";

/// What a fragment may do to the PDs it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Add only, and only to PDs that exist.
    Platform,
    /// Add, replace, and bring new PDs.
    Overlay,
}

/// What is left of a fragment when its PDs have found their place.
#[derive(Debug, Default)]
pub struct Merged {
    /// Arguments of its `<qemu>` elements, in order.
    pub qemu: Vec<String>,
    /// Names of the PDs it added to.
    pub pds: BTreeSet<String>,
}

/// Adds `fragment` to `system`.
pub fn merge(
    system: &mut Element,
    mut fragment: Element,
    authority: Authority,
    report: &mut Report,
) -> Merged {
    let mut merged = Merged::default();
    for qemu in fragment.take("qemu") {
        let words = qemu.get("args").unwrap_or_default().split_whitespace();
        merged.qemu.extend(words.map(str::to_owned));
    }
    let pds = fragment.take(PD);
    let (wanted, absent): (Vec<_>, Vec<_>) =
        pds.into_iter().partition(|pd| authority == Authority::Overlay || exists(system, pd));
    leave_out(&absent, &wanted, &mut fragment, report);
    for pd in wanted {
        merged.pds.extend(pd.get("name").map(str::to_owned));
        merge_pd(system, pd, authority, report);
    }
    system.children.append(&mut fragment.children);
    merged
}

fn exists(system: &mut Element, pd: &Element) -> bool {
    pd.get("name").is_none_or(|name| system.find_pd(name).is_some())
}

/// Drops the regions that only `absent` PDs would have mapped.
fn leave_out(absent: &[Element], wanted: &[Element], fragment: &mut Element, report: &mut Report) {
    let mapped = |pds: &[Element]| -> BTreeSet<String> {
        pds.iter()
            .flat_map(|pd| pd.named("map"))
            .filter_map(|map| map.get("mr").map(str::to_owned))
            .collect()
    };
    let (unused, used) = (mapped(absent), mapped(wanted));
    fragment.children.retain(|child| {
        child.name != "memory_region"
            || child.get("name").is_none_or(|name| !unused.contains(name) || used.contains(name))
    });
    for pd in absent {
        report.warn(pd, "the system has no such PD: left out with its regions");
    }
}

fn merge_pd(system: &mut Element, fragment: Element, authority: Authority, report: &mut Report) {
    let Some(name) = fragment.get("name").map(str::to_owned) else { return };
    let Some(pd) = system.find_pd(&name) else {
        system.children.push(fragment);
        return;
    };
    for (key, value) in fragment.attributes() {
        let taken = authority == Authority::Platform && pd.get(key).is_some_and(|old| old != value);
        if taken {
            report.error(&fragment, format!("`{key}` is already set at {}", pd.place));
        } else {
            pd.set(key, value);
        }
    }
    for child in fragment.children {
        if child.name == "program_image" && pd.named("program_image").next().is_some() {
            if authority == Authority::Platform {
                report.error(&child, format!("PD `{name}` has a program at {}", pd.place));
                continue;
            }
            pd.take("program_image");
        }
        if child.name != PD {
            pd.children.push(child);
        } else if authority == Authority::Overlay {
            merge_pd(pd, child, authority, report);
        } else {
            report.error(&child, "a platform adds no PD: it names those of the system");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::parse;
    use super::*;

    fn merged(system: &str, fragment: &str, authority: Authority) -> (String, String) {
        let mut system = parse("s.xml", system).unwrap();
        let mut report = Report::default();
        merge(&mut system, parse("f.xml", fragment).unwrap(), authority, &mut report);
        let findings: Vec<_> = report.findings().iter().map(ToString::to_string).collect();
        (system.to_text(), findings.join("\n"))
    }

    const SYSTEM: &str = "<system><protection_domain name='supervisor'>
        <protection_domain name='nic' priority='9'/></protection_domain></system>";

    #[test]
    fn a_fragment_finds_its_pd_at_any_depth() {
        let fragment = "<platform><memory_region name='regs' size='0x1000'/>
            <protection_domain name='nic' stack_size='0x3000'><program_image path='n.elf'/>
            <map mr='regs'/></protection_domain></platform>";
        let (text, findings) = merged(SYSTEM, fragment, Authority::Platform);
        assert_eq!(findings, "");
        assert!(
            text.contains("<protection_domain name=\"nic\" priority=\"9\" stack_size=\"0x3000\">")
        );
        assert!(text.contains("            <map mr=\"regs\"/>"), "{text}");
        assert!(text.contains("\n    <memory_region name=\"regs\" size=\"0x1000\"/>"));
    }

    #[test]
    fn a_platform_may_not_override_but_an_overlay_may() {
        let fragment = "<f><protection_domain name='nic' priority='8'/></f>";
        let (text, findings) = merged(SYSTEM, fragment, Authority::Platform);
        assert!(findings.contains("f.xml:1: error"), "{findings}");
        assert!(findings.contains("`priority` is already set at s.xml:2"), "{findings}");
        assert!(text.contains("priority=\"9\""));
        let (text, findings) = merged(SYSTEM, fragment, Authority::Overlay);
        assert_eq!(findings, "");
        assert!(text.contains("priority=\"8\""));
    }

    #[test]
    fn an_overlay_adds_a_pd_below_its_parent() {
        let fragment = "<overlay><protection_domain name='supervisor'>
            <protection_domain name='echo'><program_image path='e'/></protection_domain>
            </protection_domain></overlay>";
        let (text, findings) = merged(SYSTEM, fragment, Authority::Overlay);
        assert_eq!(findings, "");
        assert!(text.contains("        <protection_domain name=\"echo\">"), "{text}");
        let (_, findings) = merged(SYSTEM, fragment, Authority::Platform);
        assert!(findings.contains("a platform adds no PD"), "{findings}");
    }

    #[test]
    fn a_driver_that_the_system_lacks_is_left_out_with_its_regions() {
        let fragment = "<platform><memory_region name='disk_regs' size='0x1000'/>
            <protection_domain name='disk'><map mr='disk_regs'/></protection_domain></platform>";
        let (text, findings) = merged(SYSTEM, fragment, Authority::Platform);
        assert!(findings.contains("warning"), "{findings}");
        assert!(!text.contains("disk"), "{text}");
    }

    #[test]
    fn programs_come_from_one_place_unless_an_overlay_replaces_them() {
        let system = "<system><protection_domain name='a'><program_image path='x'/>\
            </protection_domain></system>";
        let fragment = "<f><protection_domain name='a'><program_image path='y'/>\
            </protection_domain></f>";
        let (text, findings) = merged(system, fragment, Authority::Platform);
        assert!(findings.contains("has a program at s.xml:1"), "{findings}");
        assert!(text.contains("\"x\"") && !text.contains("\"y\""));
        let (text, _) = merged(system, fragment, Authority::Overlay);
        assert!(text.contains("\"y\"") && !text.contains("\"x\""));
    }
}
