//! How much stack one function takes, and how deep it is at each of its calls.

use crate::code::{Function, Instruction};

/// No stack is larger (Microkit manual, "protection_domain").
const STACK_BYTES_MAX: u64 = 0x100_0000;
/// How far behind the sum that makes an address the jump to it may stand.
const JUMP_WINDOW: usize = 8;

/// Whom a function calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callee {
    /// The function at this address.
    Known(u64),
    /// Whomever a pointer names.
    Pointer,
}

/// A call, or a jump that leaves the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// Bytes of stack in use when it happens.
    pub(super) depth: u64,
    pub(super) callee: Callee,
}

/// What a function does to the stack.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The most that it takes itself, bytes.
    pub(super) bytes: u64,
    pub(super) calls: Vec<Call>,
}

/// Follows every way through a function. `returns` says whether what is called there comes back, and
/// `may_set` whether the function may set the stack pointer, which then counts as none in use.
///
/// # Errors
/// Why the stack it takes cannot be told.
pub(super) fn frame(
    function: &Function,
    may_set: bool,
    returns: impl Fn(u64) -> bool,
) -> Result<Frame, String> {
    let code: Vec<_> = function.instructions().collect();
    let mut ways =
        Ways { function, code: &code, depths: vec![None; code.len()], open: vec![(0, 0)] };
    let mut tables = 0;
    let mut frame = Frame::default();
    loop {
        while let Some((index, depth)) = ways.open.pop() {
            let Some(now) = ways.arrive(index, depth)? else { continue };
            let (_, instruction) = code[index];
            let mut call = |callee| frame.calls.push(Call { depth: now, callee });
            match instruction {
                Instruction::Return | Instruction::Trap => {}
                Instruction::Branch { target, is_call } => {
                    let is_inside = !is_call && ways.go(target, now);
                    if !is_inside {
                        call(Callee::Known(target));
                    }
                    if is_call && returns(target) {
                        ways.open.push((index + 1, now));
                    }
                }
                Instruction::Conditional { target } => {
                    if let Some(depth) = ways.probed(index, target) {
                        ways.open.push((index + 1, depth));
                        continue;
                    }
                    if !ways.go(target, now) {
                        call(Callee::Known(target));
                    }
                    ways.open.push((index + 1, now));
                }
                Instruction::Indirect { register, is_call: false } => {
                    if is_table(&code[..index], register) {
                        tables = tables.max(now);
                    } else {
                        call(Callee::Pointer);
                    }
                }
                Instruction::Indirect { is_call: true, .. } => {
                    call(Callee::Pointer);
                    ways.open.push((index + 1, now));
                }
                Instruction::StackFrom if !may_set => return Err("sets the stack pointer".into()),
                _ => ways.open.push((index + 1, now)),
            }
            frame.bytes = frame.bytes.max(now);
        }
        // What is left is reached through a table of jumps, or not at all.
        let Some(left) = ways.depths.iter().position(Option::is_none) else { return Ok(frame) };
        ways.open.push((left, tables));
    }
}

/// Does a function come back to its caller, or go on in another one that may? If not, what stands
/// behind its call is reached in another way.
pub(super) fn returns(function: &Function) -> bool {
    let within = function.address..function.end();
    function.instructions().any(|(_, instruction)| match instruction {
        Instruction::Return | Instruction::Indirect { is_call: false, .. } => true,
        Instruction::Branch { target, is_call: false } | Instruction::Conditional { target } => {
            !within.contains(&target)
        }
        _ => false,
    })
}

/// Is the address in `register` a sum, as that of a place in a table of jumps? Pointers to functions
/// are loaded.
fn is_table(before: &[(u64, Instruction)], register: usize) -> bool {
    let window = before.iter().rev().take(JUMP_WINDOW);
    window.map(|(_, instruction)| *instruction).any(|i| i == Instruction::Sum { register })
}

/// Instructions that have been seen, and those that are to be.
struct Ways<'f> {
    function: &'f Function,
    code: &'f [(u64, Instruction)],
    /// The most stack in use before each instruction.
    depths: Vec<Option<u64>>,
    open: Vec<(usize, u64)>,
}

impl Ways<'_> {
    /// Comes to an instruction; answers the stack in use after it, `None` if nothing is new.
    fn arrive(&mut self, index: usize, depth: u64) -> Result<Option<u64>, String> {
        let Some(known) = self.depths.get_mut(index) else { return Ok(None) };
        if known.is_some_and(|known| known >= depth) {
            return Ok(None);
        }
        *known = Some(depth);
        let now = match self.code[index].1 {
            // What a table of jumps leads to may be seen with more than there is.
            Instruction::Stack { by } if by > 0 => depth.saturating_sub(by.unsigned_abs()),
            Instruction::Stack { by } => depth.saturating_add(by.unsigned_abs()),
            _ => depth,
        };
        if now > STACK_BYTES_MAX {
            return Err("takes stack in a loop".into());
        }
        Ok(Some(now))
    }

    /// The stack in use behind a loop that takes it page by page and touches each, as the compiler
    /// makes for large frames; `None` if the branch at `index` ends no such loop.
    fn probed(&self, index: usize, target: u64) -> Option<u64> {
        let start = index.checked_sub(3).filter(|start| self.code[*start].0 == target)?;
        let before = start.checked_sub(1)?;
        let code = self.code.get(before..index)?;
        let instructions = code.iter().map(|(_, instruction)| *instruction);
        match instructions.collect::<Vec<_>>()[..] {
            [
                Instruction::BelowStack { register, by },
                Instruction::Stack { .. },
                Instruction::CompareStack { register: compared },
                Instruction::Other,
            ] if register == compared => self.depths[start]?.checked_add(by),
            _ => None,
        }
    }

    /// Goes to an address, if it is in this function.
    fn go(&mut self, target: u64, depth: u64) -> bool {
        let is_inside = (self.function.address..self.function.end()).contains(&target);
        if is_inside {
            let index = (target - self.function.address) / 4;
            self.open.push((usize::try_from(index).unwrap_or(usize::MAX), depth));
        }
        is_inside
    }
}
