//! Puts `link.ld` on the link-search path of every protection domain; `.cargo/config.toml` names it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=link.ld");
    if let Ok(folder) = env::var("CARGO_MANIFEST_DIR") {
        println!("cargo::rustc-link-search={folder}");
    }
}
