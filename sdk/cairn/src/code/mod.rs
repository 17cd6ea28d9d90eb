//! The machine code of an AArch64 program, function by function.
//!
//! Programs may come from anyone: what cannot be read is left out or refused, and functions that do not
//! overlap bound the work by the file's size.

mod instruction;

use std::collections::BTreeMap;

use object::elf::SHF_ALLOC;
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind};

pub(crate) use instruction::Instruction;

/// A function with a symbol.
pub(crate) struct Function {
    /// Demangled.
    pub(crate) name: String,
    pub(crate) address: u64,
    code: Vec<u32>,
}

impl Function {
    /// The instructions with their addresses.
    pub(crate) fn instructions(&self) -> impl Iterator<Item = (u64, Instruction)> {
        (0..).zip(&self.code).map(|(index, word)| {
            let at = self.address.wrapping_add(4 * index);
            (at, Instruction::decode(*word, at))
        })
    }

    /// Targets of direct branches and calls.
    pub(crate) fn targets(&self) -> impl Iterator<Item = u64> {
        self.instructions().filter_map(|(_, instruction)| match instruction {
            Instruction::Branch { target, .. } => Some(target),
            _ => None,
        })
    }

    /// The address behind its last instruction.
    pub(crate) fn end(&self) -> u64 {
        self.address.saturating_add(4 * self.code.len() as u64)
    }
}

/// A section that is loaded.
struct Section {
    address: u64,
    bytes: Vec<u8>,
}

/// An AArch64 program.
pub(crate) struct Program {
    /// In the order of their addresses; they do not overlap.
    pub(crate) functions: Vec<Function>,
    sections: Vec<Section>,
    /// Addresses of statics, by name.
    statics: BTreeMap<String, u64>,
    /// Where the program starts.
    pub(crate) entry: u64,
}

impl Program {
    /// Reads an ELF file; `None` if it is none for AArch64, or has no symbols.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let elf = object::File::parse(bytes).ok()?;
        if elf.architecture() != Architecture::Aarch64 || !elf.is_little_endian() {
            return None;
        }
        let mut symbols: Vec<_> = elf.symbols().filter(|s| s.kind() == SymbolKind::Text).collect();
        symbols.sort_by_key(ObjectSymbol::address);
        let mut functions = Vec::<Function>::new();
        for symbol in &symbols {
            // Identical functions are folded, and one name is enough.
            let end = functions.last().map_or(0, Function::end);
            functions.extend(function(&elf, symbol).filter(|function| function.address >= end));
        }
        let is_loaded = |section: &object::Section<'_, '_>| match section.flags() {
            SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(SHF_ALLOC),
            _ => false,
        };
        let sections = elf.sections().filter(is_loaded).filter_map(|section| {
            let bytes = section.data().ok()?.to_vec();
            Some(Section { address: section.address(), bytes })
        });
        let sections = sections.collect();
        let statics = elf.symbols().filter(|s| s.kind() == SymbolKind::Data);
        let statics = statics.filter_map(|s| Some((s.name().ok()?.to_owned(), s.address())));
        let statics = statics.collect();
        let entry = elf.entry();
        (!functions.is_empty()).then_some(Self { functions, sections, statics, entry })
    }

    /// `length` bytes of what is loaded at `address`.
    pub(crate) fn bytes(&self, address: u64, length: u64) -> Option<&[u8]> {
        self.sections.iter().find_map(|section| {
            let from = usize::try_from(address.checked_sub(section.address)?).ok()?;
            section.bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
        })
    }

    /// The first word of the static called `name`, as it is loaded.
    pub(crate) fn word_of(&self, name: &str) -> Option<u64> {
        let bytes = self.bytes(*self.statics.get(name)?, 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Every aligned word of what is loaded: data, and code read as data.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        self.sections.iter().flat_map(|section| {
            let skip = usize::from(section.address.wrapping_neg().to_le_bytes()[0] % 8);
            let words = section.bytes.get(skip..).unwrap_or_default().as_chunks().0;
            words.iter().map(|word| u64::from_le_bytes(*word))
        })
    }
}

fn function<'f>(elf: &object::File<'f>, symbol: &object::Symbol<'f, '_>) -> Option<Function> {
    let section = elf.section_by_index(symbol.section_index()?).ok()?;
    let data = section.data().ok()?;
    let from = usize::try_from(symbol.address().checked_sub(section.address())?).ok()?;
    let length = usize::try_from(symbol.size()).ok().filter(|&size| size > 0)?;
    let code = data.get(from..from.checked_add(length)?)?;
    let name = addr2line::demangle_auto(symbol.name().ok()?.into(), None);
    Some(Function {
        name: name.into_owned(),
        address: symbol.address(),
        code: code.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(Program::parse(b"").is_none());
        assert!(Program::parse(&[0x7f; 4096]).is_none());
        let host = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(Program::parse(&host).is_some(), cfg!(target_arch = "aarch64"));
    }
}
