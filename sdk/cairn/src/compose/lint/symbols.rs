//! Rules about what programs are told.

use std::collections::BTreeSet;

use super::super::report::{Lint, Report};
use super::super::xml::Element;
use super::Scene;

/// What a program of Cairn's goes without: its clients, its parent, the console, a stack of its own.
const OPTIONAL: [&str; 4] =
    ["clients_vaddr", "lifecycle_vaddr", "serial_link_vaddr", "stack_vaddr"];

/// A program whose memory nobody gives stops as soon as it begins.
pub(super) fn unset(scene: &Scene<'_>, report: &mut Report) {
    for pd in &scene.system.pds {
        let program = pd.element.named("program_image").next().and_then(|image| image.get("path"));
        let Some(wanted) = program.and_then(|path| scene.files.setvars(path)) else { continue };
        let given = given(scene.root, pd.element);
        let is_missing = |symbol: &str| {
            wanted.contains(symbol) && !given.contains(symbol) && !OPTIONAL.contains(&symbol)
        };
        for symbol in wanted.iter().filter(|symbol| is_missing(symbol)) {
            let Some((stem, what)) = symbol.rsplit_once('_') else { continue };
            let peer =
                ["_client_data", "_server_data"].iter().find_map(|end| stem.strip_suffix(end));
            let remedy = match what {
                // The link is missing as a whole, and that is said once.
                "vaddr" if peer.is_some_and(|peer| is_missing(&format!("{peer}_link_vaddr"))) => {
                    continue;
                }
                "vaddr" => remedy(stem),
                "paddr" => "a <setvar>".into(),
                _ => continue,
            };
            let message = format!("its program needs `{symbol}`: {remedy} is missing");
            report.lint(Lint::Unset, pd.element, message);
        }
    }
}

fn remedy(stem: &str) -> String {
    match stem.strip_suffix("_link") {
        Some(peer) => format!("a <link> with `{peer}`"),
        None if ["build_info", "pd_table"].contains(&stem) => format!("<{stem}/>"),
        None => "a <map>, or data of a <link>,".into(),
    }
}

/// The symbols that the composition sets in a PD.
fn given<'a>(root: &'a Element, pd: &'a Element) -> BTreeSet<&'a str> {
    let ends = root.named("channel").flat_map(|channel| &channel.children);
    let own = ends.filter(|end| end.get("pd") == pd.get("name"));
    let elements = pd.children.iter().filter(|child| child.name != "protection_domain").chain(own);
    elements
        .flat_map(Element::attributes)
        .filter(|(key, _)| key.starts_with("setvar_") || *key == "symbol")
        .map(|(_, symbol)| symbol)
        .collect()
}
