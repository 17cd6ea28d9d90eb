//! A typed view of composed SDF: what lints and the graph look at.

use std::collections::BTreeMap;

use super::number;
use super::report::Report;
use super::xml::Element;

/// What SDF means when it says nothing.
pub mod defaults {
    /// `budget`, microseconds.
    pub const BUDGET_US: u64 = 1000;
    /// `stack_size`.
    pub const STACK_BYTES: u64 = 0x2000;
    /// `priority`.
    pub const PRIORITY: u64 = 0;
}

/// The symbol of the region that is a PD's stack.
pub(super) const STACK: &str = "stack_vaddr";

/// A protection domain.
#[derive(Debug)]
pub struct Pd<'a> {
    /// Its element.
    pub element: &'a Element,
    /// Its name.
    pub name: &'a str,
    /// Index of its parent in [`System::pds`].
    pub parent: Option<usize>,
    /// Priority, 0 to 254.
    pub priority: u64,
    /// Budget per period, microseconds.
    pub budget_us: u64,
    /// Period, microseconds.
    pub period_us: u64,
    /// Stack: the region that it has for that, or the image tool's.
    pub stack_bytes: u64,
    /// The stack that the image tool maps, which is only for the first instructions if there is a region.
    pub tool_stack_bytes: u64,
    /// Whether it runs on its clients' time.
    pub passive: bool,
    /// Its maps.
    pub maps: Vec<Map<'a>>,
}

/// A memory region in a PD's address space.
#[derive(Debug)]
pub struct Map<'a> {
    /// Its element.
    pub element: &'a Element,
    /// Index into [`System::regions`].
    pub region: usize,
    /// First byte.
    pub vaddr: u64,
    /// Letters of `r`, `w` and `x`.
    pub perms: &'a str,
}

impl Map<'_> {
    /// Whether the PD may write there.
    pub fn is_writable(&self) -> bool {
        self.perms.contains('w')
    }

    /// Whether the PD may run code there.
    pub fn is_executable(&self) -> bool {
        self.perms.contains('x')
    }
}

/// A memory region.
#[derive(Debug)]
pub struct Region<'a> {
    /// Its element.
    pub element: &'a Element,
    /// Its name.
    pub name: &'a str,
    /// Its size; zero when only the image tool knows it.
    pub bytes: u64,
    /// Where a device (or a fixed piece of RAM) is.
    pub phys_addr: Option<u64>,
}

/// One end of a channel.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// Index into [`System::pds`].
    pub pd: usize,
    /// Whether this end may make protected procedure calls.
    pub pp: bool,
    /// Whether this end may notify.
    pub notify: bool,
}

/// A channel.
#[derive(Debug)]
pub struct Channel<'a> {
    /// Its element.
    pub element: &'a Element,
    /// Its two ends.
    pub ends: [End; 2],
}

/// A whole system.
#[derive(Debug, Default)]
pub struct System<'a> {
    /// Every PD, parents before children, in file order.
    pub pds: Vec<Pd<'a>>,
    /// Every memory region.
    pub regions: Vec<Region<'a>>,
    /// Every channel.
    pub channels: Vec<Channel<'a>>,
}

impl<'a> System<'a> {
    /// Reads `root`; what it cannot make sense of is reported and left out.
    pub fn read(root: &'a Element, report: &mut Report) -> Self {
        let mut system = Self::default();
        check_names(root, report);
        for element in root.named("memory_region") {
            system.read_region(element, report);
        }
        let names = system.regions.iter().enumerate().map(|(i, r)| (r.name, i)).collect();
        system.read_pds(root, None, &names, report);
        for element in root.named("channel") {
            let channel = system.read_channel(element, report);
            system.channels.extend(channel);
        }
        check_symbols(root, report);
        system
    }

    /// The PD called `name`.
    pub fn pd(&self, name: &str) -> Option<usize> {
        self.pds.iter().position(|pd| pd.name == name)
    }

    /// The PDs that map region `region`, each with the map.
    pub fn maps_of(&self, region: usize) -> impl Iterator<Item = (usize, &Map<'a>)> {
        self.pds.iter().enumerate().flat_map(move |(index, pd)| {
            pd.maps.iter().filter(move |map| map.region == region).map(move |map| (index, map))
        })
    }

    fn read_region(&mut self, element: &'a Element, report: &mut Report) {
        let Some(name) = element.get("name") else {
            report.error(element, "needs a name");
            return;
        };
        let bytes = numeric(element, "size", 0, report);
        let phys_addr = element.get("phys_addr").map(|_| numeric(element, "phys_addr", 0, report));
        self.regions.push(Region { element, name, bytes, phys_addr });
    }

