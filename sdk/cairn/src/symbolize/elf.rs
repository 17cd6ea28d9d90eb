//! Functions and source lines of one program.

use std::rc::Rc;

use addr2line::Context;
use gimli::{Dwarf, EndianRcSlice, LittleEndian, SectionId};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

type Reader = EndianRcSlice<LittleEndian>;

/// A program's debug information and symbols.
pub(crate) struct Program {
    lines: Option<Context<Reader>>,
    /// (start, end, name) of each function.
    functions: Vec<(u64, u64, String)>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program {{ {} functions }}", self.functions.len())
    }
}

impl Program {
    /// Reads an ELF file; `None` if it is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let elf = object::File::parse(bytes).ok()?;
        let section = |id: SectionId| -> Result<Reader, gimli::Error> {
            let section = elf.section_by_name(id.name());
            let data = section.and_then(|section| section.data().ok()).unwrap_or_default();
            Ok(EndianRcSlice::new(Rc::from(data), LittleEndian))
        };
        let lines = Dwarf::load(section).ok().and_then(|dwarf| Context::from_dwarf(dwarf).ok());
        let functions = elf
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text)
            .filter_map(|symbol| {
                let end = symbol.address().saturating_add(symbol.size());
                Some((symbol.address(), end, symbol.name().ok()?.to_owned()))
            })
            .collect();
        Some(Self { lines, functions })
    }

    /// `function at file:line` for `address`, the innermost inlined function first; empty if nothing is
    /// known.
    pub(super) fn frames(&self, address: u64) -> Vec<String> {
        let mut found = Vec::new();
        let symbol = self.symbol(address);
        let frames = self.lines.as_ref().map(|lines| lines.find_frames(address).skip_all_loads());
        if let Some(Ok(mut frames)) = frames {
            while let Ok(Some(frame)) = frames.next() {
                // Line tables alone name no outermost function; the symbol table does.
                let function =
                    frame.function.as_ref().and_then(|f| Some(f.demangle().ok()?.into_owned()));
                let Some(function) = function.or(symbol.clone()) else { continue };
                let place = frame.location.and_then(|at| Some((at.file?, at.line?)));
                found.push(match place {
                    Some((file, line)) => format!("{function} at {file}:{line}"),
                    None => function,
                });
            }
        }
        if found.is_empty() { symbol.into_iter().collect() } else { found }
    }

    /// File and line of `address` in the innermost inlined function, then in those around it.
    pub(crate) fn lines(&self, address: u64) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        let frames = self.lines.as_ref().map(|lines| lines.find_frames(address).skip_all_loads());
        if let Some(Ok(mut frames)) = frames {
            while let Ok(Some(frame)) = frames.next() {
                let place = frame.location.and_then(|at| Some((at.file?.to_owned(), at.line?)));
                found.extend(place);
            }
        }
        found
    }

    fn symbol(&self, address: u64) -> Option<String> {
        let within = |(start, end, _): &&(u64, u64, String)| (*start..*end).contains(&address);
        let (_, _, name) = self.functions.iter().find(within)?;
        Some(addr2line::demangle_auto(name.into(), None).into_owned())
    }
}
