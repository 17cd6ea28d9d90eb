//! `cairn compose`: joins `system.xml` with a platform and overlays, expands the elements of
//! `docs/system-xml.md`, checks the result, and writes plain SDF for the image tool.
//!
//! It trusts none of its input files. It refuses, with element and line, whatever would make an image
//! that does not do what the file says, and writes nothing then.

pub mod expand;
pub mod files;
mod grammar;
mod lint;
pub mod merge;
pub mod number;
pub mod report;
mod runner;
pub mod system;
pub mod xml;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::output::say;
use crate::{Error, Output};
use expand::{Blob, Identity, Link};
use files::Files;
use merge::Authority;
use report::{Lint, Report};
use xml::Element;

/// Which files make up a system.
#[derive(Debug, Clone, clap::Args)]
pub struct Sources {
    /// The composition.
    #[arg(long, default_value = "system.xml")]
    pub system: PathBuf,
    /// The board's fragment.
    #[arg(long)]
    pub platform: PathBuf,
    /// Fragments of tests and benchmarks, applied in order.
    #[arg(long)]
    pub overlay: Vec<PathBuf>,
    /// Folder with programs and prefills; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub search_path: Vec<PathBuf>,
    /// A lint to leave out, for test systems; may be repeated.
    #[arg(long, value_name = "LINT")]
    pub allow: Vec<Lint>,
    /// Kernel and its version, for <build_info/>.
    #[arg(long, default_value = "unknown")]
    pub kernel: String,
    /// Configuration, for <build_info/>.
    #[arg(long, default_value = "release")]
    pub config: String,
    /// Source revision, for <build_info/>.
    #[arg(long, default_value = "unknown")]
    pub revision: String,
}

/// `cairn compose`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Where to write the composed system; blobs and run.sh go beside it.
    #[arg(short, long)]
    output: PathBuf,
}

/// A system that passed every check.
#[derive(Debug)]
pub struct Composed {
    /// Plain SDF, except for the attributes that only lints read.
    pub root: Element,
    /// The links it was expanded from.
    pub links: Vec<Link>,
    /// Contents of generated regions.
    pub blobs: Vec<Blob>,
    /// PDs that the platform named.
    pub drivers: BTreeSet<String>,
    /// QEMU's command line with placeholders.
    pub qemu: Vec<String>,
    /// Warnings.
    pub report: Report,
    /// RAM without the kernel's own, bytes.
    pub ram_bytes: u64,
}

/// The attributes and the element that only lints read.
const LINT_ATTRIBUTES: [&str; 2] = ["sharers", "writers"];
const LIMITS: &str = "limits";

impl Composed {
    /// The composed file.
    pub fn to_sdf(&self) -> String {
        let mut root = self.root.clone();
        root.take(LIMITS);
        for region in root.children.iter_mut().filter(|child| child.name == "memory_region") {
            for key in LINT_ATTRIBUTES {
                region.unset(key);
            }
        }
        sort_by_kind(&mut root);
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", root.to_text())
    }
}

/// Groups children as a reader expects them; unknown kinds come first (`<domains>` must), order within
/// a kind stays.
fn sort_by_kind(element: &mut Element) {
    const KINDS: [&str; 7] =
        ["memory_region", "program_image", "map", "irq", "setvar", "protection_domain", "channel"];
    element.children.sort_by_key(|child| KINDS.iter().position(|kind| child.name == *kind));
    for pd in element.children.iter_mut().filter(|child| child.name == "protection_domain") {
        sort_by_kind(pd);
    }
}

fn read(path: &Path, root: &str) -> Result<Element, Error> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let element = xml::parse(&path.display().to_string(), &text).map_err(Error::Refused)?;
    if element.name != root {
        let place = &element.place;
        return Err(Error::Refused(format!("{place}: error: {element}: expected <{root}> here")));
    }
    Ok(element)
}

/// Joins, expands and checks.
///
/// # Errors
/// `Io` if a file cannot be read, `Refused` with every finding if the system is not what it should be.
pub fn compose(sources: &Sources) -> Result<Composed, Error> {
    let composed = inspect(sources)?;
    if composed.report.has_errors() { Err(refusal(&composed.report)) } else { Ok(composed) }
}

