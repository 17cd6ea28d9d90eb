//! What the picture shows: PDs as nodes; links, calls, notifications and shared regions as edges.
//!
//! Lifecycle pages and logs, which every PD has, are marks on the nodes: as edges they would bury the
//! rest.

use std::collections::BTreeSet;

use crate::compose::Composed;
use crate::compose::report::{Lint, Report};
use crate::compose::system::{Region, System};
use crate::compose::xml::Place;

/// What a PD is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Supervisor,
    Driver,
    Service,
}

/// A protection domain.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) priority: u64,
    pub(super) stack_bytes: u64,
    /// Budget and period, where they limit the PD.
    pub(super) budget_us: Option<(u64, u64)>,
    pub(super) passive: bool,
    /// Device regions and IRQs.
    pub(super) devices: Vec<String>,
    /// Whether every map keeps W^X.
    pub(super) keeps_wx: bool,
    pub(super) has_lifecycle: bool,
    pub(super) has_log: bool,
}

/// How two PDs are joined; the most telling kind wins where there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A shared region only; data flows from `from` to `to`.
    Region,
    /// Notifications only.
    Notification,
    /// Rings, notifications both ways; `from` asks, `to` serves.
    Link,
    /// Protected procedure calls by `from`.
    Call,
}

/// An edge between two nodes.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) kind: Kind,
    /// Protocols and regions.
    pub(super) labels: Vec<String>,
    /// The server runs below its client, or the callee not above its caller.
    pub(super) is_inverted: bool,
    /// Both wait for each other, directly or in a circle.
    pub(super) is_circular: bool,
}

/// The picture's content.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    pub(super) ram_bytes: u64,
    pub(super) regions: usize,
    pub(super) channels: usize,
}

impl Picture {
    /// Reads a composed system.
    pub(super) fn of(composed: &Composed) -> Self {
        // What this reading could report, composing has reported.
        let system = System::read(&composed.root, &mut Report::default());
        let nodes = (0..system.pds.len()).map(|pd| node(composed, &system, pd)).collect();
        let mut picture = Self {
            nodes,
            edges: Vec::new(),
            ram_bytes: composed.ram_bytes,
            regions: system.regions.len(),
            channels: system.channels.len(),
        };
        picture.add_links(composed, &system);
        picture.add_channels(composed, &system);
        picture.add_regions(composed, &system);
        picture.mark(&system);
        picture
    }

    fn join(&mut self, from: usize, to: usize, kind: Kind, label: String) {
        let known = self
            .edges
            .iter_mut()
            .find(|edge| (edge.from, edge.to) == (from, to) || (edge.from, edge.to) == (to, from));
        let Some(edge) = known else {
            let labels = vec![label];
            self.edges.push(Edge {
                from,
                to,
                kind,
                labels,
                is_inverted: false,
                is_circular: false,
            });
            return;
        };
        if kind > edge.kind {
            (edge.from, edge.to, edge.kind) = (from, to, kind);
        }
        edge.labels.push(label);
    }

    fn add_links(&mut self, composed: &Composed, system: &System<'_>) {
        for link in composed.links.iter().filter(|link| link.waits()) {
            let ends = system.pd(&link.client).zip(system.pd(&link.server));
            if let Some((client, server)) = ends {
                self.join(client, server, Kind::Link, link.protocol.clone());
            }
        }
    }

    fn add_channels(&mut self, composed: &Composed, system: &System<'_>) {
        let generated: Vec<&Place> = composed.links.iter().map(|link| &link.place).collect();
        let plain = |place: &Place| !generated.contains(&place);
        for channel in system.channels.iter().filter(|channel| plain(&channel.element.place)) {
            let [a, b] = channel.ends;
            match (a.pp, b.pp) {
                (true, _) => self.join(a.pd, b.pd, Kind::Call, "call".into()),
                (_, true) => self.join(b.pd, a.pd, Kind::Call, "call".into()),
                _ if a.notify => self.join(a.pd, b.pd, Kind::Notification, "notify".into()),
                _ => self.join(b.pd, a.pd, Kind::Notification, "notify".into()),
            }
        }
    }

