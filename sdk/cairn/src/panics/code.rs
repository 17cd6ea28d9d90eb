//! As much of AArch64's instruction set as is needed to see who calls whom with which constant.

/// Registers that carry arguments.
const ARGUMENTS: usize = 8;

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instruction {
    /// `b` or `bl`.
    Branch { target: u64, is_call: bool },
    /// `ret`.
    Return,
    /// A register gets an address.
    Address { register: usize, value: u64 },
    /// A register gets another one plus a constant.
    Add { register: usize, from: usize, value: u64 },
    /// Anything else.
    Other,
}

impl Instruction {
    pub(super) fn decode(word: u32, at: u64) -> Self {
        let field = |low: u32, bits: u32| (word >> low) & ((1 << bits) - 1);
        let register = field(0, 5) as usize;
        if word & 0x7c00_0000 == 0x1400_0000 {
            // 26 bits, signed, in words.
            let words = i64::from((word << 6).cast_signed() >> 6);
            let target = at.wrapping_add_signed(words * 4);
            return Self::Branch { target, is_call: word >> 31 == 1 };
        }
        if word == 0xd65f_03c0 {
            return Self::Return;
        }
        let immediate =
            i64::from(((word << 8).cast_signed() >> 13) << 2 | field(29, 2).cast_signed());
        match word & 0x9f00_0000 {
            0x1000_0000 => Self::Address { register, value: at.wrapping_add_signed(immediate) },
            0x9000_0000 => {
                let page = at & !0xfff;
                Self::Address { register, value: page.wrapping_add_signed(immediate << 12) }
            }
            _ if word & 0xff80_0000 == 0x9100_0000 => {
                let value = u64::from(field(10, 12)) << (12 * field(22, 1));
                Self::Add { register, from: field(5, 5) as usize, value }
            }
            _ => Self::Other,
        }
    }
}

/// Constants in the argument registers, as far as a straight run of code shows them.
#[derive(Debug, Default)]
pub(super) struct Arguments([Option<u64>; ARGUMENTS]);

impl Arguments {
    /// Follows an instruction.
    pub(super) fn follow(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::Address { register, value } => self.set(register, Some(value)),
            Instruction::Add { register, from, value } => {
                let sum = self.0.get(from).copied().flatten().map(|base| base.wrapping_add(value));
                self.set(register, sum);
            }
            // What follows is reached from elsewhere, or after a call that leaves nothing.
            Instruction::Branch { .. } | Instruction::Return => *self = Self::default(),
            Instruction::Other => {}
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

    // What GNU as makes of the instruction in the comment, at 0x20_2ee8.
    const AT: u64 = 0x20_2ee8;

    #[test]
    fn decodes_what_matters() {
        let decode = |word| Instruction::decode(word, AT);
        // bl .+0xc880, b .-16
        assert_eq!(decode(0x9400_3220), Instruction::Branch { target: AT + 0xc880, is_call: true });
        assert_eq!(decode(0x17ff_fffc), Instruction::Branch { target: AT - 16, is_call: false });
        assert_eq!(decode(0xd65f_03c0), Instruction::Return);
        // adr x2, .+5; adr x2, .-4; adrp x1, .+0x1000; adrp x1, .-0x1000
        assert_eq!(decode(0x3000_0022), Instruction::Address { register: 2, value: AT + 5 });
        assert_eq!(decode(0x10ff_ffe2), Instruction::Address { register: 2, value: AT - 4 });
        assert_eq!(decode(0xb000_0001), Instruction::Address { register: 1, value: 0x20_3000 });
        assert_eq!(decode(0xf0ff_ffe1), Instruction::Address { register: 1, value: 0x20_1000 });
        // add x2, x1, #0x288; add x2, x1, #1, lsl #12; sub x2, x1, #1; nop
        assert_eq!(decode(0x910a_2022), Instruction::Add { register: 2, from: 1, value: 0x288 });
        assert_eq!(decode(0x9140_0422), Instruction::Add { register: 2, from: 1, value: 0x1000 });
        assert_eq!(decode(0xd100_0422), Instruction::Other);
        assert_eq!(decode(0xd503_201f), Instruction::Other);
    }

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
