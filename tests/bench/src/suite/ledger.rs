//! Figures of the verifier of chains and bundles.

#[path = "../../../../ledger-verify/tests/gate/link.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "shared with a test; reads what was just linked")]
mod link;

use std::path::Path;
use std::time::Instant;

use bench_pds::data::{
    BUNDLE, BUNDLE_HEAD_BYTES, CHAIN, Events, HYBRID, LOG, LOGGED, WITNESS, first_anchor,
};
use ledger_verify::bundle::Reader;
use ledger_verify::chain::Chain;
use ledger_verify::log::checkpoint::Policy;

use super::median_of;
use crate::row::{Goal, Row};

/// Names of the on-target benchmarks' lines: row, unit, goal.
pub(super) const ON_TARGET: [(&str, &str, &str, Goal); 15] = [
    ("event_ed25519", "chain event replayed, Ed25519", "instr", Goal::None),
    ("event_ed25519_stack", "stack of that replay", "bytes", Goal::AtMost(4096.0)),
    ("ed25519", "Ed25519 signature alone", "instr", Goal::None),
    ("event_hybrid", "chain event replayed, Ed25519 + ML-DSA-44", "instr", Goal::None),
    ("event_hybrid_stack", "stack of that replay", "bytes", Goal::None),
    ("hybrid", "Ed25519 + ML-DSA-44 signature alone", "instr", Goal::None),
    ("event_hybrid_65", "chain event replayed, Ed25519 + ML-DSA-65", "instr", Goal::None),
    ("event_hybrid_65_stack", "stack of that replay", "bytes", Goal::None),
    ("hybrid_65", "Ed25519 + ML-DSA-65 signature alone", "instr", Goal::None),
    ("bundle_64k", "proof bundle and its binary of 64 KiB", "instr", Goal::AtMost(1.8e6)),
    ("bundle_64k_stack", "stack of that", "bytes", Goal::AtMost(4096.0)),
    ("logged_64k", "the same, logged and cosigned with Ed25519", "instr", Goal::None),
    ("logged_64k_stack", "stack of that", "bytes", Goal::AtMost(4096.0)),
    ("logged_ml_dsa_64k", "the same, cosigned with ML-DSA-44", "instr", Goal::None),
    ("logged_ml_dsa_64k_stack", "stack of that", "bytes", Goal::None),
];

/// What a replay costs above its signature: row, lines of the whole and of the signature.
const ABOVE_SIGNATURE: [(&str, &str, &str); 2] = [
    ("replay above its signature, Ed25519", "event_ed25519", "ed25519"),
    ("replay above its signature, Ed25519 + ML-DSA-44", "event_hybrid", "hybrid"),
];

/// How much a replay is above its signature, in percent, by what each line measured.
pub(super) fn above_signature(figure: impl Fn(&str) -> Result<f64, String>) -> [Row; 2] {
    ABOVE_SIGNATURE.map(|(name, whole, signature)| {
        let above = figure(whole).and_then(|whole| Ok((whole / figure(signature)? - 1.0) * 100.0));
        Row::new(name, "%", Goal::AtMost(10.0), above)
    })
}

/// Calls all that a device needs of chains and releases.
const CHAIN_PART: (&str, &str) =
    ("size_chain", include_str!("../../../../ledger-verify/tests/gate/size_chain.rs"));
/// The same of proof bundles, logged ones too.
const BUNDLE_PART: (&str, &str) =
    ("size_bundle", include_str!("../../../../ledger-verify/tests/gate/size_bundle.rs"));
/// The same of Nexus chains.
const NEXUS_PART: (&str, &str) =
    ("size_nexus", include_str!("../../../../ledger-verify/tests/gate/size_nexus.rs"));
/// What each program has beside such parts.
const BARE: &str = include_str!("../../../../ledger-verify/tests/gate/bare.rs");

/// How often a chain or a bundle is verified for one sample.
const ROUNDS: u32 = 50;

