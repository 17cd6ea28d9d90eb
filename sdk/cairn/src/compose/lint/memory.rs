//! Rules about pages: who may write, run, share and own them, and how many there are.

use std::collections::{BTreeMap, BTreeSet};

use super::super::expand::Role;
use super::super::expand::space::{PAGE_BYTES, page_up};
use super::super::number;
use super::super::report::{Lint, Report};
use super::super::xml::Element;
use super::Scene;

const RAM_BYTES_MAX: u64 = 8 << 20;
const STACK_BYTES_MAX: u64 = 64 << 10;
/// PDs that a region is for, unless `sharers` says otherwise.
const SHARERS: u64 = 2;
/// PDs that may write a region, unless `writers` says otherwise.
const WRITERS: u64 = 1;

/// No map both writable and executable, and no region so by two maps of one PD.
pub(super) fn write_xor_execute(scene: &Scene<'_>, report: &mut Report) {
    for pd in &scene.system.pds {
        for map in &pd.maps {
            let name = scene.system.regions[map.region].name;
            let writable_twin =
                || pd.maps.iter().find(|other| other.region == map.region && other.is_writable());
            if map.is_writable() && map.is_executable() {
                let message = format!("`{name}` is writable and executable in `{}`", pd.name);
                report.lint(Lint::Wx, map.element, message);
            } else if let Some(twin) = map.is_executable().then(writable_twin).flatten() {
                let message = format!(
                    "executable in `{}`, writable there by {}",
                    pd.name, twin.element.place
                );
                report.lint(Lint::Wx, map.element, message);
            }
        }
    }
}

/// Devices, IRQs and physical addresses belong to driver PDs, each device to one of them.
pub(super) fn devices(scene: &Scene<'_>, report: &mut Report) {
    for pd in scene.system.pds.iter().filter(|pd| !scene.drivers.contains(pd.name)) {
        let outside = format!("in `{}`, which is no driver PD of this platform", pd.name);
        for map in &pd.maps {
            let region = &scene.system.regions[map.region];
            if region.phys_addr.is_some() {
                let message = format!("maps the device region `{}` {outside}", region.name);
                report.lint(Lint::Device, map.element, message);
            }
        }
        for irq in pd.element.named("irq") {
            report.lint(Lint::Device, irq, format!("an IRQ {outside}"));
        }
        for setvar in pd.element.named("setvar").filter(|s| s.get("region_paddr").is_some()) {
            report.lint(Lint::Device, setvar, format!("a physical address {outside}"));
        }
    }
    for (index, region) in scene.system.regions.iter().enumerate() {
        let owners: BTreeSet<_> = scene.system.maps_of(index).map(|(pd, _)| pd).collect();
        if region.phys_addr.is_some() && owners.len() > 1 {
            let names = names(scene, &owners);
            report.lint(Lint::Device, region.element, format!("a device of {names}: only one may"));
        }
    }
}

/// No more PDs map or write a region than its protocol needs.
pub(super) fn sharing(scene: &Scene<'_>, report: &mut Report) {
    let rings: BTreeSet<_> = scene
        .links
        .iter()
        .flat_map(|link| &link.parts)
        .filter(|part| part.role == Role::Link)
        .map(|part| part.region.as_str())
        .collect();
    for (index, region) in scene.system.regions.iter().enumerate() {
        let generated = region.element.get("prefill_path").is_some();
        let mut limit = |key, default| match region.element.get(key).map(number::parse) {
            None => default,
            Some(Some(limit)) => limit,
            Some(None) => {
                report.error(region.element, format!("`{key}` is no number"));
                default
            }
        };
        let default_writers = if rings.contains(region.name) { 2 } else { WRITERS };
        let (sharers_max, writers_max) =
            (limit("sharers", SHARERS), limit("writers", default_writers));
        let sharers: BTreeSet<_> = scene.system.maps_of(index).map(|(pd, _)| pd).collect();
        let writers: BTreeSet<_> = scene
            .system
            .maps_of(index)
            .filter(|(_, map)| map.is_writable())
            .map(|(pd, _)| pd)
            .collect();
        // A table that nobody writes may be read by whoever asked for it.
        let is_table = generated && writers.is_empty() && region.element.get("sharers").is_none();
        if !is_table && sharers.len() as u64 > sharers_max {
            let message =
                format!("mapped by {}; its protocol needs {sharers_max}", names(scene, &sharers));
            report.lint(Lint::Sharing, region.element, message);
        }
        if writers.len() as u64 > writers_max {
            let message =
                format!("written by {}; its protocol has {writers_max}", names(scene, &writers));
            report.lint(Lint::Writer, region.element, message);
        }
    }
}

