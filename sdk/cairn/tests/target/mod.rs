//! Programs for the target, compiled for a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the source of a program without a library into `<folder>/<name>`.
pub(crate) fn compile(folder: &Path, name: &str, source: &str) -> PathBuf {
    let file = format!("{name}.rs");
    fs::write(folder.join(&file), source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--target=aarch64-unknown-none", "-Cpanic=abort", "-Copt-level=3"])
        .args(["-Clink-arg=-e_start", &file, "-o", name])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join(name)
}
