//! As much of AArch64's instruction set as is needed to see who calls whom with which constant, and
//! what becomes of the stack pointer (Arm Architecture Reference Manual, C4.1).

/// The register number that means the stack pointer where an instruction may name it.
const SP: u32 = 31;

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// `b` or `bl`.
    Branch { target: u64, is_call: bool },
    /// A branch that may not be taken: `b.eq`, `cbz`, `tbz` and their like.
    Conditional { target: u64 },
    /// `br` or `blr`: to the address in a register.
    Indirect { register: usize, is_call: bool },
    /// `ret`.
    Return,
    /// `brk` or `udf`: nothing follows.
    Trap,
    /// The stack pointer grows by so many bytes; it shrinks when the stack is taken.
    Stack { by: i64 },
    /// The stack pointer gets a value that the instruction alone does not tell.
    StackFrom,
    /// A register gets the stack pointer less a constant.
    BelowStack { register: usize, by: u64 },
    /// The stack pointer is compared with a register.
    CompareStack { register: usize },
    /// A register gets an address.
    Address { register: usize, value: u64 },
    /// A register gets the start of a page, to which an offset is added next.
    Page { register: usize, value: u64 },
    /// A register gets another one plus a constant.
    Add { register: usize, from: usize, value: u64 },
    /// A register gets the sum of two others.
    Sum { register: usize },
    /// A register gets bits of two others; `mov` is one of these.
    Logic { register: usize },
    /// Anything else.
    Other,
}

impl Instruction {
    /// Of the instruction `word` at the address `at`.
    pub(crate) fn decode(word: u32, at: u64) -> Self {
        branch(word, at)
            .or_else(|| write_back(word))
            .or_else(|| arithmetic(word, at))
            .unwrap_or(Self::Other)
    }
}

fn field(word: u32, low: u32, bits: u32) -> u32 {
    (word >> low) & ((1 << bits) - 1)
}

/// The field as a signed number.
fn signed(word: u32, low: u32, bits: u32) -> i64 {
    i64::from((word << (32 - low - bits)).cast_signed() >> (32 - bits))
}

fn branch(word: u32, at: u64) -> Option<Instruction> {
    let to = |words: i64| at.wrapping_add_signed(words * 4);
    let register = field(word, 5, 5) as usize;
    Some(match word {
        _ if word & 0x7c00_0000 == 0x1400_0000 => {
            Instruction::Branch { target: to(signed(word, 0, 26)), is_call: word >> 31 == 1 }
        }
        // b.cond and bc.cond; cbz and cbnz; tbz and tbnz.
        _ if word & 0xff00_0000 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 => {
            Instruction::Conditional { target: to(signed(word, 5, 19)) }
        }
        _ if word & 0x7e00_0000 == 0x3600_0000 => {
            Instruction::Conditional { target: to(signed(word, 5, 14)) }
        }
        _ if word & 0xffff_fc1f == 0xd61f_0000 => {
            Instruction::Indirect { register, is_call: false }
        }
        _ if word & 0xffff_fc1f == 0xd63f_0000 => Instruction::Indirect { register, is_call: true },
        0xd65f_03c0 => Instruction::Return,
        _ if word & 0xffe0_001f == 0xd420_0000 || word >> 16 == 0 => Instruction::Trap,
        _ => return None,
    })
}

/// Loads and stores that move the stack pointer before or after.
fn write_back(word: u32) -> Option<Instruction> {
    if field(word, 5, 5) != SP {
        return None;
    }
    // A pair of registers, whose offset counts in registers.
    if word & 0x3a80_0000 == 0x2880_0000 {
        let size = field(word, 30, 2);
        let log2 = if field(word, 26, 1) == 1 { 2 + size } else { 2 + (size >> 1) };
        return Some(Instruction::Stack { by: signed(word, 15, 7) << log2 });
    }
    // Vectors, one after the other.
    if word & 0xbe80_0000 == 0x0c80_0000 {
        return Some(Instruction::StackFrom);
    }
    // One register.
    (word & 0x3b20_0400 == 0x3800_0400).then(|| Instruction::Stack { by: signed(word, 12, 9) })
}

