//! The tables that PDs ask for: their clients, the PDs of the system, and the build's identity.

use std::collections::{BTreeMap, BTreeSet};

use protocols::system::{
    BuildInfo, ClientEntry, NAME_BYTES, PdEntry, STATUS_PDS_MAX, STATUS_PEERS_MAX,
};
use zerocopy::IntoBytes;

use super::super::files::Files;
use super::super::number;
use super::super::report::Report;
use super::super::system::{self, defaults};
use super::super::xml::Element;
use super::Blob;
use super::place::{Placer, ServerEnd, Table};
use super::plan::{Family, LIFECYCLE_PROTOCOL, Link, Role};
use super::space::PAGE_BYTES;
use super::supervise::Supervised;

/// What `<build_info/>` tells.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// `sel4 16.0.0` or `model 0.1.0`.
    pub kernel: String,
    /// `debug`, `release` or `benchmark`.
    pub config: String,
    /// The board.
    pub platform: String,
    /// Cairn's version.
    pub version: String,
    /// Source revision.
    pub revision: String,
}

/// Which PDs asked for which table.
#[derive(Debug, Default)]
pub(super) struct Asks {
    clients: BTreeSet<String>,
    pd_table: BTreeSet<String>,
    build_info: BTreeSet<String>,
}

impl Asks {
    /// Takes the asking elements out of the tree.
    pub(super) fn take(root: &mut Element, families: &[Family]) -> Self {
        let mut asks = Self::default();
        for family in families {
            let Some(pd) = root.find_pd(&family.name) else { continue };
            let kinds = [
                ("clients", &mut asks.clients),
                ("pd_table", &mut asks.pd_table),
                ("build_info", &mut asks.build_info),
            ];
            for (name, who) in kinds {
                if !pd.take(name).is_empty() {
                    who.insert(family.name.clone());
                }
            }
        }
        asks
    }

    /// Whether the server's half of `link` stands in a table instead of symbols.
    pub(super) fn by_table(&self, link: &Link) -> bool {
        let tables =
            if link.protocol == LIFECYCLE_PROTOCOL { &self.pd_table } else { &self.clients };
        tables.contains(&link.server)
    }
}

/// Maps the tables and returns their contents.
pub(super) fn emit(
    root: &mut Element,
    placer: &mut Placer,
    asks: &Asks,
    ends: &[ServerEnd<'_>],
    identity: &Identity,
    files: &Files,
    report: &mut Report,
) -> Vec<Blob> {
    let mut blobs = BTreeMap::new();
    let supervised = placer.supervised.clone();
    let mut add = |root: &mut Element, pd: &str, region: &str, symbol, content: Vec<u8>| {
        let bytes = content.len() as u64;
        let table = Table { region, symbol, bytes, has_size: symbol != "build_info" };
        placer.table(root, pd, &table, report);
        blobs.insert(format!("{region}.bin"), content);
    };
    for pd in &asks.build_info {
        add(root, pd, "build_info", "build_info", build_info(identity).as_bytes().to_vec());
    }
    for server in &asks.clients {
        let content = clients(server, ends);
        add(root, server, &format!("{server}_clients"), "clients", content);
    }
    if !asks.pd_table.is_empty() {
        let content = pd_table(root, &supervised, ends, files);
        for pd in &asks.pd_table {
            add(root, pd, "pd_table", "pd_table", content.clone());
        }
    }
    check_clients(root, asks, ends, report);
    check_peers(root, asks, ends, report);
    blobs.into_iter().map(|(name, bytes)| Blob { name, bytes }).collect()
}

/// Zero-padded; what does not fit is cut. Names that must not be cut are checked before.
fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    bytes
}

fn build_info(identity: &Identity) -> BuildInfo {
    BuildInfo {
        kernel: padded(&identity.kernel),
        config: padded(&identity.config),
        platform: padded(&identity.platform),
        version: padded(&identity.version),
        revision: padded(&identity.revision),
    }
}

/// Sizes and ids are far below their field's range: a region is below 4 GiB, an id below 62.
fn fit<T: TryFrom<u64> + Default>(value: u64) -> T {
    T::try_from(value).unwrap_or_default()
}

fn clients(server: &str, ends: &[ServerEnd<'_>]) -> Vec<u8> {
    let of_server =
        |end: &&ServerEnd<'_>| end.link.server == server && end.link.protocol != LIFECYCLE_PROTOCOL;
    let entry = |end: &ServerEnd<'_>| {
        let (link, client_data) = (end.part(Role::Link), end.part(Role::ClientData));
        let server_data = end.part(Role::ServerData);
        ClientEntry {
            name: padded(&end.link.client),
            link_vaddr: link.0,
            client_data_vaddr: client_data.0,
            server_data_vaddr: server_data.0,
            link_bytes: fit(link.1),
            client_data_bytes: fit(client_data.1),
            server_data_bytes: fit(server_data.1),
            channel: fit(end.channel),
            reserved: [0; 3],
        }
    };
    ends.iter().filter(of_server).flat_map(|end| entry(end).as_bytes().to_vec()).collect()
}

