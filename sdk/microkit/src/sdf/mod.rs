//! The system description format: XML text in, checked [`System`] out.
//!
//! [`parse`] needs nothing but the text, takes bounded time and memory, and never panics. What it
//! accepts is what Microkit 2.3.0 accepts on AArch64, less virtual machines, secure monitor calls
//! and scheduling domains, and less what that tool accepts by oversight (README.md lists it).

mod channel;
mod check;
mod domain;
mod draft;
mod error;
pub mod limits;
mod model;
mod names;
mod prefill;
mod reader;
mod region;

pub use error::{Position, Problem, SdfError};
pub use model::{
    CapKind, CapMap, Channel, ChannelEnd, Irq, Map, MemoryRegion, PdIndex, Perms, Prefill,
    ProgramImage, ProtectionDomain, RegionIndex, SetVar, SetVarValue, System, Trigger,
};
pub use prefill::{SearchPath, load_prefills};

use domain::Tables;
use draft::Draft;
use limits::{ID_MAX, PD_COUNT_MAX};
use names::Names;
use reader::{Element, Source};

/// Name of the PD that Microkit adds itself.
const MONITOR: &str = "monitor";

/// Parses the system description `text`; `file` is its name in messages.
///
/// Prefill files are not opened: a region whose size comes from one has `size: None`.
///
/// # Errors
/// The first rule that the description breaks, with its place.
pub fn parse(text: &str, file: &str) -> Result<System, SdfError> {
    let source = Source::new(file, text)?;
    let document = source.document()?;
    let root = Element::root(&document, &source)?;
    root.allow(&[])?;
    let mut regions = Names::new("memory region");
    let mut region_list = Vec::new();
    let mut outline = Outline { pds: Names::new("protection domain"), list: Vec::new() };
    for child in root.children() {
        match child.name() {
            "memory_region" => {
                let region = region::read(child)?;
                let index = RegionIndex(region_list.len());
                regions.take(region.name.clone(), index, child, "name")?;
                region_list.push(region);
            }
            "protection_domain" => outline.add(child, None)?,
            "channel" => {}
            "domains" => return Err(child.error(Problem::Unsupported("scheduling domains"))),
            "io_address_space" => {
                return Err(child.error(Problem::Unsupported("I/O address spaces")));
            }
            "virtual_machine" => return Err(child.error(Problem::Unsupported("virtual machines"))),
            _ => return Err(child.unknown("system")),
        }
    }
    if outline.list.is_empty() {
        return Err(root.error(Problem::MissingElement("protection_domain")));
    }
    let mut tables = Tables { regions, pds: outline.pds, irqs: Names::new("interrupt") };
    let mut drafts = read_domains(&outline.list, &mut tables)?;
    let mut channels = Vec::new();
    for child in root.children().filter(|child| child.name() == "channel") {
        channels.push(channel::read(child, &tables.pds, &mut drafts)?);
    }
    let mut system = System {
        file: file.to_owned(),
        domains: drafts.into_iter().map(|draft| draft.domain).collect(),
        regions: region_list,
        channels,
    };
    check::prefills(&system)?;
    check::spaces(&system)?;
    system.choose_page_sizes();
    Ok(system)
}

/// All protection domains before any is read, so that they may refer to each other.
struct Outline<'a, 's> {
    pds: Names<String, PdIndex>,
    list: Vec<(Element<'a, 's>, Option<PdIndex>)>,
}

impl<'a, 's> Outline<'a, 's> {
    /// Adds a domain and all below it, depth first. The recursion ends at the depth limit that
    /// [`Element::root`] has checked.
    fn add(&mut self, element: Element<'a, 's>, parent: Option<PdIndex>) -> Result<(), SdfError> {
        let index = PdIndex(self.list.len());
        if index.0 >= PD_COUNT_MAX {
            let problem = Problem::TooMany {
                what: "protection domains",
                count: index.0 + 1,
                limit: PD_COUNT_MAX,
            };
            return Err(element.error(problem));
        }
        let name = element.required("name")?;
        if name == MONITOR {
            let problem = Problem::Reserved(format!("name '{name}'"));
            return Err(element.attribute_error("name", problem));
        }
        self.pds.take(name.to_owned(), index, element, "name")?;
        self.list.push((element, parent));
        for child in element.children().filter(|child| child.name() == "protection_domain") {
            self.add(child, Some(index))?;
        }
        Ok(())
    }
}

fn read_domains(
    outline: &[(Element<'_, '_>, Option<PdIndex>)],
    tables: &mut Tables,
) -> Result<Vec<Draft>, SdfError> {
    let mut drafts: Vec<Draft> = Vec::with_capacity(outline.len());
    for &(element, parent) in outline {
        let mut parent_and_id = None;
        if let Some(parent) = parent {
            let id = read_child_id(element)?;
            let above = &mut drafts[parent.0];
            above.take_child(id, element)?;
            above.set(element, "setvar_id", SetVarValue::Id(id))?;
            parent_and_id = Some((parent, id));
        }
        drafts.push(domain::read(element, parent_and_id, tables)?);
    }
    Ok(drafts)
}

fn read_child_id(element: Element<'_, '_>) -> Result<u8, SdfError> {
    element.required("id")?;
    element.bounded("id", 0, 0, ID_MAX)
}

#[cfg(test)]
mod tests;