fn arithmetic(word: u32, at: u64) -> Option<Instruction> {
    let (register, from) = (field(word, 0, 5), field(word, 5, 5));
    let immediate = signed(word, 5, 19) << 2 | i64::from(field(word, 29, 2));
    let place = register as usize;
    let is_stack = register == SP;
    Some(match word {
        _ if word & 0x9f00_0000 == 0x1000_0000 => {
            Instruction::Address { register: place, value: at.wrapping_add_signed(immediate) }
        }
        _ if word & 0x9f00_0000 == 0x9000_0000 => {
            let page = at & !0xfff;
            let value = page.wrapping_add_signed(immediate << 12);
            Instruction::Page { register: place, value }
        }
        // add and sub of a constant.
        _ if word & 0xbf80_0000 == 0x9100_0000 => {
            let value = u64::from(field(word, 10, 12)) << (12 * field(word, 22, 1));
            let is_sub = field(word, 30, 1) == 1;
            match (is_stack, from == SP) {
                (true, true) if is_sub => Instruction::Stack { by: -value.cast_signed() },
                (true, true) => Instruction::Stack { by: value.cast_signed() },
                (true, false) => Instruction::StackFrom,
                (false, true) if is_sub => Instruction::BelowStack { register: place, by: value },
                (false, false) if is_sub => return None,
                (false, _) => Instruction::Add { register: place, from: from as usize, value },
            }
        }
        _ if word & 0xffe0_ffff == 0xeb20_63ff => {
            Instruction::CompareStack { register: field(word, 16, 5) as usize }
        }
        // add of two registers; add and sub with an extended one, and logic with a constant, are the
        // other instructions that can write the stack pointer.
        _ if word & 0xff20_0000 == 0x8b00_0000 => Instruction::Sum { register: place },
        _ if word & 0x1f00_0000 == 0x0a00_0000 => Instruction::Logic { register: place },
        _ if is_stack && word & 0xbfe0_0000 == 0x8b20_0000 => Instruction::StackFrom,
        _ if is_stack && word & 0x9f80_0000 == 0x9200_0000 && field(word, 29, 2) != 3 => {
            Instruction::StackFrom
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // What GNU as makes of the instruction in the comment, at 0x20_2ee8.
    const AT: u64 = 0x20_2ee8;

    #[test]
    fn decodes_who_calls_whom() {
        let decode = |word| Instruction::decode(word, AT);
        // bl .+0xc880, b .-16
        assert_eq!(decode(0x9400_3220), Instruction::Branch { target: AT + 0xc880, is_call: true });
        assert_eq!(decode(0x17ff_fffc), Instruction::Branch { target: AT - 16, is_call: false });
        // b.ne .-8; cbz x1, .+16; cbnz w2, .-4; tbz x3, #40, .+8; tbnz w4, #3, .-32
        for (word, offset) in [
            (0x54ff_ffc1, -8),
            (0xb400_0081, 16),
            (0x35ff_ffe2, -4),
            (0xb640_0043, 8),
            (0x371f_ff04, -32),
        ] {
            let target = AT.wrapping_add_signed(offset);
            assert_eq!(decode(word), Instruction::Conditional { target }, "{word:#x}");
        }
        // br x8; blr x9; ret; brk #1; udf #0xc11f
        assert_eq!(decode(0xd61f_0100), Instruction::Indirect { register: 8, is_call: false });
        assert_eq!(decode(0xd63f_0120), Instruction::Indirect { register: 9, is_call: true });
        assert_eq!(decode(0xd65f_03c0), Instruction::Return);
        assert_eq!(decode(0xd420_0020), Instruction::Trap);
        assert_eq!(decode(0x0000_c11f), Instruction::Trap);
    }

    #[test]
    fn decodes_addresses() {
        let decode = |word| Instruction::decode(word, AT);
        // adr x2, .+5; adr x2, .-4; adrp x1, .+0x1000; adrp x1, .-0x1000
        assert_eq!(decode(0x3000_0022), Instruction::Address { register: 2, value: AT + 5 });
        assert_eq!(decode(0x10ff_ffe2), Instruction::Address { register: 2, value: AT - 4 });
        assert_eq!(decode(0xb000_0001), Instruction::Page { register: 1, value: 0x20_3000 });
        assert_eq!(decode(0xf0ff_ffe1), Instruction::Page { register: 1, value: 0x20_1000 });
        // add x2, x1, #0x288; add x2, x1, #1, lsl #12; add x11, x11, x12, lsl #2
        assert_eq!(decode(0x910a_2022), Instruction::Add { register: 2, from: 1, value: 0x288 });
        assert_eq!(decode(0x9140_0422), Instruction::Add { register: 2, from: 1, value: 0x1000 });
        assert_eq!(decode(0x8b0c_096b), Instruction::Sum { register: 11 });
        // orr x8, x8, x16, lsl #16; mov w1, w2; tst x1, x2
        assert_eq!(decode(0xaa10_4108), Instruction::Logic { register: 8 });
        assert_eq!(decode(0x2a02_03e1), Instruction::Logic { register: 1 });
        assert_eq!(decode(0xea02_003f), Instruction::Logic { register: 31 });
        // sub x2, x1, #1; nop; add x0, sp, #16; adds x2, x1, #1
        assert_eq!(decode(0xd100_0422), Instruction::Other);
        assert_eq!(decode(0xd503_201f), Instruction::Other);
        assert_eq!(decode(0x9100_43e0), Instruction::Add { register: 0, from: 31, value: 16 });
        assert_eq!(decode(0xb100_0422), Instruction::Other);
    }

    #[test]
    fn decodes_what_becomes_of_the_stack_pointer() {
        let by = |by| Instruction::Stack { by };
        for (word, expected, text) in [
            (0xd101_43ff, by(-0x50), "sub sp, sp, #0x50"),
            (0xd140_17ff, by(-0x5000), "sub sp, sp, #5, lsl #12"),
            (0x9101_43ff, by(0x50), "add sp, sp, #0x50"),
            (0xa9ba_7bfd, by(-96), "stp x29, x30, [sp, #-96]!"),
            (0xa8c6_7bfd, by(96), "ldp x29, x30, [sp], #96"),
            (0x6dbd_23e9, by(-48), "stp d9, d8, [sp, #-48]!"),
            (0xadbf_07e0, by(-32), "stp q0, q1, [sp, #-32]!"),
            (0xf81f_0ffe, by(-16), "str x30, [sp, #-16]!"),
            (0xf841_07fe, by(16), "ldr x30, [sp], #16"),
            (0xfc1f_0fe8, by(-16), "str d8, [sp, #-16]!"),
            (0xa901_7bfd, Instruction::Other, "stp x29, x30, [sp, #16]"),
            (0xf900_0bfe, Instruction::Other, "str x30, [sp, #16]"),
            (0xf81f_0c22, Instruction::Other, "str x2, [x1, #-16]!"),
            (0x4c9f_7fe0, Instruction::StackFrom, "st1 {v0.2d}, [sp], #16"),
            (0x9100_03bf, Instruction::StackFrom, "mov sp, x29"),
            (0xd100_43bf, Instruction::StackFrom, "sub sp, x29, #16"),
            (0xcb29_63ff, Instruction::StackFrom, "sub sp, sp, x9"),
            (0x927a_e53f, Instruction::StackFrom, "and sp, x9, #0xffffffffffffffc0"),
            (0xeb29_63ff, Instruction::CompareStack { register: 9 }, "cmp sp, x9"),
            (
                0xd140_17e9,
                Instruction::BelowStack { register: 9, by: 0x5000 },
                "sub x9, sp, #5, lsl #12",
            ),
            (0xf240_0c3f, Instruction::Other, "tst x1, #0xf"),
        ] {
            assert_eq!(Instruction::decode(word, AT), expected, "{text}");
        }
    }
}
