//! ELF files and folders for tests.

// Each test program uses a part of this.
#![allow(dead_code, reason = "shared by several test programs")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "test code: a panic is a failed test, and test files are small"
)]

use std::path::{Path, PathBuf};

use microkit::inject::Fault;
use microkit::sdf::SearchPath;
use microkit::tool::{self, Inputs, Output, ToolError};
use model_spec::Config;

/// A PT_LOAD segment to be written.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) vaddr: u64,
    pub(crate) paddr: u64,
    pub(crate) flags: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) memory: u64,
}

pub(crate) const R: u32 = 4;
pub(crate) const W: u32 = 2;
pub(crate) const X: u32 = 1;

/// An ELF file to be written; every field can be made wrong.
#[derive(Clone)]
pub(crate) struct Elf {
    pub(crate) machine: u16,
    pub(crate) kind: u16,
    pub(crate) entry: u64,
    pub(crate) loads: Vec<Load>,
    /// Name, address, size.
    pub(crate) symbols: Vec<(String, u64, u64)>,
    pub(crate) has_symbol_table: bool,
}

/// Address of the symbols in [`program`].
pub(crate) const SYMBOLS: u64 = 0x20_1000;
/// First address of the zeros in [`program`].
pub(crate) const BSS: u64 = 0x20_2100;

/// A program as a protection domain is linked: code, patched constants, data with zeros.
pub(crate) fn program() -> Elf {
    let mut elf = Elf {
        machine: 183,
        kind: 2,
        entry: 0x20_0040,
        loads: vec![
            Load {
                vaddr: 0x20_0000,
                paddr: 0x20_0000,
                flags: R | X,
                bytes: vec![0xc0; 0x100],
                memory: 0x100,
            },
            Load { vaddr: SYMBOLS, paddr: SYMBOLS, flags: R, bytes: vec![1; 0x800], memory: 0x800 },
            Load {
                vaddr: 0x20_2000,
                paddr: 0x20_2000,
                flags: R | W,
                bytes: vec![0xda; 0x100],
                memory: 0x3100,
            },
        ],
        symbols: Vec::new(),
        has_symbol_table: true,
    };
    elf.symbols.push(("microkit_name".to_owned(), SYMBOLS, 64));
    elf.symbols.push(("microkit_passive".to_owned(), SYMBOLS + 64, 1));
    for (index, name) in ["irqs", "notifications", "pps", "ioports"].iter().enumerate() {
        elf.symbols.push((format!("microkit_{name}"), SYMBOLS + 72 + 8 * index as u64, 8));
    }
    elf
}

/// [`program`] with 8-byte symbols of these names behind Microkit's own.
pub(crate) fn program_with(names: &[&str]) -> Elf {
    let mut elf = program();
    for (index, name) in names.iter().enumerate() {
        elf.symbols.push(((*name).to_owned(), SYMBOLS + 0x80 + 8 * index as u64, 8));
    }
    elf
}

/// Something laid out as the model kernel is.
pub(crate) fn kernel() -> Elf {
    Elf {
        entry: 0x6000_0000,
        loads: vec![
            Load {
                vaddr: 0x6000_0000,
                paddr: 0x6000_0000,
                flags: R | X,
                bytes: vec![0x4b; 0x1800],
                memory: 0x1800,
            },
            Load {
                vaddr: 0x6000_2000,
                paddr: 0x6000_2000,
                flags: R | W,
                bytes: vec![0x4c; 0x1000],
                memory: 0x5001,
            },
        ],
        symbols: Vec::new(),
        ..program()
    }
}

impl Elf {
    pub(crate) fn add(mut self, name: &str, address: u64, size: u64) -> Self {
        self.symbols.push((name.to_owned(), address, size));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.symbols.retain(|symbol| symbol.0 != name);
        self
    }

    pub(crate) fn load(mut self, index: usize, change: impl FnOnce(&mut Load)) -> Self {
        change(&mut self.loads[index]);
        self
    }

