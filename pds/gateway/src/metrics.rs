//! `/metrics`: the state of the system for Prometheus, in its text format 0.0.4, one metric a piece, or for
//! metrics of peers one PD a piece.

use protocols::lifecycle::{Counter, Peer};
use protocols::system::{PdStatus, state_name, text};

use crate::facts::Facts;
use crate::failure::Failure;
use crate::readers::Volume;
use crate::status::{Asked, pds};
use crate::text::Text;

/// The media type that scrapers ask for.
pub(crate) const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A metric that each PD has.
struct PerPd {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: Value,
}

enum Value {
    /// A counter of the PD's own page.
    Counter(Counter),
    Generation,
    Faults,
    Restarts,
    /// Microseconds, written as seconds.
    Cpu,
    Ram,
    Stack,
    StackUsed,
    /// One, with the state as a label.
    State,
}

const fn counter(name: &'static str, help: &'static str, counter: Counter) -> PerPd {
    PerPd { name, kind: "counter", help, value: Value::Counter(counter) }
}

const fn known(name: &'static str, kind: &'static str, help: &'static str, value: Value) -> PerPd {
    PerPd { name, kind, help, value }
}

const PER_PD: [PerPd; 24] = [
    known("cairn_pd_state", "gauge", "The state that the PD is in.", Value::State),
    known("cairn_pd_generation", "gauge", "Which of its lives, from 1.", Value::Generation),
    known("cairn_pd_faults_total", "counter", "Faults.", Value::Faults),
    known(
        "cairn_pd_restarts_total",
        "counter",
        "Times that it was started again, after a fault or by command.",
        Value::Restarts,
    ),
    known("cairn_pd_cpu_seconds_total", "counter", "CPU time used.", Value::Cpu),
    known("cairn_pd_ram_bytes", "gauge", "RAM that no other PD writes.", Value::Ram),
    known("cairn_pd_stack_bytes", "gauge", "Stack.", Value::Stack),
    known(
        "cairn_pd_stack_used_bytes",
        "gauge",
        "The most of it that was in use; 0: unseen.",
        Value::StackUsed,
    ),
    counter("cairn_pd_wakeups_total", "Notifications received.", Counter::Wakeups),
    counter("cairn_pd_notifications_total", "Notifications sent.", Counter::Notifications),
    counter("cairn_pd_interrupts_total", "Interrupts handled.", Counter::Interrupts),
    counter("cairn_pd_violations_total", "Protocol violations by peers.", Counter::Violations),
    counter("cairn_pd_requests_total", "Requests served.", Counter::Requests),
    counter("cairn_pd_errors_total", "Requests answered with an error.", Counter::Errors),
    counter("cairn_pd_log_dropped_total", "Log lines lost.", Counter::LogDropped),
    counter("cairn_pd_received_total", "Frames or datagrams received.", Counter::Received),
    counter("cairn_pd_received_bytes_total", "Bytes received.", Counter::ReceivedBytes),
    counter("cairn_pd_transmitted_total", "Frames or datagrams sent.", Counter::Transmitted),
    counter("cairn_pd_transmitted_bytes_total", "Bytes sent.", Counter::TransmittedBytes),
    counter("cairn_pd_dropped_total", "Frames, datagrams or clients dropped.", Counter::Dropped),
    counter("cairn_pd_accepted_total", "Connections accepted.", Counter::Accepted),
    known("cairn_pd_open", "gauge", "Connections that are open.", Value::Counter(Counter::Open)),
    counter("cairn_pd_blocks_total", "Blocks read.", Counter::Blocks),
    counter(
        "cairn_pd_not_proven_total",
        "Blocks or events that did not prove.",
        Counter::NotProven,
    ),
];

