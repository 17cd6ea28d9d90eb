//! `cairn report`: how large each PD is, and what changed since another revision.
//!
//! Sizes of a revision are kept as JSON in a folder of the build, so that the next one can be compared
//! with them; what was never built here has no sizes, and the report says so.

mod sizes;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::compose::files::{self, Files};
use crate::compose::report::Report as Findings;
use crate::compose::{system, xml};
use crate::{Error, Output};
use sizes::{COLUMNS, Sizes};

/// `cairn report`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The composed system.
    system: PathBuf,
    /// Folder with its programs; may be repeated.
    #[arg(long, value_name = "DIR")]
    search_path: Vec<PathBuf>,
    /// Keeps the sizes in this folder, under the name of the revision, unless that ends in `-dirty`.
    #[arg(long, value_name = "DIR", requires = "revision")]
    keep: Option<PathBuf>,
    /// The revision that the programs were built from.
    #[arg(long, value_parser = revision)]
    revision: Option<String>,
    /// Compares with the sizes that were kept of this revision.
    #[arg(long, requires = "keep")]
    before: Option<String>,
}

/// Names of revisions become names of files.
fn revision(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_plain && !text.is_empty() && !text.starts_with('.') {
        Ok(text.to_owned())
    } else {
        Err("not a revision".into())
    }
}

type Table = BTreeMap<String, Sizes>;

#[derive(Debug, Serialize)]
struct Report {
    pds: Table,
    /// The revision that is compared with, and its sizes; none if they were not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<(String, Option<Table>)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let old = self.before.as_ref().and_then(|(_, table)| table.as_ref());
        writeln!(f, "# Sizes (bytes{})", self.comparison())?;
        write!(f, "{:<12}", "pd")?;
        for name in COLUMNS {
            write!(f, " {name:>18}")?;
        }
        let mut total = (Sizes::default(), old.map(|_| Sizes::default()));
        for (name, sizes) in &self.pds {
            let before = old.map(|table| table.get(name).copied().unwrap_or_default());
            total.0 = total.0 + *sizes;
            total.1 = total.1.zip(before).map(|(sum, before)| sum + before);
            row(f, name, sizes, before.as_ref())?;
        }
        for (name, before) in old.into_iter().flatten().filter(|(n, _)| !self.pds.contains_key(*n))
        {
            total.1 = total.1.map(|sum| sum + *before);
            row(f, name, &Sizes::default(), Some(before))?;
        }
        row(f, "total", &total.0, total.1.as_ref())
    }
}

impl Report {
    fn comparison(&self) -> String {
        match &self.before {
            Some((revision, Some(_))) => format!("; change since {revision}"),
            Some((revision, None)) => format!("; {revision} was never built here to compare with"),
            None => String::new(),
        }
    }
}

fn row(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    sizes: &Sizes,
    before: Option<&Sizes>,
) -> fmt::Result {
    write!(f, "\n{name:<12}")?;
    for (column, size) in sizes.columns().into_iter().enumerate() {
        let change = before.map_or(0, |old| {
            i128::from(size) - i128::from(old.columns().get(column).copied().unwrap_or(0))
        });
        let cell = if change == 0 { size.to_string() } else { format!("{size} ({change:+})") };
        write!(f, " {cell:>18}")?;
    }
    Ok(())
}

/// Does what the command line says.
///
/// # Errors
/// `Refused` for a bad system, program or kept table; `Io`.
pub fn run(args: &Args, output: &Output) -> Result<(), Error> {
    let pds = measure(&args.system, &Files::new(&args.search_path))?;
    let kept = |revision: &str| Some(args.keep.as_ref()?.join(format!("{revision}.json")));
    let before = match &args.before {
        Some(name) if revision(name).is_ok() => Some((name.clone(), read(kept(name))?)),
        _ => None,
    };
    if let Some(name) = args.revision.as_ref().filter(|name| !name.ends_with("-dirty"))
        && let Some(path) = kept(name)
    {
        let text = serde_json::to_string_pretty(&pds).unwrap_or_default();
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).map_err(Error::io(&path))?;
        files::write_if_changed(&path, text.as_bytes()).map_err(Error::io(&path))?;
    }
    output.answer(&Report { pds, before })
}

fn read(path: Option<PathBuf>) -> Result<Option<Table>, Error> {
    let Some(path) = path.filter(|path| path.exists()) else { return Ok(None) };
    let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
    let refuse = |error| Error::Refused(format!("{}: {error}", path.display()));
    serde_json::from_str(&text).map(Some).map_err(refuse)
}

fn measure(path: &Path, files: &Files) -> Result<Table, Error> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let root = xml::parse(&path.display().to_string(), &text).map_err(Error::Refused)?;
    let mut findings = Findings::default();
    let system = system::System::read(&root, &mut findings);
    if let Some(finding) = findings.findings().first() {
        return Err(Error::Refused(finding.to_string()));
    }
    let sizes = system.pds.iter().map(|pd| {
        let sizes = Sizes::of(pd, &system, files)
            .map_err(|reason| Error::Refused(format!("{}: {reason}", pd.name)))?;
        Ok((pd.name.to_owned(), sizes))
    });
    sizes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, u64)]) -> Table {
        let sizes = |text| Sizes { text, stack: 4096, ..Sizes::default() };
        rows.iter().map(|(name, text)| ((*name).to_owned(), sizes(*text))).collect()
    }

    fn words(report: &Report, line: &str) -> Vec<String> {
        let text = report.to_string();
        let line = text.lines().find(|other| other.starts_with(line)).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn shows_what_changed_came_and_went() {
        let old = table(&[("net", 100), ("gone", 7)]);
        let before = Some(("abc".to_owned(), Some(old)));
        let report = Report { pds: table(&[("net", 90), ("new", 5)]), before };
        assert!(report.to_string().starts_with("# Sizes (bytes; change since abc)\n"));
        assert_eq!(words(&report, "net"), ["net", "90", "(-10)", "0", "0", "4096", "0", "0", "0"]);
        assert_eq!(words(&report, "new")[..3], ["new", "5", "(+5)"]);
        assert_eq!(words(&report, "gone")[..3], ["gone", "0", "(-7)"]);
        assert_eq!(words(&report, "total")[..3], ["total", "95", "(-12)"]);
    }

    #[test]
    fn says_when_there_is_nothing_to_compare_with() {
        let report = Report { pds: table(&[("net", 1)]), before: Some(("abc".into(), None)) };
        assert!(report.to_string().contains("abc was never built here"));
        let report = Report { pds: table(&[("net", 1)]), before: None };
        assert!(report.to_string().starts_with("# Sizes (bytes)\n"));
    }

    #[test]
    fn revisions_cannot_leave_the_folder() {
        assert!(revision("1a2b-dirty").is_ok() && revision("v0.1.0").is_ok());
        for bad in ["", "..", "a/b", "../x", "a b"] {
            assert!(revision(bad).is_err(), "{bad}");
        }
    }
}
