//! `cairn symbolize`: passes a console's text on as it comes and, below each line of a crash record that
//! gives `pc=`, `lr=` or a backtrace, says which functions and source lines those are.
//!
//! Console text and programs may hold anything: what cannot be resolved is passed on as it is.

mod elf;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::compose::{system, xml};
pub(crate) use elf::Program;

/// `cairn symbolize`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The image's folder: the composed system.xml and the programs.
    build: PathBuf,
}

/// The line that begins a crash record: `CRASH <pd> generation <n>: <fault>`.
const RECORD: &str = "CRASH ";
/// What stands before return addresses.
const BACKTRACE: &str = "  backtrace ";
/// Longer lines are console noise; they are passed on unread.
const LINE_BYTES_MAX: usize = 4096;

/// Turns addresses of a system's PDs into names.
#[derive(Debug)]
pub struct Symbolizer {
    /// The program of each PD, read when it first crashes.
    programs: BTreeMap<String, (PathBuf, Option<Program>)>,
    /// The PD of the record that is being read.
    current: Option<String>,
}

impl Symbolizer {
    /// For the image in `build`.
    ///
    /// # Errors
    /// `Io` or `Refused` if there is no readable system.xml.
    pub fn new(build: &Path) -> Result<Self, Error> {
        let path = build.join("system.xml");
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        let root = xml::parse(&path.display().to_string(), &text).map_err(Error::Refused)?;
        let mut programs = BTreeMap::new();
        for pd in system::pd_elements(&root) {
            let image = pd.named("program_image").next().and_then(|image| image.get("path"));
            if let (Some(name), Some(image)) = (pd.get("name"), image) {
                programs.insert(name.to_owned(), (build.join(image), None));
            }
        }
        Ok(Self { programs, current: None })
    }

    /// What there is to say below `line`.
    pub fn annotate(&mut self, line: &str) -> Vec<String> {
        if line.len() > LINE_BYTES_MAX {
            return Vec::new();
        }
        if let Some((_, record)) = line.split_once(RECORD) {
            self.current = record.split_whitespace().next().map(str::to_owned);
        }
        let mut notes = Vec::new();
        if let Some((_, addresses)) = line.split_once(BACKTRACE) {
            for word in addresses.split_whitespace() {
                let address = word.strip_prefix("0x").and_then(|n| u64::from_str_radix(n, 16).ok());
                let Some(address) = address else { break };
                notes.extend(self.resolve("from", address, address.saturating_sub(4)));
            }
        }
        for word in line.split_whitespace() {
            let Some((register, value)) = word.split_once("=0x") else { continue };
            let value = value.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
            let Ok(address) = u64::from_str_radix(value, 16) else { continue };
            match register.to_ascii_lowercase().as_str() {
                "pc" => notes.extend(self.resolve("pc", address, address)),
                // A return address; the call is the instruction before.
                "lr" => notes.extend(self.resolve("lr", address, address.saturating_sub(4))),
                _ => {}
            }
        }
        notes
    }

    fn resolve(&mut self, register: &str, shown: u64, address: u64) -> Vec<String> {
        let Some((path, program)) = self.current.as_ref().and_then(|pd| self.programs.get_mut(pd))
        else {
            return Vec::new();
        };
        if program.is_none() {
            *program = fs::read(path).ok().and_then(|bytes| Program::read(&bytes));
        }
        let frames = program.as_ref().map(|program| program.frames(address)).unwrap_or_default();
        let first = std::iter::once(format!("{register} {shown:#x}"));
        let again = std::iter::repeat("  inlined into".to_owned());
        first.chain(again).zip(frames).map(|(lead, frame)| format!("    {lead}: {frame}")).collect()
    }
}

/// Runs `cairn symbolize` from standard input to standard output, until either has gone.
///
/// # Errors
/// As [`Symbolizer::new`], and `Io` if a stream fails.
pub fn run(args: &Args) -> Result<(), Error> {
    let mut symbolizer = Symbolizer::new(&args.build)?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    loop {
        // What is there, at once: the console may be live, and a line unfinished.
        let text = input.fill_buf().map_err(Error::io("standard input"))?;
        let len = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
        let Some(text) = text.get(..len).filter(|text| !text.is_empty()) else { return Ok(()) };
        let mut written = output.write_all(text);
        if line.len() <= LINE_BYTES_MAX {
            line.extend_from_slice(text);
        }
        if text.ends_with(b"\n") {
            for note in symbolizer.annotate(&String::from_utf8_lossy(&line)) {
                written = written.and_then(|()| writeln!(output, "{note}\r"));
            }
            line.clear();
        }
        match written.and_then(|()| output.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(Error::io("standard output"))?,
        }
        input.consume(len);
    }
}
