//! Links the verifier for the device and lists every call to a panic that is left.
//!
//! Allowed is what stands in [`ALLOWED`], with the reason why it cannot happen. Whoever adds a line
//! there has thought about it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Function, and how many calls to panics it holds.
///
/// * `canary`: part of the linked program, not of the verifier; a gate that misses it is broken.
/// * `MontyParams::new`: `crypto-bigint` divides by a modulus with as many limbs as the dividend, and
///   which is odd, so not zero; only the feature `nexus-prime` calls it.
const ALLOWED: &[(&str, usize)] = &[
    ("gate::canary", 1),
    ("<crypto_bigint::modular::monty_params::MontyParams<crypto_bigint::uint::Uint<16>>>::new", 5),
];

const MANIFEST: &str = r#"
[package]
name = "gate"
version = "0.0.0"
edition = "2024"
[[bin]]
name = "gate"
path = "main.rs"
[dependencies]
ledger-verify = { path = "LEDGER_VERIFY", features = ["ml-dsa", "nexus-prime"] }
[profile.release]
panic = "abort"
lto = "fat"
codegen-units = 1
[workspace]
"#;

fn link() -> Vec<u8> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic-gate");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = MANIFEST.replace("LEDGER_VERIFY", crate_folder.to_str().unwrap());
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("main.rs"), include_str!("gate/verifier.rs")).unwrap();
    std::fs::write(folder.join("nexus.rs"), include_str!("gate/nexus.rs")).unwrap();
    let lock = crate_folder.join("../Cargo.lock");
    std::fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--offline", "--target", "aarch64-unknown-none"])
        .current_dir(&folder)
        // Replaces the flags of a configuration file above this folder.
        .env("RUSTFLAGS", "-Crelocation-model=static -Csymbol-mangling-version=v0")
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.join("target/aarch64-unknown-none/release/gate")).unwrap()
}

struct Function {
    name: String,
    address: u64,
    code: Vec<u8>,
}

fn number(bytes: &[u8], offset: usize, length: usize) -> u64 {
    bytes[offset..offset + length].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn index(bytes: &[u8], offset: usize, length: usize) -> usize {
    usize::try_from(number(bytes, offset, length)).unwrap()
}

/// All functions of a little-endian 64-bit ELF file.
fn functions(elf: &[u8]) -> Vec<Function> {
    let (sections, count) = (index(elf, 0x28, 8), index(elf, 0x3c, 2));
    let section = |number: usize| &elf[sections + 64 * number..][..64];
    let content = |header: &[u8]| &elf[index(header, 0x18, 8)..][..index(header, 0x20, 8)];
    let symbols = (0..count).map(section).find(|header| number(header, 4, 4) == 2).unwrap();
    let names = content(section(index(symbols, 0x28, 4)));
    let symbols = content(symbols).chunks(24).filter(|symbol| symbol[4] & 15 == 2);
    symbols
        .map(|symbol| {
            let name = &names[index(symbol, 0, 4)..];
            let name = name.split(|byte| *byte == 0).next().unwrap();
            let home = section(index(symbol, 6, 2));
            let address = number(symbol, 8, 8);
            let offset = usize::try_from(address - number(home, 0x10, 8)).unwrap();
            Function {
                name: format!("{:#}", rustc_demangle::demangle(&String::from_utf8_lossy(name))),
                address,
                code: content(home)[offset..][..index(symbol, 16, 8)].to_vec(),
            }
        })
        .collect()
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
    let functions = functions(&link());
    let by_address: BTreeMap<_, _> =
        functions.iter().map(|f| (f.address, f.name.as_str())).collect();
    let parts = [
        "chain::state::Chain",
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
