//! The command line.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::suite::System;

/// Shown for a wrong command line.
pub(crate) const USAGE: &str = "\
usage: on-target test|bench [options]

  --sdk DIR        Microkit SDK (default: $MICROKIT_SDK, else ~/.cache/cairn/microkit-sdk-2.3.0)
  --kernel NAME    what kernel that SDK has, for names only: sel4 (default) or model
  --config CONFIG  debug, release (default) or benchmark
  --system NAME    only this system; may be repeated
  --timeout SEC    wall-clock limit for one boot (default 60)
  --target-dir DIR cargo's target folder (default: build/on-target/target/CONFIG)";

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Tests.
    Test,
    /// The systems that print `bench` lines.
    Bench,
}

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) workspace: PathBuf,
    pub(crate) sdk: PathBuf,
    pub(crate) kernel: String,
    pub(crate) config: String,
    pub(crate) systems: Vec<String>,
    pub(crate) timeout: Duration,
    pub(crate) target_dir: PathBuf,
}

impl Options {
    /// Parses the arguments after the program's name.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments;
        let mode = match arguments.next().as_deref() {
            Some("test") => Mode::Test,
            Some("bench") => Mode::Bench,
            Some(other) => return Err(format!("unknown command `{other}`")),
            None => return Err("no command".into()),
        };
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let workspace = workspace.canonicalize().map_err(|error| error.to_string())?;
        let mut options = Self {
            mode,
            sdk: PathBuf::new(),
            kernel: "sel4".into(),
            config: "release".into(),
            systems: Vec::new(),
            timeout: Duration::from_secs(60),
            target_dir: PathBuf::new(),
            workspace,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            options.set(&name, value)?;
        }
        if options.sdk.as_os_str().is_empty() {
            options.sdk = default_sdk()?;
        }
        if options.target_dir.as_os_str().is_empty() {
            let folder = options.workspace.join("build/on-target/target");
            options.target_dir = folder.join(&options.config);
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "--sdk" => self.sdk = value.into(),
            "--kernel" => self.kernel = value,
            "--config" if ["debug", "release", "benchmark"].contains(&value.as_str()) => {
                self.config = value;
            }
            "--config" => return Err(format!("`{value}` is not a configuration")),
            "--system" => self.systems.push(value),
            "--timeout" => {
                let seconds = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
                self.timeout = Duration::from_secs(seconds);
            }
            "--target-dir" => self.target_dir = value.into(),
            _ => return Err(format!("unknown option `{name}`")),
        }
        Ok(())
    }

    /// Where images and logs go.
    pub(crate) fn output(&self) -> PathBuf {
        self.workspace.join(format!("build/on-target/{}-{}", self.kernel, self.config))
    }

    /// Where a system's console output goes.
    pub(crate) fn log_path(&self, system: &System) -> PathBuf {
        self.output().join(format!("{}.log", system.name))
    }
}

fn default_sdk() -> Result<PathBuf, String> {
    if let Some(sdk) = env::var_os("MICROKIT_SDK") {
        return Ok(sdk.into());
    }
    let home = env::var_os("HOME").ok_or("neither MICROKIT_SDK nor HOME is set")?;
    let sdk = Path::new(&home).join(".cache/cairn/microkit-sdk-2.3.0");
    if sdk.is_dir() { Ok(sdk) } else { Err(format!("no SDK at {}; use --sdk", sdk.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn takes_every_option() {
        let options = parse(
            "test --sdk /sdk --kernel model --config debug --system a --system b --timeout 5 \
             --target-dir /t",
        )
        .unwrap();
        assert_eq!((options.mode, options.kernel.as_str()), (Mode::Test, "model"));
        assert_eq!(options.systems, ["a", "b"]);
        assert_eq!(options.timeout, Duration::from_secs(5));
        assert!(options.output().ends_with("build/on-target/model-debug"));
    }

    #[test]
    fn names_what_is_wrong() {
        for (line, problem) in [
            ("", "no command"),
            ("run", "unknown command `run`"),
            ("test --sdk", "`--sdk` needs a value"),
            ("test --config fast", "`fast` is not a configuration"),
            ("bench --sdk /s --timeout soon", "`soon` is not a number"),
            ("test --colour red", "unknown option `--colour`"),
        ] {
            assert_eq!(parse(line).unwrap_err(), problem);
        }
    }
}
