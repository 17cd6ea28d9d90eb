//! The exception syndrome register, put into words (Arm ARM, `ESR_ELx`).

use core::fmt;

use crate::Word;

/// An exception syndrome: class in bits 26–31, details in bits 0–24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Esr(Word);

/// What an instruction did to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionKind {
    /// The instruction is undefined or not allowed here.
    UndefinedInstruction,
    /// A trapped `wfi` or `wfe`.
    WaitForEvent,
    /// Floating point or SIMD while switched off.
    FpTrapped,
    /// The saved state does not allow execution.
    IllegalState,
    /// A system call.
    SystemCall,
    /// A trapped system-register access.
    SystemRegister,
    /// An instruction fetch failed.
    InstructionAbort(AbortCause),
    /// The program counter is misaligned.
    PcAlignment,
    /// A load or store failed.
    DataAbort {
        /// A store, not a load.
        write: bool,
        /// Why.
        cause: AbortCause,
    },
    /// The stack pointer is misaligned.
    SpAlignment,
    /// A floating-point exception.
    FpException,
    /// An asynchronous bus error.
    SystemError,
    /// A hardware breakpoint, watchpoint or single step.
    DebugEvent,
    /// `brk` with its immediate.
    SoftwareBreakpoint(u16),
    /// An exception class that this decoder does not know.
    Other(u8),
}

/// Why a memory access failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortCause {
    /// Nothing is mapped there.
    Unmapped,
    /// The mapping forbids the access.
    Permission,
    /// The access is misaligned for the memory's type.
    Alignment,
    /// The bus answered with an error.
    External,
    /// Any other status code.
    Other(u8),
}

impl Esr {
    /// Wraps a syndrome; bits above 31 are ignored.
    pub const fn new(bits: Word) -> Self {
        Self(bits & 0xffff_ffff)
    }

    /// The raw syndrome.
    pub const fn bits(self) -> Word {
        self.0
    }

    /// The exception class.
    pub const fn class(self) -> u8 {
        (self.0 >> 26 & 0x3f) as u8
    }

    const fn abort_cause(self) -> AbortCause {
        match (self.0 & 0x3f) as u8 {
            0x00..=0x07 => AbortCause::Unmapped,
            0x0c..=0x0f => AbortCause::Permission,
            0x10..=0x1f => AbortCause::External,
            0x21 => AbortCause::Alignment,
            other => AbortCause::Other(other),
        }
    }

    /// Decodes class and details.
    #[expect(clippy::cast_possible_truncation, reason = "the immediate is the low 16 bits")]
    pub const fn kind(self) -> ExceptionKind {
        match self.class() {
            0x00 => ExceptionKind::UndefinedInstruction,
            0x01 => ExceptionKind::WaitForEvent,
            0x07 => ExceptionKind::FpTrapped,
            0x0e => ExceptionKind::IllegalState,
            0x15 => ExceptionKind::SystemCall,
            0x18 => ExceptionKind::SystemRegister,
            0x20 | 0x21 => ExceptionKind::InstructionAbort(self.abort_cause()),
            0x22 => ExceptionKind::PcAlignment,
            0x24 | 0x25 => {
                ExceptionKind::DataAbort { write: self.0 >> 6 & 1 != 0, cause: self.abort_cause() }
            }
            0x26 => ExceptionKind::SpAlignment,
            0x2c => ExceptionKind::FpException,
            0x2f => ExceptionKind::SystemError,
            0x30..=0x35 => ExceptionKind::DebugEvent,
            0x3c => ExceptionKind::SoftwareBreakpoint(self.0 as u16),
            other => ExceptionKind::Other(other),
        }
    }
}

impl fmt::Display for AbortCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmapped => f.write_str("nothing mapped"),
            Self::Permission => f.write_str("not permitted"),
            Self::Alignment => f.write_str("misaligned"),
            Self::External => f.write_str("bus error"),
            Self::Other(status) => write!(f, "status {status:#x}"),
        }
    }
}

impl fmt::Display for ExceptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndefinedInstruction => f.write_str("undefined instruction"),
            Self::WaitForEvent => f.write_str("trapped wait for event"),
            Self::FpTrapped => f.write_str("floating point is switched off"),
            Self::IllegalState => f.write_str("illegal execution state"),
            Self::SystemCall => f.write_str("system call"),
            Self::SystemRegister => f.write_str("trapped system register access"),
            Self::InstructionAbort(cause) => write!(f, "instruction fetch: {cause}"),
            Self::PcAlignment => f.write_str("misaligned program counter"),
            Self::DataAbort { write: true, cause } => write!(f, "write: {cause}"),
            Self::DataAbort { write: false, cause } => write!(f, "read: {cause}"),
            Self::SpAlignment => f.write_str("misaligned stack pointer"),
            Self::FpException => f.write_str("floating-point exception"),
            Self::SystemError => f.write_str("system error"),
            Self::DebugEvent => f.write_str("hardware debug event"),
            Self::SoftwareBreakpoint(1) => f.write_str("brk 1 (panic or abort)"),
            Self::SoftwareBreakpoint(immediate) => write!(f, "brk {immediate}"),
            Self::Other(class) => write!(f, "exception class {class:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_kind(bits: Word, expected: ExceptionKind) {
        assert_eq!(Esr::new(bits).kind(), expected);
    }

    #[test]
    fn decodes_what_qemu_virt_reports() {
        let unmapped = AbortCause::Unmapped;
        assert_kind(0x93df_8046, ExceptionKind::DataAbort { write: true, cause: unmapped });
        assert_kind(0x93df_8006, ExceptionKind::DataAbort { write: false, cause: unmapped });
        assert_kind(0x8200_0006, ExceptionKind::InstructionAbort(unmapped));
        assert_kind(0x8200_000f, ExceptionKind::InstructionAbort(AbortCause::Permission));
        assert_kind(0xf200_0001, ExceptionKind::SoftwareBreakpoint(1));
        assert_kind(0x0200_0000, ExceptionKind::UndefinedInstruction);
        assert_kind(0x1fe0_0000, ExceptionKind::FpTrapped);
        assert_kind(0x6234_f901, ExceptionKind::SystemRegister);
    }

    #[test]
    fn every_syndrome_has_words() {
        for class in 0..64 {
            for status in 0..64 {
                assert!(!std::format!("{}", Esr::new(class << 26 | status).kind()).is_empty());
            }
        }
    }

    #[test]
    fn ignores_the_upper_half() {
        assert_eq!(Esr::new(0xffff_ffff_0200_0000), Esr::new(0x0200_0000));
    }
}
