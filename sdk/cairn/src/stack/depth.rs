//! The deepest chain of calls.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{Call, Callee, Frame, frame, returns};
use super::rules::{Rules, matches};
use crate::code::{Instruction, Program};

/// One instruction that the linker moves out of a function, because a Cortex-A53 stumbles over it in some
/// places (erratum 843419), and a branch back.
const VENEER: &str = "__CortexA53843419_";

/// Chains of calls are no longer; a program of ours has a few dozen.
const CHAIN_MAX: usize = 512;

/// The runtime's static that names a stack in the program's memory instead of the kernel's; zero for
/// none.
const STACK_TOP: &str = "__sel4_microkit_stack_top";

/// The most stack that a program takes, and how.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deepest {
    pub(super) bytes: u64,
    /// The functions on the stack then, the first one first, each with its own share of bytes.
    pub(super) chain: Vec<(String, u64)>,
}

/// Finds it, from the program's entry on.
///
/// # Errors
/// What cannot be told: a frame, a callee, a recursion, each with the function's name.
pub(super) fn deepest(name: &str, program: &Program, rules: &Rules) -> Result<Deepest, String> {
    if program.word_of(STACK_TOP).is_some_and(|top| top != 0) {
        return Err("brings a stack of its own".into());
    }
    let search = Search::new(name, program, rules)?;
    search.check_pointers()?;
    let Some(&start) = search.index.get(&program.entry) else {
        return Err("nothing is known at the entry point".into());
    };
    let mut known = BTreeMap::new();
    let start = (start, rules.bounds(name));
    search.worst(&start, &mut Vec::new(), &mut known)?;
    Ok(search.chain(start, &known))
}

/// A function, and how many frames are left of those that are counted.
type Node = (usize, Vec<u32>);

/// The worst at a function: bytes, and the call that leads there with its depth.
#[derive(Debug, Clone)]
struct Worst {
    bytes: u64,
    through: Option<(Node, u64)>,
}

/// A function in the graph of calls.
#[derive(Debug)]
struct Caller {
    /// The most stack that it takes itself.
    bytes: u64,
    /// Depth and callee of each of its calls.
    calls: Vec<(u64, usize)>,
    /// What counts its frames.
    bound: Option<usize>,
}

struct Search<'p> {
    name: &'p str,
    program: &'p Program,
    rules: &'p Rules,
    /// Functions by address.
    index: BTreeMap<u64, usize>,
    callers: Vec<Caller>,
}

impl<'p> Search<'p> {
    fn new(name: &'p str, program: &'p Program, rules: &'p Rules) -> Result<Self, String> {
        let functions = &program.functions;
        let index: BTreeMap<_, _> = functions.iter().map(|f| f.address).zip(0..).collect();
        let dead_ends: BTreeSet<_> =
            functions.iter().filter(|f| !returns(f)).map(|f| f.address).collect();
        let frames = functions.iter().map(|function| {
            // Where the program starts, the runtime sets the stack up.
            let is_entry = function.address == program.entry;
            frame(function, is_entry, |target| !dead_ends.contains(&target))
                .map_err(|reason| format!("{} {reason}", function.name))
        });
        let frames = frames.collect::<Result<Vec<_>, _>>()?;
        let mut search = Self { name, program, rules, index, callers: Vec::new() };
        let callers = frames.into_iter().enumerate().map(|(at, frame)| search.caller(at, &frame));
        search.callers = callers.collect::<Result<_, _>>()?;
        Ok(search)
    }

    fn function(&self, index: usize) -> &str {
        &self.program.functions[index].name
    }

