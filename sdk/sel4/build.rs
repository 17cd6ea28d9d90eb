//! Turns `CAIRN_CONFIG` into `cfg(sel4_config = "...")`: invocation labels depend on it.

use std::env;

const CONFIGS: [&str; 3] = ["debug", "release", "benchmark"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CAIRN_CONFIG");
    println!(
        "cargo::rustc-check-cfg=cfg(sel4_config, values(\"debug\", \"release\", \"benchmark\"))"
    );

    let config = env::var("CAIRN_CONFIG").unwrap_or_else(|_| "release".into());
    if CONFIGS.contains(&config.as_str()) {
        println!("cargo::rustc-cfg=sel4_config=\"{config}\"");
    } else {
        println!("cargo::error=CAIRN_CONFIG is `{config}`; expected one of {CONFIGS:?}");
    }
}
