//! Gives links, and maps, IRQs, channel ends and children without one, their addresses and ids.

use std::collections::{BTreeMap, BTreeSet};

use super::super::files::Files;
use super::super::number::{self, hex};
use super::super::report::Report;
use super::super::system;
use super::super::xml::Element;
use super::plan::{Family, LIFECYCLE_PROTOCOL, Link, Part, Role};
use super::space::Space;
use super::supervise::Supervised;
use super::tables::Asks;

/// A placed link as its server sees it; tables are made of these.
#[derive(Debug)]
pub(super) struct ServerEnd<'a> {
    pub(super) link: &'a Link,
    pub(super) channel: u64,
    /// The client's channel.
    pub(super) client_channel: u64,
    /// Address of each part, in the order of `link.parts`.
    pub(super) vaddrs: Vec<u64>,
}

impl ServerEnd<'_> {
    /// Address and size of the part with `role`, zeros if there is none.
    pub(super) fn part(&self, role: Role) -> (u64, u64) {
        let parts = self.link.parts.iter().zip(&self.vaddrs);
        parts
            .filter(|(p, _)| p.role == role)
            .map(|(p, at)| (*at, p.bytes))
            .next()
            .unwrap_or_default()
    }
}

/// The addresses and ids of every PD.
#[derive(Debug)]
pub(super) struct Placer {
    spaces: BTreeMap<String, Space>,
    region_bytes: BTreeMap<String, u64>,
    /// Symbols of each PD's program, where the search path leads to it.
    symbols: BTreeMap<String, BTreeSet<String>>,
    /// PDs with a parent that supervises, and that parent.
    pub(super) supervised: BTreeMap<String, Supervised>,
}

impl Placer {
    /// Learns what the file itself fixes.
    pub(super) fn new(
        root: &Element,
        families: &[Family],
        links: &[Link],
        files: &Files,
        report: &mut Report,
    ) -> Self {
        let spaces = families.iter().map(|f| (f.name.clone(), Space::default())).collect();
        let parts = links.iter().flat_map(|link| &link.parts);
        let region_bytes = parts.map(|part| (part.region.clone(), part.bytes)).collect();
        let mut placer =
            Self { spaces, region_bytes, symbols: BTreeMap::new(), supervised: BTreeMap::new() };
        for pd in system::pd_elements(root) {
            placer.learn_program(pd, files);
        }
        for region in root.named("memory_region") {
            placer.learn_region(region, files, report);
        }
        placer.reserve(root, report);
        for end in root.named("channel").flat_map(|channel| channel.named("end")) {
            placer.reserve_id(end.get("pd"), end, report);
        }
        placer
    }

    fn learn_program(&mut self, pd: &Element, files: &Files) {
        let program = pd.named("program_image").next().and_then(|image| image.get("path"));
        let (Some(name), Some(program)) = (pd.get("name"), program) else { return };
        if let Some(symbols) = files.symbols(program) {
            self.symbols.insert(name.to_owned(), symbols);
        }
        if let Some(end) = files.program_end(program) {
            self.space(Some(name)).reserve(0, end);
        }
    }

    fn learn_region(&mut self, region: &Element, files: &Files, report: &mut Report) {
        let filled = || region.get("prefill_path").and_then(|path| files.bytes(path));
        let bytes = region.get("size").map_or_else(filled, number::parse);
        match (region.get("name"), bytes) {
            (Some(name), Some(bytes)) => drop(self.region_bytes.insert(name.to_owned(), bytes)),
            _ => report.error(region, "needs a size, or a file on the search path"),
        }
    }

    fn reserve(&mut self, element: &Element, report: &mut Report) {
        for pd in element.named("protection_domain") {
            for irq in pd.named("irq") {
                self.reserve_id(pd.get("name"), irq, report);
            }
            for map in pd.named("map") {
                let Some(vaddr) = map.get("vaddr").and_then(number::parse) else { continue };
                match self.mapped_bytes(map) {
                    Some(bytes) => self.space(pd.get("name")).reserve(vaddr, bytes),
                    None => report.error(map, "names no memory region"),
                }
            }
            self.reserve(pd, report);
        }
    }

    fn reserve_id(&mut self, pd: Option<&str>, element: &Element, report: &mut Report) {
        take_id(self.space(pd), element, report);
    }

    fn mapped_bytes(&self, map: &Element) -> Option<u64> {
        self.region_bytes.get(map.get("mr")?).copied()
    }

