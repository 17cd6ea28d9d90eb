//! Programs: ELF files in, checked loadable segments and patchable symbols out.
//!
//! The bytes may be anything. Reading takes memory in proportion to the file, whatever its fields
//! claim; patching at most [`MEMORY_BYTES_MAX`] more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use model_spec::layout::{KERNEL_BASE, LOADER_BASE};
use object::LittleEndian as LE;
use object::elf::{
    EM_AARCH64, ET_EXEC, FileHeader64, PF_R, PF_W, PF_X, PT_LOAD, ProgramFlags, ProgramHeader64,
    SHT_SYMTAB,
};
use object::read::elf::{FileHeader, ProgramHeader, Sym};

use crate::sdf::Perms;
use crate::sdf::limits::{PAGE, STACK_BYTES_MIN, map_end};

/// Largest file taken for a program; debug information makes files much larger than images.
pub const FILE_BYTES_MAX: u64 = 1 << 28;

/// Most memory that a program's segments may take: as much as lies between kernel and image. It
/// also bounds what a symbol at the end of `.bss` can make the tool spell out.
pub const MEMORY_BYTES_MAX: u64 = LOADER_BASE - KERNEL_BASE;

/// Why an ELF file is not a program for this kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// Not ELF, cut short, or self-contradictory.
    #[error("not a valid ELF file: {0}")]
    Malformed(String),
    /// For another machine.
    #[error("not for AArch64 (machine {0})")]
    Machine(u16),
    /// Not a statically linked executable at fixed addresses.
    #[error("not a statically linked executable (ELF type {0}); link without PIE")]
    NotExecutable(u16),
    /// Nothing to load.
    #[error("no PT_LOAD segment with memory")]
    NoSegments,
    /// A segment claims more file than memory.
    #[error("segment at {vaddr:#x}: {file:#x} bytes in the file, {memory:#x} in memory")]
    FileExceedsMemory {
        /// First address.
        vaddr: u64,
        /// Bytes in the file.
        file: u64,
        /// Bytes in memory.
        memory: u64,
    },
    /// A segment's bytes are not in the file.
    #[error("segment at {vaddr:#x}: its bytes lie outside the file")]
    SegmentOutsideFile {
        /// First address.
        vaddr: u64,
    },
    /// A segment reaches addresses that user programs cannot have.
    #[error("segment at {vaddr:#x}+{size:#x} goes past {limit:#x}")]
    SegmentPastEnd {
        /// First address.
        vaddr: u64,
        /// Bytes in memory.
        size: u64,
        /// First address that may not be used.
        limit: u64,
    },
    /// Segments that take more memory than a program may have.
    #[error("segments take {bytes:#x} bytes of memory; the limit is {MEMORY_BYTES_MAX:#x}")]
    TooLarge {
        /// All segments' memory.
        bytes: u64,
    },
    /// A segment that can be both written and executed.
    #[error("segment at {vaddr:#x} is both writable and executable")]
    WriteAndExecute {
        /// First address.
        vaddr: u64,
    },
    /// A segment that cannot be read; the kernel gives no other right without that one.
    #[error("segment at {vaddr:#x} is not readable")]
    NotReadable {
        /// First address.
        vaddr: u64,
    },
    /// Two segments that would need different rights, or contents, in one page.
    #[error("segments at {low:#x} and {high:#x} share the page at {page:#x}; align them to 4 KiB")]
    SharedPage {
        /// First address of the lower segment.
        low: u64,
        /// First address of the higher segment.
        high: u64,
        /// The page.
        page: u64,
    },
    /// The first instruction is not in an executable segment.
    #[error("entry point {0:#x} is not in an executable segment")]
    EntryOutside(u64),
    /// There is no symbol table.
    #[error("no symbol table; name an unstripped file in path_for_symbols")]
    NoSymbolTable,
    /// A symbol that must be there is not.
    #[error("no symbol '{0}'")]
    NoSymbol(String),
    /// Which of several symbols is meant is unclear.
    #[error("{count} symbols are named '{name}'")]
    AmbiguousSymbol {
        /// The name.
        name: String,
        /// How many bear it.
        count: u32,
    },
    /// A symbol has not the size of what is to be written to it.
    #[error("symbol '{name}' has {size} bytes, needs {needed}")]
    SymbolSize {
        /// The name.
        name: String,
        /// Its size in bytes.
        size: u64,
        /// Bytes to be written.
        needed: u64,
    },
    /// A symbol that lies in no loaded segment.
    #[error("symbol '{name}' at {address:#x} lies in no PT_LOAD segment")]
    SymbolOutside {
        /// The name.
        name: String,
        /// Its address.
        address: u64,
    },
}