    /// Functions whose address the program holds, in data or in code, are there to be called: some
    /// line must say by whom.
    fn check_pointers(&self) -> Result<(), String> {
        let mut taken: BTreeSet<_> = self.program.words().collect();
        for function in &self.program.functions {
            let mut registers = [None; 32];
            for (_, instruction) in function.instructions() {
                let (register, value) = match instruction {
                    Instruction::Address { register, value } => (register, Some(value)),
                    // Where a function starts a page, what lies behind it begins so, too.
                    Instruction::Page { register, value } => {
                        registers[register] = Some(value);
                        continue;
                    }
                    Instruction::Add { register, from, value } => {
                        (register, registers[from].map(|base: u64| base.wrapping_add(value)))
                    }
                    Instruction::Sum { register } | Instruction::Logic { register } => {
                        (register, None)
                    }
                    // A call keeps x19 to x29 only (AAPCS64).
                    Instruction::Branch { is_call: true, .. }
                    | Instruction::Indirect { is_call: true, .. } => {
                        registers[..19].fill(None);
                        continue;
                    }
                    _ => continue,
                };
                registers[register] = value;
                taken.extend(value);
            }
        }
        // The runtime holds it to start a program again.
        taken.remove(&self.program.entry);
        let unreached = self.index.iter().filter(|(address, index)| {
            taken.contains(*address) && !self.rules.reaches(self.name, self.function(**index))
        });
        let names: Vec<_> = unreached.map(|(_, index)| self.function(*index)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let names = names.join(", ");
        Err(format!("addresses are taken, and no line says who calls there: {names}"))
    }

    fn caller(&self, at: usize, frame: &Frame) -> Result<Caller, String> {
        let mut calls = BTreeMap::new();
        for call in &frame.calls {
            for callee in self.callees(at, *call)? {
                let depth = calls.entry(callee).or_insert(call.depth);
                *depth = call.depth.max(*depth);
            }
        }
        Ok(Caller {
            bytes: frame.bytes,
            calls: calls.into_iter().map(|(callee, depth)| (depth, callee)).collect(),
            bound: self.rules.bound_of(self.name, self.function(at)),
        })
    }

    /// The functions that a call may reach.
    fn callees(&self, caller: usize, call: Call) -> Result<Vec<usize>, String> {
        let here = self.function(caller);
        match call.callee {
            Callee::Known(address) => match self.index.get(&address) {
                Some(index) => Ok(vec![*index]),
                // Goes back into the function that it was moved out of.
                None if here.starts_with(VENEER) => Ok(Vec::new()),
                None => Err(format!("{here} calls {address:#x}, where no function begins")),
            },
            Callee::Pointer => {
                let names = self.rules.calls(self.name, here).ok_or_else(|| {
                    format!("{here} calls through a pointer, and no line says whom")
                })?;
                let is_named =
                    |index: &usize| names.iter().any(|n| matches(n, self.function(*index)));
                Ok((0..self.program.functions.len()).filter(is_named).collect())
            }
        }
    }

    /// The node that a call of `callee` leads to; `None` if no more frames of it can be there.
    fn enter(&self, callee: usize, left: &[u32]) -> Option<Node> {
        let mut left = left.to_vec();
        if let Some(bound) = self.callers[callee].bound {
            left[bound] = left[bound].checked_sub(1)?;
        }
        Some((callee, left))
    }

    fn worst(
        &self,
        node: &Node,
        chain: &mut Vec<Node>,
        known: &mut BTreeMap<Node, Worst>,
    ) -> Result<u64, String> {
        if let Some(worst) = known.get(node) {
            return Ok(worst.bytes);
        }
        if let Some(first) = chain.iter().position(|other| other == node) {
            let circle = chain[first..].iter().chain([node]);
            let circle: Vec<_> = circle.map(|(index, _)| self.function(*index)).collect();
            return Err(format!("recursion that no line bounds: {}", circle.join(" > ")));
        }
        if chain.len() == CHAIN_MAX {
            return Err(format!("more than {CHAIN_MAX} functions call each other"));
        }
        chain.push(node.clone());
        let caller = &self.callers[node.0];
        let mut worst = Worst { bytes: caller.bytes, through: None };
        for (depth, callee) in &caller.calls {
            let Some(callee) = self.enter(*callee, &node.1) else { continue };
            let bytes = depth.saturating_add(self.worst(&callee, chain, known)?);
            if bytes > worst.bytes {
                worst = Worst { bytes, through: Some((callee, *depth)) };
            }
        }
        chain.pop();
        let bytes = worst.bytes;
        known.insert(node.clone(), worst);
        Ok(bytes)
    }

    fn chain(&self, mut node: Node, known: &BTreeMap<Node, Worst>) -> Deepest {
        let mut chain = Vec::new();
        while let Some(Worst { bytes, through }) = known.get(&node) {
            let name = self.function(node.0).to_owned();
            let Some((callee, depth)) = through else {
                chain.push((name, *bytes));
                break;
            };
            chain.push((name, *depth));
            node = callee.clone();
        }
        Deepest { bytes: chain.iter().map(|(_, bytes)| bytes).sum(), chain }
    }
}
