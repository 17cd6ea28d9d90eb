//! Which systems there are.

use std::fs;
use std::path::PathBuf;

use crate::options::{Mode, Options};

/// One system description and the crate that its programs come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct System {
    /// The file's name without `.xml`.
    pub(crate) name: String,
    /// The file.
    pub(crate) description: PathBuf,
    /// The crate beside it.
    pub(crate) package: String,
    /// What the description wants QEMU to be started with.
    pub(crate) qemu_arguments: Vec<String>,
}

/// The folder whose systems print figures instead of verdicts.
const BENCH_FOLDER: &str = "bench";

/// Finds the systems under `tests/on-target`, sorted by name.
pub(crate) fn discover(options: &Options) -> Result<Vec<System>, String> {
    let mut systems = Vec::new();
    for folder in entries(&options.workspace.join("tests/on-target"))? {
        let is_bench = folder.file_name().is_some_and(|name| name == BENCH_FOLDER);
        let manifest = folder.join("Cargo.toml");
        if is_bench != (options.mode == Mode::Bench) || !manifest.is_file() {
            continue;
        }
        let package = package_name(&read(&manifest)?)
            .ok_or_else(|| format!("{} names no package", manifest.display()))?;
        for file in entries(&folder)? {
            if file.extension().is_some_and(|extension| extension == "xml") {
                let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let qemu_arguments = qemu_arguments(&read(&file)?);
                let package = package.clone();
                systems.push(System { name, description: file, package, qemu_arguments });
            }
        }
    }
    if let Some(missing) =
        options.systems.iter().find(|&wanted| !systems.iter().any(|system| system.name == *wanted))
    {
        return Err(format!("there is no system `{missing}`"));
    }
    if !options.systems.is_empty() {
        systems.retain(|system| options.systems.contains(&system.name));
    }
    systems.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(systems)
}

fn entries(folder: &PathBuf) -> Result<Vec<PathBuf>, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(problem)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(problem)).collect()
}

fn read(file: &PathBuf) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The first `name = "…"` of a manifest.
fn package_name(manifest: &str) -> Option<String> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = "))?;
    Some(line.trim().trim_matches('"').to_string())
}

/// The words of every line that begins with `qemu:`.
fn qemu_arguments(description: &str) -> Vec<String> {
    let lines = description.lines().filter_map(|line| line.trim().strip_prefix("qemu:"));
    lines.flat_map(str::split_whitespace).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_package() {
        let manifest = "[package]\nname = \"on-target-x\"\n[[bin]]\nname = \"y\"\n";
        assert_eq!(package_name(manifest).as_deref(), Some("on-target-x"));
    }

    #[test]
    fn takes_qemu_arguments_from_a_comment() {
        let description =
            "<!-- About.\n     qemu: -device a,b=c\n     qemu: -smp 1\n-->\n<system/>";
        assert_eq!(qemu_arguments(description), ["-device", "a,b=c", "-smp", "1"]);
        assert!(qemu_arguments("<system/>").is_empty());
    }
}
