//! Where a panic comes from, in words that outlive a change of line numbers and versions.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::sites::Site;

/// A function of a source file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Place {
    /// Path from the root of this repository, or from the folder of a dependency's crate, which comes
    /// first; `core` if nothing better is known.
    pub(super) file: String,
    /// The function, by the source; `?` where that cannot be read.
    pub(super) function: String,
    line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} line {}", self.file, self.function, self.line)
    }
}

impl Place {
    pub(super) fn of(site: &Site) -> Self {
        let Some((path, line)) = &site.location else {
            return Self { file: "core".into(), function: one_word(&site.function), line: 0 };
        };
        let Some(file) = file(path) else {
            return Self { file: "core".into(), function: one_word(&site.function), line: *line };
        };
        let text = fs::read_to_string(path).unwrap_or_default();
        let function = enclosing(&text, *line).unwrap_or("?").to_owned();
        Self { file, function, line: *line }
    }
}

/// The file of a path as the compiler gives it; `None` for the standard library.
pub(super) fn file(path: &str) -> Option<String> {
    if let Some((_, path)) = path.split_once("/registry/src/") {
        // <registry>/<crate>-<version>/<file>
        let (_, path) = path.split_once('/')?;
        let (folder, file) = path.split_once('/')?;
        let name = folder.rsplit_once('-').map_or(folder, |(name, _)| name);
        return Some(format!("{name}/{file}"));
    }
    let path = Path::new(path);
    // Debug information has full paths.
    let here = std::env::current_dir().ok()?;
    let path = path.strip_prefix(here).unwrap_or(path);
    path.is_relative().then(|| path.display().to_string())
}

/// Is it a file of this repository? Its crates lie in folders of these names, dependencies in
/// folders named after their crates.
pub(super) fn is_ours(file: &str) -> bool {
    ["drivers/", "ledger-verify/", "pds/", "protocols/", "sdk/", "volume/"]
        .iter()
        .any(|folder| file.starts_with(folder))
}

/// The name of the function that the line stands in: of the last `fn` at or above it.
fn enclosing(text: &str, line: u32) -> Option<&str> {
    let above = text.lines().take(usize::try_from(line).ok()?).collect::<Vec<_>>();
    above.iter().rev().find_map(|text| {
        let code = text.split("//").next()?;
        let (before, after) = code.split_once("fn ")?;
        let is_word = before.is_empty() || before.ends_with([' ', '(']);
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        after.get(..end).filter(|name| is_word && !name.is_empty())
    })
}

fn one_word(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_without_versions_and_machines() {
        let registry =
            "/home/x/.cargo/registry/src/index-1949/curve25519-dalek-5.0.0/src/window.rs";
        assert_eq!(file(registry).as_deref(), Some("curve25519-dalek/src/window.rs"));
        assert_eq!(file("sdk/pd/src/pd.rs").as_deref(), Some("sdk/pd/src/pd.rs"));
        assert_eq!(file("/rustc/5980/library/core/src/slice/index.rs"), None);
        assert!(is_ours("sdk/pd/src/pd.rs") && !is_ours("curve25519-dalek/src/window.rs"));
    }

    #[test]
    fn the_function_is_the_last_one_above() {
        let text = "fn one() {\n}\n// fn no\nimpl X {\n    pub(crate) const fn two<T>(x: T) {\n        a[1]\n";
        assert_eq!(enclosing(text, 1), Some("one"));
        assert_eq!(enclosing(text, 4), Some("one"));
        assert_eq!(enclosing(text, 6), Some("two"));
        assert_eq!(enclosing("often fn\n", 1), None);
        assert_eq!(enclosing("", 9), None);
    }

    #[test]
    fn what_names_no_place_is_cores() {
        let site =
            Site { function: "core::fmt::write <x>".into(), calls: "y".into(), location: None };
        assert_eq!(Place::of(&site).to_string(), "core core::fmt::write_<x> line 0");
    }
}
