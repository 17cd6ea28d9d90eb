//! Links programs for the device, outside of the workspace, and takes them apart: for the panic gate, and
//! for `make bench`, which measures their size.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

/// Optimised as the workspace optimises `ledger-verify`.
const MANIFEST: &str = r#"
[package]
name = "gate"
version = "0.0.0"
edition = "2024"
[[bin]]
name = "gate"
path = "main.rs"
[dependencies]
ledger-verify = { path = "LEDGER_VERIFY", features = FEATURES }
[profile.release]
panic = "abort"
opt-level = 2
lto = "fat"
codegen-units = 1
[workspace]
"#;
const TARGET: &str = "aarch64-unknown-none";
/// In place of those of a configuration file above the folder.
const FLAGS: &str = "-Crelocation-model=static -Csymbol-mangling-version=v0 \
                     --cfg sha2_backend_soft=\"compact\"";

/// Links `sources`, names and texts, of which `main.rs` is the program, in `folder`. `ledger_verify` is the
/// folder of that crate, which is built with `features`.
pub(crate) fn link(
    folder: &Path,
    ledger_verify: &Path,
    features: &[&str],
    sources: &[(&str, &str)],
) -> io::Result<Vec<u8>> {
    fs::create_dir_all(folder)?;
    let manifest = MANIFEST.replace("LEDGER_VERIFY", &ledger_verify.to_string_lossy());
    let manifest = manifest.replace("FEATURES", &format!("{features:?}"));
    fs::write(folder.join("Cargo.toml"), manifest)?;
    for (name, text) in sources {
        fs::write(folder.join(name), text)?;
    }
    fs::copy(ledger_verify.join("../Cargo.lock"), folder.join("Cargo.lock"))?;
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--offline", "--target", TARGET])
        .current_dir(folder)
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    fs::read(folder.join("target").join(TARGET).join("release/gate"))
}

/// A function of a linked program.
pub(crate) struct Function {
    /// As it is mangled.
    pub(crate) name: String,
    pub(crate) address: u64,
    pub(crate) code: Vec<u8>,
}

/// All functions of a little-endian 64-bit ELF file, which is one that was just linked.
pub(crate) fn functions(elf: &[u8]) -> Vec<Function> {
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
                name: String::from_utf8_lossy(name).into_owned(),
                address,
                code: content(home)[offset..][..index(symbol, 16, 8)].to_vec(),
            }
        })
        .collect()
}

fn number(bytes: &[u8], offset: usize, length: usize) -> u64 {
    bytes[offset..offset + length].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn index(bytes: &[u8], offset: usize, length: usize) -> usize {
    usize::try_from(number(bytes, offset, length)).unwrap()
}