/// As [`compose`], but a system that only breaks lints comes out, too, with the lints in its report.
///
/// # Errors
/// `Io` if a file cannot be read, `Refused` if the files do not describe a system.
pub fn inspect(sources: &Sources) -> Result<Composed, Error> {
    let mut report = Report::new(&sources.allow);
    let joined = join(sources, &mut report)?;
    let mut root = joined.root;
    system::check_names(&root, &mut report);
    if report.is_meaningless() {
        return Err(refusal(&report));
    }
    let files = Files::new(&sources.search_path);
    let identity = Identity {
        kernel: sources.kernel.clone(),
        config: sources.config.clone(),
        platform: joined.board,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: sources.revision.clone(),
    };
    let expansion = expand::expand(&mut root, &identity, &files, &mut report);
    if report.is_meaningless() {
        return Err(refusal(&report));
    }
    let system = system::System::read(&root, &mut report);
    if report.is_meaningless() {
        return Err(refusal(&report));
    }
    let scene = lint::Scene {
        root: &root,
        system: &system,
        links: &expansion.links,
        drivers: &joined.drivers,
        files: &files,
        stack_top: joined.stack_top,
    };
    lint::run(&scene, &mut report);
    let ram_bytes = scene.ram_bytes();
    if report.is_meaningless() {
        return Err(refusal(&report));
    }
    let (links, blobs) = (expansion.links, expansion.blobs);
    Ok(Composed {
        root,
        links,
        blobs,
        drivers: joined.drivers,
        qemu: joined.qemu,
        report,
        ram_bytes,
    })
}

/// The files as one tree, before expansion.
struct Joined {
    root: Element,
    board: String,
    stack_top: u64,
    drivers: BTreeSet<String>,
    qemu: Vec<String>,
}

fn join(sources: &Sources, report: &mut Report) -> Result<Joined, Error> {
    let mut root = read(&sources.system, "system")?;
    let platform = read(&sources.platform, "platform")?;
    let overlays: Vec<_> =
        sources.overlay.iter().map(|path| read(path, "overlay")).collect::<Result<_, _>>()?;
    for file in [&root, &platform].into_iter().chain(&overlays) {
        grammar::check(file, report);
    }
    if report.is_meaningless() {
        return Err(refusal(report));
    }
    let board = platform.get("name").unwrap_or_default().to_owned();
    let stack_top = platform.get("stack_top").and_then(number::parse).unwrap_or(u64::MAX);
    lint::addresses_outside_platform(std::iter::once(&root).chain(&overlays), report);
    let merged = merge::merge(&mut root, platform, Authority::Platform, report);
    let mut qemu = merged.qemu;
    for overlay in overlays {
        qemu.extend(merge::merge(&mut root, overlay, Authority::Overlay, report).qemu);
    }
    Ok(Joined { root, board, stack_top, drivers: merged.pds, qemu })
}

fn refusal(report: &Report) -> Error {
    let lines: Vec<_> = report.findings().iter().map(ToString::to_string).collect();
    Error::Refused(format!("the system is refused\n{}", lines.join("\n")))
}

/// What `cairn compose` answers.
#[derive(Debug, serde::Serialize)]
struct Summary {
    output: PathBuf,
    pds: usize,
    regions: usize,
    channels: usize,
    ram_bytes: u64,
    warnings: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} PDs, {} regions, {} channels, {} KiB of RAM",
            self.output.display(),
            self.pds,
            self.regions,
            self.channels,
            self.ram_bytes.div_ceil(1024)
        )
    }
}

/// Runs `cairn compose`.
///
/// # Errors
/// As [`compose`], and `Io` if the output cannot be written.
pub fn run(args: &Args, output: &Output) -> Result<(), Error> {
    let composed = compose(&args.sources)?;
    let warnings: Vec<_> = composed.report.findings().iter().map(ToString::to_string).collect();
    for warning in &warnings {
        say(warning);
    }
    let folder = args.output.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    let runner = runner::script(&composed.qemu).map_err(Error::Refused)?;
    let script = folder.join("run.sh");
    files::write_if_changed(&script, runner.as_bytes()).map_err(Error::io(&script))?;
    write(&composed, folder, &args.output)?;
    output.answer(&Summary {
        output: args.output.clone(),
        pds: system::pd_elements(&composed.root).len(),
        regions: composed.root.named("memory_region").count(),
        channels: composed.root.named("channel").count(),
        ram_bytes: composed.ram_bytes,
        warnings,
    })
}

/// Writes the blobs, then the composed file: it is newer than what the last image was made of exactly
/// when it or a blob changed.
fn write(composed: &Composed, folder: &Path, path: &Path) -> Result<(), Error> {
    let mut changed = false;
    for blob in &composed.blobs {
        let path = folder.join(&blob.name);
        changed |= files::write_if_changed(&path, &blob.bytes).map_err(Error::io(&path))?;
    }
    let text = composed.to_sdf();
    let written = if changed {
        files::replace(path, text.as_bytes())
    } else {
        files::write_if_changed(path, text.as_bytes()).map(drop)
    };
    written.map_err(Error::io(path))
}