    fn read_pds(
        &mut self,
        element: &'a Element,
        parent: Option<usize>,
        regions: &BTreeMap<&str, usize>,
        report: &mut Report,
    ) {
        for pd in element.named("protection_domain") {
            let Some(name) = pd.get("name") else {
                report.error(pd, "needs a name");
                continue;
            };
            if pd.named("program_image").count() != 1 {
                report.error(pd, "needs exactly one <program_image>");
            }
            let budget_us = numeric(pd, "budget", defaults::BUDGET_US, report);
            let tool_stack_bytes = numeric(pd, "stack_size", defaults::STACK_BYTES, report);
            let maps: Vec<_> =
                pd.named("map").filter_map(|map| read_map(map, regions, report)).collect();
            let stack = maps.iter().find(|map| map.element.get("setvar_vaddr") == Some(STACK));
            let stack_bytes = stack.map_or(tool_stack_bytes, |map| self.regions[map.region].bytes);
            let index = self.pds.len();
            self.pds.push(Pd {
                element: pd,
                name,
                parent,
                priority: numeric(pd, "priority", defaults::PRIORITY, report),
                budget_us,
                period_us: numeric(pd, "period", budget_us, report),
                stack_bytes,
                tool_stack_bytes,
                passive: pd.get("passive") == Some("true"),
                maps,
            });
            self.read_pds(pd, Some(index), regions, report);
        }
    }

    fn read_channel(&self, element: &'a Element, report: &mut Report) -> Option<Channel<'a>> {
        let mut ends = Vec::new();
        for end in element.named("end") {
            match end.get("pd").and_then(|name| self.pd(name)) {
                Some(pd) => ends.push(End {
                    pd,
                    pp: end.get("pp") == Some("true"),
                    notify: end.get("notify") != Some("false"),
                }),
                None => report.error(end, "names no PD"),
            }
        }
        let found = element.named("end").count();
        if found != 2 {
            report.error(element, format!("has {found} ends instead of 2"));
        }
        Some(Channel { element, ends: ends.try_into().ok()? })
    }
}

/// Every PD element in the order of the file, parents first.
pub fn pd_elements(root: &Element) -> Vec<&Element> {
    let mut found = Vec::new();
    for pd in root.named("protection_domain") {
        found.push(pd);
        found.extend(pd_elements(pd));
    }
    found
}

/// No two PDs and no two regions have one name.
pub(super) fn check_names(root: &Element, report: &mut Report) {
    let regions = root.named("memory_region").collect();
    for (kind, elements) in [("PD", pd_elements(root)), ("region", regions)] {
        let mut seen = BTreeMap::new();
        for element in elements {
            let first = element.get("name").and_then(|name| seen.insert(name, &element.place));
            if let Some(place) = first {
                report.error(element, format!("there is a {kind} of this name at {place}"));
            }
        }
    }
}

fn numeric(element: &Element, key: &str, default: u64, report: &mut Report) -> u64 {
    let Some(text) = element.get(key) else { return default };
    number::parse(text).unwrap_or_else(|| {
        report.error(element, format!("`{key}` is no number: {text}"));
        default
    })
}

fn read_map<'a>(
    element: &'a Element,
    regions: &BTreeMap<&str, usize>,
    report: &mut Report,
) -> Option<Map<'a>> {
    let Some(region) = element.get("mr").and_then(|name| regions.get(name)) else {
        report.error(element, "names no memory region");
        return None;
    };
    let perms = element.get("perms").unwrap_or("rw");
    Some(Map { element, region: *region, vaddr: numeric(element, "vaddr", 0, report), perms })
}

/// A symbol that is set twice in one PD would keep only one of the values.
fn check_symbols(root: &Element, report: &mut Report) {
    let mut seen = BTreeMap::new();
    let of_pds = pd_elements(root).into_iter().flat_map(|pd| {
        pd.children
            .iter()
            .filter(|c| c.name != "protection_domain")
            .map(move |c| (pd.get("name"), c))
    });
    let of_channels = root
        .named("channel")
        .flat_map(|channel| channel.named("end"))
        .map(|end| (end.get("pd"), end));
    for (pd, element) in of_pds.chain(of_channels) {
        for (key, symbol) in element.attributes() {
            let sets = key.starts_with("setvar_") || (element.name == "setvar" && key == "symbol");
            let first = sets.then(|| seen.insert((pd, symbol), &element.place)).flatten();
            if let Some(first) = first {
                report.error(element, format!("symbol `{symbol}` is already set at {first}"));
            }
        }
    }
}
