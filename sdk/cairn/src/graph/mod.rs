//! `cairn graph`: draws the composed system, so that the picture in the docs is never out of date.
//!
//! It draws what composing found, broken lints included: inversions, circles and maps that break W^X
//! stand out. It changes nothing but the files it is asked to write.

mod dot;
mod layout;
mod model;
mod svg;

use std::fmt;
use std::path::PathBuf;

use crate::compose::files;
use crate::compose::{Composed, Sources, inspect};
use crate::output::print;
use crate::{Error, Output};
use model::Picture;

/// `cairn graph`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Write an SVG drawing.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write Graphviz input; this goes to standard output if no file is asked for.
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
}

/// The system as an SVG drawing.
pub fn to_svg(composed: &Composed) -> String {
    let picture = Picture::of(composed);
    svg::svg(&picture, &layout::layout(&picture))
}

/// The system as Graphviz input.
pub fn to_dot(composed: &Composed) -> String {
    dot::dot(&Picture::of(composed))
}

#[derive(Debug, serde::Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    svg: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dot: Option<PathBuf>,
    findings: Vec<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.svg.iter().chain(&self.dot).map(|path| path.display().to_string());
        f.write_str(&files.collect::<Vec<_>>().join("\n"))
    }
}

/// Runs `cairn graph`.
///
/// # Errors
/// `Refused` if the files do not describe a system (broken lints are drawn instead), `Io`.
pub fn run(args: &Args, output: &Output) -> Result<(), Error> {
    let composed = inspect(&args.sources)?;
    let findings: Vec<_> = composed.report.findings().iter().map(ToString::to_string).collect();
    if let Some(path) = &args.svg {
        files::write_if_changed(path, to_svg(&composed).as_bytes()).map_err(Error::io(path))?;
    }
    if let Some(path) = &args.dot {
        files::write_if_changed(path, to_dot(&composed).as_bytes()).map_err(Error::io(path))?;
    }
    if args.svg.is_none() && args.dot.is_none() {
        return print(&to_dot(&composed));
    }
    output.answer(&Answer { svg: args.svg.clone(), dot: args.dot.clone(), findings })
}
