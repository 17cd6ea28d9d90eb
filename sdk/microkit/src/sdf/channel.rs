//! `<channel>` and its two `<end>`s.

use super::draft::Draft;
use super::error::{Problem, SdfError};
use super::limits::ID_MAX;
use super::model::{Channel, ChannelEnd, PdIndex, SetVarValue};
use super::names::Names;
use super::reader::Element;

/// Reads one channel and enters its ids and symbols in the domains at its ends.
pub(super) fn read(
    element: Element<'_, '_>,
    pds: &Names<String, PdIndex>,
    drafts: &mut [Draft],
) -> Result<Channel, SdfError> {
    element.allow(&[])?;
    let mut ends = Vec::new();
    for child in element.children() {
        if child.name() != "end" {
            return Err(child.unknown("channel"));
        }
        ends.push(read_end(child, pds, drafts)?);
    }
    let count = ends.len();
    let Ok(ends @ [a, b]) = <[ChannelEnd; 2]>::try_from(ends) else {
        return Err(element.error(match count {
            0 | 1 => Problem::MissingElement("end"),
            _ => Problem::TooMany { what: "ends", count, limit: 2 },
        }));
    };
    if a.pp && b.pp {
        return Err(element.error(Problem::MutualCall));
    }
    for (caller, server) in [(a, b), (b, a)] {
        check_call(element, caller, server, drafts)?;
    }
    Ok(Channel { at: element.at(), ends })
}

fn read_end(
    end: Element<'_, '_>,
    pds: &Names<String, PdIndex>,
    drafts: &mut [Draft],
) -> Result<ChannelEnd, SdfError> {
    end.allow(&["pd", "id", "pp", "notify", "setvar_id"])?;
    end.allow_no_children()?;
    let pd = pds.find(end, "pd")?;
    let id = end.decimal("id", 0, ID_MAX)?;
    let pp = end.boolean("pp", false)?;
    let notify = end.boolean("notify", true)?;
    let draft = &mut drafts[pd.0];
    draft.take_id(id, end)?;
    draft.set(end, "setvar_id", SetVarValue::Id(id))?;
    Ok(ChannelEnd { at: end.at(), pd, id, pp, notify })
}

/// A server must be able to interrupt its callers, so calls only ever go upwards in priority;
/// that also makes cycles of calls impossible.
fn check_call(
    element: Element<'_, '_>,
    caller: ChannelEnd,
    server: ChannelEnd,
    drafts: &[Draft],
) -> Result<(), SdfError> {
    let (from, to) = (&drafts[caller.pd.0].domain, &drafts[server.pd.0].domain);
    if !caller.pp || from.priority < to.priority {
        return Ok(());
    }
    Err(element.error(Problem::CallDownward {
        caller: from.name.clone(),
        caller_priority: from.priority,
        server: to.name.clone(),
        server_priority: to.priority,
    }))
}