    /// The file: header, segment headers, contents, symbol table, names, section headers.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let contents_at = 64 + 56 * self.loads.len() as u64;
        let mut contents = Vec::new();
        let mut headers = Vec::new();
        for load in &self.loads {
            headers.extend([1, load.flags].iter().flat_map(|word| word.to_le_bytes()));
            let offset = contents_at + contents.len() as u64;
            let file = load.bytes.len() as u64;
            for word in [offset, load.vaddr, load.paddr, file, load.memory, 0x1000] {
                headers.extend(word.to_le_bytes());
            }
            contents.extend(&load.bytes);
        }
        let mut names = vec![0u8];
        let mut table = vec![0u8; 24];
        for (name, address, size) in &self.symbols {
            table.extend((names.len() as u32).to_le_bytes());
            // A global object in section 1.
            table.extend([0x11, 0, 1, 0]);
            table.extend(address.to_le_bytes());
            table.extend(size.to_le_bytes());
            names.extend(name.bytes().chain([0]));
        }
        let symbols_at = contents_at + contents.len() as u64;
        let names_at = symbols_at + table.len() as u64;
        let sections_at = names_at + names.len() as u64;
        let mut sections = vec![0u8; 64];
        let symbol_table_kind = if self.has_symbol_table { 2 } else { 1 };
        section(&mut sections, symbol_table_kind, symbols_at, table.len() as u64, 2, 24);
        section(&mut sections, 3, names_at, names.len() as u64, 0, 0);
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        file.extend([self.kind, self.machine, 1, 0].iter().flat_map(|half| half.to_le_bytes()));
        file.extend([self.entry, 64, sections_at].iter().flat_map(|word| word.to_le_bytes()));
        let loads = self.loads.len() as u16;
        file.extend([0, 0, 64, 56, loads, 64, 3, 2].iter().flat_map(|half| half.to_le_bytes()));
        for part in [headers, contents, table, names, sections] {
            file.extend(part);
        }
        file
    }
}

fn section(out: &mut Vec<u8>, kind: u32, offset: u64, size: u64, link: u32, entry: u64) {
    out.extend([0, kind].iter().flat_map(|word| word.to_le_bytes()));
    out.extend([0, 0, offset, size].iter().flat_map(|word| word.to_le_bytes()));
    out.extend([link, 1].iter().flat_map(|word| word.to_le_bytes()));
    out.extend([8, entry].iter().flat_map(|word| word.to_le_bytes()));
}

/// A folder with programs and a kernel, and what the tool makes of them.
pub(crate) struct Workshop {
    pub(crate) folder: tempfile::TempDir,
}

impl Workshop {
    /// A folder with a kernel.
    pub(crate) fn new() -> Self {
        let workshop = Self { folder: tempfile::tempdir().unwrap() };
        workshop.add("kernel.elf", &kernel().bytes());
        workshop
    }

    /// Writes a file.
    pub(crate) fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs the tool on a description.
    pub(crate) fn run(&self, system: &str, config: Config) -> Result<Output, ToolError> {
        self.run_with(system, config, Vec::new())
    }

    /// Runs the tool on a description, with faults to inject.
    pub(crate) fn run_with(
        &self,
        system: &str,
        config: Config,
        faults: Vec<Fault>,
    ) -> Result<Output, ToolError> {
        tool::run(&Inputs {
            system: self.add("x.system", system.as_bytes()),
            board: "qemu_virt_aarch64".to_owned(),
            kernel: self.folder.path().join("kernel.elf"),
            search: SearchPath(vec![self.folder.path().to_owned()]),
            config,
            seed: 0,
            faults,
        })
    }

    /// What the tool complains about, without the folder's name.
    pub(crate) fn refusal(&self, system: &str) -> String {
        let folder = format!("{}/", self.folder.path().display());
        match self.run(system, Config::Release) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string().replace(&folder, ""),
        }
    }
}

/// The payload behind the test kernel's three pages, aligned as the kernel has it.
pub(crate) fn payload(output: &Output) -> Vec<u64> {
    let words = output.image[0x3000..].chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.collect()
}

/// All `.system` fixtures in a folder under `tests/fixtures`: name, path, text.
pub(crate) fn fixtures(folder: &str) -> Vec<(String, PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "system"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (name, path, text)
        })
        .collect();
    found.sort();
    found
}

/// The text of the comment `<!-- key: text -->`, if the fixture has one.
pub(crate) fn note<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<!-- {key}: "))?;
    Some(rest.split_once(" -->")?.0)
}

/// The official SDK's folder, if it is there; says so otherwise.
pub(crate) fn official_sdk() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let sdk = home?.join(".cache/cairn/microkit-sdk-2.3.0");
    if sdk.join("bin/microkit").is_file() {
        return Some(sdk);
    }
    println!("skipped: no official SDK in ~/.cache/cairn/microkit-sdk-2.3.0");
    None
}