    /// The space of a PD. One without a name is refused elsewhere; until then it shares a nameless one.
    fn space(&mut self, pd: Option<&str>) -> &mut Space {
        self.spaces.entry(pd.unwrap_or_default().to_owned()).or_default()
    }

    /// Gives children, IRQs, maps and channel ends what the file leaves out.
    pub(super) fn fill_gaps(&mut self, root: &mut Element, report: &mut Report) {
        self.fill_pds(root, report);
        for channel in root.children.iter_mut().filter(|child| child.name == "channel") {
            for end in channel.children.iter_mut().filter(|c| c.get("id").is_none()) {
                let id = self.space(end.get("pd")).id();
                set_id(end, id, report);
            }
        }
    }

    fn fill_pds(&mut self, element: &mut Element, report: &mut Report) {
        for pd in element.children.iter_mut().filter(|child| child.name == "protection_domain") {
            number_children(pd, report);
            let name = pd.get("name").map(str::to_owned);
            for irq in pd.children.iter_mut().filter(|c| c.name == "irq" && c.get("id").is_none()) {
                let id = self.space(name.as_deref()).id();
                set_id(irq, id, report);
            }
            let unplaced = |c: &&mut Element| c.name == "map" && c.get("vaddr").is_none();
            for map in pd.children.iter_mut().filter(unplaced) {
                let Some(bytes) = self.mapped_bytes(map) else {
                    report.error(map, "names no memory region");
                    continue;
                };
                match self.space(name.as_deref()).address(bytes) {
                    Some(vaddr) => map.set("vaddr", hex(vaddr)),
                    None => report.error(map, "does not fit into an address space"),
                }
            }
            self.fill_pds(pd, report);
        }
    }

    /// Sets `symbol` of `pd` through attribute `key`, if the program has it: the image tool refuses a
    /// symbol that it does not find, and a program need not use all it could be told. Says whether.
    fn tell(&self, element: &mut Element, pd: &str, key: &str, symbol: String) -> bool {
        let has = self.has_symbol(pd, &symbol);
        if has {
            element.set(key, symbol);
        }
        has
    }

    /// Whether the program of `pd` has `symbol`, as far as is known.
    pub(super) fn has_symbol(&self, pd: &str, symbol: &str) -> bool {
        self.symbols.get(pd).is_none_or(|symbols| symbols.contains(symbol))
    }

    /// An address in `pd` for a region of its own.
    pub(super) fn address(&mut self, pd: &str, bytes: u64) -> Option<u64> {
        self.space(Some(pd)).address(bytes)
    }

    /// As [`Self::tell`] for an address, without which the program cannot use the region.
    fn tell_address(&self, map: &mut Element, pd: &str, stem: &str, report: &mut Report) {
        let symbol = format!("{stem}_vaddr");
        if !self.tell(map, pd, "setvar_vaddr", symbol) {
            report.warn(map, format!("the program of `{pd}` has no symbol `{stem}_vaddr`"));
        }
    }

    /// Adds a region with its content in `file`, mapped read-only into `pd`; the address is in
    /// `<symbol>_vaddr` and, if asked for, the content's length in `<symbol>_size`.
    pub(super) fn table(
        &mut self,
        root: &mut Element,
        pd: &str,
        table: &Table<'_>,
        report: &mut Report,
    ) {
        if !self.region_bytes.contains_key(table.region) {
            let place = root.place.clone();
            let region = Element::new("memory_region", &place)
                .with("name", table.region)
                .with("size", hex(super::space::page_up(table.bytes)))
                .with("prefill_path", format!("{}.bin", table.region));
            root.children.push(region);
            self.region_bytes.insert(table.region.to_owned(), table.bytes);
        }
        let vaddr = self.space(Some(pd)).address(table.bytes);
        let Some(element) = root.find_pd(pd) else { return };
        let Some(vaddr) = vaddr else {
            report.error(element, "its tables do not fit into an address space");
            return;
        };
        let mut map = Element::new("map", &element.place)
            .with("mr", table.region)
            .with("vaddr", hex(vaddr))
            .with("perms", "r");
        self.tell_address(&mut map, pd, table.symbol, report);
        if table.has_size {
            self.tell(&mut map, pd, "setvar_prefill_size", format!("{}_size", table.symbol));
        }
        element.children.push(map);
    }

