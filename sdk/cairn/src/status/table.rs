//! `cairn ps` as a table.

use super::{Pd, Peer, Proof, Status, printable};

/// The columns: heading, and whether it is a number.
const COLUMNS: [(&str, bool); 13] = [
    ("PD", false),
    ("STATE", false),
    ("LIFE", true),
    ("RESTARTS", true),
    ("PRIO", true),
    ("BUDGET", true),
    ("CPU ms", true),
    ("STACK", true),
    ("RAM KiB", true),
    ("WOKEN", true),
    ("SENT", true),
    ("FULLEST RING", false),
    ("VIOLATIONS", false),
];

/// A line about the system, a table of its PDs, and why some of them are in the state they are in.
pub fn table(status: &Status) -> String {
    let mut rows = vec![COLUMNS.map(|(heading, _)| heading.to_owned())];
    rows.extend(status.pds.iter().map(row));
    let mut widths = [0; COLUMNS.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = format!("{}\n\n", headline(status));
    for row in &rows {
        let cells = row.iter().zip(widths).zip(COLUMNS).map(|((cell, width), (_, is_number))| {
            if is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    let reasons = status.pds.iter().filter(|pd| !pd.text.is_empty());
    for (index, pd) in reasons.enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        text.push_str(&format!("{gap}{}: {}\n", printable(&pd.name), printable(&pd.text)));
    }
    text
}

/// What runs, for how long, and what is proven.
pub fn headline(status: &Status) -> String {
    let system = format!(
        "Cairn {} ({}) on {} {}, {}, up {}",
        status.version,
        status.revision,
        status.kernel,
        status.config,
        status.platform,
        duration(status.uptime_us)
    );
    format!("{}\n{}", printable(&system), proofs(status))
}

fn proofs(status: &Status) -> String {
    let proof = |what: &str, proof: &Proof, detail: String| {
        let reason = if proof.reason.is_empty() { detail } else { format!(": {}", proof.reason) };
        printable(&format!("{what} {}{reason}", proof.state))
    };
    let generation = status.volume.generation.map(|n| format!(", generation {n}"));
    let name = status.volume.name.as_deref().unwrap_or("?");
    let volume = proof(&format!("volume {name}"), &status.volume, generation.unwrap_or_default());
    let sequence = status.ledger.sequence.map(|n| format!(", sequence {n}"));
    let chain = proof("chain", &status.ledger, sequence.unwrap_or_default());
    format!("{volume}; {chain}")
}

/// `1 d 02:03:04`, or seconds.
pub fn duration(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, seconds) {
        (0, 0..60) => format!("{seconds}.{} s", micros / 100_000 % 10),
        (0, _) => format!("{hours:02}:{minutes:02}:{:02}", seconds % 60),
        _ => format!("{days} d {hours:02}:{minutes:02}:{:02}", seconds % 60),
    }
}

fn row(pd: &Pd) -> [String; COLUMNS.len()] {
    let number = |value: Option<u64>| value.map_or("-".into(), |value| value.to_string());
    let budget = match (pd.budget_us, pd.period_us) {
        (Some(budget), Some(period)) if budget < period => format!("{budget}/{period}"),
        (Some(_), Some(_)) => "all".into(),
        _ => "-".into(),
    };
    [
        printable(&pd.name),
        printable(&pd.state),
        pd.generation.to_string(),
        number(pd.restarts),
        number(pd.priority),
        budget,
        number(pd.cpu_us.map(|micros| micros / 1000)),
        stack(pd),
        number(pd.ram_bytes.map(|bytes| bytes / 1024)),
        pd.wakeups.to_string(),
        pd.notifications.to_string(),
        fullest_ring(pd),
        violations(pd),
    ]
}

/// Of the ring that was the fullest: the most that waited, what it holds, and who fills it.
pub fn fullest_ring(pd: &Pd) -> String {
    let share = |peer: &&Peer| u128::from(peer.most) * 1000 / u128::from(peer.capacity.max(1));
    let show = |peer: &Peer| printable(&format!("{}/{} {}", peer.most, peer.capacity, peer.name));
    pd.peers.iter().max_by_key(share).map_or("-".into(), show)
}

/// How many in all, and of which peers.
fn violations(pd: &Pd) -> String {
    let guilty = pd.peers.iter().filter(|peer| peer.violations > 0);
    let guilty = guilty.map(|peer| printable(&format!(" {}:{}", peer.name, peer.violations)));
    std::iter::once(pd.violations.to_string()).chain(guilty).collect()
}

/// Stack in use at most, and what there is.
pub fn stack(pd: &Pd) -> String {
    match (pd.stack_used_bytes, pd.stack_bytes) {
        (Some(used), Some(bytes)) => format!("{used}/{bytes}"),
        (None, Some(bytes)) => format!("?/{bytes}"),
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let text = r#"{"version": "0.1.0", "revision": "abc", "kernel": "sel4 16.0.0",
            "config": "release", "platform": "board", "uptime_us": 12345678,
            "volume": {"state": "proven", "name": "demo", "generation": 5},
            "ledger": {"state": "refused", "reason": "event 4: bad \u001b[31msignature"},
            "pds": [
              {"name": "supervisor", "state": "running", "generation": 1, "wakeups": 7},
              {"name": "net", "state": "degraded", "generation": 3, "restarts": 2, "text": "no card",
               "priority": 190, "budget_us": 500, "period_us": 1000, "cpu_us": 7654,
               "stack_bytes": 65536, "stack_used_bytes": 1024, "ram_bytes": 294912, "violations": 3,
               "peers": [{"name": "gateway", "most": 20, "capacity": 64, "violations": 3},
                         {"name": "nic", "waiting": 1, "most": 21, "capacity": 128}]}]}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn shows_everything_and_no_control_characters() {
        let text = table(&status());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "Cairn 0.1.0 (abc) on sel4 16.0.0 release, board, up 12.3 s");
        assert_eq!(
            lines[1],
            "volume demo proven, generation 5; chain refused: event 4: bad ?[31msignature"
        );
        assert!(lines[3].starts_with("PD          STATE     LIFE"), "{text}");
        let words: Vec<_> = lines[5].split_whitespace().collect();
        let expected =
            "net degraded 3 2 190 500/1000 7 1024/65536 288 0 0 20/64 gateway 3 gateway:3";
        assert_eq!(words, expected.split(' ').collect::<Vec<_>>());
        assert!(lines[4].contains(" -  "), "what is not known is a dash: {text}");
        assert_eq!(lines[7], "net: no card");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn durations_are_short() {
        for (micros, expected) in
            [(59_940_000, "59.9 s"), (3_723_000_000, "01:02:03"), (90_061_000_000, "1 d 01:01:01")]
        {
            assert_eq!(duration(micros), expected);
        }
    }
}
