//! The calls of panic functions in a program.

use std::collections::BTreeMap;

use object::{Architecture, Object, ObjectSection, ObjectSegment, ObjectSymbol, SymbolKind};

use super::code::{Arguments, Instruction};
use super::source;
use crate::symbolize::Program as DebugInformation;

/// Every panic ends in one of these.
const LAST: [&str; 2] = ["core::panicking::panic_fmt", "rust_begin_unwind"];
/// Longest path of a source file that is believed.
const PATH_BYTES_MAX: u64 = 1024;

/// A call of a panic function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    /// The function that holds the call, inlined ones included.
    pub(super) function: String,
    /// Last part of the panic function's name.
    pub(super) calls: String,
    /// File and line that the panic would name; if the code does not show them, those of the call.
    pub(super) location: Option<(String, u32)>,
}

struct Function {
    name: String,
    address: u64,
    code: Vec<u32>,
}

/// An AArch64 program.
pub(super) struct Program {
    functions: Vec<Function>,
    /// Address and bytes of what is loaded.
    memory: Vec<(u64, Vec<u8>)>,
    debug: Option<DebugInformation>,
}

impl Program {
    /// Reads an ELF file; `None` if it is none for AArch64, or has no symbols.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let elf = object::File::parse(bytes).ok()?;
        if elf.architecture() != Architecture::Aarch64 || !elf.is_little_endian() {
            return None;
        }
        let mut symbols: Vec<_> = elf.symbols().filter(|s| s.kind() == SymbolKind::Text).collect();
        symbols.sort_by_key(ObjectSymbol::address);
        let mut functions = Vec::<Function>::new();
        for symbol in &symbols {
            // Identical functions are folded, and one name is enough. That functions do not overlap
            // bounds the work.
            let end = functions.last().map_or(0, Function::end);
            functions.extend(function(&elf, symbol).filter(|function| function.address >= end));
        }
        let memory = elf.segments();
        let memory = memory.filter_map(|s| Some((s.address(), s.data().ok()?.to_vec()))).collect();
        (!functions.is_empty()).then_some(Self {
            functions,
            memory,
            debug: DebugInformation::read(bytes),
        })
    }

    /// Every call of a panic function by a function that is none.
    pub(super) fn panics(&self) -> Vec<Site> {
        let panics = self.panic_functions();
        let others = self.functions.iter().filter(|f| !panics.contains_key(&f.address));
        others.flat_map(|function| self.sites(function, &panics)).collect()
    }

    /// Addresses and names of core's functions that end in a panic and never return.
    fn panic_functions(&self) -> BTreeMap<u64, &str> {
        let mut callers = BTreeMap::<u64, Vec<&Function>>::new();
        for function in self.functions.iter().filter(|function| never_returns(function)) {
            for target in function.targets() {
                callers.entry(target).or_default().push(function);
            }
        }
        let is_last = |f: &&Function| LAST.iter().any(|name| f.name.ends_with(name));
        let mut next: Vec<_> = self.functions.iter().filter(is_last).collect();
        let mut found = BTreeMap::new();
        while let Some(function) = next.pop() {
            if found.insert(function.address, function.name.as_str()).is_none() {
                next.extend(callers.remove(&function.address).into_iter().flatten());
            }
        }
        found
    }

    fn sites(&self, function: &Function, panics: &BTreeMap<u64, &str>) -> Vec<Site> {
        let mut sites = Vec::new();
        let mut arguments = Arguments::default();
        for (at, instruction) in function.instructions() {
            if let Instruction::Branch { target, .. } = instruction
                && let Some(panic) = panics.get(&target)
            {
                sites.push(Site {
                    function: function.name.clone(),
                    calls: last_part(panic).to_owned(),
                    location: arguments
                        .last_first()
                        .find_map(|address| self.location(address))
                        .or_else(|| self.line(at)),
                });
            }
            arguments.follow(instruction);
        }
        sites
    }

    /// The `core::panic::Location` at `address`: pointer and length of the path, line, column.
    fn location(&self, address: u64) -> Option<(String, u32)> {
        let number = |offset, bytes| {
            let field = self.bytes(address.checked_add(offset)?, bytes)?;
            Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        };
        let (path, length, line) = (number(0, 8)?, number(8, 8)?, number(16, 4)?);
        let path = self.bytes(path, Some(length).filter(|&length| length <= PATH_BYTES_MAX)?)?;
        let path = std::str::from_utf8(path).ok().filter(|path| path.ends_with(".rs"))?;
        Some((path.to_owned(), u32::try_from(line).ok()?))
    }

    /// Where the call at `address` stands, in the innermost function outside the standard library.
    fn line(&self, address: u64) -> Option<(String, u32)> {
        let lines = self.debug.as_ref()?.lines(address);
        lines.into_iter().find(|(path, _)| source::file(path).is_some())
    }

    fn bytes(&self, address: u64, length: u64) -> Option<&[u8]> {
        self.memory.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
        })
    }
}

impl Function {
    /// The instructions with their addresses.
    fn instructions(&self) -> impl Iterator<Item = (u64, Instruction)> {
        (0..).zip(&self.code).map(|(index, word)| {
            let at = self.address.wrapping_add(4 * index);
            (at, Instruction::decode(*word, at))
        })
    }

    fn targets(&self) -> impl Iterator<Item = u64> {
        self.instructions().filter_map(|(_, instruction)| match instruction {
            Instruction::Branch { target, .. } => Some(target),
            _ => None,
        })
    }

    fn end(&self) -> u64 {
        self.address.saturating_add(4 * self.code.len() as u64)
    }
}

/// Is it one of core's cold ends? A program's own loop for ever is not.
fn never_returns(function: &Function) -> bool {
    let is_core = function.name.starts_with("core::") || function.name.starts_with("<core::");
    is_core && !function.instructions().any(|(_, instruction)| instruction == Instruction::Return)
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

/// The last part of a path, without generic arguments.
fn last_part(name: &str) -> &str {
    let name = name.split('<').next().unwrap_or(name).trim_end_matches("::");
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_what_tells() {
        assert_eq!(last_part("core::panicking::panic_fmt"), "panic_fmt");
        assert_eq!(last_part("core::panicking::assert_failed::<u64, u64>"), "assert_failed");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(Program::parse(b"").is_none());
        assert!(Program::parse(&[0x7f; 4096]).is_none());
        let host = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(Program::parse(&host).is_some(), cfg!(target_arch = "aarch64"));
    }
}