fn pd_table(
    root: &Element,
    supervised: &BTreeMap<String, Supervised>,
    ends: &[ServerEnd<'_>],
    files: &Files,
) -> Vec<u8> {
    let mut content = Vec::new();
    for pd in system::pd_elements(root) {
        let name = pd.get("name").unwrap_or_default();
        let numeric = |key, default| pd.get(key).and_then(number::parse).unwrap_or(default);
        let budget = numeric("budget", defaults::BUDGET_US);
        let lifecycle = ends
            .iter()
            .find(|end| end.link.client == name && end.link.protocol == LIFECYCLE_PROTOCOL);
        let program = pd.named("program_image").next().and_then(|image| image.get("path"));
        let supervised = supervised.get(name).copied().unwrap_or_default();
        let stack_bytes = match supervised.stack_bytes {
            0 => numeric("stack_size", defaults::STACK_BYTES),
            bytes => bytes,
        };
        let entry = PdEntry {
            name: padded(name),
            lifecycle_vaddr: lifecycle.map_or(0, |end| end.part(Role::Lifecycle).0),
            entry: program.and_then(|path| files.entry_point(path)).unwrap_or(0),
            stack_vaddr: supervised.stack_vaddr,
            stack_view_vaddr: supervised.stack_view_vaddr,
            ram_bytes: ram_bytes(root, pd, files),
            budget_us: fit(budget),
            period_us: fit(numeric("period", budget)),
            stack_bytes: fit(stack_bytes),
            restarts_max: supervised.restarts_max,
            window_ms: supervised.window_ms,
            child: pd.get("id").and_then(|id| id.parse().ok()).unwrap_or(0xff),
            channel: lifecycle.map_or(0xff, |end| fit(end.channel)),
            priority: fit(numeric("priority", defaults::PRIORITY)),
            sched_context: fit(supervised.sched_context),
            peer_channels: peer_channels(root, name, ends),
        };
        content.extend_from_slice(entry.as_bytes());
    }
    content
}

/// Whose messages a PD counts, and its channel to each: its clients, and its servers where they answer.
fn peers<'e>(pd: &str, ends: &'e [ServerEnd<'_>]) -> impl Iterator<Item = (&'e str, u64)> {
    let links = ends.iter().filter(|end| end.link.protocol != LIFECYCLE_PROTOCOL);
    links.filter_map(move |end| {
        let (server, client) = (&*end.link.server, &*end.link.client);
        match pd {
            _ if pd == server => Some((client, end.channel)),
            _ if pd == client && end.link.waits() => Some((server, end.client_channel)),
            _ => None,
        }
    })
}

fn peer_channels(root: &Element, pd: &str, ends: &[ServerEnd<'_>]) -> [u8; STATUS_PDS_MAX] {
    let mut channels = [0xff; STATUS_PDS_MAX];
    let all = system::pd_elements(root);
    for (peer, channel) in peers(pd, ends) {
        let place = all.iter().position(|other| other.get("name") == Some(peer));
        if let Some(known) = place.and_then(|place| channels.get_mut(place)) {
            *known = fit(channel);
        }
    }
    channels
}

/// The status page shows the peers of everybody.
fn check_peers(root: &Element, asks: &Asks, ends: &[ServerEnd<'_>], report: &mut Report) {
    let pds = system::pd_elements(root);
    let names = pds.iter().filter_map(|pd| pd.get("name"));
    let count: usize = names.map(|name| peers(name, ends).count()).sum();
    let asks = |pd: &&&Element| pd.get("name").is_some_and(|name| asks.pd_table.contains(name));
    if let Some(reader) = pds.iter().find(asks).filter(|_| count > STATUS_PEERS_MAX) {
        let problem = format!("its status page shows {STATUS_PEERS_MAX} peers, links have {count}");
        report.error(reader, problem);
    }
}

/// RAM that no other PD writes: program, the tool's stack and IPC buffer, and regions.
fn ram_bytes(root: &Element, pd: &Element, files: &Files) -> u64 {
    let writers = |region: &str| {
        let maps = |pd: &&Element| {
            pd.named("map").any(|map| {
                map.get("mr") == Some(region) && map.get("perms").is_none_or(|p| p.contains('w'))
            })
        };
        system::pd_elements(root).iter().filter(|pd| maps(pd)).count()
    };
    let size = |element: &Element, key| element.get(key).and_then(number::parse).unwrap_or(0);
    let own = |map: &&Element| map.get("perms").is_none_or(|perms| perms.contains('w'));
    let regions = pd.named("map").filter(own).filter_map(|map| {
        let name = map.get("mr").filter(|name| writers(name) == 1)?;
        let mut regions = root.named("memory_region");
        regions.find(|region| region.get("name") == Some(name) && region.get("phys_addr").is_none())
    });
    let regions: u64 = regions.map(|region| size(region, "size")).sum();
    let program = pd.named("program_image").next().and_then(|image| image.get("path"));
    let program = program.and_then(|path| files.program_bytes(path)).unwrap_or(0);
    let stack = pd.get("stack_size").map_or(defaults::STACK_BYTES, |_| size(pd, "stack_size"));
    [program, stack, PAGE_BYTES, regions].into_iter().fold(0, u64::saturating_add)
}

/// Names must fit their field; a server with a table speaks one protocol and has clients.
fn check_clients(root: &Element, asks: &Asks, ends: &[ServerEnd<'_>], report: &mut Report) {
    for pd in system::pd_elements(root) {
        let name = pd.get("name").unwrap_or_default();
        let has_tables = !asks.clients.is_empty() || !asks.pd_table.is_empty();
        if has_tables && name.len() > NAME_BYTES {
            report.error(pd, format!("a name in a table has at most {NAME_BYTES} bytes"));
        }
        if !asks.clients.contains(name) {
            continue;
        }
        let protocols: BTreeSet<_> = ends
            .iter()
            .filter(|end| end.link.server == name && end.link.protocol != LIFECYCLE_PROTOCOL)
            .map(|end| end.link.protocol.as_str())
            .collect();
        match protocols.len() {
            0 => report.error(pd, "asks for <clients/> but no link names it as server"),
            1 => {}
            _ => report.error(pd, format!("its clients speak different protocols: {protocols:?}")),
        }
    }
}
