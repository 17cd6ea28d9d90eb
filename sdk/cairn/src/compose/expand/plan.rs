//! From the elements `<link>`, `<lifecycle/>` and `<log/>` to links, before any address is known.

use std::collections::BTreeMap;

use super::super::number;
use super::super::report::Report;
use super::super::xml::{Element, Place};

/// Size of a lifecycle page.
const LIFECYCLE_BYTES: u64 = 0x1000;
/// Ring of a log link where `<log>` gives none: 32 lines of 128 bytes and the ring's own words.
const LOG_RING: &str = "0x2000";
/// The protocol of `<log>`.
const LOG_PROTOCOL: &str = "serial";
/// The protocol of `<lifecycle/>`.
pub(crate) const LIFECYCLE_PROTOCOL: &str = "lifecycle";

/// What a region of a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The rings; both ends write.
    Link,
    /// Bulk bytes that the client writes.
    ClientData,
    /// Bulk bytes that the server writes.
    ServerData,
    /// The page in which a child tells its parent how it is.
    Lifecycle,
}

impl Role {
    /// The attribute of `<link>` that gives the size, and the end of region and symbol names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::ClientData => "client_data",
            Self::ServerData => "server_data",
            Self::Lifecycle => "lifecycle",
        }
    }

    /// Rights of client and server.
    pub(super) fn perms(self) -> (&'static str, &'static str) {
        match self {
            Self::Link => ("rw", "rw"),
            Self::ClientData | Self::Lifecycle => ("rw", "r"),
            Self::ServerData => ("r", "rw"),
        }
    }
}

/// A shared region of a link.
#[derive(Debug, Clone)]
pub struct Part {
    /// What for.
    pub role: Role,
    /// The region's name.
    pub region: String,
    /// Its size.
    pub bytes: u64,
}

/// A client and a server and what they share.
#[derive(Debug, Clone)]
pub struct Link {
    /// The module of `protocols` spoken.
    pub protocol: String,
    /// The serving PD; for a lifecycle link the parent.
    pub server: String,
    /// The asking PD; for a lifecycle link the child.
    pub client: String,
    /// The shared regions.
    pub parts: Vec<Part>,
    /// Whether its server may run below its client.
    pub is_inversion_allowed: bool,
    /// The element it comes from.
    pub place: Place,
}

impl Link {
    /// Whether the client of this link waits for its server's answers. Log writers never wait, and
    /// neither does a child for its parent.
    pub fn waits(&self) -> bool {
        self.protocol != LIFECYCLE_PROTOCOL && self.protocol != LOG_PROTOCOL
    }

    /// The link as messages name it.
    pub(crate) fn element(&self) -> Element {
        Element::new("link", &self.place)
            .with("server", self.server.as_str())
            .with("client", self.client.as_str())
    }
}

/// A PD and its parent, in file order.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) parent: Option<String>,
}

/// All PDs below `root`.
pub(super) fn families(root: &Element) -> Vec<Family> {
    let mut found = Vec::new();
    collect(root, None, &mut found);
    found
}

fn collect(element: &Element, parent: Option<&str>, found: &mut Vec<Family>) {
    for pd in element.named("protection_domain") {
        let name = pd.get("name").unwrap_or_default();
        found.push(Family { name: name.to_owned(), parent: parent.map(str::to_owned) });
        collect(pd, Some(name), found);
    }
}

/// Takes the three elements out of the tree and says which links they mean.
pub(super) fn links(root: &mut Element, families: &[Family], report: &mut Report) -> Vec<Link> {
    let mut links = Vec::new();
    for parent in families {
        let Some(pd) = root.find_pd(&parent.name) else { continue };
        let (lifecycles, logs) = (pd.take("lifecycle"), pd.take("log"));
        let children: Vec<_> =
            families.iter().filter(|f| f.parent.as_ref() == Some(&parent.name)).collect();
        for element in &lifecycles {
            links
                .extend(children.iter().map(|child| lifecycle(element, &parent.name, &child.name)));
        }
        for element in logs {
            for writer in std::iter::once(&parent).chain(&children) {
                links.extend(log(&element, &writer.name));
            }
        }
    }
    links.extend(root.take("link").iter().filter_map(link));
    let mut pairs = BTreeMap::new();
    links.retain(|link| {
        ends_exist(link, families, report) && is_first_of_its_pair(link, &mut pairs, report)
    });
    links
}

fn lifecycle(element: &Element, parent: &str, child: &str) -> Link {
    let region = format!("{child}_lifecycle");
    Link {
        protocol: LIFECYCLE_PROTOCOL.to_owned(),
        server: parent.to_owned(),
        client: child.to_owned(),
        parts: vec![Part { role: Role::Lifecycle, region, bytes: LIFECYCLE_BYTES }],
        is_inversion_allowed: false,
        place: element.place.clone(),
    }
}

fn log(element: &Element, writer: &str) -> Option<Link> {
    let server = element.get("server")?;
    if server == writer {
        return None;
    }
    let link_element = Element::new("link", &element.place)
        .with("server", server)
        .with("client", writer)
        .with("protocol", LOG_PROTOCOL)
        .with("ring", element.get("ring").unwrap_or(LOG_RING));
    link(&link_element)
}

fn link(element: &Element) -> Option<Link> {
    let (server, client) = (element.get("server")?, element.get("client")?);
    let roles = [
        ("ring", Role::Link),
        ("client_data", Role::ClientData),
        ("server_data", Role::ServerData),
    ];
    let part = |(key, role): (&str, Role)| {
        let bytes = element.get(key).and_then(number::parse)?;
        Some(Part { role, region: format!("{server}_{client}_{}", role.name()), bytes })
    };
    Some(Link {
        protocol: element.get("protocol")?.to_owned(),
        server: server.to_owned(),
        client: client.to_owned(),
        parts: roles.into_iter().filter_map(part).collect(),
        is_inversion_allowed: element.get("allow") == Some("inversion"),
        place: element.place.clone(),
    })
}

/// A second link between the same two would need the same names.
fn is_first_of_its_pair(
    link: &Link,
    pairs: &mut BTreeMap<(String, String, bool), Place>,
    report: &mut Report,
) -> bool {
    let is_lifecycle = link.protocol == LIFECYCLE_PROTOCOL;
    let pair = (link.server.clone(), link.client.clone(), is_lifecycle);
    let earlier = pairs.insert(pair, link.place.clone());
    if let Some(place) = &earlier {
        report.error(&link.element(), format!("these two have a link already, at {place}"));
    }
    earlier.is_none()
}

fn ends_exist(link: &Link, families: &[Family], report: &mut Report) -> bool {
    let element = link.element();
    let ends = [&link.server, &link.client];
    let missing = ends.into_iter().find(|end| families.iter().all(|family| family.name != **end));
    if let Some(missing) = missing {
        report.error(&element, format!("there is no PD `{missing}`"));
        return false;
    }
    if link.server == link.client {
        report.error(&element, "a PD cannot be its own client");
        return false;
    }
    true
}
