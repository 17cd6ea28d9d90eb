//! Puts the kernel's `link.ld` on the search path of its own linking.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=link.ld");
    println!("cargo:rerun-if-env-changed=CARGO_MANIFEST_DIR");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none")
        && let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR")
    {
        println!("cargo:rustc-link-search={}", PathBuf::from(folder).display());
    }
}
