//! The calls of panic functions in a program.

use std::collections::BTreeMap;

use super::arguments::Arguments;
use super::source;
use crate::code::{Function, Instruction, Program};
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

/// A program, and what it says about its source.
pub(super) struct Panics {
    program: Program,
    debug: Option<DebugInformation>,
}

impl Panics {
    /// Reads an ELF file; `None` if it is none for AArch64, or has no symbols.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let program = Program::parse(bytes)?;
        Some(Self { program, debug: DebugInformation::read(bytes) })
    }

    /// Every call of a panic function by a function that is none.
    pub(super) fn sites(&self) -> Vec<Site> {
        let panics = self.panic_functions();
        let others = self.program.functions.iter().filter(|f| !panics.contains_key(&f.address));
        others.flat_map(|function| self.calls(function, &panics)).collect()
    }

    /// Addresses and names of core's functions that end in a panic and never return.
    fn panic_functions(&self) -> BTreeMap<u64, &str> {
        let mut callers = BTreeMap::<u64, Vec<&Function>>::new();
        for function in self.program.functions.iter().filter(|function| never_returns(function)) {
            for target in function.targets() {
                callers.entry(target).or_default().push(function);
            }
        }
        let is_last = |f: &&Function| LAST.iter().any(|name| f.name.ends_with(name));
        let mut next: Vec<_> = self.program.functions.iter().filter(is_last).collect();
        let mut found = BTreeMap::new();
        while let Some(function) = next.pop() {
            if found.insert(function.address, function.name.as_str()).is_none() {
                next.extend(callers.remove(&function.address).into_iter().flatten());
            }
        }
        found
    }

    fn calls(&self, function: &Function, panics: &BTreeMap<u64, &str>) -> Vec<Site> {
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
            let field = self.program.bytes(address.checked_add(offset)?, bytes)?;
            Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        };
        let (path, length, line) = (number(0, 8)?, number(8, 8)?, number(16, 4)?);
        let path =
            self.program.bytes(path, Some(length).filter(|&length| length <= PATH_BYTES_MAX)?)?;
        let path = std::str::from_utf8(path).ok().filter(|path| path.ends_with(".rs"))?;
        Some((path.to_owned(), u32::try_from(line).ok()?))
    }

    /// Where the call at `address` stands, in the innermost function outside the standard library.
    fn line(&self, address: u64) -> Option<(String, u32)> {
        let lines = self.debug.as_ref()?.lines(address);
        lines.into_iter().find(|(path, _)| source::file(path).is_some())
    }
}

/// Is it one of core's cold ends? A program's own loop for ever is not.
fn never_returns(function: &Function) -> bool {
    let is_core = function.name.starts_with("core::") || function.name.starts_with("<core::");
    is_core && !function.instructions().any(|(_, instruction)| instruction == Instruction::Return)
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
}