/// Bytes of code that a device has to hold, all that is linked; of Nexus also what it adds to a device
/// that has the rest, because both stand on the same parsers and on the same `core`.
pub(crate) fn code_sizes(build: &Path) -> [Row; 5] {
    let size = |features: &[&str], parts: &[_]| code_size(build, features, parts);
    let chain = size(&[], &[CHAIN_PART]);
    let nexus = size(&["nexus"], &[NEXUS_PART]);
    let both = size(&["nexus"], &[CHAIN_PART, NEXUS_PART]);
    let added = chain.clone().and_then(|chain| Ok(both? - chain));
    let (chain_max, nexus_max) = (Goal::AtMost(40.0 * 1024.0), Goal::AtMost(24.0 * 1024.0));
    [
        ("code that verifies chains and releases, Ed25519", chain_max, chain),
        ("the same with ML-DSA", Goal::None, size(&["ml-dsa"], &[CHAIN_PART])),
        (
            "the same, Ed25519, that reads logged and witnessed bundles, too",
            Goal::None,
            size(&[], &[CHAIN_PART, BUNDLE_PART]),
        ),
        ("code that verifies Nexus chains, with all it calls", nexus_max, nexus),
        ("what Nexus adds to code that verifies chains", Goal::None, added),
    ]
    .map(|(name, goal, bytes)| Row::new(name, "bytes", goal, bytes))
}

/// Links a program of `parts`, each with its module's name.
fn code_size(build: &Path, features: &[&str], parts: &[(&str, &str)]) -> Result<f64, String> {
    let of_parts =
        |text: fn(&str) -> String| -> String { parts.iter().map(|(name, _)| text(name)).collect() };
    let modules = of_parts(|name| format!("mod {name};"));
    let calls = of_parts(|name| format!("{name}::link();"));
    let main = format!(
        "#![no_std]\n#![no_main]\nmod bare;\n{modules}\n#[unsafe(no_mangle)]\n\
         extern \"C\" fn _start() -> ! {{ {calls} loop {{}} }}\n"
    );
    let files: Vec<_> = parts.iter().map(|(name, text)| (format!("{name}.rs"), *text)).collect();
    let mut sources = vec![("main.rs", main.as_str()), ("bare.rs", BARE)];
    sources.extend(files.iter().map(|(name, text)| (name.as_str(), *text)));
    let ledger_verify = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ledger-verify");
    let elf = link::link(&build.join("bench/gate"), &ledger_verify, features, &sources);
    let elf = elf.map_err(text)?;
    Ok(link::functions(&elf).iter().map(|function| function.code.len()).sum::<usize>() as f64)
}

/// What this host verifies in a second.
pub(crate) fn rates() -> [Row; 4] {
    [
        ("chain events replayed on the host, Ed25519", "events/s", events(CHAIN)),
        ("chain events replayed on the host, Ed25519 + ML-DSA-44", "events/s", events(HYBRID)),
        ("proof bundles of one event verified on the host", "bundles/s", rate(1.0, bundle)),
        ("the same, logged and cosigned with Ed25519", "bundles/s", rate(1.0, logged)),
    ]
    .map(|(name, unit, rate)| Row::new(name, unit, Goal::None, rate))
}

fn events(events: Events) -> Result<f64, String> {
    rate(events.count as f64, || {
        let anchor = first_anchor(events.bytes).ok_or("no chain")?;
        let mut chain = Chain::new(anchor);
        chain.replay(events.bytes).and_then(|()| chain.proven().map(drop)).map_err(text)
    })
}

fn bundle() -> Result<(), String> {
    read(BUNDLE, None)
}

fn logged() -> Result<(), String> {
    let key = |known: bench_pds::data::KnownKey| known.key().ok_or("no key");
    let witnesses = [key(WITNESS)?];
    read(LOGGED, Some(Policy { log: key(LOG)?, witnesses: &witnesses, witnesses_wanted: 1 }))
}

fn read(bundle: &[u8], policy: Option<Policy<'_>>) -> Result<(), String> {
    let events = bundle.get(BUNDLE_HEAD_BYTES..).and_then(first_anchor);
    let mut chain = Chain::new(events.ok_or("no bundle")?);
    let mut reader = Reader::new(policy);
    reader.push(&mut chain, bundle).and_then(|()| reader.end()).map(drop).map_err(text)
}

/// How many things a second, of which `verify` does `count`.
pub(super) fn rate(count: f64, verify: impl Fn() -> Result<(), String>) -> Result<f64, String> {
    median_of(|| {
        let start = Instant::now();
        (0..ROUNDS).try_for_each(|_| verify())?;
        Ok(f64::from(ROUNDS) * count / start.elapsed().as_secs_f64())
    })
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
