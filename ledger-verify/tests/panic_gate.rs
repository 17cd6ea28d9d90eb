//! Links the verifier for the device and lists every call to a panic that is left.
//!
//! Allowed is what stands in [`ALLOWED`], with the reason why it cannot happen. Whoever adds a line
//! there has thought about it.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "gate/link.rs"]
mod link;

use std::collections::BTreeMap;
use std::path::Path;

use link::{Function, functions};

/// Function, and how many calls to panics it holds.
///
/// * `canary`: part of the linked program, not of the verifier; a gate that misses it is broken.
const ALLOWED: &[(&str, usize)] = &[("gate::canary", 1)];

fn link() -> Vec<Function> {
    let sources = [
        ("main.rs", include_str!("gate/verifier.rs")),
        ("bare.rs", include_str!("gate/bare.rs")),
        ("nexus.rs", include_str!("gate/nexus.rs")),
    ];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic-gate");
    let ledger_verify = Path::new(env!("CARGO_MANIFEST_DIR"));
    let elf = link::link(&folder, ledger_verify, &["ml-dsa", "nexus-prime"], &sources).unwrap();
    let mut functions = functions(&elf);
    for function in &mut functions {
        function.name = format!("{:#}", rustc_demangle::demangle(&function.name));
    }
    functions
}

/// Where a direct branch (`b`, `bl`) at `address` goes.
fn branch_target(instruction: u32, address: u64) -> Option<u64> {
    if instruction & 0x7c00_0000 != 0x1400_0000 {
        return None;
    }
    // 26 bits, signed, in words.
    let words = i64::from((instruction << 6).cast_signed() >> 6);
    address.checked_add_signed(words * 4)
}

fn is_panic(name: &str) -> bool {
    ["panicking::", "unwrap_failed", "expect_failed", "index_fail", "slice_error_fail"]
        .iter()
        .any(|part| name.contains(part))
}

#[test]
fn no_panic_is_linked_but_the_allowed() {
    let functions = link();
    let by_address: BTreeMap<_, _> =
        functions.iter().map(|f| (f.address, f.name.as_str())).collect();
    let parts = [
        "chain::state::Chain",
        "log::checkpoint::Policy",
        "log::proof::Proof",
        "nexus::signature::brainpool",
        "nexus::signature::falcon",
        "nexus::block::prime",
    ];
    for part in parts {
        assert!(functions.iter().any(|f| f.name.contains(part)), "{part} is not linked");
    }
    let mut calls = BTreeMap::<&str, usize>::new();
    // Panics call each other; that is not counted.
    for function in functions.iter().filter(|f| !is_panic(&f.name)) {
        for (at, word) in (function.address..).step_by(4).zip(function.code.as_chunks::<4>().0) {
            let target = branch_target(u32::from_le_bytes(*word), at);
            if target.and_then(|t| by_address.get(&t)).is_some_and(|name| is_panic(name)) {
                *calls.entry(&function.name).or_default() += 1;
            }
        }
    }
    let unexpected: Vec<_> = calls
        .iter()
        .filter(|(name, count)| !ALLOWED.iter().any(|(n, c)| n == *name && *count <= c))
        .collect();
    assert!(unexpected.is_empty(), "calls to panics: {unexpected:?}");
    assert!(ALLOWED.iter().all(|(name, _)| calls.contains_key(name)), "{calls:?}");
}