    /// Adds the regions, maps and channel of one link.
    pub(super) fn link<'a>(
        &mut self,
        root: &mut Element,
        link: &'a Link,
        asks: &Asks,
        report: &mut Report,
    ) -> Option<ServerEnd<'a>> {
        let mut vaddrs = Vec::new();
        for part in &link.parts {
            let region = Element::new("memory_region", &link.place)
                .with("name", part.region.as_str())
                .with("size", hex(part.bytes));
            root.children.push(region);
            self.map(root, link, part, End::Client, asks, report);
            vaddrs.push(self.map(root, link, part, End::Server, asks, report)?);
        }
        let mut channel = Element::new("channel", &link.place);
        for end in [End::Client, End::Server] {
            let Some(id) = self.space(Some(end.pd(link))).id() else {
                let pd = root.find_pd(end.pd(link))?;
                report.error(pd, "has more than 62 channels and IRQs");
                return None;
            };
            let mut element = Element::new("end", &link.place)
                .with("pd", end.pd(link))
                .with("id", id.to_string());
            if end.is_named(link, asks) {
                let symbol = format!("{}_channel", symbol(end.peer(link)));
                self.tell(&mut element, end.pd(link), "setvar_id", symbol);
            }
            channel.children.push(element);
        }
        let id = |end: Option<&Element>| end?.get("id").and_then(number::parse);
        let client_channel = id(channel.children.first())?;
        let server_channel = id(channel.children.last())?;
        root.children.push(channel);
        Some(ServerEnd { link, channel: server_channel, client_channel, vaddrs })
    }

    fn map(
        &mut self,
        root: &mut Element,
        link: &Link,
        part: &Part,
        end: End,
        asks: &Asks,
        report: &mut Report,
    ) -> Option<u64> {
        let name = end.pd(link);
        let vaddr = self.space(Some(name)).address(part.bytes);
        let pd = root.find_pd(name)?;
        let Some(vaddr) = vaddr else {
            report.error(pd, format!("region `{}` does not fit", part.region));
            return None;
        };
        let (client_perms, server_perms) = part.role.perms();
        let mut map = Element::new("map", &link.place)
            .with("mr", part.region.as_str())
            .with("vaddr", hex(vaddr))
            .with("perms", if end == End::Client { client_perms } else { server_perms });
        if end.is_named(link, asks) {
            let stem = part_symbol(link, part.role, end);
            self.tell_address(&mut map, name, &stem, report);
            if matches!(part.role, Role::ClientData | Role::ServerData) {
                self.tell(&mut map, name, "setvar_size", format!("{stem}_size"));
            }
        }
        pd.children.push(map);
        Some(vaddr)
    }
}

/// A prefilled region that compose writes.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) region: &'a str,
    pub(super) symbol: &'a str,
    pub(super) bytes: u64,
    pub(super) has_size: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Client,
    Server,
}

impl End {
    fn pd(self, link: &Link) -> &str {
        match self {
            Self::Client => &link.client,
            Self::Server => &link.server,
        }
    }

    fn peer(self, link: &Link) -> &str {
        match self {
            Self::Client => &link.server,
            Self::Server => &link.client,
        }
    }

    /// Whether this end is told by symbols; otherwise a table of the server or parent says it.
    fn is_named(self, link: &Link, asks: &Asks) -> bool {
        self == Self::Client || !asks.by_table(link)
    }
}

/// The symbol of a region without `_vaddr` or `_size`.
fn part_symbol(link: &Link, role: Role, end: End) -> String {
    if link.protocol == LIFECYCLE_PROTOCOL && end == End::Client {
        return role.name().to_owned();
    }
    format!("{}_{}", symbol(end.peer(link)), role.name())
}

/// A PD's name as part of a symbol.
fn symbol(name: &str) -> String {
    name.replace('-', "_")
}

/// Marks the id that the file gives an element.
fn take_id(space: &mut Space, element: &Element, report: &mut Report) {
    let id = element.get("id").and_then(|id| id.parse().ok());
    if let Some(id) = id.filter(|id| !space.reserve_id(*id)) {
        report.error(element, format!("another has id {id} already"));
    }
}

fn set_id(element: &mut Element, id: Option<u64>, report: &mut Report) {
    match id {
        Some(id) => element.set("id", id.to_string()),
        None => report.error(element, "no id is left: a PD has 62"),
    }
}

fn number_children(pd: &mut Element, report: &mut Report) {
    let mut space = Space::default();
    for child in pd.named("protection_domain") {
        take_id(&mut space, child, report);
    }
    let unnumbered = |c: &&mut Element| c.name == "protection_domain" && c.get("id").is_none();
    for child in pd.children.iter_mut().filter(unnumbered) {
        let id = space.id();
        set_id(child, id, report);
    }
}
