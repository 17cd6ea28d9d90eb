//! `/status`, as JSON, in pieces: first what there is once, then one piece per PD, then the events.

use protocols::lifecycle::Counter;
use protocols::system::{PdStatus, STATUS_EVENTS_MAX, STATUS_PDS_MAX, Status, state_name, text};

use crate::facts::{Facts, Tickets};
use crate::failure::{Failure, Kind};
use crate::question::Ticket;
use crate::readers::Volume;
use crate::text::Text;

/// What was asked for one answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) facts: Tickets,
    pub(crate) volume: Ticket,
}

/// Counters of the PDs on the way from the wire, with their names.
const NETWORK: [(&str, Counter); 7] = [
    ("received", Counter::Received),
    ("received_bytes", Counter::ReceivedBytes),
    ("transmitted", Counter::Transmitted),
    ("transmitted_bytes", Counter::TransmittedBytes),
    ("dropped", Counter::Dropped),
    ("accepted", Counter::Accepted),
    ("errors", Counter::Errors),
];

/// Counters of every PD, with their names.
const ACTIVITY: [(&str, Counter); 6] = [
    ("wakeups", Counter::Wakeups),
    ("notifications", Counter::Notifications),
    ("interrupts", Counter::Interrupts),
    ("requests", Counter::Requests),
    ("open", Counter::Open),
    ("violations", Counter::Violations),
];

/// Writes the piece `index`; `false` behind the last one.
pub(crate) fn write_piece<F: FnMut()>(
    index: usize,
    facts: &Facts<'_, F>,
    asked: Asked,
    volume: Option<Result<Volume, Failure>>,
    now_ns: u64,
    out: &mut Text<'_>,
) -> bool {
    let pds = pds(facts);
    match index.checked_sub(1) {
        None => {
            write_image(facts, now_ns, out);
            write_volume(volume, out);
            write_chain(facts, asked, out);
            write_network(pds, out);
            out.str("  \"pds\": [");
        }
        Some(number) => match pds.get(number) {
            Some(pd) => {
                out.str(if number == 0 { "\n" } else { ",\n" });
                write_pd(pd, out);
                write_peers(facts.status(), number, out);
                out.str("}");
            }
            None => return write_event(number - pds.len(), facts.status(), pds, out),
        },
    }
    true
}

/// The PDs that there are.
pub(crate) fn pds<'f, F: FnMut()>(facts: &'f Facts<'_, F>) -> &'f [PdStatus] {
    let status = facts.status();
    let count = usize::try_from(status.pd_count).unwrap_or(0).min(STATUS_PDS_MAX);
    status.pds.get(..count).unwrap_or_default()
}

fn write_image<F: FnMut()>(facts: &Facts<'_, F>, now_ns: u64, out: &mut Text<'_>) {
    let build = facts.build();
    out.str("{\n  \"system\": \"cairn\"");
    for (name, value) in [
        ("version", &build.version[..]),
        ("revision", &build.revision),
        ("kernel", &build.kernel),
        ("config", &build.config),
        ("platform", &build.platform),
    ] {
        out.str(",\n  ").json(name).str(": ").json(text(value));
    }
    out.str(",\n  \"boot_id\": ");
    match facts.boot_id() {
        Some(id) => out.str("\"").hex(&id).str("\""),
        None => out.str("null"),
    };
    out.str(",\n  \"boot_us\": ").decimal(facts.status().boot_us);
    out.str(",\n  \"uptime_us\": ").decimal(now_ns / 1000).str(",\n");
}

fn write_volume(volume: Option<Result<Volume, Failure>>, out: &mut Text<'_>) {
    out.str("  \"volume\": ");
    match volume {
        Some(Ok(volume)) => out
            .str("{\"state\": \"proven\", \"name\": ")
            .json(volume.name())
            .str(", \"generation\": ")
            .decimal(volume.generation)
            .str(", \"root\": \"")
            .hex(&volume.root)
            .str("\", \"entries\": ")
            .decimal(volume.entries)
            .str("},\n"),
        Some(Err(failure)) => write_failure(&failure, out),
        None => write_unknown("integrity does not answer", out),
    };
}

fn write_chain<F: FnMut()>(facts: &Facts<'_, F>, asked: Asked, out: &mut Text<'_>) {
    out.str("  \"ledger\": ");
    match facts.chain(asked.facts) {
        Some(Ok(chain)) => match chain.revoked {
            None => out.str("{\"state\": \"proven\""),
            Some(reason) => out.str("{\"state\": \"revoked\", \"reason\": ").json(reason.as_str()),
        }
        .str(", \"chain\": \"")
        .hex(&chain.id)
        .str("\", \"sequence\": ")
        .decimal(chain.sequence)
        .str(", \"head\": \"")
        .hex(&chain.head)
        .str("\", \"minimum_generation\": ")
        .decimal(chain.minimum_generation)
        .str("},\n"),
        Some(Err(failure)) => write_failure(&failure, out),
        None => write_unknown("ledger does not answer", out),
    };
}

