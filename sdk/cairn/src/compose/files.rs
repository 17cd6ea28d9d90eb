//! Files that a system description names: programs and prefills, found on the search path.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};

use super::expand::space::page_up;

/// The search path.
#[derive(Debug, Clone, Default)]
pub struct Files {
    folders: Vec<PathBuf>,
}

impl Files {
    /// Looks in `folders`, first match wins.
    pub fn new(folders: &[PathBuf]) -> Self {
        Self { folders: folders.to_vec() }
    }

    fn find(&self, path: &str) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join(path)).find(|path| path.is_file())
    }

    /// Length of a file.
    pub fn bytes(&self, path: &str) -> Option<u64> {
        fs::metadata(self.find(path)?).ok().map(|meta| meta.len())
    }

    /// A file's content.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.find(path)?).ok()
    }

    /// Where an ELF program starts.
    pub fn entry_point(&self, path: &str) -> Option<u64> {
        let bytes = self.read(path)?;
        object::File::parse(bytes.as_slice()).ok().map(|elf| elf.entry())
    }

    /// Names of an ELF program's symbols.
    pub fn symbols(&self, path: &str) -> Option<BTreeSet<String>> {
        let bytes = self.read(path)?;
        let elf = object::File::parse(bytes.as_slice()).ok()?;
        Some(elf.symbols().filter_map(|symbol| symbol.name().ok().map(str::to_owned)).collect())
    }

    /// Names of the symbols of an ELF program that the image tool is to set: those that `sel4_microkit::var!`
    /// collects in a section of their own. `None` for a program without that section.
    pub fn setvars(&self, path: &str) -> Option<BTreeSet<String>> {
        let bytes = self.read(path)?;
        let elf = object::File::parse(bytes.as_slice()).ok()?;
        let section = elf.section_by_name(".setvars")?.index();
        let symbols = elf.symbols().filter(|symbol| symbol.section_index() == Some(section));
        Some(symbols.filter_map(|symbol| symbol.name().ok().map(str::to_owned)).collect())
    }

    /// The first byte after an ELF program's segments.
    pub fn program_end(&self, path: &str) -> Option<u64> {
        let bytes = fs::read(self.find(path)?).ok()?;
        let elf = object::File::parse(bytes.as_slice()).ok()?;
        elf.segments().map(|segment| segment.address().saturating_add(segment.size())).max()
    }

    /// RAM that an ELF program's segments take, in whole pages.
    pub fn program_bytes(&self, path: &str) -> Option<u64> {
        let bytes = self.read(path)?;
        let elf = object::File::parse(bytes.as_slice()).ok()?;
        let pages = elf.segments().map(|segment| {
            let first = segment.address() & !0xfff;
            page_up(segment.address().saturating_add(segment.size())).saturating_sub(first)
        });
        Some(pages.fold(0, u64::saturating_add))
    }
}

/// Writes `bytes` to `path` unless it holds them already, so that `make` sees no change. Says whether
/// it wrote.
///
/// # Errors
/// What the operating system says.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> std::io::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    replace(path, bytes)?;
    Ok(true)
}

/// Writes `bytes` to `path`: readers see the old or the new content, never half of it.
///
/// # Errors
/// What the operating system says.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, bytes)?;
    fs::rename(temporary, path)
}
