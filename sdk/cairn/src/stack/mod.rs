//! `cairn stack`: the most stack that each PD of a composed system can take, from the code that runs.
//!
//! It follows the stack pointer through every function and adds up the deepest chain of calls from the
//! program's entry. What the code does not tell, whom a call through a pointer reaches and how deep a
//! recursion goes, stands in a list with reasons. A function whose address a program holds but that no
//! line of the list lets anybody call is refused, so the list cannot be forgotten.

mod depth;
mod frame;
mod rules;

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use crate::code::Program;
use crate::compose::files::Files;
use crate::compose::report::Report as Findings;
use crate::compose::{system, xml};
use crate::{Error, Output};
use rules::Rules;

/// `cairn stack`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The composed system.
    system: PathBuf,
    /// Folder with its programs; may be repeated.
    #[arg(long, value_name = "DIR")]
    search_path: Vec<PathBuf>,
    /// Calls through pointers and recursion: lines `PROGRAM FUNCTION calls NAME... -- REASON` and
    /// `PROGRAM FUNCTION nests N -- REASON`.
    #[arg(long)]
    allow: Option<PathBuf>,
    /// Shows the deepest chain of calls of each PD.
    #[arg(long)]
    chains: bool,
}

/// A function on the stack.
#[derive(Debug, Serialize)]
struct OnStack {
    function: String,
    bytes: u64,
}

/// What is known about a PD's stack.
#[derive(Debug, Serialize)]
struct Use {
    pd: String,
    stack_bytes: u64,
    /// The most that it can take.
    worst_bytes: u64,
    /// The functions on the stack then.
    chain: Vec<OnStack>,
}

#[derive(Debug, Serialize)]
struct Answer {
    pds: Vec<Use>,
    /// Lines of the list that nothing needs any more.
    unneeded: Vec<String>,
    #[serde(skip)]
    shows_chains: bool,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {:>8} {:>8} {:>8}", "stack of", "bytes", "at most", "left")?;
        for pd in &self.pds {
            let left = pd.stack_bytes.saturating_sub(pd.worst_bytes);
            let (name, stack, worst) = (&pd.pd, pd.stack_bytes, pd.worst_bytes);
            write!(f, "\n{name:<12} {stack:>8} {worst:>8} {left:>8}")?;
            for on_stack in pd.chain.iter().filter(|_| self.shows_chains) {
                write!(f, "\n    {:>8} {}", on_stack.bytes, on_stack.function)?;
            }
        }
        for line in &self.unneeded {
            write!(f, "\nno longer needed: {line}")?;
        }
        Ok(())
    }
}

/// Does what the command line says.
///
/// # Errors
/// `Refused` if a stack may overflow or that cannot be told, for a bad list or system; `Io`.
pub fn run(args: &Args, output: &Output) -> Result<(), Error> {
    let rules = match &args.allow {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(Error::io(path))?;
            let refuse = |message| Error::Refused(format!("{}: {message}", path.display()));
            Rules::parse(&text).map_err(refuse)?
        }
        None => Rules::default(),
    };
    let text = fs::read_to_string(&args.system).map_err(Error::io(&args.system))?;
    let root = xml::parse(&args.system.display().to_string(), &text).map_err(Error::Refused)?;
    let mut findings = Findings::default();
    let system = system::System::read(&root, &mut findings);
    if let Some(finding) = findings.findings().first() {
        return Err(Error::Refused(finding.to_string()));
    }
    let files = Files::new(&args.search_path);
    let mut pds = Vec::new();
    let mut refused = Vec::new();
    for pd in &system.pds {
        match deepest(pd, &files, &rules) {
            Ok(deepest) => {
                if deepest.bytes > pd.stack_bytes {
                    let (name, bytes, stack) = (pd.name, deepest.bytes, pd.stack_bytes);
                    refused.push(format!("{name} may take {bytes} bytes of stack and has {stack}"));
                }
                let chain = deepest.chain.into_iter();
                pds.push(Use {
                    pd: pd.name.to_owned(),
                    stack_bytes: pd.stack_bytes,
                    worst_bytes: deepest.bytes,
                    chain: chain.map(|(function, bytes)| OnStack { function, bytes }).collect(),
                });
            }
            Err(reason) => refused.push(format!("{}: {reason}", pd.name)),
        }
    }
    let shows_chains = args.chains;
    output.answer(&Answer { pds, unneeded: rules.unneeded(), shows_chains })?;
    if refused.is_empty() { Ok(()) } else { Err(Error::Refused(refused.join("\n"))) }
}

fn deepest(pd: &system::Pd<'_>, files: &Files, rules: &Rules) -> Result<depth::Deepest, String> {
    let image = pd.element.named("program_image").next();
    let path = image.and_then(|image| image.get("path")).ok_or("names no program")?;
    let bytes = files.read(path).ok_or_else(|| format!("{path} is not on the search path"))?;
    let program =
        Program::parse(&bytes).ok_or_else(|| format!("{path}: no AArch64 program with symbols"))?;
    let name = path.strip_suffix(".elf").unwrap_or(path);
    depth::deepest(name, &program, rules)
}