/// Refused is what did not prove.
fn write_failure<'t, 'b>(failure: &Failure, out: &'t mut Text<'b>) -> &'t mut Text<'b> {
    let reason = failure.reason.as_str();
    match failure.kind {
        Kind::NotProven | Kind::Revoked => {
            out.str("{\"state\": \"refused\", \"reason\": ").json(reason).str("},\n")
        }
        _ => write_unknown(reason, out),
    }
}

/// Of what could not be asked or read nothing is known.
fn write_unknown<'t, 'b>(reason: &str, out: &'t mut Text<'b>) -> &'t mut Text<'b> {
    out.str("{\"state\": \"unknown\", \"reason\": ").json(reason).str("},\n")
}

fn write_network(pds: &[PdStatus], out: &mut Text<'_>) {
    out.str("  \"network\": {");
    let on_the_way = pds.iter().filter(|pd| ["nic", "net"].contains(&text(&pd.name)));
    for (number, pd) in on_the_way.enumerate() {
        out.str(if number == 0 { "\n    " } else { ",\n    " }).json(text(&pd.name)).str(": {");
        for (number, (name, counter)) in NETWORK.iter().enumerate() {
            out.str(if number == 0 { "" } else { ", " });
            write_counter(pd, name, *counter, out);
        }
        out.str("}");
    }
    out.str("\n  },\n");
}

fn write_pd(pd: &PdStatus, out: &mut Text<'_>) {
    out.str("    {\"name\": ").json(text(&pd.name));
    out.str(", \"state\": ").json(state_name(pd.state));
    out.str(", \"generation\": ").decimal(pd.generation);
    out.str(", \"faults\": ").decimal(pd.faults.into());
    out.str(", \"restarts\": ").decimal(pd.restarts);
    out.str(", \"cpu_us\": ").decimal(pd.cpu_us);
    out.str(", \"ready_us\": ").decimal(pd.ready_ns / 1000);
    out.str(", \"priority\": ").decimal(pd.priority.into());
    out.str(", \"budget_us\": ").decimal(pd.budget_us.into());
    out.str(", \"period_us\": ").decimal(pd.period_us.into());
    out.str(", \"ram_bytes\": ").decimal(pd.ram_bytes);
    out.str(", \"stack_bytes\": ").decimal(pd.stack_bytes.into());
    // Zero is what nobody may see.
    if pd.stack_used_bytes > 0 {
        out.str(", \"stack_used_bytes\": ").decimal(pd.stack_used_bytes.into());
    }
    for (name, counter) in ACTIVITY {
        out.str(", ");
        write_counter(pd, name, counter, out);
    }
    write_explanation(&pd.text, pd.text_len, out);
}

/// How full the rings from the PD's peers are, and how often each peer broke a protocol.
fn write_peers(status: &Status, pd: usize, out: &mut Text<'_>) {
    out.str(", \"peers\": [");
    for (number, (name, seen)) in status.peers_of(pd).enumerate() {
        out.str(if number == 0 { "{\"name\": " } else { ", {\"name\": " }).json(name);
        for (name, value) in [
            ("waiting", seen.waiting),
            ("most", seen.most),
            ("capacity", seen.capacity),
            ("violations", seen.violations),
        ] {
            out.str(", ").json(name).str(": ").decimal(value.into());
        }
        out.str("}");
    }
    out.str("]");
}

/// The event in this place of the list, the oldest first, or the document's end; `false` behind that.
fn write_event(place: usize, status: &Status, pds: &[PdStatus], out: &mut Text<'_>) -> bool {
    let first = status.event_count.saturating_sub(STATUS_EVENTS_MAX as u64);
    let number = first + place as u64;
    if place == 0 {
        out.str("\n  ],\n  \"events\": [");
    }
    if number >= status.event_count {
        let is_end = number == status.event_count;
        out.str(if is_end { "\n  ]\n}\n" } else { "" });
        return is_end;
    }
    let index = usize::try_from(number).unwrap_or(0) % STATUS_EVENTS_MAX;
    let Some(event) = status.events.get(index) else { return false };
    let pd = pds.get(usize::from(event.pd)).map_or("", |pd| text(&pd.name));
    out.str(if place == 0 { "\n" } else { ",\n" });
    out.str("    {\"number\": ").decimal(number);
    out.str(", \"at_us\": ").decimal(event.at_us);
    out.str(", \"pd\": ").json(pd);
    out.str(", \"from\": ").json(state_name(event.from));
    out.str(", \"to\": ").json(state_name(event.to));
    write_explanation(&event.text, event.text_len, out);
    out.str("}");
    true
}

fn write_explanation(bytes: &[u8], len: u16, out: &mut Text<'_>) {
    let explanation = bytes.get(..usize::from(len)).map_or("", text);
    if !explanation.is_empty() {
        out.str(", \"text\": ").json(explanation);
    }
}

fn write_counter(pd: &PdStatus, name: &str, counter: Counter, out: &mut Text<'_>) {
    let value = pd.counters.get(usize::from(counter.code())).copied().unwrap_or(0);
    out.json(name).str(": ").decimal(value);
}