impl From<object::Error> for ElfError {
    fn from(error: object::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A PT_LOAD segment. Rights are W^X and include read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// First address.
    pub vaddr: u64,
    /// Physical address that the file gives; only a kernel's means anything.
    pub paddr: u64,
    /// Bytes in memory.
    pub size: u64,
    /// Rights.
    pub perms: Perms,
    /// Contents; the rest of the memory is zero.
    pub bytes: Vec<u8>,
}

impl Segment {
    /// First address of the first page.
    #[must_use]
    pub fn first_page(&self) -> u64 {
        self.vaddr - self.vaddr % PAGE
    }

    /// Address after the last page. Cannot wrap: segments end below the stack.
    #[must_use]
    pub fn pages_end(&self) -> u64 {
        (self.vaddr + self.size).next_multiple_of(PAGE)
    }
}

/// A symbol's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Symbol {
    address: u64,
    size: u64,
    /// How many symbols bear the name.
    count: u32,
}

/// A program: every segment can be mapped as it is, no two share a page, the entry can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// First instruction.
    pub entry: u64,
    /// Segments in ascending order of address.
    pub segments: Vec<Segment>,
    symbols: HashMap<Vec<u8>, Symbol>,
}

impl Program {
    /// Reads a program, with its symbols from another file if `symbols` is given.
    ///
    /// # Errors
    /// If either file is not what its role needs; see [`ElfError`].
    pub fn parse(bytes: &[u8], symbols: Option<&[u8]>) -> Result<Self, ElfError> {
        let header = read_header(bytes)?;
        let segments = read_segments(bytes)?;
        check_segments(&segments)?;
        let entry = header.e_entry.get(LE);
        let runs = |segment: &Segment| {
            segment.perms.execute && (segment.vaddr..segment.vaddr + segment.size).contains(&entry)
        };
        if !segments.iter().any(runs) {
            return Err(ElfError::EntryOutside(entry));
        }
        let symbols = match symbols {
            Some(bytes) => read_symbols(read_header(bytes)?, bytes)?,
            None => read_symbols(header, bytes)?,
        };
        Ok(Self { entry, segments, symbols })
    }

    /// Writes `value` to the 8-byte symbol `name`.
    ///
    /// # Errors
    /// If there is no such symbol, or not exactly one, or it has another size, or it lies in no
    /// segment.
    pub fn set_word(&mut self, name: &str, value: u64) -> Result<(), ElfError> {
        let symbol = self.symbol(name)?;
        if symbol.size != 8 {
            return Err(ElfError::SymbolSize {
                name: name.to_owned(),
                size: symbol.size,
                needed: 8,
            });
        }
        self.set_bytes(name, &value.to_le_bytes())
    }

    /// Writes `value` to the beginning of the symbol `name`, which may be larger.
    ///
    /// # Errors
    /// If there is no such symbol, or not exactly one, or it is smaller, or it lies in no segment.
    pub fn set_bytes(&mut self, name: &str, value: &[u8]) -> Result<(), ElfError> {
        let Symbol { address, size, .. } = self.symbol(name)?;
        let needed = value.len() as u64;
        if size < needed {
            return Err(ElfError::SymbolSize { name: name.to_owned(), size, needed });
        }
        for segment in &mut self.segments {
            let Some(offset) = address.checked_sub(segment.vaddr) else { continue };
            if offset.checked_add(size).is_none_or(|end| end > segment.size) {
                continue;
            }
            let Ok(offset) = usize::try_from(offset) else { continue };
            let end = offset + value.len();
            if segment.bytes.len() < end {
                // The symbol lies in .bss: from here on its zeros are spelled out.
                segment.bytes.resize(end, 0);
            }
            segment.bytes[offset..end].copy_from_slice(value);
            return Ok(());
        }
        Err(ElfError::SymbolOutside { name: name.to_owned(), address })
    }

    /// Address and size of the symbol `name`.
    ///
    /// # Errors
    /// If there is no such symbol, or more than one.
    pub fn find_symbol(&self, name: &str) -> Result<(u64, u64), ElfError> {
        self.symbol(name).map(|symbol| (symbol.address, symbol.size))
    }

    fn symbol(&self, name: &str) -> Result<Symbol, ElfError> {
        match self.symbols.get(name.as_bytes()) {
            None => Err(ElfError::NoSymbol(name.to_owned())),
            Some(&Symbol { count, .. }) if count > 1 => {
                Err(ElfError::AmbiguousSymbol { name: name.to_owned(), count })
            }
            Some(symbol) => Ok(*symbol),
        }
    }
}

fn read_header(bytes: &[u8]) -> Result<&FileHeader64<LE>, ElfError> {
    let header = FileHeader64::<LE>::parse(bytes)?;
    if !header.is_little_endian() {
        return Err(ElfError::Malformed("not little-endian".to_owned()));
    }
    let machine = header.e_machine.get(LE);
    if machine != EM_AARCH64 {
        return Err(ElfError::Machine(machine.0));
    }
    Ok(header)
}

