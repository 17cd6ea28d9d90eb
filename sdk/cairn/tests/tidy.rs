//! The house style, as far as a program can check it: sizes, where `unsafe` may stand, who may depend
//! on whom. Function length is clippy's `too_many_lines`, layout is rustfmt's.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code, without comments, blank lines and inline tests, that a file may have.
const FILE_LINES_MAX: usize = 500;
/// Lines of a PD's `main.rs`, which only wires.
const MAIN_LINES_MAX: usize = 60;
/// rustfmt holds code to 100; what it does not break, comments and arguments of macros, ends here.
const COLUMNS_MAX: usize = 120;

/// Crates that talk to the kernel, to shared memory or to hardware for everybody else.
const UNSAFE_CRATES: [&str; 6] = [
    "sdk/model",
    "sdk/pd",
    "sdk/sel4",
    "sdk/sel4-externally-shared",
    "sdk/sel4-microkit",
    "sdk/sel4-shared-ring-buffer",
];
/// Elsewhere these files are the one place: device registers, and the binding of regions.
const UNSAFE_FILES: [&str; 2] = ["mmio.rs", "config.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file below `folder` whose name passes, except in build folders and hidden ones.
fn files(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !["build", "target", "fuzz"].contains(&name.as_str()) && !name.starts_with('.') {
                found.extend(files(&path, wanted));
            }
        } else if wanted(&name) {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<(String, String)> {
    files(&root(), &|name| name.ends_with(".rs"))
        .into_iter()
        .map(|path| (relative(&path), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// A crate of the workspace: its folder and manifest.
struct Package {
    name: String,
    folder: String,
    /// Names under `[dependencies]`.
    dependencies: Vec<String>,
    manifest: String,
}

fn packages() -> Vec<Package> {
    let manifests = files(&root(), &|name| name == "Cargo.toml");
    manifests
        .into_iter()
        .filter_map(|path| {
            let manifest = fs::read_to_string(&path).unwrap();
            let name = manifest.lines().find_map(|line| line.strip_prefix("name = "))?;
            Some(Package {
                name: name.trim_matches('"').to_owned(),
                folder: relative(path.parent().unwrap()),
                dependencies: dependencies(&manifest),
                manifest,
            })
        })
        .collect()
}

fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]")
                && !line.contains("dev-")
                && !line.contains("build-");
        } else if inside && line.contains('=') {
            found.push(line.split(['.', ' ', '=']).next().unwrap().to_owned());
        }
    }
    found
}

/// Lines that are neither blank, nor comment, nor part of the inline tests at the end.
fn code_lines(text: &str) -> usize {
    let body = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
    body.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//")).count()
}

/// The text without string literals' contents and comments, crudely: enough to find a keyword.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn report(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn files_and_mains_keep_their_size() {
    let mut findings = Vec::new();
    for (path, text) in sources() {
        let lines = code_lines(&text);
        // Tests and tables are read one at a time, not as a whole; generated tables say so.
        let is_exempt = path.contains("/tests") || text.contains("// tidy: table");
        if lines > FILE_LINES_MAX && !is_exempt {
            findings.push(format!("{path}: {lines} lines of code, at most {FILE_LINES_MAX}"));
        }
        let is_pd_main = path.starts_with("pds/") && path.ends_with("src/main.rs");
        if is_pd_main && lines > MAIN_LINES_MAX {
            findings.push(format!("{path}: {lines} lines of code, at most {MAIN_LINES_MAX}"));
        }
    }
    report(&findings);
}

#[test]
fn lines_fit_the_screen() {
    let mut findings = Vec::new();
    for (path, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            // A literal and a row of a table cannot be broken.
            let is_whole = line.contains('"') || line.contains("//! |") || line.contains("/// |");
            if line.chars().count() > COLUMNS_MAX && !is_whole {
                findings.push(format!("{path}:{}: longer than {COLUMNS_MAX}", index + 1));
            }
        }
    }
    report(&findings);
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let mut findings = Vec::new();
    for (path, text) in sources() {
        let is_crate = UNSAFE_CRATES.iter().any(|folder| {
            path.starts_with(&format!("{folder}/src/"))
                || path.starts_with(&format!("{folder}/tests/"))
        });
        // On-target tests misbehave on purpose; a fake device is never part of an image.
        let is_test = path.starts_with("tests/on-target/")
            || path.starts_with("sdk/test-harness/")
            || path.contains("/fake/");
        let is_file = UNSAFE_FILES.iter().any(|name| path.ends_with(&format!("/{name}")));
        let uses = without_comments(&text).lines().any(|line| {
            line.contains("unsafe ") && !line.contains('"') && !line.contains("unsafe_code")
        });
        if uses && !is_crate && !is_file && !is_test {
            findings.push(format!("{path}: `unsafe` is not for this file"));
        }
    }
    report(&findings);
}

#[test]
fn every_other_crate_forbids_unsafe() {
    let mut findings = Vec::new();
    for package in packages() {
        // On-target tests misbehave on purpose.
        let is_test =
            package.folder.starts_with("tests/on-target/") || package.folder == "sdk/test-harness";
        if is_test || UNSAFE_CRATES.contains(&package.folder.as_str()) {
            continue;
        }
        for name in ["src/lib.rs", "src/main.rs"] {
            let path = root().join(&package.folder).join(name);
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let folder = path.parent().unwrap();
            let has_place = UNSAFE_FILES.iter().any(|file| folder.join(file).exists());
            let allowed = if has_place { "deny(unsafe_code)" } else { "forbid(unsafe_code)" };
            if !text.contains("forbid(unsafe_code)") && !text.contains(allowed) {
                findings.push(format!("{}: does not say {allowed}", relative(&path)));
            }
        }
    }
    report(&findings);
}

