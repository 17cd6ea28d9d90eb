//! What is said about a PD that faulted.

use core::fmt;

use sel4::{Fault, UserContext};

/// A fault, with the registers if the kernel gave them.
///
/// Printed as several lines; `cairn symbolize` turns the addresses after `pc`, `lr` into names.
pub struct CrashRecord<'a> {
    /// The PD.
    pub name: &'a str,
    /// Which of its lives.
    pub generation: u64,
    /// What the kernel said, or the child in its name.
    pub fault: Fault,
    /// Its panic message, if its lifecycle page has one.
    pub panic: Option<&'a str>,
    /// Its registers.
    pub registers: Option<UserContext>,
}

impl CrashRecord<'_> {
    /// Calls `line` for each line of the record.
    pub fn lines(&self, mut line: impl FnMut(fmt::Arguments<'_>)) {
        line(format_args!("CRASH {} generation {}: {}", self.name, self.generation, self.fault));
        if let Some(panic) = self.panic {
            line(format_args!("  panic: {panic}"));
        }
        let Some(registers) = &self.registers else {
            line(format_args!("  registers: not available"));
            return;
        };
        line(format_args!(
            "  pc={:#x} lr={:#x} sp={:#x} fp={:#x}",
            registers.pc(),
            registers.lr(),
            registers.sp(),
            registers.fp()
        ));
        for first in (0..30).step_by(4) {
            line(format_args!("  {}", Registers { context: registers, first }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use sel4::MessageInfo;

    fn record(panic: Option<&'static str>, registers: Option<UserContext>) -> Vec<String> {
        let mrs = [0x20_0100, 0, 0, 0x93df_8046];
        let fault = Fault::decode(MessageInfo::new(6, 0, 0, mrs.len()), &mrs);
        let mut lines = Vec::new();
        CrashRecord { name: "net", generation: 3, fault, panic, registers }
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
    fn shows_the_panic_message_and_all_registers() {
        let mut words = [0; UserContext::LENGTH];
        for (index, word) in (0x100_u64..).zip(&mut words) {
            *word = index;
        }
        let lines = record(Some("out of range"), Some(UserContext::from_words(words)));
        assert_eq!(lines[1], "  panic: out of range");
        assert!(lines[2].starts_with("  pc=0x100 lr=0x110 sp=0x101"), "{lines:?}");
        let all = lines.concat();
        assert!((0..=30).all(|index| all.contains(&format!("x{index}="))), "{lines:?}");
        assert!(lines.iter().all(|line| line.len() <= 120), "{lines:?}");
    }
}