    fn add_regions(&mut self, composed: &Composed, system: &System<'_>) {
        let generated: BTreeSet<_> = composed
            .links
            .iter()
            .flat_map(|link| link.parts.iter().map(|part| part.region.as_str()))
            .collect();
        for (index, region) in system.regions.iter().enumerate() {
            let is_plain = region.element.get("prefill_path").is_none();
            if !is_plain || generated.contains(region.name) || region.phys_addr.is_some() {
                continue;
            }
            let (sources, sinks) = flow(system, index, region);
            for from in &sources {
                for to in sinks.iter().filter(|to| *to != from) {
                    self.join(*from, *to, Kind::Region, region.name.to_owned());
                }
            }
        }
    }

    fn mark(&mut self, system: &System<'_>) {
        let waits = |edge: &Edge| matches!(edge.kind, Kind::Link | Kind::Call);
        let pairs: Vec<_> =
            self.edges.iter().filter(|edge| waits(edge)).map(|edge| (edge.from, edge.to)).collect();
        let circular = |from: usize, to: usize| reaches(&pairs, to, from);
        for edge in self.edges.iter_mut().filter(|edge| waits(edge)) {
            let (client, server) = (system.pds[edge.from].priority, system.pds[edge.to].priority);
            edge.is_inverted = server < client || (edge.kind == Kind::Call && server == client);
            edge.is_circular = circular(edge.from, edge.to);
        }
    }
}

fn node(composed: &Composed, system: &System<'_>, index: usize) -> Node {
    let pd = &system.pds[index];
    let device = |map: &crate::compose::system::Map<'_>| {
        let region = &system.regions[map.region];
        region.phys_addr.map(|_| region.name.to_owned())
    };
    let irqs = pd.element.named("irq").filter_map(|irq| irq.get("irq"));
    let is_end = |protocol_waits: bool, name: &str| {
        composed.links.iter().any(|link| {
            link.waits() == protocol_waits
                && link.client == pd.name
                && link.parts.iter().any(|part| part.region.ends_with(name))
        })
    };
    let broken = composed.report.findings().iter().filter(|f| f.lint == Some(Lint::Wx));
    let mut broken_places = broken.map(|finding| &finding.place);
    Node {
        name: pd.name.to_owned(),
        part: match pd.parent {
            None => Part::Supervisor,
            Some(_) if composed.drivers.contains(pd.name) => Part::Driver,
            Some(_) => Part::Service,
        },
        priority: pd.priority,
        stack_bytes: pd.stack_bytes,
        budget_us: pd.element.get("budget").map(|_| (pd.budget_us, pd.period_us)),
        passive: pd.passive,
        devices: pd
            .maps
            .iter()
            .filter_map(device)
            .chain(irqs.map(|irq| format!("IRQ {irq}")))
            .collect(),
        keeps_wx: !broken_places.any(|place| pd.maps.iter().any(|map| map.element.place == *place)),
        has_lifecycle: is_end(false, "_lifecycle"),
        has_log: is_end(false, "_link"),
    }
}

/// Who puts bytes into a region and who takes them out. A device does either for the PD that knows the
/// region's physical address, whichever the maps leave open.
fn flow(system: &System<'_>, index: usize, region: &Region<'_>) -> (Vec<usize>, Vec<usize>) {
    let (mut sources, mut sinks) = (Vec::new(), Vec::new());
    for (pd, map) in system.maps_of(index) {
        if map.is_writable() { sources.push(pd) } else { sinks.push(pd) }
    }
    let drives = |pd: &crate::compose::system::Pd<'_>| {
        pd.element.named("setvar").any(|s| s.get("region_paddr") == Some(region.name))
    };
    let drivers: Vec<_> = (0..system.pds.len()).filter(|pd| drives(&system.pds[*pd])).collect();
    if sources.is_empty() {
        sources = drivers;
    } else {
        sinks.extend(drivers.iter().filter(|driver| !sources.contains(driver)));
    }
    if sinks.is_empty() && !sources.is_empty() {
        sinks = sources.split_off(1);
    }
    (sources, sinks)
}

fn reaches(pairs: &[(usize, usize)], from: usize, goal: usize) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut queue = vec![from];
    while let Some(here) = queue.pop() {
        if here == goal {
            return true;
        }
        for &(_, next) in pairs.iter().filter(|(start, _)| *start == here) {
            if seen.insert(next) {
                queue.push(next);
            }
        }
    }
    false
}
