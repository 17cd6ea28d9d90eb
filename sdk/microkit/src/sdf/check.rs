//! Rules that need the sizes of regions, so also run again once prefill files have given theirs.

use super::error::{Position, Problem, SdfError};
use super::model::{Map, ProtectionDomain, SetVarValue, System};

/// A named range with the place that asks for it.
struct Range<'a> {
    at: Position,
    name: &'a str,
    start: u64,
    end: u64,
}

/// Checks every mapping and every fixed physical address against each other.
pub(super) fn spaces(system: &System) -> Result<(), SdfError> {
    for domain in &system.domains {
        let mut ranges = Vec::with_capacity(domain.maps.len());
        for map in &domain.maps {
            ranges.push(mapped_range(system, domain, map)?);
        }
        disjoint(system, "map", "virtual range", ranges)?;
    }
    let fixed = system.regions.iter().filter_map(|region| {
        let start = region.phys_addr?;
        let end = start.saturating_add(region.bytes());
        Some(Range { at: region.at, name: &region.name, start, end })
    });
    disjoint(system, "memory_region", "physical range", fixed.collect())
}

/// Checks that every prefill size that is asked for exists.
pub(super) fn prefills(system: &System) -> Result<(), SdfError> {
    for setvar in system.domains.iter().flat_map(|domain| &domain.setvars) {
        if let SetVarValue::PrefillSize(region) = setvar.value
            && system.region(region).prefill.is_none()
        {
            let problem = Problem::NoPrefill(system.region(region).name.clone());
            return Err(system.error_at(setvar.at, "map", Some("setvar_prefill_size"), problem));
        }
    }
    Ok(())
}

fn mapped_range<'a>(
    system: &'a System,
    domain: &ProtectionDomain,
    map: &Map,
) -> Result<Range<'a>, SdfError> {
    let region = system.region(map.region);
    let complain = |problem| Err(system.error_at(map.at, "map", Some("vaddr"), problem));
    let (start, size, limit) = (map.vaddr, region.bytes(), domain.map_end());
    if !start.is_multiple_of(region.page_size) {
        return complain(Problem::Unaligned { value: start, of: region.page_size });
    }
    match start.checked_add(size) {
        Some(end) if end <= limit => Ok(Range { at: map.at, name: &region.name, start, end }),
        _ => complain(Problem::RangePastEnd { start, size, limit }),
    }
}

fn disjoint(
    system: &System,
    element: &str,
    what: &'static str,
    mut ranges: Vec<Range<'_>>,
) -> Result<(), SdfError> {
    ranges.sort_by_key(|range| (range.start, range.at));
    for pair in ranges.windows(2) {
        let [low, high] = pair else { continue };
        if high.start >= low.end {
            continue;
        }
        // The later one in the file is the one to complain about.
        let (range, other) = if low.at > high.at { (low, high) } else { (high, low) };
        let problem = Problem::Overlap {
            what,
            start: range.start,
            end: range.end,
            other: other.name.to_owned(),
            other_start: other.start,
            other_end: other.end,
        };
        return Err(system.error_at(range.at, element, None, problem));
    }
    Ok(())
}
