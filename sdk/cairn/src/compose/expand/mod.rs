//! Expands what `docs/system-xml.md` adds to SDF: links, lifecycle pages, logs, tables, and the ids
//! and addresses that the file leaves out.

mod place;
mod plan;
pub(crate) mod space;
mod supervise;
mod tables;

pub use plan::{Link, Part, Role};
pub use tables::Identity;

use super::files::Files;
use super::report::Report;
use super::xml::Element;

/// What came out beside the expanded tree.
#[derive(Debug, Default)]
pub struct Expansion {
    /// Every link, lifecycle and log, in the order of its ids and addresses.
    pub links: Vec<Link>,
    /// Files that the expanded tree names in `prefill_path`.
    pub blobs: Vec<Blob>,
}

/// A file for the image tool to put into a memory region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its name, beside the composed file.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Expands `root` in place. Whatever has no meaning goes into `report`.
pub fn expand(
    root: &mut Element,
    identity: &Identity,
    files: &Files,
    report: &mut Report,
) -> Expansion {
    let families = plan::families(root);
    let supervisions = supervise::take(root, &families);
    let links = plan::links(root, &families, report);
    let asks = tables::Asks::take(root, &families);
    let mut placer = place::Placer::new(root, &families, &links, files, report);
    placer.fill_gaps(root, report);
    let ends: Vec<_> =
        links.iter().filter_map(|link| placer.link(root, link, &asks, report)).collect();
    supervise::place(root, &supervisions, &mut placer, report);
    let blobs = tables::emit(root, &mut placer, &asks, &ends, identity, files, report);
    Expansion { links, blobs }
}
