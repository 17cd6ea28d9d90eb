//! `cairn panics`: lists the panics that programs still link, and refuses those that a list does not
//! allow.
//!
//! A panic counts where a function calls one of core's panic functions. Panics that are reached only
//! through a function pointer are not seen, nor are traps that the compiler puts in place of code that
//! cannot be reached.

mod allow;
mod arguments;
mod sites;
mod source;

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use crate::chain::replace;
use crate::{Error, Output};
use allow::AllowList;
use sites::Panics;
use source::Place;

/// `cairn panics`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The programs: ELF files for AArch64, with symbols.
    #[arg(required = true)]
    programs: Vec<PathBuf>,
    /// What is allowed: lines `PROGRAM FILE FUNCTION`, and for files of this repository ` -- REASON`.
    /// PROGRAM is `*` for any.
    #[arg(long)]
    allow: Option<PathBuf>,
    /// Takes out of the list what is not linked any more.
    #[arg(long, requires = "allow")]
    shrink: bool,
}

/// A panic that a program links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Panic {
    program: String,
    place: Place,
    /// The panic function that is called there.
    calls: String,
    is_allowed: bool,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, place, calls, is_allowed } = self;
        let mark = if *is_allowed { "" } else { "   NOT ALLOWED" };
        write!(f, "{program:<12} {place} ({calls}){mark}")
    }
}

#[derive(Debug, Serialize)]
struct Report {
    panics: Vec<Panic>,
    /// Lines of the list that nothing needs any more.
    unneeded: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for panic in &self.panics {
            writeln!(f, "{panic}")?;
        }
        for line in &self.unneeded {
            writeln!(f, "no longer linked: {line}")?;
        }
        write!(f, "{} places that can panic", self.panics.len())
    }
}

/// Does what the command line says.
///
/// # Errors
/// `Refused` for a panic that is not allowed, a bad list or a file that is no such program; `Io`.
pub fn run(args: &Args, output: &Output) -> Result<(), Error> {
    let mut list = AllowList::default();
    if let Some(path) = &args.allow {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        let refuse = |message| Error::Refused(format!("{}: {message}", path.display()));
        list = AllowList::parse(&text).map_err(refuse)?;
    }
    let mut panics = Vec::new();
    for path in &args.programs {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let sites = Panics::parse(&bytes).map(|panics| panics.sites());
        let sites = sites.ok_or_else(|| {
            Error::Refused(format!("{}: no AArch64 program with symbols", path.display()))
        })?;
        for site in sites {
            let place = Place::of(&site);
            let is_allowed = args.allow.is_none() || list.allows(&name, &place);
            panics.push(Panic { program: name.to_string(), place, calls: site.calls, is_allowed });
        }
    }
    panics.sort();
    panics.dedup();
    let unneeded = list.unneeded();
    if let (Some(path), true) = (&args.allow, args.shrink) {
        replace(path, list.shrunk().as_bytes(), 0o644)?;
    }
    let refused = panics.iter().filter(|panic| !panic.is_allowed).count();
    output.answer(&Report { panics, unneeded })?;
    if refused > 0 {
        return Err(Error::Refused(format!("{refused} places can panic that may not")));
    }
    Ok(())
}