#[test]
fn every_crate_inherits_the_lint_table() {
    let findings: Vec<_> = packages()
        .iter()
        .filter(|package| !package.manifest.contains("[lints]\nworkspace = true"))
        .map(|package| format!("{}/Cargo.toml: no `[lints] workspace = true`", package.folder))
        .collect();
    report(&findings);
}

/// What a crate may build on, by folder; the first rule that matches a crate counts.
fn permitted(folder: &str) -> &'static [&'static str] {
    match folder {
        "ledger-verify" => &[],
        "protocols" => &["sdk/sel4-shared-ring-buffer"],
        "volume" => &["ledger-verify"],
        "sdk/sel4-microkit" => {
            &["sdk/sel4", "sdk/sel4-microkit/macros", "sdk/sel4-externally-shared"]
        }
        "sdk/sel4-shared-ring-buffer" => &["sdk/sel4-externally-shared"],
        "sdk/pd" => &["sdk/sel4", "protocols", "drivers/generic-timer"],
        "sdk/test-harness" => &["sdk/sel4"],
        "sdk/model" | "sdk/microkit" => &["sdk/model/spec"],
        "sdk/cairn" => &["protocols", "ledger-verify", "volume", "drivers"],
        _ if folder.starts_with("sdk/") => &[],
        _ if folder.starts_with("drivers/virtio-") => {
            &["drivers/virtio", "sdk/sel4-externally-shared", "sdk/sel4-shared-ring-buffer"]
        }
        _ if folder.starts_with("drivers/") => {
            &["sdk/sel4-externally-shared", "sdk/sel4-shared-ring-buffer"]
        }
        _ if folder.starts_with("pds/") => {
            &["drivers", "protocols", "ledger-verify", "volume", "sdk/sel4", "sdk/pd"]
        }
        // The host measures the very chains that are measured on target.
        "tests/bench" => &["sdk", "ledger-verify", "volume", "tests/on-target/bench"],
        // Whole-system and on-target tests are on top of everything.
        _ => &["sdk", "drivers", "protocols", "ledger-verify", "volume", "pds"],
    }
}

/// Whether `folder` is `permitted`, lies in it, or is one of the crates whose names begin with it.
fn lies_in(folder: &str, permitted: &str) -> bool {
    let rest = folder.strip_prefix(permitted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || (permitted == "sdk/sel4" && folder.starts_with("sdk/sel4-"))
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let folders: BTreeMap<_, _> =
        packages.iter().map(|p| (p.name.as_str(), p.folder.as_str())).collect();
    let mut findings = Vec::new();
    for package in &packages {
        for dependency in &package.dependencies {
            let Some(folder) = folders.get(dependency.as_str()) else { continue };
            let may = permitted(&package.folder).iter().any(|p| lies_in(folder, p));
            if !may {
                findings.push(format!("{} may not depend on {folder}", package.folder));
            }
        }
    }
    report(&findings);
}

#[test]
fn each_top_folder_says_what_belongs_in_it() {
    let folders = "ci demo docs drivers ledger-verify pds platforms protocols sdk tests volume";
    let findings: Vec<_> = folders
        .split(' ')
        .filter(|folder| !root().join(folder).join("README.md").exists())
        .map(|folder| format!("{folder}/README.md is missing"))
        .collect();
    report(&findings);
}

/// Whether an SPDX expression of `OR`, `AND`, `WITH` and one level of brackets can be met.
fn license_is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    let license = |text: &str| {
        let text = text.split(" WITH ").next().unwrap().trim();
        allowed.iter().any(|allowed| allowed == text)
    };
    expression.split(" AND ").all(|clause| clause.split(" OR ").any(license))
}

#[test]
fn licenses_of_dependencies_are_allowed() {
    let allowed = ["MIT", "Zlib"].map(str::to_owned);
    assert!(license_is_allowed("GPL-2.0 OR MIT", &allowed));
    assert!(license_is_allowed("(MIT OR Apache-2.0) AND Zlib", &allowed));
    assert!(!license_is_allowed("MIT AND GPL-2.0", &allowed));
    assert!(!license_is_allowed("GPL-2.0", &allowed));

    let deny = fs::read_to_string(root().join("deny.toml")).unwrap();
    let list = deny.split_once("allow = [").unwrap().1.split_once(']').unwrap().0;
    let allowed: Vec<_> =
        list.split(',').map(|word| word.trim().trim_matches('"').to_owned()).collect();
    // Of what other platforms need, nothing has to be on this machine.
    let rustc = std::process::Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .args(["--filter-platform", "aarch64-unknown-none"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50, "cargo metadata is incomplete");
    let findings: Vec<_> = packages
        .iter()
        .filter(|p| !license_is_allowed(p["license"].as_str().unwrap_or_default(), &allowed))
        .map(|p| format!("{}: {}", p["name"], p["license"]))
        .collect();
    report(&findings);
}