/// Stacks within their limit, with an unmapped page below.
pub(super) fn stacks(scene: &Scene<'_>, report: &mut Report) {
    let stack_bytes_max = limit(scene, "stack", STACK_BYTES_MAX, report);
    for pd in &scene.system.pds {
        if pd.stack_bytes > stack_bytes_max {
            let message = format!("stack {:#x} exceeds {stack_bytes_max:#x}", pd.stack_bytes);
            report.lint(Lint::Stack, pd.element, message);
        }
        let guard = scene.stack_top.saturating_sub(pd.tool_stack_bytes).saturating_sub(PAGE_BYTES);
        for map in &pd.maps {
            let end = map.vaddr.saturating_add(scene.system.regions[map.region].bytes);
            if end > guard {
                let message = format!(
                    "ends at {end:#x}: the page below the stack of `{}`, at {guard:#x}, must stay unmapped",
                    pd.name
                );
                report.lint(Lint::StackGuard, map.element, message);
            }
        }
    }
}

/// The sum of regions, stacks and programs within its limit.
pub(super) fn ram(scene: &Scene<'_>, report: &mut Report) {
    let ram_bytes_max = limit(scene, "ram", RAM_BYTES_MAX, report);
    let ram_bytes = scene.ram_bytes();
    if ram_bytes > ram_bytes_max {
        let mut largest: Vec<_> =
            scene.system.regions.iter().filter(|region| region.phys_addr.is_none()).collect();
        largest.sort_by_key(|region| std::cmp::Reverse(region.bytes));
        let names: Vec<_> =
            largest.iter().take(3).map(|r| format!("`{}` {:#x}", r.name, r.bytes)).collect();
        let message = format!(
            "needs {ram_bytes:#x} bytes of RAM, the limit is {ram_bytes_max:#x}; largest: {}",
            names.join(", ")
        );
        report.lint(Lint::Ram, scene.root, message);
    }
}

impl Scene<'_> {
    /// RAM of regions, stacks, IPC buffers and, where they were found, programs; without the kernel.
    pub(in super::super) fn ram_bytes(&self) -> u64 {
        let system = self.system;
        let regions = system
            .regions
            .iter()
            .filter(|region| region.phys_addr.is_none())
            .map(|region| page_up(region.bytes));
        let stacks =
            system.pds.iter().map(|pd| page_up(pd.tool_stack_bytes).saturating_add(PAGE_BYTES));
        let mut programs = BTreeMap::new();
        for pd in &system.pds {
            for image in pd.element.named("program_image") {
                let bytes = image.get("path").and_then(|path| self.files.program_bytes(path));
                programs.insert(pd.name, bytes.unwrap_or(0));
            }
        }
        regions.chain(stacks).chain(programs.into_values()).fold(0, u64::saturating_add)
    }
}

fn limit(scene: &Scene<'_>, key: &str, default: u64, report: &mut Report) -> u64 {
    let given: Option<(&Element, &str)> =
        scene.root.named("limits").filter_map(|e| e.get(key).map(|text| (e, text))).last();
    let Some((element, text)) = given else { return default };
    number::parse(text).unwrap_or_else(|| {
        report.error(element, format!("`{key}` is no number: {text}"));
        default
    })
}

fn names(scene: &Scene<'_>, pds: &BTreeSet<usize>) -> String {
    let names: Vec<_> = pds.iter().map(|pd| format!("`{}`", scene.system.pds[*pd].name)).collect();
    names.join(", ")
}