/// A metric that each peer of each PD has: name, kind and help.
type PerPeer = (&'static str, &'static str, &'static str);

/// In the order of [`of_peer`].
const PER_PEER: [PerPeer; 4] = [
    ("cairn_peer_waiting", "gauge", "Messages of the peer that wait."),
    ("cairn_peer_waiting_most", "gauge", "The most that ever waited."),
    ("cairn_peer_capacity", "gauge", "Messages that the ring holds."),
    ("cairn_peer_violations_total", "counter", "Protocol violations by the peer."),
];

const fn of_peer(seen: &Peer) -> [u32; PER_PEER.len()] {
    [seen.waiting, seen.most, seen.capacity, seen.violations]
}

/// Writes the piece `index`; `false` behind the last one.
pub(crate) fn write_piece<F: FnMut()>(
    index: usize,
    facts: &Facts<'_, F>,
    asked: Asked,
    volume: Option<Result<Volume, Failure>>,
    now_ns: u64,
    out: &mut Text<'_>,
) -> bool {
    let Some(number) = index.checked_sub(1) else {
        write_image(facts, now_ns, out);
        write_proofs(facts, asked, volume, out);
        return true;
    };
    let Some(metric) = PER_PD.get(number) else {
        return write_peers(number - PER_PD.len(), facts, out);
    };
    write_head(metric.name, metric.kind, metric.help, out);
    for pd in pds(facts) {
        out.str(metric.name).str("{pd=").label(text(&pd.name));
        if matches!(metric.value, Value::State) {
            out.str(",state=").label(state_name(pd.state));
        }
        out.str("} ");
        let value = metric.value.of(pd);
        match metric.value {
            Value::Cpu => out.seconds(value),
            _ => out.decimal(value),
        };
        out.str("\n");
    }
    true
}

/// A piece of the metrics of peers: those that one PD sees; `false` behind the last one.
fn write_peers<F: FnMut()>(piece: usize, facts: &Facts<'_, F>, out: &mut Text<'_>) -> bool {
    let pds = pds(facts);
    let (Some(number), Some(place)) = (piece.checked_div(pds.len()), piece.checked_rem(pds.len()))
    else {
        return false;
    };
    let (Some((name, kind, help)), Some(pd)) = (PER_PEER.get(number), pds.get(place)) else {
        return false;
    };
    if place == 0 {
        write_head(name, kind, help, out);
    }
    for (peer, seen) in facts.status().peers_of(place) {
        let value = of_peer(seen).get(number).copied().unwrap_or(0);
        out.str(name).str("{pd=").label(text(&pd.name)).str(",peer=").label(peer);
        out.str("} ").decimal(value.into()).str("\n");
    }
    true
}

impl Value {
    fn of(&self, pd: &PdStatus) -> u64 {
        match self {
            Self::Counter(counter) => {
                pd.counters.get(usize::from(counter.code())).copied().unwrap_or(0)
            }
            Self::Generation => pd.generation,
            Self::Faults => pd.faults.into(),
            Self::Restarts => pd.restarts,
            Self::Cpu => pd.cpu_us,
            Self::Ram => pd.ram_bytes,
            Self::Stack => pd.stack_bytes.into(),
            Self::StackUsed => pd.stack_used_bytes.into(),
            Self::State => 1,
        }
    }
}

fn write_head(name: &str, kind: &str, help: &str, out: &mut Text<'_>) {
    out.str("# HELP ").str(name).str(" ").str(help).str("\n");
    out.str("# TYPE ").str(name).str(" ").str(kind).str("\n");
}

fn write_gauge(name: &str, help: &str, value: u64, out: &mut Text<'_>) {
    write_head(name, "gauge", help, out);
    out.str(name).str(" ").decimal(value).str("\n");
}

fn write_image<F: FnMut()>(facts: &Facts<'_, F>, now_ns: u64, out: &mut Text<'_>) {
    let build = facts.build();
    write_head("cairn_info", "gauge", "Which image runs.", out);
    out.str("cairn_info{");
    for (name, value) in [
        ("version=", &build.version[..]),
        (",revision=", &build.revision),
        (",kernel=", &build.kernel),
        (",config=", &build.config),
        (",platform=", &build.platform),
    ] {
        out.str(name).label(text(value));
    }
    out.str("} 1\n");
    for (name, help, micros) in [
        ("cairn_boot_seconds", "From reset to readiness.", facts.status().boot_us),
        ("cairn_uptime_seconds", "Since reset.", now_ns / 1000),
    ] {
        write_head(name, "gauge", help, out);
        out.str(name).str(" ").seconds(micros).str("\n");
    }
}

fn write_proofs<F: FnMut()>(
    facts: &Facts<'_, F>,
    asked: Asked,
    volume: Option<Result<Volume, Failure>>,
    out: &mut Text<'_>,
) {
    let volume = volume.and_then(Result::ok);
    write_gauge("cairn_volume_proven", "1 if the volume is proven.", volume.is_some().into(), out);
    if let Some(volume) = volume {
        write_gauge("cairn_volume_generation", "Its generation.", volume.generation, out);
        write_gauge("cairn_volume_entries", "Objects in it.", volume.entries, out);
    }
    let chain = facts.chain(asked.facts).and_then(Result::ok);
    write_gauge("cairn_chain_proven", "1 if the chain is proven.", chain.is_some().into(), out);
    if let Some(chain) = chain {
        write_gauge("cairn_chain_sequence", "Sequence of its head.", chain.sequence, out);
    }
}
