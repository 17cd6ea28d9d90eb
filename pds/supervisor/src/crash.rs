//! What is said about a PD that faulted.

use core::fmt;

use sel4::{Fault, UserContext};

use crate::backtrace::backtrace;

/// Bytes of the stack that are shown.
const STACK_BYTES: u64 = 256;
/// Bytes of the stack in a line: four words.
const LINE_BYTES: usize = 32;
/// Return addresses in a line.
const FRAMES_PER_LINE: usize = 8;

/// Why a PD is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// What the kernel said, or the child in its name.
    Fault(Fault),
    /// It accessed the page below its stack.
    StackOverflow {
        /// The address.
        address: u64,
    },
    /// It did not answer.
    MissedHeartbeat,
    /// It notified `supervisor` without end.
    Flood,
    /// Its lifecycle page says what cannot be.
    Nonsense,
}

impl Cause {
    /// A fault of a PD whose stack begins at `stack_vaddr`; zero if that is not known.
    #[must_use]
    pub fn of(fault: Fault, stack_vaddr: u64) -> Self {
        /// The page below a stack is not mapped.
        const GUARD_BYTES: u64 = 0x1000;
        match fault.address() {
            Some(address) if (1..=GUARD_BYTES).contains(&stack_vaddr.wrapping_sub(address)) => {
                Self::StackOverflow { address }
            }
            _ => Self::Fault(fault),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::StackOverflow { address } => write!(f, "stack overflow at {address:#x}"),
            Self::MissedHeartbeat => f.write_str("missed heartbeat"),
            Self::Flood => f.write_str("floods its supervisor with notifications"),
            Self::Nonsense => f.write_str("writes nonsense into its lifecycle page"),
        }
    }
}

/// Everything about one crash.
///
/// Printed as several lines; `cairn symbolize` turns the addresses after `pc`, `lr` and `backtrace`
/// into names.
pub struct CrashRecord<'a, W> {
    /// The PD.
    pub name: &'a str,
    /// Which of its lives.
    pub generation: u64,
    /// Why.
    pub cause: Cause,
    /// Its panic message, if its lifecycle page has one.
    pub panic: Option<&'a str>,
    /// Its registers, if the kernel gave them.
    pub registers: Option<UserContext>,
    /// Reads its stack; `None` outside it, or where nobody may look: then registers are not shown
    /// either.
    pub stack: Option<W>,
}

impl<W: Fn(u64) -> Option<u64>> CrashRecord<'_, W> {
    /// Calls `line` for each line of the record.
    pub fn lines(&self, mut line: impl FnMut(fmt::Arguments<'_>)) {
        line(format_args!("CRASH {} generation {}: {}", self.name, self.generation, self.cause));
        if let Some(panic) = self.panic {
            line(format_args!("  panic: {panic}"));
        }
        let Some(registers) = &self.registers else {
            line(format_args!("  registers: not available"));
            return;
        };
        line(format_args!(
            "  pc={:#x} lr={:#x} sp={:#x} fp={:#x} far={}",
            registers.pc(),
            registers.lr(),
            registers.sp(),
            registers.fp(),
            Far(self.cause)
        ));
        let Some(word) = &self.stack else {
            line(format_args!("  keeps secrets: neither registers nor stack are shown"));
            return;
        };
        for first in (0..=30).step_by(4) {
            line(format_args!("  {}", Registers { context: registers, first }));
        }
        for frames in backtrace(registers, word).chunks(FRAMES_PER_LINE) {
            line(format_args!("  backtrace{}", Addresses(frames)));
        }
        let sp = registers.sp() & !7;
        for address in (sp..sp.saturating_add(STACK_BYTES)).step_by(LINE_BYTES) {
            let words = StackWords { address, word };
            if word(address).is_none() {
                break;
            }
            line(format_args!("  {address:#x}:{words}"));
        }
    }
}

/// The address that was accessed, where there is one.
struct Far(Cause);

impl fmt::Display for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match self.0 {
            Cause::Fault(fault) => fault.address(),
            Cause::StackOverflow { address } => Some(address),
            Cause::MissedHeartbeat | Cause::Flood | Cause::Nonsense => None,
        };
        match address {
            Some(address) => write!(f, "{address:#x}"),
            None => f.write_str("none"),
        }
    }
}

/// Up to four general-purpose registers from x`first` on.
struct Registers<'a> {
    context: &'a UserContext,
    first: usize,
}

