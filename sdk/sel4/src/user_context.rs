//! A thread's registers, in the kernel's order.

use crate::Word;

/// General-purpose, stack, status and thread registers of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserContext([Word; Self::LENGTH]);

impl UserContext {
    /// Words in a context.
    pub const LENGTH: usize = 36;

    /// Where each of x0–x30 is found in a context.
    const GPR_INDEX: [u8; 31] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, // x0–x8
        17, 18, 19, 20, 21, 22, 23, // x9–x15
        12, 13, 14, // x16–x18
        24, 25, 26, 27, 28, 29, 30, 31, 32, 33, // x19–x28
        15, 16, // x29, x30
    ];

    /// All registers zero.
    pub const fn new() -> Self {
        Self([0; Self::LENGTH])
    }

    /// From the kernel's order: pc, sp, spsr, x0–x8, x16–x18, x29, x30, x9–x15, x19–x28, `tpidr_el0`,
    /// `tpidrro_el0`.
    pub const fn from_words(words: [Word; Self::LENGTH]) -> Self {
        Self(words)
    }

    /// In the kernel's order.
    pub const fn words(&self) -> &[Word; Self::LENGTH] {
        &self.0
    }

    /// Program counter.
    pub const fn pc(&self) -> Word {
        self.0[0]
    }

    /// Program counter.
    pub const fn pc_mut(&mut self) -> &mut Word {
        &mut self.0[0]
    }

    /// Stack pointer.
    pub const fn sp(&self) -> Word {
        self.0[1]
    }

    /// Stack pointer.
    pub const fn sp_mut(&mut self) -> &mut Word {
        &mut self.0[1]
    }

    /// Saved status register; of a written value the kernel keeps the condition flags only.
    pub const fn spsr(&self) -> Word {
        self.0[2]
    }

    /// Saved status register.
    pub const fn spsr_mut(&mut self) -> &mut Word {
        &mut self.0[2]
    }

    /// Frame pointer, x29.
    pub const fn fp(&self) -> Word {
        self.0[15]
    }

    /// Link register, x30.
    pub const fn lr(&self) -> Word {
        self.0[16]
    }

    /// `TPIDR_EL0`.
    pub const fn tpidr_el0(&self) -> Word {
        self.0[34]
    }

    /// General-purpose register `x<number>`; `None` above 30.
    pub fn gpr(&self, number: usize) -> Option<Word> {
        let index = *Self::GPR_INDEX.get(number)?;
        self.0.get(usize::from(index)).copied()
    }

    /// General-purpose register `x<number>`; `None` above 30.
    pub fn gpr_mut(&mut self, number: usize) -> Option<&mut Word> {
        let index = *Self::GPR_INDEX.get(number)?;
        self.0.get_mut(usize::from(index))
    }
}

impl Default for UserContext {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn register_numbers_cover_the_context_once() {
        let mut seen = [false; UserContext::LENGTH];
        for index in UserContext::GPR_INDEX {
            assert!(!core::mem::replace(&mut seen[usize::from(index)], true));
        }
        let rest: std::vec::Vec<_> = (0..seen.len()).filter(|&index| !seen[index]).collect();
        assert_eq!(rest, [0, 1, 2, 34, 35], "pc, sp, spsr and the two thread registers");
    }

    #[test]
    fn follows_the_kernel_order() {
        let mut words = [0; UserContext::LENGTH];
        for (index, word) in (0..).zip(&mut words) {
            *word = index;
        }
        let mut context = UserContext::from_words(words);
        assert_eq!((context.pc(), context.sp(), context.spsr()), (0, 1, 2));
        assert_eq!(context.gpr(0), Some(3));
        assert_eq!(context.gpr(8), Some(11));
        assert_eq!(context.gpr(9), Some(17));
        assert_eq!(context.gpr(16), Some(12));
        assert_eq!(context.gpr(19), Some(24));
        assert_eq!(context.gpr(28), Some(33));
        assert_eq!(context.gpr(29), Some(context.fp()));
        assert_eq!(context.gpr(30), Some(context.lr()));
        assert_eq!(context.tpidr_el0(), 34);
        assert_eq!(context.gpr(31), None);
        assert_eq!(context.gpr_mut(31), None);
    }
}
