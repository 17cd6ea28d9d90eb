//! Which constants a call gets.

use crate::code::Instruction;

/// Registers that carry arguments.
const ARGUMENTS: usize = 8;

/// Constants in the argument registers, as far as a straight run of code shows them.
#[derive(Debug, Default)]
pub(super) struct Arguments([Option<u64>; ARGUMENTS]);

impl Arguments {
    /// Follows an instruction.
    pub(super) fn follow(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::Address { register, value } | Instruction::Page { register, value } => {
                self.set(register, Some(value));
            }
            Instruction::Add { register, from, value } => {
                let sum = self.0.get(from).copied().flatten().map(|base| base.wrapping_add(value));
                self.set(register, sum);
            }
            // What follows is reached from elsewhere, or after a call that leaves nothing.
            Instruction::Branch { .. } | Instruction::Return => *self = Self::default(),
            _ => {}
        }
    }

    fn set(&mut self, register: usize, value: Option<u64>) {
        if let Some(place) = self.0.get_mut(register) {
            *place = value;
        }
    }

    /// The constants, of the last register first.
    pub(super) fn last_first(&self) -> impl Iterator<Item = u64> {
        self.0.iter().rev().filter_map(|value| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_constants_up_to_a_branch() {
        let mut arguments = Arguments::default();
        arguments.follow(Instruction::Address { register: 2, value: 0x1000 });
        arguments.follow(Instruction::Add { register: 2, from: 2, value: 0x10 });
        arguments.follow(Instruction::Address { register: 0, value: 7 });
        arguments.follow(Instruction::Address { register: 30, value: 9 });
        assert_eq!(arguments.last_first().collect::<Vec<_>>(), [0x1010, 7]);
        arguments.follow(Instruction::Add { register: 0, from: 5, value: 1 });
        assert_eq!(arguments.last_first().collect::<Vec<_>>(), [0x1010]);
        arguments.follow(Instruction::Branch { target: 0, is_call: false });
        assert_eq!(arguments.last_first().count(), 0);
    }
}