impl fmt::Display for Registers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in self.first..(self.first + 4).min(31) {
            write!(f, "x{index}={:#x} ", self.context.gpr(index).unwrap_or(0))?;
        }
        Ok(())
    }
}

struct Addresses<'a>(&'a [u64]);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|address| write!(f, " {address:#x}"))
    }
}

struct StackWords<'a, W> {
    address: u64,
    word: &'a W,
}

impl<W: Fn(u64) -> Option<u64>> fmt::Display for StackWords<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offsets = (0..LINE_BYTES as u64).step_by(size_of::<u64>());
        let addresses = offsets.map_while(|offset| self.address.checked_add(offset));
        for value in addresses.map_while(self.word) {
            write!(f, " {value:016x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sel4::MessageInfo;

    const STACK: u64 = 0x2000_0000;

    fn fault(address: u64) -> Fault {
        let mrs = [0x20_0100, address, 0, 0x93df_8046];
        Fault::decode(MessageInfo::new(6, 0, 0, mrs.len()), &mrs)
    }

    fn registers(sp: u64) -> UserContext {
        let mut words = [0; UserContext::LENGTH];
        for (index, word) in (0x100_u64..).zip(&mut words) {
            *word = index;
        }
        let mut registers = UserContext::from_words(words);
        *registers.sp_mut() = sp;
        *registers.gpr_mut(29).unwrap() = sp.wrapping_add(16);
        registers
    }

    fn word(address: u64) -> Option<u64> {
        match address.checked_sub(STACK)? {
            16 => Some(STACK + 48),
            offset if offset < 512 && offset % 8 == 0 => Some(0x20_0000 + offset),
            _ => None,
        }
    }

    fn record(panic: Option<&'static str>, registers: Option<UserContext>) -> Vec<String> {
        let cause = Cause::of(fault(0), STACK);
        let mut lines = Vec::new();
        CrashRecord { name: "net", generation: 3, cause, panic, registers, stack: Some(word) }
            .lines(|line| lines.push(line.to_string()));
        lines
    }

    #[test]
    fn names_pd_life_and_fault() {
        let lines = record(None, None);
        assert!(lines[0].starts_with("CRASH net generation 3: null write to 0x0"), "{lines:?}");
        assert_eq!(lines[1], "  registers: not available");
    }

    #[test]
    fn shows_panic_registers_backtrace_and_stack() {
        let lines = record(Some("out of range"), Some(registers(STACK)));
        assert_eq!(lines[1], "  panic: out of range");
        assert!(lines[2].starts_with("  pc=0x100 lr=0x110 sp=0x20000000"), "{lines:?}");
        assert!(lines[2].ends_with("far=0x0"));
        let all = lines.join("\n");
        assert!((0..=30).all(|index| all.contains(&format!("x{index}="))), "{lines:?}");
        assert!(all.contains("  backtrace 0x200018 0x200038\n"), "{all}");
        assert!(all.contains("  0x200000e0: 00000000002000e0 "), "{all}");
        assert!(!all.contains("0x20000100:"), "{all}");
        assert!(lines.iter().all(|line| line.len() <= 124), "{lines:?}");
        assert!(lines.len() < protocols::serial::RING_SLOTS, "it fits into the log ring");
    }

    #[test]
    fn a_stack_pointer_outside_the_stack_shows_none() {
        let lines = record(None, Some(registers(u64::MAX - 15)));
        assert!(!lines.concat().contains("backtrace"));
        assert!(lines.last().is_some_and(|line| line.contains("x30=")), "{lines:?}");
    }

    #[test]
    fn who_keeps_secrets_shows_where_it_was_and_nothing_else() {
        let mut lines = Vec::new();
        let cause = Cause::Fault(fault(8));
        let registers = Some(registers(STACK));
        let stack = None::<fn(u64) -> Option<u64>>;
        CrashRecord { name: "crypto", generation: 1, cause, panic: None, registers, stack }
            .lines(|line| lines.push(line.to_string()));
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[1].contains("pc=0x100"));
    }

    #[test]
    fn an_access_just_below_the_stack_is_an_overflow() {
        assert_eq!(Cause::of(fault(STACK - 8), STACK).to_string(), "stack overflow at 0x1ffffff8");
        for address in [STACK, STACK - 0x1001, 0, u64::MAX] {
            assert_eq!(Cause::of(fault(address), STACK), Cause::Fault(fault(address)));
        }
        assert_eq!(Cause::of(fault(0), 0), Cause::Fault(fault(0)), "no stack is known");
    }
}