/// The segments of an executable as the file has them; only their contents are known to be there.
pub(crate) fn read_segments(bytes: &[u8]) -> Result<Vec<Segment>, ElfError> {
    let header = read_header(bytes)?;
    let kind = header.e_type.get(LE);
    if kind != ET_EXEC {
        return Err(ElfError::NotExecutable(kind.0));
    }
    let loads = header
        .program_headers(LE, bytes)?
        .iter()
        .filter(|load| load.p_type.get(LE) == PT_LOAD && load.p_memsz.get(LE) > 0);
    let mut segments = Vec::new();
    let mut total = 0;
    for load in loads {
        let segment = read_segment(load, bytes)?;
        // Without overlap in the file the contents cannot exceed the file; checked here because
        // a forged table may name the same bytes 65535 times.
        total += segment.bytes.len();
        if total > bytes.len() {
            return Err(ElfError::Malformed("segments overlap in the file".to_owned()));
        }
        segments.push(segment);
    }
    if segments.is_empty() {
        return Err(ElfError::NoSegments);
    }
    segments.sort_by_key(|segment| segment.vaddr);
    Ok(segments)
}

fn read_segment(load: &ProgramHeader64<LE>, bytes: &[u8]) -> Result<Segment, ElfError> {
    let (vaddr, size) = (load.p_vaddr.get(LE), load.p_memsz.get(LE));
    let file = load.p_filesz.get(LE);
    if file > size {
        return Err(ElfError::FileExceedsMemory { vaddr, file, memory: size });
    }
    let contents =
        load.data(LE, bytes).map_err(|()| ElfError::SegmentOutsideFile { vaddr })?.to_vec();
    let flags = load.p_flags.get(LE).0;
    let has = |flag: ProgramFlags| flags & flag.0 != 0;
    let perms = Perms { read: has(PF_R), write: has(PF_W), execute: has(PF_X) };
    Ok(Segment { vaddr, paddr: load.p_paddr.get(LE), size, perms, bytes: contents })
}

fn check_segments(segments: &[Segment]) -> Result<(), ElfError> {
    let limit = map_end(STACK_BYTES_MIN);
    let mut bytes = 0u64;
    for &Segment { vaddr, size, perms, .. } in segments {
        if vaddr.checked_add(size).is_none_or(|end| end > limit) {
            return Err(ElfError::SegmentPastEnd { vaddr, size, limit });
        }
        // Each is below 2^40 and there are below 2^16 of them.
        bytes += size;
        if bytes > MEMORY_BYTES_MAX {
            return Err(ElfError::TooLarge { bytes });
        }
        if perms.write && perms.execute {
            return Err(ElfError::WriteAndExecute { vaddr });
        }
        if !perms.read {
            return Err(ElfError::NotReadable { vaddr });
        }
    }
    for pair in segments.windows(2) {
        let [low, high] = pair else { continue };
        if high.first_page() < low.pages_end() {
            let page = high.first_page();
            return Err(ElfError::SharedPage { low: low.vaddr, high: high.vaddr, page });
        }
    }
    Ok(())
}

/// Whether an ELF file has a symbol of this name; one without a symbol table has none.
pub(crate) fn has_symbol(bytes: &[u8], name: &str) -> Result<bool, ElfError> {
    match read_symbols(read_header(bytes)?, bytes) {
        Ok(symbols) => Ok(symbols.contains_key(name.as_bytes())),
        Err(ElfError::NoSymbolTable) => Ok(false),
        Err(error) => Err(error),
    }
}

fn read_symbols(
    header: &FileHeader64<LE>,
    bytes: &[u8],
) -> Result<HashMap<Vec<u8>, Symbol>, ElfError> {
    let sections = header.sections(LE, bytes)?;
    let table = sections.symbols(LE, bytes, SHT_SYMTAB)?;
    if table.is_empty() {
        return Err(ElfError::NoSymbolTable);
    }
    let mut symbols = HashMap::new();
    let mut names_bytes = 0;
    for symbol in table.iter() {
        let name = symbol.name(LE, table.strings())?;
        // Names may share their ends, so a forged table could name a long string very often.
        names_bytes += name.len();
        if names_bytes / NAME_SHARING_MAX > bytes.len() {
            return Err(ElfError::Malformed("symbol names are longer than the file".to_owned()));
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            continue;
        }
        match symbols.entry(name.to_vec()) {
            Entry::Occupied(mut entry) => {
                let symbol: &mut Symbol = entry.get_mut();
                symbol.count = symbol.count.saturating_add(1);
            }
            Entry::Vacant(entry) => {
                let (address, size) = (symbol.st_value(LE), symbol.st_size(LE));
                entry.insert(Symbol { address, size, count: 1 });
            }
        }
    }
    Ok(symbols)
}

/// Longest symbol name that is kept; nobody patches a mangled generic.
const NAME_BYTES_MAX: usize = 256;
/// How often, on average, each byte of a file may serve as part of a symbol's name.
const NAME_SHARING_MAX: usize = 16;
